"""What a join has left is matched in parts; whatever the parts, the outcome is that of matching all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.reconciliation import left as lefts
from nostro.reconciliation.account import SHIFT
from nostro.reconciliation.cash import Entries
from nostro.reconciliation.left import Left, LeftLines, Part, lines_joined, together
from nostro.reconciliation.pairing import Pairing
from nostro.reconciliation.phases import _entries, _lines, phases_of
from nostro.reconciliation.rule import BUILT_IN

EDGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6)), max_size=14)


@given(EDGES)
def test_what_hangs_together_has_one_label(edges: list[tuple[int, int]]) -> None:
    found = together(9, *(np.array([edge[n] for edge in edges], np.int64) for n in (0, 1)))
    groups = [{node} for node in range(9)]
    for key in {key for _, key in edges}:
        one = set().union(*(group for group in groups if any((node, key) in edges for node in group)))
        groups = [group for group in groups if not group & one] + [one]
    assert found.tolist() == [min(next(group for group in groups if node in group)) for node in range(9)]


# Bank and place, day, amount, keys (the first of which is the payer's own if it is not 0).
LINE = st.tuples(st.integers(0, 1), st.integers(0, 12), st.sampled_from([-2000, -900, 900, 1100, 2000, 2900]),
                 st.lists(st.integers(0, 5), min_size=1, max_size=2))  # fmt: skip
ENTRY = st.tuples(
    st.integers(0, 12), st.sampled_from([-2000, 900, 1100, 2000]), st.lists(st.integers(1, 5), max_size=2)
)


def _left(lines: list[Any], entries: list[Any]) -> Left:
    numbers = [(bank << SHIFT) + n for n, (bank, *_) in enumerate(lines, 1)]
    order = sorted(range(len(lines)), key=lambda n: numbers[n])
    lines, numbers = [lines[n] for n in order], sorted(numbers)
    keys = [[key for key in dict.fromkeys(one[3]) if key] for one in lines]

    def column(values: list[Any], of: Any = np.int64) -> Any:
        return np.array(values, of)

    days = column([one[1] for one in lines])
    no = np.zeros(len(lines), np.bool_)
    made = LeftLines(
        column(numbers), column([one[2] for one in lines]), days, days, column([one[3][0] for one in lines]),
        column([one[3][0] > 0 for one in lines], np.bool_), no, no.copy(),
        column([n for n, some in enumerate(keys) for _ in some]), column([key for some in keys for key in some]),
    )  # fmt: skip
    some = [list(dict.fromkeys(one[2])) for one in entries]
    pool = Entries(
        column(list(range(1, len(entries) + 1))), column([one[1] for one in entries]),
        column([one[0] for one in entries]), column([n for n, keys in enumerate(some) for _ in keys]),
        column([key for keys in some for key in keys]),
    )  # fmt: skip
    return Left(made, pool, {}, {}, {0: 0, 1: 1})


def _matched(left: Left, whole: bool) -> tuple[list[Any], list[Any]]:
    groups: list[Any] = []
    everything = Part(np.arange(len(left.lines.line)), np.arange(len(left.entries.entry)))
    pairing = Pairing(_lines(left, everything), _entries(left, everything))
    for phase in phases_of([rule for rule in BUILT_IN if rule.name not in ("file", "similar_reference")]):
        for part in () if whole else phase.parts(left):
            pairing = Pairing(_lines(left, part), _entries(left, part), part.own)
            for rule in phase.rules:
                pairing.apply(rule)
            for one in pairing.groups:
                left.take(one.lines, one.entries)
                groups.append((one.rule.name, one.lines, one.entries))
        for rule in phase.rules if whole else ():
            pairing.apply(rule)
    if whole:
        return sorted((one.rule.name, one.lines, one.entries) for one in pairing.groups), pairing.rest(40)
    rest = []
    for part in left.by_reference(alone=True):
        rest += Pairing(_lines(left, part), _entries(left, part)).rest(-100)
    return sorted(groups), rest


@pytest.mark.parametrize("size", [1, 3])
@settings(max_examples=60)
@given(st.lists(LINE, max_size=9), st.lists(ENTRY, max_size=9))
def test_parts_find_what_all_at_once_find(size: int, lines: list[Any], entries: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lefts, "PART", size)
        groups, rest = _matched(_left(lines, entries), whole=False)
    expected, others = _matched(_left(lines, entries), whole=True)
    assert groups == expected
    every = [(one.reason, one.lines, one.entries) for one in rest]
    assert sorted(every) == sorted((one.reason, one.lines, one.entries) for one in others if one.lines)
    placed = sorted([n for one in groups for n in one[1]] + [n for one in rest for n in one.lines])
    assert placed == sorted(_left(lines, entries).lines.line.tolist()), "a line is in two places, or in none"


def test_a_reference_that_many_have_holds_only_equal_amounts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lefts, "COMMON", 3)
    left = _left([(0, 1, amount, [5]) for amount in (900, 1100)], [(1, amount, [5]) for amount in (900, 1100)])
    monkeypatch.setattr(lefts, "PART", 1)
    parts = [(part.lines.tolist(), part.entries.tolist()) for part in left.by_reference()]
    assert parts == [([0], [0]), ([1], [1])]


def test_lines_are_in_order_and_none_is_twice() -> None:
    one, other = _left([(0, 1, 900, [1]), (0, 2, 900, [2])], []).lines, _left([(1, 3, 1100, [3, 4])], []).lines
    made = lines_joined([other, one, other])
    assert made.line.tolist() == [*one.line.tolist(), *other.line.tolist()]
    assert (made.at.tolist(), made.word.tolist()) == ([0, 1, 2, 2], [1, 2, 3, 4])
