"""The audit of the sorted runs: every run has the lines of its batches, sorted, with the balances after them.

A large run is compared part after part, so that memory stays small: for each part its batches are read again. Whole
columns are worked on in threads: they may take seconds, in which others have their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, cast

import numpy as np

from nostro.storage.batch import BatchRow, transfers_of
from nostro.storage.columns import Ints
from nostro.storage.engine import Engine
from nostro.storage.runs import Lines, ask, by_account, lines_of, newest, running, sorted_lines, starts

from .batches import BATCH
from .problem import Problem

AT_ONCE = 2_048  # pages of a run in a part, some two million lines
BATCHES = 64
MOST_PROBLEMS = 10_000
NEXT_RUN = (
    "SELECT run, level, first, last, lines FROM ledger_run WHERE book=? AND first>? AND first<=? ORDER BY first LIMIT 1"
)
# Runs whose book is negative were merged and wait to be cleared away.
BOOKS = "SELECT DISTINCT book FROM ledger_batch UNION SELECT DISTINCT book FROM ledger_run WHERE book>0"
STILL_THERE = "SELECT 1 FROM ledger_run WHERE run=? AND book=?"
NEXT_BATCHES = f"SELECT {BATCH} FROM ledger_batch WHERE book=? AND first>? AND first<=? ORDER BY first LIMIT ?"
ENDS = (
    "SELECT (SELECT min(first) FROM ledger_batch WHERE book=? AND first>? AND first<=?), "
    "(SELECT last FROM ledger_batch WHERE book=? AND first>? AND first<=? ORDER BY first DESC LIMIT 1)"
)
KEYS = "SELECT account, entry FROM ledger_page WHERE run=? ORDER BY account, entry"
PAGES = (
    "SELECT account, entry, lines FROM ledger_page WHERE run=? AND (account, entry) >= (?, ?) "
    "ORDER BY account, entry LIMIT ?"
)
REVERSALS = (
    "SELECT r.entry, r.reversed_by FROM ledger_reversal r LEFT JOIN ledger_entry e "
    "ON e.source=r.reversed_by AND e.reverses=r.entry WHERE e.entry IS NULL ORDER BY r.entry LIMIT ?"
)
BEFORE = "SELECT coalesce(max(last),0) FROM ledger_run WHERE book=? AND last<=?"
Key = tuple[int, int]
Span = tuple[int, int, int]
"""A book, and the entries behind one up to another."""


async def check_runs(engine: Engine, last: int, since: int = 0) -> list[Problem]:
    """The runs have all batches; what is said to be reversed is. Runs that end before the entry `since` are left
    out."""
    problems: list[Problem] = []
    for (book,) in sorted(await engine.rows(BOOKS)):
        while (found := await _check_book(engine, book, last, since)) is None:
            pass
        problems += found
    for entry, by in await engine.rows(REVERSALS, (MOST_PROBLEMS,)):
        problems.append(Problem(f"entry {entry}", f"is said to be reversed by {by}, which does not reverse it"))
    return problems


async def _check_book(engine: Engine, book: int, last: int, since: int) -> list[Problem] | None:
    """None if the run that was looked at last was merged meanwhile with those behind it: look again."""
    problems: list[Problem] = []
    standing: Ints = np.zeros(1, np.int64)
    covered, run = (await engine.rows(BEFORE, (book, since)))[0][0], None
    while runs := await engine.rows(NEXT_RUN, (book, covered, last)):
        run = runs[0]
        if since:
            standing = await _standing(engine, (book, covered, run[3]), run[2] - 1)
        before = standing.copy()
        standing, problem = await _check_run(engine, book, covered, run, standing)
        if problem and not await engine.rows(STILL_THERE, (run[0], book)):
            standing = before
            continue  # it was merged meanwhile
        problems += problem
        covered = max(run[2], run[3])
    left = await engine.rows(NEXT_BATCHES, (book, covered, last, 1))
    if left and run is not None and not await engine.rows(STILL_THERE, (run[0], book)):
        return None
    if left:
        problems.append(Problem(f"batch of entries {left[0][0]} to {left[0][1]}", "no run has its lines"))
    return problems


async def _standing(engine: Engine, span: Span, upto: int) -> Ints:
    """What batches up to an entry have booked on the accounts of those in the span, by number."""
    found: list[Ints] = []
    async for row in _batches(engine, span):
        lines = await asyncio.to_thread(transfers_of, row)
        found.append(np.unique(np.concatenate((lines.debit, lines.credit))))
    accounts = np.unique(np.concatenate(found)) if found else np.zeros(1, np.int64)
    standing = np.zeros(int(accounts[-1]) + 1, np.int64)
    for account in accounts.tolist():
        newest_line = await ask(engine.rows, newest(span[0], account, upto, 1))
        standing[account] = newest_line[0].balance if newest_line else 0
    return standing


async def _check_run(
    engine: Engine, book: int, covered: int, run: tuple[Any, ...], standing: Ints
) -> tuple[Ints, list[Problem]]:
    """Answers what stands on each account after the run, by number."""
    where = f"run of entries {run[2]} to {run[3]}"
    span = (book, covered, run[3])
    if list((await engine.rows(ENDS, (*span, *span)))[0]) != [run[2], run[3]]:
        return standing, [Problem(where, "is not one of whole batches")]
    keys: list[Key] = [(account, entry) for account, entry in await engine.rows(KEYS, (run[0],))]
    cuts: list[Key | None] = [None, *keys[AT_ONCE::AT_ONCE], None]
    count = 0
    for begin, end in pairwise(cuts):
        pages = await engine.rows(PAGES, (run[0], *(begin or (-1, -1)), AT_ONCE))
        try:
            lines = await _lines(engine, span, begin, end)
            stored = await asyncio.to_thread(_read, pages)
        except ValueError as error:
            return standing, [Problem(where, f"cannot be read: {error}")]
        standing, expected = await asyncio.to_thread(_with_balances, lines, standing)
        if problem := await asyncio.to_thread(_difference, where, pages, stored, expected):
            return standing, [problem]
        count += sum(len(part.account) for part in stored)
    if count != run[4]:
        return standing, [Problem(where, f"has {count} lines and says {run[4]}")]
    return standing, []


async def _batches(engine: Engine, span: Span) -> AsyncIterator[BatchRow]:
    book, after, last = span
    while rows := await engine.rows(NEXT_BATCHES, (book, after, last, BATCHES)):
        for row in rows:
            yield cast(BatchRow, row)
        after = rows[-1][0]


async def _lines(engine: Engine, span: Span, begin: Key | None, end: Key | None) -> list[Ints]:
    """Account, entry and amount of the batches' lines between two keys, sorted."""
    parts: list[list[Ints]] = [[np.zeros(0, np.int64)] * 3]
    async for row in _batches(engine, span):
        parts.append(await asyncio.to_thread(_between, row, begin, end))
    lines = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = by_account(lines[0]) if len(lines[0]) else lines[0]
    return [column[order] for column in lines]


