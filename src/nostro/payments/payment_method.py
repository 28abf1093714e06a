"""Payment method: how a customer pays, of one rail, reusable once it is attached to a customer.

The rail's public hash stands under the rail's own name (`card: {...}`). The network's token stays private.
A method that is not attached pays once; the intent that uses it remembers so.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.address import Address
from nostro.kernel.errors import invalid, missing, no_such, unknown_param
from nostro.kernel.params import convert
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
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
)  # fmt: skip
from nostro.rails.rail import Attempt, Declined, Made, Rail, rail_of
from nostro.storage.tx import Tx

from . import mandate as mandates
from . import token as tokens
from .billing_details import EMPTY, BillingDetails, BillingDetailsParams, merged
from .card import Record as Card
from .customer import CUSTOMER

Redisplay = Literal["always", "limited", "unspecified"]


class RadarOptions(Shape, frozen=True, kw_only=True):
    session: str | None = None


class PaymentMethod(Stored, frozen=True, kw_only=True):
    """The rail's hash is added when it is rendered."""

    object: Literal["payment_method"] = "payment_method"
    allow_redisplay: Redisplay
    billing_details: BillingDetails = EMPTY
    customer: str | None = None
    customer_account: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    radar_options: RadarOptions | None = None
    type: str


class Record(PaymentMethod, frozen=True, kw_only=True, omit_defaults=True):
    """`set_up`: its holder authenticated it for use while away. `spent`: used once, and not attached."""

    details: dict[str, Any]
    token: str
    supplied: list[str] = []
    set_up: bool = False
    spent: bool = False
    detached: bool = False


class RadarOptionsParams(Params, frozen=True, kw_only=True):
    session: str | None = None


class DataParams(Params, frozen=True, kw_only=True):
    """The part of `payment_method_data` that all rails share; the rest belongs to the rail."""

    type: str
    allow_redisplay: Redisplay | None = None
    billing_details: BillingDetailsParams | None = None
    metadata: dict[str, str | None] | None = None
    radar_options: RadarOptionsParams | None = None


SHARED = frozenset(DataParams.__struct_fields__)


class CreateParams(Params, frozen=True, kw_only=True):
    """`given` gathers what the wire names after the rails (`card[...]`): see `decode_data`."""

    type: str | None = None
    allow_redisplay: Redisplay | None = None
    billing_details: BillingDetailsParams | None = None
    card: dict[str, Any] | None = None
    customer: str | None = None
    metadata: dict[str, str | None] | None = None
    payment_method: str | None = None
    radar_options: RadarOptionsParams | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    allow_redisplay: Redisplay | Unset = UNSET
    billing_details: BillingDetailsParams | Unset = UNSET
    card: dict[str, Any] | Unset = UNSET
    metadata: MetadataParam = UNSET


class AttachParams(Params, frozen=True, kw_only=True):
    """`payment_method` is the path's, so that a published test id can be attached too."""

    payment_method: str
    customer: str | None = None
    customer_account: str | None = None


def render(view: View, method: Record) -> Wire:
    return {**public(PaymentMethod, method), method.type: method.details}


# Making ----------------------------------------------------------------------


async def from_data(tx: Tx, data: dict[str, Any], param: str = "payment_method_data") -> Record:
    """A method from `payment_method_data`: the shared part, and one hash named after the rail.

    A token in that hash (`card[token]`) is used up.
    """
    type = data.get("type")
    if not isinstance(type, str):
        raise missing(f"{param}[type]" if param else "type")
    rail = rail_of(tx, type, f"{param}[type]" if param else "type")
    for name in data:
        if name not in SHARED and name != type:
            raise unknown_param(f"{param}[{name}]" if param else name)
    shared = convert({k: v for k, v in data.items() if k in SHARED}, DataParams, param)
    own = f"{param}[{type}]" if param else type
    given = convert(data.get(type) or {}, rail.data, own)
    token = getattr(given, "token", None)
    if token is None:
        return _made(tx, rail, rail.make(given, tx), shared)
    return _from_card(tx, rail, await tokens.card_of(tx, token, f"{own}[token]"), shared)


def _from_card(tx: Tx, rail: Rail, card: Card, shared: DataParams) -> Record:
    """What the token knows of its holder counts where the caller says nothing."""
    made = _made(tx, rail, card.made(), shared)
    known = {name: getattr(card, f"address_{name}") for name in ("city", "country", "line1", "line2", "state")}
    address = Address(postal_code=card.address_zip, **known)
    billing = msgspec.structs.replace(
        made.billing_details,
        name=made.billing_details.name or card.name,
        address=address if made.billing_details.address == EMPTY.address else made.billing_details.address,
    )
    return msgspec.structs.replace(made, billing_details=billing, supplied=_supplied(made.supplied, billing))


