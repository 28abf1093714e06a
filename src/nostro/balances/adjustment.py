"""Adjustment: the platform credits or debits a merchant's balance, and says why. Beyond Stripe's API.

It is a line of the statement of the type `adjustment`, category `other_adjustment`, and an entry against
`platform:adjustments`. A debit takes no more than is available, unless it is said that the balance may go below zero.
A wrong one is reversed, once, by the same amount. Above the amount that the operator has set
(`approve_adjustments_above`) it is only asked for: no money moves until another key approves it. `approval` is a note,
such as a ticket's number.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES, LARGEST_AMOUNT
from nostro.kernel.posting import Posting
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Stored,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import balance_transaction
from .balance_transaction import Line

Text = Annotated[str, Meta(min_length=1, max_length=500)]


class Adjustment(Stored, frozen=True, kw_only=True):
    """`amount` in minor units: positive is given to the merchant, negative taken."""

    object: Literal["balance.adjustment"] = "balance.adjustment"
    amount: int
    approval: str | None = None
    approved_at: int | None = None
    approved_by: str | None = None
    balance_transaction: str | None = None
    created_by: str | None = None
    currency: str
    livemode: bool = False
    metadata: Metadata = {}
    reason: str
    rejected_at: int | None = None
    rejected_by: str | None = None
    reversal_balance_transaction: str | None = None
    status: Literal["pending", "posted", "rejected", "reversed"]


class Record(Adjustment, frozen=True, kw_only=True, omit_defaults=True):
    """`below_zero`: the debit may take more than is available. `maker` is the key that asked for it."""

    merchant: str
    below_zero: bool = False
    maker: str = ""


# Money -----------------------------------------------------------------------


def adjust(a: Record) -> tuple[Posting, ...]:
    """The merchant is given the amount at the platform's expense, or the platform takes it."""
    refusal = "balance_insufficient" if a.amount < 0 and not a.below_zero else None
    return (
        Posting(chart.available(a.merchant), -a.amount, a.currency, refusal),
        Posting(chart.ADJUSTMENTS, a.amount, a.currency),
    )


def undo(a: Record) -> tuple[Posting, ...]:
    """The same the other way, even below zero."""
    return (
        Posting(chart.available(a.merchant), a.amount, a.currency),
        Posting(chart.ADJUSTMENTS, -a.amount, a.currency),
    )


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move      from          to          posts   emits
    M("create",  (),           "posted",   adjust, ("balance.adjustment.created",), "The platform decides so."),
    M("ask",     (),           "pending",  emits=("balance.adjustment.created",),
      meaning="So much that another key has to approve it."),
    M("approve", ("pending",), "posted",   adjust, ("balance.adjustment.approved",), "Two have decided so."),
    M("reject",  ("pending",), "rejected", emits=("balance.adjustment.rejected",), meaning="It will not be."),
    M("reverse", ("posted",),  "reversed", undo,   ("balance.adjustment.reversed",), "It was wrong."),
    rest=("posted", "rejected", "reversed"),
)
# fmt: on


def _line(tx: Tx, adjustment: Record, amount: int, why: str) -> str:
    return balance_transaction.write(
        tx, Line(type="adjustment", amount=amount, currency=adjustment.currency, source=adjustment.id,
                 available_on=tx.now, description=why, reporting_category="other_adjustment"),
    ).id  # fmt: skip


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
    currency: str
    reason: Text
    allow_negative_balance: bool = False
    approval: Text | None = None
    metadata: dict[str, str | None] | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "currency")
    if params.amount == 0:
        raise invalid("An adjustment of nothing: give an amount above zero to credit, below it to debit.", "amount",
                      "parameter_invalid_integer")  # fmt: skip
    made = Record(
        id=tx.new_id("adj"), created=tx.now, amount=params.amount, approval=params.approval, currency=currency,
        livemode=tx.scope.livemode, metadata=merge_metadata({}, params.metadata), reason=params.reason,
        status="posted", merchant=tx.merchant, below_zero=params.allow_negative_balance, maker=tx.request.key,
        created_by=tx.request.hint or None,
    )  # fmt: skip
    most = tx.world.settings.approve_adjustments_above
    if most is not None and abs(made.amount) > most:
        return tx.move(made, LIFE["ask"])
    return tx.move(made, LIFE["create"], balance_transaction=_line(tx, made, made.amount, made.reason))


async def approve(tx: Tx, adjustment: Record, params: NoParams) -> Record:
    _check_pending(adjustment)
    if adjustment.maker == tx.request.key:
        raise invalid("This adjustment was asked for with the same key: another one has to approve it.",
                      code="adjustment_second_key_required")  # fmt: skip
    line = _line(tx, adjustment, adjustment.amount, adjustment.reason)
    return tx.move(
        adjustment, LIFE["approve"], balance_transaction=line, approved_at=tx.now, approved_by=tx.request.hint or None
    )


async def reject(tx: Tx, adjustment: Record, params: NoParams) -> Record:
    """By anybody: who asked for it takes it back so."""
    _check_pending(adjustment)
    return tx.move(adjustment, LIFE["reject"], rejected_at=tx.now, rejected_by=tx.request.hint or None)


def _check_pending(adjustment: Record) -> None:
    if adjustment.status != "pending":
        raise invalid(f"This adjustment is {adjustment.status}: there is nothing to decide.",
                      code="adjustment_unexpected_state")  # fmt: skip


async def update(tx: Tx, adjustment: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(adjustment.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(adjustment, metadata=metadata))


async def reverse(tx: Tx, adjustment: Record, params: NoParams) -> Record:
    if adjustment.status != "posted":
        raise invalid(f"This adjustment is {adjustment.status}: only one that is posted can be reversed.",
                      code="adjustment_unexpected_state")  # fmt: skip
    line = _line(tx, adjustment, -adjustment.amount, f"REVERSAL: {adjustment.reason}")
    return tx.move(adjustment, LIFE["reverse"], reversal_balance_transaction=line)


def example() -> Record:
    return Record(
        id="adj_1", created=0, amount=500, currency="usd", reason="Goodwill", status="posted", merchant="acct_1"
    )


_ID = "/v1/balance/adjustments/{id}"
ADJUSTMENT: Resource[Record] = Resource(
    object="balance.adjustment",
    noun="adjustment",
    prefix="adj",
    record=Record,
    shape=Adjustment,
    life=LIFE,
    example=example,
    doc="The platform credits or debits a balance, and says why. Beyond Stripe's API.",
    expands=("balance_transaction", "reversal_balance_transaction"),
    verbs=(
        Verb(name="create", method="POST", path="/v1/balance/adjustments", run=create, params=CreateParams,
             kind="create"),
        listing("/v1/balance/adjustments", Filter("status")),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="approve", method="POST", path=f"{_ID}/approve", run=approve,
             summary="With another key than the one that asked for it: the money moves."),
        Verb(name="reject", method="POST", path=f"{_ID}/reject", run=reject, summary="It will not be."),
        Verb(name="reverse", method="POST", path=f"{_ID}/reverse", run=reverse, summary="Take it back, once."),
    ),
    errors=("adjustment_second_key_required", "adjustment_unexpected_state", "balance_insufficient",
            "parameter_invalid_integer"),
)  # fmt: skip
RESOURCE = ADJUSTMENT