def _between(row: BatchRow, begin: Key | None, end: Key | None) -> list[Ints]:
    columns: list[Ints] = list(sorted_lines(row[0], transfers_of(row)))
    if begin is not None or end is not None:
        inside = ~_before(columns, begin) & (_before(columns, end) if end else True)
        columns = [column[inside] for column in columns]
    return columns


def _read(pages: list[tuple[Any, ...]]) -> list[Lines]:
    return [lines_of([blob]) for _, _, blob in pages]


def _before(columns: list[Ints], key: Key | None) -> Any:
    if key is None:
        return np.zeros(len(columns[0]), np.bool_)
    return (columns[0] < key[0]) | ((columns[0] == key[0]) & (columns[1] < key[1]))


def _with_balances(lines: list[Ints], standing: Ints) -> tuple[Ints, Lines]:
    account, entry, amount = lines
    if not len(account):
        return standing, Lines(account, entry, amount, amount)
    standing = np.concatenate((standing, np.zeros(max(0, int(account[-1]) + 1 - len(standing)), np.int64)))
    begin, _ = starts(account)
    balance = running(account, amount, standing[account[begin]])
    standing[account[begin]] = balance[np.append(begin[1:], len(account)) - 1]
    return standing, Lines(account, entry, amount, balance)


def _difference(where: str, pages: list[tuple[Any, ...]], stored: list[Lines], expected: Lines) -> Problem | None:
    at = 0
    for (account, entry, _), lines in zip(pages, stored, strict=True):
        size = len(lines.account)
        part = Lines(*(column[at : at + size] for column in expected))
        same = len(part.account) == size and (account, entry) == (int(part.account[0]), int(part.entry[0]))
        if not same or any((one != other).any() for one, other in zip(lines, part, strict=True)):
            return Problem(f"{where}, page of account {account}", _first(lines, part))
        at += size
    if at != len(expected.account):
        return Problem(where, f"has {at} lines here; its batches have {len(expected.account)}")
    return None


def _first(lines: Lines, expected: Lines) -> str:
    for one, other in zip(zip(*lines, strict=True), zip(*expected, strict=True), strict=False):
        if one != other:
            said, right = ((int(n) for n in line) for line in (one, other))
            return "a line says account {}, entry {}, amount {}, balance {}; ".format(
                *said
            ) + "by the batch it is account {}, entry {}, amount {}, balance {}".format(*right)
    return "it does not begin where it should, or has other lines than the batches"
