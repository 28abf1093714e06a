"""The simulated bank of a sandbox, in a server that was started with `nostro dev --bank`.

A bank file of the sandbox is approved and sent as soon as it is built, unless a second key has to approve it. The bank
takes it at that moment of the sandbox's time. What it answers days later comes in on those days, and each day on which
it has booked something ends with a statement. So whoever advances the sandbox sees payouts paid, or sent back. What the
books say that the card network has paid comes in there on the same day.

The bank is a value (`nostro.networks.bank`), kept in one record, which each step writes with what the step does: a
file is taken, an answer comes in, exactly once, whatever is killed. It sleeps while it has nothing to do.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

import msgspec
from msgspec import Struct

from nostro.balances import availability, calendar
from nostro.connect.originating_account import MOST, ORIGINATING_ACCOUNT
from nostro.connect.originating_account import Record as Originator
from nostro.kernel.clock import utc_date
from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.ids import TIME_LENGTH
from nostro.kernel.resource import NoParams, Resource, Shape, Stored, Verb
from nostro.ledger import account as ledger
from nostro.ledger.chart import CASH
from nostro.networks.bank import account as bank_account
from nostro.networks.bank import paper
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.day import advance, next_moment
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.statement import Line, Statement
from nostro.payouts import bank_file
from nostro.payouts.bank_file import BANK_FILE
from nostro.storage.tx import Tx

from .letter import deliver, wanted

VISIT = "simulated_bank.visit"
ID = f"simbank_{'0' * TIME_LENGTH}1"
BY = "nostro dev --bank"
STATEMENTS = "camt.053"
AT_BANK = ("sent", "accepted", "settled")
# Its accounts have no money of their own at first, as the books have none, and may be overdrawn as far as it takes.
OVERDRAFT = 10**15
SETTLED = (
    "SELECT p.entry, p.amount, e.effective, e.source, e.kind FROM ledger_posting p JOIN ledger_entry e "
    "ON e.entry=p.entry WHERE p.account=? AND p.entry>? ORDER BY p.entry"
)
logger = logging.getLogger("nostro.practice")


class BankAccount(Shape, frozen=True, kw_only=True):
    """`balance` in minor units; `committed` is what accepted files will take."""

    balance: int
    committed: int
    currency: str
    number: str
    statements: int


class SimulatedBank(Stored, frozen=True, kw_only=True):
    """`now` is the bank's time, `next_look` when it has something to do."""

    object: Literal["simulated_bank"] = "simulated_bank"
    accounts: list[BankAccount] = []
    files: int = 0
    livemode: bool = False
    next_look: int | None = None
    now: int


class Record(SimulatedBank, frozen=True, kw_only=True, omit_defaults=True):
    """`state` is the bank, in MessagePack, with the letters that are still to be delivered."""

    state: bytes = b""


class Kept(Struct):
    """`seen` is the last ledger entry that was looked at, by currency."""

    bank: Bank
    letters: list[Letter] = []
    seen: dict[str, int] = {}


# What it does ----------------------------------------------------------------


async def carry_job(tx: Tx, id: str) -> None:
    """Job `bank_file.carry`: a file of the sandbox is let go, or was sent and is handed to the bank."""
    if not _is_open(tx):
        return
    file = await tx.get(BANK_FILE, id)
    account = await tx.get(ORIGINATING_ACCOUNT, file.originating_account)
    if file.status == "built" and account.approval == "second_key":
        return
    if file.status == "built" and account.approval == "required":
        file = tx.move(file, bank_file.LIFE["approve"], approved_at=tx.now, approved_by=BY)
    if file.status in ("built", "approved"):
        await bank_file.send(tx, file, NoParams())
    elif file.status in AT_BANK:
        await _take(tx, file, account)


async def _take(tx: Tx, file: bank_file.Record, account: Originator) -> None:
    record, kept = await _opened(tx)
    if file.sha256 in kept.bank.known:
        return
    await _pass_time(tx, kept)
    _open_account(kept.bank, account)
    content = await bank_file.content(tx, file.id)
    receipt, letters = take(kept.bank, calendar, content, file.filename)
    kept.letters += filter(wanted, letters)
    if not any(letter.name.endswith("pain002.xml") for letter in letters):
        await _receive(tx, file, receipt)
    _keep(tx, record, kept)


async def _receive(tx: Tx, file: bank_file.Record, receipt: Receipt) -> None:
    """The bank's word on a file of a format that has no message for it, unless somebody was faster by hand."""
    rejected = receipt.status == "rejected"
    if file.status not in bank_file.LIFE["reject" if rejected else "accept"].source:
        return
    if rejected:
        reason = bank_file.ReasonParams(reason=f"{receipt.code}: {receipt.message}"[:500])
        await bank_file.reject(tx, file, reason)
    else:
        await bank_file.accept(tx, file, NoParams())


async def visit_job(tx: Tx, ref: str) -> None:
    """Job `simulated_bank.visit`: time has passed at the bank, or a letter of it is to be delivered: one at a time."""
    if not _is_open(tx):
        return
    record, kept = await _opened(tx)
    if kept.letters:
        letter = kept.letters.pop(0)
        try:
            await deliver(tx, letter)
        except ApiError as error:
            if error.code == "lock_timeout":  # not the letter's fault: it is delivered later
                raise
            logger.warning("the simulated bank's %s was refused: %s", letter.name, error.message)
    else:
        await _pass_time(tx, kept)
    _keep(tx, record, kept)


