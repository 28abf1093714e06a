"""Advance: money that is still pending, given to the merchant early, and repaid when it becomes available.

The platform pays the amount, less its fee, from `platform:advances`, and takes it back on the days on which what it
was given for becomes available, the earliest first, before anything is paid out. If a refund or a dispute has taken
that money meanwhile, what is there is taken, the advance is past due, and it is looked at again each day; what is
still owed so many days after its last day is the platform's loss. The policy says how much of what is pending may be
advanced, for what fee, and when it is given up.

    outstanding   nothing is late
    past_due      a day has come, and there was too little
    repaid, defaulted
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import LARGEST_AMOUNT, portion, text
from nostro.kernel.posting import Posting, credit, debit, transfer
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import balance_transaction
from .balance import standing
from .balance_transaction import FeeDetail, Line
from .day import named_day
from .settings import settings_of

LOOK = "balance.repay_advance"
MOST_OPEN = 100
BASIS_POINTS = Decimal("0.0001")


class Repayment(Shape, frozen=True, kw_only=True):
    amount: int
    due_on: int


class Advance(Stored, frozen=True, kw_only=True):
    """Minor units. The merchant gets `amount` less `fee`, and repays `amount`."""

    object: Literal["balance.advance"] = "balance.advance"
    amount: int
    amount_repaid: int = 0
    balance_transaction: str | None = None
    currency: str
    defaults_at: int
    fee: int
    livemode: bool = False
    metadata: Metadata = {}
    repayments: list[Repayment]
    status: Literal["outstanding", "past_due", "repaid", "defaulted"]


class Record(Advance, frozen=True, kw_only=True, omit_defaults=True):
    """`paying` is the last repayment; `open` is the currency while anything is owed."""

    merchant: str
    paying: int = 0
    open: str | None = None


# Money -----------------------------------------------------------------------


def pay_early(a: Record) -> tuple[Posting, ...]:
    """The platform lends the amount; the merchant gets it less the fee."""
    return (
        debit(chart.ADVANCES, a.amount, a.currency),
        credit(chart.available(a.merchant), a.amount - a.fee, a.currency),
        *((credit(chart.FEES, a.fee, a.currency),) if a.fee else ()),
    )


def repay(a: Record) -> tuple[Posting, ...]:
    """What has become available goes back to the platform."""
    return transfer(chart.available(a.merchant), chart.ADVANCES, a.paying, a.currency, "balance_insufficient")


def write_off(a: Record) -> tuple[Posting, ...]:
    """What was not repaid is the platform's loss."""
    return transfer(chart.LOSSES, chart.ADVANCES, a.amount - a.amount_repaid, a.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
OPEN = ("outstanding", "past_due")
EVENT = "balance.advance."
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move         from             to             posts      emits
    M("create",     (),              "outstanding", pay_early, (EVENT + "created",), "Paid before its day."),
    M("repay_part", ("outstanding",), "outstanding", repay,    (EVENT + "updated",), "One of its days has come."),
    M("fall_due",   OPEN,            "past_due",    repay,     (EVENT + "past_due",), "There was too little."),
    M("catch_up",   ("past_due",),   "outstanding", repay,     (EVENT + "updated",), "What was late is paid."),
    M("repay",      OPEN,            "repaid",      repay,     (EVENT + "repaid",), "All of it is paid back."),
    M("default",    OPEN,            "defaulted",   write_off, (EVENT + "defaulted",), "Given up."),
    rest=("repaid", "defaulted"),
)
# fmt: on


# When what is owed: pure, as the outlook asks the same ------------------------


def owed(advance: Record, now: int) -> int:
    """What should have been repaid by now and was not."""
    return sum(part.amount for part in advance.repayments if part.due_on <= now) - advance.amount_repaid


def next_look(advance: Record, now: int) -> int:
    """When it has to be looked at after `now`: on its next day, and each day at the hour of its first if it is late."""
    days = [part.due_on for part in advance.repayments if part.due_on > now]
    again = now + DAY - (now - advance.repayments[0].due_on) % DAY
    return min([*days, again] if owed(advance, now) > 0 or not days else days)


def collect(advances: Iterable[Record], now: int, available: int) -> list[tuple[Record, int]]:
    """Of each advance how much is taken now, out of what is available; the oldest first."""
    taken = []
    for advance in advances:
        paying = max(0, min(owed(advance, now), available))
        available -= paying
        taken.append((advance, paying))
    return taken


# On its days -----------------------------------------------------------------


async def open_in(tx: Tx, currency: str) -> list[Record]:
    """What is owed in a currency, oldest first."""
    return await tx.all(ADVANCE, {"open": currency}, MOST_OPEN, newest_first=False)


async def look_job(tx: Tx, currency: str) -> None:
    """Job `balance.repay_advance`: a day has come. One unit for all of a currency, so that the oldest come first."""
    available = -await tx.balance(chart.available(tx.merchant), currency)
    left = [_paid(tx, *taken) for taken in collect(await open_in(tx, currency), tx.now, available)]
    _look_again(tx, currency, [advance for advance in left if advance.status in OPEN])


def _look_again(tx: Tx, currency: str, advances: Sequence[Record]) -> None:
    if advances:
        tx.schedule(LOOK, currency, min(next_look(advance, tx.now) for advance in advances))


