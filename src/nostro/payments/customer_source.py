"""A customer's sources: the legacy cards and bank accounts, in one list under the customer.

The first one becomes the customer's default. Setting `source` on a customer replaces the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, missing, no_such, unknown_param
from nostro.kernel.resource import (
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    Wire,
    changes,
    merge_metadata,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import bank_account, card
from . import token as tokens
from .bank_account import BANK_ACCOUNT
from .card import CARD
from .of_customer import OfCustomer, PageParams, owned, owner, page

if TYPE_CHECKING:
    from .customer import Record as Customer

Source = card.Record | bank_account.Record
Shown = card.Card | bank_account.BankAccount


class CustomerSource(Shape, frozen=True, kw_only=True):
    """A card or a bank account."""


class Record(Stored, frozen=True, kw_only=True):
    """Never stored: sources are in the tables of cards and bank accounts."""


class CreateParams(OfCustomer, frozen=True, kw_only=True):
    source: str
    metadata: dict[str, str | None] | None = None
    validate: bool = True


class ListParams(PageParams, frozen=True, kw_only=True):
    customer: str
    object: str | None = None


class SourceParams(OfCustomer, frozen=True, kw_only=True):
    """`source` is the path's."""

    source: str


class OwnerParams(Params, frozen=True, kw_only=True):
    """Declared by the SDK for a kind of source that is not here."""

    address: dict[str, str | None] | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None


class UpdateParams(SourceParams, frozen=True, kw_only=True):
    """The first two are a bank account's, the others, but `metadata`, a card's."""

    account_holder_name: str | None | Unset = UNSET
    account_holder_type: Literal["company", "individual"] | None | Unset = UNSET
    address_city: str | None | Unset = UNSET
    address_country: str | None | Unset = UNSET
    address_line1: str | None | Unset = UNSET
    address_line2: str | None | Unset = UNSET
    address_state: str | None | Unset = UNSET
    address_zip: str | None | Unset = UNSET
    exp_month: Annotated[int, Meta(ge=1, le=12)] | Unset = UNSET
    exp_year: Annotated[int, Meta(ge=2000, le=2099)] | Unset = UNSET
    metadata: MetadataParam = UNSET
    name: str | None | Unset = UNSET
    owner: OwnerParams | Unset = UNSET


class VerifyParams(SourceParams, frozen=True, kw_only=True):
    amounts: list[int] | None = None


# What a customer has ---------------------------------------------------------


async def all_of(tx: Tx, customer: str) -> list[Source]:
    """Newest first: ids carry their time behind the prefix."""
    found: list[Source] = [*await owned(tx, CARD, customer), *await owned(tx, BANK_ACCOUNT, customer)]
    return sorted(found, key=lambda source: source.id.rpartition("_")[2], reverse=True)


async def find(tx: Tx, customer: str, id: str, param: str = "id") -> Source:
    """One of the customer's sources. Raises resource_missing about `param`."""
    bank = id.startswith("ba_")
    source: Source | None = await tx.find(BANK_ACCOUNT, id) if bank else await tx.find(CARD, id)
    if source is None or source.customer != customer:
        raise no_such("source", id, param)
    return source


async def add(
    tx: Tx, customer: Customer, token: str, *, metadata: Metadata | None = None, validate: bool = True
) -> tuple[Customer, Source]:
    """A new source from a token; the first becomes the default. The caller saves the customer."""
    made = await tokens.source(tx, token)
    checked = card.checks_of(tx, made) if validate and isinstance(made, card.Record) else {}
    source = tx.save(
        msgspec.structs.replace(made, customer=customer.id, metadata=metadata or {}, **checked),
        "customer.source.created",
    )
    return msgspec.structs.replace(customer, default_source=customer.default_source or source.id), source


async def replace_default(tx: Tx, customer: Customer, token: str, *, validate: bool = True) -> Customer:
    """A new default from a token, in place of the old one, which goes if it was a card."""
    old = customer.default_source
    customer, _ = await add(tx, msgspec.structs.replace(customer, default_source=None), token, validate=validate)
    if old and old.startswith("card_"):
        tx.delete(await find(tx, customer.id, old), "customer.source.deleted")
    return customer


