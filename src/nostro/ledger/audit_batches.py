"""The batches' part of the audit: each batch by itself. The sorted runs are audit_runs.py's.

It works on whole columns: some millions of entries a second.
"""

from __future__ import annotations

import msgspec
import numpy as np

from nostro.storage.batch import BatchRow, Transfers, transfers_of, words_of
from nostro.storage.columns import Ints
from nostro.storage.engine import Engine

from .audit_names import named_wrong
from .chart import APP
from .problem import Problem

PAGE = 10_000
ACCOUNTS = "SELECT account, book, code, currency FROM ledger_account WHERE account>? ORDER BY account LIMIT ?"
KINDS = "SELECT kind FROM ledger_batch_kind WHERE book=? AND first=? ORDER BY kind"


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
        if problem := await named_wrong(self._engine, row, words):
            problems.append(Problem(where, problem))
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
