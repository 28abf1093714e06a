"""Audit: recompute everything that the books claim, and name what is wrong, the first wrong first.

    the journal    every entry balances, its lines are the accounts' lines, numbers and times run on,
                   and each link of the hash chain covers exactly its entries or its batch of them
    the runs       have the lines of the batches, all of them, in order, with the right balances
    late lines     are those of entries that took effect before one that was booked earlier
    the accounts   each is on the chart, each running balance is the one before plus the line, each total the last
    the objects    clearing accounts are empty for whatever is at rest, and what a merchant's statement
                   (balance transactions) says of an object is what the ledger moved for it

It reads in ranges, so memory stays small on millions of entries, and it may run beside a working server:
it looks at what was booked when it began. A chain that was cut at its end is whole; compare `head` with a
hash that was kept elsewhere to see that nothing is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec import Struct

from nostro.kernel.resource import Registry
from nostro.storage.batch import BatchRow
from nostro.storage.books import EntryRow
from nostro.storage.engine import Engine

from .audit_accounts import check_accounts, stray_lines
from .audit_batches import BatchesCheck, check_runs
from .audit_journal import BATCH, JournalCheck
from .audit_late import LateCheck
from .audit_objects import ObjectsCheck
from .batches import BATCH as COLUMNS
from .problem import Problem

MOST_PROBLEMS = 100
# Where the chain and the journal end, in one reading.
ENDS = (
    "SELECT (SELECT coalesce(max(link),0) FROM ledger_chain), (SELECT coalesce(max(entry),0) FROM ledger_entry), "
    "(SELECT coalesce(max(last),0) FROM ledger_batch)"
)
NEXT_BATCH = f"SELECT {COLUMNS} FROM ledger_batch WHERE first>? AND first<=? ORDER BY first LIMIT 1"
Progress = Callable[[str, int, int], None]


class Head(Struct, frozen=True):
    """Where the chain ends: the number of links and entries, and the last hash."""

    links: int
    entries: int
    hash: str


async def head(engine: Engine) -> Head:
    rows = await engine.rows("SELECT link, last, hash FROM ledger_chain ORDER BY link DESC LIMIT 1")
    return Head(*rows[0]) if rows else Head(0, 0, "")


async def verify(engine: Engine, registry: Registry, progress: Progress | None = None) -> list[Problem]:
    """What is wrong with the books: empty if nothing is. Ends early after `MOST_PROBLEMS`."""
    tell = progress or _silent
    links, *ends = (await engine.rows(ENDS))[0]
    last = max(ends)
    journal = JournalCheck(engine, links)
    batches = BatchesCheck(engine)
    late = LateCheck(engine)
    objects = ObjectsCheck(engine, registry)
    problems: list[Problem] = []
    async for found, batch in _parts(engine, last):
        if batch is not None:
            await journal.read_batch(batch, problems)
            await batches.read(batch, problems)
            late.read_batch(batch, problems)
            tell("entries", batch[1], last)
            continue
        late.read([row[9] for row in found], found, problems)
        rows: list[EntryRow] = [row[:9] for row in found]
        lines = await journal.read(rows, problems)
        await objects.read(rows, lines, problems)
        tell("entries", rows[-1][0], last)
        if len(problems) >= MOST_PROBLEMS:
            return problems[:MOST_PROBLEMS]
    await journal.finish(problems)
    stored = (await engine.rows("SELECT count(*) FROM ledger_posting WHERE entry<=?", (last,)))[0][0]
    if stored != journal.lines:
        problems += await stray_lines(engine, last)
    problems += await check_runs(engine, last)
    problems += await late.finish(last)
    problems += await check_accounts(engine, last, tell)
    problems += await objects.finish()
    return problems[:MOST_PROBLEMS]


async def _parts(engine: Engine, last: int) -> AsyncIterator[tuple[list[Any], BatchRow | None]]:
    """The journal in the order of its numbers: entries with a row, a few at once, and batches."""
    after = -1
    while True:
        batches = await engine.rows(NEXT_BATCH, (after, last))
        until = batches[0][0] if batches else last
        while rows := await engine.rows(
            "SELECT entry, book, kind, source, recorded, effective, reverses, description, postings, latest "
            "FROM ledger_entry WHERE entry>? AND entry<=? ORDER BY entry LIMIT ?",
            (after, until, BATCH),
        ):
            yield rows, None
            after = rows[-1][0]
        if not batches:
            return
        yield [], batches[0]
        after = max(after, batches[0][1])


def _silent(what: str, done: int, total: int) -> None:
    pass
