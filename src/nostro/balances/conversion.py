"""Conversion: available money of one currency becomes available money of another, at once. Beyond Stripe's API.

Two lines of the statement, of the type `adjustment`, show what left and what came, with the rate; the entry goes
through the platform's positions (fx.py). It is made by the merchant, or by a payout to a bank account of another
currency, which it then names as its `source`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES, LARGEST_AMOUNT
from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import Filter, Metadata, Params, Resource, Stored, Verb, listing, merge_metadata, retrieve
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import balance_transaction
from .balance_transaction import Line
from .fx import Trade, exchange
from .fx_quote import deal


class Conversion(Stored, frozen=True, kw_only=True):
    """Minor units. `from_amount` of `from_currency` became `amount` of `currency`; `fee` is the platform's spread."""

    object: Literal["balance.conversion"] = "balance.conversion"
    amount: int
    balance_transactions: list[str] = []
    currency: str
    description: str | None = None
    exchange_rate: Decimal
    fee: int
    from_amount: int
    from_currency: str
    fx_quote: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    source: str | None = None
    status: Literal["succeeded"]


class Record(Conversion, frozen=True, kw_only=True, omit_defaults=True):
    merchant: str
    trade: Trade


def convert(c: Record) -> tuple[Posting, ...]:
    """The merchant's money of one currency goes into the platform's position, and that of the other comes out."""
    return (
        debit(chart.available(c.merchant), c.trade.from_amount, c.trade.from_currency, "balance_insufficient"),
        *exchange(c.trade),
        credit(chart.available(c.merchant), c.trade.amount, c.trade.currency),
    )


M = Move[Record]
LIFE: Lifecycle[Record] = Lifecycle(
    M("create", (), "succeeded", convert, ("balance.conversion.created",), "Exchanged at once."),
    rest=("succeeded",),
)


async def make(
    tx: Tx, amount: int, sold: str, bought: str, quote: str | None, source: str | None = None,
    description: str | None = None, metadata: Metadata | None = None,
) -> Record:  # fmt: skip
    """Convert `amount` of what is available in `sold`."""
    made = await deal(tx, amount, sold, bought, quote)
    if made.amount < 1:
        raise invalid(f"This is worth less than the smallest amount of {bought}.", "amount", "amount_too_small")
    record = Record(
        id=tx.new_id("conv"), created=tx.now, amount=made.amount, currency=bought, description=description,
        exchange_rate=made.exchange_rate, fee=made.spread, from_amount=amount, from_currency=sold, fx_quote=quote,
        livemode=tx.scope.livemode, metadata=metadata or {}, source=source, status="succeeded",
        merchant=tx.merchant, trade=made,
    )  # fmt: skip
    lines = [_line(tx, record, -amount, sold), _line(tx, record, made.amount, bought)]
    return tx.move(record, LIFE["create"], balance_transactions=lines)


def _line(tx: Tx, conversion: Record, amount: int, currency: str) -> str:
    why = conversion.description or f"CONVERSION {conversion.from_currency} to {conversion.currency}".upper()
    return balance_transaction.write(
        tx, Line(type="adjustment", amount=amount, currency=currency, source=conversion.id, available_on=tx.now,
                 description=why, reporting_category="other_adjustment", exchange_rate=conversion.exchange_rate),
    ).id  # fmt: skip


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
    from_currency: str
    to_currency: str
    description: str | None = None
    fx_quote: str | None = None
    metadata: dict[str, str | None] | None = None


async def create(tx: Tx, params: CreateParams) -> Record:
    sold, bought = params.from_currency.lower(), params.to_currency.lower()
    for name, currency in (("from_currency", sold), ("to_currency", bought)):
        if currency not in CURRENCIES:
            raise invalid(f"Invalid currency: {currency[:20]}", name)
    if sold == bought:
        raise invalid("Nothing has to be exchanged: the two currencies are the same.", "to_currency")
    return await make(tx, params.amount, sold, bought, params.fx_quote, description=params.description,
                      metadata=merge_metadata({}, params.metadata))  # fmt: skip


def example() -> Record:
    made = Trade(
        amount=9107, base=9200, currency="eur", exchange_rate=Decimal("0.9108"), from_amount=10_000,
        from_currency="usd", rounding=1, spread=92,
    )  # fmt: skip
    return Record(
        id="conv_1", created=0, amount=9107, currency="eur", exchange_rate=made.exchange_rate, fee=92,
        from_amount=10_000, from_currency="usd", status="succeeded", merchant="acct_1", trade=made,
    )  # fmt: skip


CONVERSION: Resource[Record] = Resource(
    object="balance.conversion",
    noun="conversion",
    prefix="conv",
    record=Record,
    shape=Conversion,
    life=LIFE,
    example=example,
    doc="Available money of one currency that became another's. Beyond Stripe's API.",
    expands=("fx_quote",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/balance/conversions", run=create, params=CreateParams,
             kind="create"),
        listing("/v1/balance/conversions", Filter("source")),
        retrieve("/v1/balance/conversions/{id}"),
    ),
    errors=("amount_too_small", "balance_insufficient", "exchange_rate_stale", "exchange_rate_unknown",
            "fx_quote_expired", "fx_quote_mismatch"),
)  # fmt: skip
RESOURCE = CONVERSION
