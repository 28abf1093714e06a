"""A plain model of what the engines keep: balances, records, jobs and closed periods of one book, as dictionaries.

It says of a unit of work what may be objected to it, and what stands afterwards. tests/engines/test_model.py holds the
engines to it.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, field

from counter import COUNTER, write
from nostro.kernel.posting import Posting
from nostro.ledger.closed import PUT as CLOSE
from nostro.ledger.merging import MERGE
from nostro.storage.batch import Batch, Transfers, Words
from nostro.storage.tx import END_JOB, PUT_JOB
from nostro.storage.unit import Entry, Scope, Unit, Write

CLAIM = "DELETE FROM job WHERE scope=? AND kind=? AND ref=? AND due=?"
CONFLICT = "conflict"
CLOSED = "ledger_period_closed"
FLOOR, CEILING = "ledger_floor_exceeded", "ledger_ceiling_exceeded"
FAR = 4 * 10**18
BOOK = 1
ONE = Scope(number=1, merchant="acct_1", livemode=False, book=BOOK)
TWO = Scope(number=2, merchant="acct_2", livemode=False, book=BOOK, offset=50)


class Model(Struct):
    """`lines` are (account, effective, amount); `records` are (version, value) by scope and id; `jobs` say when due."""

    balances: dict[str, int] = {}
    lines: list[tuple[str, int, int]] = []
    records: dict[tuple[int, str], tuple[int, int]] = {}
    jobs: dict[tuple[int, str, str], int] = {}
    editions: dict[int, int] = {}
    closed: int = 0
    entries: int = 0

    def objections(self, unit: Unit) -> set[str]:
        """Why the unit, or its atomic batch, must not be committed now: empty if it must be."""
        found: set[str] = set()
        for one in unit.writes:
            version = self.records.get((unit.whose(one), one.id), (0, 0))[0]
            if version != one.read:
                found.add(CONFLICT)
        if unit.claim is not None:
            *job, due = unit.claim[1]
            if self.jobs.get((job[0], job[1], job[2])) != due:
                found.add(CONFLICT)
        if any(self.balances.get(code, 0) != balance for (code, _), balance in unit.pinned.items()):
            found.add(CONFLICT)
        if any(self.editions[number] != known.edition for number, known in unit.recalled.items()):
            found.add(CONFLICT)
        if unit.batch is not None:
            return found | self._of_batch(unit.batch)
        return found | self._of_entries(unit)

    def _of_entries(self, unit: Unit) -> set[str]:
        found: set[str] = set()
        now = unit.micros // 1_000_000 + unit.scope.offset
        after = dict(self.balances)
        for entry in unit.entries:
            if entry.effective < self.closed:
                found.add(CONFLICT if now < self.closed else CLOSED)
            for one in entry.postings:
                after[one.account] = after.get(one.account, 0) + one.amount
        for entry in unit.entries:
            for one in entry.postings:
                stands = after[one.account]
                if one.refusal is not None and (stands if one.amount > 0 else -stands) > one.limit:
                    found.add(one.refusal)
        return found

    def _of_batch(self, batch: Batch) -> set[str]:
        if int(batch.transfers.effective.min()) < self.closed and batch.created < self.closed:
            return {CONFLICT}
        return set(self.refused(batch).values()) if batch.atomic else set()

    def refused(self, batch: Batch) -> dict[int, str]:
        """By line. Of an atomic batch all that is wrong after its last line."""
        lines = _lines(batch)
        early = {n: CLOSED for n, (_, _, _, effective) in enumerate(lines) if effective < self.closed}
        if batch.atomic and early:
            return early
        low, high = batch.lowest.tolist(), batch.highest.tolist()
        stands = [self.balances.get(code, 0) for _, code, _ in batch.accounts]
        found = dict(early)
        for n, (debit, credit, amount, _) in enumerate(lines):
            above, below = stands[debit] + amount > high[debit], stands[credit] - amount < low[credit]
            if not batch.atomic and (n in early or above or below):
                found.setdefault(n, _code(batch, debit, True) if above else _code(batch, credit, False))
                continue
            stands[debit] += amount
            stands[credit] -= amount
        if batch.atomic:
            for n, (debit, credit, _, _) in enumerate(lines):
                if stands[debit] > high[debit]:
                    found[n] = _code(batch, debit, True)
                elif stands[credit] < low[credit]:
                    found[n] = _code(batch, credit, False)
        return found

    def apply(self, unit: Unit) -> None:
        for one in unit.writes:
            key = (unit.whose(one), one.id)
            if one.body is None:
                self.records.pop(key, None)
            else:
                self.records[key] = (one.read + 1, msgspec.json.decode(one.body).get("value", 0))
        if unit.claim is not None:
            self.jobs.pop((unit.claim[1][0], unit.claim[1][1], unit.claim[1][2]))
        for number in unit.renewed:
            self.editions[number] += 1
        for statement, values in unit.rows:
            if statement == CLOSE:
                self.closed = values[1]
            elif values[1] != MERGE and statement == PUT_JOB:
                self.jobs[values[0], values[1], values[2]] = values[3]
            elif values[1] != MERGE and statement == END_JOB:
                self.jobs.pop((values[0], values[1], values[2]), None)
        for entry in unit.entries:
            self.entries += 1
            for posting in entry.postings:
                self._book(posting.account, entry.effective, posting.amount)
        if unit.batch is not None:
            refused = self.refused(unit.batch)
            for n, (debit, credit, amount, effective) in enumerate(_lines(unit.batch)):
                if n not in refused:
                    self.entries += 1
                    self._book(unit.batch.accounts[debit][1], effective, amount)
                    self._book(unit.batch.accounts[credit][1], effective, -amount)

    def _book(self, code: str, effective: int, amount: int) -> None:
        self.balances[code] = self.balances.get(code, 0) + amount
        self.lines.append((code, effective, amount))


def _lines(batch: Batch) -> list[tuple[int, int, int, int]]:
    lines = batch.transfers
    columns = (lines.debit, lines.credit, lines.amount, lines.effective)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _code(batch: Batch, place: int, debit: bool) -> str:
    return CEILING if bool(batch.debit_normal[place]) == debit else FLOOR


class Maker(Struct):
    """Makes units by chance, most of which the model takes: now and then one with an old version, a wrong pin or a job
    that is gone. `now` is the clock, which goes on with each."""

    chance: Random
    model: Model
    accounts: list[str]
    now: int = 1_000
    made: int = 0
    ids: list[str] = field(default_factory=lambda: [f"cnt_{n}" for n in range(6)])

    def unit(self) -> Unit:
        self.made += 1
        self.now += self.chance.choice((0, 1, 30))
        scope = self.chance.choice((ONE, TWO))
        made = Unit(
            scope=scope,
            micros=self.now * 1_000_000,
            writes=[],
            entries=[],
            rows=[],
            pinned={},
            recalled={},
            renewed=set(),
        )
        if self.chance.random() < 0.25:
            made.batch = self._batch()
        else:
            made.entries = [self._entry(n) for n in range(self.chance.choice((1, 1, 1, 2)))]
            self._pin(made)
        self._records(made)
        self._jobs(made)
        self._recall(made)
        return made

    def _effective(self) -> int:
        return self.now - self.chance.choice((0, 0, 0, 1, 10, 100, 500))

    def _entry(self, n: int) -> Entry:
        source, effective = f"s{self.made}_{n}", self._effective()
        debit, credit = self.chance.sample(self.accounts, 2)
        amount = self.chance.randint(1, 60)
        lines = [self._posting(debit, amount), self._posting(credit, -amount)]
        if self.chance.random() < 0.2:
            lines += [self._posting(credit, 5), self._posting(self.chance.choice(self.accounts), -5)]
        return Entry("test", source, effective, tuple(lines))

    def _posting(self, account: str, amount: int) -> Posting:
        if self.chance.random() < 0.4:
            return Posting(account, amount, "usd", "too_far", self.chance.choice((0, 0, 40, 100)))
        return Posting(account, amount, "usd")

    def _batch(self) -> Batch:
        count = self.chance.randint(1, 12)
        codes = self.chance.sample(self.accounts, self.chance.randint(2, len(self.accounts)))
        pairs = [self.chance.sample(range(len(codes)), 2) for _ in range(count)]
        columns = [[one for one, _ in pairs], [other for _, other in pairs],
                   [self.chance.randint(1, 40) for _ in pairs], [self._effective() for _ in pairs]]  # fmt: skip
        none = np.zeros(count, np.int64)
        bound = self.chance.choice((FAR, 0, 50, 200))
        return Batch(
            accounts=[(BOOK, code, "usd") for code in codes],
            lowest=np.array([self.chance.choice((-bound, -FAR)) for _ in codes]),
            highest=np.array([self.chance.choice((bound, FAR)) for _ in codes]),
            debit_normal=np.array([self.chance.random() < 0.5 for _ in codes]),
            transfers=Transfers(*(np.array(column, np.int64) for column in columns), none, none),
            words=Words(["test"], [None]), created=self.now, atomic=self.chance.random() < 0.4,
            reference=f"b{self.made}",
        )  # fmt: skip

    def _pin(self, made: Unit) -> None:
        if self.chance.random() < 0.15:
            code = self.chance.choice(self.accounts)
            wrong = self.chance.random() < 0.2
            made.pinned = {(code, "usd"): self.model.balances.get(code, 0) + wrong}

    def _records(self, made: Unit) -> None:
        for id in self.chance.sample(self.ids, self.chance.choice((0, 1, 1, 2))):
            scope = self.chance.choice((1, 2))
            version = self.model.records.get((scope, id), (0, 0))[0]
            if version and self.chance.random() < 0.15:
                version = self.chance.choice((0, version - 1 or 1, version + 1))
            if version and self.chance.random() < 0.2:
                made.writes.append(Write(COUNTER.table, id, version, 0, None, scope))
            else:
                made.writes.append(msgspec.structs.replace(write(id, self.made, version), scope=scope))

    def _recall(self, made: Unit) -> None:
        """What it remembers of a scope, now and then of an older edition; and that it changes what may be."""
        if self.chance.random() < 0.4:
            scope = self.chance.choice((ONE, TWO))
            edition = self.model.editions[scope.number] - (self.chance.random() < 0.15)
            made.recalled = {scope.number: msgspec.structs.replace(scope, edition=edition)}
        if self.chance.random() < 0.15:
            made.renewed = {self.chance.choice((1, 2))}

    def _jobs(self, made: Unit) -> None:
        roll, job = self.chance.random(), (made.scope.number, "tick", f"j{self.chance.randrange(3)}")
        if roll < 0.2:
            made.rows.append((PUT_JOB, (*job, self.now + self.chance.randrange(3), self.made)))
        elif roll < 0.25:
            made.rows.append((END_JOB, job))
        elif roll < 0.4:
            made.claim = (CLAIM, (*job, self.model.jobs.get(job, self.now)))
            if self.chance.random() < 0.3:
                made.rows.append((PUT_JOB, (*job, self.now + 5, self.made)))

    def closing(self) -> Unit:
        """Closes up to a moment, or opens again."""
        until = self.chance.choice((0, self.now - 400, self.now - 50, self.now + 20))
        return Unit(scope=ONE, micros=self.now * 1_000_000, rows=[(CLOSE, (BOOK, until))])

    def any_past(self) -> tuple[str, int]:
        return self.chance.choice(self.accounts), self.now - self.chance.randrange(700)


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in rows)
