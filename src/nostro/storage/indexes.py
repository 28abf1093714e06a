"""The indexes of a resource's table: one for each filter and each searched field that asks for one.

Every index is (scope, value, id), so what it finds is in the order of a list and a page is read where it starts,
however many records there are. Only records that have the value are in it, and of a resource whose deleted records
stay, only those that are visible. Each condition is evaluated for each record written, so none is there twice, and
none for a field that every record has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Struct

from nostro.kernel.resource import Filter, Resource
from nostro.kernel.search import SearchField

from .engine import PathKind

Path = Callable[..., str]
COMPARED: dict[str, PathKind] = {"range": "number", "bool": "bool"}


class Index(NamedTuple):
    """`name` stands behind the table's; `values` are SQL expressions between scope and id."""

    name: str
    values: tuple[str, ...]
    where: str

    def columns(self) -> str:
        return ", ".join(("scope", *self.values, "id"))


def indexes(resource: Resource[Any], path: Path) -> list[Index]:
    """All but the one by id."""
    seen = [f"{path('deleted')} IS NULL"] if resource.visible else []
    made = [Index("visible", (), seen[0])] if seen else []
    above = {filter.under for filter in resource.asked}
    for filter in resource.asked:
        if filter.kind == "range" or (filter.field in above):
            continue  # found by the id's time, or by the index of the filter below
        filters = [one for one in resource.asked if one.field == filter.under] + [filter]
        values = tuple(filter_value(path, one) for one in filters)
        where = [condition for one in filters for condition in filter_conditions(path, resource, one)]
        made.append(Index("_".join(_name(one.field) for one in filters), values, " AND ".join([*where, *seen])))
    for name, field in resource.search.items():
        if field.index:
            where = search_conditions(path, field)
            made.append(Index(f"search_{_name(name)}", (search_value(path, field),), " AND ".join([*where, *seen])))
    return made


def filter_value(path: Path, filter: Filter) -> str:
    """What the filter compares. A record that leaves a bool out says false."""
    value = path(filter.field, kind=COMPARED.get(filter.kind, "text"))
    return f"coalesce({value}, 0)" if filter.kind == "bool" and filter.always is None else value


def filter_conditions(path: Path, resource: Resource[Any], filter: Filter) -> list[str]:
    """What is true of every record in the filter's index, and not of every record."""
    value = filter_value(path, filter)
    if filter.common:
        return [f"{value} <> '{filter.common}'"]
    if filter.kind == "bool" and filter.always is None:
        return []
    record: type[Struct] = resource.record
    return [] if filter.field in always_there(record) else [f"{value} IS NOT NULL"]


@cache
def always_there(record: type[Struct]) -> frozenset[str]:
    """The fields without a default that are never None."""
    return frozenset(
        field.encode_name
        for field in msgspec.structs.fields(record)
        if field.required and type(None) not in get_args(field.type)
    )


def search_value(path: Path, field: SearchField) -> str:
    return f"LOWER({path(*field.parts)})"


def search_conditions(path: Path, field: SearchField) -> list[str]:
    """The same for a searched field. What lies deep is in the index even where it is empty, because it seldom is."""
    value = search_value(path, field)
    if field.common:
        return [f"{value} <> '{field.common}'"]
    return [] if "." in field.path else [f"{value} IS NOT NULL"]


def _name(field: str) -> str:
    return field.replace(".", "_")
