"""Payout: available money sent to the merchant's bank.

The amount leaves the available balance at once and stands in transit until the bank has it. A standard payout may
be canceled until the next cut-off of the currency's banks; then it is sent, and it arrives two business days later,
at midnight UTC (balances/calendar.py says which days those are). An instant one is sent after seconds and arrives
after ten minutes, for a fee. The account's number decides in test mode whether it arrives or fails; a payout that
fails or is canceled gives back the amount and the fee. Where the platform's own bank pays, a payout is sent in a file
instead (origination.py), and the bank can return it even after it was paid.

A reversal is a payout of its own with a negative amount, which takes the money back from the bank; what it brings
is pending until it has arrived. So is the debit by which a connected account's negative balance is made up for.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.balances import balance_transaction, conversion, instant_day
from nostro.balances.availability import waiting_account
from nostro.balances.balance_transaction import FeeDetail, Line, Type
from nostro.balances.calendar import business_midnight, next_cut_off
from nostro.balances.settings import check_descriptor, settings_of
from nostro.connect import originating_account, standing
from nostro.connect.external_account import EXTERNAL_ACCOUNT, destination
from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES, SMALLEST_CHARGE, exponent, portion, text
from nostro.kernel.posting import Posting, credit, debit, transfer
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Shape,
    Stored,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .bank_formats import days_more, refusal, refused_by
from .instruction import Receiver, debited, receiver_of

SENT_AFTER, INSTANT_ARRIVAL = 5, 600
BANK_DAYS = 2
# Of an instant payout: the most, in major units; the fee's rate, and its least where the currency's smallest charge
# is not known, in minor units.
INSTANT_LARGEST = 9_999
INSTANT_RATE = Decimal("0.015")
SMALLEST_FEE = 50
LARGEST_PAYOUT = 99_999_999_999
# Banks carry no decimals of these, though cards do.
WHOLE_UNITS = frozenset(("huf", "isk", "twd", "ugx"))
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The card's bank could not credit it.",
    "debit_not_authorized": "Debits are not approved on the bank account, and a payout has to be able to be undone.",
    "insufficient_funds": "The account that pays out has too little money.",
    "invalid_currency": "The bank account cannot hold money in this currency.",
    "no_account": "The bank account's details do not belong to any account.",
}
Through = originating_account.Record | None
Method = Literal["instant", "standard"]
Status = Literal["pending", "in_transit", "paid", "failed", "canceled"]


class TraceId(Shape, frozen=True, kw_only=True):
    """What the receiving bank can find the payout by."""

    status: Literal["pending", "supported", "unsupported"] = "pending"
    value: str | None = None


class Payout(Stored, frozen=True, kw_only=True):
    object: Literal["payout"] = "payout"
    amount: int
    application_fee: str | None = None
    application_fee_amount: int | None = None
    arrival_date: int
    automatic: bool = False
    balance_transaction: str | None = None
    currency: str
    description: str | None = None
    destination: str | None = None
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    method: Method
    original_payout: str | None = None
    payout_method: str | None = None
    reconciliation_status: Literal["completed", "in_progress", "not_applicable"] = "not_applicable"
    reversed_by: str | None = None
    source_type: Literal["card"] = "card"
    statement_descriptor: str | None = None
    status: Status
    trace_id: TraceId = TraceId()
    type: Literal["bank_account", "card"] = "bank_account"


class Record(Payout, frozen=True, kw_only=True, omit_defaults=True):
    """`fee` is what an instant payout costs beside its amount. `through` is the originating account whose files carry
    it; `instructed` is true from the cut-off on, when nobody can take it back any more."""

    merchant: str
    fee: int = 0
    through: str | None = None
    instructed: bool = False


# Money -----------------------------------------------------------------------


def send_out(p: Record) -> tuple[Posting, ...]:
    """The amount leaves the available balance, if there is so much, and is on its way; so does an instant one's fee."""
    return (
        debit(chart.available(p.merchant), p.amount + p.fee, p.currency, "balance_insufficient"),
        credit(chart.in_transit(p.merchant), p.amount, p.currency),
        *((credit(chart.FEES, p.fee, p.currency),) if p.fee else ()),
    )


def call_back(p: Record) -> tuple[Posting, ...]:
    """A reversal's amount is on its way from the bank; the merchant has it, pending, until it has arrived."""
    waiting = waiting_account(p.merchant, p.arrival_date, p.created)
    return transfer(waiting, chart.in_transit(p.merchant), p.amount, p.currency)


def reach_bank(p: Record) -> tuple[Posting, ...]:
    """The merchant's bank has it; of a reversal, ours."""
    return transfer(chart.in_transit(p.merchant), chart.CASH, p.amount, p.currency)


