"""Customer balance transaction: one change of the credit that a merchant gives a customer for invoices.

Amounts are signed as Stripe signs them: negative is credit that the customer has, positive is owed on the next
invoice. Nobody's cash moves: each is an entry between two memorandum accounts, and `customer.balance` equals the
customer's account, debit positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid
from nostro.kernel.money import CURRENCIES
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Resource,
    Stored,
    Unset,
    Verb,
    changes,
    listing,
    merge_metadata,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .of_customer import OfCustomer, check_owned, owner

if TYPE_CHECKING:
    from .customer import Record as Customer

NOUN = "customer balance transaction"
SignedAmount = Annotated[int, Meta(ge=-99_999_999_999, le=99_999_999_999, description="In minor units, signed.")]
Type = Literal[
    "adjustment", "applied_to_invoice", "checkout_session_subscription_payment",
    "checkout_session_subscription_payment_canceled", "credit_note", "initial", "invoice_overpaid",
    "invoice_too_large", "invoice_too_small", "migration", "unapplied_from_invoice", "unspent_receiver_credit",
]  # fmt: skip


class CustomerBalanceTransaction(Stored, frozen=True, kw_only=True):
    object: Literal["customer_balance_transaction"] = "customer_balance_transaction"
    amount: int
    checkout_session: str | None = None
    credit_note: str | None = None
    currency: str
    customer: str
    customer_account: str | None = None
    description: str | None = None
    ending_balance: int
    invoice: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    type: Type


class Record(CustomerBalanceTransaction, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


class CreateParams(OfCustomer, frozen=True, kw_only=True):
    amount: SignedAmount
    currency: str
    description: Annotated[str, Meta(max_length=350)] | None = None
    metadata: dict[str, str | None] | None = None


class UpdateParams(OfCustomer, frozen=True, kw_only=True):
    description: Annotated[str, Meta(max_length=350)] | None | Unset = UNSET
    metadata: MetadataParam = UNSET


# Money -----------------------------------------------------------------------


def grant_credit(merchant: str, customer: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """The merchant gives `amount` of credit, or takes it back where the amount is negative."""
    return transfer(chart.credit_granted(merchant), chart.customer_credit(customer), amount, currency)


def write(
    tx: Tx,
    customer: Customer,
    type: Type,
    amount: int,
    currency: str,
    *,
    description: str | None = None,
    metadata: Metadata | None = None,
    invoice: str | None = None,
    credit_note: str | None = None,
) -> tuple[Customer, Record]:
    """Change a customer's balance by `amount`: the line, its entry, and the customer as it now is, for the caller to
    save. A customer without a currency takes this one."""
    ending = customer.credit.get(currency, 0) + amount
    line = Record(
        id=tx.new_id("cbtxn"),
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=amount,
        currency=currency,
        customer=customer.id,
        description=description,
        ending_balance=ending,
        metadata=metadata or {},
        type=type,
        invoice=invoice,
        credit_note=credit_note,
    )
    postings = grant_credit(tx.merchant, customer.id, -amount, currency)
    tx.post("customer_balance_transaction.create", line.id, postings)
    main = customer.currency or currency
    credit = {**customer.credit, currency: ending}
    changed = msgspec.structs.replace(customer, credit=credit, currency=main, balance=credit.get(main, 0))
    return changed, tx.save(line)


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    customer = await owner(tx, params.customer)
    currency = params.currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {params.currency[:20]}", "currency")
    if params.amount == 0:
        raise invalid("Invalid non-zero integer", "amount", "parameter_invalid_integer")
    customer, line = write(
        tx, customer, "adjustment", params.amount, currency, description=params.description,
        metadata=merge_metadata({}, params.metadata),
    )  # fmt: skip
    tx.save(customer, "customer.updated")
    return line


async def retrieve(tx: Tx, line: Record, params: OfCustomer) -> Record:
    await owner(tx, params.customer)
    return check_owned(line, params.customer, NOUN)


async def update(tx: Tx, line: Record, params: UpdateParams) -> Record:
    await retrieve(tx, line, OfCustomer(customer=params.customer))
    metadata = merge_metadata(line.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(line, metadata=metadata, **changes(params, "customer", "metadata")))


LINES = "/v1/customers/{customer}/balance_transactions"
CUSTOMER_BALANCE_TRANSACTION: Resource[Record] = Resource(
    object="customer_balance_transaction",
    prefix="cbtxn",
    noun=NOUN,
    record=Record,
    shape=CustomerBalanceTransaction,
    doc="A change of a customer's credit balance, which invoices draw on. No cash moves.",
    filters=(Filter("customer"), Filter("invoice")),
    expands=("customer", "invoice", "credit_note", "checkout_session"),
    verbs=(
        Verb(name="create", method="POST", path=LINES, run=create, params=CreateParams, kind="create"),
        listing(LINES, Filter("customer"), Filter("invoice")),
        Verb(name="retrieve", method="GET", path=LINES + "/{id}", run=retrieve, params=OfCustomer, kind="retrieve"),
        Verb(name="update", method="POST", path=LINES + "/{id}", run=update, params=UpdateParams),
    ),
)
RESOURCE = CUSTOMER_BALANCE_TRANSACTION
