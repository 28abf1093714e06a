"""What a connected account owes: found, covered by its platform's reserve, and given up after half a year.

An account owes when what it has, pending and available together, is below zero: a refund or a dispute took more than
there was. Nothing is written when it earns again, for its balance is one sum: the next payments pay the debt. Where
its platform bears the losses (`controller.losses.payments`), as much of the platform's available balance stands in
`connect_reserved` until then, even if that becomes less than nothing: a platform cannot pay out what it answers for.
An account whose settings say `debit_negative_balances` is asked for the money through its bank, on the days of its
payout schedule.

What is still owed after 180 days is not coming: the reserve goes to the account, or, where the platform is not
liable, the loss is ours.
"""

from __future__ import annotations

import msgspec

from nostro.balances import balance, balance_transaction
from nostro.balances.balance_transaction import COVER_JOB, Line, Type
from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.kernel.posting import Posting, transfer
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import standing
from .profile import Debt, Losses
from .scope import platform_of

PATIENCE = 180 * DAY
# After what becomes available at midnight.
DAILY = 60


def hold_back(platform: str, account: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """What the account owes more than before stands reserved; a negative amount is free again."""
    return transfer(chart.available(platform), chart.connect_reserved(platform, account), amount, currency)


def collect(platform: str, account: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """The platform pays what its account will not."""
    return transfer(chart.available(platform), chart.available(account), amount, currency)


def write_off(account: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """Nobody pays what the account owes: it is our loss."""
    return transfer(chart.LOSSES, chart.available(account), amount, currency)


async def cover_job(tx: Tx, ref: str) -> None:
    """Job `connect.cover`, in the account's scope, after each line that takes from it and each day while it owes:
    `ref` is the currency (`currency:line` if an earlier release put it on). A look while what is owed changes runs
    again.
    """
    currency = ref.partition(":")[0]
    account, platform = await standing.own(tx), await platform_of(tx)
    await tx.pinned_balance(chart.available(tx.merchant), currency)
    available, pending = await balance.amounts(tx)
    owed = max(0, -available.get(currency, 0) - pending.get(currency, 0)) if account is not None else 0
    debt = account.debts.get(currency) if account is not None else None
    since = debt.since if debt is not None else tx.now
    over = tx.now >= since + PATIENCE
    liable = account is not None and account.controller.losses == Losses(payments="application")
    reserved = owed if liable and not over else 0
    held = -await tx.balance(chart.connect_reserved(platform.merchant, tx.merchant), currency)
    _reserve(tx, platform, currency, reserved - held)
    if owed and over:
        _give_up(tx, platform, currency, owed, liable)
    if account is None:
        return
    due = Debt(since=since, reserved=reserved) if owed and not over else None
    if due != debt or reserved != held:
        kept = {unit: one for unit, one in (account.debts | {currency: due}).items() if one is not None}
        tx.save(msgspec.structs.replace(account, debts=kept))
    if due is not None:
        tx.schedule(COVER_JOB, currency, midnight(utc_date(tx.now)) + DAY + DAILY)


def _give_up(tx: Tx, platform: Tx, currency: str, owed: int, liable: bool) -> None:
    """It was waited for long enough."""
    if not liable:
        line = _line(tx, "adjustment", owed, currency, "Negative balance written off", category="other_adjustment")
        tx.post("connect.write_off", line, write_off(tx.merchant, owed, currency))
        return
    kind: Type = "connect_collection_transfer"
    paid = _line(platform, kind, -owed, currency, f"Negative balance of {tx.merchant}")
    _line(tx, kind, owed, currency, "Negative balance paid by the platform", booked=paid)
    platform.post("connect.collect", paid, collect(platform.merchant, tx.merchant, owed, currency))


def _reserve(tx: Tx, platform: Tx, currency: str, more: int) -> None:
    if more:
        line = _line(platform, "reserved_funds", -more, currency, f"Reserved for {tx.merchant}")
        platform.post("connect.reserve", line, hold_back(platform.merchant, tx.merchant, more, currency))


def _line(
    tx: Tx, type: Type, amount: int, currency: str, why: str, *, booked: str | None = None, category: str | None = None
) -> str:
    return balance_transaction.write(
        tx,
        Line(type=type, amount=amount, currency=currency, source=None, available_on=tx.now, description=why,
             booked=booked, reporting_category=category),
    ).id  # fmt: skip
