"""The audit of effective times: the latest of each book after each entry, and the lines that are late by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from nostro.storage.batch import BatchRow, transfers_of
from nostro.storage.books import EntryRow
from nostro.storage.engine import Engine

from .account import names
from .audit_journal import decode
from .problem import Problem

PAGE = 10_000
LATE = (
    "SELECT account, entry, effective, amount FROM ledger_late WHERE (account, entry) > (?, ?) AND entry<=? "
    "ORDER BY account, entry LIMIT ?"
)
LATE_OF = "SELECT account, entry, effective, amount FROM ledger_late WHERE account=? AND entry>? AND entry<=?"


class LateCheck:
    """`_due` is, by account, the number of late lines and the sum of their prints, less those that are stored. Behind
    an entry `after`, the lists are read of the accounts that were booked on."""

    def __init__(self, engine: Engine, after: int = 0) -> None:
        self._engine = engine
        self._after = after
        self._touched: set[int] = set()
        self._latest: dict[int, int] = {}
        self._due: dict[int, tuple[int, int]] = {}

    async def read(self, latest: Sequence[int], rows: Sequence[EntryRow], problems: list[Problem]) -> None:
        """`latest` are what the rows say."""
        for said, row in zip(latest, rows, strict=True):
            entry, book, effective = row[0], row[1], row[5]
            if self._after:
                self._touched |= {account for account, _ in _lines(row[8])}
            await self._meet(book)
            if effective < self._follow(entry, book, effective, said, problems):
                amounts: dict[int, int] = {}
                for account, amount in _lines(row[8]):
                    amounts[account] = amounts.get(account, 0) + amount
                for account, amount in amounts.items():
                    self._count(account, 1, _print(entry, effective, amount))

    async def read_batch(self, row: BatchRow, problems: list[Problem]) -> None:
        try:
            lines = transfers_of(row)
        except ValueError:
            return  # said elsewhere
        if self._after:
            self._touched |= set(np.unique(np.concatenate((lines.debit, lines.credit))).tolist())
        await self._meet(row[2])
        latest = self._follow(row[0], row[2], int(lines.effective.max()), row[5], problems)
        at = np.flatnonzero(lines.effective < latest)
        late = lines.only(at)
        columns = ((row[0] + at).tolist(), late.effective.tolist(), late.amount.tolist())
        for debit, credit, entry, effective, amount in zip(
            late.debit.tolist(), late.credit.tolist(), *columns, strict=True
        ):
            self._count(debit, 1, _print(entry, effective, amount))
            self._count(credit, 1, _print(entry, effective, -amount))

    async def _meet(self, book: int) -> None:
        """What the latest of a book was where the reading begins."""
        if book not in self._latest:
            self._latest[book] = await latest_after(self._engine, book, self._after) if self._after else 0

    def _follow(self, entry: int, book: int, effective: int, said: int, problems: list[Problem]) -> int:
        latest = self._latest[book] = max(self._latest.get(book, 0), effective)
        if said != latest:
            what = f"the latest effective time of its book is {latest} here, not {said}"
            problems.append(Problem(f"entry {entry}", what))
        return latest

    async def finish(self, last: int) -> list[Problem]:
        account, entry = -1, -1
        for touched in sorted(self._touched):
            for number, at, effective, amount in await self._engine.rows(LATE_OF, (touched, self._after, last)):
                self._count(number, -1, -_print(at, effective, amount))
        while not self._after and (page := await self._engine.rows(LATE, (account, entry, last, PAGE))):
            for account, entry, effective, amount in page:
                self._count(account, -1, -_print(entry, effective, amount))
        wrong = sorted(account for account, due in self._due.items() if due != (0, 0))
        known = await names(self._engine, wrong)
        return [
            Problem(f"account {' '.join(known[n][1:]) if n in known else n}", "its list of backdated lines is wrong")
            for n in wrong
        ]

    def _count(self, account: int, lines: int, sum: int) -> None:
        count, total = self._due.get(account, (0, 0))
        self._due[account] = count + lines, total + sum


async def latest_after(engine: Engine, book: int, entry: int) -> int:
    """The latest effective time of a book's entries up to this one, as the last of them says."""
    found = await engine.rows(
        "SELECT entry, latest FROM ledger_entry WHERE book=? AND entry<=? ORDER BY entry DESC LIMIT 1", (book, entry)
    ) + await engine.rows(
        "SELECT first, latest FROM ledger_batch WHERE book=? AND first<=? ORDER BY first DESC LIMIT 1", (book, entry)
    )
    return int(max(found, default=(0, 0))[1])


def _print(entry: int, effective: int, amount: int) -> int:
    return hash((entry, effective, amount))


def _lines(postings: str) -> Iterable[tuple[int, int]]:
    try:
        return decode(postings)
    except msgspec.DecodeError:
        return ()  # said elsewhere
