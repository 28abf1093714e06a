"""Audit: recompute everything that the books claim, and name what is wrong, the first wrong first.

    the journal    every entry balances, its lines are the accounts' lines, numbers and times run on,
                   and each link of the hash chain covers exactly its entries
    the accounts   each is on the chart, each running balance is the one before plus the line, each total the last
    the objects    clearing accounts are empty for whatever is at rest, and what a merchant's statement
                   (balance transactions) says of an object is what the ledger moved for it

It reads in ranges, so memory stays small on millions of entries, and it may run beside a working server:
it looks at what was booked when it began. A chain that was cut at its end is whole; compare `head` with a
hash that was kept elsewhere to see that nothing is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol, cast

from msgspec import Struct

from nostro.kernel.resource import Registry
from nostro.storage.books import EntryRow, chain_hash
from nostro.storage.engine import Engine, Row

from .audit_accounts import check_accounts, stray_lines
from .audit_journal import BATCH, JournalCheck
from .audit_objects import ObjectsCheck
from .problem import Problem

MOST_PROBLEMS = 100
# Where the chain and the journal end, in one reading.
ENDS = "SELECT (SELECT coalesce(max(link),0) FROM ledger_chain), (SELECT coalesce(max(entry),0) FROM ledger_entry)"
COLUMNS = "SELECT entry, book, kind, source, recorded, effective, reverses, description, postings FROM ledger_entry"
Progress = Callable[[str, int, int], None]


class Reader(Protocol):
    """An engine, or whatever else reads rows."""

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]: ...


class Head(Struct, frozen=True):
    """Where the chain ends: the number of links and entries, and the last hash."""

    links: int
    entries: int
    hash: str


async def head(engine: Engine) -> Head:
    rows = await engine.rows("SELECT link, last, hash FROM ledger_chain ORDER BY link DESC LIMIT 1")
    return Head(*rows[0]) if rows else Head(0, 0, "")


async def end_of_chain(engine: Reader) -> Head | str:
    """Where the books end, if their last link is right; else what is wrong with it. Quick, however many entries."""
    newest = (await engine.rows("SELECT coalesce(max(entry),0) FROM ledger_entry"))[0][0]  # a server may go on
    links = await engine.rows("SELECT link, first, last, hash FROM ledger_chain ORDER BY link DESC LIMIT 2")
    if not links:
        return f"{newest} entries are covered by no link of the hash chain." if newest else Head(0, 0, "")
    link, first, last, hash = links[0]
    entries = await engine.rows(f"{COLUMNS} WHERE entry>=? AND entry<=? ORDER BY entry", (first, last))
    before = links[1][3] if len(links) > 1 else ""
    if len(entries) != last - first + 1 or chain_hash(before, cast(list[EntryRow], entries)) != hash:
        return f"Link {link} of the hash chain does not fit its entries, {first} to {last}."
    if newest > last:
        return f"The chain ends at entry {last}, the journal at entry {newest}."
    return Head(link, last, hash)


async def verify(engine: Engine, registry: Registry, progress: Progress | None = None) -> list[Problem]:
    """What is wrong with the books: empty if nothing is. Ends early after `MOST_PROBLEMS`."""
    tell = progress or _silent
    links, last = (await engine.rows(ENDS))[0]
    journal = JournalCheck(engine, links)
    objects = ObjectsCheck(engine, registry)
    problems: list[Problem] = []
    async for rows in _batches(engine, last):
        lines = await journal.read(rows, problems)
        await objects.read(rows, lines, problems)
        tell("entries", rows[-1][0], last)
        if len(problems) >= MOST_PROBLEMS:
            return problems[:MOST_PROBLEMS]
    await journal.finish(problems)
    stored = (await engine.rows("SELECT count(*) FROM ledger_posting WHERE entry<=?", (last,)))[0][0]
    if stored != journal.lines:
        problems += await stray_lines(engine, last)
    problems += await check_accounts(engine, last, tell)
    problems += await objects.finish()
    return problems[:MOST_PROBLEMS]


async def _batches(engine: Engine, last: int) -> AsyncIterator[list[EntryRow]]:
    after = -1
    while True:
        rows = await engine.rows(f"{COLUMNS} WHERE entry>? AND entry<=? ORDER BY entry LIMIT ?", (after, last, BATCH))
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _silent(what: str, done: int, total: int) -> None:
    pass
