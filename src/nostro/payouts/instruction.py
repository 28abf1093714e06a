"""Payment instruction: what the bank is to be told about one payment. A row of `payment_instruction`, no record.

A row is written when nobody can take the payment back any more. It names no file until one is built, and then that
file for ever: an instruction is in one file or in none. What becomes of it is told by its file's status and by `code`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from nostro.connect.bank import Record as BankAccount
from nostro.kernel.errors import invalid
from nostro.kernel.resource import Params, Resource, Shape, Verb, Wire, public
from nostro.storage.engine import Engine
from nostro.storage.tx import Tx

COLUMNS = "source, reference, scope, account, due, debit, amount, receiver, file, trace, code, answer, change"
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
INTO_FILE = "UPDATE payment_instruction SET file=?, trace=? WHERE book=? AND source=? AND reference=? AND file IS NULL"
ANSWERED = "UPDATE payment_instruction SET code=?, answer=? WHERE book=? AND source=? AND reference=? AND code IS NULL"
CHANGED = "UPDATE payment_instruction SET change=? WHERE book=? AND source=? AND reference=?"
PAGE = 1000
LONGEST_NAME = 70
FIRST = "\x01"
_UNPRINTED = re.compile(r"[^A-Za-z0-9 .,&/()+:-]")


class Receiver(Struct, frozen=True, omit_defaults=True):
    """The other side's bank account, as a file names it. `kind` decides the class of an ACH entry."""

    number: str
    routing: str = ""
    name: str = ""
    descriptor: str = ""
    kind: Literal["", "company", "individual"] = ""
    savings: bool = False


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


def receiver_of(bank: BankAccount, merchant: str, descriptor: str | None) -> Receiver | None:
    """None where the account's number is not kept: it was added before files could be sent."""
    if bank.number is None:
        return None
    return Receiver(
        number=bank.number, routing=bank.routing_number or "", name=holder(bank.account_holder_name or merchant),
        descriptor=plain(descriptor or ""), kind=bank.account_holder_type or "",
        savings=bank.account_type == "savings",
    )  # fmt: skip


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
    """`account_last4` is the other side's account; `returned` says why it came back, in the bank's own code."""

    object: Literal["payment_instruction"] = "payment_instruction"
    account_last4: str
    amount: int
    bank_file: str | None
    change: str | None
    direction: Literal["credit", "debit"]
    originating_account: str
    reference: str | None
    returned: str | None
    source: str
    trace: str | None


class ListParams(Params, frozen=True, kw_only=True):
    """Of one object or of one file; `after` is the last reference, or the last trace number, of the page before."""

    after: str = ""
    bank_file: str | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = 100
    source: str | None = None


async def list_(tx: Tx, params: ListParams) -> Wire:
    if (params.source is None) == (params.bank_file is None):
        raise invalid("Name either the source or the bank file.", "source")
    after = params.after
    if params.source is not None and after:
        after += FIRST  # the list of a source begins at a reference, as the first may be empty
    statement = OF_SOURCE if params.bank_file is None else IN_FILE
    of = params.source or params.bank_file
    rows = await tx.world.engine.rows(statement, (tx.scope.book, of, after, params.limit + 1))
    shown = [_public(tx, decoded(row)) for row in rows]
    url = "/v1/payment_instructions"
    return {"object": "list", "data": shown[: params.limit], "has_more": len(rows) > params.limit, "url": url}


def _public(tx: Tx, one: Instruction) -> Wire:
    shown = PaymentInstruction(
        account_last4=one.receiver.number[-4:], amount=one.amount, bank_file=one.file, change=one.change,
        direction="debit" if one.debit else "credit", originating_account=one.account,
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
             summary="The instructions of a payout, a top-up or a bulk payout (`source`), or of a `bank_file`."),
    ),
)  # fmt: skip
RESOURCE = PAYMENT_INSTRUCTION
