"""Payout schedule: on which days what is available is paid out by itself. Pure functions.

A day of the schedule on which the currency's banks rest moves to their next business day; two that meet there are
one. The 29th to 31st are the last day of a shorter month.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Literal

from msgspec import UNSET

from nostro.kernel.resource import Shape, Unset

from .calendar import ONE, is_business_day

Interval = Literal["daily", "manual", "monthly", "weekly"]
Weekday = Literal["friday", "monday", "thursday", "tuesday", "wednesday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")


class Schedule(Shape, frozen=True, kw_only=True):
    """The days are there only for the interval that they belong to."""

    interval: Interval = "manual"
    monthly_payout_days: list[int] | Unset = UNSET
    weekly_payout_days: list[Weekday] | Unset = UNSET


def is_payout_day(schedule: Schedule, currency: str, day: date) -> bool:
    """True if a payout is due on `day`: it is on the schedule, or days before it were, on which the banks rested."""
    if schedule.interval == "manual" or not is_business_day(currency, day):
        return False
    while not _named(schedule, day):
        day -= ONE
        if is_business_day(currency, day):
            return False
    return True


def _named(schedule: Schedule, day: date) -> bool:
    """The schedule itself names the day."""
    if schedule.interval == "weekly":
        return day.weekday() < len(WEEKDAYS) and WEEKDAYS[day.weekday()] in (schedule.weekly_payout_days or ())
    if schedule.interval == "monthly":
        last = monthrange(day.year, day.month)[1]
        return day.day in {min(named, last) for named in schedule.monthly_payout_days or ()}
    return schedule.interval == "daily"
