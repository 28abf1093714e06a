"""Customer: who pays. Its payment methods, sources, tax ids and balances stand under it in modules of their own.

Two balances, both in the ledger: `balance` is credit for invoices (nobody's cash), `cash` is money that the customer
sent ahead. A deleted customer stays, hidden, because its payments name it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.address import Address, AddressParams, Shipping, ShippingParams
from nostro.kernel.errors import ApiError, invalid, no_such
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Nested,
    NoParams,
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
    searching,
)  # fmt: skip
from nostro.kernel.search import SearchField
from nostro.storage.tx import Tx

from . import cash_balance, customer_balance_transaction, customer_source, tax_id
from .customer_balance_transaction import SignedAmount

DEFAULT_CURRENCY = "usd"
MOST_TAX_IDS = 5
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
PREFIX = re.compile(r"[A-Z0-9]{3,12}")
Text = Annotated[str, Meta(max_length=5000)] | None | Unset
Exempt = Literal["exempt", "none", "reverse"]


# Shapes ----------------------------------------------------------------------


class CustomField(Shape, frozen=True, kw_only=True):
    name: str
    value: str


class RenderingOptions(Shape, frozen=True, kw_only=True):
    amount_tax_display: str | None = None
    template: str | None = None


class InvoiceSettings(Shape, frozen=True, kw_only=True):
    custom_fields: list[CustomField] | None = None
    default_payment_method: str | None = None
    footer: str | None = None
    rendering_options: RenderingOptions | None = None


class Customer(Stored, frozen=True, kw_only=True):
    """`sources`, `tax_ids`, `subscriptions`, `tax`, `cash_balance`, `invoice_credit_balance` show when expanded."""

    object: Literal["customer"] = "customer"
    address: Address | None = None
    balance: int = 0
    business_name: str | Unset = UNSET
    currency: str | None = None
    default_source: str | None = None
    delinquent: bool = False
    description: str | None = None
    discount: None = None
    email: str | None = None
    individual_name: str | Unset = UNSET
    invoice_prefix: str
    invoice_settings: InvoiceSettings = InvoiceSettings()
    livemode: bool = False
    metadata: Metadata = {}
    name: str | None = None
    next_invoice_sequence: int = 1
    phone: str | None = None
    preferred_locales: list[str] = []
    shipping: Shipping | None = None
    tax_exempt: Exempt = "none"
    test_clock: str | None = None


class Record(Customer, frozen=True, kw_only=True, omit_defaults=True):
    """`credit` and `cash` are the two balances by currency, in minor units, each equal to its ledger account."""

    deleted: bool = False
    credit: dict[str, int] = {}
    cash: dict[str, int] = {}
    reconciliation_mode: Literal["automatic", "manual"] | None = None
    tax_ip: str | None = None


# Parameters ------------------------------------------------------------------


class CustomFieldParams(Params, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=40)]
    value: Annotated[str, Meta(max_length=140)]


class RenderingOptionsParams(Params, frozen=True, kw_only=True):
    amount_tax_display: Literal["exclude_tax", "include_inclusive_tax"] | None | Unset = UNSET
    template: str | None | Unset = UNSET


class InvoiceSettingsParams(Params, frozen=True, kw_only=True):
    custom_fields: Annotated[list[CustomFieldParams], Meta(max_length=4)] | None | Unset = UNSET
    default_payment_method: str | None | Unset = UNSET
    footer: Text = UNSET
    rendering_options: RenderingOptionsParams | None | Unset = UNSET


class TaxParams(Params, frozen=True, kw_only=True):
    ip_address: str | None | Unset = UNSET
    validate_location: Literal["auto", "deferred", "immediately"] = "deferred"


class SharedParams(Params, frozen=True, kw_only=True):
    """What a customer is created with and can be changed to."""

    address: AddressParams | None | Unset = UNSET
    balance: SignedAmount | Unset = UNSET
    business_name: Annotated[str, Meta(max_length=150)] | None | Unset = UNSET
    cash_balance: cash_balance.CashBalanceParams | Unset = UNSET
    description: Text = UNSET
    email: Annotated[str, Meta(max_length=512)] | None | Unset = UNSET
    individual_name: Annotated[str, Meta(max_length=150)] | None | Unset = UNSET
    invoice_prefix: str | Unset = UNSET
    invoice_settings: InvoiceSettingsParams | Unset = UNSET
    metadata: MetadataParam = UNSET
    name: Annotated[str, Meta(max_length=256)] | None | Unset = UNSET
    next_invoice_sequence: Annotated[int, Meta(ge=1)] | Unset = UNSET
    phone: Annotated[str, Meta(max_length=20)] | None | Unset = UNSET
    preferred_locales: list[str] | None | Unset = UNSET
    shipping: ShippingParams | None | Unset = UNSET
    source: str | Unset = UNSET
    tax: TaxParams | Unset = UNSET
    tax_exempt: Exempt | None | Unset = UNSET
    validate: bool = True


class CreateParams(SharedParams, frozen=True, kw_only=True):
    payment_method: str | None = None
    tax_id_data: Annotated[list[tax_id.TaxIdParams], Meta(max_length=MOST_TAX_IDS)] | None = None
    test_clock: str | None = None


class UpdateParams(SharedParams, frozen=True, kw_only=True):
    default_source: str | Unset = UNSET


# Verbs -----------------------------------------------------------------------

PLAIN = ("business_name", "description", "email", "individual_name", "invoice_prefix", "name",
         "next_invoice_sequence", "phone")  # fmt: skip


async def create(tx: Tx, params: CreateParams) -> Record:
    if params.test_clock is not None:
        raise no_such("test clock", params.test_clock, "test_clock")
    blank = Record(
        id=tx.new_id("cus"),
        created=tx.now,
        livemode=tx.scope.livemode,
        invoice_prefix=tx.world.ids.word(8).upper(),
    )
    customer = _with_shared(blank, params)
    methods = {}
    if params.payment_method is not None:
        methods[params.payment_method] = await _attach(tx, params.payment_method, customer.id)
    customer = await _with_invoice_settings(tx, customer, params, methods)
    if params.source is not UNSET:
        customer, _ = await customer_source.add(tx, customer, params.source, validate=params.validate)
    for n, data in enumerate(params.tax_id_data or ()):
        tax_id.make(tx, customer.id, data.type, data.value, f"tax_id_data[{n}][value]")
    if params.balance is not UNSET and params.balance:
        customer, _ = customer_balance_transaction.write(tx, customer, "initial", params.balance, DEFAULT_CURRENCY)
    return tx.save(customer, "customer.created")


async def update(tx: Tx, customer: Record, params: UpdateParams) -> Record:
    changed = await _with_invoice_settings(tx, _with_shared(customer, params), params, {})
    if params.default_source is not UNSET:
        source = await customer_source.find(tx, customer.id, params.default_source, "default_source")
        changed = msgspec.structs.replace(changed, default_source=source.id)
    if params.source is not UNSET:
        changed = await customer_source.replace_default(tx, changed, params.source, validate=params.validate)
    if params.balance is not UNSET and params.balance != customer.balance:
        currency = customer.currency or DEFAULT_CURRENCY
        change = params.balance - customer.credit.get(currency, 0)
        changed, _ = customer_balance_transaction.write(tx, changed, "adjustment", change, currency)
    return tx.save(changed, "customer.updated")


async def delete(tx: Tx, customer: Record, params: NoParams) -> Wire:
    """Hidden from now on; the event shows the customer as it was."""
    tx.emit("customer.deleted", customer)
    deleted = tx.save(msgspec.structs.replace(customer, deleted=True))
    return render(tx.view, deleted)


async def delete_discount(tx: Tx, customer: Record, params: NoParams) -> Wire:
    raise ApiError(f"No active discount for customer: {customer.id}", status=404, code="resource_missing")


def _with_shared(customer: Record, params: SharedParams) -> Record:
    """The customer with what was given, but not yet what needs to look at other objects."""
    _check(params)
    change: dict[str, Any] = {name: value for name in PLAIN if (value := getattr(params, name)) is not UNSET}
    for name in ("business_name", "individual_name"):
        if change.get(name, UNSET) is None:
            change[name] = UNSET  # not shown at all, as before it was set
    if params.address is not UNSET:
        change["address"] = params.address.shape() if params.address else None
    if params.shipping is not UNSET:
        change["shipping"] = params.shipping.shape() if params.shipping else None
    if params.preferred_locales is not UNSET:
        change["preferred_locales"] = params.preferred_locales or []
    if params.tax_exempt is not UNSET:
        change["tax_exempt"] = params.tax_exempt or "none"
    if params.cash_balance is not UNSET:
        change["reconciliation_mode"] = cash_balance.reconciliation_mode(
            customer.reconciliation_mode, params.cash_balance.settings
        )
    if params.tax is not UNSET and params.tax.ip_address is not UNSET:
        change["tax_ip"] = params.tax.ip_address
    metadata = merge_metadata(customer.metadata, params.metadata)
    changed = msgspec.structs.replace(customer, metadata=metadata, **change)
    if params.tax is not UNSET and params.tax.validate_location == "immediately" and not _location(changed):
        raise invalid(
            "The customer's location is not recognized. Set a valid address on the customer.",
            "tax[validate_location]", "customer_tax_location_invalid",
        )  # fmt: skip
    return changed


def _check(params: SharedParams) -> None:
    if isinstance(params.email, str) and not EMAIL.fullmatch(params.email):
        raise invalid(f"Invalid email address: {params.email[:100]}", "email", "email_invalid")
    if params.invoice_prefix is not UNSET and not PREFIX.fullmatch(params.invoice_prefix):
        raise invalid("Invoice prefixes are 3 to 12 uppercase letters or digits.", "invoice_prefix")


async def _with_invoice_settings(tx: Tx, customer: Record, params: SharedParams, attached: dict[str, str]) -> Record:
    """What is given replaces its field. `attached` are methods that this request has just attached, by given name."""
    given = params.invoice_settings
    if given is UNSET:
        return customer
    change: dict[str, Any] = {}
    if given.custom_fields is not UNSET:
        fields = given.custom_fields or []
        change["custom_fields"] = [CustomField(name=f.name, value=f.value) for f in fields] or None
    if given.footer is not UNSET:
        change["footer"] = given.footer
    if given.rendering_options is None:
        change["rendering_options"] = None
    elif given.rendering_options is not UNSET:
        options = given.rendering_options
        change["rendering_options"] = RenderingOptions(
            amount_tax_display=options.amount_tax_display or None, template=options.template or None
        )
    if given.default_payment_method is not UNSET:
        id = given.default_payment_method
        change["default_payment_method"] = (attached.get(id) or await _own_method(tx, customer, id)) if id else None
    settings = msgspec.structs.replace(customer.invoice_settings, **change)
    return msgspec.structs.replace(customer, invoice_settings=settings)


# Payment methods stand above: their module imports this one, so it is named when it is needed. ----------------


async def _attach(tx: Tx, id: str, customer: str) -> str:
    """The id of the method, which for a published test id is a new one."""
    from . import payment_method

    method = await payment_method.usable(tx, id)
    return (await payment_method.attach_to(tx, method, customer)).id


async def _own_method(tx: Tx, customer: Record, id: str) -> str:
    from . import payment_method

    param = "invoice_settings[default_payment_method]"
    method = await tx.find(payment_method.PAYMENT_METHOD, id)
    if method is None:
        raise no_such("PaymentMethod", id, param)
    if method.customer != customer.id:
        raise invalid(
            f"The customer does not have a payment method with the ID {id}. "
            "The payment method must be attached to the customer.", param, "resource_missing",
        )  # fmt: skip
    return method.id


# Shown -----------------------------------------------------------------------


def render(_: View, customer: Record) -> Wire:
    if customer.deleted:
        return {"id": customer.id, "object": "customer", "deleted": True}
    return public(Customer, customer)


async def _credit_balance(tx: Tx, id: str) -> dict[str, int]:
    return dict((await tx.get(CUSTOMER, id)).credit)


async def _tax(tx: Tx, id: str) -> Wire:
    """Where the customer is for taxes. The merchant has no tax registrations here yet."""
    customer = await tx.get(CUSTOMER, id)
    location = _location(customer)
    return {
        "automatic_tax": "not_collecting" if location else "unrecognized_location",
        "ip_address": customer.tax_ip,
        "location": location,
        "provider": "stripe",
    }


def _location(customer: Record) -> Wire | None:
    for source, address in (
        ("shipping_destination", customer.shipping and customer.shipping.address),
        ("billing_address", customer.address),
    ):
        if address and address.country:
            return {"country": address.country, "source": source, "state": address.state}
    return None


async def _subscriptions(tx: Tx, id: str) -> Wire:
    return {"object": "list", "data": [], "has_more": False, "url": f"/v1/customers/{id}/subscriptions"}


EMAIL_FILTER, CLOCK_FILTER = Filter("email"), Filter("test_clock")
CUSTOMER: Resource[Record] = Resource(
    object="customer",
    prefix="cus",
    record=Record,
    shape=Customer,
    present=render,
    visible=lambda customer: not customer.deleted,
    doc="Who pays you: contact and tax details, saved payment methods, and balances.",
    filters=(EMAIL_FILTER, CLOCK_FILTER),
    expands=("default_source", "discount", "invoice_settings.default_payment_method", "test_clock"),
    nested={"tax_ids": Nested("tax_id", "customer", tax_id.OF_CUSTOMER.replace("{customer}", "{id}"))},
    on_demand={
        "cash_balance": cash_balance.shown,
        "invoice_credit_balance": _credit_balance,
        "sources": customer_source.shown,
        "subscriptions": _subscriptions,
        "tax": _tax,
    },
    search={
        "created": SearchField("created", "number"),
        "email": SearchField("email", "string", index=True),
        "name": SearchField("name", "string", index=True),
        "phone": SearchField("phone", "string", index=True),
    },
    verbs=(
        Verb(name="create", method="POST", path="/v1/customers", run=create, params=CreateParams, kind="create"),
        listing("/v1/customers", EMAIL_FILTER, CLOCK_FILTER),
        searching("/v1/customers/search"),
        retrieve("/v1/customers/{id}"),
        Verb(name="update", method="POST", path="/v1/customers/{id}", run=update, params=UpdateParams),
        Verb(name="delete", method="DELETE", path="/v1/customers/{id}", run=delete, kind="delete"),
        Verb(name="delete_discount", method="DELETE", path="/v1/customers/{id}/discount", run=delete_discount),
    ),
    errors=("email_invalid", "customer_tax_location_invalid"),
)  # fmt: skip
RESOURCE = CUSTOMER
