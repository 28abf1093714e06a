"""Transfer reversal: a transfer taken back. Shape, money and life are in `transfer_life`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import UNSET, Meta

from nostro.balances import balance_transaction, reserve_hold
from nostro.balances.balance_transaction import Line
from nostro.balances.reserve_release import SourceTransaction
from nostro.connect.scope import still_of
from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.resource import (
    Amount,
    Filter,
    MetadataParam,
    Params,
    Resource,
    Verb,
    listing,
    merge_metadata,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import application_fee
from .split import proportional
from .transfer import SHOWN, TRANSFER
from .transfer_life import LIFE, REVERSAL_LIFE, TransferReversal
from .transfer_life import Record as Transfer
from .transfer_life import Reversal as Record

if TYPE_CHECKING:
    from .charge import Record as Charge


# What payments call ----------------------------------------------------------


async def make(tx: Tx, made: Transfer, amount: int, *, source_refund: str | None = None, **given: Any) -> Record:
    """Take `amount` of the transfer back. `tx` is the platform's; `source_refund` is the refund that asks for it."""
    part = await still_of(tx, made.destination)
    id, waits = tx.new_id("trr"), made.available_on > tx.now
    line = balance_transaction.write(
        tx, Line(type="transfer_cancel" if waits else "transfer_refund", amount=amount, currency=made.currency,
                 source=id, available_on=made.available_on),
    )  # fmt: skip
    mine = source_refund if source_refund and source_refund.startswith("pyr_") else part.new_id("pyr")
    reversal = tx.move(
        Record(
            id=id,
            created=tx.now,
            amount=amount,
            currency=made.currency,
            destination_payment_refund=mine,
            source_refund=source_refund,
            transfer=made.id,
            merchant=tx.merchant,
            account=made.destination,
            available_on=made.available_on,
            **given,
        ),
        REVERSAL_LIFE["create"], balance_transaction=line.id,
    )  # fmt: skip
    total = made.amount_reversed + amount
    whole = total == made.amount
    tx.move(
        made, LIFE["reverse" if whole else "reverse_part"], amount_reversed=total, reversed=whole,
        given=[reversal, *made.given][: SHOWN + 1],
    )  # fmt: skip
    await _free_source(tx, made, amount)
    await _refund_payment(part, made, reversal)
    return reversal


async def _free_source(tx: Tx, made: Transfer, amount: int) -> None:
    """The charge that it was paid out of has so much more to give again."""
    if made.source_transaction is not None:
        charge = await tx.get(tx.registry.by_object["charge"], made.source_transaction)
        tx.save(msgspec.structs.replace(charge, transferred=charge.transferred - amount))


async def _refund_payment(part: Tx, made: Transfer, reversal: Record) -> None:
    """The account gives its payment back. The money is moved by the reversal's entry."""
    charges, refunds = part.registry.by_object["charge"], part.registry.by_object["refund"]
    payment = cast("Charge", await part.get(charges, made.destination_payment or ""))
    id = reversal.destination_payment_refund or ""
    line = balance_transaction.write(
        part, Line(type="payment_refund", amount=-reversal.amount, currency=made.currency, source=id,
                   available_on=made.available_on, booked=reversal.id,
                   description=f"REFUND FOR PAYMENT ({payment.description or payment.id})", settle=payment.settle,
                   before=payment.amount_refunded, refusal="balance_insufficient" if reversal.covered else None),
    )  # fmt: skip
    refund = refunds.record(
        id=id, created=part.now, amount=reversal.amount, charge=payment.id, currency=made.currency, status="succeeded",
        source_transfer_reversal=reversal.id, merchant=part.merchant, rail=payment.rail, token="",
    )  # fmt: skip
    assert refunds.life is not None
    part.move(refund, refunds.life["give_back_transfer"], balance_transaction=line.id)
    total = payment.amount_refunded + reversal.amount
    part.save(
        msgspec.structs.replace(payment, amount_refunded=total, refunded=total >= payment.amount), "charge.refunded"
    )
    source = SourceTransaction(refund=id, type="refund")
    await reserve_hold.reverse(part, payment.id, payment.amount - total, payment.amount, source)


