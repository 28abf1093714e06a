"""Day: the proof that the bank and the ledger agree at its end, and the point behind which nothing changes.

A day is drawn up as often as one likes. Closed, it covers everything since the day that was closed before it: no line
and no match of these days changes any more, what comes later about them is booked in an open day. The document has a
hash over itself and the one before, so that it can be checked again for as long as the books are kept.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import text
from nostro.kernel.resource import Filter, NoParams, Params, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.storage.tx import Tx

from . import proof
from .account import ACCOUNT, check_own, day_of, named
from .account import Record as Account
from .proof import MOST_SHOWN, Chapter, Difference


class Day(Stored, frozen=True, kw_only=True):
    """`opening_balance` plus the lines is `closing_balance`, and that less `ledger_balance` is
    `differences_amount` if `balanced`. `since` is the day that was closed before. `unmatched_lines` are those that no
    run has looked at. `hash` is SHA-256 over the document and the hash of the one before; `lines_hash` over the lines
    as they were imported; `chain_hash` is the link of the ledger's chain at `last_entry`."""

    object: Literal["reconciliation.day"] = "reconciliation.day"
    account: str
    balanced: bool
    chain_hash: str
    chain_link: int
    closed_at: int | None = None
    closed_by: str | None = None
    closing_balance: int
    currency: str
    date: str
    differences: list[Difference] = []
    differences_amount: int
    differences_count: int
    hash: str | None = None
    last_entry: int
    ledger_account: str
    ledger_balance: int
    lines: int
    lines_amount: int
    lines_hash: str
    livemode: bool = False
    opening_balance: int
    previous_hash: str | None = None
    since: str | None = None
    statements: list[Chapter] = []
    status: Literal["open", "closed"]
    unmatched_lines: int = 0


class Record(Day, frozen=True, kw_only=True, omit_defaults=True):
    """`found_by` is account and date."""

    found_by: str


class Verdict(Shape, frozen=True, kw_only=True):
    """Whether a day's document still says what the tables say."""

    object: Literal["reconciliation.day_check"] = "reconciliation.day_check"
    day: str
    ok: bool
    problems: list[str]


M = Move[Record]
LIFE: Lifecycle[Record] = Lifecycle(
    M("draw_up", (), "open", meaning="The balances are compared."),
    M("close", ("open",), "closed", emits=("reconciliation.day.closed",), meaning="They agree, and stay as they are."),
    rest=("open", "closed"),
)
_LEFT_OUT = ("hash", "status", "closed_at", "closed_by")


class CreateParams(Params, frozen=True, kw_only=True):
    account: str
    date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class CloseParams(Params, frozen=True, kw_only=True):
    by: Annotated[str, Meta(min_length=1, max_length=80)]


async def create(tx: Tx, params: CreateParams) -> Record:
    """Draw the day up, or draw it up again. One that is closed is answered as it is."""
    check_own(tx)
    account = await named(tx, params.account)
    day = _day(params.date)
    before = await tx.all(DAY_RESOURCE, {"found_by": _found_by(account, params.date)}, 1)
    if before and before[0].status == "closed":
        return before[0]
    if account.covered_until is None or day > day_of(account.covered_until):
        raise invalid(
            f"The bank's word is known up to {account.covered_until}: import the statement of {params.date} first.",
            "date", "reconciliation_day_not_covered",
        )  # fmt: skip
    if day < account.first_open_day:
        raise invalid(f"The days up to {account.closed_until} are closed; {params.date} is one of them.", "date",
                      "reconciliation_day_closed")  # fmt: skip
    drawn = await _drawn(tx, account, params.date, before[0].id if before else tx.new_id("rday"))
    if before:
        return tx.save(msgspec.structs.replace(drawn, status="open", created=before[0].created))
    return tx.move(drawn, LIFE["draw_up"])


def _day(text: str) -> int:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise invalid(f"There is no day {text}.", "date") from None
    return day_of(text)


async def _drawn(tx: Tx, account: Account, day: str, id: str) -> Record:
    """The document of a day, not closed yet."""
    until, since = day_of(day), account.first_open_day - 1
    before = await _before(tx, account)
    opening = before.closing_balance if before else 0
    head = await proof.head(tx)
    said = await proof.said(tx, account, since, until)
    ledger = await proof.ledger_balance(tx, account, until, head.entry)
    found = await proof.differences(tx, account, until, head.entry)
    closing, apart = opening + said.total, sum(one.amount for one in found)
    return Record(
        id=id, created=tx.now, account=account.id, balanced=closing - ledger == apart, chain_hash=head.hash,
        chain_link=head.link, closing_balance=closing, currency=account.currency, date=day,
        differences=found[:MOST_SHOWN], differences_amount=apart, differences_count=len(found), last_entry=head.entry,
        ledger_account=account.ledger_account, ledger_balance=ledger, lines=said.lines, lines_amount=said.total,
        lines_hash=said.digest, livemode=account.livemode, opening_balance=opening,
        previous_hash=before.hash if before else None, since=account.closed_until, statements=said.statements,
        status="open", unmatched_lines=await proof.unmatched(tx, account, until), found_by=_found_by(account, day),
    )  # fmt: skip


async def _before(tx: Tx, account: Account) -> Record | None:
    """The day that was closed last."""
    if account.closed_until is None:
        return None
    found = await tx.all(DAY_RESOURCE, {"found_by": _found_by(account, account.closed_until)}, 1)
    return found[0] if found else None


