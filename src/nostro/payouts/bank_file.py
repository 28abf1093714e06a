"""Bank file: payments for the bank, built once, numbered, hashed, approved, sent once.

A file is built from what is due in an originating account. Its bytes are kept as they were built, and every payment
in it names it and no other, for ever. What is not sent in the end (withdrawn, or rejected by the bank) is not put
into another file: its payments fail, and their money goes back.

Sending is an attempt that is committed first (`sending`) and a report (`sent`). Where the account's delivery is
`download`, whoever sends takes the bytes from the API; with `outbox` they are laid down in a directory (outbox.py).
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nostro.balances.calendar import add_business_days, business_midnight
from nostro.connect.originating_account import ORIGINATING_ACCOUNT, file_day, next_cut_off
from nostro.connect.originating_account import Record as Account
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Download, Filter, NoParams, Params, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.storage.tx import Tx

from .bank_formats import format_of
from .file_format import Built, Job
from .instruction import INTO_FILE, NEXT_WAITING, WAITING, Instruction, decoded, in_file
from .outcome import fail, tell

BUILD, SETTLE, STAGE, RELEASE = "bank_file.build", "bank_file.settle", "bank_file.stage", "bank_file.release"
# Seconds after the cut-off: by then the payments of every account have been handed over.
BUILD_AFTER = 60
PUT_CONTENT = "INSERT INTO bank_file_content (book,id,content) VALUES (?,?,?)"
FIND_CONTENT = "SELECT content FROM bank_file_content WHERE book=? AND id=?"
MOST_SENT = 100
Status = Literal[
    "built", "approved", "sending", "sent", "accepted", "settled", "rejected", "withdrawn"
]  # fmt: skip


class Transmission(Shape, frozen=True, kw_only=True):
    """Each time that the same bytes were handed over; a `reason` is only given for the second time and later."""

    at: int
    by: str | None = None
    filename: str
    reason: str | None = None


class BankFile(Stored, frozen=True, kw_only=True):
    """`amount` is what is paid out and `collected` what is drawn in, in minor units. `number` counts the originating
    account's files from 1 without a gap. `sha256` is of the bytes. Keys are shown by their hints."""

    object: Literal["bank_file"] = "bank_file"
    amount: int
    approved_at: int | None = None
    approved_by: str | None = None
    built_by: str | None = None
    collected: int = 0
    currency: str
    effective_date: int
    filename: str
    format: str
    livemode: bool = False
    number: int
    originating_account: str
    payments: int
    rejection_reason: str | None = None
    returned_amount: int = 0
    returned_payments: int = 0
    sha256: str
    size: int
    status: Status
    transmissions: list[Transmission] = []


class Record(BankFile, frozen=True, kw_only=True, omit_defaults=True):
    """`builder` tells the key that built it from others. `staged` names the copy that waits to be released into the
    outbox; it is empty from a resend until the copy is made."""

    builder: str = ""
    staged: str | None = None


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move       from                     to           emits
    M("build",    (),                      "built",     emits=("bank_file.built",),
      meaning="Its bytes and its payments are fixed."),
    M("approve",  ("built",),              "approved",  emits=("bank_file.approved",),
      meaning="Somebody who has seen its hash lets it go."),
    M("send",     ("built", "approved"),   "sending",   emits=("bank_file.sending",),
      meaning="The attempt: from here on it may be at the bank."),
    M("release",  ("sending",),            "sent",      emits=("bank_file.sent",), meaning="It was handed over."),
    M("accept",   ("sent",),               "accepted",  emits=("bank_file.accepted",),
      meaning="The bank has taken it."),
    M("settle",   ("sent", "accepted"),    "settled",   emits=("bank_file.settled",), meaning="Its day has come."),
    M("reject",   ("sent", "accepted"),    "rejected",  emits=("bank_file.rejected",),
      meaning="The bank refused all of it; its payments fail."),
    M("withdraw", ("built", "approved"),   "withdrawn", emits=("bank_file.withdrawn",),
      meaning="It will never be sent; its payments fail."),
    rest=("settled", "rejected", "withdrawn"),
)
# fmt: on