async def refund_fee(tx: Tx, made: Transfer, before: int, amount: int) -> None:
    """Give the account the part of the application fee that goes with `amount` of the transfer."""
    if made.application_fee is None:
        return
    fee = await tx.get(application_fee.APPLICATION_FEE, made.application_fee)
    part = min(proportional(fee.amount, before, amount, made.amount), fee.amount - fee.amount_refunded)
    if part:
        await application_fee.give_back(tx, fee, part)


# Verbs -----------------------------------------------------------------------


class OfTransfer(Params, frozen=True, kw_only=True):
    """`transfer` is the path's."""

    transfer: str


class CreateParams(OfTransfer, frozen=True, kw_only=True):
    amount: Amount | None = None
    description: Annotated[str, Meta(max_length=1000)] | None = None
    metadata: dict[str, str | None] | None = None
    refund_application_fee: bool = False


class UpdateParams(OfTransfer, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    made = await tx.get(TRANSFER, params.transfer)
    left = made.amount - made.amount_reversed
    amount = left if params.amount is None else params.amount
    if left == 0:
        raise invalid(f"Transfer {made.id} is already fully reversed.", "id")
    if amount > left:
        raise invalid(f"The amount of the reversal ({amount}) is greater than the unreversed amount of the transfer "
                      f"({left}).", "amount", "amount_too_large")  # fmt: skip
    if params.refund_application_fee and made.application_fee is None:
        raise invalid("This transfer has no application fee to refund.", "refund_application_fee")
    if params.refund_application_fee:
        await refund_fee(tx, made, made.amount_reversed, amount)
    return await make(
        tx, made, amount, covered=made.available_on <= tx.now, description=params.description,
        metadata=merge_metadata({}, params.metadata),
    )  # fmt: skip


def _owned(reversal: Record, transfer: str) -> Record:
    if reversal.transfer != transfer:
        raise ApiError(f"No such transfer reversal: '{reversal.id}'", status=404, code="resource_missing", param="id")
    return reversal


async def retrieve(tx: Tx, reversal: Record, params: OfTransfer) -> Record:
    return _owned(reversal, params.transfer)


async def update(tx: Tx, reversal: Record, params: UpdateParams) -> Record:
    made = await tx.get(TRANSFER, _owned(reversal, params.transfer).transfer)
    reversal = msgspec.structs.replace(reversal, metadata=merge_metadata(reversal.metadata, params.metadata))
    given = [reversal if one.id == reversal.id else one for one in made.given]
    tx.save(msgspec.structs.replace(made, given=given), "transfer.updated")
    return tx.save(reversal)


def example() -> Record:
    return Record(
        id="trr_1", created=0, amount=500, currency="usd", transfer="tr_1", merchant="acct_1", account="acct_2",
        available_on=172_800,
    )  # fmt: skip


BY_TRANSFER = Filter("transfer")
_ALL = "/v1/transfers/{transfer}/reversals"
_ONE = _ALL + "/{id}"
TRANSFER_REVERSAL: Resource[Record] = Resource(
    object="transfer_reversal",
    prefix="trr",
    noun="transfer reversal",
    record=Record,
    shape=TransferReversal,
    life=REVERSAL_LIFE,
    example=example,
    doc="A transfer taken back by the platform, whole or in part.",
    expands=("balance_transaction", "destination_payment_refund", "source_refund", "transfer"),
    elsewhere={"destination_payment_refund": "account"},
    verbs=(
        Verb(name="create", method="POST", path=_ALL, run=create, params=CreateParams, kind="create"),
        listing(_ALL, BY_TRANSFER),
        Verb(name="retrieve", method="GET", path=_ONE, run=retrieve, params=OfTransfer, kind="retrieve"),
        Verb(name="update", method="POST", path=_ONE, run=update, params=UpdateParams),
    ),
    errors=("amount_too_large", "balance_insufficient"),
)
RESOURCE = TRANSFER_REVERSAL
