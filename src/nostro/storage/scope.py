"""Scopes as the worker knows them. Nothing of one ever changes but its clock, and that only in a sandbox."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .rows import RowWrite
from .unit import NOBODY, Scope, Unit
from .world import World

FIND_SCOPE = "SELECT scope,merchant,livemode,book,clock_offset,dev FROM scope WHERE "
FIND_CONNECTED = "SELECT scope FROM connected WHERE platform=? AND account=?"
ALL_CONNECTED = "SELECT scope FROM connected WHERE platform=? ORDER BY account"
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


async def account_scope(world: World, caller: Scope, account: str) -> Scope | None:
    """The scope of an account that the caller may act for: its own, or one of its platform's; else None."""
    if account == caller.merchant:
        return caller
    if not (account.isascii() and account.isprintable()):
        return None
    found = await world.engine.rows(FIND_CONNECTED, (caller.number, account))
    return await load_scope(world, found[0][0]) if found else None


async def with_connected(world: World, number: int) -> list[int]:
    """A scope and those of its connected accounts."""
    return [number, *(scope for (scope,) in await world.engine.rows(ALL_CONNECTED, (number,)))]


async def move_clocks(world: World, numbers: Iterable[int], offset: int) -> None:
    """Set how many seconds these scopes' time is ahead of the machine's; it never goes back.

    Durable when it returns. Whatever is committed after the call was made, is committed after it.
    """
    rows: list[RowWrite] = []
    for number in numbers:
        scope = await load_scope(world, number)
        if offset > scope.offset:
            world.scopes[number] = msgspec.structs.replace(scope, offset=offset)
            rows.append((MOVE_CLOCK, (offset, number, offset)))
    if rows:
        await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=rows))
