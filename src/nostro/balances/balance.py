"""Balance: what the merchant has, read from the ledger at the moment it is asked for."""

from __future__ import annotations

from typing import Any, Literal

from nostro.kernel.resource import NoParams, Resource, Stored, Verb, Wire
from nostro.ledger import chart
from nostro.storage.tx import Tx

ACCOUNTS = "SELECT code, currency, balance FROM ledger_account WHERE book=? AND code >= ? AND code < ?"


class Balance(Stored, frozen=True, kw_only=True):
    object: Literal["balance"] = "balance"
    available: list[Any]
    connect_reserved: list[Any] = []
    instant_available: list[Any] = []
    livemode: bool
    pending: list[Any]
    refund_and_dispute_prefunding: Any = None


async def amounts(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
    """(available, pending) by currency, in minor units."""
    prefix = f"merchant:{tx.merchant}:"
    rows = await tx.world.engine.rows(ACCOUNTS, (tx.scope.book, prefix, prefix + "~"))
    available: dict[str, int] = {}
    pending: dict[str, int] = {}
    for code, currency, balance in rows:
        if code == chart.available(tx.merchant):
            available[currency] = -balance
        elif code.startswith(chart.pending(tx.merchant, "")):
            pending[currency] = pending.get(currency, 0) - balance
    return available, pending


async def retrieve(tx: Tx, params: NoParams) -> Wire:
    available, pending = await amounts(tx)
    currencies = sorted(available.keys() | pending.keys()) or ["usd"]
    return {
        "object": "balance",
        "available": [_line(available.get(c, 0), c) for c in currencies],
        "instant_available": [_line(max(available.get(c, 0), 0), c) for c in currencies],
        "livemode": tx.scope.livemode,
        "pending": [_line(pending.get(c, 0), c) for c in currencies],
        "refund_and_dispute_prefunding": {
            "available": [{"amount": 0, "currency": c} for c in currencies],
            "pending": [{"amount": 0, "currency": c} for c in currencies],
        },
    }


def _line(amount: int, currency: str) -> Wire:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


BALANCE: Resource[Balance] = Resource(
    object="balance",
    prefix="balance",
    record=Balance,
    shape=Balance,
    stored=False,
    doc="What you have: pending, available, and available at once, by currency.",
    verbs=(Verb(name="retrieve", method="GET", path="/v1/balance", run=retrieve, kind="retrieve"),),
)
RESOURCE = BALANCE
