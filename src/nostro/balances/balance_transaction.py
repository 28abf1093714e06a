"""Balance transaction: one line of a merchant's statement, written beside the entry that moves the money.

`net` is what the merchant's pending and available accounts changed by; `ledger verify` holds the sum of all nets
against those accounts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.kernel.posting import Posting
from nostro.kernel.resource import Filter, Resource, Shape, Stored, View, Wire, listing, public, retrieve
from nostro.storage.tx import Tx

from .availability import expect, waiting_account
from .fx import Settle, Trade, exchange, further, less

Type = Literal[
    "adjustment", "advance", "anticipation_repayment", "application_fee", "application_fee_refund", "charge",
    "connect_collection_transfer", "payment", "payment_refund", "payout", "payout_cancel",
    "payout_failure", "payout_minimum_balance_hold", "payout_minimum_balance_release", "refund", "refund_failure",
    "reserve_hold", "reserve_release", "reserved_funds", "stripe_fee", "topup", "topup_reversal", "transfer",
    "transfer_cancel", "transfer_refund",
]  # fmt: skip
SETTLE = "fx.settle"
REPORTING_CATEGORIES = {
    "adjustment": "dispute",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "payment": "charge",
    "payment_refund": "refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "reserve_hold": "risk_reserved_funds",
    "reserve_release": "risk_reserved_funds",
    "reserved_funds": "connect_reserved_funds",
    "stripe_fee": "fee",
    "transfer_cancel": "transfer_reversal",
    "transfer_refund": "transfer_reversal",
}
COVER_JOB = "connect.cover"
"""Looks whether a connected account owes something, after a line that took from it: `currency:line`."""


class FeeDetail(Shape, frozen=True, kw_only=True):
    amount: int
    application: str | None = None
    currency: str
    description: str | None = None
    type: str = "stripe_fee"


class BalanceTransaction(Stored, frozen=True, kw_only=True):
    object: Literal["balance_transaction"] = "balance_transaction"
    amount: int
    available_on: int
    balance_type: Literal["payments"] = "payments"
    currency: str
    description: str | None = None
    exchange_rate: Decimal | None = None
    fee: int = 0
    fee_details: list[FeeDetail] = []
    net: int
    reporting_category: str
    source: str | None = None
    status: Literal["available", "pending"]
    type: Type


class Record(BalanceTransaction, frozen=True, kw_only=True, omit_defaults=True):
    """`payout` is the payout that carried the line away; a manual one names only itself.

    `unpaid` is the line's currency until an automatic payout takes it. `booked` is the object whose entry moved the
    money, where that is not the source: one entry moves what a platform and its connected account share.
    `taken_back` is what a second line, of what was not captured, takes of this one's net.
    """

    payout: str | None = None
    booked: str | None = None
    unpaid: str | None = None
    taken_back: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """What is about to be written on a merchant's statement. Amounts in minor units, signed.

    With `settle` the source's entry has moved money of `currency`, which is converted here, and the line is in the
    currency of `settle`. `before` is what lines before it have told of the same money, in parts; `refusal` is what the
    API says if the merchant has too little of that currency. `final` is for lines that belong to an automatic payout
    from the beginning.
    """

    type: Type
    amount: int
    currency: str
    source: str | None
    available_on: int
    booked: str | None = None
    fees: tuple[FeeDetail, ...] = ()
    description: str | None = None
    reporting_category: str | None = None
    exchange_rate: Decimal | None = None
    settle: Settle | None = None
    before: int = 0
    refusal: str | None = None
    payout: str | None = None
    final: bool = False


def write(tx: Tx, line: Line) -> Record:
    """A new statement line, with the release of its money scheduled if it has to wait."""
    waits = line.available_on > tx.now
    if waits:
        expect(tx, line.currency, line.available_on)
    if line.settle is not None:
        line = _settled(tx, line, line.settle)
    fee = sum(detail.amount for detail in line.fees)
    id = tx.new_id("txn")
    if tx.scope.connected and line.amount < fee:
        tx.schedule(COVER_JOB, line.currency, tx.now)
    return tx.save(
        Record(
            id=id,
            created=tx.now,
            amount=line.amount,
            available_on=line.available_on if waits else tx.now,
            currency=line.currency,
            description=line.description,
            exchange_rate=line.exchange_rate,
            fee=fee,
            fee_details=list(line.fees),
            net=line.amount - fee,
            reporting_category=line.reporting_category or REPORTING_CATEGORIES.get(line.type, line.type),
            source=line.source,
            status="pending" if waits else "available",
            type=line.type,
            payout=line.payout,
            booked=line.booked,
            unpaid=None if line.final else line.currency,
        )
    )


def _settled(tx: Tx, line: Line, settle: Settle) -> Line:
    """What the source's entry moved becomes money of the other currency, where it stands; the line says how much.

    Each fee is converted by itself, so that who takes it and who pays it read the same amount.
    """
    gross = further(line.before if line.amount > 0 else -line.before, line.amount, line.currency, settle)
    fees = [further(0, detail.amount, line.currency, settle) for detail in line.fees]
    net = less(gross, *fees)
    booked = line.booked or line.source
    assert booked is not None, "a line without an object is never converted"
    account = waiting_account(tx.merchant, line.available_on, tx.now)
    tx.post(SETTLE, booked, settle_currency(account, net, line.refusal))
    if line.available_on > tx.now:
        expect(tx, settle.currency, line.available_on)
    details = tuple(
        msgspec.structs.replace(detail, amount=fee.amount, currency=settle.currency)
        for detail, fee in zip(line.fees, fees, strict=True)
    )
    return msgspec.structs.replace(
        line, amount=gross.amount, currency=settle.currency, exchange_rate=net.exchange_rate, fees=details, settle=None
    )


def settle_currency(account: str, t: Trade, refusal: str | None = None) -> tuple[Posting, ...]:
    """A payment's money is converted where it stands, and what is taken of it later is converted back."""
    bought = Posting(account, -t.amount, t.currency, refusal if t.amount < 0 else None)
    moved = (Posting(account, t.from_amount, t.from_currency), bought)
    return (*(line for line in moved if line.amount), *exchange(t))


def render(view: View, line: Record) -> Wire:
    """The day's release makes every line of the day available at once, so the status is told by the clock."""
    wire = public(BalanceTransaction, line)
    if line.status == "pending" and line.available_on <= view.now:
        wire["status"] = "available"
    return wire


FILTERS = (
    Filter("source"),
    Filter("payout"),
    Filter("type", wide=True),
    Filter("currency", wide=True, under="type"),
)
BALANCE_TRANSACTION: Resource[Record] = Resource(
    object="balance_transaction",
    prefix="txn",
    record=Record,
    shape=BalanceTransaction,
    present=render,
    doc="A line of your balance's statement: what changed it, by how much, and the fees taken.",
    filters=(Filter("unpaid"),),
    expands=("source",),
    verbs=(
        listing("/v1/balance_transactions", *FILTERS),
        retrieve("/v1/balance_transactions/{id}"),
    ),
)
RESOURCE = BALANCE_TRANSACTION
