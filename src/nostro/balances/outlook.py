"""Outlook: when how much of the merchant's money becomes available, and why. Beyond Stripe's API.

The amounts are those of the ledger's accounts: one pending account for each day, one for what disputes withhold, one
for payouts on their way. The reasons are the statement's lines that wait for the day.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from msgspec import UNSET

from nostro.kernel.clock import DAY, midnight
from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import NoParams, Resource, Shape, Stored, Verb, View, Wire, public
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .balance import standing as standing_of
from .balance_transaction import BALANCE_TRANSACTION
from .schedule import Schedule, is_payout_day
from .settings import settings_of

# How long before its day a line can have been written: two business days, over the longest run of holidays.
LONGEST_WAIT = 30 * DAY
# How far ahead the next day of a schedule can be: a month, and the holidays at its end.
FARTHEST_PAYOUT = 50


class Reason(Shape, frozen=True, kw_only=True):
    """Lines of one type that wait for the day: how many, and the sum of their nets. "other" is no line's: none, or
    what is being written at the moment."""

    amount: int
    count: int
    type: str


class Day(Shape, frozen=True, kw_only=True):
    """`available_after`: what is then available if nothing else happens; `payout_on`: when the schedule pays it out."""

    amount: int
    available_after: int
    available_on: int
    currency: str
    payout_on: int | None
    reasons: list[Reason]


class Withheld(Shape, frozen=True, kw_only=True):
    """Money that no day is told for: a dispute gives it back or not, a payout arrives or comes back."""

    amount: int
    currency: str
    reason: Literal["dispute", "payout_in_transit"]


class Amount(Shape, frozen=True, kw_only=True):
    amount: int
    currency: str


class Outlook(Stored, frozen=True, kw_only=True):
    """Amounts in minor units. Its id and moment are not shown; `at` is the sandbox's time."""

    object: Literal["balance.availability"] = "balance.availability"
    at: int
    available: list[Amount]
    days: list[Day]
    livemode: bool
    withheld: list[Withheld]


async def retrieve(tx: Tx, params: NoParams) -> Outlook:
    """What the ledger has, by currency and day."""
    prefix = f"merchant:{tx.merchant}:"
    rows = await standing_of(tx)
    standing = {(code.removeprefix(prefix), currency): -balance for code, currency, balance in rows if balance}
    waiting = sorted(
        (currency, code.removeprefix("pending:"), amount)
        for (code, currency), amount in standing.items()
        if code.startswith("pending:")
    )
    available = {currency: amount for (code, currency), amount in standing.items() if code == "available"}
    withheld = {chart.withheld(tx.merchant): "dispute", chart.in_transit(tx.merchant): "payout_in_transit"}
    return Outlook(
        id="availability",
        created=tx.now,
        at=tx.now,
        available=[Amount(amount=amount, currency=currency) for currency, amount in sorted(available.items())],
        days=await _days(tx, available, waiting),
        livemode=tx.scope.livemode,
        withheld=[
            Withheld(amount=amount, currency=currency, reason=withheld[prefix + code])  # type: ignore[arg-type]
            for (code, currency), amount in sorted(standing.items())
            if prefix + code in withheld
        ],
    )


async def _days(tx: Tx, available: dict[str, int], waiting: list[tuple[str, str, int]]) -> list[Day]:
    """`waiting` is currency, day and amount of each pending account, in order."""
    schedule = (await settings_of(tx)).payments.payouts.schedule
    reasons = await _reasons(tx) if waiting else {}
    after = dict(available)
    days = []
    for currency, text, amount in waiting:
        day = date.fromisoformat(text)
        on = midnight(day)
        after[currency] = after.get(currency, 0) + amount
        told = reasons.get((currency, on), [])
        rest = amount - sum(reason.amount for reason in told)
        other = [Reason(amount=rest, count=0, type="other")] if rest else []
        days.append(
            Day(
                amount=amount,
                available_after=after[currency],
                available_on=on,
                currency=currency,
                payout_on=_paid_out_on(schedule, currency, day),
                reasons=[*told, *other],
            )
        )
    return days


async def _reasons(tx: Tx) -> dict[tuple[str, int], list[Reason]]:
    """The lines that wait, summed by currency, day and type."""
    engine = tx.world.engine
    type, currency = engine.path("type"), engine.path("currency")
    on, net = engine.path("available_on", kind="number"), engine.path("net", kind="number")
    rows = await engine.rows(
        f"SELECT {currency}, {on}, {type}, count(*), sum({net}) "
        f'FROM "{BALANCE_TRANSACTION.table}" WHERE scope=? AND id>=? AND {on}>? '
        f"GROUP BY {currency}, {on}, {type} ORDER BY {currency}, {on}, {type}",
        (tx.scope.number, created_bounds(BALANCE_TRANSACTION.prefix, tx.now - LONGEST_WAIT), tx.now),
    )
    found: dict[tuple[str, int], list[Reason]] = {}
    for unit, day, kind, count, amount in rows:
        reason = Reason(amount=int(amount), count=int(count), type=kind)
        found.setdefault((unit, int(day)), []).append(reason)
    return found


def _paid_out_on(schedule: Schedule, currency: str, day: date) -> int | None:
    """The first day of the schedule on which the money is there; None if payouts are manual."""
    for n in range(FARTHEST_PAYOUT):
        if is_payout_day(schedule, currency, day + timedelta(days=n)):
            return midnight(day + timedelta(days=n))
    return None


def render(_: View, outlook: Outlook) -> Wire:
    wire = public(Outlook, outlook)
    del wire["id"], wire["created"]
    return wire


OUTLOOK: Resource[Outlook] = Resource(
    object="balance.availability",
    prefix="availability",
    record=Outlook,
    shape=Outlook,
    present=render,
    shown={"id": UNSET, "created": UNSET},
    stored=False,
    doc="When how much of your money becomes available, and why. Beyond Stripe's API.",
    verbs=(
        Verb(name="retrieve", method="GET", path="/v1/balance/availability", run=retrieve, kind="retrieve",
             summary="By currency and day, with the statement lines that wait."),
    ),
)  # fmt: skip
RESOURCE = OUTLOOK
