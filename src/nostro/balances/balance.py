"""Balance: what the merchant has, read from the ledger at the moment it is asked for.

A past moment can be asked for in two ways, as in the ledger's API: `at` is what the books said then (recorded time,
the machine's), `effective_at` what is now known to have stood there then (effective time, the sandbox's).
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Params, Resource, Stored, Unset, Verb, View, Wire, public
from nostro.ledger import chart
from nostro.ledger.rollup import Moment, moment_of, under
from nostro.storage.tx import Tx

NOW = Moment()


class Balance(Stored, frozen=True, kw_only=True):
    """Its id and moment are for the event that tells of it; they are not shown."""

    object: Literal["balance"] = "balance"
    available: list[Wire]
    connect_reserved: list[Wire] | Unset = UNSET
    instant_available: list[Wire]
    livemode: bool
    pending: list[Wire]
    refund_and_dispute_prefunding: Wire


class RetrieveParams(Params, frozen=True, kw_only=True):
    at: int | None = None
    effective_at: int | None = None


async def standing(tx: Tx, moment: Moment = NOW) -> list[tuple[str, str, int]]:
    """Code, currency and balance (debit positive) of each account of the merchant."""
    return await under(tx, f"merchant:{tx.merchant}:", moment)


async def amounts(tx: Tx, moment: Moment = NOW) -> tuple[dict[str, int], dict[str, int]]:
    """(available, pending) by currency, in minor units."""
    available: dict[str, int] = {}
    pending: dict[str, int] = {}
    for code, currency, balance in await standing(tx, moment):
        if code == chart.available(tx.merchant):
            available[currency] = -balance
        elif code.startswith(chart.pending(tx.merchant, "")):
            pending[currency] = pending.get(currency, 0) - balance
    return available, pending


async def read(tx: Tx, released: int = 0, currency: str = "usd", moment: Moment = NOW) -> Balance:
    """The balance as the ledger has it, with `released` minor units that this unit moves to available."""
    available, pending = await amounts(tx, moment)
    if released:
        available[currency] = available.get(currency, 0) + released
        pending[currency] = pending.get(currency, 0) - released
    currencies = sorted(available.keys() | pending.keys()) or ["usd"]
    nothing = [{"amount": 0, "currency": c} for c in currencies]
    return Balance(
        id="balance",
        created=tx.now,
        available=[_line(available.get(c, 0), c) for c in currencies],
        connect_reserved=await _reserved(tx, currencies, moment),
        instant_available=[_line(max(available.get(c, 0), 0), c) for c in currencies],
        livemode=tx.scope.livemode,
        pending=[_line(pending.get(c, 0), c) for c in currencies],
        refund_and_dispute_prefunding={"available": nothing, "pending": nothing},
    )


async def _reserved(tx: Tx, currencies: list[str], moment: Moment) -> list[Wire] | Unset:
    """What is held back from a platform for what its accounts owe; of other merchants there is nothing to say."""
    if tx.scope.connected:
        return UNSET
    held = dict.fromkeys(currencies, 0)
    for _, currency, balance in await under(tx, chart.connect_reserved(tx.merchant, ""), moment):
        held[currency] = held.get(currency, 0) - balance
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(held.items())]


async def retrieve(tx: Tx, params: RetrieveParams) -> Balance:
    if params.at is not None and params.effective_at is not None:
        raise invalid("Ask by recorded or by effective time, not both.", "at", "parameters_exclusive")
    return await read(tx, moment=await moment_of(tx, params.at, params.effective_at))


def _line(amount: int, currency: str) -> Wire:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def render(_: View, balance: Balance) -> Wire:
    wire = public(Balance, balance)
    del wire["id"], wire["created"]
    return wire


BALANCE: Resource[Balance] = Resource(
    object="balance",
    prefix="balance",
    record=Balance,
    shape=Balance,
    present=render,
    shown={"id": UNSET, "created": UNSET},
    stored=False,
    doc="What you have: pending, available, and available at once, by currency.",
    verbs=(
        Verb(
            name="retrieve",
            method="GET",
            path="/v1/balance",
            run=retrieve,
            params=RetrieveParams,
            kind="retrieve",
            summary="Now, or at a past moment: `at` by recorded, `effective_at` by effective time.",
        ),
    ),
    errors=("parameters_exclusive",),
)
RESOURCE = BALANCE
