"""Bank answer: a file from the bank that says what became of payments: what came back, and what it has corrected.

It is read whole before anything is taken from it, and taken in one unit, once for its content: the same bytes again
answer the first record. What it says of a payment is written beside its instruction; the payment itself then follows
by a job of its own (outcome.py). What fits no payment is kept here, with the reason, for somebody to look at.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from nostro.connect.originating_account import MOST, ORIGINATING_ACCOUNT
from nostro.connect.originating_account import Record as Account
from nostro.connect.originating_scheme import Format
from nostro.kernel.errors import invalid, missing
from nostro.kernel.resource import Download, NoParams, Params, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.ledger.reference import keep, known
from nostro.storage.tx import Tx

from .bank_file import BANK_FILE, LIFE, PUT_CONTENT, content, name_of
from .bank_file import Record as BankFile
from .bank_formats import FORMATS, format_of
from .file_format import BadAnswer, Item
from .instruction import ANSWERED, BY_TRACE, CHANGED, OF_MANDATE, Instruction, decoded, encoded, in_file
from .outcome import fail, tell

FAMILY = "bank_answer"
AT_ONCE = 500
DUPLICATE = "AM05"  # of ISO 20022: the file was sent before
MOST_SHOWN = 1000
# How a report of Bacs begins.
BACS_REPORT, LOOK = b"<BACSDocument", 2000
# Files that may be at the bank, or were.
OUT = ("sending", "sent", "accepted", "settled", "rejected")


class Unmatched(Shape, frozen=True, kw_only=True):
    """What the answer said that fits no payment, and why."""

    amount: int | None = None
    code: str
    reason: str
    trace: str


class BankAnswer(Stored, frozen=True, kw_only=True):
    """Counts are of payments. `duplicates` were said before; `unmatched` shows up to a thousand."""

    object: Literal["bank_answer"] = "bank_answer"
    changes: int = 0
    accepted_files: int = 0
    duplicates: int = 0
    filename: str | None = None
    format: str
    livemode: bool = False
    rejected_files: int = 0
    returned_amount: int = 0
    returns: int = 0
    sha256: str
    size: int
    unmatched: list[Unmatched] = []
    unmatched_count: int = 0


class Record(BankAnswer, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


class Upload(Params, frozen=True, kw_only=True):
    """The multipart body's file."""

    name: str
    content_type: str
    content: bytes


class CreateParams(Params, frozen=True, kw_only=True):
    """The file as an upload, or its text as `content`."""

    content: str | None = None
    file: Upload | None = None
    format: Literal["bacs", "nacha", "pain.001"] | None = None
    originating_account: str | None = None


class Verdict(Struct):
    """One item of the answer, and the payment that it is about, or why there is none."""

    item: Item
    payment: Instruction | None = None
    file: BankFile | None = None
    reason: str = ""


async def create(tx: Tx, params: CreateParams) -> Record:
    if tx.scope.connected:
        raise invalid("Answers are taken by the platform: leave the Stripe-Account header out.")
    name, body = _body(params)
    sha256 = hashlib.sha256(body).hexdigest()
    before = await known(tx, FAMILY, sha256, sha256)
    if before is not None:
        return await tx.get(BANK_ANSWER, before)
    format, items = await _read(body, params.format)
    accounts = await _accounts(tx, format, params.originating_account)
    verdicts = [Verdict(item) for item in items]
    for start in range(0, len(verdicts), AT_ONCE):
        await asyncio.gather(*(_match(tx, accounts, one) for one in verdicts[start : start + AT_ONCE]))
    id = tx.new_id("ban")
    taken = await _take(tx, id, verdicts)
    await _count(tx, taken["return"])
    lost = [one for one in verdicts if one.reason and one.reason != "duplicate"]
    answer = Record(
        id=id, created=tx.now, livemode=tx.scope.livemode, changes=len(taken["change"]),
        accepted_files=sum(one.file is not None and one.item.kind == "accept" for one in verdicts),
        rejected_files=sum(one.file is not None and one.item.kind == "reject" for one in verdicts),
        duplicates=sum(one.reason == "duplicate" for one in verdicts), filename=name, format=format,
        returned_amount=sum(one.amount for one in taken["return"]), returns=len(taken["return"]), sha256=sha256,
        size=len(body), unmatched=[_unmatched(one) for one in lost[:MOST_SHOWN]], unmatched_count=len(lost),
    )  # fmt: skip
    keep(tx, FAMILY, sha256, id, sha256)
    tx.write_row(PUT_CONTENT, (tx.scope.book, id, body))
    return tx.save(answer, "bank_answer.created")


