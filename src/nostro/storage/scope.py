"""Scopes as the worker knows them. Nothing of one ever changes but its edition and, in a sandbox, its clock."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .rows import RowWrite
from .tx import Tx
from .unit import NOBODY, Scope, Unit
from .world import World

FIND_SCOPE = "SELECT scope,merchant,livemode,book,clock_offset,dev,edition FROM scope WHERE "
FIND_CONNECTED = "SELECT scope FROM connected WHERE platform=? AND account=?"
ALL_CONNECTED = "SELECT scope FROM connected WHERE platform=? ORDER BY account"
MOVE_CLOCK = "UPDATE scope SET clock_offset=? WHERE scope=? AND clock_offset<?"


async def load_scope(world: World, number: int, *, anew: bool = False) -> Scope:
    """The scope by its number, from memory or the store.

    Where other processes work on the same database, one of them may have moved a sandbox's time, so a scope whose
    time can move is read each time. It never goes back, not even where a move is still to be committed.
    """
    known = world.scopes.get(number)
    if known is not None and not anew and (world.engine.exclusive or not known.dev):
        return known
    rows = await world.engine.rows(FIND_SCOPE + "scope=?", (number,))
    n, merchant, livemode, book, offset, dev, edition = rows[0]
    known = world.scopes.get(number)
    if known is not None:
        offset, edition = max(offset, known.offset), max(edition, known.edition or 0)
    if known is None or (offset, edition) != (known.offset, known.edition):
        world.scopes[number] = Scope(n, merchant, bool(livemode), book, offset, bool(dev), edition)
    return world.scopes[number]


async def recall_scope(world: World, number: int) -> Scope:
    """The scope as it was when it was last read, for units that name it among what they recalled."""
    return world.scopes.get(number) or await load_scope(world, number)


async def unchanged(world: World, unit: Unit) -> bool:
    """Whether the scopes that a unit recalled are still as it knew them: for what is answered without a commit."""
    if not world.engine.exclusive:
        await renew(world, unit.recalled)
    return all(world.scopes[number] == scope for number, scope in unit.recalled.items())


async def renew(world: World, numbers: Iterable[int]) -> None:
    """Know these scopes as they are now. Call it when a unit is committed that renewed them, or was stale."""
    for number in numbers:
        await load_scope(world, number, anew=True)


async def account_scope(world: World, caller: Scope, account: str) -> Scope | None:
    """The scope of an account that the caller may act for: its own, or one of its platform's; else None."""
    if account == caller.merchant:
        return caller
    if not (account.isascii() and account.isprintable()):
        return None
    found = await world.engine.rows(FIND_CONNECTED, (caller.number, account))
    return await load_scope(world, found[0][0]) if found else None


async def recall_account(tx: Tx, account: str) -> Scope | None:
    """The same for a unit, from memory: its commit checks it."""
    memory = tx.memory()
    if account == tx.merchant or memory is None:
        return await account_scope(tx.world, tx.scope, account)
    if account not in memory.accounts:
        scope = await account_scope(tx.world, tx.scope, account)
        if scope is not None:
            memory.accounts[account] = scope.number
        return scope
    return await recall_scope(tx.world, memory.accounts[account])


async def with_connected(world: World, number: int) -> list[int]:
    """A scope and those of its connected accounts."""
    return [number, *(scope for (scope,) in await world.engine.rows(ALL_CONNECTED, (number,)))]


async def move_clocks(world: World, numbers: Iterable[int], offset: int) -> None:
    """Set how many seconds these scopes' time is ahead of the machine's; it never goes back.

    Durable when it returns. Whatever is committed after the call was made, is committed after it; so this worker knows
    the new time at once, before it reads anything.
    """
    rows: list[RowWrite] = []
    for number in numbers:
        scope = world.scopes.get(number) or await load_scope(world, number)
        if offset > scope.offset:
            world.scopes[number] = msgspec.structs.replace(scope, offset=offset)
            rows.append((MOVE_CLOCK, (offset, number, offset)))
    if rows:
        await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=rows))
