"""A merchant's day: when it begins on the clock of the merchant's own time zone. Pure functions.

The day named 2026-11-23 begins on that date at the hour that the merchant has chosen, and ends where the next one
begins; without a choice that is midnight UTC. A moment that a change of clocks leaves out or repeats is the first one
that the zone knows, so that days never overlap: one of them has 23 hours, another 25.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.kernel.resource import Shape

from .calendar import ONE


class StartOfDay(Shape, frozen=True, kw_only=True):
    """`timezone` is a name of the IANA database."""

    hour: int
    minutes: int
    timezone: str


def begins(day: date, start: StartOfDay | None) -> int:
    """Seconds since 1970 at which the merchant's day begins."""
    if start is None:
        return midnight(day)
    return int(datetime.combine(day, time(start.hour, start.minutes), ZoneInfo(start.timezone)).timestamp())


def day_of(now: int, start: StartOfDay | None) -> date:
    """The merchant's day that a moment is in."""
    if start is None:
        return utc_date(now)
    day = datetime.fromtimestamp(now, ZoneInfo(start.timezone)).date()
    return day - ONE if begins(day, start) > now else day


def day_name(moment: int) -> str:
    """The moment at which a day begins, as a step of an account's code: `2026-11-23`, or `2026-11-23T0500`."""
    day = utc_date(moment).isoformat()
    return day if moment % DAY == 0 else f"{day}T{datetime.fromtimestamp(moment, UTC):%H%M}"


def named_day(name: str) -> int:
    """The moment that `day_name` has named."""
    day, _, clock = name.partition("T")
    return midnight(date.fromisoformat(day)) + (int(clock[:2]) * 3600 + int(clock[2:]) * 60 if clock else 0)
