"""Left: the lines and entries that no join has matched, as columns, and parts of them that are matched by themselves.

A row costs some sixty bytes here and a thousand as objects with their texts, so objects are made of a part only. A part
holds whole groups, of what has a reference in common, an amount, or a bank file: a rule that asks for it finds in the
part whatever it would find among all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nostro.storage.columns import Ints

from .account import SHIFT
from .cash import Entries
from .keys import hashed

PART = 20_000  # lines and entries of a part, if no group is larger
COMMON = 1_000  # what has a reference that more than so many have must agree in the amount as well
Mask = NDArray[np.bool_]


class LeftLines(NamedTuple):
    """Columns of one length, in the order of their numbers; `at` and `word` are of another: where in them a line
    stands, and a key of it. `key` is that of its first reference, `firm` says that the payer gave it, `told` that a
    matched line says the same, `aside` that no rule may match it any more."""

    line: Ints
    amount: Ints
    day: Ints
    booked: Ints
    key: Ints
    firm: Mask
    told: Mask
    aside: Mask
    at: Ints
    word: Ints


class Part(NamedTuple):
    """Places of lines and of entries. A rule matches the lines that are `own`; others are there to compete."""

    lines: Ints
    entries: Ints
    own: frozenset[int] | None = None


def lines_joined(parts: Sequence[LeftLines]) -> LeftLines:
    """One behind another, in the order of their numbers, none twice."""
    if not parts:
        empty, no = np.empty(0, np.int64), np.empty(0, np.bool_)
        return LeftLines(empty, empty, empty, empty, empty, no, no, no, empty, empty)
    start = np.cumsum([0, *(len(part.line) for part in parts)])[:-1].tolist()
    columns = [np.concatenate([part[n] for part in parts]) for n in range(8)]
    at = np.concatenate([part.at + n for part, n in zip(parts, start, strict=True)])
    word = np.concatenate([part.word for part in parts])
    _, order = np.unique(columns[0], return_index=True)
    place = np.full(len(columns[0]), -1, np.int64)
    place[order] = np.arange(len(order))
    kept = place[at] >= 0
    at, word = place[at[kept]], word[kept]
    sorted_ = np.argsort(at, kind="stable")
    whole = [column[order] for column in columns]
    return LeftLines._make([*whole, at[sorted_], word[sorted_]])


class Left:
    """`line_open` and `entry_open` say what is left still. `files` are names of bank files by the number of a line, and
    of an entry; `banks` the places of accounts at banks by those of their statements, if there are several."""

    def __init__(
        self, lines: LeftLines, entries: Entries, line_files: Mapping[int, tuple[str, ...]],
        entry_files: Mapping[int, str], banks: Mapping[int, int],
    ) -> None:  # fmt: skip
        self.banks = banks
        self.lines, self.entries = lines, entries
        self.line_files, self.entry_files = line_files, entry_files
        self.line_open = np.ones(len(lines.line), np.bool_)
        self.entry_open = np.ones(len(entries.entry), np.bool_)
        self._order = np.argsort(entries.entry, kind="stable")
        self._sorted = entries.entry[self._order]
        self.known = lines.told | np.isin(lines.key, entries.key) & (lines.key != 0)

    def take(self, lines: Sequence[int], entries: Sequence[int]) -> None:
        """These, by number, are matched or broken now."""
        self.line_open[np.searchsorted(self.lines.line, np.array(lines, np.int64))] = False
        self.entry_open[self._places(entries)] = False

    def days_of_lines(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """The day that each counts on, and its amount, by number."""
        at = np.searchsorted(self.lines.line, np.array(numbers, np.int64))
        return dict(
            zip(numbers, zip(self.lines.day[at].tolist(), self.lines.amount[at].tolist(), strict=True), strict=True)
        )

    def days_of_entries(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        at, of = self._places(numbers), self.entries
        return dict(zip(numbers, zip(of.day[at].tolist(), of.amount[at].tolist(), strict=True), strict=True))

    def _places(self, entries: Sequence[int]) -> Ints:
        return self._order[np.searchsorted(self._sorted, np.array(entries, np.int64))]

    def set_aside(self, lines: Sequence[int]) -> None:
        self.lines.aside[np.searchsorted(self.lines.line, np.array(lines, np.int64))] = True

    # Parts ------------------------------------------------------------------------------

    def by_reference(self, alone: bool = False) -> Iterator[Part]:
        """What has a reference in common; with `alone` also lines that share none, and those that are set aside."""
        lines, entries = self.lines, self.entries
        word, key = lines.word, entries.key
        found, count = np.unique(np.concatenate((word, key)), return_counts=True)
        common = found[count > COMMON]
        if len(common):
            word = _with_amount(word, lines.amount[lines.at], common)
            key = _with_amount(key, entries.amount[entries.at], common)
        return self._parts(lines.at, word, entries.at, key, alone)

    def by_amount(self, tolerance: int) -> Iterator[Part]:
        """What has one amount, or amounts that a chain of others lies between."""
        lines, entries = self.lines, self.entries
        amounts = np.unique(np.concatenate((lines.amount[self.line_open], entries.amount[self.entry_open])))
        cluster = np.cumsum(np.concatenate(([0], np.diff(amounts) > tolerance))) if len(amounts) else amounts
        i, j = np.flatnonzero(self.line_open), np.flatnonzero(self.entry_open)
        line_key = cluster[np.searchsorted(amounts, lines.amount[i])]
        entry_key = cluster[np.searchsorted(amounts, entries.amount[j])]
        return self._parts(i, line_key, j, entry_key)

    def by_file(self) -> Iterator[Part]:
        """What is of one bank file and goes one way, and lines that are the sum of all its payments."""
        pairs_e = [(n, hashed(f"{name} {self.entries.amount[n] > 0}")) for n, name in self._filed()]
        totals: dict[int, int] = {}
        for n, key in pairs_e:
            totals[key] = totals.get(key, 0) + int(self.entries.amount[n])
        place = {int(number): n for n, number in enumerate(self.lines.line.tolist()) if number in self.line_files}
        pairs_l = [
            (place[number], hashed(f"{name} {self.lines.amount[place[number]] > 0}"))
            for number, names in self.line_files.items() if number in place for name in names
        ]  # fmt: skip
        of_total: dict[int, list[int]] = {}
        for key, total in totals.items():
            of_total.setdefault(total, []).append(key)
        sums = np.flatnonzero(np.isin(self.lines.amount, np.array(list(of_total), np.int64)))
        pairs_l += [(n, key) for n in sums.tolist() for key in of_total[int(self.lines.amount[n])]]
        line, entry = (np.array(pairs, np.int64).reshape(-1, 2) for pairs in (pairs_l, pairs_e))
        return self._parts(line[:, 0], line[:, 1], entry[:, 0], entry[:, 1])

    def _filed(self) -> Iterator[tuple[int, str]]:
        numbers = list(self.entry_files)
        for number, n in zip(numbers, self._places(numbers).tolist(), strict=True):
            if self.entry_open[n]:
                yield n, self.entry_files[number]

    def by_day(self, window: int) -> Iterator[Part]:
        """The lines of some days after one another, and what is near enough to be meant by them."""
        lines, entries = self.lines, self.entries
        i = np.flatnonzero(self.line_open & ~lines.aside)
        i = i[np.argsort(lines.booked[i], kind="stable")]
        for start in range(0, len(i), PART):
            own = i[start : start + PART]
            low, high = int(lines.booked[own[0]]), int(lines.booked[own[-1]])
            near = i[(lines.booked[i] >= low - 2 * window) & (lines.booked[i] <= high + 2 * window)]
            chosen = (entries.day >= low - window) & (entries.day <= high + window) & self.entry_open
            yield Part(near[self.line_open[near]], np.flatnonzero(chosen), frozenset(lines.line[own].tolist()))

    def by_size(self) -> Iterator[Part]:
        """Lines of one amount, whatever its sign, where there are several banks. None that has a reference of ours."""
        lines = self.lines
        i = np.flatnonzero(self.line_open & ~lines.aside & ~self.known) if self.banks else np.empty(0, np.int64)
        i = i[np.argsort(np.abs(lines.amount[i]), kind="stable")]
        size, start = np.abs(lines.amount[i]), 0
        while start < len(i):
            end = int(np.searchsorted(size, size[min(start + PART, len(i)) - 1], "right"))
            yield Part(np.sort(i[start:end]), i[:0])
            start = end

    def lines_only(self) -> Iterator[Part]:
        i = np.flatnonzero(self.line_open & ~self.lines.aside)
        for start in range(0, len(i), PART):
            yield Part(i[start : start + PART], i[:0])

    def _parts(
        self, line_at: Ints, line_key: Ints, entry_at: Ints, entry_key: Ints, alone: bool = False
    ) -> Iterator[Part]:
        """Groups that a key of a line or an entry holds together, in the order of their first lines, so many that
        they fill a part."""
        open_lines = self.line_open if alone else self.line_open & ~self.lines.aside
        kept_l, kept_e = open_lines[line_at], self.entry_open[entry_at]
        count = len(self.lines.line)
        node = np.concatenate((line_at[kept_l], entry_at[kept_e] + count))
        label = together(count + len(self.entries.entry), node, np.concatenate((line_key[kept_l], entry_key[kept_e])))
        i, j = np.flatnonzero(open_lines), np.flatnonzero(self.entry_open)
        j = j[label[count + j] < count]  # the least of its group is a line
        if not alone:
            i = i[np.isin(label[i], label[count + j])]
        i, j = i[np.argsort(label[i], kind="stable")], j[np.argsort(label[count + j], kind="stable")]
        of_line, of_entry = label[i], label[count + j]
        start_i = start_j = 0
        while start_i < len(i):
            last = of_line[min(start_i + PART, len(i)) - 1]
            if start_j + PART < len(j):
                last = max(of_line[start_i], min(last, of_entry[start_j + PART]))
            end_i = int(np.searchsorted(of_line, last, "right"))
            end_j = int(np.searchsorted(of_entry, last, "right"))
            yield Part(np.sort(i[start_i:end_i]), np.sort(j[start_j:end_j]))
            start_i, start_j = end_i, end_j

    # What is read of a part ----------------------------------------------------------------

    def words_of(self, lines: Ints) -> list[tuple[int, ...]]:
        return _grouped(self.lines.at, self.lines.word, lines)

    def keys_of(self, entries: Ints) -> list[tuple[int, ...]]:
        return _grouped(self.entries.at, self.entries.key, entries)

    def openings(self) -> Iterator[tuple[int, list[int]]]:
        """What stood at the bank before a first statement: the line, and the entries until then if they are as much."""
        for n in np.flatnonzero(self.line_open & (self.lines.line & ((1 << SHIFT) - 1) == 0)).tolist():
            before = np.flatnonzero(self.entry_open & (self.entries.day <= self.lines.day[n]))
            amount = int(self.lines.amount[n])
            if len(before) and int(self.entries.amount[before].sum()) == amount:
                yield int(self.lines.line[n]), np.sort(self.entries.entry[before]).tolist()


def together(count: int, at: Ints, key: Ints) -> Ints:
    """For each of `count` nodes the least of those that it hangs together with: nodes with one key do, and what hangs
    together with one of them."""
    label = np.arange(count)
    if not len(at):
        return label
    order = np.argsort(key, kind="stable")
    at, key = at[order], key[order]
    begin = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    size = np.diff(np.append(begin, len(key)))
    while True:
        least = label.copy()
        np.minimum.at(least, at, np.repeat(np.minimum.reduceat(label[at], begin), size))
        least = least[least]
        if (least == label).all():
            return label
        label = least


def _with_amount(key: Ints, amount: Ints, common: Ints) -> Ints:
    mixed = (key.astype(np.uint64) ^ amount.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.int64)
    return np.where(np.isin(key, common), mixed, key)


def _grouped(at: Ints, key: Ints, chosen: Ints) -> list[tuple[int, ...]]:
    low, high = np.searchsorted(at, chosen, "left").tolist(), np.searchsorted(at, chosen, "right").tolist()
    values: list[Any] = key.tolist() if len(chosen) * 4 > len(at) else []
    if values:
        return [tuple(values[a:b]) for a, b in zip(low, high, strict=True)]
    return [tuple(key[a:b].tolist()) for a, b in zip(low, high, strict=True)]
