"""Run a verb as a unit of work: read, do, commit; again on fresh reads if another unit was first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError, Conflict
from nostro.storage.scope import renew, unchanged
from nostro.storage.tx import Request, Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .event import publish

T = TypeVar("T")
ATTEMPTS = 20
NEAR = 60
"""The worker looks for work at least this often (seconds), so jobs that come due later need not wake it."""


async def perform(
    world: World,
    scope: Scope,
    run: Callable[[Tx], Awaitable[T]],
    request: Request | None = None,
    seal: Callable[[Tx, T], None] | None = None,
) -> T:
    """Run `run(tx)` and commit what it built. `seal` may add the answer to the unit just before.

    What is answered without a commit is not answered from memory that is old. Raises what `run` raises (nothing is
    written), and a 409 `lock_timeout` if other units keep winning.
    """
    for attempt in range(ATTEMPTS):
        tx = Tx(world, world.scopes.get(scope.number, scope), request)
        tx.rely_on_time()
        try:
            with world.trace("verb"):
                result = await run(tx)
                await publish(tx)
                if seal is not None:
                    seal(tx, result)
                unit = tx.seal()
        except ApiError:
            if await unchanged(world, tx.unit):
                raise
            continue
        except AssertionError:  # two records may not fit each other because another unit was committed between
            if not await tx.outdated():
                raise
            continue
        finally:
            tx.close()
        if not (unit.writes or unit.entries or unit.rows or unit.claim):
            if await unchanged(world, unit):
                return result
            continue
        try:
            with world.trace("commit"):
                await world.engine.commit(unit)
        except Conflict:
            await renew(world, unit.recalled)
            await asyncio.sleep(0.001 * attempt)
            continue
        await renew(world, unit.renewed)
        near = unit.micros // SECOND + scope.offset + NEAR
        if unit.deliveries or (unit.due is not None and unit.due <= near):
            world.work.set()
        return result
    raise ApiError(
        "This object cannot be accessed right now because another request is changing it. Try again in a moment.",
        status=409, code="lock_timeout",
    )  # fmt: skip
