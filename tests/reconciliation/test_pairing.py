"""Joins, rules and subsets by themselves: exact, bounded, the same each time, and never one thing in two places."""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from nostro.reconciliation.alike import alike
from nostro.reconciliation.cash import Entries
from nostro.reconciliation.joins import Lines, exact
from nostro.reconciliation.keys import hashed, key, words
from nostro.reconciliation.pairing import OpenEntry, OpenLine, Pairing
from nostro.reconciliation.rule import BUILT_IN
from nostro.reconciliation.subset import by_luck, subset

SMALL = st.integers(-6, 6).filter(bool)


@given(st.lists(SMALL, max_size=9), SMALL, st.integers(2, 5))
def test_a_subset_is_the_only_one(amounts: list[int], total: int, most: int) -> None:
    same = [n for n, amount in enumerate(amounts) if (amount > 0) == (total > 0)]
    every = [
        chosen for count in range(1, most + 1) for chosen in combinations(same, count)
        if sum(amounts[n] for n in chosen) == total
    ]  # fmt: skip
    expected = every[0] if len(every) == 1 and len(every[0]) > 1 else None
    assert subset(amounts, total, most) == expected


def test_a_search_that_takes_too_long_is_given_up() -> None:
    assert subset([10**9 + n for n in range(24)], 8 * 10**9, 8) is None
    assert subset([1] * 25, 2, 8) is None


COLUMN = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 6)), max_size=12)


@given(COLUMN, COLUMN, st.integers(0, 6))
def test_a_join_pairs_what_agrees_and_each_once(
    lines: list[tuple[int, int, int]], entries: list[tuple[int, int, int]], window: int
) -> None:
    left = Lines(*(np.array([one[n] for one in lines], np.int64) for n in (1, 1, 2, 0)))._replace(
        line=np.arange(len(lines), dtype=np.int64)
    )
    number = np.arange(len(entries), dtype=np.int64)
    keys, amounts, days = (np.array([one[n] for one in entries], np.int64) for n in range(3))
    i, j = exact(left, Entries(number, amounts, days, number, keys), window)
    assert len(set(i.tolist())) == len(i) and len(set(j.tolist())) == len(j)
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        assert lines[a][:2] == entries[b][:2] and lines[a][0] and abs(lines[a][2] - entries[b][2]) <= window
    if not window or not lines or not entries:
        return
    for which in {one[:2] for one in lines if one[0]}:  # as many as can be, where all days are near
        near = [one for one in (*lines, *entries) if one[:2] == which]
        if max(one[2] for one in near) - min(one[2] for one in near) <= window:
            count = sum(1 for a in i.tolist() if lines[a][:2] == which)
            assert count == min(sum(one[:2] == which for one in lines), sum(one[:2] == which for one in entries))


NAMES = ("", "INV-1001", "INV-1002", "inv 1001", "INV1001X", "PAY-77")
PART = st.tuples(st.integers(-3, 3).filter(bool), st.integers(0, 20), st.sampled_from(NAMES), st.sampled_from(NAMES))


@given(st.lists(PART, max_size=8), st.lists(PART, max_size=8))
def test_each_line_and_each_entry_ends_in_one_place(
    lines: list[tuple[int, int, str, str]], entries: list[tuple[int, int, str, str]]
) -> None:
    def pairing() -> Pairing:
        return Pairing(
            [_line(n, *one) for n, one in enumerate(lines, 1)], [_entry(n, *one) for n, one in enumerate(entries, 1)]
        )

    made, again = pairing(), pairing()
    for rule in BUILT_IN:
        made.apply(rule)
        again.apply(rule)
    rest = made.rest(25)
    assert (made.groups, rest) == (again.groups, again.rest(25))
    every = [*made.groups, *rest]
    assert sorted(n for one in every for n in one.lines) == list(range(1, len(lines) + 1))
    placed = [n for one in every for n in one.entries] + list(made.entries)
    assert sorted(placed) == list(range(1, len(entries) + 1))
    for group in made.groups:
        total = sum(lines[n - 1][0] for n in group.lines) - sum(entries[n - 1][0] for n in group.entries)
        assert total == group.difference == 0


def test_what_a_bank_books_of_a_file_in_sums_is_all_of_its_payments() -> None:
    def paid(number: int, amount: int) -> OpenEntry:
        return OpenEntry(number, -amount, 3, "payout.arrive", (number,), (f"PO{number}",), "OA1000001")

    def told(number: int, amount: int) -> OpenLine:
        return OpenLine(number, -amount, 4, (), (), True, "PAYOUT 2 payments", ("OA1000001", f"OA1000001{number}"))

    pairing = Pairing([told(1, 700), told(2, 30)], [paid(1, 500), paid(2, 200), paid(3, 30)])
    for rule in BUILT_IN:
        pairing.apply(rule)
    assert [(one.rule.id, one.lines, one.entries) for one in pairing.groups] == [("file", (1, 2), (1, 2, 3))]