async def settle_job(tx: Tx, ref: str) -> None:
    """Job `network.settle`, where a bank looks at what the network has paid."""
    await availability.settle_job(tx, ref)
    if _is_open(tx):
        tx.schedule(VISIT, "", tx.now)


async def _pass_time(tx: Tx, kept: Kept) -> None:
    """A day with lines ends with a statement."""
    bank = kept.bank
    for account in await tx.all(ORIGINATING_ACCOUNT, {}, MOST):
        if account.active:
            _open_account(bank, account)
    for currency in bank.days:
        await _settlements(tx, kept, currency)
    for each in advance(bank, calendar, max(bank.now, tx.now)):
        if isinstance(each, Letter):
            kept.letters += [each] if wanted(each) else []
        elif each.lines:
            kept.letters.append(_letter(bank, each))


async def _settlements(tx: Tx, kept: Kept, currency: str) -> None:
    """Each payment of a network stands on the day on which it was booked, or today if that is over."""
    found = await ledger.find(tx.world.engine, CASH, tx.scope.book, currency)
    seen = kept.seen.get(currency, 0)
    account = next(one for one in kept.bank.books.accounts.values() if one.currency == currency)
    rows = await tx.world.engine.rows(SETTLED, (found[0].number, seen)) if found else []
    for entry, amount, effective, source, kind in rows:
        kept.seen[currency] = entry
        day = utc_date(effective)
        if kind == availability.SETTLE:
            line = Line(amount=amount, booked=day, valued=day, end_to_end=source, code="card_settlement",
                        description="CARD SETTLEMENT", counterparty="CARD NETWORK")  # fmt: skip
            deposit(kept.bank, calendar, account.number, line)


def _letter(bank: Bank, statement: Statement) -> Letter:
    bank.post.sent += 1
    named = paper.letter(STATEMENTS, statement, bank.now)
    return Letter(name=f"{bank.post.sent:07d}-{named.name}", content=named.content)


# What there is to keep -------------------------------------------------------


def _is_open(tx: Tx) -> bool:
    return tx.world.settings.simulated_bank and tx.scope.dev


async def _opened(tx: Tx) -> tuple[Record, Kept]:
    found = await tx.find(SIMULATED_BANK, ID)
    if found is None:
        return Record(id=ID, created=tx.now, now=tx.now), Kept(open_bank(tx.now, Terms()))
    return found, msgspec.msgpack.decode(found.state, type=Kept)


def _open_account(bank: Bank, account: Originator) -> None:
    """Where the originating account is kept, as its files name it."""
    number = _number(account)
    originators = () if account.nacha is None else (account.nacha.company_id,)
    if number not in bank.books.accounts:
        made = bank_account.Account(number=number, currency=account.currency, originators=originators)
        open_account(bank, calendar, made, 0)
        made.overdraft = OVERDRAFT


def _number(account: Originator) -> str:
    if account.bacs is not None:
        return f"{account.bacs.sort_code}{account.bacs.account_number}"
    if account.iso20022 is not None:
        return account.iso20022.iban
    assert account.nacha is not None, f"{account.id} has no ids"
    return f"ACH{account.nacha.company_id}"


def _keep(tx: Tx, record: Record, kept: Kept) -> None:
    """It is looked at again at once for a letter, else when it has something to do."""
    bank = kept.bank
    accounts = bank.books.accounts.values()
    due = tx.now if kept.letters else next_moment(bank)
    if due is None:
        tx.unschedule(VISIT, "")
    else:
        tx.schedule(VISIT, "", max(due, tx.now))
    tx.save(
        msgspec.structs.replace(
            record, state=msgspec.msgpack.encode(kept), now=bank.now, files=bank.files, next_look=due,
            accounts=[
                BankAccount(number=one.number, currency=one.currency, balance=one.balance, committed=one.committed,
                            statements=one.statements)
                for one in accounts
            ],
        )
    )  # fmt: skip


# The API ---------------------------------------------------------------------


async def retrieve(tx: Tx, params: NoParams) -> Record:
    if not _is_open(tx):
        raise invalid("This server has no simulated bank: start it with nostro dev --bank.")
    found = await tx.find(SIMULATED_BANK, ID)
    return found or Record(id=ID, created=tx.now, now=tx.now)


def example() -> Record:
    return Record(
        id=ID, created=0, now=0, files=1, next_look=172_800,
        accounts=[BankAccount(number="ACH1234567890", currency="usd", balance=0, committed=2000, statements=0)],
    )  # fmt: skip


SIMULATED_BANK: Resource[Record] = Resource(
    object="simulated_bank",
    noun="simulated bank",
    prefix="simbank",
    record=Record,
    shape=SimulatedBank,
    example=example,
    doc="The bank that takes a sandbox's files where `nostro dev --bank` runs. Beyond Stripe's API.",
    verbs=(
        Verb(name="retrieve", method="GET", path="/v1/test_helpers/bank", run=retrieve, dev_only=True,
             summary="What it has booked, and when it does something next."),
    ),
)  # fmt: skip
RESOURCE: Resource[Any] = SIMULATED_BANK