async def close(tx: Tx, day: Record, params: CloseParams) -> Record:
    """Draw it up once more, and leave it so. Everything up to it is closed."""
    if day.status == "closed":
        raise invalid("This day is closed.", code="reconciliation_day_closed")
    account = await tx.get(ACCOUNT, day.account)
    if day_of(day.date) < account.first_open_day:
        raise invalid(f"The days up to {account.closed_until} are closed.", code="reconciliation_day_closed")
    if tx.now < (day_of(day.date) + 1) * DAY:
        raise invalid(f"The day {day.date} is not over.", code="reconciliation_day_open")
    drawn = await _drawn(tx, account, day.date, day.id)
    if drawn.unmatched_lines:
        raise invalid(
            f"{drawn.unmatched_lines} lines of these days belong to nothing yet: match the account first.",
            code="reconciliation_day_open",
        )  # fmt: skip
    if not drawn.balanced:
        apart = drawn.closing_balance - drawn.ledger_balance - drawn.differences_amount
        raise invalid(
            f"The bank and the ledger are {text(apart, drawn.currency)} apart beyond the differences that are named. "
            "Run `nostro ledger verify`.", code="reconciliation_day_open",
        )  # fmt: skip
    drawn = msgspec.structs.replace(drawn, created=day.created)
    tx.save(msgspec.structs.replace(account, closed_until=day.date))
    return tx.move(drawn, LIFE["close"], hash=hash_of(drawn), closed_at=tx.now, closed_by=params.by)


def hash_of(day: Record) -> str:
    """SHA-256 over the document as JSON, with its fields in order, and so over the one before."""
    said = {name: value for name, value in msgspec.to_builtins(day).items() if name not in _LEFT_OUT}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


async def verify(tx: Tx, day: Record, params: NoParams) -> Verdict:
    """Work the day out again, from the lines and from the journal up to the entry that was the last then."""
    problems = []
    account = await tx.get(ACCOUNT, day.account)
    since = day_of(day.since) if day.since else -1
    said = await proof.said(tx, account, since, day_of(day.date))
    if (said.digest, said.total, said.lines) != (day.lines_hash, day.lines_amount, day.lines):
        problems.append("the lines are not those that were imported")
    if day.opening_balance + day.lines_amount != day.closing_balance:
        problems.append("the lines do not lead from the opening to the closing balance")
    if await proof.ledger_balance(tx, account, day_of(day.date), day.last_entry) != day.ledger_balance:
        problems.append("the ledger's account did not stand there by the entries of that time")
    if day.closing_balance - day.ledger_balance != day.differences_amount:
        problems.append("the differences do not explain the balances")
    if day.chain_link and await tx.world.engine.rows(proof.LINK, (day.chain_link,)) != [(day.chain_hash,)]:
        problems.append("the ledger's chain has another hash at this place")
    if day.status == "closed" and day.hash != hash_of(day):
        problems.append("the document is not the one that was closed")
    if day.since and (await _hash_before(tx, account, day.since)) != day.previous_hash:
        problems.append("the day before has another hash")
    return Verdict(day=day.id, ok=not problems, problems=problems)


async def _hash_before(tx: Tx, account: Account, day: str) -> str | None:
    found = await tx.all(DAY_RESOURCE, {"found_by": _found_by(account, day)}, 1)
    return found[0].hash if found else None


def _found_by(account: Account, day: str) -> str:
    return f"{account.number}:{day}"


def example() -> Record:
    return Record(
        id="rday_1", created=0, account="racct_1", balanced=True, chain_hash="", chain_link=0, closing_balance=100,
        currency="usd", date="2026-11-20", differences_amount=0, differences_count=0, last_entry=0,
        ledger_account="bank:cash", ledger_balance=100, lines=1, lines_amount=100, lines_hash="", opening_balance=0,
        status="open", found_by="1:2026-11-20",
    )  # fmt: skip


BY_ACCOUNT, BY_STATUS = Filter("account", wide=True), Filter("status", under="account", wide=True)
BY_DAY = Filter("found_by")
_ID = "/v1/reconciliation/days/{id}"
DAY_RESOURCE: Resource[Record] = Resource(
    object="reconciliation.day",
    noun="day",
    prefix="rday",
    record=Record,
    shape=Day,
    life=LIFE,
    example=example,
    doc="The proof that a bank and the ledger agree at the end of a day. Beyond Stripe's API.",
    filters=(BY_ACCOUNT, BY_STATUS, BY_DAY),
    expands=("account",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/reconciliation/days", run=create, params=CreateParams,
             kind="create", summary="Draw a day up: compare the bank's balance with the ledger's."),
        listing("/v1/reconciliation/days", BY_ACCOUNT, BY_STATUS),
        retrieve(_ID),
        Verb(name="close", method="POST", path=f"{_ID}/close", run=close, params=CloseParams,
             summary="Close the day and all before it."),
        Verb(name="verify", method="GET", path=f"{_ID}/verify", run=verify, answers=Verdict,
             summary="Check the document against the lines and the journal again."),
    ),
    errors=("reconciliation_day_closed", "reconciliation_day_not_covered", "reconciliation_day_open"),
)  # fmt: skip
RESOURCE = DAY_RESOURCE
