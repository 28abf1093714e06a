"""Bank calendars: on which days a currency's banks move money, and until which hour of their own clock.

Pure functions of a currency and a day. The holidays are those of the `holidays` library; which of its calendars
stands for a currency is the table `BANKS`. A currency that has no row rests on Saturdays and Sundays, with the
cut-off in UTC.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from nostro.kernel.clock import EPOCH, midnight

ONE = timedelta(days=1)
# Farther than any run of days on which banks are closed: a calendar that is always closed is a mistake in it.
LONGEST_REST = 30


class Banks(Struct, frozen=True):
    """`market` names a financial calendar of the library, `country` a country's; `kinds` are its categories.

    What is handed over by `cut_off` on the clock of `zone` goes the same day.
    """

    zone: str
    cut_off: time
    market: str = ""
    country: str = ""
    region: str | None = None
    kinds: tuple[str, ...] = ("public",)


WITH_BANK = ("public", "bank")
# fmt: off
BANKS: dict[str, Banks] = {
    # The central banks' own calendars: the Federal Reserve's, and TARGET's of the European Central Bank.
    "usd": Banks("America/New_York",    time(17), market="XFED"),
    "eur": Banks("Europe/Berlin",       time(16), market="XECB"),
    # Zurich's exchange, which rests as the Swiss Interbank Clearing does, and the last days of the year besides.
    "chf": Banks("Europe/Zurich",       time(16), market="XSWX"),
    # Bank holidays where the clearing is.
    "gbp": Banks("Europe/London",       time(17), country="GB", region="ENG"),
    "cad": Banks("America/Toronto",     time(17), country="CA", region="ON", kinds=("public", "government")),
    "aud": Banks("Australia/Sydney",    time(16), country="AU", region="NSW", kinds=WITH_BANK),
    "jpy": Banks("Asia/Tokyo",          time(15), country="JP", kinds=WITH_BANK),
    # Public holidays of the country.
    "brl": Banks("America/Sao_Paulo",   time(17), country="BR"),
    "czk": Banks("Europe/Prague",       time(16), country="CZ"),
    "dkk": Banks("Europe/Copenhagen",   time(16), country="DK"),
    "hkd": Banks("Asia/Hong_Kong",      time(16), country="HK"),
    "huf": Banks("Europe/Budapest",     time(16), country="HU"),
    "inr": Banks("Asia/Kolkata",        time(17), country="IN"),
    "mxn": Banks("America/Mexico_City", time(17), country="MX"),
    "nok": Banks("Europe/Oslo",         time(16), country="NO"),
    "nzd": Banks("Pacific/Auckland",    time(16), country="NZ"),
    "pln": Banks("Europe/Warsaw",       time(16), country="PL"),
    "ron": Banks("Europe/Bucharest",    time(16), country="RO"),
    "sek": Banks("Europe/Stockholm",    time(16), country="SE"),
    "sgd": Banks("Asia/Singapore",      time(16), country="SG"),
    "zar": Banks("Africa/Johannesburg", time(16), country="ZA"),
}
# fmt: on
ELSEWHERE = Banks("UTC", time(17))


def banks(currency: str) -> Banks:
    return BANKS.get(currency, ELSEWHERE)


@cache
def _holidays(of: Banks) -> Container[date]:
    """The library's calendar; it works a year out when it is first asked about it, and keeps it."""
    import holidays  # an import of a fifth of a second, which a command that asks for no day need not wait for

    if of.market:
        return holidays.financial_holidays(of.market)
    if of.country:
        return holidays.country_holidays(of.country, subdiv=of.region, categories=of.kinds)
    return frozenset[date]()


@lru_cache(maxsize=4096)
def is_business_day(currency: str, day: date) -> bool:
    """True if the currency's banks are open: no Saturday, no Sunday, no holiday of theirs."""
    return day.weekday() < 5 and day not in _holidays(banks(currency))


def this_or_next(currency: str, day: date) -> date:
    """`day` if it is a business day, or the next one."""
    for _ in range(LONGEST_REST):
        if is_business_day(currency, day):
            return day
        day += ONE
    raise AssertionError(f"the banks of {currency} are closed for {LONGEST_REST} days before {day}")


@lru_cache(maxsize=4096)
def add_business_days(currency: str, day: date, days: int) -> date:
    """The business day that comes `days` business days after `day`, which need not be one itself."""
    assert days >= 0, "calendars are asked about the future"
    for _ in range(days):
        day = this_or_next(currency, day + ONE)
    return day


def business_day_before(currency: str, day: date) -> date:
    """The last business day before `day`."""
    for _ in range(LONGEST_REST):
        day -= ONE
        if is_business_day(currency, day):
            return day
    raise AssertionError(f"the banks of {currency} are closed for {LONGEST_REST} days before {day}")


def next_cut_off(currency: str, now: int) -> tuple[int, date]:
    """The moment (seconds) at which what is there `now` is handed to the banks, and that day on their calendar.

    The last moment of a business day is the cut-off itself; what comes then, goes the next day.
    """
    of = banks(currency)
    zone = ZoneInfo(of.zone)
    day = this_or_next(currency, datetime.fromtimestamp(now, zone).date())
    if now >= _moment(day, of, zone):
        day = add_business_days(currency, day, 1)
    return _moment(day, of, zone), day


def _moment(day: date, of: Banks, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, of.cut_off, zone).timestamp())


def business_midnight(currency: str, day: date, days: int) -> int:
    """Midnight UTC (seconds) of the day that comes `days` business days after `day`."""
    assert day.toordinal() >= EPOCH, "before 1970"
    return midnight(add_business_days(currency, day, days))
