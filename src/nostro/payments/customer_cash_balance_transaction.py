"""Customer cash balance transaction: one movement of the cash that a customer sent ahead.

A transfer that arrives is money at the platform's bank, owed to the customer until a payment uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import Amount, Filter, Resource, Shape, Stored, Unset, Verb, View, Wire, listing, public
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import cash_balance, funding_instructions
from .of_customer import OfCustomer, check_owned, owner

if TYPE_CHECKING:
    from .customer import Record as Customer

NOUN = "customer cash balance transaction"
SENDER = "Test Sender"
Type = Literal[
    "adjusted_for_overdraft", "applied_to_payment", "funded", "funding_reversed", "refunded_from_payment",
    "return_canceled", "return_initiated", "transferred_to_balance", "unapplied_from_payment",
]  # fmt: skip


class AppliedToPayment(Shape, frozen=True, kw_only=True):
    payment_intent: str


class BankTransfer(Shape, frozen=True, kw_only=True):
    """What is known of the sender stands under the transfer's type; `render` puts it there."""

    reference: str | None = None
    type: funding_instructions.Type
    sender: dict[str, Any] = {}


class Funded(Shape, frozen=True, kw_only=True):
    bank_transfer: BankTransfer


class RefundedFromPayment(Shape, frozen=True, kw_only=True):
    refund: str


class CustomerCashBalanceTransaction(Stored, frozen=True, kw_only=True):
    object: Literal["customer_cash_balance_transaction"] = "customer_cash_balance_transaction"
    applied_to_payment: AppliedToPayment | Unset = UNSET
    currency: str
    customer: str
    customer_account: str | None = None
    ending_balance: int
    funded: Funded | Unset = UNSET
    livemode: bool = False
    net_amount: int
    refunded_from_payment: RefundedFromPayment | Unset = UNSET
    type: Type
    unapplied_from_payment: AppliedToPayment | Unset = UNSET


class Record(CustomerCashBalanceTransaction, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


class FundParams(OfCustomer, frozen=True, kw_only=True):
    amount: Amount
    currency: str
    reference: Annotated[str, Meta(max_length=140)] | None = None


# Money -----------------------------------------------------------------------


def receive_cash(customer: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """A bank transfer arrives: cash at the bank, owed to the customer."""
    return transfer(chart.CASH, chart.customer_cash(customer), amount, currency)


def write(tx: Tx, customer: Customer, type: Type, net: int, currency: str, **about: Any) -> tuple[Customer, Record]:
    """The line for a change of `net`, and the customer as it now is, for the caller to save. The caller posts the
    entry, since the other side depends on the type; `about` is the type's own hash."""
    ending = customer.cash.get(currency, 0) + net
    line = Record(
        id=tx.new_id("ccsbtxn"),
        created=tx.now,
        livemode=tx.scope.livemode,
        currency=currency,
        customer=customer.id,
        ending_balance=ending,
        net_amount=net,
        type=type,
        **about,
    )
    changed = msgspec.structs.replace(customer, cash={**customer.cash, currency: ending})
    return changed, tx.save(line, "customer_cash_balance_transaction.created")


# Verbs -----------------------------------------------------------------------


async def fund(tx: Tx, params: FundParams) -> Record:
    """In test mode: the customer sends a bank transfer of `amount`."""
    customer = await owner(tx, params.customer)
    currency = params.currency.lower()
    found = funding_instructions.TYPE_OF_CURRENCY.get(currency)
    if found is None:
        known = ", ".join(funding_instructions.TYPE_OF_CURRENCY)
        raise invalid(f"Bank transfers cannot be made in {params.currency[:20]}: use one of {known}.", "currency")
    arrived = BankTransfer(reference=params.reference, type=found, sender=_sender(found))
    funded = Funded(bank_transfer=arrived)
    customer, line = write(tx, customer, "funded", params.amount, currency, funded=funded)
    tx.post("customer_cash_balance_transaction.fund", line.id, receive_cash(customer.id, params.amount, currency))
    tx.save(customer)
    tx.emit("cash_balance.funds_available", cash_balance.of(customer))
    return line


def _sender(type: funding_instructions.Type) -> dict[str, Any]:
    """Who sent it, as each country's transfers tell."""
    match type:
        case "eu_bank_transfer":
            return {"bic": "BANKDEAAXXX", "iban_last4": "7089", "sender_name": SENDER}
        case "gb_bank_transfer":
            return {"account_number_last4": "6789", "sender_name": SENDER, "sort_code": "108800"}
        case "jp_bank_transfer":
            return {"sender_bank": "TEST BANK", "sender_branch": "MAIN", "sender_name": SENDER}
        case "us_bank_transfer":
            return {"network": "ach", "sender_name": SENDER}
    return {}


async def retrieve(tx: Tx, line: Record, params: OfCustomer) -> Record:
    await owner(tx, params.customer)
    return check_owned(line, params.customer, NOUN)


def render(_: View, line: Record) -> Wire:
    wire = public(CustomerCashBalanceTransaction, line)
    if line.funded is not UNSET:
        arrived = line.funded.bank_transfer
        told = {arrived.type: arrived.sender} if arrived.sender else {}
        wire["funded"] = {"bank_transfer": {**told, "reference": arrived.reference, "type": arrived.type}}
    return wire


LINES = "/v1/customers/{customer}/cash_balance_transactions"
CUSTOMER_CASH_BALANCE_TRANSACTION: Resource[Record] = Resource(
    object="customer_cash_balance_transaction",
    prefix="ccsbtxn",
    noun=NOUN,
    record=Record,
    shape=CustomerCashBalanceTransaction,
    present=render,
    shown={"funded": dict[str, Any] | Unset},
    doc="A movement of the cash that a customer sent by bank transfer.",
    filters=(Filter("customer"),),
    expands=("customer", "applied_to_payment.payment_intent", "unapplied_from_payment.payment_intent",
             "refunded_from_payment.refund"),
    verbs=(
        listing(LINES, Filter("customer")),
        Verb(name="retrieve", method="GET", path=LINES + "/{id}", run=retrieve, params=OfCustomer, kind="retrieve"),
        Verb(name="fund", method="POST", path="/v1/test_helpers/customers/{customer}/fund_cash_balance", run=fund,
             params=FundParams, dev_only=True, summary="In test mode: a bank transfer from the customer arrives."),
    ),
)  # fmt: skip
RESOURCE = CUSTOMER_CASH_BALANCE_TRANSACTION
