"""What is kept only for a time, and is dropped when its day has come. Books and objects are kept for good."""

from __future__ import annotations

from nostro.controls import request_log
from nostro.events import delivery
from nostro.kernel.clock import SECOND
from nostro.storage.world import World

from . import idempotency

OFTEN = (idempotency.purge,)
HOURLY = (request_log.purge, delivery.purge)
HOUR = 3600


class Housekeeping:
    """`purge` is called each minute. It works in slices, with pauses, so it may take long and nothing waits for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next_hourly = 0

    async def purge(self) -> None:
        for purge in OFTEN:
            await purge(self._world)
        now = self._world.clock.micros() // SECOND
        if now >= self._next_hourly:
            self._next_hourly = now + HOUR
            for purge in HOURLY:
                await purge(self._world)
