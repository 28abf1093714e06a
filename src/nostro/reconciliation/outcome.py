"""Outcome: what a run has found of the lines that no join has matched, written a few hundred at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct

from nostro.events.work import perform
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import break_, match
from .account import Record as Account
from .account import Turn
from .break_ import BREAK
from .pairing import Group, Unmatched

AT_ONCE = 400
PAGE = 5_000
Days = dict[int, tuple[int, int]]


class OpenBreak(Struct, frozen=True):
    """What a break that is open has of the bank's and of the ledger's, by number."""

    lines: tuple[int, ...]
    entries: tuple[int, ...]


async def open_breaks(tx: Tx, account: str) -> dict[str, OpenBreak]:
    """Those that a rule may match, by their ids; none of their texts."""
    engine, after, made = tx.world.engine, "", dict[str, OpenBreak]()
    path = engine.path
    statement = (
        f'SELECT id, {path("line_numbers")}, {path("entry_numbers")}, {path("by_hand")} FROM "{BREAK.table}" '
        f"WHERE scope=? AND {path('account')}=? AND {path('status')}=? AND id>? ORDER BY id LIMIT ?"
    )
    while rows := await engine.rows(statement, (tx.scope.number, account, "open", after, PAGE)):
        made |= {
            id: OpenBreak(_numbers(lines), _numbers(entries)) for id, lines, entries, by_hand in rows if not by_hand
        }
        after = rows[-1][0]
        await asyncio.sleep(0)
    return made


def _numbers(text: str | None) -> tuple[int, ...]:
    return msgspec.json.decode(text, type=tuple[int, ...]) if text else ()


class Outcome:
    """Writes groups and breaks. What it counts is kept when the unit is: matches by rule, breaks by reason, and which
    breaks have ended."""

    def __init__(self, world: World, scope: Scope, turn: Turn, breaks: dict[str, OpenBreak]) -> None:
        self.world, self.scope, self.turn, self.breaks = world, scope, turn, breaks
        self.of_line = {number: id for id, b in breaks.items() for number in b.lines}
        self.of_entry = {number: id for id, b in breaks.items() for number in b.entries}
        self.matches: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.ended: set[str] = set()
        self._now_ended: set[str] = set()
        self._counts: list[tuple[dict[str, int], str]] = []

    async def write(
        self, found: Sequence[Group | Unmatched], lines: Days, entries: Days, tell: Callable[[int], None]
    ) -> None:
        """`lines` and `entries` are day and amount by number."""
        for start in range(0, len(found), AT_ONCE):
            part = found[start : start + AT_ONCE]
            await perform(self.world, self.scope, lambda tx, part=part: self._write(tx, part, lines, entries))  # type: ignore[misc]
            self.turn.written()
            self.ended |= self._now_ended
            for counter, name in self._counts:
                counter[name] = counter.get(name, 0) + 1
            tell(len(part))

    async def _write(self, tx: Tx, part: Sequence[Group | Unmatched], lines: Days, entries: Days) -> None:
        self._now_ended, self._counts = set(), []
        account = await self.turn.account(tx)
        for one in part:
            own_lines, own_entries = {n: lines[n] for n in one.lines}, {n: entries[n] for n in one.entries}
            if isinstance(one, Group):
                account = await self._match(tx, account, one, own_lines, own_entries)
            else:
                await self._break(tx, account, one, own_lines, own_entries)
        tx.save(account)

    async def _match(self, tx: Tx, account: Account, group: Group, lines: Days, entries: Days) -> Account:
        made = match.Made(
            lines=lines, entries=entries, rule=group.rule.id if group.rule.created else group.rule.name,
            confidence=group.rule.confidence, book_as=group.rule.book_as,
            breaks=await self._taken(tx, group.lines, group.entries),
        )  # fmt: skip
        self._counts.append((self.matches, group.rule.name))
        return (await match.make(tx, account, made))[0]

    async def _break(self, tx: Tx, account: Account, one: Unmatched, lines: Days, entries: Days) -> None:
        """A break that is as it was stays."""
        ids = self._ids(one.lines, one.entries)
        if len(ids) == 1:
            old = self.breaks[ids[0]]
            if (old.lines, old.entries) == (one.lines, one.entries) and ids[0] not in self.ended | self._now_ended:
                return
        taken = await self._taken(tx, one.lines, one.entries)
        carried: list[tuple[int, int]] = []
        for b in taken:
            last = max(day for day, _ in (*b.at_bank, *b.in_ledger))
            carried += (await break_.found(tx, account, b, None, last))[1]
        await break_.opened(tx, account, one.reason, lines, entries, carried=carried, before=taken)
        self._counts.append((self.reasons, one.reason))

    def _ids(self, lines: Iterable[int], entries: Iterable[int]) -> list[str]:
        found = [self.of_line.get(n) for n in lines] + [self.of_entry.get(n) for n in entries]
        return list(dict.fromkeys(id for id in found if id is not None))

    async def _taken(self, tx: Tx, lines: Iterable[int], entries: Iterable[int]) -> list[break_.Record]:
        """The open breaks that these come from; they end."""
        found = []
        for id in self._ids(lines, entries):
            if id not in self.ended and id not in self._now_ended:
                b = await tx.get(BREAK, id)
                if b.status == "open":
                    found.append(b)
                self._now_ended.add(id)
        return found