def _body(params: CreateParams) -> tuple[str | None, bytes]:
    if params.file is not None:
        return params.file.name[:255] or None, params.file.content
    if params.content is None:
        raise missing("file")
    return None, params.content.encode()


def _format(body: bytes) -> Format | None:
    """What it looks like."""
    if body[:3] == b"101":
        return "nacha"
    if body.lstrip()[:1] != b"<":
        return None
    return "bacs" if BACS_REPORT in body[:LOOK] else "pain.001"


async def _read(body: bytes, format: Format | None) -> tuple[Format, list[Item]]:
    """The answer's items, or the error that says where it cannot be read."""
    name = format or _format(body)
    if name is None:
        raise invalid("This is no answer that can be read: ACH returns begin with 101, a pain.002, a camt.054 and the "
                      "reports of Bacs are XML.", "file", "bank_answer_invalid")  # fmt: skip
    try:
        return name, await asyncio.to_thread(FORMATS[name].read, body)
    except BadAnswer as error:
        raise invalid(f"The file cannot be read: {error}. Nothing of it was taken.", "file",
                      "bank_answer_invalid") from None  # fmt: skip


async def _accounts(tx: Tx, format: str, id: str | None) -> list[Account]:
    if id is not None:
        return [await tx.get(ORIGINATING_ACCOUNT, id, "originating_account")]
    return [account for account in await tx.all(ORIGINATING_ACCOUNT, {}, MOST) if account.format == format]


# Matching --------------------------------------------------------------------


async def _match(tx: Tx, accounts: Sequence[Account], one: Verdict) -> None:
    """By the trace number that the answer names; where numbers began anew, the newest with the same amount."""
    item = one.item
    if item.kind in ("accept", "reject"):
        await _match_file(tx, accounts, one)
        return
    for account in accounts:
        rows = await tx.world.engine.rows(BY_TRACE, (tx.scope.book, account.id, item.trace))
        if item.of_mandate:
            rows = await tx.world.engine.rows(OF_MANDATE, (tx.scope.book, account.id, *_begin_with(item.trace)))
        found = [decoded(row) for row in rows]
        same = [payment for payment in found if item.amount in (None, payment.amount)]
        if found and not same:
            one.reason = f"the payment is of {found[0].amount}, the answer says {item.amount}"
        if same:
            await _judge(tx, account, one, same[0])
            return
    one.reason = one.reason or "no payment has this trace number"


def _begin_with(mandate: str) -> tuple[str, str]:
    """The traces of a mandate's payments stand between these two."""
    return f"{mandate}-", f"{mandate}."


async def _match_file(tx: Tx, accounts: Sequence[Account], one: Verdict) -> None:
    """By the name that the file has in its own bytes: the account and the number."""
    own, _, number = one.item.trace.rpartition("-")
    account = next((account for account in accounts if own and account.id.endswith(own)), None)
    found = []
    if account is not None and number.isascii() and number.isdigit():
        found = await tx.all(BANK_FILE, {"filename": name_of(account, int(number))})
    if not found:
        one.reason = "no file has this name"
    elif one.item.kind == "reject" and one.item.code == DUPLICATE and _is_there(found[0]):
        one.reason = "duplicate"
    elif found[0].status in LIFE[one.item.kind].source:
        one.file = found[0]
    else:
        one.reason = "duplicate" if found[0].status in OUT else f"the file was not sent: it is {found[0].status}"


