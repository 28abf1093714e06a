"""The worker's pulse: ten times a second it feels how late the event loop is, once a second it talks to the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from nostro.controls.demand import Demand
from nostro.kernel.clock import SECOND, elapsed
from nostro.storage.world import World

from .admission import Admission

logger = logging.getLogger("nostro.api")
BEAT = SECOND // 10
GOODBYE = 1.0


async def beat(world: World, admission: Admission, stop: asyncio.Event) -> None:
    """Until `stop` is set."""
    alone = world.engine.exclusive or not world.settings.limited
    demand = None if alone else Demand(world, admission.rates)
    told = asked = elapsed()
    latest = 0
    exchange: asyncio.Task[None] | None = None
    while not stop.is_set():
        await asyncio.sleep(BEAT / SECOND)
        now = elapsed()
        late = now - asked - BEAT
        latest = max(latest, late)
        admission.beat(late, now - asked)
        asked = now
        whole = now - told >= SECOND
        if whole:
            told = now
            world.meter.sample(admission.in_flight, admission.shedder.level, latest)
            latest = 0
        if demand is not None and (whole or admission.rates.in_need) and (exchange is None or exchange.done()):
            exchange = asyncio.create_task(_quietly(demand.exchange(now, whole=whole)))
    if exchange is not None:
        await exchange
    if demand is not None:
        await _quietly(asyncio.wait_for(demand.leave(), GOODBYE))


async def _quietly(work: Awaitable[None]) -> None:
    """A database that does not answer leaves the shares as they are."""
    try:
        await work
    except Exception:
        logger.exception("the limits could not be shared with the other workers")
