"""Lists: newest first, by cursor in both directions, with the filters that the resource declares.

An id carries its creation time, so `created` bounds are bounds on the id and need no index.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from nostro.kernel import search
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import Filter, Nested, Params, Range, Resource, Stored, Verb, Wire
from nostro.storage.engine import PathKind
from nostro.storage.tx import Tx

Limit = Annotated[int, Meta(ge=1, le=100)]
COMPARED: dict[str, PathKind] = {"range": "number", "bool": "bool"}


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
    where, values = _conditions(tx, resource, verb, params)
    backwards = params.ending_before is not None
    if backwards and params.starting_after is not None:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    cursor = params.ending_before or params.starting_after
    if cursor:
        param = "ending_before" if backwards else "starting_after"
        if await tx.find(resource, cursor) is None:
            raise no_such(resource.object, cursor, param)
        where += f" AND id {'>' if backwards else '<'} ?"
        values.append(cursor)
    found = await tx.world.engine.rows(
        f'SELECT version, body FROM "{resource.table}" WHERE scope=?{where} '
        f"ORDER BY id {'ASC' if backwards else 'DESC'} LIMIT ?",
        (*values, params.limit + 1),
    )
    records = [tx.loaded(resource, version, body) for version, body in found[: params.limit]]
    if backwards:
        records.reverse()
    return {"object": "list", "data": records, "has_more": len(found) > params.limit, "url": url}


def _conditions(tx: Tx, resource: Resource[Any], verb: Verb, params: Any) -> tuple[str, list[Any]]:
    where = ""
    values: list[Any] = [tx.scope.number]
    for filter in verb.filters:
        given: Any = getattr(params, filter.name) if filter.always is None else filter.always
        if given is None:
            continue
        if filter.kind == "lacks":
            where += f" AND {'NOT ' if given else ''}EXISTS ({filter.path})"
            continue
        column = tx.world.engine.path(filter.field, kind=COMPARED.get(filter.kind, "text"))
        if filter.kind == "any":
            where += f" AND {column} IN ({','.join('?' * len(given))})"
            values += given
        elif filter.kind == "pattern" and "*" in given:
            where += f" AND {column} LIKE ? ESCAPE '!'"
            values.append(re.sub(r"([!%_])", r"!\1", given).replace("*", "%"))
        elif filter.kind == "range":
            for sign, bound in bounds(given):
                where += f" AND {column} {sign} ?"
                values.append(bound)
        elif filter.kind == "bool":
            where += f" AND coalesce({column}, 0) = ?"
            values.append(int(given))
        else:
            where += f" AND {column} = ?"
            values.append(given)
    if resource.visible:
        where += f" AND {tx.world.engine.path('deleted')} IS NULL"
    for sign, bound in bounds(params.created):
        at = bound + (1 if sign in (">", "<=") else 0)
        where += f" AND id {'>=' if sign in ('>', '>=') else '<'} ?"
        values.append(created_bounds(resource.prefix, at))
    return where, values


def bounds(given: Any) -> list[tuple[str, int]]:
    if given is None:
        return []
    if isinstance(given, int):
        return [(">=", given), ("<=", given)]
    signs = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
    return [(sign, bound) for name, sign in signs if (bound := getattr(given, name)) is not None]


class SearchParams(Params, frozen=True, kw_only=True):
    query: str
    limit: Limit = 10
    page: str | None = None


async def search_page(tx: Tx, resource: Resource[Any], params: SearchParams, url: str) -> Wire:
    """Stripe's search language over the stored records, newest first. `page` is the last id seen."""
    try:
        query = search.parse(params.query, resource.search)
    except search.SearchError as error:
        raise invalid(str(error), "query") from None
    where, values = search.sql(query, lambda field: tx.world.engine.path(*field.parts, kind=_kind(field)))
    if resource.visible:
        where = f"({where}) AND {tx.world.engine.path('deleted')} IS NULL"
    after = ""
    if params.page:
        after, values = " AND id < ?", [*values, params.page]
    found = await tx.world.engine.rows(
        f'SELECT version, body FROM "{resource.table}" WHERE scope=? AND ({where}){after} ORDER BY id DESC LIMIT ?',
        (tx.scope.number, *values, params.limit + 1),
    )
    records: list[Stored] = [tx.loaded(resource, version, body) for version, body in found[: params.limit]]
    more = len(found) > params.limit
    next_page = records[-1].id if more else None
    return {"object": "search_result", "data": records, "has_more": more, "next_page": next_page, "url": url}


def _kind(field: search.SearchField) -> PathKind:
    return "number" if field.kind == "number" else "text"


async def nested_list(tx: Tx, nested: Nested, id: str, limit: int = 10) -> Wire:
    """The list that an expanded object carries inside."""
    resource = tx.registry.by_object[nested.object]
    verb = Verb(name="list", method="GET", path=nested.url, filters=(Filter(nested.by),))
    params = msgspec.convert({"limit": limit, nested.by: id}, list_params(verb))
    return await list_page(tx, resource, verb, params, nested.url.replace("{id}", id))
