"""Sandbox: the caller's own test environment, whose time can be moved and whose quiet can be waited for.

Moving time runs each job that comes due on the way at its own moment, in due order. Deliveries keep the machine's
time: they are sent at once, and a retry waits as long as it does for a real receiver. Beyond Stripe's API, and only
in the sandboxes of `nostro dev`.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from msgspec import Meta

from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.errors import ApiError
from nostro.kernel.resource import NoParams, Params, Resource, Stored, Verb
from nostro.storage.scope import load_scope, move_clocks, with_connected
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import delivery, job
from .courier import Courier

PATIENCE = 60
LOOK_AGAIN = 0.01
LONGEST_STEP = 5 * 366 * DAY


class Sandbox(Stored, frozen=True, kw_only=True):
    """`now` is the sandbox's time in seconds, `offset` how far it is ahead of the machine's.

    `settled` is false if something was still under way when patience ended.
    """

    object: Literal["sandbox"] = "sandbox"
    now: int
    offset: int
    settled: bool


class AdvanceParams(Params, frozen=True, kw_only=True):
    seconds: Annotated[int, Meta(ge=1, le=LONGEST_STEP)]


async def advance(world: World, scope: Scope, seconds: int) -> bool:
    """Move the time of the sandbox and its connected accounts ahead through all that comes due on the way, in the order
    in which it does, then `settle` each."""
    number = scope.number
    async with world.moving.setdefault(number, asyncio.Lock()):
        until = _machine_now(world) + (await load_scope(world, number)).offset + seconds
        while wave := await job.next_family_wave(world, number, until):
            # A job that is late already runs now: the clock does not go back for it.
            moved = {number, *(one.scope for one in wave)}
            await asyncio.gather(
                move_clocks(world, moved, wave[0].due - _machine_now(world)), job.run_wave(world, wave)
            )
        family = await with_connected(world, number)
        await move_clocks(world, family, until - _machine_now(world))
    return all([await settle(world, await load_scope(world, one)) for one in family])


async def settle(world: World, scope: Scope, patience: int = PATIENCE) -> bool:
    """Return when no job is due and no delivery is due or being sent; False after `patience` seconds.

    What failed and waits to be tried again later does not count.
    """
    courier = Courier(world, scope.number)
    try:
        async with asyncio.timeout(patience):
            while True:
                ran = await job.run_due(world, scope.number)
                started = await courier.start_due()
                await courier.idle()
                if not (ran or started):
                    if not await delivery.open_count(world, scope.number):
                        return True
                    await asyncio.sleep(LOOK_AGAIN)
    except TimeoutError:
        return False
    finally:
        await courier.close()


def _machine_now(world: World) -> int:
    return world.clock.micros() // SECOND


# The verbs act on the whole sandbox, through many units: they stand outside any one of them.


async def see(world: World, scope: Scope, params: NoParams) -> Sandbox:
    busy = await job.next_wave(world, scope.number) or await delivery.open_count(world, scope.number)
    return await _seen(world, scope, settled=not busy)


async def move(world: World, scope: Scope, params: AdvanceParams) -> Sandbox:
    _only_in_dev(scope)
    return await _seen(world, scope, settled=await advance(world, scope, params.seconds))


async def wait(world: World, scope: Scope, params: NoParams) -> Sandbox:
    _only_in_dev(scope)
    settled = [await settle(world, one) for one in await _family(world, scope)]
    return await _seen(world, scope, settled=all(settled))


async def _family(world: World, scope: Scope) -> list[Scope]:
    """A platform's time is that of its connected accounts too."""
    return [await load_scope(world, number) for number in await with_connected(world, scope.number)]


async def _seen(world: World, scope: Scope, settled: bool) -> Sandbox:
    current = await load_scope(world, scope.number)
    rows = await world.engine.rows("SELECT created FROM scope WHERE scope=?", (scope.number,))
    now = _machine_now(world) + current.offset
    return Sandbox(
        id=current.merchant, created=rows[0][0], now=now, offset=current.offset, settled=settled
    )  # fmt: skip


def _only_in_dev(scope: Scope) -> None:
    if not scope.dev:
        raise ApiError("Time can be moved only in the sandboxes of nostro dev.", status=403, code="sandbox_required")


SANDBOX: Resource[Sandbox] = Resource(
    object="sandbox",
    prefix="sandbox",
    record=Sandbox,
    shape=Sandbox,
    stored=False,
    doc="The caller's own test environment: its time, and whether anything is still under way. Beyond Stripe's API.",
    errors=("sandbox_required",),
    verbs=(
        Verb(name="retrieve", method="GET", path="/v1/test_helpers/sandbox", run=see, kind="system", dev_only=True,
             summary="The sandbox's time."),
        Verb(name="advance", method="POST", path="/v1/test_helpers/sandbox/advance", run=move, kind="system",
             params=AdvanceParams, dev_only=True,
             summary="Move time ahead: what comes due runs at its own moment, in order, until all is quiet."),
        Verb(name="settle", method="POST", path="/v1/test_helpers/sandbox/settle", run=wait, kind="system",
             dev_only=True, summary="Wait until no job is due and every webhook has been sent."),
    ),
)  # fmt: skip
RESOURCE = SANDBOX
