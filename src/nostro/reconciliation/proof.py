"""Proof: that at the end of a day the bank's balance is the ledger's, but for differences that are named one by one.

    bank's balance - ledger's cash account = the sum of the differences

A difference is what one of the two had counted by then and the other not yet: a payout that the ledger has sent and
the bank has not booked, a line whose break was opened only after its day was closed. Each is worked out from its own
lines and entries, so that the equation proves that nothing was left out.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.kernel.clock import DAY
from nostro.kernel.resource import Shape
from nostro.ledger.balance import balance_after, last_effective
from nostro.storage.tx import Tx

from . import cash, match
from .account import SHIFT, day_of, text_of
from .account import Record as Account
from .break_ import BREAK
from .cash import ledger_number
from .line import COLUMNS, line_id, read
from .statement import Record as StatementRecord

PAGE = 20_000
MOST_STATEMENTS = 10_000
MOST_SPREAD = 1_000_000
MOST_SHOWN = 200
LINES = (
    f"SELECT {COLUMNS} FROM bank_line WHERE account=? AND line>? AND line<? AND day>? AND day<=? ORDER BY line LIMIT ?"
)
WAITING = "SELECT count(*) FROM bank_line WHERE account=? AND line>? AND line<=? AND day<=?"
BETWEEN = (
    f"SELECT {match.COLUMNS} FROM bank_match WHERE account=? AND last_day>? AND first_day<=? AND first_day<last_day "
    "ORDER BY last_day, first_day"
)
LATE = "SELECT coalesce(sum(amount),0) FROM ledger_late WHERE account=? AND entry>? AND entry<=? AND effective<=?"
HEAD = "SELECT link, last, hash FROM ledger_chain ORDER BY link DESC LIMIT 1"
LINK = "SELECT hash FROM ledger_chain WHERE link=?"
_encode = msgspec.msgpack.Encoder().encode


class Difference(Shape, frozen=True, kw_only=True):
    """`amount` is what the bank had more than the ledger at the end of the day; `settled_on` the day on which it was
    none any more, if it is known."""

    amount: int
    break_: str | None = msgspec.field(name="break", default=None)
    entry: str | None = None
    kind: Literal["not_yet_at_bank", "not_yet_in_ledger", "break"]
    line: str | None = None
    match: str | None = None
    settled_on: str | None = None


class Chapter(Shape, frozen=True, kw_only=True):
    """A statement that has lines of these days: its id and the SHA-256 of what it says."""

    content: str
    statement: str


class Said(Struct, frozen=True):
    """What the bank has said of some days: sum and number of the lines, SHA-256 over them, in which statements."""

    total: int
    lines: int
    digest: str
    statements: list[Chapter]


class Head(Struct, frozen=True):
    """The end of the journal that a proof looked at."""

    link: int
    entry: int
    hash: str


async def head(tx: Tx) -> Head:
    rows = await tx.world.engine.rows(HEAD)
    return Head(*rows[0]) if rows else Head(0, 0, "")


async def said(tx: Tx, account: Account, after: int, until: int) -> Said:
    """The lines that count behind the day `after` up to the day `until`."""
    resource = tx.registry.by_record[StatementRecord]
    every = await tx.all(resource, {"account": account.id}, MOST_STATEMENTS, newest_first=True)
    chosen = [one for one in reversed(every) if day_of(one.closed_on) > after]
    digest, total, count = hashlib.sha256(), 0, 0
    used = []
    for one in chosen:
        at, end, before = (one.place << SHIFT) - 1, (one.place + 1) << SHIFT, count
        while rows := await tx.world.engine.rows(LINES, (account.number, at, end, after, until, PAGE)):
            digest.update(_encode(rows))
            total += sum(row[2] for row in rows)
            count += len(rows)
            at = rows[-1][1]
            await asyncio.sleep(0)
        if count > before:
            used.append(Chapter(content=one.content, statement=one.id))
    return Said(total, count, digest.hexdigest(), used)


async def unmatched(tx: Tx, account: Account, until: int) -> int:
    """Lines of these days that no run has looked at yet."""
    rows = await tx.world.engine.rows(WAITING, (account.number, account.lines_done, account.last_line, until))
    return int(rows[0][0])


async def ledger_balance(tx: Tx, account: Account, until: int, upto: int) -> int:
    """What stood on the ledger's account at the end of a day, by the entries up to a number."""
    engine, book, seconds = tx.world.engine, tx.scope.book, (until + 1) * DAY - 1
    number = await ledger_number(engine, book, account)
    if number is None:
        return 0
    last = min(upto, await last_effective(engine, book, seconds))
    stood = await balance_after(engine, account.ledger_account, account.currency, last, book)
    late = await engine.rows(LATE, (number, last, upto, seconds))
    return stood + int(late[0][0])


async def differences(tx: Tx, account: Account, until: int, upto: int) -> list[Difference]:
    """Each by itself; by the entries up to a number."""
    return [
        *await _of_matches(tx, account, until),
        *await _of_breaks(tx, account, until),
        *await _outstanding(tx, account, until, upto),
    ]


async def _of_matches(tx: Tx, account: Account, until: int) -> list[Difference]:
    rows = await tx.world.engine.rows(BETWEEN, (account.number, until, until))
    found = [match.found_of(row) for row in rows]
    lines = await read(tx, account, sorted({n for one in found for n in one.members.lines if n}))
    entries = await cash.by_number(
        tx.world.engine, tx.scope.book, account, {n for one in found for n in one.members.entries if n}
    )
    made = []
    for one in found:
        at_bank = sum(lines[n].amount for n in one.members.lines if n and lines[n].day <= until)
        booked = sum(entries[n].amount for n in one.members.entries if n and entries[n].day <= until)
        booked += sum(amount for day, amount in one.members.own if day <= until)
        if at_bank != booked:
            kind: Literal["not_yet_at_bank", "not_yet_in_ledger"] = "not_yet_at_bank" if booked else "not_yet_in_ledger"
            made.append(Difference(
                amount=at_bank - booked, kind=kind, match=f"bmt_{account.number}-{one.number}",
                entry=f"lent_{one.entry}" if one.entry else None,
                line=line_id(account.number, one.line) if one.line else None, settled_on=text_of(one.last_day),
            ))  # fmt: skip
    return made


async def _of_breaks(tx: Tx, account: Account, until: int) -> list[Difference]:
    made = []
    for b in await tx.all(BREAK, {"spread": account.id}, MOST_SPREAD, newest_first=False):
        amount = sum(amount for day, amount in b.at_bank if day <= until)
        amount -= sum(amount for day, amount in (*b.in_ledger, *b.own) if day <= until)
        if amount:
            made.append(Difference(amount=amount, kind="break", break_=b.id))
    return made


async def _outstanding(tx: Tx, account: Account, until: int, upto: int) -> list[Difference]:
    """What the ledger has booked and the bank has not told of."""
    made = []
    async for part in cash.read(tx.world, tx.scope.book, account, account.entries_done, upto):
        for entry, amount, day in zip(part.entry.tolist(), part.amount.tolist(), part.day.tolist(), strict=True):
            if day <= until:
                made.append(Difference(amount=-amount, kind="not_yet_at_bank", entry=f"lent_{entry}"))
    return made
