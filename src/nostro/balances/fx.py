"""Foreign exchange: what becomes of an amount at a rate, to the last minor unit. Pure functions.

The platform deals with its merchants: `clearing:fx:usd` and its like are its positions, one in each currency. What
is sold to it goes into the position of that currency, and what it pays comes out of the other one, at the base rate.
Of that the customer gets less, by the spread, which is revenue, and never a fraction of a minor unit: what rounding
leaves is booked as such. So each currency sums to zero in every entry, and nothing is lost.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

from nostro.kernel.money import exponent
from nostro.kernel.posting import Posting
from nostro.kernel.resource import Shape
from nostro.ledger import chart

# Enough digits for the largest amount of the smallest unit at the highest rate, and those behind the point.
EXACT = Context(prec=60)
ONE = Decimal(1)


class Trade(Shape, frozen=True, kw_only=True):
    """Minor units. `base` is what the amount is worth at the base rate: `amount`, `spread` and `rounding` together.

    `exchange_rate` is how many minor units of the one currency a minor unit of the other becomes, spread included.
    """

    amount: int
    base: int
    currency: str
    exchange_rate: Decimal
    from_amount: int
    from_currency: str
    rounding: int
    spread: int


class Settle(Shape, frozen=True, kw_only=True):
    """What becomes of a payment's money, and of what is taken of it later: its currency and the payment's own rate."""

    base_rate: Decimal
    currency: str
    fee: Decimal


def trade(amount: int, sold: str, bought: str, base_rate: Decimal, fee: Decimal) -> Trade:
    """`amount` of `sold` at `base_rate` (major units of `bought` for one of `sold`), of which `fee` is the part that
    the platform keeps. What the customer gets is rounded down. A negative amount is the same trade undone."""
    base_rate = EXACT.scaleb(base_rate, exponent(bought) - exponent(sold))
    rate = EXACT.multiply(base_rate, ONE - fee)
    exact, paid = EXACT.multiply(Decimal(amount), base_rate), EXACT.multiply(Decimal(amount), rate)
    base, given = _whole(exact, ROUND_HALF_UP), _whole(paid, ROUND_DOWN)
    spread = _whole(EXACT.subtract(exact, paid), ROUND_HALF_UP)
    return Trade(
        amount=given, base=base, currency=bought, exchange_rate=rate, from_amount=amount, from_currency=sold,
        rounding=base - given - spread, spread=spread,
    )  # fmt: skip


def further(before: int, amount: int, sold: str, settle: Settle) -> Trade:
    """What `amount` comes to after `before` of the same whole, with the same sign: so that parts, however they are
    cut, add up to what the whole comes to."""
    upto, done = (trade(n, sold, settle.currency, settle.base_rate, settle.fee) for n in (before + amount, before))
    return less(upto, done)


def less(whole: Trade, *parts: Trade) -> Trade:
    """What of a trade is left without `parts` of it, which are at the same rate."""
    return Trade(
        amount=whole.amount - sum(part.amount for part in parts),
        base=whole.base - sum(part.base for part in parts),
        currency=whole.currency,
        exchange_rate=whole.exchange_rate,
        from_amount=whole.from_amount - sum(part.from_amount for part in parts),
        from_currency=whole.from_currency,
        rounding=whole.rounding - sum(part.rounding for part in parts),
        spread=whole.spread - sum(part.spread for part in parts),
    )


def _whole(value: Decimal, rounding: str) -> int:
    return int(value.quantize(ONE, rounding, context=EXACT))


def exchange(t: Trade) -> tuple[Posting, ...]:
    """The platform's side of a trade: whoever sells debits `from_amount`, whoever buys is credited `amount`."""
    lines = (
        Posting(chart.position(t.from_currency), -t.from_amount, t.from_currency),
        Posting(chart.position(t.currency), t.base, t.currency),
        Posting(chart.FX_REVENUE, -t.spread, t.currency),
        Posting(chart.FX_ROUNDING, -t.rounding, t.currency),
    )
    return tuple(line for line in lines if line.amount)