def _paid(tx: Tx, advance: Record, paying: int) -> Record:
    repaid = advance.amount_repaid + paying
    late = owed(advance, tx.now) - paying
    if paying:
        why = f"ADVANCE REPAYMENT ({advance.id})"
        _line(tx, advance, "anticipation_repayment", -paying, why)
    if repaid == advance.amount:
        return tx.move(advance, LIFE["repay"], amount_repaid=repaid, paying=paying, open=None)
    if late and tx.now >= advance.defaults_at:
        if paying:
            advance = tx.move(advance, LIFE["fall_due"], amount_repaid=repaid, paying=paying)
        return tx.move(advance, LIFE["default"], open=None)
    if late and (paying or advance.status == "outstanding"):
        return tx.move(advance, LIFE["fall_due"], amount_repaid=repaid, paying=paying)
    if paying:
        move = "catch_up" if advance.status == "past_due" else "repay_part"
        return tx.move(advance, LIFE[move], amount_repaid=repaid, paying=paying)
    return advance


def _line(tx: Tx, advance: Record, type: Any, amount: int, why: str, fee: int = 0) -> str:
    fees = (FeeDetail(amount=fee, currency=advance.currency, description="Advance fee"),) if fee else ()
    return balance_transaction.write(
        tx, Line(type=type, amount=amount, currency=advance.currency, source=advance.id, available_on=tx.now,
                 description=why, fees=fees),
    ).id  # fmt: skip


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
    currency: str
    metadata: dict[str, str | None] | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    settings = await settings_of(tx)
    policy = settings.policy.advances
    open_ones = await open_in(tx, currency)
    days = await _pending(tx, currency)
    lent = sum(advance.amount - advance.amount_repaid for advance in open_ones)
    most = max(0, sum(days.values()) * policy.percent // 100 - lent)
    if params.amount > most:
        raise invalid(f"You can have {text(most, currency)} early: {policy.percent}% of what is pending, less what "
                      "was advanced.", "amount", "advance_limit_exceeded")  # fmt: skip
    if len(open_ones) == MOST_OPEN:
        raise invalid(f"{MOST_OPEN} advances in {currency} are still to be repaid.", "amount", "advance_limit_exceeded")
    repayments = _shared(params.amount, days, open_ones)
    fee = portion(params.amount, policy.fee_basis_points * BASIS_POINTS)
    advance = Record(
        id=tx.new_id("adv"), created=tx.now, amount=params.amount, currency=currency, fee=fee,
        defaults_at=repayments[-1].due_on + policy.default_days * DAY, livemode=tx.scope.livemode,
        metadata=merge_metadata({}, params.metadata), repayments=repayments, status="outstanding",
        merchant=tx.merchant, open=currency,
    )  # fmt: skip
    line = _line(tx, advance, "advance", advance.amount, f"ADVANCE ({advance.id})", fee)
    for one in (settings, *open_ones):
        tx.save(one)  # of two advances at once, also of the first two, only one may count on what is pending
    _look_again(tx, currency, [*open_ones, advance])
    return tx.move(advance, LIFE["create"], balance_transaction=line)


async def _pending(tx: Tx, currency: str) -> dict[int, int]:
    """What becomes available and when; the earliest first."""
    prefix = chart.pending(tx.merchant, "")
    found = {
        named_day(code.removeprefix(prefix)): -balance
        for code, unit, balance in await standing(tx)
        if unit == currency and code.startswith(prefix) and balance < 0
    }
    return dict(sorted(found.items()))


def _shared(amount: int, days: dict[int, int], others: Sequence[Record]) -> list[Repayment]:
    """The advance's own repayments: of each day what no other advance waits for, until it is all repaid."""
    claims = dict.fromkeys(days, 0)
    for claim in (claim for other in others for claim in other.repayments):
        claims[claim.due_on] = claims.get(claim.due_on, 0) + claim.amount
    repayments: list[Repayment] = []
    for day, pending in days.items():
        part = min(amount, pending - claims[day])
        if part > 0:
            repayments.append(Repayment(amount=part, due_on=day))
            amount -= part
    if amount:  # others are late: what they have taken of their days is to come from ours
        last = repayments.pop() if repayments else Repayment(amount=0, due_on=max(days))
        repayments.append(msgspec.structs.replace(last, amount=last.amount + amount))
    return repayments


async def update(tx: Tx, advance: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(advance.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(advance, metadata=metadata), "balance.advance.updated")


def example() -> Record:
    return Record(
        id="adv_1", created=0, amount=1000, currency="usd", defaults_at=2_764_800, fee=10, merchant="acct_1",
        repayments=[Repayment(amount=1000, due_on=172_800)], status="outstanding", paying=300,
    )  # fmt: skip


_ALL, _ID = "/v1/balance/advances", "/v1/balance/advances/{id}"
BY_STATUS = Filter("status", wide=True)
ADVANCE: Resource[Record] = Resource(
    object="balance.advance",
    noun="advance",
    prefix="adv",
    record=Record,
    shape=Advance,
    life=LIFE,
    example=example,
    doc="Pending money that the merchant gets early, for a fee, and repays when it becomes available. Beyond Stripe's "
    "API.",
    filters=(Filter("open"),),
    expands=("balance_transaction",),
    verbs=(
        Verb(name="create", method="POST", path=_ALL, run=create, params=CreateParams, kind="create"),
        listing(_ALL, BY_STATUS),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
    ),
    errors=("advance_limit_exceeded",),
)
RESOURCE = ADVANCE
