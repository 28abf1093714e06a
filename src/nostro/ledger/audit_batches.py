"""The batches' part of the audit: each batch by itself, and the sorted runs of each book against its batches.

It works on whole columns: some millions of entries a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from nostro.storage.batch import BatchRow, Transfers, transfers_of, words_of
from nostro.storage.columns import Ints
from nostro.storage.engine import Engine
from nostro.storage.runs import Lines, ask, by_account, lines_of, newest, running, sorted_lines, starts

from .batches import BATCH
from .chart import APP
from .problem import Problem

PAGE = 10_000
ACCOUNTS = "SELECT account, book, code, currency FROM ledger_account WHERE account>? ORDER BY account LIMIT ?"
KINDS = "SELECT kind FROM ledger_batch_kind WHERE book=? AND first=? ORDER BY kind"
NEXT_RUN = (
    "SELECT run, level, first, last, lines FROM ledger_run WHERE book=? AND first>? AND first<=? ORDER BY first LIMIT 1"
)
BEFORE = "SELECT coalesce(max(last),0) FROM ledger_run WHERE book=? AND last<=?"
INSIDE = f"SELECT {BATCH} FROM ledger_batch WHERE book=? AND first>? AND first<=? ORDER BY first"
REVERSALS = (
    "SELECT r.entry, r.reversed_by FROM ledger_reversal r LEFT JOIN ledger_entry e "
    "ON e.source=r.reversed_by AND e.reverses=r.entry WHERE e.entry IS NULL ORDER BY r.entry LIMIT ?"
)


class BatchesCheck:
    """`_groups` has for each account number that of its book and currency together, 0 for none that batches may
    book on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups: Ints = np.zeros(0, np.int64)
        self._numbers: dict[tuple[int, str], int] = {}
        self._books: list[int] = [-1]

    async def read(self, row: BatchRow, problems: list[Problem]) -> None:
        """One batch: it can be read, and every entry balances on accounts that are there."""
        where = f"batch of entries {row[0]} to {row[1]}"
        try:
            lines, words = transfers_of(row), words_of(row)
        except (ValueError, msgspec.DecodeError) as error:
            problems.append(Problem(where, f"cannot be read: {error}"))
            return
        await self._meet(max(int(lines.debit.max()), int(lines.credit.max())))
        problems += self._wrong(row, lines)
        stored = [kind for (kind,) in await self._engine.rows(KINDS, (row[2], row[0]))]
        places = ((lines.kind, len(words.kinds)), (lines.description, len(words.descriptions)))
        if any(column.min() < 0 or column.max() >= count for column, count in places):
            problems.append(Problem(where, "names a kind or a description that it does not have"))
        elif stored != sorted({words.kinds[place] for place in np.unique(lines.kind).tolist()}):
            problems.append(
                Problem(where, f"the list of kinds has {stored} for it, which are not those of its entries")
            )

    def _wrong(self, row: BatchRow, lines: Transfers) -> list[Problem]:
        debit, credit = self._group(lines.debit), self._group(lines.credit)
        found = []
        for bad, what in (
            ((debit == 0) | (credit == 0), "posts to an account that is missing, or not the application's"),
            (debit != credit, "does not balance: its accounts differ in book or currency"),
            (lines.amount <= 0, "does not balance: its amount is not above zero"),
            (np.array(self._books)[debit] != row[2], "posts to another book"),
        ):  # fmt: skip
            if bad.any():
                found.append(Problem(f"entry {row[0] + int(np.flatnonzero(bad)[0])}", what))
        return found[:1]

    def _group(self, accounts: Ints) -> Ints:
        inside = (accounts >= 0) & (accounts < len(self._groups))
        return np.where(inside, self._groups[np.where(inside, accounts, 0)], 0)

    async def _meet(self, most: int) -> None:
        """Read the accounts, once, and those that were made since."""
        while len(self._groups) <= most:
            rows = await self._engine.rows(ACCOUNTS, (len(self._groups) - 1, PAGE))
            if not rows:
                return
            more = np.zeros(rows[-1][0] + 1 - len(self._groups), np.int64)
            for number, book, code, currency in rows:
                if code.startswith(APP):
                    more[number - len(self._groups)] = self._number(book, currency)
            self._groups = np.concatenate((self._groups, more))

    def _number(self, book: int, currency: str) -> int:
        if (book, currency) not in self._numbers:
            self._numbers[book, currency] = len(self._books)
            self._books.append(book)
        return self._numbers[book, currency]


