"""Run: match what is open on an account, and say of the rest why it does not fit. Afterwards every line belongs to a
match or to a break.

The great part is matched by key and amount, some hundred thousand lines at a time, over sorted columns; memory holds
these and a few numbers of each line that is left over. What is left over goes through the rules, a part after another.
All is written in many units; a run that was killed is done again and finds what was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from nostro.events.work import perform
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb
from nostro.storage.columns import Ints
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import cash, match
from .account import ACCOUNT, Turn, check_own, day_of, named
from .account import Record as Account
from .break_ import BREAK
from .cash import Entries
from .joins import Lines, Said, exact, mixed
from .left import PART, Left, LeftLines, Mask, lines_joined
from .line import read
from .outcome import OpenBreak, Outcome, open_breaks
from .owner import FREE_ENTRY, NEW_ENTRY, NEW_LINE
from .pairing import PATIENCE, Group, Unmatched
from .phases import description_of, files_in, line_columns, pairing_of, phases_of
from .rule import EXACT, OPENING, Rule, applies, rules_of
from .statement import banks_of

CHUNK = 300_000  # lines that are joined at once
PAIRS = 20_000  # matches in one unit
PAGE = 20_000
TEXTS = 2_000  # lines that are read with their texts at once
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
        self.joined = 0
        self.seen: list[tuple[int, Said]] = []  # with the last day of each
        self.left: list[LeftLines] = []
        self.files: dict[int, tuple[str, ...]] = {}
        self.pool = cash.none()
        self.waiting: Ints = np.empty(0, np.int64)
        self.done = self.written = self.todo = 0

    async def run(self) -> Summary:
        tx = Tx(self.world, self.scope)
        account = await tx.get(ACCOUNT, self.id)
        self.turn = Turn(tx, account)
        rules = await rules_of(tx, self.id)
        early = rules[: next(n for n, rule in enumerate(rules) if rule.id == EXACT.id)]
        rows = await self.world.engine.rows(LAST_ENTRY)
        upto = int(rows[0][0]) if rows else 0
        self.outcome = Outcome(self.world, self.scope, self.turn, await open_breaks(tx, self.id))
        await self._look_back(account)
        sources = [_Source(cash.read(self.world, self.scope.book, account, account.entries_done, upto))]
        async for lines in self._open_lines(account):
            await self._fill(sources, int(lines.day.max()) + AHEAD)
            await self._join(tx, account, lines, early)
        await self._fill(sources, None)
        await self._pair(tx, account, rules)
        await perform(self.world, self.scope, lambda tx: self._finish(tx, upto))
        path = self.world.engine.path
        rows = await self.world.engine.rows(
            f'SELECT count(*) FROM "{BREAK.table}" WHERE scope=? AND {path("account")}=? AND {path("status")}=?',
            (self.scope.number, self.id, "open"),
        )
        matches = self.outcome.matches
        if self.joined:
            matches[EXACT.name] = matches.get(EXACT.name, 0) + self.joined
        return Summary(
            account=self.id, breaks=self.outcome.reasons, ended=len(self.outcome.ended), lines=self.done,
            matches=matches, open_breaks=rows[0][0],
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

    async def _join(self, tx: Tx, account: Account, lines: Lines, early: Sequence[Rule]) -> None:
        """Match what agrees; what a rule of the user's comes first for is left for later."""
        first = await self._claimed(tx, account, lines, early)
        i, j = exact(lines.only(~first) if first.any() else lines, self.pool, EXACT.window)
        if first.any():
            i = np.flatnonzero(~first)[i]
        self._remember(lines, i)
        pairs = np.column_stack((lines.line[i], self.pool.entry[j], lines.day[i], self.pool.day[j]))
        for start in range(0, len(pairs), PAIRS):
            part = pairs[start : start + PAIRS]
            await perform(self.world, self.scope, lambda tx, part=part: self._write_pairs(tx, part))  # type: ignore[misc]
            self.turn.written()
            self.tell("match", self.done + start + len(part), self.done + len(lines.line))
        self.done += len(lines.line)
        self.tell("match", self.done, self.done)
        self.joined += len(i)
        rest = np.ones(len(lines.line), np.bool_)
        rest[i] = False
        await self._keep(tx, account, lines.line[rest].tolist())
        open_ = np.ones(len(self.pool.entry), np.bool_)
        open_[j] = False
        self.pool = cash.only(self.pool, open_)

    def _remember(self, lines: Lines, matched: Ints) -> None:
        """What is matched now, so that a line that says it again is known; for some days."""
        said = np.unique(mixed(lines.key[matched], lines.amount[matched]))
        for part in self.left:
            part.told[_in(said, part)] = True
        first, last = (int(lines.day.min()), int(lines.day.max())) if len(lines.day) else (0, 0)
        self.seen = [(day, some) for day, some in self.seen if day >= first - LOOK_BACK]
        self.seen.append((last, said))

    async def _claimed(self, tx: Tx, account: Account, lines: Lines, early: Sequence[Rule]) -> Any:
        """The lines that a rule before the join may want, by their descriptions."""
        chosen = np.zeros(len(lines.line), np.bool_)
        if early:
            for start in range(0, len(lines.line), PAGE):
                part = lines.line[start : start + PAGE].tolist()
                rows = await read(tx, account, part)
                for n, number in enumerate(part, start):
                    row = rows[number]
                    chosen[n] = any(applies(rule, row.amount, description_of(row)) for rule in early)
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
            self.seen.append((int(near[:, 3].max()), np.unique(mixed(near[:, 2], near[:, 1]))))

    # Rule by rule -------------------------------------------------------------------------

    async def _pair(self, tx: Tx, account: Account, rules: Sequence[Rule]) -> None:
        """What a join has left, part after part: first all rules in their order, then why the rest fits nowhere."""
        breaks = self.outcome.breaks
        left = await self._left(tx, account, breaks)
        self.todo = len(left.lines.line)
        for line, entries in left.openings():
            await self._write(left, [Group((line,), tuple(entries), OPENING)])
        for phase in phases_of(rules):
            for part in phase.parts(left):
                pairing = await pairing_of(tx, account, left, part, phase.texts)
                for rule in phase.rules:
                    pairing.apply(rule)
                left.set_aside([one.line for one in pairing.aside])
                await self._write(left, pairing.groups)
        until = day_of(account.covered_until or "1970-01-01")
        for part in left.by_reference(alone=True):
            await self._write(left, (await pairing_of(tx, account, left, part, False)).rest(until))
        late = left.entries.entry[left.entry_open & (left.entries.day + PATIENCE < until)].tolist()
        for start in range(0, len(late), PART):
            await self._write(left, [Unmatched("missing_in_bank", (), (one,)) for one in late[start : start + PART]])
        self.waiting = left.entries.entry[left.entry_open]

    async def _left(self, tx: Tx, account: Account, breaks: Mapping[str, OpenBreak]) -> Left:
        engine, book = self.world.engine, self.scope.book
        broken = [number for b in breaks.values() for number in b.lines]
        for start in range(0, len(broken), PAGE):
            await self._keep(tx, account, broken[start : start + PAGE])
        again = sorted(number for b in breaks.values() for number in b.entries)
        for start in range(0, len(again), PAGE):
            found = await cash.by_number(engine, book, account, again[start : start + PAGE])
            self.pool = cash.joined([self.pool, await cash.columns(engine, book, list(found.values()))])
        banks = await banks_of(tx, account)
        lines = lines_joined(self.left)
        self.left, self.seen = [], []
        filed = await cash.filed(engine, book, self.pool.entry.tolist())
        return Left(lines, self.pool, self.files, filed, banks)

    async def _keep(self, tx: Tx, account: Account, numbers: Sequence[int]) -> None:
        """Lines that are left, as columns. Their texts are read once, and forgotten."""
        parts = []
        for start in range(0, len(numbers), TEXTS):
            rows = await read(tx, account, numbers[start : start + TEXTS])
            traced = await cash.files_by_trace(
                self.world.engine, self.scope.book, (row.end_to_end for row in rows.values())
            )
            for number, row in rows.items():
                if files := files_in(row, traced.get(row.end_to_end)):
                    self.files[number] = files
            made = line_columns(rows)
            for _, said in self.seen:
                made.told[_in(said, made)] = True
            parts.append(made)
        self.left.append(lines_joined(parts))

    async def _write(self, left: Left, found: Sequence[Group | Unmatched]) -> None:
        lines, entries = [n for one in found for n in one.lines], [n for one in found for n in one.entries]
        if found:
            left.take(lines, entries)
            await self.outcome.write(found, left.days_of_lines(lines), left.days_of_entries(entries), self._told)
        await asyncio.sleep(0)

    def _told(self, count: int) -> None:
        self.written += count
        self.tell("rules", min(self.written, self.todo), self.todo)

    async def _finish(self, tx: Tx, upto: int) -> None:
        """Everything up to here was looked at; entries that the bank may still tell of are looked at again."""
        account = await self.turn.account(tx)
        done = min(upto, int(self.waiting.min()) - 1) if len(self.waiting) else upto
        for one in np.intersect1d(self.waiting, np.array(list(self.outcome.of_entry), np.int64)).tolist():
            tx.write_row(FREE_ENTRY, (account.number, one))  # of a break that has ended
        tx.save(msgspec.structs.replace(account, lines_done=account.last_line, entries_done=done))
        tx.emit("reconciliation.account.matched", account)


def _in(said: Said, lines: LeftLines) -> Mask:
    """Which lines say what is among this, which is sorted."""
    mine = mixed(lines.key, lines.amount)
    place = np.searchsorted(said, mine)
    place[place == len(said)] = 0
    return (said[place] == mine) & (lines.key != 0) if len(said) else np.zeros(len(mine), np.bool_)


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
