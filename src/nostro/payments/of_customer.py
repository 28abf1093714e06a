"""What belongs to a customer is reached through the customer's path, and through no other customer's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from msgspec import Meta

from nostro.kernel.errors import ApiError, invalid, no_such
from nostro.kernel.resource import Params, Resource, Stored, Wire
from nostro.storage.tx import Tx

if TYPE_CHECKING:
    from .customer import Record as Customer

MOST_OWNED = 1000


class OfCustomer(Params, frozen=True, kw_only=True):
    """`customer` is the path's."""

    customer: str


class PageParams(Params, frozen=True, kw_only=True):
    """A list that is put together in memory, because it spans more than one table."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    ending_before: str | None = None


class Owned(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def customer(self) -> str | None: ...


T = TypeVar("T", bound=Owned)
S = TypeVar("S", bound=Stored)


async def owner(tx: Tx, id: str) -> Customer:
    """The customer that a path names. Raises 404 resource_missing for one that is not there, or was deleted.

    Found through the registry: the customer's own module stands on those of what it owns.
    """
    try:
        customer: Customer = await tx.get(tx.registry.by_object["customer"], id, "customer")
    except ApiError as error:
        error.status = 404
        raise
    return customer


def check_owned(record: T, customer: str, noun: str) -> T:
    """Raises 404 resource_missing for what belongs to another customer: here it does not exist."""
    if record.customer != customer:
        raise no_such(noun, record.id)
    return record


async def owned(tx: Tx, resource: Resource[S], customer: str) -> list[S]:
    """All that a customer has of a resource, newest first, in this unit's view."""
    return await tx.all(resource, {"customer": customer}, limit=MOST_OWNED)


def page(records: Sequence[S], params: PageParams, url: str) -> Wire:
    """The cursor page of `records`, which are newest first."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    ids = [record.id for record in records]
    start, end = 0, len(ids)
    if params.starting_after is not None:
        start = _place(ids, params.starting_after, "starting_after") + 1
    if params.ending_before is not None:
        end = _place(ids, params.ending_before, "ending_before")
        start = max(0, end - params.limit)
        return _list(records[start:end], start > 0, url)
    return _list(records[start : start + params.limit], start + params.limit < end, url)


def _place(ids: list[str], cursor: str, param: str) -> int:
    if cursor not in ids:
        raise no_such("object", cursor, param)
    return ids.index(cursor)


def _list(records: Sequence[Stored], has_more: bool, url: str) -> Wire:
    return {"object": "list", "data": list(records), "has_more": has_more, "url": url}