# Building --------------------------------------------------------------------


def expect_build(tx: Tx, account: Account, due: int) -> None:
    """A file is built soon after the cut-off `due`, in the platform's scope; one that is built before stays."""
    tx.schedule(BUILD, account.id, due + BUILD_AFTER, scope=tx.scope.book, sooner=True)


async def build_job(tx: Tx, id: str) -> None:
    """Job `bank_file.build`: what is due goes into files, one a unit; what the day's limit leaves, goes tomorrow."""
    account = await tx.get(ORIGINATING_ACCOUNT, id)
    made, left = await build(tx, account)
    if left:
        tx.schedule(BUILD, id, tx.now if made is not None else next_cut_off(account, tx.now)[0] + BUILD_AFTER)
        return
    next_due = (await tx.world.engine.rows(NEXT_WAITING, (tx.scope.book, id, tx.now)))[0][0]
    if next_due is not None:
        tx.schedule(BUILD, id, next_due + BUILD_AFTER)


async def build(tx: Tx, account: Account) -> tuple[Record | None, bool]:
    """A file of what is due, within the account's limits, None if that is nothing; and whether something is left.
    Two at once are one after the other: each writes the account that it has read."""
    day = file_day(account, tx.now)
    fresh = account.day != day.isoformat()
    spent, of_day = (0, 0) if fresh else (account.day_amount, account.day_files)
    payments, left = await _due(tx, account, spent)
    if not payments:
        return None, left
    settles = add_business_days(account.currency, day, account.settlement_days)
    job = Job(
        account=account, number=account.files + 1, of_day=of_day, first_trace=account.traces + 1, now=tx.now,
        settles=settles, payments=payments,
    )  # fmt: skip
    built = await asyncio.to_thread(format_of(account).build, job)
    file = _record(tx, job, built)
    tx.save(
        msgspec.structs.replace(
            account, files=job.number, traces=account.traces + len(payments), day=day.isoformat(),
            day_files=of_day + 1, day_amount=spent + file.amount,
        )
    )  # fmt: skip
    for trace, payment in built.traced:
        tx.write_row(INTO_FILE, (file.id, trace, tx.scope.book, payment.source, payment.reference))
    tx.write_row(PUT_CONTENT, (tx.scope.book, file.id, built.content))
    return tx.move(file, LIFE["build"]), left


async def _due(tx: Tx, account: Account, spent: int) -> tuple[list[Instruction], bool]:
    """What fits within the limits, in the order in which it fell due; and whether something is left."""
    rows = await tx.world.engine.rows(WAITING, (tx.scope.book, account.id, tx.now, account.most_payments + 1))
    room = min(
        (limit for limit in (account.largest_file, _less(account.daily_limit, spent)) if limit is not None),
        default=None,
    )
    taken: list[Instruction] = []
    total = 0
    for payment in map(decoded, rows[: account.most_payments]):
        paid = 0 if payment.debit else payment.amount
        if room is not None and total + paid > room:
            continue
        total += paid
        taken.append(payment)
    return taken, len(rows) > len(taken)


def _less(limit: int | None, spent: int) -> int | None:
    return None if limit is None else limit - spent


def _record(tx: Tx, job: Job, built: Built) -> Record:
    account = job.account
    return Record(
        id=tx.new_id("bf"), created=tx.now, livemode=tx.scope.livemode, currency=account.currency,
        amount=sum(one.amount for one in job.payments if not one.debit),
        collected=sum(one.amount for one in job.payments if one.debit), built_by=tx.request.hint or None,
        builder=tx.request.key, effective_date=business_midnight(account.currency, job.settles, 0),
        filename=name_of(account, job.number), format=account.format,
        number=job.number, originating_account=account.id, payments=len(job.payments),
        sha256=hashlib.sha256(built.content).hexdigest(), size=len(built.content), status="built",
    )  # fmt: skip


