"""FX revaluation: what the platform's positions are worth at a month's closing rates. Beyond Stripe's API.

Positions (fx.py) are carried at the rates of the days on which they came to be. At the end of a month the difference to
their worth at the closing rates is an unrealised gain or loss, in one currency, the books' own:

    platform:fx_revaluation   an asset: what the positions are worth more than they are booked at, or less
    platform:fx_unrealised    revenue: the same as a gain, or a loss

The entry takes effect in the last second of the month, and is reversed in the first of the next, so that a month's
income statement shows what changed in it: its own gain, less that of the month before. Asked for again, with other
rates, only the difference is booked. Nothing of it touches what a merchant has.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from nostro.kernel.clock import utc_text
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES, exponent
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import Filter, Params, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.ledger import chart
from nostro.ledger.balance import balance_effective
from nostro.ledger.closed import MONTH, check_open, month_starts
from nostro.ledger.rollup import moment_of, under
from nostro.storage.tx import Tx

from .exchange_rate import PLACES, parsed, rate_now
from .fx import EXACT, ONE


class Position(Shape, frozen=True, kw_only=True):
    """`amount` is what the platform holds of `currency`, negative if it owes it, in minor units; `worth` the same at
    `rate`, in minor units of the revaluation's currency. Rates are of major units."""

    amount: int
    currency: str
    rate: Decimal
    worth: int


class FxRevaluation(Stored, frozen=True, kw_only=True):
    """`amount` in minor units: a gain, or, negative, a loss, beyond what the month had been revalued by before."""

    object: Literal["fx_revaluation"] = "fx_revaluation"
    amount: int
    currency: str
    effective_at: int
    livemode: bool = False
    month: str
    positions: list[Position] = []
    reversed_at: int
    status: Literal["posted", "reversed"]


class Record(FxRevaluation, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


# Money -----------------------------------------------------------------------


def revalue(r: Record) -> tuple[Posting, ...]:
    """The positions are worth more: an unrealised gain. Or less: a loss."""
    return transfer(chart.FX_REVALUATION, chart.FX_UNREALISED, r.amount, r.currency)


def take_back(r: Record) -> tuple[Posting, ...]:
    """The next month begins with the positions as they were booked."""
    return transfer(chart.FX_UNREALISED, chart.FX_REVALUATION, r.amount, r.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
LIFE: Lifecycle[Record] = Lifecycle(
    M("create", (), "posted", revalue, ("fx_revaluation.created",), "In the month's last second."),
    M("reverse", ("posted",), "reversed", take_back, meaning="In the first second of the next month."),
    rest=("reversed",),
)


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    """`rates` are units of each currency for one of `currency`; unless given, they are the table's of now."""

    currency: str
    month: str
    rates: dict[str, str] | None = None


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    if tx.scope.connected:
        raise invalid("The positions are the platform's: leave out the Stripe-Account header.")
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "currency")
    if not MONTH.fullmatch(params.month):
        raise invalid("A period is a month: 2026-10.", "month")
    ends = month_starts(params.month, 1)
    if ends > tx.now:
        raise invalid(f"{params.month} is not over yet: it ends at {utc_text(ends)} UTC.", "month")
    await check_open(tx, ends - 1)
    positions = await _positions(tx, currency, ends - 1, params.rates)
    await tx.pinned_balance(chart.FX_REVALUATION, currency)  # of two at once, the second sees what the first has booked
    booked = await balance_effective(tx.world.engine, chart.FX_REVALUATION, currency, ends - 1, tx.scope.book)
    made = Record(
        id=tx.new_id("fxr"), created=tx.now, amount=sum(one.worth for one in positions) - booked, currency=currency,
        effective_at=ends - 1, livemode=tx.scope.livemode, month=params.month, positions=positions, reversed_at=ends,
        status="posted",
    )  # fmt: skip
    made = tx.move(made, LIFE["create"], effective=ends - 1)
    return tx.move(made, LIFE["reverse"], effective=ends)


async def _positions(tx: Tx, currency: str, at: int, given: dict[str, str] | None) -> list[Position]:
    found = []
    for _, unit, balance in sorted(await under(tx, chart.position(""), await moment_of(tx, None, at))):
        if balance:
            rate = ONE if unit == currency else await _rate(tx, unit, currency, given)
            found.append(
                Position(amount=-balance, currency=unit, rate=rate, worth=_worth(-balance, unit, currency, rate))
            )
    return found


async def _rate(tx: Tx, unit: str, currency: str, given: dict[str, str] | None) -> Decimal:
    """Units of the books' currency for one of `unit`."""
    if given is None:
        found, _ = await rate_now(tx, unit, currency)
        return found
    if unit not in given:
        raise invalid(
            f"There is a position in {unit}: give its closing rate too.", f"rates[{unit}]", "parameter_missing"
        )
    return EXACT.divide(ONE, parsed(unit, given[unit])).quantize(PLACES, context=EXACT)


def _worth(amount: int, unit: str, currency: str, rate: Decimal) -> int:
    exact = EXACT.multiply(Decimal(amount), EXACT.scaleb(rate, exponent(currency) - exponent(unit)))
    return int(exact.quantize(ONE, ROUND_HALF_UP, context=EXACT))


def example() -> Record:
    return Record(
        id="fxr_1", created=0, amount=500, currency="usd", effective_at=0, month="2026-10", reversed_at=1,
        status="posted",
    )  # fmt: skip


BY_MONTH = Filter("month")
FX_REVALUATION: Resource[Record] = Resource(
    object="fx_revaluation",
    noun="FX revaluation",
    prefix="fxr",
    record=Record,
    shape=FxRevaluation,
    life=LIFE,
    example=example,
    doc="The platform's positions at a month's closing rates: an unrealised gain or loss. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/fx_revaluations", run=create, params=CreateParams, kind="create"),
        listing("/v1/fx_revaluations", BY_MONTH),
        retrieve("/v1/fx_revaluations/{id}"),
    ),
    errors=("exchange_rate_stale", "exchange_rate_unknown", "ledger_period_closed", "parameter_missing"),
)
RESOURCE = FX_REVALUATION
