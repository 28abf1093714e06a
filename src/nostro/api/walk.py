"""How a page is read: by ids, along indexes that are in the order of ids, so that no page costs what the table holds.

A `Branch` is one range of an index; a list may need several (each type of event that a pattern means), which are
merged. What no index answers is `rest`: it is looked at record by record, in slices between which others have their
turn, and not for longer than `PATIENCE`. Then the page ends early and says where to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.clock import elapsed
from nostro.kernel.resource import Resource
from nostro.storage.body import ROW
from nostro.storage.engine import Row
from nostro.storage.tx import Tx

SLICE = 500
PATIENCE = 1_000_000
Condition = tuple[str, list[Any]]
NOTHING: Condition = ("", [])


class Branch(Struct, frozen=True):
    """`where` is what the index answers: ` AND ...`, behind the scope. Without a table, it is the resource's own.

    With a `prefix`, it has the ids that begin with it.
    """

    where: str = ""
    values: tuple[Any, ...] = ()
    table: str = ""
    column: str = "id"
    prefix: str = ""

    def limits(self, bounds: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The bounds as they are told in this branch's ids, which differ from others' in the prefix only."""
        if not self.prefix:
            return list(bounds)
        told = [(sign, f"{self.prefix}_{_tail(id)}") for sign, id in bounds]
        return [(">=", f"{self.prefix}_"), ("<", f"{self.prefix}_~"), *told]


class Walk(Struct, frozen=True):
    """The records of `branches` for which `rest` holds, within `bounds` (comparisons of the id), in order of ids."""

    resource: Resource[Any]
    branches: Sequence[Branch]
    rest: Condition
    bounds: Sequence[tuple[str, str]]
    newest_first: bool = True

    @property
    def order(self) -> str:
        return "DESC" if self.newest_first else "ASC"

    def place(self, id: str) -> str:
        """What decides where an id stands in the list."""
        return _tail(id) if self.branches and self.branches[0].prefix else id


class Page(Struct):
    """Versions and bodies in order. `on` is the id to go on behind if the walk was ended early."""

    rows: list[Row]
    on: str = ""


async def walk(tx: Tx, way: Walk, limit: int, *, empty: bool = False) -> Page:
    """Up to `limit` records. A page that is ended early has at least one record, unless it may be `empty`."""
    if way.resource.also and tx.scope.connected:
        way = _by_prefix(way)
    if not way.rest[0]:
        if len(way.branches) == 1 and not way.branches[0].table:
            statement = _select(tx, way, way.branches[0], way.bounds, NOTHING, limit, columns=ROW)
            return Page(await tx.world.engine.rows(*statement))
        return Page(await _bodies(tx, way, await _ids(tx, way, way.bounds, limit)))
    until = elapsed() + PATIENCE
    rows: list[Row] = []
    behind: list[tuple[str, str]] = []
    while True:
        edge = await _edge(tx, way, behind)
        slice = [*way.bounds, *behind, *([(">=" if way.newest_first else "<=", edge)] if edge else [])]
        rows += await _bodies(tx, way, await _ids(tx, way, slice, limit - len(rows)))
        if len(rows) >= limit or not edge:
            return Page(rows)
        if elapsed() > until and (rows or empty):
            return Page(rows, edge)
        behind = [("<" if way.newest_first else ">", edge)]
        await asyncio.sleep(0)


def _by_prefix(way: Walk) -> Walk:
    """Ids with different prefixes are in the order of time only within each: so each is a branch."""
    prefixes = (way.resource.prefix, *way.resource.also)
    branches = [msgspec.structs.replace(branch, prefix=prefix) for branch in way.branches for prefix in prefixes]
    return msgspec.structs.replace(way, branches=branches)


def _tail(id: str) -> str:
    """What an id is sorted by: the moment and the word behind its prefix."""
    return id.rpartition("_")[2]


async def _edge(tx: Tx, way: Walk, behind: Sequence[tuple[str, str]]) -> str:
    """The id at which the next slice ends: no branch has more than `SLICE` before it. Empty for the last slice."""
    found = await asyncio.gather(
        *(tx.world.engine.rows(*_select(tx, way, branch, [*way.bounds, *behind], NOTHING, 1, SLICE - 1))
          for branch in way.branches)
    )  # fmt: skip
    edges = [rows[0][0] for rows in found if rows]
    return (max if way.newest_first else min)(edges, key=way.place, default="")


async def _ids(tx: Tx, way: Walk, bounds: Sequence[tuple[str, str]], limit: int) -> list[str]:
    found = await asyncio.gather(
        *(tx.world.engine.rows(*_select(tx, way, branch, bounds, way.rest, limit)) for branch in way.branches)
    )
    return sorted({id for rows in found for (id,) in rows}, key=way.place, reverse=way.newest_first)[:limit]


async def _bodies(tx: Tx, way: Walk, ids: Sequence[str]) -> list[Row]:
    if not ids:
        return []
    marks = ",".join("?" * len(ids))
    rows = await tx.world.engine.rows(
        f'SELECT {ROW} FROM "{way.resource.table}" WHERE scope=? AND id IN ({marks})',
        (tx.scope.number, *ids),
    )
    return sorted(rows, key=lambda row: way.place(str(row[1])), reverse=way.newest_first)


def _select(
    tx: Tx, way: Walk, branch: Branch, bounds: Sequence[tuple[str, str]], rest: Condition, limit: int, skip: int = 0,
    columns: str = "",
) -> tuple[str, list[Any]]:  # fmt: skip
    """The statement for a branch's ids, or other columns of its records, and its values."""
    table, column, own = branch.table, branch.column, f'"{way.resource.table}"'
    condition, values = rest
    if table and condition:
        same = f"{own}.scope={table}.scope AND {own}.id={table}.{column}"
        condition = f" AND EXISTS (SELECT 1 FROM {own} WHERE {same}{condition})"
    bounds = branch.limits(bounds)
    limits = "".join(f" AND {column} {sign} ?" for sign, _ in bounds)
    start = f" OFFSET {skip}" if skip else ""
    return (
        f"SELECT {'DISTINCT ' if table else ''}{columns or column} FROM {table or own} "
        f"WHERE scope=?{branch.where}{limits}{condition} ORDER BY {column} {way.order} LIMIT ?{start}",
        [tx.scope.number, *branch.values, *(id for _, id in bounds), *values, limit],
    )


async def distinct(
    tx: Tx, resource: Resource[Any], value: str, where: str = "", values: Sequence[Any] = ()
) -> list[Any]:
    """Every value that an index (scope, ..., value) has: one step in it for each, however many records there are.

    `where` is what the index answers before the value and what is true of all that it has.
    """
    step = f'SELECT {value} FROM "{resource.table}" WHERE scope=?{where} AND {value} IS NOT NULL'
    rows = await tx.world.engine.rows(
        f"WITH RECURSIVE found (value) AS (SELECT ({step} ORDER BY {value} LIMIT 1) UNION ALL "
        f"SELECT ({step} AND {value} > f.value ORDER BY {value} LIMIT 1) FROM found f WHERE f.value IS NOT NULL) "
        "SELECT value FROM found WHERE value IS NOT NULL",
        (tx.scope.number, *values, tx.scope.number, *values),
    )
    return [found for (found,) in rows]
