"""Adjustment: the platform credits or debits a merchant's balance, and says why. Beyond Stripe's API.

It is a line of the statement of the type `adjustment`, category `other_adjustment`, and an entry against
`platform:adjustments`. A debit takes no more than is available, unless it is said that the balance may go below zero.
A wrong one is reversed, once, by the same amount; `approval` names who or what allowed it, and is only kept.
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
    balance_transaction: str | None = None
    currency: str
    livemode: bool = False
    metadata: Metadata = {}
    reason: str
    reversal_balance_transaction: str | None = None
    status: Literal["posted", "reversed"]


class Record(Adjustment, frozen=True, kw_only=True, omit_defaults=True):
    """`below_zero`: the debit may take more than is available."""

    merchant: str
    below_zero: bool = False


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
    #  move      from         to          posts   emits
    M("create",  (),          "posted",   adjust, ("balance.adjustment.created",), "The platform decides so."),
    M("reverse", ("posted",), "reversed", undo,   ("balance.adjustment.reversed",), "It was wrong."),
    rest=("posted", "reversed"),
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
        status="posted", merchant=tx.merchant, below_zero=params.allow_negative_balance,
    )  # fmt: skip
    return tx.move(made, LIFE["create"], balance_transaction=_line(tx, made, made.amount, made.reason))


async def update(tx: Tx, adjustment: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(adjustment.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(adjustment, metadata=metadata))


async def reverse(tx: Tx, adjustment: Record, params: NoParams) -> Record:
    if adjustment.status == "reversed":
        raise invalid("This adjustment was reversed before.")
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
        listing("/v1/balance/adjustments"),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="reverse", method="POST", path=f"{_ID}/reverse", run=reverse, summary="Take it back, once."),
    ),
    errors=("balance_insufficient", "parameter_invalid_integer"),
)  # fmt: skip
RESOURCE = ADJUSTMENT
