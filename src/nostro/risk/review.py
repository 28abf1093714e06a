"""Review: a payment that a risk rule let pass for a person to look at. No money moves, unless the platform's policy
holds the payment's money until the review is closed.

It is closed by approving it, by giving the payment back, or by a dispute.
"""

from __future__ import annotations

from typing import Any, Literal

from nostro.balances import reserve_hold
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Filter, NoParams, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.storage.tx import Tx

ClosedReason = Literal["approved", "canceled", "disputed", "refunded", "refunded_as_fraud"]


class Session(Shape, frozen=True, kw_only=True):
    """The browser that paid."""

    browser: str | None = None
    device: str | None = None
    platform: str | None = None
    version: str | None = None


class Review(Stored, frozen=True, kw_only=True):
    object: Literal["review"] = "review"
    billing_zip: str | None = None
    charge: str | None = None
    closed_reason: ClosedReason | None = None
    ip_address: str | None = None
    ip_address_location: dict[str, Any] | None = None
    livemode: bool = False
    open: bool = False
    opened_reason: Literal["manual", "rule"] = "rule"
    payment_intent: str | None = None
    reason: str
    session: Session | None = None


class Record(Review, frozen=True, kw_only=True, omit_defaults=True):
    """`state` says what `open` says, as a life's states are words."""

    state: Literal["open", "closed"] = "open"


M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move     from       to        emits
    M("open",   (),        "open",   emits=("review.opened",), meaning="A rule asks for a person's judgement."),
    M("close",  ("open",), "closed", emits=("review.closed",), meaning="Approved, given back, disputed or canceled."),
    rest=("closed",), field="state",
)
# fmt: on


def open_(tx: Tx, charge: str, payment_intent: str | None, billing_zip: str | None) -> Record:
    """A new review of a charge, asked for by a rule."""
    review = Record(
        id=tx.new_id("prv"),
        created=tx.now,
        livemode=tx.scope.livemode,
        billing_zip=billing_zip,
        charge=charge,
        open=True,
        payment_intent=payment_intent,
        reason="rule",
    )
    return tx.move(review, LIFE["open"])


async def close(tx: Tx, id: str | None, reason: ClosedReason) -> None:
    """Close the review that a charge names, if it names one and it is still open."""
    review = await tx.find(REVIEW, id) if id else None
    if review is not None and review.open:
        await _close(tx, review, reason)


async def _close(tx: Tx, review: Record, reason: ClosedReason) -> Record:
    """What was held for it is given back."""
    await reserve_hold.lift(tx, review.id)
    return tx.move(review, LIFE["close"], open=False, closed_reason=reason, reason=reason)


async def cancel_job(tx: Tx, id: str) -> None:
    """Job `review.cancel`: the payment was given up before it was captured."""
    await close(tx, id, "canceled")


async def approve(tx: Tx, review: Record, params: NoParams) -> Record:
    if not review.open:
        raise invalid(f"This review is already closed: {review.closed_reason}.")
    return await _close(tx, review, "approved")


REVIEW: Resource[Record] = Resource(
    object="review",
    prefix="prv",
    id_param="review",
    record=Record,
    shape=Review,
    life=LIFE,
    doc="A payment that waits for a person's judgement.",
    expands=("charge", "payment_intent"),
    verbs=(
        listing("/v1/reviews", Filter("open", kind="bool", always=True), summary="List open reviews, newest first."),
        retrieve("/v1/reviews/{id}"),
        Verb(name="approve", method="POST", path="/v1/reviews/{id}/approve", run=approve),
    ),
)
RESOURCE = REVIEW
