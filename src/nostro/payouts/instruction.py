"""Payment instruction: what the bank is to be told about one payment. A row of `payment_instruction`, no record.

A row is written when nobody can take the payment back any more. It names no file until one is built, and then that
file for ever: an instruction is in one file or in none. What becomes of it is told by its file's status and by `code`.
One that no file can carry is set aside: its file is "", and `reason` says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from nostro.connect.bank import Record as BankAccount
from nostro.kernel.clock import utc_date
from nostro.kernel.errors import invalid
from nostro.kernel.resource import Params, Resource, Shape, Verb, Wire, public
from nostro.storage.engine import Engine
from nostro.storage.tx import Tx

COLUMNS = "source, reference, scope, account, due, debit, amount, receiver, file, trace, code, answer, change, reason"
PUT = (
    "INSERT INTO payment_instruction (book,source,reference,scope,account,due,debit,amount,receiver) "
    "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (book,source,reference) DO NOTHING"
)
FIND = f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND source=? AND reference=?"
OF_SOURCE = (
    f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND source=? AND reference>=? ORDER BY reference LIMIT ?"
)
WAITING = (
    f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND account=? AND due<=? AND file IS NULL "
    "ORDER BY due, source, reference LIMIT ?"
)
NEXT_WAITING = (
    "SELECT min(due) FROM payment_instruction WHERE book=? AND account=? AND due>? AND file IS NULL"
)  # fmt: skip
IN_FILE = f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND file=? AND trace>? ORDER BY trace LIMIT ?"
BY_TRACE = (
    f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND account=? AND trace=? ORDER BY file DESC LIMIT 2"
)
OF_MANDATE = (
    f"SELECT {COLUMNS} FROM payment_instruction WHERE book=? AND account=? AND trace>=? AND trace<? "
    "ORDER BY trace DESC LIMIT 1"
)
INTO_FILE = "UPDATE payment_instruction SET file=?, trace=? WHERE book=? AND source=? AND reference=? AND file IS NULL"
ANSWERED = "UPDATE payment_instruction SET code=?, answer=? WHERE book=? AND source=? AND reference=? AND code IS NULL"
SET_ASIDE = (
    "UPDATE payment_instruction SET file='', trace=?, code=?, reason=?, answer=? "
    "WHERE book=? AND source=? AND reference=? AND file IS NULL"
)
CHANGED = "UPDATE payment_instruction SET change=? WHERE book=? AND source=? AND reference=?"
PAGE = 1000
SET_ASIDE_FILE = ""
LONGEST_NAME = 70
FIRST = "\x01"
_UNPRINTED = re.compile(r"[^A-Za-z0-9 .,&/()+:-]")


class Receiver(Struct, frozen=True, omit_defaults=True):
    """The other side's bank account, as a file names it. `kind` decides the class of an ACH entry. A debit rests on a
    `mandate`, given on the day `signed`; `first` is the first one that does."""

    number: str
    routing: str = ""
    name: str = ""
    descriptor: str = ""
    kind: Literal["", "company", "individual"] = ""
    savings: bool = False
    mandate: str = ""
    signed: str = ""
    first: bool = False


class Instruction(Struct, frozen=True):
    """Amount in minor units of the originating account's currency; a debit takes it from the other side."""

    source: str
    reference: str
    scope: int
    account: str
    due: int
    debit: bool
    amount: int
    receiver: Receiver
    file: str | None
    trace: str | None
    code: str | None
    answer: str | None
    change: str | None
    reason: str | None


def receiver_of(bank: BankAccount, merchant: str, descriptor: str | None) -> Receiver | None:
    """None where the account's number is not kept: it was added before files could be sent."""
    if bank.number is None:
        return None
    return Receiver(
        number=bank.number, routing=bank.routing_number or "", name=holder(bank.account_holder_name or merchant),
        descriptor=plain(descriptor or ""), kind=bank.account_holder_type or "",
        savings=bank.account_type == "savings",
    )  # fmt: skip


def debited(bank: BankAccount, merchant: str, descriptor: str | None) -> Receiver | None:
    """Whom a debit takes from. The mandate is the external account itself, from the day on which it was added."""
    found = receiver_of(bank, merchant, descriptor)
    if found is None:
        return None
    signed = utc_date(bank.created).isoformat()
    return msgspec.structs.replace(found, mandate=bank.id.rpartition("_")[2], signed=signed, first=not bank.debited)


def holder(name: str) -> str:
    """A name as every format has room for it; what is longer is cut."""
    return plain(name)[:LONGEST_NAME].strip()