def name_of(account: Account, number: int) -> str:
    return f"{account.id}-{number:06d}.{format_of(account).suffix}"


# Sending ---------------------------------------------------------------------


async def released(tx: Tx, file: Record) -> Record:
    """It was handed over: its payments are told so, and its day is awaited."""
    if file.status != "sending":  # it was sent again
        return tx.save(msgspec.structs.replace(file, staged=None))
    tell(tx, await in_file(tx.world.engine, tx.scope.book, file.id), "sent", file.id)
    tx.schedule(SETTLE, file.id, max(file.effective_date, tx.now))
    return tx.move(file, LIFE["release"], staged=None)


async def settle_job(tx: Tx, id: str) -> None:
    """Job `bank_file.settle`: the day has come on which the banks move the money."""
    file = await tx.get(BANK_FILE, id)
    if file.status not in LIFE["settle"].source:
        return
    bulk = [one for one in await in_file(tx.world.engine, tx.scope.book, id) if one.reference]
    tell(tx, bulk, "settled", id)
    tx.move(file, LIFE["settle"])


# Verbs -----------------------------------------------------------------------


class BuildParams(Params, frozen=True, kw_only=True):
    originating_account: str


class ApproveParams(Params, frozen=True, kw_only=True):
    """`sha256` is what the approver has seen."""

    sha256: str


