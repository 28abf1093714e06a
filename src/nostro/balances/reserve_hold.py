"""Reserve hold: money that is the merchant's and may not be paid out yet.

It stands in `merchant:{merchant}:reserved` from the moment that it is held until it is given back: on its day, early,
because a refund or a dispute of its payment needs it, or with its plan. What is held of a payment is taken from where
the payment's money stands and goes back there: while the payment is pending, to that day's pending account.

    charge               by a plan (reserve_plan.py), a part of a payment
    standalone           by the platform, an amount of what is available, or of one payment
    early_fraud_warning, review
                         by risk, the whole of a payment's money, if the platform's policy says so
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid, missing
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES, allocate, text
from nostro.kernel.posting import Posting, debit, transfer
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import balance_transaction, reserve_plan, reserve_release
from .availability import waiting_account
from .balance_transaction import Line
from .reserve_plan import RESERVE_PLAN
from .reserve_release import SourceTransaction

EXPIRE = "balance.release_hold"
MOST_HOLDS = 100
CURRENCIES_OF = "SELECT currency FROM ledger_account WHERE book=? AND code=? AND balance<>0 ORDER BY currency"
Reason = Literal["charge", "standalone", "early_fraud_warning", "review"]
RiskReason = Literal["early_fraud_warning", "review"]


class ReleaseDetail(Shape, frozen=True, kw_only=True):
    amount: int
    reserve_release: str


class ReleaseSchedule(Shape, frozen=True, kw_only=True):
    release_after: int | None = None
    scheduled_release: int | None = None


class Hold(Stored, frozen=True, kw_only=True):
    object: Literal["reserve.hold"] = "reserve.hold"
    amount: int
    amount_releasable: int = 0
    created_by: Literal["application"] = "application"
    currency: str
    destination: Literal["risk_reserved"] = "risk_reserved"
    is_releasable: bool = False
    livemode: bool = False
    metadata: Metadata = {}
    reason: Reason
    release_details: list[ReleaseDetail] = []
    release_schedule: ReleaseSchedule = ReleaseSchedule()
    reserve_plan: str | None = None
    source_charge: str | None = None
    source_type: Literal["card"] = "card"


class Record(Hold, frozen=True, kw_only=True, omit_defaults=True):
    """`available_on` is when the money would be available if it were not held, `moved_at` when it last moved and
    `releasing` how much then. `open` is the currency while anything is held; `cause` is the review or the warning."""

    merchant: str
    state: Literal["held", "released"] = "held"
    available_on: int = 0
    moved_at: int = 0
    releasing: int = 0
    open: str | None = None
    cause: str | None = None


# Money -----------------------------------------------------------------------


def hold_back(h: Record) -> tuple[Posting, ...]:
    """The amount leaves what is pending or available, and is reserved. A plan's part comes with the payment, even to a
    balance below zero; for any other hold there must be so much available."""
    waiting = waiting_account(h.merchant, h.available_on, h.moved_at)
    refusable = h.reason != "charge" and waiting == chart.available(h.merchant)
    return (
        debit(waiting, h.amount, h.currency, "balance_insufficient" if refusable else None),
        Posting(chart.reserved(h.merchant), -h.amount, h.currency),
    )


def give_back(h: Record) -> tuple[Posting, ...]:
    """What is released is available again, or pending if its payment still is."""
    waiting = waiting_account(h.merchant, h.available_on, h.moved_at)
    return transfer(chart.reserved(h.merchant), waiting, h.releasing, h.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move        from       to          posts      emits
    M("place",     (),        "held",     hold_back, ("reserve.hold.created",), "Taken out of what can be paid out."),
    M("give_part", ("held",), "held",     give_back, ("reserve.hold.updated",), "A part comes back."),
    M("release",   ("held",), "released", give_back, ("reserve.hold.updated",), "The rest comes back."),
    rest=("released",), field="state",
)
# fmt: on


def place(tx: Tx, *, amount: int, available_on: int, release_after: int | None, **given: Any) -> Record:
    """Hold `amount` back, from where it stands: pending until `available_on`, or available."""
    due = None if release_after is None else reserve_plan.scheduled(release_after)
    hold = Record(
        id=tx.new_id("reshold"),
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=amount,
        amount_releasable=amount,
        is_releasable=True,
        release_schedule=ReleaseSchedule(release_after=release_after, scheduled_release=due),
        merchant=tx.merchant,
        available_on=available_on,
        moved_at=tx.now,
        **{"open": given["currency"], **given},
    )
    if due is not None:
        tx.schedule(EXPIRE, hold.id, due)
    _line(tx, hold, "reserve_hold", -amount)
    return tx.move(hold, LIFE["place"])


def release(
    tx: Tx, hold: Record, amount: int, reason: reserve_release.Reason, source: SourceTransaction | None = None
) -> Record:  # fmt: skip
    """Give `amount` of what is held back, with the release that says so."""
    left = hold.amount_releasable - amount
    assert amount > 0 and left >= 0, f"{amount} of {hold.amount_releasable} that {hold.id} holds"
    made = tx.save(
        reserve_release.Record(
            id=tx.new_id("resrel"), created=tx.now, amount=amount, currency=hold.currency, livemode=hold.livemode,
            reason=reason, released_at=tx.now, reserve_hold=hold.id, source_transaction=source,
            reserve_plan=hold.reserve_plan if reason in ("hold_expired", "plan_disabled") else None,
        ),
        "reserve.release.created",
    )  # fmt: skip
    details = [*hold.release_details, ReleaseDetail(amount=amount, reserve_release=made.id)]
    hold = msgspec.structs.replace(
        hold, amount_releasable=left, is_releasable=left > 0, moved_at=tx.now, release_details=details,
        releasing=amount, open=hold.open if left else None,
    )  # fmt: skip
    _line(tx, hold, "reserve_release", amount)
    if left == 0 and hold.release_schedule.scheduled_release is not None:
        tx.unschedule(EXPIRE, hold.id)
    return tx.move(hold, LIFE["give_part" if left else "release"])


def _line(tx: Tx, hold: Record, type: Literal["reserve_hold", "reserve_release"], amount: int) -> None:
    about = f" ({hold.source_charge})" if hold.source_charge else ""
    balance_transaction.write(
        tx, Line(type=type, amount=amount, currency=hold.currency, source=hold.id,
                 available_on=max(hold.available_on, tx.now), description=f"{hold.reason}{about}"),
    )  # fmt: skip


# What payments call ----------------------------------------------------------


async def reserve(tx: Tx, plans: Sequence[str], charge: str, line: balance_transaction.Record) -> None:
    """Each active plan takes its part of a payment, until nothing is left of what the merchant gets for it."""
    left = line.net
    for id in plans:
        plan = await tx.recall(RESERVE_PLAN, id)
        assert plan is not None, "the settings name it"
        amount = min(line.amount * plan.percent // 100, left)
        if plan.status != "active" or plan.currency not in (None, line.currency) or amount <= 0:
            continue
        left -= amount
        place(
            tx, amount=amount, available_on=line.available_on, release_after=reserve_plan.release_after(plan, tx.now),
            currency=line.currency, reason="charge", reserve_plan=plan.id, source_charge=charge,
        )  # fmt: skip


async def hold_payment(
    tx: Tx, charge: str, line: str, reason: RiskReason, cause: str, days: int
) -> Record | None:  # fmt: skip
    """Hold what is still there of the payment whose statement line is named, for `days` at most."""
    written = await tx.get(balance_transaction.BALANCE_TRANSACTION, line)
    amount = await free_of(tx, charge, written)
    if written.available_on <= tx.now:
        amount = min(amount, -await tx.balance(chart.available(tx.merchant), written.currency))
    if amount <= 0:
        return None
    await _keep_still(tx, charge)
    return place(
        tx, amount=amount, available_on=written.available_on, release_after=tx.now + days * DAY,
        currency=written.currency, reason=reason, source_charge=charge, cause=cause,
    )  # fmt: skip


async def free_of(tx: Tx, charge: str, line: balance_transaction.Record) -> int:
    """What the merchant got for a payment, less what holds keep of it."""
    return line.net - line.taken_back - sum(hold.amount_releasable for hold in await of_charge(tx, charge))


async def _keep_still(tx: Tx, charge: str) -> None:
    """What is held must still be there of the payment: of a hold and a refund at once, one looks again."""
    tx.save(await tx.get(tx.registry.by_object["charge"], charge))


async def of_charge(tx: Tx, charge: str) -> list[Record]:
    """The holds of a payment that still hold something, oldest first."""
    found = await tx.all(RESERVE_HOLD, {"source_charge": charge}, MOST_HOLDS, newest_first=False)
    return [hold for hold in found if hold.state == "held"]


async def lift(tx: Tx, cause: str) -> None:
    """What a review or a warning was about is settled: its holds are given back."""
    for hold in await tx.all(RESERVE_HOLD, {"cause": cause}, MOST_HOLDS):
        if hold.state == "held":
            release(tx, hold, hold.amount_releasable, "hold_released_early")


async def reverse(tx: Tx, charge: str, left: int, of: int, source: SourceTransaction) -> None:
    """A refund or a dispute takes money of a payment, of whose amount `of` only `left` stays with the merchant.

    Each of its holds keeps the part that belongs to what is left. The rest is given back for the claim.
    """
    for hold in await of_charge(tx, charge):
        keep = allocate(hold.amount, [left, of - left])[0] if 0 < left < of else hold.amount * (left >= of)
        if hold.amount_releasable > keep:
            release(tx, hold, hold.amount_releasable - keep, "hold_reversed", source)


async def expire_job(tx: Tx, id: str) -> None:
    """Job `balance.release_hold`: its day has come."""
    hold = await tx.get(RESERVE_HOLD, id)
    if hold.state == "held":
        release(tx, hold, hold.amount_releasable, "hold_expired")


async def release_plan_job(tx: Tx, id: str) -> None:
    """Job `balance.release_plan`: the plan is disabled, and all that it holds comes back; some at a time."""
    for currency in await balance_currencies(tx, chart.reserved(tx.merchant)):
        found = await tx.all(RESERVE_HOLD, {"reserve_plan": id, "open": currency}, MOST_HOLDS, newest_first=False)
        for hold in found:
            release(tx, hold, hold.amount_releasable, "plan_disabled")
        if len(found) == MOST_HOLDS:
            tx.schedule(reserve_plan.RELEASE_ALL, id, tx.now)


async def balance_currencies(tx: Tx, code: str) -> list[str]:
    """The currencies in which something stands on an account of this book."""
    return [row[0] for row in await tx.world.engine.rows(CURRENCIES_OF, (tx.scope.book, code))]


# Verbs -----------------------------------------------------------------------


class ScheduleParams(Params, frozen=True, kw_only=True):
    release_after: int


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1)] | None = None
    currency: str | None = None
    metadata: dict[str, str | None] | None = None
    release_schedule: ScheduleParams | None = None
    source_charge: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET
    release_schedule: ScheduleParams | None | Unset = UNSET


class ReleaseParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1)] | None = None


async def create(tx: Tx, params: CreateParams) -> Record:
    """Of a payment: all that is free of it, unless an amount is given. Else of what is available."""
    after = _after(params.release_schedule, tx.now)
    given: dict[str, Any] = {"release_after": after, "metadata": merge_metadata({}, params.metadata)}
    if params.source_charge is not None:
        return await _of_payment(tx, params, params.source_charge, given)
    if params.amount is None:
        raise missing("amount")
    if params.currency is None:
        raise missing("currency")
    currency = params.currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "currency")
    return place(tx, amount=params.amount, available_on=0, currency=currency, reason="standalone", **given)


async def _of_payment(tx: Tx, params: CreateParams, charge_id: str, given: dict[str, Any]) -> Record:
    charge = await tx.get(tx.registry.by_object["charge"], charge_id, "source_charge")
    if charge.balance_transaction is None:
        raise invalid(f"Charge {charge_id} has no captured money to hold.", "source_charge")
    line = await tx.get(balance_transaction.BALANCE_TRANSACTION, charge.balance_transaction)
    free = await free_of(tx, charge_id, line)
    amount = free if params.amount is None else params.amount
    if params.currency is not None and params.currency.lower() != line.currency:
        raise invalid(f"The payment's money is in {line.currency}.", "currency")
    if amount > free or amount <= 0:
        raise invalid(f"Of this payment {text(free, line.currency)} can be held.", "amount", "amount_too_large")
    await _keep_still(tx, charge_id)
    return place(
        tx, amount=amount, available_on=line.available_on, currency=line.currency, reason="standalone",
        source_charge=charge_id, **given,
    )  # fmt: skip


def _after(given: ScheduleParams | None, now: int) -> int | None:
    if given is not None and given.release_after <= now:
        raise invalid("The moment must lie in the future.", "release_schedule[release_after]")
    return None if given is None else given.release_after


def _check_open(hold: Record) -> None:
    if hold.state == "released":
        raise invalid("This reserve hold holds nothing any more: all of it was released.")


async def update(tx: Tx, hold: Record, params: UpdateParams) -> Record:
    changed: dict[str, Any] = {"metadata": merge_metadata(hold.metadata, params.metadata)}
    if params.release_schedule is not UNSET:
        _check_open(hold)
        after = _after(params.release_schedule, tx.now)
        due = None if after is None else reserve_plan.scheduled(after)
        changed["release_schedule"] = ReleaseSchedule(release_after=after, scheduled_release=due)
        if due is None:
            tx.unschedule(EXPIRE, hold.id)
        else:
            tx.schedule(EXPIRE, hold.id, due)
    return tx.save(msgspec.structs.replace(hold, **changed), "reserve.hold.updated")


async def release_verb(tx: Tx, hold: Record, params: ReleaseParams) -> Record:
    _check_open(hold)
    amount = hold.amount_releasable if params.amount is None else params.amount
    if amount > hold.amount_releasable:
        raise invalid(f"This hold can release {text(hold.amount_releasable, hold.currency)}.", "amount",
                      "amount_too_large")  # fmt: skip
    return release(tx, hold, amount, "hold_released_early")


def example() -> Record:
    return Record(
        id="reshold_1", created=0, amount=1000, amount_releasable=700, currency="usd", reason="charge",
        merchant="acct_1", available_on=172_800, releasing=300,
    )  # fmt: skip


BY_CHARGE, BY_PLAN = Filter("source_charge"), Filter("reserve_plan")
_ID = "/v1/reserve/holds/{id}"
RESERVE_HOLD: Resource[Record] = Resource(
    object="reserve.hold",
    noun="reserve hold",
    prefix="reshold",
    record=Record,
    shape=Hold,
    life=LIFE,
    example=example,
    doc="Money that is the merchant's and may not be paid out yet.",
    filters=(BY_CHARGE, BY_PLAN, Filter("open"), Filter("cause")),
    expands=("source_charge", "reserve_plan"),
    verbs=(
        Verb(name="create", method="POST", path="/v1/reserve/holds", run=create, params=CreateParams, kind="create"),
        listing("/v1/reserve/holds", BY_CHARGE, BY_PLAN),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="release", method="POST", path=f"{_ID}/release", run=release_verb, params=ReleaseParams,
             summary="Give it back before its day, wholly or in part."),
    ),
    errors=("amount_too_large", "balance_insufficient"),
)  # fmt: skip
RESOURCE = RESERVE_HOLD
