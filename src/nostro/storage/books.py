"""Entries of one group commit, turned into rows: numbers, running balances, limits, the hash chain.

Pure arithmetic on values that the engine loads and stores, the same for every engine. It checks each
entry's balance again, on a path of its own: the second of the two checks that DESIGN section 4 asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import Conflict, Refused

from .batch import AccountKey
from .unit import Entry, Unit

CLOSED = "ledger_period_closed"
EntryRow = tuple[int, int, str, str, int, int, int | None, str | None, str]


class Head(msgspec.Struct):
    """Where the journal ends: the last link of the chain, entry, account number and recorded time; and the latest
    effective time of each book that is booked on, and up to when it is closed (seconds), if it ever was."""

    link: int = 0
    entry: int = 0
    account: int = 0
    recorded: int = 0
    hash: str = ""
    latest: dict[int, int] = {}
    closed: dict[int, int] = {}


class Standing(NamedTuple):
    """An account's number (0: none yet) and balance, in two parts: lines booked one by one, and lines of batches."""

    number: int
    rows: int
    batched: int


class Books:
    """The ledger's part of one group commit. `find` answers where an account stands; `balances` are the parts of
    balances that are booked one by one."""

    def __init__(self, head: Head, find: Callable[[AccountKey], Standing | None]) -> None:
        self.head = head
        self._find = find
        self._numbers: dict[AccountKey, int] = {}
        self._first = head.entry + 1
        self.balances: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._batched: dict[int, int] = {}
        self.new_accounts: list[tuple[int, int, str, str]] = []
        self.entries: list[EntryRow] = []
        self.latest: list[int] = []
        self.late: list[tuple[int, int, int, int]] = []
        self.postings: list[tuple[int, int, int, int]] = []

    def refusal(self, unit: Unit) -> Refused | Conflict | None:
        """What a closed period, a pinned balance or an account's limit says to this unit, after all that was booked
        before it."""
        if (until := self.head.closed.get(unit.scope.book, 0)) and (no := _too_early(unit, until)):
            return no
        for (account, currency), balance in unit.pinned.items():
            if self._balance((unit.scope.book, account, currency)) != balance:
                return Conflict(account)
        delta: dict[AccountKey, int] = {}
        for entry in unit.entries:
            for posting in entry.postings:
                key = (unit.scope.book, posting.account, posting.currency)
                delta[key] = delta.get(key, 0) + posting.amount
        for entry in unit.entries:
            for posting in entry.postings:
                if posting.refusal is None:
                    continue
                key = (unit.scope.book, posting.account, posting.currency)
                after = self._balance(key) + delta[key]
                if (beyond := posting.beyond(after)) > 0:
                    return Refused(posting.account, posting.currency, posting.refusal, beyond)
        return None

    def book(self, unit: Unit) -> None:
        """Number the unit's entries and apply them to the running balances."""
        head, book = self.head, unit.scope.book
        for entry in unit.entries:
            _assert_balanced(entry)
            head.entry += 1
            head.recorded = max(head.recorded, unit.micros)
            lines: dict[int, int] = {}
            booked = []
            for posting in entry.postings:
                account = self._account((unit.scope.book, posting.account, posting.currency))
                lines[account] = lines.get(account, 0) + posting.amount
                booked.append((account, posting.amount))
            latest = head.latest[book] = max(head.latest.get(book, 0), entry.effective)
            self.latest.append(latest)
            if entry.effective < latest:
                self.late += [(account, head.entry, entry.effective, amount) for account, amount in lines.items()]
            for account, amount in lines.items():
                self.balances[account] += amount
                self.postings.append((account, head.entry, amount, self.balances[account]))
            self.entries.append(
                (head.entry, unit.scope.book, entry.kind, entry.source, head.recorded, entry.effective,
                 entry.reverses, entry.description, msgspec.json.encode(booked).decode())
            )  # fmt: skip

    def close(self) -> tuple[int, int, int, int, str] | None:
        """The chain's next link over all that was booked, or None if nothing was."""
        if not self.entries:
            return None
        self.head.link += 1
        self.head.hash = chain_hash(self.head.hash, self.entries)
        return self.head.link, self._first, self.head.entry, self.head.recorded, self.head.hash

    def standing(self) -> dict[AccountKey, Standing]:
        """Where every account that was looked at stands after all that was booked."""
        return {
            key: Standing(number, self.balances[number], self._batched[number]) for key, number in self._numbers.items()
        }

    def moved(self) -> list[tuple[int, int, int]]:
        """The accounts whose balance changes, in order: number, balance before and after."""
        return [
            (number, self._before[number], balance)
            for number, balance in sorted(self.balances.items())
            if balance != self._before[number]
        ]

    def _balance(self, key: AccountKey) -> int:
        number = self._numbers.get(key)
        if number is None:
            found = self._find(key)
            if found is None:
                return 0
            number = self._numbers[key] = found.number
            self.balances.setdefault(number, self._before.setdefault(number, found.rows))
            self._batched[number] = found.batched
        return self.balances[number] + self._batched[number]

    def _account(self, key: AccountKey) -> int:
        self._balance(key)
        number = self._numbers.get(key)
        if number is None:
            self.head.account += 1
            number = self._numbers[key] = self.head.account
            self.balances[number] = self._before[number] = self._batched[number] = 0
            self.new_accounts.append((number, *key))
        return number


def _too_early(unit: Unit, until: int) -> Refused | Conflict | None:
    """What takes effect in a closed period is refused. A unit that was made before it ended runs again, for its time
    has passed."""
    for entry in unit.entries:
        if entry.effective < until:
            if unit.micros // SECOND + unit.scope.offset < until:
                return Conflict("the period was closed meanwhile")
            first = entry.postings[0]
            return Refused(first.account, first.currency, CLOSED, until - entry.effective)
    return None


def chain_hash(previous: str, entries: Sequence[EntryRow]) -> str:
    """SHA-256 over the previous link's hash and the entries' columns as JSON, in order."""
    return hashlib.sha256(previous.encode() + msgspec.json.encode(entries)).hexdigest()


def _assert_balanced(entry: Entry) -> None:
    totals: dict[str, int] = {}
    for posting in entry.postings:
        totals[posting.currency] = totals.get(posting.currency, 0) + posting.amount
    assert entry.postings, f"{entry.kind} books nothing"
    assert not any(totals.values()), f"{entry.kind} for {entry.source} is out of balance: {totals}"
