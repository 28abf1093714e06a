"""Run: match what is open on an account, and say of the rest why it does not fit. Afterwards every line belongs to a
match or to a break.

The great part is matched by key and amount, some hundred thousand lines at a time, over sorted columns; memory holds
these and what is left over. What is left over goes through the rules one by one. All is written in many units; a run
that was killed is done again and finds what was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from nostro.events.work import perform
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb
from nostro.networks.statement import Line
from nostro.storage.columns import Ints
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import break_, cash, match
from .account import ACCOUNT, Turn, check_own, day_of, named
from .account import Record as Account
from .break_ import BREAK
from .cash import Entries
from .joins import Lines, exact, mixed
from .keys import hashed, key, plain, words
from .line import BankLine, read
from .owner import FREE_ENTRY, NEW_ENTRY, NEW_LINE
from .pairing import Group, OpenEntry, OpenLine, Pairing, Unmatched
from .rule import EXACT, Rule, applies, rules_of

CHUNK = 500_000  # lines that are joined at once
PAIRS = 20_000  # matches in one unit
BREAKS = 400
PAGE = 20_000
MOST_BREAKS = 1_000_000
AHEAD = 2  # days that the ledger may be behind the bank and still be joined; later entries are paired one by one
LOOK_BACK = 10  # days for which a line that is told again is known
OPEN_LINES = (
    "SELECT l.line, l.amount, l.day, l.key FROM bank_line l WHERE l.account=? AND l.line>? AND l.line<=? AND NOT "
    "EXISTS (SELECT 1 FROM bank_line_owner o WHERE o.account=l.account AND o.line=l.line) ORDER BY l.line LIMIT ?"
)
EARLIER = (
    "SELECT l.line, l.amount, l.key, l.day FROM bank_line l JOIN bank_line_owner o ON o.account=l.account "
    "AND o.line=l.line WHERE l.account=? AND l.line<=? AND o.owner<'b' ORDER BY l.line DESC LIMIT ?"
)
LAST_ENTRY = "SELECT last FROM ledger_chain ORDER BY link DESC LIMIT 1"
Tell = Callable[[str, int, int], None]


class Summary(Shape, frozen=True, kw_only=True):
    """What a run has found: new matches by rule, new breaks by reason, breaks that have ended, and how many breaks are
    open now."""

    object: str = "reconciliation.run"
    account: str
    breaks: dict[str, int]
    ended: int
    lines: int
    matches: dict[str, int]
    open_breaks: int


class RunParams(Params, frozen=True, kw_only=True):
    account: str


async def run(world: World, scope: Scope, params: RunParams) -> Summary:
    tx = Tx(world, scope)
    check_own(tx)
    return await matched(world, scope, (await named(tx, params.account)).id)


async def matched(world: World, scope: Scope, account: str, tell: Tell | None = None) -> Summary:
    """Match what is open on the account with this id."""
    return await _Run(world, scope, account, tell or (lambda what, done, total: None)).run()


class _Run:
    def __init__(self, world: World, scope: Scope, account: str, tell: Tell) -> None:
        self.world, self.scope, self.id, self.tell = world, scope, account, tell
        self.matches: dict[str, int] = {}
        self.breaks: dict[str, int] = {}
        self.ended = 0
        self.seen: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self.left: list[Lines] = []
        self.pool = cash.none()
        self.waiting: list[OpenEntry] = []
        self.done = 0

    async def run(self) -> Summary:
        tx = Tx(self.world, self.scope)
        account = await tx.get(ACCOUNT, self.id)
        self.turn = Turn(tx, account)
        rules = await rules_of(tx, self.id)
        early = rules[: next(n for n, rule in enumerate(rules) if rule.id == EXACT.id)]
        rows = await self.world.engine.rows(LAST_ENTRY)
        upto = int(rows[0][0]) if rows else 0
        await self._look_back(account)
        sources = [_Source(cash.read(self.world, self.scope.book, account, account.entries_done, upto))]
        async for lines in self._open_lines(account):
            await self._fill(sources, int(lines.day.max()) + AHEAD)
            await self._join(account, lines, early)
        await self._fill(sources, None)
        await self._pair(account, rules)
        await perform(self.world, self.scope, lambda tx: self._finish(tx, upto))
        path = self.world.engine.path
        rows = await self.world.engine.rows(
            f'SELECT count(*) FROM "{BREAK.table}" WHERE scope=? AND {path("account")}=? AND {path("status")}=?',
            (self.scope.number, self.id, "open"),
        )
        return Summary(
            account=self.id, breaks=self.breaks, ended=self.ended, lines=self.done, matches=self.matches,
            open_breaks=rows[0][0],
        )  # fmt: skip

    # By key and amount --------------------------------------------------------------------

    async def _open_lines(self, account: Account) -> AsyncIterator[Lines]:
        at, count = account.lines_done, 0
        parts: list[Any] = []
        while True:
            rows = await self.world.engine.rows(OPEN_LINES, (account.number, at, account.last_line, PAGE))
            if rows:
                at = rows[-1][0]
                parts.append(np.array(rows, np.int64))
                count += len(rows)
                await asyncio.sleep(0)
            if parts and (not rows or count >= CHUNK):
                yield Lines(*np.concatenate(parts).T.copy())
                parts, count = [], 0
            if not rows:
                return

    async def _fill(self, sources: Sequence[_Source], until: int | None) -> None:
        """Have the entries up to a day in the pool."""
        parts = [self.pool]
        for source in sources:
            parts += await source.upto(until)
        if len(parts) > 1:
            self.pool = cash.joined(parts)

    async def _join(self, account: Account, lines: Lines, early: Sequence[Rule]) -> None:
        """Match what agrees; what a rule of the user's comes first for is left for later."""
        first = await self._claimed(account, lines, early)
        i, j = exact(lines.only(~first) if first.any() else lines, self.pool, EXACT.window)
        if first.any():
            i = np.flatnonzero(~first)[i]
        self.seen.append(mixed(lines.key[i], lines.amount[i]))
        pairs = np.column_stack((lines.line[i], self.pool.entry[j], lines.day[i], self.pool.day[j]))
        for start in range(0, len(pairs), PAIRS):
            part = pairs[start : start + PAIRS]
            await perform(self.world, self.scope, lambda tx, part=part: self._write_pairs(tx, part))  # type: ignore[misc]
            self.turn.written()
            self.tell("match", self.done + start + len(part), self.done + len(lines.line))
        self.done += len(lines.line)
        self.tell("match", self.done, self.done)
        if len(i):
            self.matches[EXACT.name] = self.matches.get(EXACT.name, 0) + len(i)
        rest = np.ones(len(lines.line), np.bool_)
        rest[i] = False
        self.left.append(lines.only(rest))
        open_ = np.ones(len(self.pool.entry), np.bool_)
        open_[j] = False
        self.pool = cash.only(self.pool, open_)

    async def _claimed(self, account: Account, lines: Lines, early: Sequence[Rule]) -> Any:
        """The lines that a rule before the join may want, by their descriptions."""
        chosen = np.zeros(len(lines.line), np.bool_)
        if early:
            tx = Tx(self.world, self.scope)
            for start in range(0, len(lines.line), PAGE):
                part = lines.line[start : start + PAGE].tolist()
                rows = await read(tx, account, part)
                for n, number in enumerate(part, start):
                    row = rows[number]
                    chosen[n] = any(applies(rule, row.amount, _description(row)) for rule in early)
        return chosen

    async def _write_pairs(self, tx: Tx, pairs: Ints) -> None:
        account = await self.turn.account(tx)
        number, first, now = account.number, account.matches + 1, tx.now
        tx.save(msgspec.structs.replace(account, matches=account.matches + len(pairs)))
        add = tx.unit.rows.append
        rule, confidence = EXACT.name, EXACT.confidence
        for n, (line, entry, line_day, entry_day) in enumerate(pairs.tolist(), first):
            low, high = (line_day, entry_day) if line_day < entry_day else (entry_day, line_day)
            add((match.PUT, (number, n, line, entry, rule, confidence, low, high, now, "")))
            owner = str(n)
            add((NEW_LINE, (number, line, owner)))
            add((NEW_ENTRY, (number, entry, owner)))

    async def _look_back(self, account: Account) -> None:
        """What the lines just before this run's say, so that a line that is told again is known."""
        if account.lines_done == 0:
            return
        rows = await self.world.engine.rows(EARLIER, (account.number, account.lines_done, CHUNK))
        if rows:
            found = np.array(rows, np.int64)
            near = found[found[:, 3] >= found[:, 3].max() - LOOK_BACK]
            self.seen.append(mixed(near[:, 2], near[:, 1]))

    # Rule by rule -------------------------------------------------------------------------

    async def _pair(self, account: Account, rules: Sequence[Rule]) -> None:
        tx = Tx(self.world, self.scope)
        left = Lines(*(np.concatenate(columns) for columns in zip(*self.left, strict=True))) if self.left else None
        breaks = {b.id: b for b in await self._open_breaks(tx) if not b.by_hand}
        broken_lines = {number: b.id for b in breaks.values() for number in b.line_numbers}
        broken_entries = {number: b.id for b in breaks.values() for number in b.entry_numbers}
        numbers = [*(left.line.tolist() if left is not None else ()), *broken_lines]
        lines = await read(tx, account, numbers)
        entries = await cash.by_number(
            self.world.engine, self.scope.book, account, [*self.pool.entry.tolist(), *broken_entries]
        )
        named = await cash.files(self.world.engine, self.scope.book, entries.values())
        traced = await cash.files_by_trace(
            self.world.engine, self.scope.book, (row.end_to_end for row in lines.values())
        )
        texts = await cash.references(self.world.engine, self.scope.book, list(entries.values()))
        pairing = Pairing(
            [_open_line(row, traced.get(row.end_to_end), broken_lines.get(number)) for number, row in lines.items()],
            [
                _open_entry(entry, texts[n], named.get(entry.source, ""), broken_entries.get(n))
                for n, entry in entries.items()
            ],
        )
        pairing.open_balance()
        for rule in rules:
            pairing.apply(rule)
            await asyncio.sleep(0)
        told = self._told_before(lines)
        unmatched = pairing.rest(told, day_of(account.covered_until or "1970-01-01"))
        self.waiting = list(pairing.entries.values())
        days_l = {number: (row.day, row.amount) for number, row in lines.items()}
        days_e = {number: (entry.day, entry.amount) for number, entry in entries.items()}
        await self._write_rest(pairing.groups, unmatched, days_l, days_e, breaks)

    async def _open_breaks(self, tx: Tx) -> list[break_.Record]:
        where = {"account": self.id, "status": "open"}
        return await tx.all(BREAK, where, MOST_BREAKS, newest_first=False)

    def _told_before(self, lines: dict[int, BankLine]) -> set[int]:
        """The lines that say what a matched one says."""
        if not self.seen:
            return set()
        numbers = np.array(list(lines), np.int64)
        said = mixed(
            np.array([row.key for row in lines.values()], np.int64),
            np.array([row.amount for row in lines.values()], np.int64),
        )
        found = np.zeros(len(numbers), np.bool_)
        for part in self.seen:
            found |= np.isin(said, part)
        return {
            number for number, hit in zip(numbers.tolist(), found.tolist(), strict=True) if hit and lines[number].key
        }

    async def _write_rest(
        self, groups: Sequence[Group], unmatched: Sequence[Unmatched], lines: dict[int, tuple[int, int]],
        entries: dict[int, tuple[int, int]], breaks: dict[str, break_.Record],
    ) -> None:  # fmt: skip
        work = _Rest(self, lines, entries, breaks)
        todo: list[Group | Unmatched] = [*groups, *unmatched]
        for start in range(0, len(todo), BREAKS):
            part = todo[start : start + BREAKS]
            await perform(self.world, self.scope, lambda tx, part=part: work.write(tx, part))  # type: ignore[misc]
            self.turn.written()
            work.keep()
            self.tell("rules", start + len(part), len(todo))

    async def _finish(self, tx: Tx, upto: int) -> None:
        """Everything up to here was looked at; entries that the bank may still tell of are looked at again."""
        account = await self.turn.account(tx)
        done = min([upto, *(one.entry - 1 for one in self.waiting)])
        for one in self.waiting:
            if one.broken is not None:  # of a break that has ended
                tx.write_row(FREE_ENTRY, (account.number, one.entry))
        tx.save(msgspec.structs.replace(account, lines_done=account.last_line, entries_done=done))
        tx.emit("reconciliation.account.matched", account)


