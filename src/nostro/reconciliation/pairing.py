"""Pairing: what the lines belong to that no join has matched, rule by rule, and why the rest does not fit.

Pure: lines and entries in, groups and breaks out, the same for the same input. Few lines come here, so that each may
cost some microseconds; none looks at all entries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from msgspec import Struct

from .alike import alike, pieces
from .rule import BUILT_IN, Rule, applies, of_kind
from .subset import MOST_AMOUNTS, by_luck, subset

MOST_TOGETHER = 8
MOST_CANDIDATES = 100
MOST_COMPARED = 400
ALIKE = 75
PATIENCE = 10  # days after which an entry that the bank has not told of is a break
Reason = Literal[
    "amount_differs", "duplicate", "late", "missing_in_bank", "missing_in_ledger", "taken_apart", "unknown"
]
_OWN = frozenset(rule.id for rule in BUILT_IN)


class OpenLine(Struct, frozen=True):
    """`keys` is what it is found by, the best first, `named` those as plain words; `firm` says that one of them is the
    payer's own reference, `known` that it is one of ours, `told` that a matched line has said the same. `files` are the
    file and the batch that it came from, `bank` the account at a bank."""

    line: int
    amount: int
    day: int
    keys: tuple[int, ...]
    named: tuple[str, ...]
    firm: bool
    description: str
    files: tuple[str, ...] = ()
    known: bool = False
    told: bool = False
    bank: int = 0


class OpenEntry(Struct, frozen=True):
    entry: int
    amount: int
    day: int
    kind: str
    keys: tuple[int, ...]
    named: tuple[str, ...]
    file: str = ""


class Group(Struct, frozen=True):
    """`difference` is what the bank has more than the ledger; it is booked as the rule says."""

    lines: tuple[int, ...]
    entries: tuple[int, ...]
    rule: Rule
    difference: int = 0


class Unmatched(Struct, frozen=True):
    """What does not fit, and why."""

    reason: Reason
    lines: tuple[int, ...] = ()
    entries: tuple[int, ...] = ()


class Pairing:
    """`own` are the lines that may be matched alone or with a sum, if not all: the others only compete. `aside` are
    those that a rule has left to a person."""

    def __init__(
        self, lines: Iterable[OpenLine], entries: Iterable[OpenEntry], own: frozenset[int] | None = None
    ) -> None:
        self.own = own
        self.aside: list[OpenLine] = []
        self.lines = {one.line: one for one in sorted(lines, key=lambda one: one.line)}
        self.entries = {one.entry: one for one in sorted(entries, key=lambda one: one.entry)}
        self.groups: list[Group] = []
        self._by_key: dict[int, list[OpenEntry]] = {}
        self._lines_by_key: dict[int, list[OpenLine]] = {}
        for entry in self.entries.values():
            for key in entry.keys:
                self._by_key.setdefault(key, []).append(entry)
        for line in self.lines.values():
            for key in line.keys:
                self._lines_by_key.setdefault(key, []).append(line)
        self._by_day = _ByDay((one.day, one.amount, one.entry) for one in self.entries.values())
        self._nameless = _ByDay((one.day, one.amount, one.entry) for one in self.entries.values() if not one.keys)
        self._lines_by_day = _ByDay((one.day, one.amount, one.line) for one in self.lines.values())

    # Rules -----------------------------------------------------------------------------

    def apply(self, rule: Rule) -> None:
        if rule.action != "match":
            self._book_alone(rule)
        elif rule.together == "file":
            self._files(rule)
        elif rule.together == "banks":
            self._between(rule)
        elif rule.together == "lines":
            self._many_lines(rule)
        elif rule.together == "entries":
            self._many_entries(rule)
        elif "similar_reference" in rule.fields:
            self._similar(rule)
        else:
            self._one(rule)

    def _book_alone(self, rule: Rule) -> None:
        for line in list(self.lines.values()):
            if not applies(rule, line.amount, line.description):
                continue
            if rule.action == "fee":
                self._take(Group((line.line,), (), rule, line.amount))
            else:
                self.aside.append(self.lines.pop(line.line))

    def _one(self, rule: Rule) -> None:
        for line in list(self.lines.values()):
            if not applies(rule, line.amount, line.description):
                continue
            found = self._candidates(rule, line)
            if "reference" in rule.fields:
                found.sort(key=lambda one: (abs(line.amount - one.amount), abs(line.day - one.day), one.entry))
            elif len(found) != 1 or not self._only_line(rule, line, found[0]):
                continue
            if found:
                self._take(Group((line.line,), (found[0].entry,), rule, line.amount - found[0].amount))

    def _candidates(self, rule: Rule, line: OpenLine) -> list[OpenEntry]:
        """The open entries that a line could be by this rule."""
        if "reference" in rule.fields:
            pool: Iterable[OpenEntry] = (one for key in line.keys for one in self._by_key.get(key, ()))
        else:
            pool = self._near(rule, line, line.amount - rule.tolerance, line.amount + rule.tolerance)
        found = {one.entry: one for one in pool if self._may_be(rule, line, one)}
        return [one for one in found.values() if abs(line.amount - one.amount) <= rule.tolerance]

    def _may_be(self, rule: Rule, line: OpenLine, entry: OpenEntry) -> bool:
        """A line that carries another reference is not meant, unless the user has said so; a sum may be, if what it
        carries is none of ours."""
        if entry.entry not in self.entries or abs(line.day - entry.day) > rule.window or not of_kind(rule, entry.kind):
            return False
        if (line.amount > 0) != (entry.amount > 0):
            return False
        if "reference" in rule.fields or rule.id not in _OWN or not entry.keys:
            return True
        return not line.known if rule.together == "entries" else not line.firm

    def _only_line(self, rule: Rule, line: OpenLine, entry: OpenEntry) -> bool:
        """That no other open line could be this entry as well."""
        others = self._lines_by_day.near(entry.day, rule.window, entry.amount, entry.amount)
        return not any(
            number != line.line and number in self.lines and self._may_be(rule, self.lines[number], entry)
            for number in others
        )

    def _near(self, rule: Rule, line: OpenLine, low: int, high: int) -> Iterator[OpenEntry]:
        """The open entries around its day of these amounts; of those that a built-in rule may take at all."""
        only_nameless = rule.id in _OWN and "similar_reference" not in rule.fields and (
            line.known if rule.together == "entries" else line.firm
        )  # fmt: skip
        for number in (self._nameless if only_nameless else self._by_day).near(line.day, rule.window, low, high):
            if number in self.entries:
                yield self.entries[number]

    def _similar(self, rule: Rule) -> None:
        """The most alike first; of two entries or two lines that are as much alike, none. A line whose reference is one
        of ours was not misread."""
        found: list[tuple[int, int, int, int]] = []
        by_piece = self._by_piece()
        for line in self.lines.values():
            if not line.named or line.known or not applies(rule, line.amount, line.description):
                continue
            scored = sorted(
                (-alike(line.named, one.named), abs(line.day - one.day), one.entry)
                for one in self._maybe_alike(rule, line, by_piece)
                if abs(line.day - one.day) <= rule.window and of_kind(rule, one.kind)
            )
            if scored and -scored[0][0] >= ALIKE and scored[0][0] not in {score for score, _, _ in scored[1:2]}:
                found.append((*scored[0], line.line))
        claims = Counter((entry, score) for score, _, entry, _ in found)
        for score, _, entry, line_number in sorted(found):
            if entry in self.entries and claims[entry, score] == 1:
                self._take(Group((line_number,), (entry,), rule))

    def _maybe_alike(
        self, rule: Rule, line: OpenLine, by_piece: dict[tuple[int, str], list[OpenEntry]]
    ) -> Iterable[OpenEntry]:
        """Open entries of its amount: all of the days around it, or if these are many, the nearest, and what has a part
        of a reference in common with it."""
        near = list(islice(self._near(rule, line, line.amount, line.amount), MOST_COMPARED + 1))
        if len(near) <= MOST_COMPARED:
            return near
        found = {one.entry: one for one in near[:MOST_CANDIDATES]}
        for piece in sorted({piece for word in line.named for piece in pieces(word)}):
            found |= {one.entry: one for one in by_piece.get((line.amount, piece), ())[:MOST_CANDIDATES]}
        return [one for one in found.values() if one.entry in self.entries]

    def _by_piece(self) -> dict[tuple[int, str], list[OpenEntry]]:
        """The open entries by amount and parts of their references, where many have one amount."""
        many = Counter(one.amount for one in self.entries.values())
        found: dict[tuple[int, str], list[OpenEntry]] = {}
        for entry in self.entries.values():
            if many[entry.amount] > MOST_COMPARED:
                for piece in {piece for word in entry.named for piece in pieces(word)}:
                    found.setdefault((entry.amount, piece), []).append(entry)
        return found

    def _many_entries(self, rule: Rule) -> None:
        named = "reference" in rule.fields
        for line in list(self.lines.values()):
            if not applies(rule, line.amount, line.description) or (self.own is not None and line.line not in self.own):
                continue
            if named:
                pool: Iterable[OpenEntry] = (one for key in line.keys for one in self._by_key.get(key, ()))
            else:
                low, high = sorted((0, line.amount))
                pool = islice(self._near(rule, line, low, high), 2 * MOST_AMOUNTS)
            found = list({one.entry: one for one in pool if self._may_be(rule, line, one)}.values())
            if not named and self._has_rival(rule, line):
                continue
            chosen = _adding_up(line.amount, [one.amount for one in found], rule, named)
            if chosen:
                entries = tuple(found[n].entry for n in chosen)
                total = sum(found[n].amount for n in chosen)
                self._take(Group((line.line,), tuple(sorted(entries)), rule, line.amount - total))

    def _has_rival(self, rule: Rule, line: OpenLine) -> bool:
        """Another open line of the amount, which the same entries could be."""
        others = self._lines_by_day.near(line.day, 2 * rule.window, line.amount, line.amount)
        return any(n != line.line and n in self.lines and not self.lines[n].known for n in others)

    def _many_lines(self, rule: Rule) -> None:
        for entry in list(self.entries.values()):
            pool = [one for key in entry.keys for one in self._lines_by_key.get(key, ())]
            found = {
                one.line: one for one in pool
                if one.line in self.lines and self._may_be(rule, one, entry)
                and applies(rule, one.amount, one.description)
            }  # fmt: skip
            lines = [found[number] for number in sorted(found)]
            chosen = _adding_up(entry.amount, [one.amount for one in lines], rule, True)
            if chosen:
                total = sum(lines[n].amount for n in chosen)
                numbers = tuple(lines[n].line for n in chosen)
                self._take(Group(numbers, (entry.entry,), rule, total - entry.amount))

    def _files(self, rule: Rule) -> None:
        """What a bank has booked of a file in sums: all lines of the file, and all of its payments that are open. What
        came back of it goes the other way, and is none of them."""
        lines: dict[tuple[str, bool], list[OpenLine]] = {}
        entries: dict[tuple[str, bool], list[OpenEntry]] = {}
        for line in self.lines.values():
            for name in line.files:
                lines.setdefault((name, line.amount > 0), []).append(line)
        for entry in self.entries.values():
            if entry.file:
                entries.setdefault((entry.file, entry.amount > 0), []).append(entry)
        for of, payments in entries.items():
            total = sum(one.amount for one in payments)
            sums = [one.line for one in lines.get(of, ()) if one.line in self.lines]
            if sum(self.lines[one].amount for one in sums) != total:
                sums = self._one_sum(rule, payments, total)
            days = [*(self.lines[one].day for one in sums), *(one.day for one in payments)]
            if sums and max(days) - min(days) <= rule.window:
                numbers = tuple(sorted(one.entry for one in payments))
                self._take(Group(tuple(sorted(sums)), numbers, rule))

    def _one_sum(self, rule: Rule, payments: Sequence[OpenEntry], total: int) -> list[int]:
        """Not every bank says which file it was: the one line that is the sum of a file's payments."""
        if len(payments) < 2:
            return []
        found = self._lines_by_day.near(payments[0].day, rule.window, total, total)
        open_ = [number for number in found if number in self.lines]
        return open_ if len(open_) == 1 else []

    def _between(self, rule: Rule) -> None:
        """What leaves one of the account's banks and comes to another; the ledger has nothing to book. Only if no other
        line could be either, and neither carries a reference of ours."""
        for line in list(self.lines.values()):
            if line.line not in self.lines or line.known or not applies(rule, line.amount, line.description):
                continue
            found = self._opposite(rule, line)
            if len(found) == 1 and self._opposite(rule, found[0]) == [line]:
                self._take(Group(tuple(sorted((line.line, found[0].line))), (), rule))

    def _opposite(self, rule: Rule, line: OpenLine) -> list[OpenLine]:
        near = self._lines_by_day.near(line.day, rule.window, -line.amount, -line.amount)
        found = [self.lines[n] for n in near if n in self.lines]
        return [one for one in found if one.bank != line.bank and not one.known]

    def _take(self, group: Group) -> None:
        self.groups.append(group)
        for line in group.lines:
            del self.lines[line]
        for entry in group.entries:
            del self.entries[entry]

    # What is left ------------------------------------------------------------------------

    def rest(self, until: int) -> list[Unmatched]:
        """Every line that is left, with a reason, and the entries that the bank should have told of by the day
        `until`."""
        made: list[Unmatched] = []
        for line in list(self.lines.values()):
            made.append(self._why(line))
            del self.lines[line.line]
            for entry in made[-1].entries:
                del self.entries[entry]
        for entry_ in list(self.entries.values()):  # what is not late stays
            if entry_.day + PATIENCE < until:
                made.append(Unmatched("missing_in_bank", (), (entry_.entry,)))
                del self.entries[entry_.entry]
        return made

    def _why(self, line: OpenLine) -> Unmatched:
        if line.told:
            return Unmatched("duplicate", (line.line,))
        same = [
            one for key in line.keys for one in self._by_key.get(key, ())
            if one.entry in self.entries and (one.amount > 0) == (line.amount > 0)
        ]  # fmt: skip
        if same:
            best = min(same, key=lambda one: (abs(one.amount - line.amount), abs(one.day - line.day), one.entry))
            return Unmatched("late" if best.amount == line.amount else "amount_differs", (line.line,), (best.entry,))
        return Unmatched("missing_in_ledger" if line.keys else "unknown", (line.line,))


