"""Match: lines and entries that belong together. Most are a row of a table; one with a difference that was booked, one
that a person made and one that was undone are records as well.

A match is never deleted. Undone, what it had booked is reversed, and its lines and entries are breaks that no rule
matches again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting
from nostro.kernel.resource import Params, Resource, Stored, Verb, Wire
from nostro.storage.engine import Row
from nostro.storage.tx import Tx

from . import break_, cash, suspense
from .account import ACCOUNT, check_own, effective_on, named
from .account import Record as Account
from .line import line_id, lines_of, numbers_of, read
from .owner import entry_ids, line_ids, of_entry, of_line, own
from .rule import BOOKED, BookAs

COLUMNS = "matched,line,entry,rule,confidence,first_day,last_day,made,members"
PUT = f"INSERT INTO bank_match (account,{COLUMNS}) VALUES ({','.join('?' * 10)})"
BY_HAND = "by_hand"
MOST_MEMBERS = 500
_PATH = "/v1/reconciliation/matches"
_ID = re.compile(r"bmt_(\d{1,9})-(\d{1,18})")
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Days = list[tuple[int, int]]


class Members(Struct, frozen=True, omit_defaults=True):
    """All lines and entries of a match that is more than one of each, and what was booked beside them on the cash
    account, by day."""

    lines: list[int] = []
    entries: list[int] = []
    own: Days = []


class Match(Stored, frozen=True, kw_only=True):
    """`rule` is what has found it, `confidence` of 100 how sure that is. `difference` (minor units) is what the bank
    has more than the entries, booked as `book_as`."""

    object: Literal["reconciliation.match"] = "reconciliation.match"
    account: str
    book_as: BookAs | None = None
    by: str | None = None
    confidence: int
    currency: str
    difference: int = 0
    entries: list[str] = []
    lines: list[str] = []
    livemode: bool = False
    reason: str | None = None
    rule: str
    status: Literal["matched", "undone"]
    undone_by: str | None = None


class Record(Match, frozen=True, kw_only=True, omit_defaults=True):
    ledger_account: str


# Money ------------------------------------------------------------------------------------


def book_difference(m: Record) -> tuple[Posting, ...]:
    """What the bank has more or less than the entries is a cost, or income."""
    booked = BOOKED[m.book_as or "write_off"]
    return suspense.book_difference(m.ledger_account, booked, m.difference, m.currency)


def unbook_difference(m: Record) -> tuple[Posting, ...]:
    """It was not right: the difference is reversed."""
    return tuple(Posting(one.account, -one.amount, one.currency) for one in book_difference(m))


M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    M("make", (),           "matched", book_difference,   meaning="Lines and entries belong together."),
    M("undo", ("matched",), "undone",  unbook_difference, ("reconciliation.match.undone",), "They do not."),
    rest=("matched", "undone"),
)
# fmt: on


# Making -----------------------------------------------------------------------------------


class Made(Struct, frozen=True, kw_only=True):
    """A match to be: day and amount of its lines and entries by number, and the breaks that they come from."""

    lines: dict[int, tuple[int, int]]
    entries: dict[int, tuple[int, int]]
    rule: str
    confidence: int
    book_as: BookAs | None = None
    breaks: Sequence[break_.Record] = ()
    by: str | None = None
    reason: str | None = None

    @property
    def difference(self) -> int:
        return sum(amount for _, amount in self.lines.values()) - sum(amount for _, amount in self.entries.values())


async def make(tx: Tx, account: Account, made: Made) -> tuple[Account, str]:
    """Write a match; answers the account, to be saved, and the match's id."""
    number = account.matches + 1
    id = f"bmt_{account.number}-{number}"
    days = [*made.lines.values(), *made.entries.values()]
    last = max(day for day, _ in days)
    own_days: Days = []
    for b in made.breaks:
        own_days += (await break_.found(tx, account, b, id, last))[1]
    if made.difference or made.by is not None:
        effective = await effective_on(tx, account, last)
        own_days += [(effective // DAY, made.difference)] if made.difference else []
        record = Record(
            id=id, created=tx.now, account=account.id, book_as=made.book_as, by=made.by, confidence=made.confidence,
            currency=account.currency, difference=made.difference, entries=entry_ids(made.entries),
            lines=line_ids(account, made.lines), livemode=tx.scope.livemode, reason=made.reason, rule=made.rule,
            status="matched", ledger_account=account.ledger_account,
        )  # fmt: skip
        tx.move(record, LIFE["make"], effective=effective)
    whole = [day for day, _ in (*days, *own_days)]
    plain = len(made.lines) == len(made.entries) == 1 and not own_days
    members = Members() if plain else Members(list(made.lines), list(made.entries), own_days)
    tx.write_row(PUT, (
        account.number, number, next(iter(made.lines), 0), next(iter(made.entries), 0), made.rule, made.confidence,
        min(whole), max(whole), tx.now, "" if plain else msgspec.json.encode(members).decode(),
    ))  # fmt: skip
    own(tx, account, made.lines, made.entries, str(number))
    return msgspec.structs.replace(account, matches=number), id


# Reading ----------------------------------------------------------------------------------


class Found(Struct, frozen=True):
    """A row of `bank_match`."""

    number: int
    line: int
    entry: int
    rule: str
    confidence: int
    first_day: int
    last_day: int
    made: int
    members: Members


def found_of(row: Row) -> Found:
    number, line, entry, rule, confidence, first, last, made, text = row
    members = msgspec.json.decode(text, type=Members) if text else Members([line], [entry])
    return Found(number, line, entry, rule, confidence, first, last, made, members)


async def by_number(tx: Tx, account: Account, number: int) -> Found | None:
    rows = await tx.world.engine.rows(
        f"SELECT {COLUMNS} FROM bank_match WHERE account=? AND matched=?", (account.number, number)
    )
    return found_of(rows[0]) if rows else None


def as_record(account: Account, found: Found) -> Record:
    """A match that has no record of its own."""
    return Record(
        id=f"bmt_{account.number}-{found.number}", created=found.made, account=account.id, confidence=found.confidence,
        currency=account.currency, entries=entry_ids(found.members.entries),
        lines=line_ids(account, found.members.lines), livemode=account.livemode, rule=found.rule, status="matched",
        ledger_account=account.ledger_account,
    )  # fmt: skip


async def _numbered(tx: Tx, id: str) -> tuple[Account, Found]:
    """The account and the row of a match that the path names."""
    parts = _ID.fullmatch(id)
    rows = await tx.world.engine.rows(
        "SELECT id FROM reconciled_account WHERE number=? AND scope=?",
        (int(parts[1]) if parts else 0, tx.scope.number),
    )
    if parts and rows:
        account = await tx.get(ACCOUNT, rows[0][0])
        found = await by_number(tx, account, int(parts[2]))
        if found is not None:
            return account, found
    raise no_such("match", id)


async def _shown(tx: Tx, account: Account, found: Found) -> Record:
    return await tx.find(MATCH, f"bmt_{account.number}-{found.number}") or as_record(account, found)


# Verbs ------------------------------------------------------------------------------------


class FindParams(Params, frozen=True, kw_only=True):
    match: str


class ListParams(Params, frozen=True, kw_only=True):
    account: str | None = None
    entry: str | None = None
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    line: str | None = None
    starting_after: str | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    """`book_as` says what a difference is; without it there may be none."""

    account: str
    book_as: BookAs | None = None
    by: Name
    entries: list[str] = []
    lines: list[str] = []
    reason: Text


class UndoParams(Params, frozen=True, kw_only=True):
    match: str
    by: Name
    reason: Text


async def retrieve(tx: Tx, params: FindParams) -> Record:
    return await _shown(tx, *await _numbered(tx, params.match))


async def create(tx: Tx, params: CreateParams) -> Record:
    """By a person: whatever is not matched yet, of one account."""
    check_own(tx)
    account = await named(tx, params.account)
    if not 1 <= len(params.lines) + len(params.entries) <= MOST_MEMBERS:
        raise invalid(f"A match has 1 to {MOST_MEMBERS} lines and entries.", "lines", "reconciliation_match_invalid")
    lines = list(dict.fromkeys(await lines_of(tx, account, params.lines, "lines")))
    numbers = list(dict.fromkeys(_entry_number(id, n) for n, id in enumerate(params.entries)))
    entries = await cash.by_number(tx.world.engine, tx.scope.book, account, numbers)
    for n, number in enumerate(numbers):
        if number not in entries or entries[number].kind.startswith(cash.OWN):
            raise no_such("cash entry", params.entries[n], f"entries[{n}]")
    breaks = await _free(tx, account, lines, numbers)
    rows = await read(tx, account, lines)
    made = Made(
        lines={number: (rows[number].day, rows[number].amount) for number in lines},
        entries={number: (entries[number].day, entries[number].amount) for number in numbers},
        rule=BY_HAND, confidence=100, book_as=params.book_as, breaks=breaks, by=params.by, reason=params.reason,
    )  # fmt: skip
    if made.difference and params.book_as is None:
        raise invalid(
            f"The lines are {made.difference} {account.currency} (minor units) more than the entries: say what the "
            "difference is with book_as, or name all that belong together.", "book_as", "reconciliation_match_invalid",
        )  # fmt: skip
    account, id = await make(tx, account, made)
    tx.save(account)
    return await tx.get(MATCH, id)


def _entry_number(id: str, n: int) -> int:
    digits = id.removeprefix("lent_")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise no_such("cash entry", id, f"entries[{n}]")
    return int(digits)


async def _free(tx: Tx, account: Account, lines: Sequence[int], entries: Sequence[int]) -> list[break_.Record]:
    """The breaks that these come from. Raises if one is matched, or shares its break with what is not named."""
    ids: dict[str, None] = {}
    for matched, broken in [await of_line(tx, account, one) for one in lines] + [
        await of_entry(tx, account, one) for one in entries
    ]:
        if matched is not None:
            raise invalid(f"bmt_{account.number}-{matched} has one of these: undo it first.", "lines",
                          "reconciliation_match_invalid")  # fmt: skip
        if broken is not None:
            ids[broken] = None
    found = [await tx.get(break_.BREAK, id) for id in ids]
    for b in found:
        if b.status != "open":
            raise invalid(f"{b.id} has one of these, and was resolved.", "lines", "reconciliation_match_invalid")
        if not set(b.line_numbers) <= set(lines) or not set(b.entry_numbers) <= set(entries):
            raise invalid(f"Name all lines and entries of {b.id}, not only some.", "lines",
                          "reconciliation_match_invalid")  # fmt: skip
    return found


async def undo(tx: Tx, params: UndoParams) -> Record:
    """What it had booked is reversed; each of its lines and entries is a break of its own."""
    account, found = await _numbered(tx, params.match)
    record = await _shown(tx, account, found)
    if record.status != "matched":
        raise invalid("This match was undone before.", code="reconciliation_match_invalid")
    if found.first_day < account.first_open_day:
        raise invalid(
            f"A day of this match is closed (up to {account.closed_until}), and closed days do not change. Book what "
            "corrects it.", code="reconciliation_day_closed",
        )  # fmt: skip
    rows = await read(tx, account, found.members.lines)
    entries = await cash.by_number(tx.world.engine, tx.scope.book, account, found.members.entries)
    effective = await effective_on(tx, account, found.last_day)
    undone = tx.move(record, LIFE["undo"], effective=effective, undone_by=params.by, reason=params.reason)
    carried = [*found.members.own, *([(effective // DAY, -record.difference)] if record.difference else [])]
    parts: list[tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]]
    parts = [({number: (row.day, row.amount)}, {}) for number, row in rows.items()]
    parts += [({}, {number: (entry.day, entry.amount)}) for number, entry in entries.items()]
    for n, (line, entry) in enumerate(parts):
        await break_.opened(tx, account, "taken_apart", line, entry, by_hand=True, carried=() if n else carried)
    tx.write_row("UPDATE bank_match SET first_day=0, last_day=0 WHERE account=? AND matched=?",
                 (account.number, found.number))  # fmt: skip
    tx.save(account)
    return undone


async def listed(tx: Tx, params: ListParams) -> Wire:
    """Of an account, the last first; or the one that has a line or an entry."""
    if params.line is not None or params.entry is not None:
        data = await _having(tx, params)
        return {"object": "list", "data": data, "has_more": False, "url": _PATH}
    if params.account is None:
        raise invalid("Name the account whose matches you want, or a line.", "account", "parameter_missing")
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    account = await named(tx, params.account)
    backwards = params.ending_before is not None
    low, high = 0, account.matches + 1
    if cursor := params.ending_before or params.starting_after:
        parts = _ID.fullmatch(cursor)
        if parts is None or int(parts[1]) != account.number:
            raise no_such("match", cursor, "ending_before" if backwards else "starting_after")
        low, high = (int(parts[2]), high) if backwards else (low, int(parts[2]))
    rows = await tx.world.engine.rows(
        f"SELECT {COLUMNS} FROM bank_match WHERE account=? AND matched>? AND matched<? "
        f"ORDER BY matched {'ASC' if backwards else 'DESC'} LIMIT ?",
        (account.number, low, high, params.limit + 1),
    )
    more, rows = len(rows) > params.limit, rows[: params.limit]
    data = [await _shown(tx, account, found_of(row)) for row in (rows[::-1] if backwards else rows)]
    return {"object": "list", "data": data, "has_more": more, "url": _PATH}


async def _having(tx: Tx, params: ListParams) -> list[Record]:
    if params.line is not None:
        numbers = numbers_of(params.line)
        rows = await tx.world.engine.rows(
            "SELECT id FROM reconciled_account WHERE number=? AND scope=?",
            (numbers[0] if numbers else 0, tx.scope.number),
        )
        if numbers is None or not rows:
            raise no_such("bank line", params.line, "line")
        account = await tx.get(ACCOUNT, rows[0][0])
        matched, _ = await of_line(tx, account, numbers[1])
    else:
        if params.account is None:
            raise invalid("Name the account, too: an entry can touch several.", "account", "parameter_missing")
        account = await named(tx, params.account)
        matched, _ = await of_entry(tx, account, _entry_number(params.entry or "", 0))
    found = None if matched is None else await by_number(tx, account, matched)
    return [] if found is None else [await _shown(tx, account, found)]


def example() -> Record:
    return Record(
        id="bmt_1-1", created=0, account="racct_1", book_as="bank_fee", confidence=100, currency="usd", difference=-25,
        lines=[line_id(1, 7)], entries=["lent_1"], rule="reference", status="matched", ledger_account="bank:cash",
    )  # fmt: skip


MATCH: Resource[Record] = Resource(
    object="reconciliation.match",
    noun="match",
    prefix="bmt",
    record=Record,
    shape=Match,
    life=LIFE,
    example=example,
    doc="Bank lines and ledger entries that belong together. Beyond Stripe's API.",
    expands=("account",),
    verbs=(
        Verb(name="create", method="POST", path=_PATH, run=create, params=CreateParams, kind="create",
             summary="Match by hand what no rule has matched; a difference is booked."),
        Verb(name="list", method="GET", path=_PATH, run=listed, params=ListParams, kind="list",
             summary="List an account's matches, or the one of a line or an entry."),
        Verb(name="retrieve", method="GET", path=_PATH + "/{match}", run=retrieve, params=FindParams, kind="retrieve"),
        Verb(name="undo", method="POST", path=_PATH + "/{match}/undo", run=undo, params=UndoParams,
             summary="Take it apart: its lines and entries become breaks."),
    ),
    errors=("reconciliation_match_invalid", "reconciliation_day_closed"),
)  # fmt: skip
RESOURCE = MATCH
