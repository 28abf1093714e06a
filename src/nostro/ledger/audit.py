"""Audit: recompute everything that the books claim, and name what is wrong, the first wrong first.

    the journal    every entry balances, its lines are the accounts' lines, numbers and times run on,
                   and each link of the hash chain covers exactly its entries or its batch of them
    the runs       have the lines of the batches, all of them, in order, with the right balances
    references     of batches are those that the chain covers, and are found by what they are
    late lines     are those of entries that took effect before one that was booked earlier
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
from nostro.storage.batch import BatchRow, batch_hash
from nostro.storage.books import EntryRow, chain_hash
from nostro.storage.engine import Engine, Row

from .audit_accounts import check_accounts, stray_lines
from .audit_batches import BatchesCheck
from .audit_journal import BATCH, JournalCheck
from .audit_late import LateCheck
from .audit_names import check_names
from .audit_objects import ObjectsCheck
from .audit_runs import check_runs
from .batches import BATCH as COLUMNS
from .problem import Problem

MOST_PROBLEMS = 100
# Where the chain and the journal end, in one reading.
ENDS = (
    "SELECT (SELECT coalesce(max(link),0) FROM ledger_chain), (SELECT coalesce(max(entry),0) FROM ledger_entry), "
    "coalesce((SELECT last FROM ledger_batch ORDER BY first DESC LIMIT 1), 0)"
)
ENTRIES = "SELECT entry, book, kind, source, recorded, effective, reverses, description, postings FROM ledger_entry"
NEXT_BATCH = f"SELECT {COLUMNS} FROM ledger_batch WHERE first>? AND first<=? ORDER BY first LIMIT 1"
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
    _, *ends = (await engine.rows(ENDS))[0]  # a server may go on
    newest = max(ends)
    links = await engine.rows("SELECT link, first, last, hash FROM ledger_chain ORDER BY link DESC LIMIT 2")
    if not links:
        return f"{newest} entries are covered by no link of the hash chain." if newest else Head(0, 0, "")
    link, first, last, hash = links[0]
    if await _hash(engine, links[1][3] if len(links) > 1 else "", first, last) != hash:
        return f"Link {link} of the hash chain does not fit its entries, {first} to {last}."
    if newest > last:
        return f"The chain ends at entry {last}, the journal at entry {newest}."
    return Head(link, last, hash)


async def _hash(engine: Reader, before: str, first: int, last: int) -> str | None:
    """What a link over these entries should say: they are a batch, or have a row each. None if some are missing."""
    batches = await engine.rows(f"SELECT {COLUMNS} FROM ledger_batch WHERE first=? AND last=?", (first, last))
    if batches:
        return batch_hash(before, cast(BatchRow, batches[0]))
    entries = await engine.rows(f"{ENTRIES} WHERE entry>=? AND entry<=? ORDER BY entry", (first, last))
    return chain_hash(before, cast(list[EntryRow], entries)) if len(entries) == last - first + 1 else None


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
    async for found, batch in parts(engine, -1, last, BATCH):
        if batch is not None:
            await journal.read_batch(batch, problems)
            await batches.read(batch, problems)
            await late.read_batch(batch, problems)
            tell("entries", batch[1], last)
            continue
        await late.read([row[9] for row in found], found, problems)
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
    problems += await check_names(engine, last)
    problems += await late.finish(last)
    problems += await check_accounts(engine, last, tell)
    problems += await objects.finish()
    return problems[:MOST_PROBLEMS]


async def parts(
    engine: Engine, after: int, last: int, at_once: int
) -> AsyncIterator[tuple[list[Any], BatchRow | None]]:
    """The journal behind an entry in the order of its numbers: entries with a row, a few at once, and batches."""
    while True:
        batches = await engine.rows(NEXT_BATCH, (after, last))
        until = batches[0][0] if batches else last
        while rows := await engine.rows(
            "SELECT entry, book, kind, source, recorded, effective, reverses, description, postings, latest "
            "FROM ledger_entry WHERE entry>? AND entry<=? ORDER BY entry LIMIT ?",
            (after, until, at_once),
        ):
            yield rows, None
            after = rows[-1][0]
        if not batches:
            return
        yield [], batches[0]
        after = max(after, batches[0][1])


def _silent(what: str, done: int, total: int) -> None:
    pass
