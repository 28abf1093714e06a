"""Bank calendars: known days, and what holds of every day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.balances.calendar import (
    BANKS,
    add_business_days,
    banks,
    business_midnight,
    is_business_day,
    next_cut_off,
    this_or_next,
)  # fmt: skip

CURRENCIES = st.sampled_from([*BANKS, "xof"])
# As far as the library knows the moon: some calendars end in 2035.
DAYS = st.dates(date(2020, 1, 1), date(2034, 12, 31))
MOMENTS = st.integers(1_577_836_800, 2_051_222_400)


@pytest.mark.parametrize(
    ("currency", "day", "open"),
    [
        ("usd", "2026-11-26", False),  # Thanksgiving
        ("usd", "2026-07-03", True),  # the holiday is a Saturday: the Federal Reserve is open the day before
        ("usd", "2021-07-05", False),  # it was a Sunday: closed the day after
        ("usd", "2026-10-12", False),  # Columbus Day: banks rest, exchanges do not
        ("eur", "2026-05-01", False),
        ("eur", "2026-05-25", True),  # Whit Monday is no holiday of TARGET
        ("eur", "2026-04-06", False),
        ("gbp", "2026-08-31", False),
        ("gbp", "2026-12-28", False),  # Boxing Day fell on a Saturday
        ("jpy", "2026-12-31", False),
        ("jpy", "2026-09-22", False),  # between two holidays
        ("cad", "2026-09-30", False),
        ("aud", "2026-01-26", False),
        ("chf", "2026-05-14", False),
        ("xof", "2026-12-25", True),
        ("xof", "2026-12-26", False),
        ("usd", "2028-02-29", True),
    ],
)
def test_known_days(currency: str, day: str, open: bool) -> None:
    assert is_business_day(currency, date.fromisoformat(day)) is open


@pytest.mark.parametrize(
    ("currency", "day", "later"),
    [
        ("usd", "2026-11-25", "2026-11-30"),  # over Thanksgiving and a weekend
        ("usd", "2028-02-28", "2028-03-01"),  # over a leap day
        ("usd", "2027-02-26", "2027-03-02"),  # over the end of a short month
        ("eur", "2026-12-31", "2027-01-05"),
        ("gbp", "2026-04-02", "2026-04-08"),  # over Easter
        ("jpy", "2026-12-30", "2027-01-05"),
    ],
)
def test_two_business_days(currency: str, day: str, later: str) -> None:
    assert add_business_days(currency, date.fromisoformat(day), 2) == date.fromisoformat(later)


@pytest.mark.parametrize(
    ("now", "cut_off"),
    [
        ("2026-11-20T21:59:59", "2026-11-20T22:00:00"),  # a Friday, five in New York less a second
        ("2026-11-20T22:00:00", "2026-11-23T22:00:00"),  # and on the hour: Monday
        ("2026-11-25T23:00:00", "2026-11-27T22:00:00"),  # not on Thanksgiving
        ("2026-03-06T22:30:00", "2026-03-09T21:00:00"),  # summer time began on Sunday
        ("2026-10-30T21:30:00", "2026-11-02T22:00:00"),  # and ended
        ("2026-11-24T03:00:00", "2026-11-24T22:00:00"),  # still Monday in New York, after its cut-off
    ],
)
def test_cut_offs_keep_the_banks_clock(now: str, cut_off: str) -> None:
    moment, day = next_cut_off("usd", _seconds(now))
    assert datetime.fromtimestamp(moment, UTC).isoformat()[:19] == cut_off
    assert day == datetime.fromtimestamp(moment, ZoneInfo("America/New_York")).date()


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@given(currency=CURRENCIES, day=DAYS, days=st.integers(0, 31))
def test_a_later_day_is_never_sooner(currency: str, day: date, days: int) -> None:
    here, next_day = (add_business_days(currency, d, days) for d in (day, day + timedelta(days=1)))
    assert here <= next_day
    assert add_business_days(currency, day, days + 1) > here
    assert add_business_days(currency, here, 1) == add_business_days(currency, day, days + 1)


@given(currency=CURRENCIES, day=DAYS, days=st.integers(1, 31))
def test_the_days_between_are_counted(currency: str, day: date, days: int) -> None:
    """Each day told is open, and just so many open days lie on the way to it, counted by hand."""
    later = add_business_days(currency, day, days)
    between = [day + timedelta(days=n) for n in range(1, (later - day).days + 1)]
    assert later.weekday() < 5
    assert is_business_day(currency, later)
    assert sum(is_business_day(currency, one) for one in between) == days


@given(currency=CURRENCIES, day=DAYS)
def test_the_next_open_day_is_the_first(currency: str, day: date) -> None:
    found = this_or_next(currency, day)
    assert found >= day
    assert is_business_day(currency, found)
    assert not any(is_business_day(currency, day + timedelta(days=n)) for n in range((found - day).days))


@given(currency=CURRENCIES, now=MOMENTS)
def test_a_cut_off_is_ahead_on_an_open_day_at_its_hour(currency: str, now: int) -> None:
    moment, day = next_cut_off(currency, now)
    local = datetime.fromtimestamp(moment, ZoneInfo(banks(currency).zone))
    assert moment > now
    assert (local.date(), local.timetz().replace(tzinfo=None)) == (day, banks(currency).cut_off)
    assert is_business_day(currency, day)
    assert next_cut_off(currency, now + 3600)[0] >= moment


@given(currency=CURRENCIES, now=MOMENTS)
def test_a_payout_arrives_within_two_weeks(currency: str, now: int) -> None:
    """The list of payouts by arrival looks no farther than that from their creation."""
    _, day = next_cut_off(currency, now)
    assert now < business_midnight(currency, day, 2) <= now + 14 * 86_400