class _Rest:
    """Writes groups and breaks. What it counts is kept when the unit is."""

    def __init__(
        self, of: _Run, lines: dict[int, tuple[int, int]], entries: dict[int, tuple[int, int]],
        breaks: dict[str, break_.Record],
    ) -> None:  # fmt: skip
        self.of, self.lines, self.entries = of, lines, entries
        self.breaks = breaks
        self.of_line = {number: b.id for b in breaks.values() for number in b.line_numbers}
        self.of_entry = {number: b.id for b in breaks.values() for number in b.entry_numbers}
        self.ended: set[str] = set()
        self.now_ended: set[str] = set()
        self.counts: list[tuple[dict[str, int], str]] = []

    async def write(self, tx: Tx, part: Sequence[Group | Unmatched]) -> None:
        self.now_ended, self.counts = set(), []
        account = await self.of.turn.account(tx)
        for one in part:
            if isinstance(one, Group):
                account = await self._match(tx, account, one)
            else:
                await self._break(tx, account, one)
        tx.save(account)

    def keep(self) -> None:
        self.ended |= self.now_ended
        self.of.ended += len(self.now_ended)
        for counter, name in self.counts:
            counter[name] = counter.get(name, 0) + 1

    async def _match(self, tx: Tx, account: Account, group: Group) -> Account:
        made = match.Made(
            lines={n: self.lines[n] for n in group.lines}, entries={n: self.entries[n] for n in group.entries},
            rule=group.rule.id if group.rule.created else group.rule.name, confidence=group.rule.confidence,
            book_as=group.rule.book_as, breaks=await self._taken(tx, group.lines, group.entries),
        )  # fmt: skip
        self.counts.append((self.of.matches, group.rule.name))
        return (await match.make(tx, account, made))[0]

    async def _break(self, tx: Tx, account: Account, one: Unmatched) -> None:
        """A break that is as it was stays."""
        ids = self._ids(one.lines, one.entries)
        if len(ids) == 1:
            old = self.breaks[ids[0]]
            if (tuple(old.line_numbers), tuple(old.entry_numbers)) == (one.lines, one.entries) and ids[0] not in (
                self.ended | self.now_ended
            ):
                return
        taken = await self._taken(tx, one.lines, one.entries)
        carried: list[tuple[int, int]] = []
        for b in taken:
            last = max(day for day, _ in (*b.at_bank, *b.in_ledger))
            carried += (await break_.found(tx, account, b, None, last))[1]
        await break_.opened(
            tx, account, one.reason, {n: self.lines[n] for n in one.lines}, {n: self.entries[n] for n in one.entries},
            carried=carried, before=taken,
        )  # fmt: skip
        self.counts.append((self.of.breaks, one.reason))

    def _ids(self, lines: Iterable[int], entries: Iterable[int]) -> list[str]:
        found = [self.of_line.get(n) for n in lines] + [self.of_entry.get(n) for n in entries]
        return list(dict.fromkeys(id for id in found if id is not None))

    async def _taken(self, tx: Tx, lines: Iterable[int], entries: Iterable[int]) -> list[break_.Record]:
        """The open breaks that these come from; they end."""
        found = []
        for id in self._ids(lines, entries):
            if id not in self.ended and id not in self.now_ended:
                b = await tx.get(BREAK, id)
                if b.status == "open":
                    found.append(b)
                self.now_ended.add(id)
        return found


