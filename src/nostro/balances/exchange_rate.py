"""Exchange rates: a table that the operator feeds, one a platform. In test mode there is a fixed one to begin with.

The table is against one currency, its base; every other rate is the quotient of two of its rows. Rates are decimal
numbers of major units. What was quoted or converted keeps its own rate, so that a new table changes nothing of it.
A rate that is older than the operator allows (`exchange_rate_days`) is shown, but nothing is converted at it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.events.webhook_endpoint import platform_of
from nostro.kernel.clock import DAY, utc_date
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.ids import TIME_LENGTH
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import NoParams, Params, Resource, Stored, Verb, View, Wire, public
from nostro.storage.tx import Tx

from .fx import EXACT

# Of no day: round numbers near those of 2026, for tests and for trying things out. Units of the currency for one usd.
TEST_RATES = {
    "usd": "1", "eur": "0.92", "gbp": "0.79", "chf": "0.88", "jpy": "150", "cad": "1.36", "aud": "1.52",
    "nzd": "1.64", "sek": "10.4", "nok": "10.6", "dkk": "6.86", "pln": "3.95", "czk": "23.2", "huf": "362",
    "ron": "4.57", "sgd": "1.34", "hkd": "7.82", "inr": "83.1", "mxn": "17.2", "brl": "5.05", "zar": "18.7",
    "kwd": "0.307",
}  # fmt: skip
PREFIX = "fxtable"
ID = f"{PREFIX}_{'0' * TIME_LENGTH}own"
PLACES = Decimal("1e-12")
_RATE = re.compile(r"^\d{1,12}(\.\d{1,12})?$")


class FxTable(Stored, frozen=True, kw_only=True):
    """`rates` are units of the currency for one of `base`, `times` of when each is: those fed last are `as_of`. `stale`
    are the currencies whose rate is too old to convert at. What test mode begins with is of no day, and never stale."""

    object: Literal["fx_table"] = "fx_table"
    as_of: int
    base: str
    provider: str
    rates: dict[str, Decimal]
    stale: list[str] = []
    times: dict[str, int] = {}


class Table(FxTable, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public; what is stale is told by the clock."""


class ExchangeRate(Stored, frozen=True, kw_only=True):
    """`id` is a currency, `rates` how many units of others one unit of it is. Its moment is not shown."""

    object: Literal["exchange_rate"] = "exchange_rate"
    rates: dict[str, Decimal]


class OfCurrency(Params, frozen=True, kw_only=True):
    currency: str


class ListParams(Params, frozen=True, kw_only=True):
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    """`currency` is the path's: the table's base."""

    currency: str
    rates: dict[str, str]
    as_of: Annotated[int, Meta(ge=1)] | None = None
    provider: Annotated[str, Meta(min_length=1, max_length=100)] = "operator"


async def table_of(tx: Tx) -> Table:
    """The platform's table, however old. Raises if it has none, outside test sandboxes."""
    platform = await platform_of(tx) if tx.scope.connected else tx
    found = await platform.find(TABLE, ID)
    if found is not None:
        return found
    if not tx.scope.dev:
        raise invalid("There are no exchange rates yet: the platform gives them with POST /v1/exchange_rates/usd.")
    rates = {currency: Decimal(rate) for currency, rate in TEST_RATES.items()}
    return Table(id=ID, created=tx.now, as_of=0, base="usd", provider="test", rates=rates)


def rate(table: Table, sold: str, bought: str) -> Decimal:
    """How many units of `bought` one unit of `sold` is worth, to twelve places. Raises for a currency without a row."""
    for currency in (sold, bought):
        if currency not in table.rates:
            raise invalid(f"There is no exchange rate for {currency[:20]}.", code="exchange_rate_unknown")
    return EXACT.divide(table.rates[bought], table.rates[sold]).quantize(PLACES, context=EXACT)


def _stale(tx: Tx, table: Table, currency: str) -> bool:
    most, of = tx.world.settings.exchange_rate_days, table.times.get(currency, 0)
    return bool(most and of and currency != table.base and tx.now - of > most * DAY)


async def rate_now(tx: Tx, sold: str, bought: str) -> tuple[Decimal, str]:
    """The rate to convert at, and who provides it. Raises for one that is too old."""
    table = await table_of(tx)
    found = rate(table, sold, bought)
    for currency in (sold, bought):
        if _stale(tx, table, currency):
            raise invalid(
                f"The exchange rate for {currency} is of {utc_date(table.times[currency])}, and too old after "
                f"{tx.world.settings.exchange_rate_days} days: the platform gives a newer one with "
                f"POST /v1/exchange_rates/{table.base}, or `nostro rates import`.", code="exchange_rate_stale",
            )  # fmt: skip
    return found, table.provider


