"""The worker's pulse: ten times a second it feels how late the event loop is, once a second it talks to the others."""

from __future__ import annotations

import asyncio
import logging

from nostro.controls.demand import Demand
from nostro.kernel.clock import SECOND, elapsed
from nostro.storage.world import World

from .admission import Admission

logger = logging.getLogger("nostro.api")
BEAT = SECOND // 10


async def beat(world: World, admission: Admission, stop: asyncio.Event) -> None:
    """Until `stop` is set. Only where there are limits."""
    demand = None if world.engine.exclusive else Demand(world, admission.rates)
    told = asked = elapsed()
    exchange: asyncio.Task[None] | None = None
    while not stop.is_set():
        await asyncio.sleep(BEAT / SECOND)
        now = elapsed()
        admission.beat(now - asked - BEAT, now - asked)
        asked = now
        if now - told >= SECOND:
            told = now
            if demand is not None and (exchange is None or exchange.done()):
                exchange = asyncio.create_task(_exchange(demand))
    if exchange is not None:
        await exchange


async def _exchange(demand: Demand) -> None:
    """A database that does not answer leaves the shares as they are."""
    try:
        await demand.exchange()
    except Exception:
        logger.exception("the rate limits could not be shared with the other workers")
