"""Time, injected. This is the only file that reads the machine's clock.

A moment is an `int` of microseconds since 1970 UTC; the API speaks in whole seconds.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Protocol

SECOND = 1_000_000
DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()


class Clock(Protocol):
    def micros(self) -> int:
        """Microseconds since 1970 UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def micros(self) -> int:
        return time.time_ns() // 1000


class ManualClock:
    """A clock that moves when it is told to: for tests and simulations."""

    def __init__(self, start: int = 1_790_000_000 * SECOND) -> None:
        self.now = start

    def micros(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        assert seconds >= 0, "a clock never goes back"
        self.now += seconds * SECOND


def elapsed() -> int:
    """A monotonic reading in microseconds, for durations only."""
    return time.monotonic_ns() // 1000


def utc_date(seconds: int) -> date:
    return date.fromordinal(EPOCH + seconds // DAY)


def midnight(day: date) -> int:
    """Seconds since 1970 of the start of `day` in UTC."""
    return (day.toordinal() - EPOCH) * DAY


def utc_text(seconds: int) -> str:
    """For people: `2026-11-21 06:49:40`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