def test_a_slip_of_the_pen_is_told_from_another_reference() -> None:
    assert alike(["INV1001"], ["INV1010"]) == alike(["INV1001"], ["INVI001"]) == alike(["INV1001"], ["INV101"]) == 95
    assert alike(["INV1001"], ["INV1001"]) == 100 > alike(["ABCDEF7"], ["7ABCDEF"])
    assert alike(["AB"], ["AC"]) == 50
    # Two lines that could be the one entry as well as each other, and one that carries a reference of ours.
    entry = _entry(1, 500, 3, "INV1001", "")
    for others in ([], [_line(2, 500, 3, "INV1O01", "")]):
        pairing = Pairing([_line(1, 500, 3, "INV1081", ""), *others], [entry])
        apply(pairing)
        assert len(pairing.groups) == (0 if others else 1)
    known = structs.replace(_line(1, 500, 3, "INV1081", ""), known=True)
    pairing = Pairing([known], [entry])
    apply(pairing)
    assert pairing.groups == []


def test_what_is_misread_is_found_among_many_of_its_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.reconciliation.pairing.MOST_COMPARED", 20)
    random = Random(4)
    names = ["".join(random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=6)) + f"{n + 123_456:09}" for n in range(300)]
    read = [
        (0, "X" + names[0][1:]),
        (1, names[1][:8]),
        (2, names[2][7:]),
        (3, "?".join(names[3][n : n + 4] for n in (0, 5, 10))),
    ]
    pairing = Pairing(
        [_line(n, 4_900, 4, name, "") for n, name in read],
        [_entry(n, 4_900, 3, name, "") for n, name in enumerate(names)],
    )
    apply(pairing)
    assert sorted((one.lines, one.entries) for one in pairing.groups) == [((n,), (n,)) for n in range(4)]


def test_one_line_is_split_over_items_that_nothing_names() -> None:
    """Also if it carries a reference that is none of ours; not if another line could be meant, nor by luck."""
    items = [_entry(n, amount, 3, f"INV100{n}", "") for n, amount in enumerate((12_050, 30_075, 5_999), 1)]
    line = _line(1, 42_125, 4, "COLLECTIVE77", "")

    def matched(*lines: OpenLine) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        pairing = Pairing(lines, items)
        apply(pairing)
        return [(one.lines, one.entries) for one in pairing.groups]

    assert matched(line) == [((1,), (1, 2))]
    assert matched(structs.replace(line, known=True)) == []
    assert matched(line, _line(2, 42_125, 5, "COLLECTIVE78", "")) == []
    assert by_luck(24, 3, 500_000) and not by_luck(3, 2, 42_125)


def test_what_goes_from_bank_to_bank_is_one_match() -> None:
    def at(number: int, bank: int, amount: int, day: int) -> OpenLine:
        return structs.replace(_line(number, amount, day, "", ""), bank=bank)

    def matched(*lines: OpenLine) -> list[tuple[int, ...]]:
        pairing = Pairing(lines, [])
        apply(pairing)
        return [one.lines for one in pairing.groups]

    out, back = at(1, 0, -700, 3), at(2, 1, 700, 5)
    assert matched(out, back) == [(1, 2)]
    assert matched(out, at(2, 0, 700, 5)) == matched(out, at(2, 1, 700, 9)) == matched(out, at(2, 1, 701, 5)) == []
    assert matched(out, back, at(3, 1, 700, 4)) == matched(out, back, at(3, 0, -700, 4)) == []


def apply(pairing: Pairing) -> None:
    for rule in BUILT_IN:
        pairing.apply(rule)


def _line(number: int, amount: int, day: int, name: str, text: str) -> OpenLine:
    named = tuple(word for word in (name, text) if word)
    keys = tuple(key(word) for word in named)
    return OpenLine(number, amount, day, keys, named, bool(name), text)


def _entry(number: int, amount: int, day: int, name: str, text: str) -> OpenEntry:
    return OpenEntry(number, amount, day, "x", (key(name),) if name else (), (name,) if name else ())


def test_what_a_reference_is() -> None:
    assert key("PO_1-abc") == key("po1abc") != key("po1abd")
    assert key("") == key("NOTPROVIDED") == key("abc") == 0
    assert list(words("Invoice INV-1001, thanks; 77")) == ["INV1001"]
    assert hashed("INV1001") == key("inv 1001")
