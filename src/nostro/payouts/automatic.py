"""Automatic payouts: what became available is paid out on the days of the merchant's schedule.

Each payout names the lines of the statement that it carries away: it takes every line that is available and that no
automatic payout has taken yet, and its amount is their sum. So manual payouts, refunds, and payouts that came back
are in the next one. A sum that is not above zero is carried.

What has to stay (a minimum balance, and decimals that banks do not carry) is written as two lines that move nothing:
a hold, which belongs to the payout and makes its sum right, and its release, which belongs to the next.

Of a connected account with `debit_negative_balances` a sum below zero is taken from its bank, by a payout with a
negative amount that carries the same lines.
"""

from __future__ import annotations

from datetime import date

import msgspec

from nostro.balances import balance, balance_transaction
from nostro.balances.balance_transaction import BALANCE_TRANSACTION, Line
from nostro.balances.calendar import ONE
from nostro.balances.day import begins
from nostro.balances.schedule import is_payout_day
from nostro.balances.settings import DAY_JOB, settings_of
from nostro.connect.external_account import default_account
from nostro.connect.originating_account import file_format, largest_payment, originating
from nostro.connect.standing import may_pay_out
from nostro.storage.tx import Tx

from . import payout

JOB = "payout.automatic"
# Lines in one payout, so that its unit fits in memory; what is left is paid out at the same moment by another.
MOST_LINES = 20_000


async def day_job(tx: Tx, day: str) -> None:
    """Job `payout.day`: a day of the merchant's begins (`2026-11-23`); each currency whose payout is due is paid out.
    Then tomorrow."""
    settings = await settings_of(tx)
    payments = settings.payments
    schedule = payments.payouts.schedule
    if schedule.interval == "manual":
        return
    today = date.fromisoformat(day)
    tomorrow = today + ONE
    tx.schedule(DAY_JOB, tomorrow.isoformat(), begins(tomorrow, settings.start_of_day))
    available, _ = await balance.amounts(tx)
    for currency, amount in available.items():
        if (amount > 0 or payments.debit_negative_balances) and is_payout_day(schedule, currency, today):
            tx.schedule(JOB, currency, tx.now)


async def pay_job(tx: Tx, currency: str) -> None:
    """Job `payout.automatic`: pay out what is available in `currency`, if there is a bank account that takes it."""
    payments = (await settings_of(tx)).payments
    settings = payments.payouts
    if settings.schedule.interval == "manual" or not await may_pay_out(tx):
        return
    found = await tx.all(BALANCE_TRANSACTION, {"unpaid": currency}, MOST_LINES, newest_first=False)
    lines = [line for line in found if line.available_on <= tx.now]
    total = sum(line.net for line in lines)
    if total < 0 and payments.debit_negative_balances:
        await _make_up(tx, lines, -total, currency)
        return
    account = await default_account(tx, currency)
    if account is None or account.status == "errored":
        return
    through = None if account.card else await originating(tx, currency)
    most = (through and largest_payment(through)) or payout.LARGEST_PAYOUT
    amount = _payable(total, currency, (settings.minimum_balance_by_currency or {}).get(currency, 0), most)
    if amount <= 0:
        return
    made = payout.start(
        tx, through, amount=amount, currency=currency, destination=account.id, automatic=True,
        reconciliation_status="completed", statement_descriptor=settings.statement_descriptor, type=account.type,
    )  # fmt: skip
    tx.emit("payout.reconciliation_completed", made)
    for line in lines:
        tx.save(msgspec.structs.replace(line, payout=made.id, unpaid=None))
    _keep(tx, made, total - amount)
    if len(found) == MOST_LINES:
        tx.schedule(JOB, currency, tx.now)


async def _make_up(tx: Tx, lines: list[balance_transaction.Record], amount: int, currency: str) -> None:
    """The account's bank is debited for what its balance owes."""
    account = await default_account(tx, currency)
    if account is None or account.status == "errored" or account.card is not None:
        return
    through = await originating(tx, currency)
    if through is not None and file_format(through, debit=True) is None:
        return
    made = await payout.take_back(
        tx, through, amount=amount, currency=currency, livemode=tx.scope.livemode,
        destination=account.id, automatic=True, reconciliation_status="completed",
    )  # fmt: skip
    tx.emit("payout.reconciliation_completed", made)
    for line in lines:
        tx.save(msgspec.structs.replace(line, payout=made.id, unpaid=None))


def _payable(total: int, currency: str, minimum: int, most: int) -> int:
    """How much of `total` goes out; less than one is nothing."""
    amount = min(total - minimum, most)
    return amount - amount % 100 if currency in payout.WHOLE_UNITS else amount


def _keep(tx: Tx, made: payout.Record, amount: int) -> None:
    """The hold and its release. They cancel out, so there is no entry."""
    if not amount:
        return
    line = Line(
        type="payout_minimum_balance_release", amount=amount, currency=made.currency, source=made.id,
        available_on=tx.now,
    )  # fmt: skip
    balance_transaction.write(tx, line)
    hold = msgspec.structs.replace(
        line, type="payout_minimum_balance_hold", amount=-amount, payout=made.id, final=True
    )  # fmt: skip
    balance_transaction.write(tx, hold)
