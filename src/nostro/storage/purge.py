"""Drop what is past its day from tables keyed by scope and id, in slices, so that serving never waits for it."""

from __future__ import annotations

import asyncio

from .unit import NOBODY, Unit
from .world import World

SLICE = 500
PAUSE = 0.01


async def drop_before(world: World, table: str, column: str, end: str, unless: str = "") -> None:
    """Delete the rows whose `column`, an id, sorts before `end`, but for those of which the SQL `unless` is true.

    The key of the table must begin with (scope, column). Workers that do it side by side do no harm.
    """
    scope = await _next_scope(world, table, -1)
    while scope is not None:
        await _drop_of_scope(world, table, column, end, unless, scope)
        scope = await _next_scope(world, table, scope)


async def _next_scope(world: World, table: str, after: int) -> int | None:
    """One step in the index for each scope that has rows, however many rows."""
    await asyncio.sleep(0)
    rows = await world.engine.rows(f"SELECT min(scope) FROM {table} WHERE scope>?", (after,))
    found: int | None = rows[0][0]
    return found


async def _drop_of_scope(world: World, table: str, column: str, end: str, unless: str, scope: int) -> None:
    span = f"{table} WHERE scope=? AND {column}>=? AND {column}<?"
    delete = f"DELETE FROM {span}{f' AND NOT ({unless})' if unless else ''}"
    first = ""
    while True:
        rows = await world.engine.rows(
            f"SELECT {column} FROM {span} ORDER BY {column} LIMIT ?", (scope, first, end, SLICE + 1)
        )
        if not rows:
            return
        whole = len(rows) <= SLICE
        # "~" sorts behind everything that an id is made of: a step ahead even where all rows share one.
        until = end if whole else rows[-1][0] if rows[-1][0] > rows[0][0] else f"{rows[0][0]}~"
        unit = Unit(scope=NOBODY, micros=world.clock.micros(), rows=[(delete, (scope, first, until))])
        await world.engine.commit(unit)
        if whole:
            return
        first = until
        await asyncio.sleep(PAUSE)
