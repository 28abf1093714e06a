"""Top-up: money that the merchant adds to the balance from a bank account, by debit.

It is the merchant's once the debit is settled, two business days of the currency's banks after it was handed over;
until then nothing is booked, and it may be canceled before the next cut-off. In test mode the source, one of the
published bank account tokens, decides: most failing ones fail then; the one that does not allow debits succeeds, and
is returned two business days later, when its holder has objected. Where the source is an external account of the
merchant's, a file of the platform's own bank collects it (collection.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nostro.balances import balance_transaction
from nostro.balances.balance_transaction import Line, Type
from nostro.balances.calendar import business_midnight, next_cut_off
from nostro.balances.settings import check_descriptor
from nostro.connect import originating_account
from nostro.connect.bank import Record as BankAccount
from nostro.connect.external_account import EXTERNAL_ACCOUNT
from nostro.connect.external_form import TEST_TOKENS
from nostro.connect.originating_scheme import SCHEMES
from nostro.kernel.clock import utc_date
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import (
    Amount,
    Filter,
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Stored,
    Unset,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.networks.test_cards import TEST_BANK_ACCOUNTS
from nostro.storage.tx import Tx

from .bank_formats import days_more, refusal, refused_by
from .instruction import debited
from .payout import BANK_DAYS

ARRIVE, RETURN, SEND = "topup.arrive", "topup.return", "topup.send"
RETURNED = "debit_not_authorized"
MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "insufficient_funds": "The bank account has too little money.",
    "invalid_currency": "The bank account does not hold money in this currency.",
    "no_account": "The bank account's details do not belong to any account.",
    RETURNED: "The holder of the bank account did not allow the debit.",
}
Status = Literal["pending", "succeeded", "failed", "canceled", "reversed"]


class Topup(Stored, frozen=True, kw_only=True):
    object: Literal["topup"] = "topup"
    amount: int
    balance_transaction: str | None = None
    currency: str
    description: str | None = None
    expected_availability_date: int | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    initiated_by: Literal["stripe", "user"] | None = None
    livemode: bool = False
    metadata: Metadata = {}
    payment_method: str | None = None
    source: Literal[None] = None
    statement_descriptor: str | None = None
    status: Status
    transfer_group: str | None = None


class Record(Topup, frozen=True, kw_only=True, omit_defaults=True):
    """`ends_with` is the failure code that the debit meets, in test mode. `bank` is the external account that a file
    of the originating account `through` collects it from, and `instructed` is true from its cut-off on."""

    merchant: str
    ends_with: str | None = None
    bank: str | None = None
    through: str | None = None
    instructed: bool = False


# Money -----------------------------------------------------------------------


def receive(t: Record) -> tuple[Posting, ...]:
    """The debit is settled: the platform's bank has the money, and the merchant may use it."""
    return transfer(chart.CASH, chart.available(t.merchant), t.amount, t.currency)


def give_back(t: Record) -> tuple[Posting, ...]:
    """The bank took it back: it leaves the available balance, even below zero."""
    return transfer(chart.available(t.merchant), chart.CASH, t.amount, t.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move      from            to           posts      emits
    M("create",  (),             "pending",   emits=("topup.created",), meaning="The bank is to be debited."),
    M("succeed", ("pending",),   "succeeded", receive,   ("topup.succeeded",), "The money is there."),
    M("fail",    ("pending",),   "failed",    emits=("topup.failed",), meaning="The bank refused the debit."),
    M("cancel",  ("pending",),   "canceled",  emits=("topup.canceled",), meaning="Given up before the cut-off."),
    M("reverse", ("succeeded",), "reversed",  give_back, ("topup.reversed",), "Returned by the bank."),
    rest=("succeeded", "failed", "canceled", "reversed"),
)
# fmt: on


def _line(tx: Tx, topup: Record, type: Type, amount: int) -> str:
    return balance_transaction.write(
        tx,
        Line(type=type, amount=amount, currency=topup.currency, source=topup.id, available_on=tx.now,
             description=topup.description),
    ).id  # fmt: skip


async def arrive_job(tx: Tx, id: str) -> None:
    """Job `topup.arrive`: the bank has paid, or says why not."""
    topup = await tx.get(TOPUP, id)
    if topup.status != "pending":
        return
    code = topup.ends_with
    if code is not None and code != RETURNED:
        tx.move(topup, LIFE["fail"], failure_code=code, failure_message=MESSAGES[code])
        return
    tx.move(topup, LIFE["succeed"], balance_transaction=_line(tx, topup, "topup", topup.amount))
    if code == RETURNED:
        tx.schedule(RETURN, topup.id, business_midnight(topup.currency, utc_date(tx.now), BANK_DAYS))


async def return_job(tx: Tx, id: str) -> None:
    """Job `topup.return`: the holder of the account has objected, and the bank takes the money back."""
    topup = await tx.get(TOPUP, id)
    if topup.status == "succeeded":
        take_back(tx, topup, RETURNED, MESSAGES[RETURNED])


