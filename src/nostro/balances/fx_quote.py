"""FX quote: rates that are promised for a while, in the shape of Stripe's preview API.

    exchange_rate = base_rate x (1 - fx_fee_rate - duration_premium)

A longer promise costs more. A quote can be used as often as one likes until it expires; with the duration `none`
nothing is promised. No money moves; what is converted at it names it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, View, Wire, listing, public, retrieve
from nostro.storage.tx import Tx

from .exchange_rate import rate_now
from .fx import Trade, trade

Duration = Literal["day", "five_minutes", "hour", "none"]
SECONDS: dict[Duration, int] = {"day": DAY, "five_minutes": 300, "hour": 3600, "none": 0}
PREMIUM: dict[Duration, Decimal] = {
    "day": Decimal("0.002"), "five_minutes": Decimal("0.0002"), "hour": Decimal("0.0007"), "none": Decimal(0),
}  # fmt: skip


class RateDetails(Shape, frozen=True, kw_only=True):
    base_rate: Decimal
    duration_premium: Decimal
    fx_fee_rate: Decimal
    reference_rate: Decimal
    reference_rate_provider: str


class Rate(Shape, frozen=True, kw_only=True):
    """Major units of the quote's currency for one of this one."""

    exchange_rate: Decimal
    rate_details: RateDetails


class FxQuote(Stored, frozen=True, kw_only=True):
    object: Literal["fx_quote"] = "fx_quote"
    livemode: bool = False
    lock_duration: Duration
    lock_expires_at: int | None = None
    lock_status: Literal["active", "expired", "none"]
    rates: dict[str, Rate]
    to_currency: str


class Record(FxQuote, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public; the status is told by the clock."""


class CreateParams(Params, frozen=True, kw_only=True):
    from_currencies: Annotated[list[str], Meta(min_length=1, max_length=50)]
    lock_duration: Duration
    to_currency: str


async def create(tx: Tx, params: CreateParams) -> Record:
    bought = params.to_currency.lower()
    for name in (bought, *params.from_currencies):
        if name.lower() not in CURRENCIES:
            raise invalid(f"Invalid currency: {name[:20]}", "to_currency" if name == bought else "from_currencies")
    if bought in (name.lower() for name in params.from_currencies):
        raise invalid("Nothing has to be exchanged: the two currencies are the same.", "from_currencies")
    rates = {name.lower(): await _rate(tx, name.lower(), bought, params.lock_duration)
             for name in params.from_currencies}  # fmt: skip
    seconds = SECONDS[params.lock_duration]
    return tx.save(
        Record(
            id=tx.new_id("fxq"), created=tx.now, livemode=tx.scope.livemode, lock_duration=params.lock_duration,
            lock_expires_at=tx.now + seconds if seconds else None, lock_status="active" if seconds else "none",
            rates=rates, to_currency=bought,
        )
    )  # fmt: skip


async def _rate(tx: Tx, sold: str, bought: str, duration: Duration) -> Rate:
    base, provider = await rate_now(tx, sold, bought)
    fee, premium = tx.world.settings.fees.fx, PREMIUM[duration]
    details = RateDetails(
        base_rate=base, duration_premium=premium, fx_fee_rate=fee, reference_rate=base,
        reference_rate_provider=provider,
    )  # fmt: skip
    return Rate(exchange_rate=base * (1 - fee - premium), rate_details=details)


async def deal(tx: Tx, amount: int, sold: str, bought: str, quote_id: str | None = None) -> Trade:
    """What becomes of `amount`: at the quote's rate, or at today's. Raises if the quote does not cover it."""
    if quote_id is None:
        details = (await _rate(tx, sold, bought, "none")).rate_details
    else:
        quote = await tx.get(FX_QUOTE, quote_id, "fx_quote")
        if sold not in quote.rates or bought != quote.to_currency:
            raise invalid(f"The quote {quote.id} is not for {sold} to {bought}.", "fx_quote", "fx_quote_mismatch")
        if quote.lock_expires_at is None or quote.lock_expires_at <= tx.now:
            raise invalid(f"The quote {quote.id} promises nothing any more: ask for a new one.", "fx_quote",
                          "fx_quote_expired")  # fmt: skip
        details = quote.rates[sold].rate_details
    return trade(amount, sold, bought, details.base_rate, details.fx_fee_rate + details.duration_premium)


def render(view: View, quote: Record) -> Wire:
    wire = public(FxQuote, quote)
    if quote.lock_expires_at is not None and quote.lock_expires_at <= view.now:
        wire["lock_status"] = "expired"
    return wire


FX_QUOTE: Resource[Record] = Resource(
    object="fx_quote",
    noun="FX quote",
    prefix="fxq",
    id_param="fx_quote",
    record=Record,
    shape=FxQuote,
    present=render,
    doc="Exchange rates that are promised for a while.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/fx_quotes", run=create, params=CreateParams, kind="create"),
        listing("/v1/fx_quotes"),
        retrieve("/v1/fx_quotes/{id}"),
    ),
    errors=("exchange_rate_stale", "exchange_rate_unknown", "fx_quote_expired", "fx_quote_mismatch"),
)
RESOURCE = FX_QUOTE
