"""Application fee: what a platform takes of a payment of its connected account, and gives back.

The fee is a line of the entry that brings the payment: of the charge itself if it is direct, of the transfer if the
account receives one. It becomes available when the payment does. A fee refund moves it back, from where it stands
to where the account's money stands, even below zero.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.balances import balance_transaction
from nostro.balances.availability import waiting_account
from nostro.balances.balance_transaction import FeeDetail, Line
from nostro.balances.fx import Settle
from nostro.connect.scope import still_of
from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import (
    Amount,
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
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

SHOWN = 10


class FeeSource(Shape, frozen=True, kw_only=True):
    charge: str | Unset = UNSET
    type: Literal["charge", "payout"] = "charge"


class FeeRefund(Stored, frozen=True, kw_only=True):
    object: Literal["fee_refund"] = "fee_refund"
    amount: int
    balance_transaction: str | None = None
    currency: str
    fee: str
    metadata: Metadata = {}


class RefundRecord(FeeRefund, frozen=True, kw_only=True, omit_defaults=True):
    """`merchant` is the platform; `available_on` is the fee's, and `effective_at` when it was given back."""

    merchant: str
    account: str
    available_on: int
    effective_at: int
    state: Literal["", "done"] = ""


class ApplicationFee(Stored, frozen=True, kw_only=True):
    object: Literal["application_fee"] = "application_fee"
    account: str
    amount: int
    amount_refunded: int = 0
    application: str
    balance_transaction: str | None = None
    charge: str
    currency: str
    fee_source: FeeSource
    livemode: bool = False
    originating_transaction: str | None = None
    refunded: bool = False


class Record(ApplicationFee, frozen=True, kw_only=True, omit_defaults=True):
    """`settle` says how it was converted for the platform, `given_settle` how the money that it was taken of was for
    the account. `given` are the newest refunds, one more than is shown."""

    available_on: int
    settle: Settle | None = None
    given_settle: Settle | None = None
    given: list[RefundRecord] = []


# Money -----------------------------------------------------------------------


def give_to_account(r: RefundRecord) -> tuple[Posting, ...]:
    """The platform gives the account back what it took of a payment."""
    source, target = (waiting_account(who, r.available_on, r.effective_at) for who in (r.merchant, r.account))
    return transfer(source, target, r.amount, r.currency)


# Life ------------------------------------------------------------------------

LIFE: Lifecycle[RefundRecord] = Lifecycle(
    Move[RefundRecord]("create", (), "done", give_to_account, meaning="Given back, whole or in part."),
    rest=("done",), field="state",
)  # fmt: skip


# What payments call ----------------------------------------------------------


def application_of(platform: Tx) -> str:
    """A platform's application has the platform's own name."""
    return platform.merchant.replace("acct_", "ca_", 1)


def collect(
    platform: Tx, *, account: str, charge: str, amount: int, currency: str, on: int, booked: str,
    originating: str | None = None, id: str | None = None, settle: Settle | None = None,
    given_settle: Settle | None = None,
) -> Record:  # fmt: skip
    """The fee, in the currency of what it was taken of, and its line on the platform's statement. The money is moved by
    the entry of the object `booked`."""
    id = id or platform.new_id("fee")
    line = balance_transaction.write(
        platform, Line(type="application_fee", amount=amount, currency=currency, source=id, available_on=on,
                       booked=booked, description="Application fee", settle=settle),
    )  # fmt: skip
    fee = Record(
        id=id,
        created=platform.now,
        account=account,
        amount=amount,
        application=application_of(platform),
        balance_transaction=line.id,
        charge=charge,
        currency=currency,
        fee_source=FeeSource(charge=charge),
        livemode=platform.scope.livemode,
        originating_transaction=originating,
        available_on=line.available_on,
        settle=settle,
        given_settle=given_settle,
    )
    return platform.save(fee, "application_fee.created")


def detail(fee: Record) -> FeeDetail:
    """The fee on the account's statement line."""
    return FeeDetail(
        amount=fee.amount, application=fee.application, currency=fee.currency, description="Application fee",
        type="application_fee",
    )  # fmt: skip


