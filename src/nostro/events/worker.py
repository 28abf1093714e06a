"""The worker: runs jobs when they come due and sends deliveries, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError
from nostro.storage.world import World

from . import delivery, job
from .courier import Courier
from .work import NEAR

logger = logging.getLogger("nostro.worker")
POLL = 1
AFTER_ERROR = 1.0


async def work(world: World, stop: asyncio.Event) -> None:
    """Run until `stop` is set; then what is being sent may end, within `stop_seconds`.

    Nothing is lost if it never gets that far: what is due stays due, and what was being sent is sent again.
    """
    courier = Courier(world)
    stopping = asyncio.create_task(stop.wait())
    try:
        if world.engine.exclusive:
            await delivery.release_all(world)
        while not stop.is_set():
            try:
                world.work.clear()
                if not await _round(world, courier):
                    await _rest(world, stopping, await _seconds_to_next(world))
            except ApiError as error:  # the database is away, and will be back
                logger.warning("the worker waits: %s", error)
                await asyncio.wait({stopping}, timeout=AFTER_ERROR)
            except Exception:
                logger.exception("the worker goes on after an error")
                await asyncio.wait({stopping}, timeout=AFTER_ERROR)
    finally:
        stopping.cancel()
        await courier.close(world.settings.stop_seconds)


async def _round(world: World, courier: Courier) -> bool:
    """One wave of jobs beside one load of deliveries, so that neither waits for the other to run dry."""
    wave = await job.next_wave(world)
    await job.run_wave(world, wave)
    started = await courier.start_due()
    return bool(wave or started)


async def _seconds_to_next(world: World) -> float:
    """Where other processes work on the same database, their commits are seen by looking again."""
    longest = NEAR if world.engine.exclusive else POLL
    moments = [due for due in (await job.next_due(world), await delivery.next_due(world)) if due is not None]
    if not moments:
        return longest
    return min(longest, max(0.0, (min(moments) * SECOND - world.clock.micros()) / SECOND))


async def _rest(world: World, stopping: asyncio.Task[bool], seconds: float) -> None:
    """Sleep until there is work, the worker is stopped, or the time is over."""
    woken = asyncio.create_task(world.work.wait())
    await asyncio.wait({woken, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    woken.cancel()
