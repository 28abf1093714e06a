"""The journal's part of the audit: entries in order of their numbers, the lines they booked, the hash chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from nostro.storage.batch import BatchRow, batch_hash
from nostro.storage.books import EntryRow, chain_hash
from nostro.storage.engine import Engine

from .account import names
from .problem import Problem

BATCH = 2000
LINKS = 500
Booked = list[tuple[int, int]]
decode = msgspec.json.Decoder(Booked).decode


class BookedLine(Struct, frozen=True):
    """One line of an entry, its account resolved. Minor units, debit positive."""

    entry: int
    account: int
    amount: int
    book: int
    code: str
    currency: str


class JournalCheck:
    """Reads the entries once, batch after batch, from the first on or behind one that `link` with this `hash` ended
    with. `lines` counts the accounts' lines that they ask for, `touched` are these accounts."""

    def __init__(self, engine: Engine, links: int, after: int = 0, link: int = 0, hash: str = "") -> None:
        self._engine = engine
        self._last = after
        self._recorded = 0
        self._chain = _Chain(engine, links, after, link, hash)
        self.lines = 0
        self.touched: set[int] = set()

    async def read(self, rows: list[EntryRow], problems: list[Problem]) -> list[BookedLine]:
        """Check a batch; answers its lines, those left out whose account is missing."""
        for row in rows:
            self._follow(row[0], row[0], row[4], problems)
        booked = {row[0]: _booked(row, problems) for row in rows}
        known = await names(self._engine, (account for lines in booked.values() for account, _ in lines))
        lines = []
        for row in rows:
            own = [
                BookedLine(row[0], account, amount, *known[account])
                for account, amount in booked[row[0]]
                if account in known
            ]
            _check_entry(row, booked[row[0]], own, problems)
            lines += own
        await self._check_lines(rows, booked, known, problems)
        await self._chain.read(rows, problems)
        return lines

    async def read_batch(self, row: BatchRow, problems: list[Problem]) -> None:
        self._follow(row[0], row[1], row[3], problems)
        await self._chain.read_batch(row, problems)

    async def finish(self, problems: list[Problem]) -> None:
        await self._chain.finish(problems)

    def _follow(self, first: int, last: int, recorded: int, problems: list[Problem]) -> None:
        """Numbers and times run on from what was read before."""
        if first != self._last + 1:
            problems.append(Problem(f"entry {self._last + 1}", f"missing: the next one is entry {first}"))
        if recorded < self._recorded:
            problems.append(Problem(f"entry {first}", "recorded before the entry that precedes it"))
        self._last, self._recorded = last, max(recorded, self._recorded)

    async def _check_lines(
        self, rows: list[EntryRow], booked: dict[int, Booked],
        known: dict[int, tuple[int, str, str]], problems: list[Problem],
    ) -> None:  # fmt: skip
        """What the entries say must stand in the accounts, line for line, and nothing else."""
        expected: dict[tuple[int, int], int] = {}
        for entry, lines in booked.items():
            for account, amount in lines:
                expected[entry, account] = expected.get((entry, account), 0) + amount
        self.lines += len(expected)
        self.touched |= {account for _, account in expected}
        stored = await self._stored({account for _, account in expected}, rows[0][0], rows[-1][0])
        for (entry, account), amount in sorted(expected.items()):
            if (entry, account) not in stored:
                problems.append(_line(entry, account, known, "the account has no such line"))
            elif stored[entry, account] != amount:
                what = f"the entry booked {amount}, the account's line says {stored[entry, account]}"
                problems.append(_line(entry, account, known, what))
        for entry, account in sorted(stored.keys() - expected.keys()):
            problems.append(_line(entry, account, known, "the account has a line that the entry did not book"))

    async def _stored(self, accounts: set[int], first: int, last: int) -> dict[tuple[int, int], int]:
        found: dict[tuple[int, int], int] = {}
        wanted = sorted(accounts)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            rows = await self._engine.rows(
                "SELECT entry, account, amount FROM ledger_posting "
                f"WHERE account IN ({','.join('?' * len(part))}) AND entry>=? AND entry<=?",
                (*part, first, last),
            )
            found.update(((entry, account), amount) for entry, account, amount in rows)
        return found


