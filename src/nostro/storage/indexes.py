"""The indexes of a resource's table: one for each filter and each searched field that asks for one.

Every index is (scope, value, id), so what it finds is in the order of a list and a page is read where it starts,
however many records there are. Only records that have the value are in it, and of a resource whose deleted records
stay, only those that are visible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
        where = [condition for one in filters for condition in filter_conditions(path, one)]
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


def filter_conditions(path: Path, filter: Filter) -> list[str]:
    """What is true of every record in the filter's index."""
    value = filter_value(path, filter)
    if filter.kind == "bool" and filter.always is None:
        return []
    return [f"{value} IS NOT NULL", *([f"{value} <> '{filter.common}'"] if filter.common else [])]


def search_value(path: Path, field: SearchField) -> str:
    return f"LOWER({path(*field.parts)})"


def search_conditions(path: Path, field: SearchField) -> list[str]:
    value = search_value(path, field)
    return [f"{value} IS NOT NULL", *([f"{value} <> '{field.common}'"] if field.common else [])]


def _name(field: str) -> str:
    return field.replace(".", "_")
