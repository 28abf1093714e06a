"""Transfer: money from a platform to a connected account. Shape, money and life are in `transfer_life`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from msgspec import UNSET

from nostro.balances import balance_transaction, reserve_hold
from nostro.balances.balance_transaction import Line
from nostro.balances.fx import Settle, further
from nostro.balances.settings import terms_of
from nostro.kernel.errors import invalid, missing
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import (
    Amount,
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Unset,
    Verb,
    View,
    Wire,
    listing,
    merge_metadata,
    public,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import application_fee as fees
from . import settlement, split
from .transfer_life import LIFE, Record, Transfer

if TYPE_CHECKING:
    from .charge import Record as Charge

SHOWN = 10


# What payments call ----------------------------------------------------------


async def of_charge(tx: Tx, charge: Charge) -> None:
    """The transfer that a destination charge promised, out of what was captured, in the currency that the platform got
    it in. The charge has named it already."""
    assert charge.transfer_data is not None and isinstance(charge.transfer, str), "a destination charge"
    amount = min(charge.transfer_data.get("amount") or charge.amount_captured, charge.amount_captured)
    fee, currency = min(charge.application_fee_amount or 0, charge.amount_captured), charge.currency
    if charge.settle is not None:
        amount, fee = (further(0, part, currency, charge.settle).amount for part in (amount, fee))
        currency = charge.settle.currency
    tx.save(msgspec.structs.replace(charge, transferred=amount))
    await make(
        tx,
        id=charge.transfer,
        amount=amount,
        currency=currency,
        destination=charge.transfer_data["destination"],
        available_on=charge.available_on,
        fee=fee,
        application_fee=charge.application_fee,
        source_transaction=charge.id,
        transfer_group=charge.transfer_group,
        **charge.transfer_told,
    )


async def make(
    tx: Tx, *, id: str, currency: str, destination: str, available_on: int, fee: int = 0,
    application_fee: str | None = None, payment_description: str | None = None,
    payment_metadata: Metadata | None = None, **given: Any,
) -> Record:  # fmt: skip
    """The transfer, its application fee and the account's payment, in one entry."""
    part = await split.check_destination(tx, destination, "destination")
    payment, source = part.new_id("py"), given.get("source_transaction")
    collected, settle = None, await settlement.settled_in(part, currency)
    if fee:
        collected = fees.collect(
            tx, account=destination, charge=payment, amount=fee, currency=currency, on=available_on, booked=id,
            originating=source, id=application_fee, settle=settle, given_settle=settle,
        )  # fmt: skip
    line = balance_transaction.write(
        tx, Line(type="transfer", amount=-given["amount"], currency=currency, source=id, available_on=available_on,
                 description=given.get("description")),
    )  # fmt: skip
    made = tx.move(
        Record(
            id=id,
            created=tx.now,
            livemode=tx.scope.livemode,
            currency=currency,
            destination=destination,
            available_on=line.available_on,
            merchant=tx.merchant,
            fee=fee,
            application_fee=collected.id if collected else None,
            **given,
        ),
        LIFE["create"], balance_transaction=line.id, destination_payment=payment,
    )  # fmt: skip
    await _receive(part, made, collected, settle, payment_description, payment_metadata or {})
    return made


async def _receive(
    part: Tx, made: Record, fee: fees.Record | None, settle: Settle | None, description: str | None, metadata: Metadata
) -> None:  # fmt: skip
    """The account's payment, and what reserves take of it. Its money is moved by the transfer's entry, and converted if
    the account does not hold the transfer's currency."""
    charges, id = part.registry.by_object["charge"], made.destination_payment or ""
    line = balance_transaction.write(
        part, Line(type="payment", amount=made.amount, currency=made.currency, source=id,
                   available_on=made.available_on, booked=made.id, fees=(fees.detail(fee),) if fee else (),
                   description=description, settle=settle),
    )  # fmt: skip
    settlement.check_worth(line)
    payment = charges.record(
        id=id,
        created=part.now,
        livemode=part.scope.livemode,
        amount=made.amount,
        amount_captured=made.amount,
        application=fee.application if fee else None,
        application_fee=fee.id if fee else None,
        application_fee_amount=fee.amount if fee else None,
        currency=made.currency,
        description=description,
        metadata=metadata,
        payment_method_details={"type": "stripe_account", "stripe_account": {}},
        source_transfer=made.id,
        status="succeeded",
        transfer_group=made.transfer_group,
        merchant=part.merchant,
        rail="transfer",
        token="",
        available_on=made.available_on,
        settle=settle,
    )
    assert charges.life is not None
    part.move(payment, charges.life["receive"], balance_transaction=line.id, captured=True, paid=True)
    await reserve_hold.reserve(part, (await terms_of(part)).reserve_plans, id, line)


