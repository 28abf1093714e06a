"""How an account's money is paid out, by its own door: `settings.payouts` of the account.

What is set here is the account's balance settings, and the other way round: the record of the balance settings holds
it, the account shows it. An anchor is the first of the days.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec import UNSET

from nostro.balances import settings as balance_settings
from nostro.balances.schedule import Weekday
from nostro.balances.settings import Record as BalanceSettings
from nostro.kernel.errors import invalid
from nostro.kernel.params import convert
from nostro.storage.tx import Tx

from .account_params import PayoutsParams, ScheduleParams
from .countries import COUNTRIES
from .profile import Losses, Payouts, Record, Schedule

AT = "settings[payouts]"
LONGEST = 31
"""Days that an account's money waits at most."""


def shown(settings: BalanceSettings) -> Payouts:
    """The balance settings, as an account shows them."""
    payments = settings.payments
    schedule = payments.payouts.schedule
    weekly, monthly = schedule.weekly_payout_days, schedule.monthly_payout_days
    return Payouts(
        debit_negative_balances=payments.debit_negative_balances,
        schedule=Schedule(
            delay_days=payments.settlement_timing.delay_days,
            interval=schedule.interval,
            monthly_anchor=monthly[0] if monthly else UNSET,
            monthly_payout_days=monthly,
            weekly_anchor=weekly[0] if weekly else UNSET,
            weekly_payout_days=weekly,
        ),
        statement_descriptor=payments.payouts.statement_descriptor,
    )


def with_payouts(account: Record, settings: BalanceSettings) -> Record:
    now = shown(settings)
    if account.settings.payouts == now:
        return account
    return msgspec.structs.replace(account, settings=msgspec.structs.replace(account.settings, payouts=now))


async def begin(tx: Tx, account: Record) -> None:
    """A new account waits as long as its country's rule says."""
    settings = await balance_settings.settings_of(tx)
    days = shortest(account)
    if days != settings.payments.settlement_timing.delay_days:
        timing = msgspec.structs.replace(settings.payments.settlement_timing, delay_days=days)
        payments = msgspec.structs.replace(settings.payments, settlement_timing=timing)
        tx.save(msgspec.structs.replace(settings, payments=payments, shortest=days))


def shortest(account: Record) -> int:
    return COUNTRIES[account.country].delay


async def change(tx: Tx, account: Record, given: PayoutsParams) -> None:
    """Write what was given of an account's payouts into its balance settings."""
    form: dict[str, Any] = {}
    if given.debit_negative_balances is not UNSET:
        _check_liable(account, f"{AT}[debit_negative_balances]")
        form["debit_negative_balances"] = given.debit_negative_balances
    payouts: dict[str, Any] = {}
    if given.statement_descriptor is not UNSET:
        payouts["statement_descriptor"] = given.statement_descriptor
    if given.schedule is not UNSET:
        if given.schedule.delay_days is not UNSET:
            form["settlement_timing"] = {"delay_days_override": _delay(account, given.schedule.delay_days)}
        if schedule := _schedule(given.schedule):
            payouts["schedule"] = schedule
    if payouts:
        form["payouts"] = payouts
    if form:
        await balance_settings.update(tx, convert({"payments": form}, balance_settings.UpdateParams, AT))


def _check_liable(account: Record, param: str) -> None:
    if account.controller.losses == Losses(payments="stripe"):
        raise invalid("Only the platform that is liable for an account's losses can set this.", param)


def _delay(account: Record, days: int | str) -> int | None:
    """None for the country's minimum."""
    if days == "minimum":
        return None
    assert isinstance(days, int)
    param, least = f"{AT}[schedule][delay_days]", shortest(account)
    if not least <= days <= LONGEST:
        raise invalid(f"The delay must be from {least} days, the least in {account.country}, to {LONGEST}.", param)
    if days != least:
        _check_liable(account, param)
    return days


def _schedule(given: ScheduleParams) -> dict[str, Any]:
    """The schedule's part of the balance settings; an anchor stands for its one day."""
    form: dict[str, Any] = {}
    if given.interval is not UNSET:
        form["interval"] = given.interval
    if given.weekly_anchor is not UNSET:
        if given.weekly_anchor not in get_args(Weekday):
            raise invalid(f"Banks move no money on {given.weekly_anchor}s: choose a day from monday to friday.",
                          f"{AT}[schedule][weekly_anchor]")  # fmt: skip
        form["weekly_payout_days"] = [given.weekly_anchor]
    if given.monthly_anchor is not UNSET:
        form["monthly_payout_days"] = [given.monthly_anchor]
    for name in ("weekly_payout_days", "monthly_payout_days"):
        if (days := getattr(given, name)) is not UNSET:
            form[name] = days
    return form