async def give_back(platform: Tx, fee: Record, amount: int, metadata: Metadata | None = None) -> RefundRecord:
    """Refund `amount` of the fee, as far as it was not refunded before."""
    part = await still_of(platform, fee.account)
    refund = RefundRecord(
        id=platform.new_id("fr"),
        created=platform.now,
        amount=amount,
        currency=fee.currency,
        fee=fee.id,
        metadata=metadata or {},
        merchant=platform.merchant,
        account=fee.account,
        available_on=fee.available_on,
        effective_at=platform.now,
    )
    common: dict[str, Any] = {
        "currency": fee.currency, "source": refund.id, "available_on": fee.available_on,
        "before": fee.amount_refunded, "description": "Application fee refund",
    }  # fmt: skip
    line = balance_transaction.write(
        platform, Line(type="application_fee_refund", amount=-amount, settle=fee.settle, **common)
    )
    balance_transaction.write(
        part, Line(type="adjustment", amount=amount, reporting_category="fee", settle=fee.given_settle, **common)
    )
    refund = platform.move(refund, LIFE["create"], balance_transaction=line.id)
    total = fee.amount_refunded + amount
    platform.save(
        msgspec.structs.replace(
            fee, amount_refunded=total, refunded=total == fee.amount, given=[refund, *fee.given][: SHOWN + 1]
        ),
        "application_fee.refunded",
    )
    return refund


# Verbs -----------------------------------------------------------------------


class OfFee(Params, frozen=True, kw_only=True):
    """`fee` is the path's."""

    fee: str


class CreateParams(OfFee, frozen=True, kw_only=True):
    amount: Amount | None = None
    metadata: dict[str, str | None] | None = None


class UpdateParams(OfFee, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def _fee(tx: Tx, id: str) -> Record:
    return await tx.get(APPLICATION_FEE, id)


async def create_refund(tx: Tx, params: CreateParams) -> RefundRecord:
    fee = await _fee(tx, params.fee)
    left = fee.amount - fee.amount_refunded
    if left == 0:
        raise invalid(f"Application fee {fee.id} has already been refunded.", code="charge_already_refunded")
    amount = left if params.amount is None else params.amount
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than the unrefunded amount of the fee ({left}).",
                      "amount", "amount_too_large")  # fmt: skip
    return await give_back(tx, fee, amount, merge_metadata({}, params.metadata))


def _owned(refund: RefundRecord, fee: str) -> RefundRecord:
    if refund.fee != fee:
        raise ApiError(f"No such fee refund: '{refund.id}'", status=404, code="resource_missing", param="id")
    return refund


async def retrieve_refund(tx: Tx, refund: RefundRecord, params: OfFee) -> RefundRecord:
    return _owned(refund, params.fee)


async def update_refund(tx: Tx, refund: RefundRecord, params: UpdateParams) -> RefundRecord:
    fee = await _fee(tx, _owned(refund, params.fee).fee)
    refund = msgspec.structs.replace(refund, metadata=merge_metadata(refund.metadata, params.metadata))
    tx.save(msgspec.structs.replace(fee, given=[refund if one.id == refund.id else one for one in fee.given]))
    return tx.save(refund, "application_fee.refund.updated")


def render(view: View, fee: Record) -> Wire:
    url = f"/v1/application_fees/{fee.id}/refunds"
    data = [view.render(refund) for refund in fee.given[:SHOWN]]
    refunds = {"object": "list", "data": data, "has_more": len(fee.given) > SHOWN, "url": url}
    return {**public(ApplicationFee, fee), "refunds": refunds}


def example() -> RefundRecord:
    return RefundRecord(
        id="fr_1", created=0, amount=100, currency="usd", fee="fee_1", merchant="acct_1", account="acct_2",
        available_on=0, effective_at=0,
    )  # fmt: skip


BY_CHARGE = Filter("charge")
BY_FEE = Filter("fee")
_ALL = "/v1/application_fees/{fee}/refunds"
_ONE = _ALL + "/{id}"
APPLICATION_FEE: Resource[Record] = Resource(
    object="application_fee",
    prefix="fee",
    noun="application fee",
    record=Record,
    shape=ApplicationFee,
    present=render,
    shown={"refunds": dict[str, Any]},
    doc="What a platform took of a payment of its connected account.",
    expands=("account", "application", "balance_transaction", "charge", "originating_transaction"),
    elsewhere={"account": "account", "charge": "account"},
    verbs=(
        listing("/v1/application_fees", BY_CHARGE),
        retrieve("/v1/application_fees/{id}"),
    ),
)
FEE_REFUND: Resource[RefundRecord] = Resource(
    object="fee_refund",
    prefix="fr",
    noun="fee refund",
    record=RefundRecord,
    shape=FeeRefund,
    life=LIFE,
    example=example,
    doc="An application fee that is given back to the account, whole or in part.",
    expands=("balance_transaction", "fee"),
    verbs=(
        Verb(name="create", method="POST", path=_ALL, run=create_refund, params=CreateParams, kind="create"),
        listing(_ALL, BY_FEE),
        Verb(name="retrieve", method="GET", path=_ONE, run=retrieve_refund, params=OfFee, kind="retrieve"),
        Verb(name="update", method="POST", path=_ONE, run=update_refund, params=UpdateParams),
    ),
    errors=("amount_too_large", "charge_already_refunded"),
)