class _Chain:
    """Each link must cover the entries from the one after the last link's to its own last, and carry their hash."""

    def __init__(self, engine: Engine, links: int, covered: int, number: int, hash: str) -> None:
        self._engine = engine
        self._links = links
        self._read_ahead: list[tuple[Any, ...]] = []
        self._link: tuple[Any, ...] | None = None
        self._number = number
        self._hash = hash
        self._covered = covered
        self._group: list[EntryRow] = []
        self._batch: BatchRow | None = None

    async def read(self, rows: Sequence[EntryRow], problems: list[Problem]) -> None:
        for row in rows:
            if not await self._open(row[0], problems):
                continue
            self._group.append(row)
            if self._link is not None and row[0] == self._link[2]:
                self._close(problems)

    async def read_batch(self, row: BatchRow, problems: list[Problem]) -> None:
        """A batch has a link of its own."""
        if not await self._open(row[0], problems):
            return
        self._batch = row
        self._close(problems)

    async def _open(self, entry: int, problems: list[Problem]) -> bool:
        """Come to the link that should cover this entry; False if there is none."""
        while self._link is not None and entry > self._link[2]:
            self._close(problems)
        if self._link is None and not await self._next(problems):
            if self._covered >= 0:
                problems.append(Problem(f"entry {entry}", "no link of the hash chain covers it"))
            self._covered = -1  # say it once
            return False
        return True

    async def finish(self, problems: list[Problem]) -> None:
        if self._link is not None:
            self._close(problems)
        while await self._next(problems):
            assert self._link is not None
            problems.append(Problem(f"link {self._link[0]}", f"its entries up to {self._link[2]} are missing"))
            self._link = None
            return

    async def _next(self, problems: list[Problem]) -> bool:
        if not self._read_ahead:
            self._read_ahead = await self._engine.rows(
                "SELECT link, first, last, hash FROM ledger_chain WHERE link>? AND link<=? ORDER BY link LIMIT ?",
                (self._number, self._links, LINKS),
            )
        if not self._read_ahead:
            return False
        self._link = self._read_ahead.pop(0)
        number, first, last, _ = self._link
        if number != self._number + 1:
            problems.append(Problem(f"link {self._number + 1}", f"missing: the next one is link {number}"))
        if first != self._covered + 1 or last < first:
            problems.append(Problem(f"link {number}", f"covers entries {first} to {last}, after {self._covered}"))
        self._number = number
        return True

    def _close(self, problems: list[Problem]) -> None:
        assert self._link is not None
        number, first, last, stored = self._link
        batch = self._batch
        hash = chain_hash(self._hash, self._group) if batch is None else batch_hash(self._hash, batch)
        if hash != stored or (batch is not None and (self._group or batch[:2] != (first, last))):
            what = f"the hash does not fit entries {first} to {last} after link {number - 1}: one of them was changed"
            problems.append(Problem(f"link {number}", what))
        self._hash, self._covered, self._group, self._link, self._batch = stored, last, [], None, None


def _booked(row: EntryRow, problems: list[Problem]) -> Booked:
    try:
        return decode(row[8])
    except msgspec.DecodeError:
        problems.append(Problem(f"entry {row[0]}", "its postings cannot be read"))
        return []


def _check_entry(row: EntryRow, booked: Booked, lines: list[BookedLine], problems: list[Problem]) -> None:
    where = f"entry {row[0]} ({row[2]} {row[3]})"
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, 0) + line.amount
        if line.book != row[1]:
            problems.append(Problem(where, f"posts to {line.code} of book {line.book}, but is in book {row[1]}"))
    if len(lines) != len(booked):
        problems.append(Problem(where, "posts to an account that is missing"))
    elif not lines:
        problems.append(Problem(where, "books nothing"))
    elif any(totals.values()):
        off = ", ".join(f"{amount} {currency}" for currency, amount in totals.items() if amount)
        problems.append(Problem(where, f"does not balance: it is off by {off}"))


def _line(entry: int, account: int, known: dict[int, tuple[int, str, str]], what: str) -> Problem:
    _, code, currency = known.get(account, (0, f"account {account}", ""))
    return Problem(f"entry {entry}, {code} {currency}".rstrip(), what)