async def check_runs(engine: Engine, last: int, since: int = 0) -> list[Problem]:
    """Every run has the lines of its batches, sorted, with the balances after them, and the runs have all batches.
    Those that end before the entry `since` are left out."""
    problems: list[Problem] = []
    books = await engine.rows("SELECT DISTINCT book FROM ledger_batch UNION SELECT book FROM ledger_run")
    for (book,) in sorted(books):
        standing: Ints = np.zeros(1, np.int64)
        covered = (await engine.rows(BEFORE, (book, since)))[0][0]
        while runs := await engine.rows(NEXT_RUN, (book, covered, last)):
            run = runs[0]
            batches: list[BatchRow] = await engine.rows(INSIDE, (book, covered, run[3]))
            if since and batches:
                standing = await _standing(engine, book, batches, run[2] - 1)
            after, problem = await _check_run(engine, run, batches, standing)
            if problem and not await engine.rows("SELECT 1 FROM ledger_run WHERE run=?", (run[0],)):
                continue  # it was merged meanwhile
            problems += problem
            standing, covered = after, max(run[2], run[3])
        left = await engine.rows(f"{INSIDE} LIMIT 1", (book, covered, last))
        if left:
            problems.append(Problem(f"batch of entries {left[0][0]} to {left[0][1]}", "no run has its lines"))
    for entry, by in await engine.rows(REVERSALS, (PAGE,)):
        problems.append(Problem(f"entry {entry}", f"is said to be reversed by {by}, which does not reverse it"))
    return problems


async def _standing(engine: Engine, book: int, batches: Sequence[BatchRow], upto: int) -> Ints:
    """What batches up to an entry have booked on the accounts of these, by number."""
    columns = await asyncio.to_thread(lambda: [(lines.debit, lines.credit) for lines in map(transfers_of, batches)])
    accounts = np.unique(np.concatenate([column for pair in columns for column in pair]))
    standing = np.zeros(int(accounts[-1]) + 1, np.int64)
    for account in accounts.tolist():
        lines = await ask(engine.rows, newest(book, account, upto, 1))
        standing[account] = lines[0].balance if lines else 0
    return standing


async def _check_run(
    engine: Engine, run: tuple[Any, ...], batches: list[BatchRow], standing: Ints
) -> tuple[Ints, list[Problem]]:
    """Answers what stands on each account after the run, by number."""
    where = f"run of entries {run[2]} to {run[3]}"
    if not batches or batches[0][0] != run[2] or batches[-1][1] != run[3]:
        return standing, [Problem(where, "is not one of whole batches")]
    pages = await engine.rows("SELECT account, entry, lines FROM ledger_page WHERE run=? ORDER BY 1, 2", (run[0],))
    return await asyncio.to_thread(_compared, where, run[4], pages, batches, standing)


def _compared(
    where: str, count: int, pages: list[tuple[Any, ...]], batches: list[BatchRow], standing: Ints
) -> tuple[Ints, list[Problem]]:
    """On its own thread: whole columns of a run may take seconds, in which others have their turn."""
    try:
        parts = [sorted_lines(row[0], transfers_of(row)) for row in batches]
        stored = [lines_of([blob]) for _, _, blob in pages]
    except ValueError as error:
        return standing, [Problem(where, f"cannot be read: {error}")]
    account, entry, amount = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = by_account(account)
    account, entry, amount = account[order], entry[order], amount[order]
    missing = max(0, int(account[-1]) + 1 - len(standing))
    standing = np.concatenate((standing, np.zeros(missing, np.int64)))
    begin, _ = starts(account)
    balance = running(account, amount, standing[account[begin]])
    standing[account[begin]] = balance[np.append(begin[1:], len(account)) - 1]
    return standing, _differences(where, count, pages, stored, Lines(account, entry, amount, balance))


def _differences(
    where: str, count: int, pages: list[tuple[Any, ...]], stored: list[Lines], expected: Lines
) -> list[Problem]:
    at = 0
    for (account, entry, _), lines in zip(pages, stored, strict=True):
        size = len(lines.account)
        part = Lines(*(column[at : at + size] for column in expected))
        same = len(part.account) == size and (account, entry) == (int(part.account[0]), int(part.entry[0]))
        if not same or any((one != other).any() for one, other in zip(lines, part, strict=True)):
            return [Problem(f"{where}, page of account {account}", _first(lines, part))]
        at += size
    if at != len(expected.account) or at != count:
        return [Problem(where, f"has {at} lines and says {count}; its batches have {len(expected.account)}")]
    return []


def _first(lines: Lines, expected: Lines) -> str:
    for one, other in zip(zip(*lines, strict=True), zip(*expected, strict=True), strict=False):
        if one != other:
            said, right = ((int(n) for n in line) for line in (one, other))
            return "a line says account {}, entry {}, amount {}, balance {}; ".format(
                *said
            ) + "by the batch it is account {}, entry {}, amount {}, balance {}".format(*right)
    return "it does not begin where it should, or has other lines than the batches"
