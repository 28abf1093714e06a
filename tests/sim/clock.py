"""The machine's clock of a simulation: it follows the event loop, and can jump."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from nostro.kernel import clock
from nostro.kernel.clock import SECOND

START = 1_790_000_000


class LoopClock:
    """Whoever sleeps in virtual time sees the time pass; `jump` is a machine that was asleep."""

    def __init__(self) -> None:
        self._jumped = START * SECOND

    def micros(self) -> int:
        return self._jumped + int(asyncio.get_running_loop().time() * SECOND)

    @property
    def seconds(self) -> int:
        return self.micros() // SECOND

    def jump(self, seconds: int) -> None:
        assert seconds >= 0, "a clock never goes back"
        self._jumped += seconds * SECOND

    def monotonic_ns(self) -> int:
        return self.micros() * 1_000

    @contextmanager
    def measures_durations(self) -> Iterator[None]:
        """`elapsed()` reads this clock too, so that what is stored of it repeats."""
        with mock.patch.object(clock, "time", self):
            yield
