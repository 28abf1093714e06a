"""What a connected account owes: found, covered by its platform's reserve, and given up after half a year.

An account owes when what it has, pending and available together, is below zero: a refund or a dispute took more than
there was. Nothing is written when it earns again, for its balance is one sum: the next payments pay the debt. Where
its platform bears the losses (`controller.losses.payments`), as much of the platform's available balance stands in
`connect_reserved` until then, even if that becomes less than nothing: a platform cannot pay out what it answers for.
An account whose settings say `debit_negative_balances` is asked for the money through its bank.

What is still owed after 180 days is not coming: the reserve goes to the account, or, where the platform is not
liable, the loss is ours.
"""

from __future__ import annotations

from nostro.balances import balance, balance_transaction
from nostro.balances.balance_transaction import COVER_JOB, Line, Type
from nostro.balances.settings import settings_of
from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.kernel.posting import Posting, transfer
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import standing
from .profile import Losses
from .scope import platform_of

COLLECT_JOB = "connect.collect"
DEBIT_JOB = "payout.debit"
"""Of the room above: takes what is owed from the account's bank."""
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


async def cover_job(tx: Tx, currency: str) -> None:
    """Job `connect.cover`, in the account's scope: reserve what is owed now, and look again each day while it is."""
    owed, platform = await _owed(tx, currency), await platform_of(tx)
    await _reserve(tx, platform, currency, owed if await _platform_is_liable(tx) else 0)
    if not owed:
        tx.unschedule(COLLECT_JOB, currency)
        return
    tx.schedule(COVER_JOB, currency, midnight(utc_date(tx.now)) + DAY + DAILY)
    tx.schedule(COLLECT_JOB, currency, tx.now + PATIENCE, once=True)
    if await _may_debit(tx):
        tx.schedule(DEBIT_JOB, currency, tx.now)


async def collect_job(tx: Tx, currency: str) -> None:
    """Job `connect.collect`, in the account's scope: it was waited for long enough."""
    owed, platform = await _owed(tx, currency), await platform_of(tx)
    if not owed:
        return
    if not await _platform_is_liable(tx):
        line = _line(tx, "adjustment", owed, currency, "Negative balance written off", category="other_adjustment")
        tx.post("connect.write_off", line, write_off(tx.merchant, owed, currency))
        return
    await _reserve(tx, platform, currency, 0)
    kind: Type = "connect_collection_transfer"
    paid = _line(platform, kind, -owed, currency, f"Negative balance of {tx.merchant}")
    _line(tx, kind, owed, currency, "Negative balance paid by the platform", booked=paid)
    platform.post("connect.collect", paid, collect(platform.merchant, tx.merchant, owed, currency))


async def _owed(tx: Tx, currency: str) -> int:
    available, pending = await balance.amounts(tx)
    return max(0, -available.get(currency, 0) - pending.get(currency, 0))


async def _platform_is_liable(tx: Tx) -> bool:
    account = await standing.own(tx)
    return account is not None and account.controller.losses == Losses(payments="application")


async def _may_debit(tx: Tx) -> bool:
    account = await standing.own(tx)
    if account is not None and account.settings.payouts.debit_negative_balances:
        return True
    return (await settings_of(tx)).payments.debit_negative_balances


async def _reserve(tx: Tx, platform: Tx, currency: str, amount: int) -> None:
    """Have `amount` reserved for this account, no more and no less."""
    more = amount + await tx.balance(chart.connect_reserved(platform.merchant, tx.merchant), currency)
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
