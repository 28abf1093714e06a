"""Sorted runs: the lines of a book's batches by account, so that an account's statement and balance are quick to read.

Each batch is written with one run of its lines, sorted by account and entry and cut into pages; eight runs of a level
are merged into one of the next (ledger/merging.py). A run covers a range of entries that no other run of the book
covers, so what stands on an account after an entry is found by looking at one page in each run, the newest first.

The readings are generators that yield statements and are sent their rows: the engines commit by them, and everybody
reads by them. Each statement finds runs and pages at once, because a merge may come between two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .batch import Transfers
from .columns import Ints, packed, unpacked

T = TypeVar("T")
_entry = attrgetter("entry")
Row = tuple[Any, ...]
Ask = Generator[tuple[str, tuple[Any, ...]], list[Row], T]

PAGE = 1024
LINES_A_LOOK = 2_000  # lines that are read in the time that one account is looked up
AT_ONCE = 64
LEVELS = 16
# The page of each run that has the account's last line at or before an entry, if the run has one.
UPTO = (
    "SELECT r.first, (SELECT p.lines FROM ledger_page p WHERE p.run=r.run AND (p.account, p.entry) <= (?, ?) "
    "ORDER BY p.account DESC, p.entry DESC LIMIT 1) "
    "FROM ledger_run r WHERE r.book=? AND r.first<=? ORDER BY r.first DESC LIMIT ?"
)
# And the pages that may have its first line at or behind an entry: that one, or the one that begins with it.
BEHIND = (
    "SELECT r.last, (SELECT p.lines FROM ledger_page p WHERE p.run=r.run AND (p.account, p.entry) <= (?, ?) "
    "ORDER BY p.account DESC, p.entry DESC LIMIT 1), (SELECT p.lines FROM ledger_page p WHERE p.run=r.run "
    "AND p.account=? AND p.entry>? ORDER BY p.entry LIMIT 1) "
    "FROM ledger_run r WHERE r.book=? AND r.last>=? ORDER BY r.first LIMIT ?"
)
NEWEST = "SELECT run, first, lines FROM ledger_run WHERE book=? AND first<=? ORDER BY first DESC LIMIT 1"
COUNT = "SELECT coalesce(sum(lines),0) FROM ledger_run WHERE book=? AND first<=?"
PAGES = (
    "SELECT account, entry, lines FROM ledger_page WHERE run=? AND (account, entry) > (?, ?) "
    "ORDER BY account, entry LIMIT ?"
)


class Lines(NamedTuple):
    """Sorted by account and entry. `balance` is what batches have booked on the account up to and with the line."""

    account: Ints
    entry: Ints
    amount: Ints
    balance: Ints


class Line(NamedTuple):
    """One entry's effect on an account, minor units, debit positive."""

    entry: int
    amount: int
    balance: int


# Making ------------------------------------------------------------------------------


def run_number(first: int, level: int) -> int:
    """No two runs of a level begin with one entry."""
    return first * LEVELS + level


def sorted_lines(first: int, transfers: Transfers) -> tuple[Ints, Ints, Ints]:
    """Account, entry and amount of both lines of each transfer, by account and entry."""
    count = len(transfers.amount)
    account, amount = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    account[0::2], account[1::2] = transfers.debit, transfers.credit
    amount[0::2], amount[1::2] = transfers.amount, -transfers.amount
    order = by_account(account)
    return account[order], first + order // 2, amount[order]


def by_account(account: Ints) -> Ints:
    """The order that sorts accounts and keeps the order within each. Small numbers are sorted by radix."""
    low = account.min()
    narrow = account - low if int(account.max()) - int(low) >= 1 << 16 else (account - low).astype(np.uint16)
    return np.argsort(narrow, kind="stable")


