"""The merchant's day: every moment is in one, clocks that change included; and settings that say where it begins."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from expect import plain
from nostro.balances.availability import available_on
from nostro.balances.calendar import ONE, add_business_days
from nostro.balances.day import StartOfDay, begins, day_name, day_of, named_day
from nostro.testing.sandbox import Sandbox
from till import Till

# Clocks that change at midnight, at one, at two and at three; by half an hour; never; and half an hour off the others.
ZONES = ("America/New_York", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo",
         "America/Santiago", "Pacific/Auckland", "Asia/Beirut", "Atlantic/Azores")  # fmt: skip
STARTS = st.builds(
    StartOfDay, hour=st.integers(0, 23), minutes=st.sampled_from((0, 30)), timezone=st.sampled_from(ZONES)
)
MOMENTS = st.integers(1_700_000_000, 1_900_000_000)


@given(start=STARTS, now=MOMENTS)
def test_every_moment_is_in_the_day_that_has_begun_and_not_ended(start: StartOfDay, now: int) -> None:
    day = day_of(now, start)
    assert begins(day, start) <= now < begins(day + ONE, start)


@given(start=STARTS, day=st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_a_day_is_as_long_as_its_clock_says(start: StartOfDay, day: date) -> None:
    length = begins(day + ONE, start) - begins(day, start)
    assert length in {hours * 1800 for hours in (46, 47, 48, 49, 50)}
    assert named_day(day_name(begins(day, start))) == begins(day, start)


@given(start=st.none() | STARTS, now=MOMENTS, later=st.integers(0, 400_000), days=st.integers(2, 31))
def test_what_is_paid_later_is_never_available_earlier(
    start: StartOfDay | None, now: int, later: int, days: int
) -> None:
    first, second = available_on(now, "usd", days, start), available_on(now + later, "usd", days, start)
    assert now < first <= second
    assert available_on(now, "usd", days - 1, start) < first


def test_the_days_on_which_new_york_changes_its_clocks() -> None:
    start = StartOfDay(hour=2, minutes=30, timezone="America/New_York")
    spring, autumn = date(2026, 3, 8), date(2026, 11, 1)
    assert begins(spring + ONE, start) - begins(spring, start) == 23 * 3600
    assert begins(autumn + ONE, start) - begins(autumn - ONE, start) == 49 * 3600
    assert datetime.fromtimestamp(begins(spring, start), ZoneInfo("America/New_York")).hour == 3


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def timing(till: Till, **given: Any) -> Any:
    form: Any = {"payments": {"settlement_timing": given}}
    return plain(till.client.v1.balance_settings.update(form))["payments"]["settlement_timing"]


def test_a_longer_delay(till: Till) -> None:
    assert timing(till, delay_days_override=7) == {"delay_days": 7, "delay_days_override": 7}
    charge = till.pay("pm_card_visa", 10_000)
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert line.available_on == available_on(charge.created, "usd", 7)
    till.nostro.advance(line.available_on - till.nostro.now - 60)
    assert till.available() == 0
    till.nostro.advance(60)
    assert till.available() == line.net
    assert timing(till, delay_days_override="") == {"delay_days": 2}


def test_a_day_that_begins_elsewhere(till: Till) -> None:
    start = {"hour": 17, "minutes": 30, "timezone": "America/Los_Angeles"}
    assert timing(till, start_of_day=start)["start_of_day"] == start
    charge = till.pay("pm_card_visa", 10_000)
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    own = StartOfDay(hour=17, minutes=30, timezone="America/Los_Angeles")
    assert line.available_on == begins(add_business_days("usd", day_of(charge.created, own), 2), own)
    till.nostro.advance(line.available_on - till.nostro.now - 60)
    assert (till.available(), till.pending()) == (0, line.net)
    till.nostro.advance(60)
    assert (till.available(), till.pending()) == (line.net, 0)


def test_payouts_are_made_where_the_merchants_day_begins(till: Till) -> None:
    timing(till, start_of_day={"hour": 9, "minutes": 0, "timezone": "Asia/Tokyo"})
    form: Any = {"payments": {"payouts": {"schedule": {"interval": "daily"}}}}
    till.client.v1.balance_settings.update(form)
    till.pay("pm_card_visa", 10_000)
    till.nostro.advance(days=8)
    [payout] = till.client.v1.payouts.list().data
    local = datetime.fromtimestamp(payout.created, ZoneInfo("Asia/Tokyo"))
    assert (local.hour, local.minute) == (9, 0)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"delay_days_override": 32}, "[delay_days_override]"),
        ({"delay_days_override": 1}, "[delay_days_override]"),
        ({"start_of_day": {"hour": 1}}, "[start_of_day][timezone]"),
        ({"start_of_day": {"hour": 24, "timezone": "UTC"}}, "[start_of_day][hour]"),
        ({"start_of_day": {"timezone": "Mars/Olympus"}}, "[start_of_day][timezone]"),
    ],
)
def test_wrong_timing(till: Till, given: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        timing(till, **given)
    assert caught.value.param == f"payments[settlement_timing]{param}"