def come_back(p: Record) -> tuple[Posting, ...]:
    """It never reached the bank: the amount is available again, and the fee is given back."""
    return (
        *transfer(chart.in_transit(p.merchant), chart.available(p.merchant), p.amount, p.currency),
        *transfer(chart.FEES, chart.available(p.merchant), p.fee, p.currency),
    )


def return_(p: Record) -> tuple[Posting, ...]:
    """The bank had it and sends it back: the amount is available again."""
    return transfer(chart.CASH, chart.available(p.merchant), p.amount, p.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move     from             to            posts       emits
    M("create", (),              "pending",    send_out,   ("payout.created",), "Asked for; may be canceled."),
    M("recall", (),              "pending",    call_back,  ("payout.created",), "A payout that arrived, taken back."),
    M("send",   ("pending",),    "in_transit", emits=("payout.updated",), meaning="Handed to the bank."),
    M("arrive", ("in_transit",), "paid",       reach_bank, ("payout.paid",), "The bank has it."),
    M("fail",   ("pending", "in_transit"), "failed", come_back, ("payout.failed",), "It never reached the bank."),
    M("return", ("paid",),       "failed",     return_,    ("payout.failed",), "The bank had it, and sent it back."),
    M("cancel", ("pending",),    "canceled",   come_back,  ("payout.canceled",), "Given up in time."),
    rest=("paid", "failed", "canceled"),
)
# fmt: on


def _line(tx: Tx, payout: Record, type: Type, amount: int, on: int | None = None) -> str:
    """The statement line; only a payout's own line names it, as nobody chose lines for a manual payout."""
    why = payout.description or f"PAYOUT ({payout.id})"
    fee = payout.fee if type == "payout" else -payout.fee
    fees = (FeeDetail(amount=fee, currency=payout.currency, description="Instant payout fee"),) if fee else ()
    return balance_transaction.write(
        tx, Line(type=type, amount=amount, currency=payout.currency, source=payout.id,
                 available_on=tx.now if on is None else on, description=why, fees=fees,
                 payout=payout.id if type == "payout" else None, final=payout.automatic and type == "payout"),
    ).id  # fmt: skip


# On its way ------------------------------------------------------------------


def _when(now: int, method: str, currency: str, through: Through, more: int = 0) -> tuple[int, int]:
    """When a payout is sent and when it arrives, in a file `more` business days later than others."""
    if method == "instant":
        return now + SENT_AFTER, now + INSTANT_ARRIVAL
    if through is not None:
        cut_off, day = originating_account.next_cut_off(through, now)
        return cut_off, business_midnight(currency, day, through.settlement_days + more)
    cut_off, day = next_cut_off(currency, now)
    return cut_off, business_midnight(currency, day, BANK_DAYS)


async def send_job(tx: Tx, id: str) -> None:
    """Job `payout.send`: it is handed to the bank, and cannot be canceled any more."""
    payout = await tx.get(PAYOUT, id)
    if payout.status == "pending":
        tx.move(payout, LIFE["send"])
        tx.schedule("payout.arrive", payout.id, payout.arrival_date)


async def arrive_job(tx: Tx, id: str) -> None:
    """Job `payout.arrive`: the bank has it, or says why not. An account that is gone meanwhile is not asked."""
    payout = await tx.get(PAYOUT, id)
    account = await tx.find(EXTERNAL_ACCOUNT, payout.destination or "")
    asked = account is not None and payout.original_payout is None and payout.through is None
    code = account.fails_with if account is not None and asked else None
    if payout.status != "in_transit":
        return
    if code is not None:
        await fail(tx, payout, code, FAILURES[code], TraceId(status="unsupported"))
    elif payout.through is not None:
        tx.move(payout, LIFE["arrive"])
    else:
        tx.move(payout, LIFE["arrive"], trace_id=TraceId(status="supported", value=_trace(payout.id)))


async def fail(tx: Tx, payout: Record, code: str, message: str, trace: TraceId, *, errored: bool = True) -> None:
    """The amount is back. No payout is made by itself to an account that is `errored`, because it refused one."""
    account = await tx.find(EXTERNAL_ACCOUNT, payout.destination or "")
    if errored and account is not None and account.status != "errored":
        tx.save(msgspec.structs.replace(account, status="errored"), "account.external_account.updated")
        await standing.look(tx)
    tx.move(
        payout, LIFE["return" if payout.status == "paid" else "fail"],
        failure_balance_transaction=_line(tx, payout, "payout_failure", payout.amount),
        failure_code=code, failure_message=message, trace_id=trace,
    )  # fmt: skip


def _trace(id: str) -> str:
    """Fifteen digits as in an ACH trace number: the bank's first eight, then the payout's own seven."""
    return f"11000000{int.from_bytes(hashlib.sha256(id.encode()).digest()[:8]) % 10**7:07d}"


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1, le=LARGEST_PAYOUT)]
    currency: str
    description: str | None = None
    destination: str | None = None
    fx_quote: str | None = None
    metadata: dict[str, str | None] | None = None
    method: Method = "standard"
    payout_method: str | None = None
    source_type: Literal["bank_account", "card", "fpx"] = "card"
    statement_descriptor: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