def plain(text: str) -> str:
    """Letters, digits and signs that every format carries: accents are dropped, other signs become a space."""
    ascii = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(_UNPRINTED.sub(" ", ascii).split())


def instruct(
    tx: Tx, source: str, account: str, due: int, amount: int, receiver: Receiver, *, debit: bool = False
) -> None:
    """Tell the bank, in the next file of the originating account that is built at `due` or later."""
    values = (tx.scope.book, source, "", tx.scope.number, account, due, int(debit), amount, encoded(receiver))
    tx.write_row(PUT, values)


def instruct_debit(
    tx: Tx, source: str, account: str, due: int, amount: int, receiver: Receiver, bank: BankAccount
) -> None:
    """The same of a debit; the next one of the external account is not its first any more."""
    instruct(tx, source, account, due, amount, receiver, debit=True)
    if not bank.debited:
        tx.save(msgspec.structs.replace(bank, debited=True))


def encoded(receiver: Receiver) -> str:
    return msgspec.json.encode(receiver).decode()


def decoded(row: Sequence[Any]) -> Instruction:
    source, reference, scope, account, due, debit, amount, receiver, *said = row
    other = msgspec.json.decode(receiver, type=Receiver)
    return Instruction(source, reference, scope, account, due, bool(debit), amount, other, *said)


async def find(tx: Tx, source: str, reference: str = "") -> Instruction | None:
    rows = await tx.world.engine.rows(FIND, (tx.scope.book, source, reference))
    return decoded(rows[0]) if rows else None


async def in_file(engine: Engine, book: int, file: str) -> list[Instruction]:
    """All of a file, in the order of their trace numbers."""
    found: list[Instruction] = []
    while rows := await engine.rows(IN_FILE, (book, file, found[-1].trace if found else "", PAGE)):
        found += map(decoded, rows)
        if len(rows) < PAGE:
            break
    return found


# What the API shows ----------------------------------------------------------


class PaymentInstruction(Shape, frozen=True, kw_only=True):
    """`account_last4` is the other side's account; `returned` says why it came back, in the bank's own code. What no
    file could carry has a `reason`."""

    object: Literal["payment_instruction"] = "payment_instruction"
    account_last4: str
    amount: int
    bank_file: str | None
    change: str | None
    direction: Literal["credit", "debit"]
    originating_account: str
    reason: str | None
    reference: str | None
    returned: str | None
    source: str
    trace: str | None


class ListParams(Params, frozen=True, kw_only=True):
    """Of one object, of one file, or all that no file could carry; `after` is the last reference, or the last trace
    number, of the page before."""

    after: str = ""
    bank_file: str | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = 100
    set_aside: bool = False
    source: str | None = None


async def list_(tx: Tx, params: ListParams) -> Wire:
    if (params.source is not None) + (params.bank_file is not None) + params.set_aside != 1:
        raise invalid("Name either the source or the bank file, or ask for what was set aside.", "source")
    after = params.after
    if params.source is not None and after:
        after += FIRST  # the list of a source begins at a reference, as the first may be empty
    statement = IN_FILE if params.source is None else OF_SOURCE
    of = params.source or params.bank_file or SET_ASIDE_FILE
    rows = await tx.world.engine.rows(statement, (tx.scope.book, of, after, params.limit + 1))
    shown = [_public(tx, decoded(row)) for row in rows]
    url = "/v1/payment_instructions"
    return {"object": "list", "data": shown[: params.limit], "has_more": len(rows) > params.limit, "url": url}


def _public(tx: Tx, one: Instruction) -> Wire:
    shown = PaymentInstruction(
        account_last4=one.receiver.number[-4:], amount=one.amount, bank_file=one.file or None, change=one.change,
        direction="debit" if one.debit else "credit", originating_account=one.account, reason=one.reason,
        reference=one.reference or None, returned=one.code, source=one.source, trace=one.trace,
    )  # fmt: skip
    return public(PaymentInstruction, shown)


PAYMENT_INSTRUCTION: Resource[Any] = Resource(
    object="payment_instruction",
    prefix="pi_bank",
    record=PaymentInstruction,
    shape=PaymentInstruction,
    stored=False,
    doc="What the bank was told about a payment, in which file, and what it said. Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/payment_instructions", run=list_, params=ListParams, kind="list",
             summary="The instructions of a payout, a top-up or a bulk payout (`source`), of a `bank_file`, or all "
             "that no file could carry (`set_aside`)."),
    ),
)  # fmt: skip
RESOURCE = PAYMENT_INSTRUCTION
