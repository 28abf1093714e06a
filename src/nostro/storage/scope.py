"""Scopes as the worker knows them. Nothing of one ever changes but its clock, and that only in a sandbox."""

from __future__ import annotations

import msgspec

from .unit import NOBODY, Scope, Unit
from .world import World

FIND_SCOPE = "SELECT scope,merchant,livemode,book,clock_offset,dev FROM scope WHERE "
MOVE_CLOCK = "UPDATE scope SET clock_offset=? WHERE scope=? AND clock_offset<?"


async def load_scope(world: World, number: int) -> Scope:
    """The scope by its number, from memory or the store.

    Where other processes work on the same database, one of them may have moved a sandbox's time, so a scope whose
    time can move is read each time. It never goes back, not even where a move is still to be committed.
    """
    known = world.scopes.get(number)
    if known is not None and (world.engine.exclusive or not known.dev):
        return known
    rows = await world.engine.rows(FIND_SCOPE + "scope=?", (number,))
    n, merchant, livemode, book, offset, dev = rows[0]
    known = world.scopes.get(number)
    if known is None or offset > known.offset:
        world.scopes[number] = Scope(n, merchant, bool(livemode), book, offset, bool(dev))
    return world.scopes[number]


async def move_clock(world: World, number: int, offset: int) -> None:
    """Set how many seconds the scope's time is ahead of the machine's; it never goes back.

    Durable when it returns. Whatever is committed after the call was made, is committed after it.
    """
    scope = await load_scope(world, number)
    if offset <= scope.offset:
        return
    world.scopes[number] = msgspec.structs.replace(scope, offset=offset)
    row = (MOVE_CLOCK, (offset, number, offset))
    await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=[row]))
