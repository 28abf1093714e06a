"""From what a URL says to the record that it means, in whichever sandbox that is."""

from __future__ import annotations

from typing import TypeVar

from nostro.kernel.resource import Resource, Stored
from nostro.storage.scope import load_scope
from nostro.storage.unit import Scope
from nostro.storage.world import World

R = TypeVar("R", bound=Stored)


async def scope_of(world: World, resource: Resource[R], id: str) -> Scope | None:
    """Whose record this id is; ids are unguessable and never shared."""
    if not (id.isascii() and id.isprintable()) or not id.startswith(f"{resource.prefix}_"):
        return None
    found = await world.engine.rows(
        f'SELECT r.scope FROM scope s JOIN "{resource.table}" r ON r.scope = s.scope AND r.id = ?', (id,)
    )
    return await load_scope(world, found[0][0]) if found else None
