"""Pace: long work on the event loop, piece by piece, that gives way to whoever waits."""

from __future__ import annotations

import asyncio

from .clock import elapsed

IDLE = 300
"""Microseconds. A turn of the loop in which somebody had something to do takes longer."""
SHARE = 3
"""Where others want it all, this work has one part in four of the loop."""


class Pace:
    def __init__(self) -> None:
        self._began = elapsed()

    async def give_way(self) -> None:
        """Let others have some times as long as the piece since the last time took, or until nobody wants it."""
        now = elapsed()
        until = now + SHARE * (now - self._began)
        while True:
            before = now
            await asyncio.sleep(0)
            now = elapsed()
            if now - before < IDLE or now >= until:
                break
        self._began = now
