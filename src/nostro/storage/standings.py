"""What a process remembers of accounts, so that it need not ask at each commit where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .batch import AccountKey, BatchRow, transfers_of
from .booking import Booking
from .books import Books, Standing
from .runs import sorted_lines, starts

MOST = 2_000_000
NONE = Standing(0, 0, 0)


class Standings:
    """`rows` and `batched` are the two parts of a balance, by account number. A number is for good; `rows` is true
    until somebody else books, and `batched` holds all batches up to entry `upto` (None: nothing is known of them)."""

    def __init__(self) -> None:
        self.upto: int | None = None
        self.numbers: dict[AccountKey, int] = {}
        self.rows: dict[int, int] = {}
        self.batched: dict[int, int] = {}

    def find(self, key: AccountKey) -> Standing | None:
        number = self.numbers.get(key, 0)
        if number not in self.rows or number not in self.batched:
            return None
        return Standing(number, self.rows[number], self.batched[number])

    def all(self, keys: Sequence[AccountKey]) -> list[Standing]:
        """An account that is not known here was never booked on."""
        find = self.find
        return [find(key) or NONE for key in keys]

    def put(self, key: AccountKey, number: int, rows: int) -> None:
        self.numbers[key] = number
        self.rows[number] = rows

    def cold(self, keys: Iterable[AccountKey]) -> dict[int, list[int]]:
        """The numbers, by book, of those whose part of batches is not known."""
        found: dict[int, list[int]] = {}
        for key in keys:
            number = self.numbers.get(key)
            if number is not None and number not in self.batched:
                found.setdefault(key[0], []).append(number)
        return found

    def learn(self, books: Books) -> None:
        """A group of ours was committed."""
        self._bound()
        for key, standing in books.standing().items():
            self.put(key, standing.number, standing.rows)
            self.batched[standing.number] = standing.batched

    def learn_batch(self, booking: Booking) -> None:
        self._bound()
        for number, book, code, currency in booking.accounts:
            self.put((book, code, currency), number, 0)
        self.batched.update(booking.batched)
        self.upto = booking.batch[1]

    def catch_up(self, batches: Iterable[BatchRow]) -> None:
        """Batches that others have booked since."""
        for row in batches:
            account, _, amount = sorted_lines(row[0], transfers_of(row))
            begin, _ = starts(account)
            sums = np.add.reduceat(amount, begin).tolist()
            for number, total in zip(account[begin].tolist(), sums, strict=True):
                if number in self.batched:
                    self.batched[number] += total
            self.upto = row[1]

    def forget_rows(self) -> None:
        self.rows = {}

    def _bound(self) -> None:
        if len(self.numbers) > MOST:
            self.numbers, self.rows, self.batched = {}, {}, {}
