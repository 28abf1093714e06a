"""From the filters that a list was asked by to the way that its page is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import Filter, Resource
from nostro.storage.indexes import filter_conditions, filter_value
from nostro.storage.tx import Tx

from .walk import Branch, Condition, Walk, distinct

Given = list[tuple[Filter, Any]]


async def way_of(
    tx: Tx, resource: Resource[Any], filters: Sequence[Filter], params: Any, cursor: tuple[str, str] | None = None
) -> Walk:
    """One index is walked, that of the narrowest filter; what the others ask is looked at on the way."""
    given: Given = []
    for filter in filters:
        value = getattr(params, filter.name) if filter.always is None else filter.always
        if value is not None:
            given.append((filter, value))
    branches, answered = await _branches(tx, resource, given)
    bounds = [*([cursor] if cursor else []), *id_bounds(resource, bounds_of(params.created))]
    where = ""
    values: list[Any] = []
    for filter, value in given:
        if filter.lag != (0, 0):
            bounds += id_bounds(resource, _lagging(filter, bounds_of(value)))
        if filter.name not in answered:
            condition, more = _condition(tx, resource, filter, value)
            where, values = where + condition, [*values, *more]
    if resource.visible and any(branch.table for branch in branches):
        where += visible(tx, resource)
    return Walk(resource, branches, (where, values), bounds, cursor is None or cursor[0] == "<")


def visible(tx: Tx, resource: Resource[Any]) -> str:
    return f" AND {tx.world.engine.path('deleted')} IS NULL" if resource.visible else ""


async def _branches(tx: Tx, resource: Resource[Any], given: Given) -> tuple[list[Branch], set[str]]:
    """The ranges to walk, and the names of the filters that they answer."""
    for filter, value in sorted(given, key=lambda one: one[0].wide or one[0].kind != "string"):
        if filter.kind == "range" or (filter.common and value == filter.common):
            continue
        if filter.among:
            if not value:
                among = filter.among
                return [Branch(f" AND {among.where}", (), among.table, among.column)], {filter.name}
            continue
        return await _ranges(tx, resource, filter, given)
    return [Branch(visible(tx, resource))], set()


async def _ranges(tx: Tx, resource: Resource[Any], filter: Filter, given: Given) -> tuple[list[Branch], set[str]]:
    """Of the index that has this filter, with the one above it or below."""
    above = [one for one in resource.asked if one.field == filter.under]
    levels = [*above, filter, *(one for one in resource.asked if one.under == filter.field)]
    path, answered = tx.world.engine.path, set()
    kept = [condition for level in levels for condition in filter_conditions(path, resource, level)]
    where = "".join(f" AND {condition}" for condition in kept) + visible(tx, resource)
    found = [Branch(where)]
    for level in levels:
        column = filter_value(path, level)
        values: list[Any] | None = None
        for one, value in given:
            if one.field == level.field:
                answered.add(one.name)
                # Nothing is found if the level above has no values: then there are no records.
                these = await _values(tx, resource, one, value, found[0].where) if found else []
                values = these if values is None else [each for each in values if each in these]
        below = []
        for branch in found:
            every = await distinct(tx, resource, column, branch.where, branch.values) if values is None else values
            below += [Branch(f"{branch.where} AND {column} = ?", (*branch.values, each)) for each in every]
        found = below
    return found, answered


async def _values(tx: Tx, resource: Resource[Any], filter: Filter, value: Any, where: str) -> list[Any]:
    """The values of the field that the caller means."""
    if filter.kind == "any":
        return list(dict.fromkeys(value))
    if filter.kind == "pattern" and "*" in value:
        every = await distinct(tx, resource, filter_value(tx.world.engine.path, filter), where)
        pattern = re.sub(r"([?\[])", r"[\1]", value)
        return [each for each in every if fnmatchcase(each, pattern)]
    return [int(value) if filter.kind == "bool" else value]


def _condition(tx: Tx, resource: Resource[Any], filter: Filter, value: Any) -> Condition:
    """What is looked at record by record."""
    column = filter_value(tx.world.engine.path, filter)
    if filter.among:
        table, among = f'"{resource.table}"', filter.among
        rows = f"SELECT 1 FROM {among.table} a WHERE a.scope={table}.scope AND a.{among.column}={table}.id"
        return f" AND {'NOT ' if value else ''}EXISTS ({rows} AND a.{among.where})", []
    if filter.kind == "range":
        bounds = bounds_of(value)
        return "".join(f" AND {column} {sign} ?" for sign, _ in bounds), [bound for _, bound in bounds]
    if filter.kind == "any":
        return f" AND {column} IN ({','.join('?' * len(value))})", value
    if filter.kind == "pattern" and "*" in value:
        return f" AND {column} LIKE ? ESCAPE '!'", [re.sub(r"([!%_])", r"!\1", value).replace("*", "%")]
    return f" AND {column} = ?", [int(value) if filter.kind == "bool" else value]


def _lagging(filter: Filter, bounds: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """When a record with such a moment can have been created."""
    before, after = filter.lag
    return [(sign, bound - after if sign[0] == ">" else bound + before + 1) for sign, bound in bounds]


def id_bounds(resource: Resource[Any], bounds: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """Bounds on a record's creation as bounds on its id."""
    return [
        (">=" if sign[0] == ">" else "<", created_bounds(resource.prefix, bound + (sign in (">", "<="))))
        for sign, bound in bounds
    ]


def bounds_of(given: Any) -> list[tuple[str, int]]:
    """A moment or a range of them as comparisons."""
    if given is None:
        return []
    if isinstance(given, int):
        return [(">=", given), ("<=", given)]
    signs = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
    return [(sign, bound) for name, sign in signs if (bound := getattr(given, name)) is not None]
