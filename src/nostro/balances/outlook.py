"""Outlook: when how much of the merchant's money becomes available, and why. Beyond Stripe's API.

The amounts are those of the ledger's accounts: one pending account for each day, one for reserves, one for what
disputes withhold, one for payouts on their way. The reasons name the objects that they come from: the statement's
lines that wait for the day, the holds that are released on it, the advances that are repaid out of it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.clock import DAY
from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import NoParams, Resource, Shape, Stored, Verb, View, Wire, public
from nostro.ledger.standing import credited
from nostro.storage.tx import Tx

from . import advance
from .balance import standing as standing_of
from .balance_transaction import BALANCE_TRANSACTION
from .day import begins, day_of, named_day
from .reserve_hold import RESERVE_HOLD
from .schedule import is_payout_day
from .settings import Record as Settings
from .settings import settings_of

# How long before its day a line can have been written: the longest delay, over its weekends and holidays.
LONGEST_WAIT = 75 * DAY
# How far ahead the next day of a schedule can be: a month, and the holidays at its end.
FARTHEST_PAYOUT = 50
# Objects that a reason names, and rows that are read to find them.
MOST_SOURCES, MOST_READ = 10, 500
When = tuple[str, int]


class Reason(Shape, frozen=True, kw_only=True):
    """What is of one type on the day: how many, their sum, and the first ten objects. Types are those of statement
    lines; `reserve_release` is what holds give back, `advance_repayment` what advances take; `other` is no line's."""

    amount: int
    count: int
    sources: list[str]
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
    """Money that no day is told for: a dispute gives it back or not, a payout arrives or comes back, a reserve waits
    for somebody to release it."""

    amount: int
    currency: str
    reason: Literal["dispute", "payout_in_transit", "reserve"]
    sources: list[str]


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
    standing = {
        (code.removeprefix(prefix), currency): -balance for code, currency, balance in await standing_of(tx) if balance
    }
    available = {currency: amount for (code, currency), amount in standing.items() if code == "available"}
    releases, kept = await _reserved(tx, standing)
    days = await _days(tx, available, _waiting(standing), releases)
    return Outlook(
        id="availability",
        created=tx.now,
        at=tx.now,
        available=[Amount(amount=amount, currency=currency) for currency, amount in sorted(available.items())],
        days=days,
        livemode=tx.scope.livemode,
        withheld=[*await _withheld(tx, standing), *kept],
    )


def _waiting(standing: dict[tuple[str, str], int]) -> dict[When, int]:
    """What is pending, by currency and moment."""
    return {
        (currency, named_day(code.removeprefix("pending:"))): amount
        for (code, currency), amount in standing.items()
        if code.startswith("pending:")
    }


async def _withheld(tx: Tx, standing: dict[tuple[str, str], int]) -> list[Withheld]:
    reasons = {"disputed": "dispute", "in_transit": "payout_in_transit"}
    prefix = f"merchant:{tx.merchant}:"
    return [
        Withheld(
            amount=amount, currency=currency, reason=reasons[code],  # type: ignore[arg-type]
            sources=await credited(tx.world.engine, tx.scope.book, prefix + code, currency, MOST_SOURCES),
        )
        for (code, currency), amount in sorted(standing.items())
        if code in reasons
    ]  # fmt: skip


# Reserves --------------------------------------------------------------------


async def _reserved(
    tx: Tx, standing: dict[tuple[str, str], int]
) -> tuple[dict[When, Reason], list[Withheld]]:  # fmt: skip
    """What holds give back, by currency and moment; and what they keep until somebody releases it."""
    releases: dict[When, Reason] = {}
    kept: list[Withheld] = []
    for currency in sorted(currency for code, currency in standing if code == "reserved"):
        named: dict[int, list[str]] = {}
        for hold in await tx.all(RESERVE_HOLD, {"open": currency}, MOST_READ, newest_first=False):
            due = hold.release_schedule.scheduled_release
            named.setdefault(max(due, hold.available_on) if due else 0, []).append(hold.id)
        for on, count, amount in await _holds(tx, currency):
            sources = named.get(on, [])[:MOST_SOURCES]
            if on:
                reason = Reason(amount=amount, count=count, sources=sources, type="reserve_release")
                releases[currency, on] = reason
            else:
                kept.append(Withheld(amount=amount, currency=currency, reason="reserve", sources=sources))
    return releases, kept


async def _holds(tx: Tx, currency: str) -> list[tuple[int, int, int]]:
    """(moment, count, amount) of what is held in a currency; the moment is 0 for what has none.

    What is released while its payment is pending becomes available with the payment.
    """
    path = tx.world.engine.path
    due, on = path("release_schedule.scheduled_release", kind="number"), path("available_on", kind="number")
    rows = await tx.world.engine.rows(
        f"SELECT coalesce({due}, 0), coalesce({on}, 0), count(*), sum({path('amount_releasable', kind='number')}) "
        f'FROM "{RESERVE_HOLD.table}" WHERE scope=? AND {path("open")}=? '
        f"GROUP BY coalesce({due}, 0), coalesce({on}, 0)",
        (tx.scope.number, currency),
    )
    found: dict[int, tuple[int, int]] = {}
    for released, available, count, amount in rows:
        moment = max(int(released), int(available)) if released else 0
        before = found.get(moment, (0, 0))
        found[moment] = (before[0] + int(count), before[1] + int(amount))
    return [(moment, *told) for moment, told in sorted(found.items())]


# Days ------------------------------------------------------------------------


