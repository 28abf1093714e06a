"""Lists: newest first, by cursor in both directions, with the filters that the resource declares; and search.

An id carries its creation time, so `created` bounds are bounds on the id and need no index.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from nostro.kernel import search
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Filter, Nested, Params, Range, Resource, Stored, Verb, Wire
from nostro.storage.tx import Tx

from .filters import way_of
from .found import found_by
from .walk import walk

Limit = Annotated[int, Meta(ge=1, le=100)]


def list_params(verb: Verb) -> type[Params]:
    """The parameters of a list verb: the cursor, `created`, and its filters."""
    fields: list[Any] = [
        ("limit", Limit, 10), ("starting_after", str | None, None), ("ending_before", str | None, None),
        ("created", int | Range | None, None),
    ]  # fmt: skip
    kinds: dict[str, Any] = {
        "string": str,
        "bool": bool,
        "any": list[str],
        "pattern": str,
        "range": int | Range,
        "lacks": bool,
    }
    for filter in verb.filters:
        if filter.always is not None:
            continue
        kind = kinds[filter.kind]
        fields.append((filter.name, kind) if filter.required else (filter.name, kind | None, None))
    made = msgspec.defstruct(
        "ListParams", fields, bases=(Params,), frozen=True, kw_only=True, forbid_unknown_fields=True
    )
    return cast(type[Params], made)


async def list_page(tx: Tx, resource: Resource[Any], verb: Verb, params: Any, url: str) -> Wire:
    """One page, as a list object of records; the caller renders them."""
    backwards = params.ending_before is not None
    if backwards and params.starting_after is not None:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    id = params.ending_before or params.starting_after
    if id and await tx.find(resource, id) is None:
        raise no_such(resource.object, id, "ending_before" if backwards else "starting_after")
    cursor = (">" if backwards else "<", id) if id else None
    way = await way_of(tx, resource, verb.filters, params, cursor)
    page = await walk(tx, way, params.limit + 1)
    records = [tx.loaded(resource, row) for row in page.rows[: params.limit]]
    if backwards:
        records.reverse()
    more = bool(page.on) or len(page.rows) > params.limit
    return {"object": "list", "data": records, "has_more": more, "url": url}


class SearchParams(Params, frozen=True, kw_only=True):
    query: str
    limit: Limit = 10
    page: str | None = None


async def search_page(tx: Tx, resource: Resource[Any], params: SearchParams, url: str) -> Wire:
    """Stripe's search language over the stored records, newest first. `page` is the id to go on behind."""
    try:
        query = search.parse(params.query, resource.search)
    except search.SearchError as error:
        raise invalid(str(error), "query") from None
    page = await walk(tx, found_by(tx, resource, query, params.page), params.limit + 1, empty=True)
    records: list[Stored] = [tx.loaded(resource, row) for row in page.rows[: params.limit]]
    full = len(page.rows) > params.limit
    next_page = records[-1].id if full else page.on or None
    more = next_page is not None
    return {"object": "search_result", "data": records, "has_more": more, "next_page": next_page, "url": url}


async def nested_list(tx: Tx, nested: Nested, id: str, limit: int = 10) -> Wire:
    """The list that an expanded object carries inside."""
    resource = tx.registry.by_object[nested.object]
    verb = Verb(name="list", method="GET", path=nested.url, filters=(Filter(nested.by),))
    params = msgspec.convert({"limit": limit, nested.by: id}, list_params(verb))
    return await list_page(tx, resource, verb, params, nested.url.replace("{id}", id))