class _ByDay:
    """Numbers by day and amount, so that those around a day are found without looking at others."""

    def __init__(self, rows: Iterable[tuple[int, int, int]]) -> None:
        self._days: dict[int, list[tuple[int, int]]] = {}
        for day, amount, number in rows:
            self._days.setdefault(day, []).append((amount, number))
        for found in self._days.values():
            found.sort()

    def near(self, day: int, window: int, low: int, high: int) -> Iterator[int]:
        """The nearest days first."""
        for at in sorted(range(day - window, day + window + 1), key=lambda one: (abs(one - day), one)):
            found = self._days.get(at, ())
            place = bisect_left(found, (low, -1))
            while place < len(found) and found[place][0] <= high:
                yield found[place][1]
                place += 1


def _adding_up(total: int, amounts: Sequence[int], rule: Rule, named: bool) -> tuple[int, ...] | None:
    """The places of two amounts or more that are the total: all of those that a reference names, or the one set of a
    few that is, and that is no luck where none is named."""
    if len(amounts) < 2:
        return None
    if named and abs(sum(amounts) - total) <= rule.tolerance:
        return tuple(range(len(amounts)))
    found = subset(amounts, total, MOST_TOGETHER) if len(amounts) <= MOST_AMOUNTS else None
    return None if found is None or (not named and by_luck(len(amounts), len(found), total)) else found