def starts(account: Ints) -> tuple[Ints, Ints]:
    """Of a sorted column: where each account begins, and which of these each line belongs to."""
    new = np.empty(len(account), np.bool_)
    new[0], new[1:] = True, account[1:] != account[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1


def running(account: Ints, amount: Ints, opening: Ints) -> Ints:
    """The balance after each line, for what stood on each account (in order) before. Sums may wrap on the way: what
    is left after the difference is right as long as the balances fit."""
    begin, group = starts(account)
    total = np.cumsum(amount)
    return total + (opening - (total[begin] - amount[begin]))[group]


def pages(run: int, lines: Lines) -> list[tuple[int, int, int, bytes]]:
    """The rows of `ledger_page`."""
    cuts = range(0, len(lines.account), PAGE)
    return [
        (run, int(lines.account[at]), int(lines.entry[at]), packed([column[at : at + PAGE] for column in lines]))
        for at in cuts
    ]


def lines_of(blobs: Sequence[bytes]) -> Lines:
    """The lines of some pages, one after another. Raises `ValueError` if one cannot be read."""
    columns = [unpacked(blob) for blob in blobs]
    if any(len(one) != len(Lines._fields) for one in columns):
        raise ValueError("these columns are no page")
    return Lines(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


# Reading -----------------------------------------------------------------------------


async def ask(rows: Callable[[str, Sequence[Any]], Awaitable[list[Row]]], asked: Ask[T]) -> T:
    """What comes of a reading."""
    try:
        statement, values = next(asked)
        while True:
            statement, values = asked.send(await rows(statement, values))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def newest(book: int, account: int, upto: int, limit: int) -> Ask[list[Line]]:
    """The account's last lines at or before an entry, the newest first."""
    found: list[Line] = []
    step = 1
    while True:
        rows = yield UPTO, (account, upto, book, upto, step)
        for first, blob in rows:
            page = _of(blob, account)
            part = page[: bisect_right(page, upto, key=_entry)]
            found += part[: -(limit - len(found)) - 1 : -1]
            if len(found) >= limit:
                return found
            if part and part[0] is page[0] and _begins(blob, account):  # more of it stands in the page before
                upto = part[0].entry - 1
                break
            upto = first - 1
        else:
            if len(rows) < step:
                return found
            step = min(8, step * 2)


def oldest(book: int, account: int, after: int, limit: int) -> Ask[list[Line]]:
    """The account's first lines behind an entry, the oldest first."""
    found: list[Line] = []
    step = 1
    while True:
        low = after + 1
        rows = yield BEHIND, (account, low, account, low, book, low, step)
        for last, blob, second in rows:
            page = _of(blob, account)
            part = page[bisect_right(page, after, key=_entry) :] or _of(second, account)
            found += part[: limit - len(found)]
            if len(found) >= limit:
                return found
            if part:  # the run may have more of it
                after = part[-1].entry
                break
            after = last
        else:
            if len(rows) < step:
                return found
            step = min(8, step * 2)


def balance_upto(book: int, account: int, upto: int) -> Ask[int]:
    """What batches had booked on the account when this entry was the last."""
    found = yield from newest(book, account, upto, 1)
    return found[0].balance if found else 0


def balances_upto(book: int, accounts: Sequence[int], upto: int) -> Ask[tuple[dict[int, int], bool]]:
    """The same for many accounts, and whether it is that of every account which a batch of the book ever touched."""
    lines = (yield COUNT, (book, upto))[0][0]
    if not lines:
        return {}, True
    if len(accounts) * LINES_A_LOOK > lines:
        return (yield from all_balances_upto(book, upto)), True
    known: dict[int, int] = {}
    for account in accounts:
        known[account] = yield from balance_upto(book, account, upto)
    return known, False


def all_balances_upto(book: int, upto: int) -> Ask[dict[int, int]]:
    """The same for every account that a batch of the book ever touched: reads every line."""
    parts: list[tuple[Ints, Ints]] = []
    while runs := (yield NEWEST, (book, upto)):
        run, first, count = runs[0]
        ends = yield from _ends(run, count, upto)
        if ends is not None:  # else it was merged meanwhile
            parts += reversed(ends)
            upto = first - 1
    if not parts:
        return {}
    account, balance = (np.concatenate(column) for column in zip(*parts, strict=True))
    each, newest = np.unique(account, return_index=True)
    return dict(zip(each.tolist(), balance[newest].tolist(), strict=True))


def _ends(run: int, count: int, upto: int) -> Ask[list[tuple[Ints, Ints]] | None]:
    """The balance of each account in a run after its last line up to an entry, some pages at a time; the last of an
    account is the one that counts. None if the run is gone."""
    ends: list[tuple[Ints, Ints]] = []
    account = entry = -1
    while count > 0:
        rows = yield PAGES, (run, account, entry, AT_ONCE)
        if not rows:
            return None
        lines = lines_of([blob for _, _, blob in rows])
        count -= len(lines.account)
        account, entry = rows[-1][0], rows[-1][1]
        early = lines.entry <= upto
        owner, balance = lines.account[early], lines.balance[early]
        if len(owner):
            final = np.flatnonzero(np.append(owner[1:] != owner[:-1], True))
            ends.append((owner[final], balance[final]))
    return ends


def _of(blob: bytes | None, account: int) -> list[Line]:
    """The account's lines in a page."""
    if blob is None:
        return []
    lines = lines_of([blob])
    low, high = np.searchsorted(lines.account, [account, account + 1])
    cells: Iterator[tuple[int, int, int]] = zip(*(column[low:high].tolist() for column in lines[1:]), strict=True)
    return [Line(*cell) for cell in cells]


def _begins(blob: bytes | None, account: int) -> bool:
    return blob is not None and int(unpacked(blob)[0][0]) == account
