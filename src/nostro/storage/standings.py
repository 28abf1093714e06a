"""What a process remembers of accounts, so that it need not ask at each commit where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .batch import AccountKey, Accounts, BatchRow, transfers_of
from .booking import Booking
from .books import Books, Standing
from .columns import Ints
from .runs import sorted_lines, starts

MOST = 2_000_000
FIRST_SIZE = 1024


class Standings:
    """A place for each account, where its number (0: never booked on, as far as is known here) and the two parts of
    its balance stand. A number is for good; `rows` is true until somebody else books, and `batched` holds all batches
    up to entry `upto` (None: nothing is known of them). For books in `_whole` that is known of every account: what
    has no place yet stands there, by number, and what does not was never touched by a batch."""

    def __init__(self) -> None:
        self.upto: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._memory = object()
        self._places: dict[AccountKey, int] = {}
        self._by_number: dict[int, int] = {}
        self._whole: dict[int, dict[int, int]] = {}
        self._columns = np.zeros((FIRST_SIZE, 3), np.int64)
        self._known = np.zeros((2, FIRST_SIZE), np.bool_)

    def make_room(self) -> None:
        """Forget all accounts if they have become too many. Between two commits only: within one, what was looked at
        must stay where it is."""
        if len(self._places) > MOST:
            self._clear()

    def places(self, keys: Sequence[AccountKey]) -> Ints:
        """Where these accounts have their places, made if they have none."""
        if isinstance(keys, Accounts):
            return self._remembered(keys)
        find, next = self._places.get, len(self._places)
        places = [find(key, -1) for key in keys]
        if -1 in places:
            for n, place in enumerate(places):
                if place < 0:
                    places[n] = self._places[keys[n]] = next
                    next += 1
            while next > self._known.shape[1]:
                self._columns = np.vstack((self._columns, np.zeros_like(self._columns)))
                self._known = np.hstack((self._known, np.zeros_like(self._known)))
        return np.array(places, np.int64)

    def _remembered(self, accounts: Accounts) -> Ints:
        """The same, without looking for those that were asked for before."""
        kept = accounts.remembered
        if kept.memory is not self._memory:
            kept.memory, kept.places = self._memory, np.zeros(0, np.int64)
        if more := len(accounts.keys) - len(kept.places):
            kept.places = np.concatenate((kept.places, np.full(more, -1)))
        places: Ints = kept.places[accounts.chosen]
        missing = np.flatnonzero(places < 0)
        if len(missing):
            places[missing] = self.places([accounts[n] for n in missing])
            kept.places[accounts.chosen[missing]] = places[missing]
        return places

    def knows(self, places: Ints) -> bool:
        """Whether each of these was booked on, and it is known where it stands."""
        return bool(self._known[:, places].all())

    def find(self, key: AccountKey) -> Standing | None:
        place = self._places.get(key)
        if place is None or not (self._known[0, place] and self._known[1, place]):  # `all` would cost ten times more
            return None
        number, rows, batched = self._columns[place].tolist()
        return Standing(number, rows, batched)

    def at(self, places: Ints) -> tuple[Ints, Ints, Ints]:
        """Numbers and both parts of the balances; zeros for an account that is not known."""
        columns = self._columns[places]
        columns[~self._known[:, places].all(0)] = 0
        number, rows, batched = columns.T
        return number.copy(), rows, batched

    def unknown(self, places: Ints) -> Ints:
        """Which of these (by their order) are not known to have been booked on, or no longer."""
        return np.flatnonzero(~self._known[0, places])

    def put(self, key: AccountKey, number: int, rows: int) -> None:
        place = self._places.get(key)
        if place is None:
            place = int(self.places((key,))[0])
        self._by_number[number] = place
        self._columns[place, :2] = number, rows
        self._known[0, place] = True

    def cold(self, keys: Sequence[AccountKey], places: Ints) -> dict[int, list[int]]:
        """The numbers, by book, of those that were booked on, but perhaps by batches that are not known."""
        found: dict[int, list[int]] = {}
        for n in np.flatnonzero(self._known[0, places] & ~self._known[1, places]).tolist():
            book, number = keys[n][0], int(self._columns[places[n], 0])
            if book in self._whole:
                self._put_batched(number, self._whole[book].pop(number, 0))
            else:
                found.setdefault(book, []).append(number)
        return found

    def warm(self, book: int, batched: dict[int, int], whole: bool) -> None:
        """What batches of the book have booked up to `upto`, by account number; `whole` if that is all of them."""
        missing = {number: balance for number, balance in batched.items() if not self._put_batched(number, balance)}
        if whole:
            self._whole[book] = missing

    def _put_batched(self, number: int, balance: int) -> bool:
        place = self._by_number.get(number)
        if place is not None:
            self._columns[place, 2] = balance
            self._known[1, place] = True
        return place is not None

    def learn(self, books: Books) -> None:
        """A group of ours was committed."""
        for key, standing in books.standing().items():
            self.put(key, standing.number, standing.rows)
            self._put_batched(standing.number, standing.batched)

    def learn_batch(self, places: Ints, booking: Booking) -> None:
        self._columns[places, 0], self._columns[places, 2] = booking.numbers, booking.batched
        self._known[:, places] |= booking.numbers > 0
        if booking.accounts:
            self._by_number.update(zip(booking.numbers.tolist(), places.tolist(), strict=True))
        self.upto = booking.batch[1]

    def catch_up(self, batches: Iterable[BatchRow]) -> None:
        """Batches that others have booked since."""
        for row in batches:
            whole = self._whole.get(row[2])
            for number, total in moved(row):
                place = self._by_number.get(number)
                if place is not None and self._known[1, place]:
                    self._columns[place, 2] += total
                elif whole is not None:
                    whole[number] = whole.get(number, 0) + total
            self.upto = row[1]

    def forget_rows(self) -> None:
        self._known[0] = False

    def forget_batches(self) -> None:
        self.upto, self._known[1], self._whole = None, False, {}


def moved(row: BatchRow) -> list[tuple[int, int]]:
    """By how much a batch has moved each of its accounts."""
    account, _, amount = sorted_lines(row[0], transfers_of(row))
    begin, _ = starts(account)
    return list(zip(account[begin].tolist(), np.add.reduceat(amount, begin).tolist(), strict=True))
