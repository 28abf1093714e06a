"""What a process remembers of a scope: records that many units read and few change (docs/decisions/0038).

    read the scope, with its edition -> read a record -> remember it under that edition
    a unit acts on what is remembered -> its commit checks that the edition is still the same

Who changes such a record raises the edition in the same commit. So memory may be old, but nothing that was done on old
memory is ever committed: the unit runs again, on what it then reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from nostro.kernel.resource import Stored

from .unit import Scope

if TYPE_CHECKING:
    from .world import World

MOST = 10_000
"""Scopes, and records of one."""
Versioned = tuple[int, Stored]


class Memory(Struct):
    """`records` are by table and id or what else names one, each with its version, None for one that is not there;
    `lists` by table; `accounts` are the numbers of connected accounts' scopes."""

    edition: int
    records: dict[tuple[str, str], Versioned | None] = {}
    lists: dict[str, list[Versioned]] = {}
    accounts: dict[str, int] = {}

    def keep(self, table: str, key: str, known: Versioned | None) -> None:
        if len(self.records) >= MOST:
            self.records.clear()
        self.records[table, key] = known


def memory_of(world: World, scope: Scope) -> Memory | None:
    """What is remembered under the edition at which the scope was read; None if that is old or there is none."""
    if scope.edition is None:
        return None
    memory = world.memory.get(scope.number)
    if memory is None or memory.edition < scope.edition:
        if len(world.memory) >= MOST:
            world.memory.clear()
        memory = world.memory[scope.number] = Memory(scope.edition)
    return memory if memory.edition == scope.edition else None