def _is_there(file: BankFile) -> bool:
    """The bank has it, or may have: then it refuses a copy, and paying back would pay twice."""
    return file.status == "accepted" or len(file.transmissions) > 1


async def _judge(tx: Tx, account: Account, one: Verdict, payment: Instruction) -> None:
    file = await tx.get(BANK_FILE, payment.file or "")
    one.reason = ""
    if file.status not in OUT:
        one.reason = f"its file {file.id} was not sent: it is {file.status}"
    elif one.item.kind == "return" and payment.code is not None:
        one.reason = "duplicate"
    elif one.item.kind == "change":
        one.item = format_of(account).corrected(payment.receiver, one.item)
        if one.item.receiver is None:
            one.reason = "what it corrects cannot be used"
        elif encoded(one.item.receiver) == payment.change:
            one.reason = "duplicate"
    one.payment = payment if not one.reason else None


async def _take(tx: Tx, id: str, verdicts: Sequence[Verdict]) -> dict[str, list[Instruction]]:
    """Write what the answer says beside each payment, once, and tell the payment."""
    taken: dict[str, list[Instruction]] = {"return": [], "change": []}
    said: set[tuple[str, str, str]] = set()
    for one in verdicts:
        payment, item = one.payment, one.item
        if payment is None:
            continue
        if (item.kind, payment.source, payment.reference) in said:
            one.reason = "duplicate"
            continue
        said.add((item.kind, payment.source, payment.reference))
        taken[item.kind].append(payment)
        where = (tx.scope.book, payment.source, payment.reference)
        if item.kind == "return":
            tx.write_row(ANSWERED, (item.code, id, *where))
        elif item.receiver is not None:
            tx.write_row(CHANGED, (encoded(item.receiver), *where))
    for one in verdicts:
        if one.file is not None and one.item.kind == "reject":
            fail(tx, await in_file(tx.world.engine, tx.scope.book, one.file.id), "rejected", id)
            tx.move(one.file, LIFE["reject"], rejection_reason=f"{one.item.code} {one.item.text}".strip())
        elif one.file is not None:
            tx.move(one.file, LIFE["accept"])
    tell(tx, taken["return"], "answered", id)
    tell(tx, taken["change"], "changed", id)
    return taken


async def _count(tx: Tx, returned: Sequence[Instruction]) -> None:
    """Each file says how many of its payments came back. Two answers about one file are one after the other."""
    amounts: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for payment in returned:
        amounts[payment.file or ""] += payment.amount
        counts[payment.file or ""] += 1
    for id, count in counts.items():
        file = await tx.get(BANK_FILE, id)
        tx.save(
            msgspec.structs.replace(
                file, returned_payments=file.returned_payments + count,
                returned_amount=file.returned_amount + amounts[id],
            )
        )  # fmt: skip


def _unmatched(one: Verdict) -> Unmatched:
    return Unmatched(amount=one.item.amount, code=one.item.code, reason=one.reason, trace=one.item.trace)


async def contents(tx: Tx, answer: Record, params: NoParams) -> Download:
    return Download(await content(tx, answer.id), "application/octet-stream", answer.filename or f"{answer.id}.txt")


_ID = "/v1/bank_answers/{id}"
BANK_ANSWER: Resource[Record] = Resource(
    object="bank_answer",
    noun="bank answer",
    prefix="ban",
    record=Record,
    shape=BankAnswer,
    doc="A file in which the bank says what became of payments. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/bank_answers", run=create, params=CreateParams, kind="create",
             body="multipart", summary="Take a file of returns and notifications of change, whole or not at all."),
        listing("/v1/bank_answers"),
        retrieve(_ID),
        Verb(name="contents", method="GET", path=f"{_ID}/contents", run=contents, answers=Download,
             summary="The bytes, as they came."),
    ),
    errors=("bank_answer_invalid",),
)  # fmt: skip
RESOURCE: Resource[Any] = BANK_ANSWER