async def _days(
    tx: Tx, available: dict[str, int], waiting: dict[When, int], releases: dict[When, Reason]
) -> list[Day]:  # fmt: skip
    settings = await settings_of(tx)
    lines = await _lines(tx) if waiting else {}
    days = []
    currencies = {currency for currency, _ in (*waiting, *releases)} | await _lent(tx)
    for currency in sorted(currencies):
        coming: dict[int, list[Reason]] = {}
        for on in sorted({on for unit, on in (*waiting, *releases) if unit == currency}):
            reasons = _told(waiting.get((currency, on), 0), lines.get((currency, on), []))
            released = releases.get((currency, on))
            coming[on] = [*reasons, released] if released else reasons
        owed = await advance.open_in(tx, currency)
        days += _walked(tx, settings, currency, available.get(currency, 0), coming, owed)
    return days


async def _lent(tx: Tx) -> set[str]:
    """The currencies in which advances are to be repaid."""
    open_ = tx.world.engine.path("open")
    rows = await tx.world.engine.rows(
        f'SELECT {open_}, count(*) FROM "{advance.ADVANCE.table}" WHERE scope=? AND {open_} IS NOT NULL '
        f"GROUP BY {open_}",
        (tx.scope.number,),
    )
    return {row[0] for row in rows}


def _told(amount: int, reasons: list[Reason]) -> list[Reason]:
    """The lines that wait, and what no line tells of: what is being written at the moment."""
    rest = amount - sum(reason.amount for reason in reasons)
    return [*reasons, Reason(amount=rest, count=0, sources=[], type="other")] if rest else reasons


def _walked(
    tx: Tx, settings: Settings, currency: str, available: int, coming: dict[int, list[Reason]],
    owed: list[advance.Record],
) -> list[Day]:  # fmt: skip
    """Day by day what comes, and what advances take of it, as their job will."""
    days: list[Day] = []
    now = tx.now
    while moments := [*(on for on in coming if on > now), *(advance.next_look(one, now) for one in owed)]:
        looks, now = [advance.next_look(one, now) for one in owed], min(moments)
        reasons = coming.get(now, [])
        available += sum(reason.amount for reason in reasons)
        if now in looks:
            taken = advance.collect(owed, now, available)
            owed = [_after(one, paying) for one, paying in taken]
            owed = [one for one in owed if one.amount_repaid < one.amount and not _given_up(one, now)]
            reasons = [*reasons, *_repaid(taken)]
            available -= sum(paying for _, paying in taken)
        if reasons:
            days.append(_day(settings, currency, now, available, reasons))
    return days


def _after(one: advance.Record, paying: int) -> advance.Record:
    return msgspec.structs.replace(one, amount_repaid=one.amount_repaid + paying)


def _given_up(one: advance.Record, now: int) -> bool:
    return now >= one.defaults_at and advance.owed(one, now) > 0


def _repaid(taken: list[tuple[advance.Record, int]]) -> list[Reason]:
    paid = [(one.id, paying) for one, paying in taken if paying]
    if not paid:
        return []
    total = sum(paying for _, paying in paid)
    sources = [id for id, _ in paid[:MOST_SOURCES]]
    return [Reason(amount=-total, count=len(paid), sources=sources, type="advance_repayment")]


def _day(settings: Settings, currency: str, on: int, available: int, reasons: list[Reason]) -> Day:
    return Day(
        amount=sum(reason.amount for reason in reasons), available_after=available, available_on=on,
        currency=currency, payout_on=_paid_out_on(settings, currency, on), reasons=reasons,
    )  # fmt: skip


async def _lines(tx: Tx) -> dict[When, list[Reason]]:
    """The lines that wait, summed by currency, day and type."""
    path = tx.world.engine.path
    type, currency, source = path("type"), path("currency"), path("source")
    on, net = path("available_on", kind="number"), path("net", kind="number")
    which = f'FROM "{BALANCE_TRANSACTION.table}" WHERE scope=? AND id>=? AND {on}>? '
    values = (tx.scope.number, created_bounds(BALANCE_TRANSACTION.prefix, tx.now - LONGEST_WAIT), tx.now)
    named: dict[tuple[str, int, str], list[str]] = {}
    for unit, day, kind, id in await tx.world.engine.rows(
        f"SELECT {currency}, {on}, {type}, {source} {which} ORDER BY id LIMIT {MOST_READ}", values
    ):
        named.setdefault((unit, int(day), kind), []).append(id)
    found: dict[When, list[Reason]] = {}
    for unit, day, kind, count, amount in await tx.world.engine.rows(
        f"SELECT {currency}, {on}, {type}, count(*), sum({net}) {which}"
        f"GROUP BY {currency}, {on}, {type} ORDER BY {currency}, {on}, {type}",
        values,
    ):
        sources = list(dict.fromkeys(named.get((unit, int(day), kind), [])))[:MOST_SOURCES]
        reason = Reason(amount=int(amount), count=int(count), sources=sources, type=kind)
        found.setdefault((unit, int(day)), []).append(reason)
    return found


def _paid_out_on(settings: Settings, currency: str, on: int) -> int | None:
    """The first day of the schedule on which the money is there; None if payouts are manual."""
    schedule, start = settings.payments.payouts.schedule, settings.start_of_day
    first = day_of(on, start) + timedelta(days=begins(day_of(on, start), start) < on)
    for n in range(FARTHEST_PAYOUT):
        day: date = first + timedelta(days=n)
        if is_payout_day(schedule, currency, day):
            return begins(day, start)
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
             summary="By currency and day, with the statement lines, holds and advances that it comes from."),
    ),
)  # fmt: skip
RESOURCE = OUTLOOK
