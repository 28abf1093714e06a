"""Span: the time that a report is about, from a first moment up to another, which is not part of it. All in UTC.

Written as a month (2026-10), a quarter (2026-Q4), a year (2026), or days, both included (2026-10-01/2026-10-15).
"""

from __future__ import annotations

import re
from datetime import date

from msgspec import Struct

from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.ledger.closed import month_starts

HOW = "Write a month (2026-10), a quarter (2026-Q4), a year (2026) or days (2026-10-01/2026-10-15)."
_MONTHS = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?")


class Span(Struct, frozen=True):
    """`starts` and `ends` are seconds; `ends` is the first second after it. `months` is 0 for any other days."""

    name: str
    starts: int
    ends: int
    months: int = 0

    @property
    def before(self) -> Span:
        """The span to compare with: as many months, or as many seconds, that end where this one begins."""
        if not self.months:
            return between(2 * self.starts - self.ends, self.starts)
        first = month_starts(month_of(self.starts), -self.months)
        return Span(_name(first, self.months), first, self.starts, self.months)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        return utc_date(self.starts), utc_date(self.ends - 1)


def named(text: str) -> Span:
    """Raises `ValueError` with what can be written."""
    if found := _MONTHS.fullmatch(text):
        year, quarter, month = found.groups()
        months = 3 if quarter else 1 if month else 12
        first = f"{year}-{(int(quarter) - 1) * 3 + 1 if quarter else int(month or 1):02}"
        return Span(text, month_starts(first), month_starts(first, months), months)
    first_day, slash, last_day = text.partition("/")
    try:
        days = date.fromisoformat(first_day), date.fromisoformat(last_day if slash else first_day)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no period. {HOW}") from None
    if days[1] < days[0]:
        raise ValueError(f"{text} ends before it begins.")
    return Span(text, midnight(days[0]), midnight(days[1]) + DAY)


def between(starts: int, ends: int) -> Span:
    """From one moment up to another, in seconds. Raises `ValueError` if it has no length."""
    if ends <= starts:
        raise ValueError("A period ends after it begins.")
    first, last = utc_date(starts), utc_date(ends - 1)
    return Span(f"{first}/{last}", starts, ends)


def month(seconds: int) -> Span:
    """The month of a moment."""
    return named(month_of(seconds))


def month_of(seconds: int) -> str:
    return f"{utc_date(seconds):%Y-%m}"


def _name(first: int, months: int) -> str:
    text = month_of(first)
    if months == 12:
        return text[:4]
    return text if months == 1 else f"{text[:4]}-Q{(int(text[5:]) + 2) // 3}"