class ReverseParams(Params, frozen=True, kw_only=True):
    metadata: dict[str, str | None] | None = None


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    _check(params, currency)
    await standing.check_payouts(tx)
    id = tx.new_id("po")
    amount, currency = await _in_currency_of_bank(tx, params, currency, id)
    account = await destination(tx, params.destination, currency)
    if params.method not in account.available_payout_methods:
        raise invalid(
            f"The external account {account.id} does not take instant payouts. Use the method standard.",
            "method", "instant_payouts_unsupported",
        )  # fmt: skip
    through = None if account.card else await originating_account.originating(tx, currency)
    if through is not None:
        receiver = receiver_of(account, tx.merchant, params.statement_descriptor)
        _check_file(params.method, amount, through, receiver)
    if params.method == "instant":
        _check_limit(amount, currency)
        await instant_day.use(tx, amount, currency)
    return start(
        tx,
        through,
        id=id,
        amount=amount,
        currency=currency,
        method=params.method,
        description=params.description,
        destination=account.id,
        metadata=merge_metadata({}, params.metadata),
        statement_descriptor=params.statement_descriptor,
        type=account.type,
    )


async def _in_currency_of_bank(tx: Tx, params: CreateParams, currency: str, id: str) -> tuple[int, str]:
    """What goes to the bank account: the amount, converted if the account is in another currency and that is asked for,
    by a quote or by the merchant's policy."""
    account = await tx.find(EXTERNAL_ACCOUNT, params.destination or "")
    if account is None or account.currency == currency:
        return params.amount, currency
    if params.fx_quote is None and not (await settings_of(tx)).policy.settlement.converts(tx.scope.connected):
        return params.amount, currency
    made = await conversion.make(tx, params.amount, currency, account.currency, params.fx_quote, source=id)
    rest = made.amount % 100 if made.currency in WHOLE_UNITS else 0
    if made.amount - rest < 1:
        raise invalid("This is worth less than the smallest amount that can be paid out.", "amount", "amount_too_small")
    return made.amount - rest, made.currency


def _check_file(method: Method, amount: int, through: originating_account.Record, receiver: Receiver | None) -> None:
    if method == "instant":
        raise invalid("Payouts in this currency are sent in files to the bank: use the method standard.", "method",
                      "instant_payouts_unsupported")  # fmt: skip
    why = None if receiver is None else refusal(through, receiver, amount)
    if why is not None:
        raise refused_by(why, "destination")
    most = originating_account.largest_payment(through)
    if most is not None and amount > most:
        raise invalid(f"A payout through {through.id} can be {text(most, through.currency)} at most.", "amount",
                      "amount_too_large")  # fmt: skip


def _check_limit(amount: int, currency: str) -> None:
    largest = INSTANT_LARGEST * 10 ** exponent(currency)
    if amount > largest:
        raise invalid(f"An instant payout can be {text(largest, currency)} at most. Use the method standard for more.",
                      "amount", "amount_too_large")  # fmt: skip


def instant_fee(amount: int, currency: str) -> int:
    """What an instant payout of `amount` costs, in minor units."""
    return max(portion(amount, INSTANT_RATE), SMALLEST_CHARGE.get(currency, SMALLEST_FEE))


def start(
    tx: Tx, through: Through, *, amount: int, currency: str, method: Method = "standard", id: str | None = None,
    **given: Any,
) -> Record:  # fmt: skip
    """A payout that leaves the available balance now and is sent in its time."""
    sent, arrives = _when(tx.now, method, currency, through)
    payout = Record(
        id=id or tx.new_id("po"),
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=amount,
        arrival_date=arrives,
        currency=currency,
        method=method,
        status="pending",
        merchant=tx.merchant,
        fee=instant_fee(amount, currency) if method == "instant" else 0,
        through=through.id if through else None,
        **given,
    )
    tx.schedule("payout.send", payout.id, sent)
    return tx.move(payout, LIFE["create"], balance_transaction=_line(tx, payout, "payout", -amount))


def _check(params: CreateParams, currency: str) -> None:
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}. The currencies that can be used are: "
                      f"{', '.join(sorted(CURRENCIES))}", "currency")  # fmt: skip
    if currency in WHOLE_UNITS and params.amount % 100:
        raise invalid(f"Banks carry no decimals of {currency}: the amount must be a multiple of 100.", "amount")
    if params.payout_method is not None:
        raise no_such("payout method", params.payout_method, "payout_method")
    if params.source_type != "card":
        raise invalid(f"You have no funds of the source type {params.source_type}: all of your balance is card.",
                      "source_type", "balance_insufficient")  # fmt: skip
    if params.statement_descriptor is not None:
        check_descriptor(params.statement_descriptor, "statement_descriptor")


