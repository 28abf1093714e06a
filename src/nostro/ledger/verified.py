"""Verified: up to where the books were verified, and a slice of what comes behind it.

Entries never change, so an audit need not begin with the first one each time. A slice begins where the last one ended,
at a link of the hash chain whose hash was kept, and looks at its own entries as the full audit does: they balance, they
are the accounts' lines, balances run on from those before, the chain goes on, and what they moved for an object is what
its records say. What a slice finds open of an object is read again from its first entry on. `rest` is what is left to
look at when slices have come to the end: that no account has a line too many or another total, and the sorted runs.

What was verified before is taken as it was then. The full audit (`nostro ledger verify`) looks at all of it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct

from nostro.kernel.clock import elapsed
from nostro.kernel.resource import Registry
from nostro.storage.engine import Engine, Row
from nostro.storage.tx import Tx

from .audit import MOST_PROBLEMS, end_of_chain, parts
from .audit_accounts import check_lines, check_totals, stray_lines
from .audit_batches import BatchesCheck
from .audit_journal import JournalCheck
from .audit_late import LateCheck
from .audit_objects import ObjectsCheck
from .audit_runs import check_runs
from .problem import Problem

READ = 50  # entries at once: others have their turn in between
LEAST = 1_000  # microseconds of work without a pause
FIND = "SELECT entry, link, hash, lines FROM ledger_verified WHERE id=1"
PUT = (
    "INSERT INTO ledger_verified (id,entry,link,hash,lines) VALUES (1,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
    "entry=excluded.entry, link=excluded.link, hash=excluded.hash, lines=excluded.lines "
    "WHERE ledger_verified.entry<excluded.entry"
)
COUNTED = 20_000
STEP = (
    "SELECT account, entry FROM ledger_posting WHERE (account, entry) > (?, ?) ORDER BY account, entry LIMIT 1 OFFSET ?"
)
COUNT = (
    "SELECT count(*) FROM ledger_posting WHERE (account, entry) > (?, ?) AND (account, entry) <= (?, ?) AND entry<=?"
)
LINKS = "SELECT link, last, hash FROM ledger_chain WHERE link>? ORDER BY link LIMIT ?"


class Mark(Struct, frozen=True):
    """The last entry that was verified, the link that covers it with its hash, and the lines booked until there."""

    entry: int = 0
    link: int = 0
    hash: str = ""
    lines: int = 0


async def mark(engine: Engine) -> Mark:
    rows = await engine.rows(FIND)
    return Mark(*rows[0]) if rows else Mark()


def keep(tx: Tx, reached: Mark) -> None:
    """Of two that verify at once, the one that came further is kept."""
    tx.write_row(PUT, (reached.entry, reached.link, reached.hash, reached.lines))


async def verify_slice(engine: Engine, registry: Registry, since: Mark, most: int) -> tuple[Mark, list[Problem]]:
    """Verify whole links of up to so many entries, or one link that has more; answers where it ended, which is where it
    began if there is nothing left."""
    if problem := await _moved(engine, since):
        return since, [problem]
    links = await engine.rows(LINKS, (since.link, most))
    end = next((row for row in reversed(links) if row[1] - since.entry <= most), links[0] if links else None)
    if end is None:
        return since, []
    link, last, hash = end
    problems: list[Problem] = []
    journal = JournalCheck(engine, link, since.entry, since.link, since.hash)
    batches, late = BatchesCheck(engine), LateCheck(engine, since.entry)
    objects = ObjectsCheck(engine, registry, whole=False)
    async for found, batch in parts(engine, since.entry, last, READ):
        if batch is not None:
            await journal.read_batch(batch, problems)
            await batches.read(batch, problems)
            await late.read_batch(batch, problems)
            continue
        await late.read([row[9] for row in found], found, problems)
        rows = [row[:9] for row in found]
        lines = await journal.read(rows, problems)
        await objects.read(rows, lines, problems)
    await journal.finish(problems)
    problems += await late.finish(last)
    problems += await check_lines(engine, journal.touched, since.entry, last)
    problems += await objects.finish()
    return Mark(last, link, hash, since.lines + journal.lines), problems[:MOST_PROBLEMS]


async def rest(engine: Engine, reached: Mark, since: int) -> list[Problem]:
    """What slices do not look at, of the books as they were verified up to `reached`. Runs of sorted lines that end
    before the entry `since` were looked at before."""
    end = await end_of_chain(engine)
    problems = [Problem("the end of the books", end)] if isinstance(end, str) else []
    if await _stored(engine, reached.entry) != reached.lines:
        problems += await stray_lines(engine, reached.entry)
    problems += await check_runs(engine, reached.entry, since)
    problems += await check_totals(engine)
    return problems[:MOST_PROBLEMS]


async def _stored(engine: Engine, last: int) -> int:
    """How many lines all accounts have of entries up to this one, counted some at a time."""
    count, at = 0, (0, 0)
    while True:
        rows = await engine.rows(STEP, (*at, COUNTED - 1))
        end = rows[0] if rows else (2**62, 0)
        count += int((await engine.rows(COUNT, (*at, *end, last)))[0][0])
        if not rows:
            return count
        at = rows[0]


class _Patient:
    """An engine whose reader pauses as long as it has worked: a turn for others would be over before they are done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.path = engine.path
        self._since = elapsed()

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        worked = elapsed() - self._since
        if worked >= LEAST:
            await asyncio.sleep(worked / 1_000_000)
            self._since = elapsed()
        return await self._engine.rows(statement, values)


def patient(engine: Engine) -> Engine:
    """The engine as whoever reads much of it should, so that requests are answered meanwhile."""
    return cast(Engine, _Patient(engine))


async def _moved(engine: Engine, since: Mark) -> Problem | None:
    if not since.link:
        return None
    rows = await engine.rows("SELECT last, hash FROM ledger_chain WHERE link=?", (since.link,))
    if [tuple(row) for row in rows] == [(since.entry, since.hash)]:
        return None
    return Problem(f"link {since.link}", "is not what it was when the books were verified up to it")