class _Source:
    """A stream of entries, read as far as the lines have come."""

    def __init__(self, parts: AsyncIterator[Entries]) -> None:
        self._parts = parts
        self._day = -1
        self._over = False

    async def upto(self, until: int | None) -> list[Entries]:
        found: list[Entries] = []
        while not self._over and (until is None or self._day <= until):
            part = await anext(self._parts, None)
            if part is None:
                self._over = True
            elif len(part.entry):
                found.append(part)
                self._day = max(self._day, int(part.day.max()))
        return found


def _description(row: BankLine) -> str:
    return f"{row.description} {row.counterparty}".strip()


def _open_line(row: BankLine, file: str | None, broken: str | None) -> OpenLine:
    named = [plain(row.end_to_end), plain(row.reference)]
    more = list(words(f"{row.description} {row.reference}"))
    parts = msgspec.json.decode(row.parts, type=list[Line]) if row.parts else []
    keys = [hashed(word) for word in (*named, *more) if word]
    keys += [found for part in parts for found in (key(part.end_to_end), key(part.reference)) if found]
    files = [*([file] if file else []), *(cash.file_name(name) for name in row.names.split())]
    return OpenLine(
        row.line, row.amount, row.booked, tuple(dict.fromkeys(keys)),
        tuple(dict.fromkeys(word for word in (*named, *more) if word)), bool(named[0]), _description(row),
        tuple(dict.fromkeys(name for name in files if name)), broken,
    )  # fmt: skip


def _open_entry(entry: cash.Entry, texts: Sequence[str], file: str, broken: str | None) -> OpenEntry:
    named = tuple(dict.fromkeys(word for text in texts if (word := plain(text))))
    keys = tuple(hashed(word) for word in named)
    return OpenEntry(entry.entry, entry.amount, entry.day, entry.kind, keys, named, file, broken)


RUN: Resource[Stored] = Resource(
    object="reconciliation.run",
    prefix="rrun",
    record=Stored,
    shape=Summary,
    stored=False,
    doc="What one run of the rules over an account has found. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/reconciliation/accounts/{account}/match", run=run,
             params=RunParams, kind="system", answers=Summary,
             summary="Match what is open; what does not fit becomes a break."),
    ),
    errors=("resource_missing",),
)  # fmt: skip
RESOURCE = RUN
