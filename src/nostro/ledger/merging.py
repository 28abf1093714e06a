"""Merging: eight sorted runs of a level become one of the next, so that what is looked for is looked for in few.

A job, so that no commit waits for it, in small steps, so that none holds the others up. A step writes some pages of the
new run, which nobody sees before the last step puts it in the place of the eight. Those are then cleared away, a few
pages at a time from their beginning, under the negative number of their owner. So at any moment the tables themselves
say how far a merge has come, and however large the runs are, few pages of each are in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nostro.storage import names, runs
from nostro.storage.columns import Ints, unpacked
from nostro.storage.rows import RowWrite
from nostro.storage.runs import LEVELS, by_account, run_number
from nostro.storage.tx import Tx

MERGE = "ledger.merge"
MERGE_NAMES = "ledger.merge_names"
FAN_IN = 8
PAGES = 16  # of each run that a step reads
CLEARED = 256  # pages that a step clears away
Run = tuple[int, int, int, int, int]
Key = tuple[int, int]


class Family(NamedTuple):
    """Runs of one kind: their tables, whose they are, what they are sorted by, and the rows of some new pages."""

    runs: str
    pages: str
    owner: str
    key: str
    page: Callable[[], int]
    rows: Callable[[int, Sequence[Ints]], list[RowWrite]]
    clear: tuple[str, ...] = ()

    def sql(self, statement: str) -> str:
        return statement.format(runs=self.runs, pages=self.pages, owner=self.owner, key=self.key)


def _line_rows(run: int, columns: Sequence[Ints]) -> list[RowWrite]:
    return [(INSERT_PAGE, row) for row in runs.pages(run, runs.Lines(*columns))]


def _name_rows(run: int, columns: Sequence[Ints]) -> list[RowWrite]:
    parts = [(names.INSERT_FILTER, row) for row in names.filters(run, columns[0])]
    return [*((names.INSERT_PAGE, row) for row in names.pages(run, columns)), *parts]


INSERT_PAGE = "INSERT INTO ledger_page (run,account,entry,lines) VALUES (?,?,?,?)"
LINES = Family("ledger_run", "ledger_page", "book", "account", lambda: runs.PAGE, _line_rows)
NAMES = Family(
    "ledger_name_run", "ledger_name_page", "scope", "hash", lambda: names.PAGE, _name_rows,
    ("DELETE FROM ledger_name_filter WHERE run=?",),
)  # fmt: skip
RUNS = "SELECT run, level, first, last, lines FROM {runs} WHERE {owner}=? ORDER BY level, first"
INSERT_RUN = "INSERT INTO {runs} (run,{owner},level,first,last,lines) VALUES (?,?,?,?,?,?)"
PUT_ASIDE = "UPDATE {runs} SET {owner}=-{owner} WHERE run=?"
END = "SELECT lines FROM {pages} WHERE run=? ORDER BY {key} DESC, entry DESC LIMIT 1"
AT = "SELECT {key}, entry FROM {pages} WHERE run=? AND ({key}, entry) <= (?, ?) ORDER BY {key} DESC, entry DESC LIMIT 1"
FROM = "SELECT lines FROM {pages} WHERE run=? AND ({key}, entry) >= (?, ?) ORDER BY {key}, entry LIMIT ?"
NTH = "SELECT {key}, entry FROM {pages} WHERE run=? ORDER BY {key}, entry LIMIT 1 OFFSET ?"
CLEAR = "DELETE FROM {pages} WHERE run=? AND ({key}, entry) < (?, ?)"
CLEAR_ALL = "DELETE FROM {pages} WHERE run=?"
CLEAR_RUN = "DELETE FROM {runs} WHERE run=?"
BEGINNING = (-1, -1)


async def merge_job(tx: Tx, ref: str) -> None:
    """One step in the book, and itself again if there may be more to do."""
    await _run(tx, MERGE, LINES, ref)


async def merge_names_job(tx: Tx, ref: str) -> None:
    """The same for the references of a scope."""
    await _run(tx, MERGE_NAMES, NAMES, ref)


async def _run(tx: Tx, job: str, family: Family, ref: str) -> None:
    if rows := await step(tx, family, int(ref)):
        for row in rows:
            tx.write_row(*row)
        tx.schedule(job, ref, tx.now)


async def step(tx: Tx, family: Family, owner: int) -> list[RowWrite]:
    """The rows that the next step writes; none if there is nothing to do."""
    rows = tx.world.engine.rows
    if aside := await rows(family.sql(RUNS), (-owner,)):
        return await _clear(tx, family, aside[0][0])
    there: list[Any] = await rows(family.sql(RUNS), (owner,))
    for level in range(LEVELS - 1):
        oldest = [run for run in there if run[1] == level][:FAN_IN]
        if len(oldest) == FAN_IN:
            return await _merge(tx, family, owner, level + 1, oldest)
    return []


async def _merge(tx: Tx, family: Family, owner: int, level: int, oldest: Sequence[Run]) -> list[RowWrite]:
    first, last = oldest[0][2], oldest[-1][3]
    number = run_number(first, level)
    written = await tx.world.engine.rows(family.sql(END), (number,))
    after = _last_key(written[0][0]) if written else BEGINNING
    parts = [await _behind(tx, family, run[0], after) for run in oldest]
    rows, whole = await asyncio.to_thread(_made, family, number, after, parts)
    if whole:
        rows.append((family.sql(INSERT_RUN), (number, owner, level, first, last, sum(run[4] for run in oldest))))
        rows += [(family.sql(PUT_ASIDE), (run[0],)) for run in oldest]
    return rows


async def _behind(tx: Tx, family: Family, run: int, after: Key) -> list[bytes]:
    """Some pages of a run, from the one that has the first line behind a key."""
    rows = tx.world.engine.rows
    begin = await rows(family.sql(AT), (run, *after))
    found = await rows(family.sql(FROM), (run, *(begin[0] if begin else BEGINNING), PAGES + 1))
    return [lines for (lines,) in found]


def _made(family: Family, number: int, after: Key, parts: Sequence[Sequence[bytes]]) -> tuple[list[RowWrite], bool]:
    """The rows of the next pages, and whether they are the last. A run of which more is left than was read says how
    far they may go."""
    columns: list[Sequence[Ints]] = []
    until: Key | None = None
    for blobs in parts:
        if not blobs:
            continue
        read = [np.concatenate(column) for column in zip(*map(unpacked, blobs), strict=True)]
        if len(blobs) == PAGES + 1:
            end = int(read[0][-1]), int(read[1][-1])
            until = end if until is None else min(until, end)
        columns.append([column[~_upto(read, after)] for column in read])
    merged = [np.concatenate(column) for column in zip(*columns, strict=True)]
    if not len(merged[0]):
        return [], until is None
    # Each run has later entries than the one before: a sort that keeps the order within each key is all there is to do.
    order = by_account(merged[0])
    merged = [column[order] for column in merged]
    if until is None:
        return family.rows(number, merged), True
    count = int(np.count_nonzero(_upto(merged, until)))
    count -= count % family.page()
    return family.rows(number, [column[:count] for column in merged]), False


def _upto(columns: Sequence[Ints], key: Key) -> Any:
    return (columns[0] < key[0]) | ((columns[0] == key[0]) & (columns[1] <= key[1]))


def _last_key(page: bytes) -> Key:
    columns = unpacked(page)
    return int(columns[0][-1]), int(columns[1][-1])


async def _clear(tx: Tx, family: Family, run: int) -> list[RowWrite]:
    """From the beginning on: who looks for a page that is gone finds none, rather than a wrong one."""
    beyond = await tx.world.engine.rows(family.sql(NTH), (run, CLEARED))
    if beyond:
        return [(family.sql(CLEAR), (run, *beyond[0]))]
    return [(family.sql(CLEAR_ALL), (run,)), *((statement, (run,)) for statement in family.clear),
            (family.sql(CLEAR_RUN), (run,))]  # fmt: skip
