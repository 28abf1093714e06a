"""Lines of a bulk request that are booked as units of their own: all that are no plain transfers, or too few."""

from __future__ import annotations

import asyncio

from nostro.events.event import publish
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, Conflict, Refused, refused
from nostro.kernel.resource import Wire
from nostro.storage.scope import unchanged
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit
from nostro.storage.world import World

from .app_entry import LedgerEntry, create
from .bulk_lines import Made, Slice
from .bulk_results import as_line, refusal

WINDOW = 256  # lines that are built side by side and share a commit


async def as_one_unit(world: World, scope: Scope, part: Slice) -> list[str]:
    async def run(tx: Tx) -> list[Wire]:
        results = []
        for n, number in enumerate(part.numbers):
            try:
                results.append(await _book(tx, number, part.made(n)))
            except ApiError as error:
                error.message = f"Line {number}: {error.message.rstrip('.')}. Nothing was booked."
                raise
        return results

    return [as_line(result) for result in await perform(world, scope, run)]


async def one_by_one(world: World, scope: Scope, made: list[tuple[int, Made]]) -> list[str]:
    """Window after window: each window's units are built side by side and given to the engine in the lines' order."""
    results: list[str] = []
    for start in range(0, len(made), WINDOW):
        window = made[start : start + WINDOW]
        built = await asyncio.gather(*(_built(world, scope, *line) for line in window))
        tasks = [_committed(world, scope, *line, *one) for line, one in zip(window, built, strict=True)]
        results += [as_line(result) for result in await asyncio.gather(*tasks)]
    return results


async def _built(world: World, scope: Scope, number: int, line: Made) -> tuple[Wire, Unit | None]:
    tx = Tx(world, world.scopes.get(scope.number, scope))
    try:
        wire = await _book(tx, number, line)
    except ApiError as error:
        wire = refusal(number, error)
    else:
        await publish(tx)
        if (unit := tx.seal()).entries:
            return wire, unit
    return wire if await unchanged(world, tx.unit) else await _again(world, scope, number, line), None


async def _committed(world: World, scope: Scope, number: int, line: Made, wire: Wire, unit: Unit | None) -> Wire:
    """A unit that was built on what another has changed since is built again: a line that says what one before said."""
    if unit is None:
        return wire
    try:
        await world.engine.commit(unit)
    except Refused as limit:
        return refusal(number, refused(limit))
    except Conflict:
        return await _again(world, scope, number, line)
    if unit.due is not None:
        world.work.set()
    return wire


async def _again(world: World, scope: Scope, number: int, line: Made) -> Wire:
    try:
        return await perform(world, scope, lambda tx: _book(tx, number, line))
    except ApiError as error:
        return refusal(number, error)
    except Refused as limit:
        return refusal(number, refused(limit))


async def _book(tx: Tx, number: int, line: Made) -> Wire:
    before = len(tx.unit.entries)
    made = await create(tx, line())
    if not isinstance(made, LedgerEntry):
        return {"line": number, "status": "dry_run", "dry_run": made}
    new = len(tx.unit.entries) > before
    return {"line": number, "status": "created" if new else "existing", "entry": made.id}