async def _charge(tx: Tx, id: str) -> Charge:
    return cast("Charge", await tx.get(tx.registry.by_object["charge"], id, "source_transaction"))


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Amount | None = None
    currency: str
    description: str | None = None
    destination: str
    metadata: dict[str, str | None] | None = None
    source_transaction: str | None = None
    source_type: Literal["bank_account", "card", "fpx"] = "card"
    transfer_group: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    description: str | None | Unset = UNSET
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}. The currencies that can be used are: "
                      f"{', '.join(sorted(CURRENCIES))}", "currency")  # fmt: skip
    if params.amount is None:
        raise missing("amount")
    if params.source_type != "card":
        raise invalid(f"You have no funds of the source type {params.source_type}: all of your balance is card.",
                      "source_type", "balance_insufficient")  # fmt: skip
    await split.check_destination(tx, params.destination, "destination")
    on, group = tx.now, params.transfer_group
    if params.source_transaction is not None:
        charge = await _source(tx, params.source_transaction, params.amount, currency, group)
        on, group = charge.available_on, charge.transfer_group
    return await make(
        tx,
        id=tx.new_id("tr"),
        amount=params.amount,
        currency=currency,
        destination=params.destination,
        available_on=on,
        covered=on <= tx.now,
        description=params.description,
        metadata=merge_metadata({}, params.metadata),
        source_transaction=params.source_transaction,
        transfer_group=group,
    )


async def _source(tx: Tx, id: str, amount: int, currency: str, group: str | None) -> Charge:
    """The charge to transfer out of, which then has so much less to give, and belongs to the transfer's group."""
    charge = await _charge(tx, id)
    if charge.state != "captured":
        raise invalid(f"Charge {id} has no captured money to transfer.", "source_transaction",
                      "charge_not_refundable")  # fmt: skip
    unit, amount_captured = charge.currency, charge.amount_captured
    if charge.settle is not None:
        amount_captured = further(0, amount_captured, unit, charge.settle).amount
        unit = charge.settle.currency
    if unit != currency:
        raise invalid(f"The currency of source_transaction's balance transaction ({unit}) must be the "
                      f"same as the transfer currency ({currency}).", "currency")  # fmt: skip
    left = amount_captured - charge.transferred
    if amount > left:
        raise invalid(
            f"Transfers using this transaction as a source must not exceed the source amount of "
            f"{amount_captured}: {charge.transferred} were transferred before.", "amount",
            "transfer_source_balance_parameters_mismatch",
        )  # fmt: skip
    if group is not None and charge.transfer_group not in (None, group):
        raise invalid(f"The transfer_group must be that of the source_transaction, {charge.transfer_group}.",
                      "transfer_group")  # fmt: skip
    group = charge.transfer_group or group or f"group_{charge.payment_intent or charge.id}"
    taken = msgspec.structs.replace(charge, transferred=charge.transferred + amount, transfer_group=group)
    return tx.save(taken)


async def update(tx: Tx, made: Record, params: UpdateParams) -> Record:
    changed: dict[str, Any] = {"metadata": merge_metadata(made.metadata, params.metadata)}
    if params.description is not UNSET:
        changed["description"] = params.description
    return tx.save(msgspec.structs.replace(made, **changed), "transfer.updated")


def render(view: View, made: Record) -> Wire:
    url = f"/v1/transfers/{made.id}/reversals"
    data = [view.render(reversal) for reversal in made.given[:SHOWN]]
    reversals = {"object": "list", "data": data, "has_more": len(made.given) > SHOWN, "url": url}
    return {**public(Transfer, made), "reversals": reversals}


def example() -> Record:
    return Record(
        id="tr_1", created=0, amount=2000, currency="usd", destination="acct_2", merchant="acct_1", fee=100,
        available_on=172_800,
    )  # fmt: skip


BY_DESTINATION, BY_GROUP = Filter("destination"), Filter("transfer_group")
TRANSFER: Resource[Record] = Resource(
    object="transfer",
    prefix="tr",
    id_param="transfer",
    record=Record,
    shape=Transfer,
    life=LIFE,
    present=render,
    shown={"reversals": dict[str, Any]},
    example=example,
    doc="Money that a platform gives to a connected account.",
    expands=("balance_transaction", "destination", "destination_payment", "source_transaction"),
    elsewhere={"destination": "destination", "destination_payment": "destination"},
    verbs=(
        Verb(name="create", method="POST", path="/v1/transfers", run=create, params=CreateParams, kind="create"),
        listing("/v1/transfers", BY_DESTINATION, BY_GROUP),
        retrieve("/v1/transfers/{id}"),
        Verb(name="update", method="POST", path="/v1/transfers/{id}", run=update, params=UpdateParams),
    ),
    errors=("balance_insufficient", "insufficient_capabilities_for_transfer",
            "transfer_source_balance_parameters_mismatch", "charge_not_refundable", "amount_too_small",
            "exchange_rate_stale", "exchange_rate_unknown"),
)  # fmt: skip
RESOURCE = TRANSFER
