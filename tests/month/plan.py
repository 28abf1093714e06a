"""Plan: how large the month is and how often what happens. Rates are per million of what they are about."""

from __future__ import annotations

from msgspec import Struct

FIRST_DAY = 1_793_491_200
"""2026-11-01 00:00 UTC, a Sunday: the month begins at midnight."""
DAYS = 30
FEE_RATE = 12
"""What the marketplace takes of a sale, in percent."""


class Plan(Struct, frozen=True, kw_only=True):
    """`breaks` is how many lines of the bank's statements are spoiled on purpose, each in one of the known ways."""

    sellers: int = 1_000
    payments: int = 100_000
    seed: int = 1
    days: int = DAYS
    declined: int = 20_000
    refunded: int = 30_000
    disputed: int = 2_000
    returned: int = 10_000
    corrected: int = 2_000
    direct: int = 100_000
    separate: int = 150_000
    breaks: int = 12
