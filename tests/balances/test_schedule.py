"""Payout schedules: anchors in short months, days on which banks rest."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.balances.calendar import is_business_day
from nostro.balances.schedule import WEEKDAYS, Schedule, is_payout_day


def days(schedule: Schedule, first: str, count: int, currency: str = "usd") -> list[str]:
    start = date.fromisoformat(first)
    every = [start + timedelta(days=n) for n in range(count)]
    return [day.isoformat() for day in every if is_payout_day(schedule, currency, day)]


def monthly(*named: int) -> Schedule:
    return Schedule(interval="monthly", monthly_payout_days=list(named))


def test_the_31st_of_short_months() -> None:
    assert days(monthly(31), "2028-02-02", 60) == ["2028-02-29", "2028-03-31"]
    assert days(monthly(31), "2027-02-02", 50) == ["2027-03-01"]  # the 28th is a Sunday; the 31st of March is next
    assert days(monthly(29, 30, 31), "2026-02-03", 30) == ["2026-03-02"]


def test_a_day_of_rest_moves_to_the_next_business_day() -> None:
    thursdays = Schedule(interval="weekly", weekly_payout_days=["thursday"])
    assert days(thursdays, "2026-11-20", 14) == ["2026-11-27", "2026-12-03"]  # Thanksgiving
    assert days(thursdays, "2026-11-20", 14, "eur") == ["2026-11-26", "2026-12-03"]


def test_two_that_meet_are_one() -> None:
    both = Schedule(interval="weekly", weekly_payout_days=["thursday", "friday"])
    assert days(both, "2026-11-22", 8) == ["2026-11-27"]


def test_daily_is_every_business_day() -> None:
    assert days(Schedule(interval="daily"), "2026-11-23", 7) == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"]


def test_manual_is_never() -> None:
    assert days(Schedule(), "2026-11-23", 400) == []


@given(
    named=st.sets(st.integers(1, 31), min_size=1),
    year=st.integers(2021, 2034),
    currency=st.sampled_from(["usd", "jpy"]),
)
def test_each_month_pays_at_most_as_often_as_it_is_asked_to(named: set[int], year: int, currency: str) -> None:
    found = days(monthly(*named), f"{year}-01-01", 365, currency)
    assert all(is_business_day(currency, date.fromisoformat(day)) for day in found)
    assert 11 <= len(found) <= len(named) * 12 + 1


@given(named=st.sets(st.sampled_from(WEEKDAYS), min_size=1), first=st.dates(date(2021, 1, 1), date(2034, 1, 1)))
def test_no_week_goes_by_without_its_payout(named: set[str], first: date) -> None:
    weekly = Schedule(interval="weekly", weekly_payout_days=sorted(named))  # type: ignore[arg-type]
    assert days(weekly, first.isoformat(), 12)


@pytest.mark.parametrize("day", ["2026-11-28", "2026-11-29"])
def test_weekends_pay_nothing(day: str) -> None:
    assert days(Schedule(interval="daily"), day, 1) == []