def from_test_id(tx: Tx, id: str) -> Record | None:
    """A new method from a published test id (`pm_card_visa`, `tok_visa`); None if it is not one."""
    for rail in tx.world.rails.values():
        made = rail.known(id, tx)
        if made is not None:
            return _made(tx, rail, made, DataParams(type=rail.type))
    return None


def _made(tx: Tx, rail: Rail, made: Made, shared: DataParams) -> Record:
    billing = merged(EMPTY, shared.billing_details)
    return Record(
        id=tx.new_id("pm"),
        created=tx.now,
        livemode=tx.scope.livemode,
        type=rail.type,
        allow_redisplay=shared.allow_redisplay or "unspecified",
        billing_details=billing,
        metadata=merge_metadata({}, shared.metadata),
        radar_options=RadarOptions(session=shared.radar_options.session) if shared.radar_options else None,
        details=made.details,
        token=made.token,
        supplied=_supplied(made.supplied, billing),
    )


def _supplied(given: tuple[str, ...] | list[str], billing: BillingDetails) -> list[str]:
    """Which data the network can check: what came with the method, and what the address adds."""
    kept = [name for name in given if name not in ("line1", "postal_code")]
    return kept + [name for name in ("line1", "postal_code") if getattr(billing.address, name)]


async def usable(tx: Tx, id: str, param: str = "payment_method") -> Record:
    """The method that a payment names: a stored one, or a new one from a published test id."""
    made = from_test_id(tx, id) if not tx.scope.livemode and "_" in id else None
    if made is not None:
        return tx.save(made)
    if await tx.find(PAYMENT_METHOD, id) is None:
        raise no_such("PaymentMethod", id, param)
    return await tx.get(PAYMENT_METHOD, id, param)


def check_usable(method: Record, customer: str | None) -> None:
    """Raises if the method is another customer's, or was used once and kept by nobody."""
    if method.customer is not None and method.customer != customer:
        raise invalid(
            f"The provided PaymentMethod ({method.id}) is attached to the customer {method.customer}. "
            "To use it, pass that customer too." if customer is None else
            f"The provided PaymentMethod ({method.id}) belongs to another customer than {customer}.",
            "payment_method", "payment_method_customer_mismatch" if customer else "payment_method_unexpected_state",
        )  # fmt: skip
    if method.customer is None and (method.spent or method.detached):
        raise invalid(
            f"The PaymentMethod {method.id} was used or detached without being attached to a customer, "
            "and cannot be used again. Create a new one, or attach it to a customer before its first use.",
            "payment_method",
        )  # fmt: skip


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    if params.payment_method is not None:
        return await _clone(tx, params)
    data = {
        name: msgspec.to_builtins(value)
        for name in params.__struct_fields__
        if name not in ("customer", "payment_method") and (value := getattr(params, name)) is not None
    }
    if params.customer is not None:
        raise invalid("`customer` is only for cloning: pass `payment_method` too, or attach it afterwards.", "customer")
    return tx.save(await from_data(tx, data, ""))


async def _clone(tx: Tx, params: CreateParams) -> Record:
    source = await usable(tx, params.payment_method or "")
    if source.customer != params.customer:
        raise invalid("The payment method does not belong to this customer.", "customer")
    return tx.save(
        msgspec.structs.replace(
            source, id=tx.new_id("pm"), created=tx.now, customer=None, spent=False,
            metadata=merge_metadata({}, params.metadata),
        )
    )  # fmt: skip


async def update(tx: Tx, method: Record, params: UpdateParams) -> Record:
    details = method.details
    if params.card is not UNSET:
        if method.type != "card":
            raise invalid(f"You cannot update `card` on a PaymentMethod of type {method.type}.", "card")
        rail = rail_of(tx, method.type)
        details = rail.change(details, convert(params.card, rail.update, "card"))
    billing = merged(method.billing_details, params.billing_details)
    redisplay = method.allow_redisplay if params.allow_redisplay is UNSET else params.allow_redisplay
    events = ("payment_method.updated",) if method.customer else ()
    changed = msgspec.structs.replace(
        method,
        details=details,
        billing_details=billing,
        allow_redisplay=redisplay,
        supplied=_supplied(method.supplied, billing),
        metadata=merge_metadata(method.metadata, params.metadata),
    )
    return tx.save(changed, *events)