async def shown(tx: Tx, customer: str) -> Wire:
    """`customer.sources`, when it is expanded: ten at most, as any list."""
    wire = page(await all_of(tx, customer), PageParams(), f"/v1/customers/{customer}/sources")
    return {**wire, "data": [tx.view.render(source) for source in wire["data"]]}


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Source:
    customer = await owner(tx, params.customer)
    metadata = merge_metadata({}, params.metadata)
    changed, source = await add(tx, customer, params.source, metadata=metadata, validate=params.validate)
    if changed != customer:
        tx.save(changed, "customer.updated")
    return source


async def list_(tx: Tx, params: ListParams) -> Wire:
    sources = [s for s in await all_of(tx, params.customer) if params.object in (None, s.object)]
    return page(sources, params, f"/v1/customers/{params.customer}/sources")


async def retrieve(tx: Tx, params: SourceParams) -> Source:
    await owner(tx, params.customer)
    return await find(tx, params.customer, params.source)


async def update(tx: Tx, params: UpdateParams) -> Source:
    await owner(tx, params.customer)
    source = await find(tx, params.customer, params.source)
    given: dict[str, Any] = changes(params, "customer", "source", "metadata")
    for name in given:
        if name not in source.__struct_fields__:
            raise unknown_param(name)
    metadata = merge_metadata(source.metadata, params.metadata)
    changed: Source = msgspec.structs.replace(source, metadata=metadata, **given)
    if isinstance(changed, card.Record):
        expiry = {"exp_month": changed.exp_month, "exp_year": changed.exp_year}
        changed = msgspec.structs.replace(changed, details={**changed.details, **expiry})
    return tx.save(changed, "customer.source.updated")


async def delete(tx: Tx, params: SourceParams) -> Wire:
    """The newest of the others becomes the default, if this one was."""
    customer = await owner(tx, params.customer)
    source = await find(tx, params.customer, params.source)
    tx.delete(source, "customer.source.deleted")
    if customer.default_source == source.id:
        left = [other.id for other in await all_of(tx, customer.id) if other.id != source.id]
        default = left[0] if left else None
        tx.save(msgspec.structs.replace(customer, default_source=default), "customer.updated")
    return {"id": source.id, "object": source.object, "deleted": True}


async def verify(tx: Tx, params: VerifyParams) -> Source:
    await owner(tx, params.customer)
    source = await find(tx, params.customer, params.source)
    if not isinstance(source, bank_account.Record):
        raise invalid("Only bank accounts can be verified with deposits.", "id")
    if params.amounts is None:
        raise missing("amounts")
    return bank_account.verify(tx, source, params.amounts)


SOURCES = "/v1/customers/{customer}/sources"
CUSTOMER_SOURCE: Resource[Record] = Resource(
    object="customer_source",
    prefix="customer_source",
    record=Record,
    shape=CustomerSource,
    stored=False,
    doc="The legacy cards and bank accounts of a customer. New integrations use payment methods.",
    verbs=(
        Verb(name="create", method="POST", path=SOURCES, run=create, params=CreateParams, kind="create",
             answers=Shown),
        Verb(name="list", method="GET", path=SOURCES, run=list_, params=ListParams, kind="list", answers=list[Shown]),
        Verb(name="retrieve", method="GET", path=SOURCES + "/{source}", run=retrieve, params=SourceParams,
             kind="retrieve", answers=Shown),
        Verb(name="update", method="POST", path=SOURCES + "/{source}", run=update, params=UpdateParams,
             answers=Shown),
        Verb(name="delete", method="DELETE", path=SOURCES + "/{source}", run=delete, params=SourceParams,
             kind="delete"),
        Verb(name="verify", method="POST", path=SOURCES + "/{source}/verify", run=verify, params=VerifyParams,
             answers=Shown),
    ),
    errors=("bank_account_verification_failed",),
)  # fmt: skip
RESOURCE = CUSTOMER_SOURCE
