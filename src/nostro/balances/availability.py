"""When money becomes available: two business days of the currency's banks after the payment, or as many as the
merchant's settings say, where the merchant's day begins (midnight UTC unless they say otherwise).

Pending money stands in one account for each day on which it becomes available. A job at that moment moves the
whole balance of the day's account to `available` in one entry. What the networks owe is settled for all merchants of a
book together, by a job of the platform's: two that read the same balance would settle it twice.
"""

from __future__ import annotations

from nostro.kernel.posting import Posting, transfer
from nostro.ledger import chart
from nostro.storage.scope import recall_scope
from nostro.storage.tx import Tx

from . import balance
from .calendar import add_business_days
from .day import StartOfDay, begins, day_name, day_of

BUSINESS_DAYS = 2
SETTLE = "network.settle"


def available_on(now: int, currency: str, days: int = BUSINESS_DAYS, start: StartOfDay | None = None) -> int:
    """Seconds since 1970 at which a payment taken `now` becomes available."""
    return begins(add_business_days(currency, day_of(now, start), days), start)


def waiting_account(merchant: str, available_on: int, now: int) -> str:
    """Where a payment's money stands: in its day's pending account, or already available."""
    if available_on <= now:
        return chart.available(merchant)
    return chart.pending(merchant, day_name(available_on))


def expect(tx: Tx, currency: str, available_on: int) -> None:
    """Schedule the release of the day's money; one job a day and currency, however many payments."""
    if available_on > tx.now:
        tx.schedule("balance.release", f"{currency}:{available_on}", available_on)


def release(merchant: str, day: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """The day has come: pending becomes available."""
    return transfer(chart.pending(merchant, day), chart.available(merchant), amount, currency)


def settle(rail: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """The network pays what it owes into the platform's bank account."""
    return transfer(chart.CASH, chart.receivable(rail), amount, currency)


async def release_job(tx: Tx, ref: str) -> None:
    """Job `balance.release`: `ref` is `currency:available_on`."""
    currency, at = ref.split(":")
    day = day_name(int(at))
    owed = -await tx.pinned_balance(chart.pending(tx.merchant, day), currency)
    tx.post("balance.release", tx.merchant, release(tx.merchant, day, owed, currency))
    if owed:
        tx.emit("balance.available", await balance.read(tx, owed, currency))
    platform = tx.beside(await recall_scope(tx.world, tx.scope.book))
    for rail in tx.world.rails:
        platform.schedule(SETTLE, f"{rail}:{currency}", platform.now)


async def settle_job(tx: Tx, ref: str) -> None:
    """Job `network.settle`: `ref` is `rail:currency`."""
    rail, currency = ref.split(":")
    receivable = await tx.balance(chart.receivable(rail), currency)
    tx.post(SETTLE, rail, settle(rail, receivable, currency))
