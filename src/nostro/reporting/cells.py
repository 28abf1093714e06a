"""How a report run writes amounts and times."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nostro.kernel.money import exponent

from .names import digits


def money(amount: int, currency: str) -> str:
    """In major units."""
    return digits(amount, exponent(currency))


def time(seconds: int | None, zone: str = "Etc/UTC") -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
