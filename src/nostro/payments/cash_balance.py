"""Cash balance: money that a customer sent ahead by bank transfer, and that no payment has used yet.

It is the customer's own money and stands in the customer's cash account. The object is a view of the customer and
has no table: `customer.cash` holds the amounts, and equals the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, View, Wire, public
from nostro.storage.tx import Tx

from .of_customer import OfCustomer, owner

if TYPE_CHECKING:
    from .customer import Record as Customer

Mode = Literal["automatic", "manual"]


class Settings(Shape, frozen=True, kw_only=True):
    reconciliation_mode: Mode = "automatic"
    using_merchant_default: bool = True


class CashBalance(Shape, frozen=True, kw_only=True):
    object: Literal["cash_balance"] = "cash_balance"
    available: dict[str, int] | None = None
    customer: str
    customer_account: str | None = None
    livemode: bool = False
    settings: Settings = Settings()


class Record(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """The view as an event keeps it; its id is the customer's."""

    object: Literal["cash_balance"] = "cash_balance"
    available: dict[str, int] | None = None
    customer: str
    customer_account: str | None = None
    livemode: bool = False
    settings: Settings = Settings()


class SettingsParams(Params, frozen=True, kw_only=True):
    reconciliation_mode: Literal["automatic", "manual", "merchant_default"] | None = None


class CashBalanceParams(Params, frozen=True, kw_only=True):
    """`cash_balance` of a customer that is created or updated."""

    settings: SettingsParams | None = None


class UpdateParams(OfCustomer, frozen=True, kw_only=True):
    settings: SettingsParams | None = None


def of(customer: Customer) -> Record:
    """The customer's cash balance; a currency with nothing left is not shown."""
    available = {currency: amount for currency, amount in sorted(customer.cash.items()) if amount}
    mode = customer.reconciliation_mode
    return Record(
        id=customer.id,
        created=customer.created,
        available=available or None,
        customer=customer.id,
        livemode=customer.livemode,
        settings=Settings(reconciliation_mode=mode or "automatic", using_merchant_default=mode is None),
    )


def render(_: View, balance: Record) -> Wire:
    return public(CashBalance, balance)


async def shown(tx: Tx, customer: str) -> Wire:
    """`customer.cash_balance`, when it is expanded."""
    return render(tx.view, of(await owner(tx, customer)))


def reconciliation_mode(old: Mode | None, settings: SettingsParams | None) -> Mode | None:
    """None is the merchant's default."""
    if settings is None or settings.reconciliation_mode is None:
        return old
    return None if settings.reconciliation_mode == "merchant_default" else settings.reconciliation_mode


async def retrieve(tx: Tx, params: OfCustomer) -> Record:
    return of(await owner(tx, params.customer))


async def update(tx: Tx, params: UpdateParams) -> Record:
    customer = await owner(tx, params.customer)
    mode = reconciliation_mode(customer.reconciliation_mode, params.settings)
    return of(tx.save(msgspec.structs.replace(customer, reconciliation_mode=mode)))


CASH_BALANCE: Resource[Record] = Resource(
    object="cash_balance",
    prefix="cash_balance",
    record=Record,
    shape=CashBalance,
    present=render,
    stored=False,
    doc="Cash that a customer sent by bank transfer and that payments can use.",
    verbs=(
        Verb(name="retrieve", method="GET", path="/v1/customers/{customer}/cash_balance", run=retrieve,
             params=OfCustomer),
        Verb(name="update", method="POST", path="/v1/customers/{customer}/cash_balance", run=update,
             params=UpdateParams),
    ),
)  # fmt: skip
RESOURCE = CASH_BALANCE