def take_back(tx: Tx, topup: Record, code: str, message: str) -> None:
    _line(tx, topup, "topup_reversal", -topup.amount)
    tx.move(topup, LIFE["reverse"], failure_code=code, failure_message=message)


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Amount
    currency: str
    description: str | None = None
    metadata: dict[str, str | None] | None = None
    source: str | None = None
    statement_descriptor: Annotated[str, Meta(max_length=15)] | None = None
    transfer_group: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    description: str | None | Unset = msgspec.UNSET
    metadata: MetadataParam = msgspec.UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "currency")
    bank, through = await _collected(tx, params, currency)
    if bank is None and tx.scope.livemode:
        raise invalid("In live mode top-ups are collected by file: name an external account of yours.", "source")
    if bank is None and params.source is not None and params.source not in TEST_TOKENS:
        raise no_such("source", params.source, "source")
    if params.statement_descriptor is not None:
        check_descriptor(params.statement_descriptor, "statement_descriptor")
    of_account, days = originating_account.next_cut_off, BANK_DAYS
    if through is not None and bank is not None and (receiver := debited(bank, tx.merchant, None)):
        days = days_to_count(through) + days_more(through, receiver)
    cut_off, day = next_cut_off(currency, tx.now) if through is None else of_account(through, tx.now)
    arrives = business_midnight(currency, day, days)
    topup = Record(
        id=tx.new_id("tu"),
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=params.amount,
        currency=currency,
        description=params.description,
        expected_availability_date=arrives,
        metadata=merge_metadata({}, params.metadata),
        statement_descriptor=params.statement_descriptor,
        status="pending",
        transfer_group=params.transfer_group,
        merchant=tx.merchant,
        ends_with=TEST_BANK_ACCOUNTS[TEST_TOKENS[params.source]] if params.source and bank is None else None,
        bank=bank.id if bank else None,
        through=through.id if through else None,
    )
    tx.schedule(ARRIVE if through is None else SEND, topup.id, arrives if through is None else cut_off)
    return tx.move(topup, LIFE["create"])


def days_to_count(through: originating_account.Record) -> int:
    """Business days from a file's until its debits cannot come back any more for want of funds."""
    return through.settlement_days + SCHEMES[through.format].clears


async def _collected(
    tx: Tx, params: CreateParams, currency: str
) -> tuple[BankAccount, originating_account.Record] | tuple[None, None]:
    """The external account that the source names, and whose file collects from it; neither for a test token."""
    if params.source is None or not params.source.startswith("ba_"):
        return None, None
    bank = await tx.get(EXTERNAL_ACCOUNT, params.source, "source")
    through = await originating_account.originating(tx, currency)
    receiver = debited(bank, tx.merchant, params.statement_descriptor)
    collects = through is not None and originating_account.file_format(through, debit=True) is not None
    if through is None or not collects or bank.currency != currency or receiver is None:
        raise invalid(f"No originating account of yours collects {currency} from {bank.id}.", "source")
    if bank.status == "errored":
        raise invalid(f"The bank has refused payments of {bank.id}, or its mandate has ended. Name another account.",
                      "source")  # fmt: skip
    why = refusal(through, receiver, params.amount, debit=True)
    if why is not None:
        raise refused_by(why, "source")
    return bank, through


async def update(tx: Tx, topup: Record, params: UpdateParams) -> Record:
    changed: dict[str, Any] = {"metadata": merge_metadata(topup.metadata, params.metadata)}
    if params.description is not msgspec.UNSET:
        changed["description"] = params.description
    return tx.save(msgspec.structs.replace(topup, **changed))


async def cancel(tx: Tx, topup: Record, params: NoParams) -> Record:
    if topup.status != "pending":
        raise invalid(f"This top-up cannot be canceled: its status is {topup.status}, and only a pending one can be.")
    if topup.instructed or (topup.through is None and tx.now >= next_cut_off(topup.currency, topup.created)[0]):
        raise invalid("This top-up cannot be canceled any more: its debit has been handed to the bank.")
    tx.unschedule(ARRIVE if topup.through is None else SEND, topup.id)
    return tx.move(topup, LIFE["cancel"])


BY_STATUS = Filter("status", wide=True)
_ID = "/v1/topups/{id}"
TOPUP: Resource[Record] = Resource(
    object="topup",
    prefix="tu",
    id_param="topup",
    record=Record,
    shape=Topup,
    life=LIFE,
    doc="Money added to your balance from a bank account.",
    expands=("balance_transaction",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/topups", run=create, params=CreateParams, kind="create"),
        listing("/v1/topups", BY_STATUS),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="cancel", method="POST", path=f"{_ID}/cancel", run=cancel),
    ),
    errors=("account_number_invalid", "amount_too_large", "invalid_characters"),
)
RESOURCE = TOPUP