def _shown(table: Table, currency: str) -> ExchangeRate:
    others = sorted(table.rates.keys() - {currency})
    return ExchangeRate(id=currency, created=0, rates={other: rate(table, currency, other) for other in others})


# Verbs -----------------------------------------------------------------------


async def retrieve(tx: Tx, params: OfCurrency) -> ExchangeRate:
    table, currency = await table_of(tx), params.currency.lower()
    if currency not in table.rates:
        raise no_such("exchange rate", params.currency)
    return _shown(table, currency)


async def list_(tx: Tx, params: ListParams) -> Wire:
    """By currency. There are few: the page is cut in memory."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    table = await table_of(tx)
    found = sorted(table.rates)
    for name in ("starting_after", "ending_before"):
        cursor = getattr(params, name)
        if cursor and cursor not in table.rates:
            raise no_such("exchange rate", cursor, name)
    if params.ending_before:
        before = [currency for currency in found if currency < params.ending_before]
        page, more = before[-params.limit :], len(before) > params.limit
    else:
        after = [currency for currency in found if currency > (params.starting_after or "")]
        page, more = after[: params.limit], len(after) > params.limit
    data = [_shown(table, currency) for currency in page]
    return {"object": "list", "data": data, "has_more": more, "url": "/v1/exchange_rates"}


async def update(tx: Tx, params: UpdateParams) -> ExchangeRate:
    """A new base begins a new table; rates against the same base are added to it, or take the place of old ones."""
    base = params.currency.lower()
    if tx.scope.connected:
        raise invalid("Exchange rates are the platform's: leave out the Stripe-Account header.")
    as_of = tx.now if params.as_of is None else params.as_of
    if as_of > tx.now:
        raise invalid("Rates cannot be of a moment that has not come.", "as_of")
    rates = {_currency(name.lower()): parsed(name, value) for name, value in params.rates.items()}
    old = await tx.find(TABLE, ID)
    kept, times = (old.rates, old.times) if old is not None and old.base == base else ({}, {})
    for currency in rates:
        if as_of < times.get(currency, 0):
            raise invalid(f"The table's rate for {currency} is newer, of {utc_date(times[currency])}.", "as_of")
    table = Table(
        id=ID, created=tx.now, as_of=as_of, base=_currency(base), provider=params.provider,
        rates={**kept, **rates, base: Decimal(1)}, times={**times, **dict.fromkeys((*rates, base), as_of)},
    )  # fmt: skip
    return _shown(tx.save(table), base)


def _currency(currency: str) -> str:
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "rates")
    return currency


def parsed(currency: str, value: str) -> Decimal:
    if not _RATE.match(value) or not Decimal(value):
        raise invalid("A rate is a decimal number above zero, with up to twelve places before and behind the point.",
                      f"rates[{currency[:20]}]")  # fmt: skip
    return Decimal(value)


async def retrieve_table(tx: Tx, params: NoParams) -> Table:
    table = await table_of(tx)
    return msgspec.structs.replace(table, stale=sorted(name for name in table.rates if _stale(tx, table, name)))


def render(_: View, rates: ExchangeRate) -> Wire:
    wire = public(ExchangeRate, rates)
    del wire["created"]
    return wire


TABLE: Resource[Table] = Resource(
    object="fx_table",
    noun="table of exchange rates",
    prefix=PREFIX,
    record=Table,
    shape=FxTable,
    doc="The platform's exchange rates as they were fed, each with its moment. Beyond Stripe's API.",
    verbs=(Verb(name="retrieve", method="GET", path="/v1/fx_table", run=retrieve_table, kind="retrieve"),),
)
_ALL, _ONE = "/v1/exchange_rates", "/v1/exchange_rates/{currency}"
EXCHANGE_RATE: Resource[ExchangeRate] = Resource(
    object="exchange_rate",
    prefix="exchange_rate",
    record=ExchangeRate,
    shape=ExchangeRate,
    present=render,
    shown={"created": UNSET},
    stored=False,
    doc="How many units of other currencies a unit of one is worth, before fees.",
    verbs=(
        Verb(name="list", method="GET", path=_ALL, run=list_, params=ListParams, kind="list"),
        Verb(name="retrieve", method="GET", path=_ONE, run=retrieve, params=OfCurrency, kind="retrieve"),
        Verb(name="update", method="POST", path=_ONE, run=update, params=UpdateParams,
             summary="Feed the table: rates of other currencies for one unit of this one. Beyond Stripe's API."),
    ),
    errors=("exchange_rate_unknown",),
)  # fmt: skip
RESOURCE = EXCHANGE_RATE
