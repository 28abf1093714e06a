"""Merging: eight sorted runs of a level become one of the next, so that an account is looked for in few of them.

A job, so that no commit waits for it. Runs of the top level are left as they are, and so is one that has become so
large that a merge would need much memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nostro.storage.runs import Lines, by_account, lines_of, pages, run_number
from nostro.storage.tx import Tx

MERGE = "ledger.merge"
FAN_IN = 8
TOP = 2
MOST_LINES = 2_000_000
RUNS = "SELECT run, level, first, last, lines FROM ledger_run WHERE book=? AND level<? ORDER BY level, first"
PAGES = "SELECT lines FROM ledger_page WHERE run=? ORDER BY account, entry"
INSERT_RUN = "INSERT INTO ledger_run (run,book,level,first,last,lines) VALUES (?,?,?,?,?,?)"
INSERT_PAGE = "INSERT INTO ledger_page (run,account,entry,lines) VALUES (?,?,?,?)"
DELETE_RUN = "DELETE FROM ledger_run WHERE run=?"
DELETE_PAGES = "DELETE FROM ledger_page WHERE run=?"
RAISE = "UPDATE ledger_run SET level=? WHERE run=?"
Run = tuple[int, int, int, int, int]


async def merge_job(tx: Tx, ref: str) -> None:
    """One merge in the book, and itself again if there is more to do."""
    book = int(ref)
    runs = await tx.world.engine.rows(RUNS, (book, TOP))
    for level in range(TOP):
        oldest = [run for run in runs if run[1] == level][:FAN_IN]
        if len(oldest) < FAN_IN:
            continue
        if sum(lines for *_, lines in oldest) > MOST_LINES:
            tx.write_row(RAISE, (TOP, oldest[0][0]))
        else:
            await _merge(tx, book, level + 1, oldest)
        tx.schedule(MERGE, ref, tx.now)
        return


async def _merge(tx: Tx, book: int, level: int, runs: Sequence[Any]) -> None:
    blobs = [blob for run in runs for (blob,) in await tx.world.engine.rows(PAGES, (run[0],))]
    first, last = runs[0][2], runs[-1][3]
    number = run_number(first, level)
    rows, count = await asyncio.to_thread(merged, number, blobs)
    for run in runs:
        tx.write_row(DELETE_RUN, (run[0],))
        tx.write_row(DELETE_PAGES, (run[0],))
    tx.write_row(INSERT_RUN, (number, book, level, first, last, count))
    for row in rows:
        tx.write_row(INSERT_PAGE, row)


def merged(run: int, blobs: Sequence[bytes]) -> tuple[list[tuple[int, int, int, bytes]], int]:
    """The pages of one run out of those of several, and the number of its lines. Each of the several has later
    entries than the one before, so a sort by account that keeps the order within each is all there is to do."""
    lines = lines_of(blobs)
    order = by_account(lines.account)
    return pages(run, Lines(*(column[order] for column in lines))), len(order)