class ReasonParams(Params, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


async def create(tx: Tx, params: BuildParams) -> Record:
    account = await tx.get(ORIGINATING_ACCOUNT, params.originating_account, "originating_account")
    made, _ = await build(tx, account)
    if made is None:
        raise invalid(
            "Nothing is due in this originating account, or its limits leave no room for it. Payouts are due at the "
            "cut-off after they were made.", "originating_account", "bank_file_nothing_due",
        )  # fmt: skip
    return made


async def approve(tx: Tx, file: Record, params: ApproveParams) -> Record:
    _check(file, "approve")
    account = await tx.get(ORIGINATING_ACCOUNT, file.originating_account)
    if params.sha256.lower() != file.sha256:
        raise invalid("The hash is not that of this file's bytes.", "sha256", "bank_file_hash_mismatch")
    if account.approval == "second_key" and file.builder == tx.request.key:
        raise invalid("This file was built with the same key: another one has to approve it.",
                      code="bank_file_second_key_required")  # fmt: skip
    return tx.move(file, LIFE["approve"], approved_at=tx.now, approved_by=tx.request.hint or None)


async def send(tx: Tx, file: Record, params: NoParams) -> Record:
    _check(file, "send")
    account = await tx.get(ORIGINATING_ACCOUNT, file.originating_account)
    if file.status == "built" and account.approval != "none":
        raise invalid("This file has to be approved before it is sent.", code="bank_file_unexpected_state")
    sent = tx.move(file, LIFE["send"], transmissions=[_transmission(tx, file.filename, None)])
    if account.delivery == "outbox":
        tx.schedule(STAGE, file.id, tx.now)
        return sent
    return await released(tx, sent)


async def resend(tx: Tx, file: Record, params: ReasonParams) -> Record:
    if file.status not in ("sent", "accepted"):
        raise _wrong_state(file, "sent again")
    if file.staged is not None or len(file.transmissions) == MOST_SENT:
        raise invalid("This file is being laid down just now, or was sent too often.",
                      code="bank_file_unexpected_state")  # fmt: skip
    account = await tx.get(ORIGINATING_ACCOUNT, file.originating_account)
    stem, _, suffix = file.filename.rpartition(".")
    again = _transmission(tx, f"{stem}-resent-{len(file.transmissions)}.{suffix}", params.reason)
    staged = None
    if account.delivery == "outbox":
        tx.schedule(STAGE, file.id, tx.now)
        staged = ""
    transmissions = [*file.transmissions, again]
    return tx.save(msgspec.structs.replace(file, transmissions=transmissions, staged=staged), "bank_file.resent")


def _transmission(tx: Tx, name: str, reason: str | None) -> Transmission:
    return Transmission(at=tx.now, by=tx.request.hint or None, filename=name, reason=reason)


async def accept(tx: Tx, file: Record, params: NoParams) -> Record:
    _check(file, "accept")
    return tx.move(file, LIFE["accept"])


async def reject(tx: Tx, file: Record, params: ReasonParams) -> Record:
    _check(file, "reject")
    fail(tx, await in_file(tx.world.engine, tx.scope.book, file.id), "rejected", file.id)
    return tx.move(file, LIFE["reject"], rejection_reason=params.reason)


async def withdraw(tx: Tx, file: Record, params: ReasonParams) -> Record:
    _check(file, "withdraw")
    fail(tx, await in_file(tx.world.engine, tx.scope.book, file.id), "withdrawn", file.id)
    return tx.move(file, LIFE["withdraw"], rejection_reason=params.reason)


async def contents(tx: Tx, file: Record, params: NoParams) -> Download:
    return Download(await content(tx, file.id), "text/plain; charset=us-ascii", file.filename)


async def content(tx: Tx, id: str) -> bytes:
    rows = await tx.world.engine.rows(FIND_CONTENT, (tx.scope.book, id))
    assert rows, f"{id} has no content"
    return bytes(rows[0][0])


def _check(file: Record, move: str) -> None:
    if file.status not in LIFE[move].source:
        raise _wrong_state(file, {"send": "sent", "withdraw": "withdrawn"}.get(move, f"{move}ed".replace("ee", "e")))


def _wrong_state(file: Record, what: str) -> Exception:
    return invalid(f"This file cannot be {what}: its status is {file.status}.", code="bank_file_unexpected_state")


def example() -> Record:
    return Record(
        id="bf_1", created=0, amount=2000, currency="usd", effective_date=172_800, filename="oa_1-000001.ach",
        format="nacha", number=1, originating_account="oa_1", payments=1, sha256="0" * 64, size=950, status="built",
    )  # fmt: skip


BY_NAME = Filter("filename")
BY_ACCOUNT, BY_STATUS = Filter("originating_account", wide=True), Filter("status", wide=True)
_ID = "/v1/bank_files/{id}"
BANK_FILE: Resource[Record] = Resource(
    object="bank_file",
    noun="bank file",
    prefix="bf",
    record=Record,
    shape=BankFile,
    life=LIFE,
    example=example,
    doc="A file of payments for your bank: built once, approved, sent once. Beyond Stripe's API.",
    expands=("originating_account",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/bank_files", run=create, params=BuildParams, kind="create",
             summary="Build a file of what is due now; each cut-off does so by itself."),
        listing("/v1/bank_files", BY_NAME, BY_ACCOUNT, BY_STATUS),
        retrieve(_ID),
        Verb(name="contents", method="GET", path=f"{_ID}/contents", run=contents, answers=Download,
             summary="The bytes, as they were built."),
        Verb(name="approve", method="POST", path=f"{_ID}/approve", run=approve, params=ApproveParams,
             summary="Let it go, naming the hash that was seen."),
        Verb(name="send", method="POST", path=f"{_ID}/send", run=send,
             summary="Hand it over, once: to the outbox, or to who downloads it."),
        Verb(name="resend", method="POST", path=f"{_ID}/resend", run=resend, params=ReasonParams,
             summary="Hand the same bytes over again, on purpose."),
        Verb(name="accept", method="POST", path=f"{_ID}/accept", run=accept, summary="The bank has taken it."),
        Verb(name="reject", method="POST", path=f"{_ID}/reject", run=reject, params=ReasonParams,
             summary="The bank has refused all of it: its payments fail."),
        Verb(name="withdraw", method="POST", path=f"{_ID}/withdraw", run=withdraw, params=ReasonParams,
             summary="Never send it: its payments fail."),
    ),
    errors=("bank_file_hash_mismatch", "bank_file_nothing_due", "bank_file_second_key_required",
            "bank_file_unexpected_state"),
)  # fmt: skip
RESOURCE: Resource[Any] = BANK_FILE