async def update(tx: Tx, payout: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(payout.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(payout, metadata=metadata), "payout.updated")


async def cancel(tx: Tx, payout: Record, params: NoParams) -> Record:
    if payout.status != "pending":
        raise invalid(f"This payout cannot be canceled: its status is {payout.status}, and only a pending payout "
                      "can be.")  # fmt: skip
    if payout.amount < 0:
        raise invalid("A reversal or a debit cannot be canceled.")
    if payout.instructed:
        raise invalid("This payout cannot be canceled any more: its cut-off has passed, and it goes to the bank.")
    tx.unschedule("payout.send", payout.id)
    return tx.move(
        payout, LIFE["cancel"], failure_balance_transaction=_line(tx, payout, "payout_cancel", payout.amount),
        trace_id=TraceId(status="unsupported"),
    )  # fmt: skip


async def reverse(tx: Tx, payout: Record, params: ReverseParams) -> Record:
    if payout.amount < 0:
        raise invalid("A reversal or a debit cannot be reversed.")
    if payout.reversed_by is not None:
        raise invalid(f"This payout has already been reversed, by {payout.reversed_by}.")
    if payout.status != "paid":
        advice = " Cancel it instead." if payout.status == "pending" else ""
        raise invalid(f"Only a paid payout can be reversed, and the status of this one is {payout.status}.{advice}")
    through = await originating_account.originating(tx, payout.currency) if payout.through else None
    if through is not None and originating_account.file_format(through, debit=True) is None:
        raise invalid(f"This payout cannot be taken back: the originating account {through.id} collects no debits.")
    back = await take_back(
        tx, through, amount=payout.amount, currency=payout.currency, livemode=payout.livemode,
        destination=payout.destination, metadata=merge_metadata({}, params.metadata), original_payout=payout.id,
        type=payout.type,
    )  # fmt: skip
    tx.save(msgspec.structs.replace(payout, reversed_by=back.id), "payout.updated")
    return back


async def take_back(
    tx: Tx, through: Through, *, amount: int, currency: str, destination: str | None, **given: Any
) -> Record:
    """A payout with a negative amount: the bank is asked for money, which is pending until it arrives."""
    account = await tx.find(EXTERNAL_ACCOUNT, destination or "")
    receiver = None if account is None else debited(account, tx.merchant, None)
    more = 0 if through is None or receiver is None else days_more(through, receiver)
    sent, arrives = _when(tx.now, "standard", currency, through, more)
    back = Record(
        id=tx.new_id("po"), created=tx.now, amount=-amount, arrival_date=arrives, currency=currency, method="standard",
        status="pending", merchant=tx.merchant, through=through.id if through else None, destination=destination,
        **given,
    )  # fmt: skip
    tx.schedule("payout.send", back.id, sent)
    return tx.move(back, LIFE["recall"], balance_transaction=_line(tx, back, "payout", amount, arrives))


def example() -> Record:
    return Record(
        id="po_1",
        created=0,
        amount=2000,
        arrival_date=172_800,
        currency="usd",
        destination="ba_1",
        method="standard",
        status="pending",
        merchant="acct_1",
        fee=50,
    )


# It arrives within days of being made: business days, so the longest run of holidays is not too much.
ARRIVAL = Filter("arrival_date", kind="range", lag=(DAY, 14 * DAY))
BY_DESTINATION, BY_STATUS = Filter("destination", wide=True), Filter("status", wide=True)
_ID = "/v1/payouts/{id}"
PAYOUT: Resource[Record] = Resource(
    object="payout",
    prefix="po",
    id_param="payout",
    record=Record,
    shape=Payout,
    life=LIFE,
    example=example,
    doc="Available money sent to your bank account.",
    filters=(ARRIVAL, BY_DESTINATION, BY_STATUS),
    expands=("balance_transaction", "destination", "failure_balance_transaction", "original_payout", "reversed_by",
             "application_fee"),
    verbs=(
        Verb(name="create", method="POST", path="/v1/payouts", run=create, params=CreateParams, kind="create"),
        listing("/v1/payouts", ARRIVAL, BY_DESTINATION, BY_STATUS),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="cancel", method="POST", path=f"{_ID}/cancel", run=cancel),
        Verb(name="reverse", method="POST", path=f"{_ID}/reverse", run=reverse, params=ReverseParams,
             summary="Take a paid payout back from the bank."),
    ),
    errors=("account_number_invalid", "amount_too_large", "amount_too_small", "balance_insufficient",
            "payouts_not_allowed", "instant_payouts_limit_exceeded", "instant_payouts_unsupported",
            "invalid_characters"),
)  # fmt: skip
RESOURCE = PAYOUT