async def attach(tx: Tx, params: AttachParams) -> Record:
    if params.customer is None:
        raise missing("customer")
    await tx.get(CUSTOMER, params.customer, "customer")
    return await attach_to(tx, await usable(tx, params.payment_method, "id"), params.customer)


async def attach_to(tx: Tx, method: Record, customer: str, *, verify: bool = True) -> Record:
    """Attach, after asking the network whether the method may be saved; the answer's checks are kept."""
    if method.customer is not None:
        if method.customer == customer:
            return method
        raise invalid(
            "The payment method you provided has already been attached to a customer.", "payment_method",
            "payment_method_unexpected_state",
        )  # fmt: skip
    check_usable(method, customer)
    if verify:
        method = _verified(tx, method)
    return tx.save(msgspec.structs.replace(method, customer=customer), "payment_method.attached")


def _verified(tx: Tx, method: Record) -> Record:
    rail = rail_of(tx, method.type)
    report = rail.verify(
        Attempt(
            reference=method.id, amount=0, currency="", details=method.details, token=method.token,
            supplied=tuple(method.supplied), off_session=True, now=tx.now,
        )
    )  # fmt: skip
    if isinstance(report, Declined):
        raise report.error
    return with_checks(method, report.details.get("checks") if hasattr(report, "details") else None)


def with_checks(method: Record, checks: dict[str, Any] | None) -> Record:
    if not checks or method.details.get("checks") == checks:
        return method
    return msgspec.structs.replace(method, details={**method.details, "checks": checks})


def set_up(method: Record, checks: dict[str, Any] | None, usage: str | None) -> Record:
    """The method with what the network checked; it answered with the holder present, who allows this usage."""
    method = with_checks(method, checks)
    away = usage == "off_session"
    return msgspec.structs.replace(method, set_up=True) if away and not method.set_up else method


async def detach(tx: Tx, method: Record, params: NoParams) -> Record:
    if method.customer is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            "payment_method", "payment_method_unexpected_state",
        )  # fmt: skip
    owner = await tx.find(CUSTOMER, method.customer)
    settings = owner.invoice_settings if owner else None
    if owner and settings and settings.default_payment_method == method.id:
        settings = msgspec.structs.replace(settings, default_payment_method=None)
        tx.save(msgspec.structs.replace(owner, invoice_settings=settings), "customer.updated")
    await mandates.end_of(tx, method.id)
    return tx.save(msgspec.structs.replace(method, customer=None, detached=True), "payment_method.detached")


class CustomerMethodParams(Params, frozen=True, kw_only=True):
    customer: str


async def retrieve_of_customer(tx: Tx, method: Record, params: CustomerMethodParams) -> Record:
    await tx.get(CUSTOMER, params.customer, "customer")
    if method.customer != params.customer:
        raise no_such("PaymentMethod", method.id)
    return method


TYPE = Filter("type", wide=True, common="card")
REDISPLAY = Filter("allow_redisplay", wide=True, common="unspecified")
PAYMENT_METHOD: Resource[Record] = Resource(
    object="payment_method",
    noun="PaymentMethod",
    prefix="pm",
    record=Record,
    shape=PaymentMethod,
    present=render,
    shown={"*": dict[str, Any]},
    doc="How a customer pays: a card or another rail's instrument, kept for reuse when attached to a customer.",
    filters=(Filter("customer"),),
    expands=("customer", "card.generated_from.setup_attempt"),
    verbs=(
        Verb(name="create", method="POST", path="/v1/payment_methods", run=create, params=CreateParams,
             kind="create", access="publishable"),
        listing("/v1/payment_methods", Filter("customer"), Filter("customer_account"), TYPE,
                REDISPLAY),
        retrieve("/v1/payment_methods/{id}"),
        Verb(name="update", method="POST", path="/v1/payment_methods/{id}", run=update, params=UpdateParams),
        Verb(name="attach", method="POST", path="/v1/payment_methods/{payment_method}/attach", run=attach,
             params=AttachParams),
        Verb(name="detach", method="POST", path="/v1/payment_methods/{id}/detach", run=detach),
        listing("/v1/customers/{customer}/payment_methods", Filter("customer"), TYPE, REDISPLAY,
                name="list_of_customer"),
        Verb(name="retrieve_of_customer", method="GET", path="/v1/customers/{customer}/payment_methods/{id}",
             run=retrieve_of_customer, params=CustomerMethodParams),
    ),
    errors=("payment_method_unexpected_state", "payment_method_customer_mismatch"),
)  # fmt: skip
RESOURCE = PAYMENT_METHOD
