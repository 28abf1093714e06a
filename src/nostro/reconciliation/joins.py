"""Joins: lines and entries that agree in key and amount, found over sorted columns, not one by one.

Where several lines and several entries agree, the first is paired with the first by day, so that the same booking
told twice leaves one over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nostro.storage.columns import Ints

from .cash import Entries

Said = NDArray[np.uint64]
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


class Lines(NamedTuple):
    """Columns of one length, in the order of their numbers."""

    line: Ints
    amount: Ints
    day: Ints
    key: Ints

    def only(self, chosen: NDArray[np.bool_] | Ints) -> Lines:
        return Lines(*(column[chosen] for column in self))


def mixed(key: Ints, amount: Ints) -> Said:
    """One number for a key and an amount. Others may have the same, so who finds by it looks at both again."""
    return key.astype(np.uint64) * _ODD[0] ^ amount.astype(np.uint64) * _ODD[1]


def exact(lines: Lines, entries: Entries, window: int) -> tuple[Ints, Ints]:
    """Places of lines and of entries that belong together: the same key and amount, and at most `window` days apart.
    Each line and each entry is in one pair at most."""
    at = np.flatnonzero(lines.key)
    amount = entries.amount[entries.at]
    left, left_rank = _ranked(mixed(lines.key[at], lines.amount[at]), lines.day[at], lines.line[at])
    right, right_rank = _ranked(mixed(entries.key, amount), entries.day[entries.at], entries.entry[entries.at])
    order = np.argsort(right_rank, kind="stable")
    place = np.searchsorted(right_rank[order], left_rank)
    place[place == len(order)] = 0
    if not len(order):
        return at[:0], at[:0]
    hit = right_rank[order[place]] == left_rank
    i, k = at[left[hit]], right[order[place[hit]]]
    j = entries.at[k]
    good = (lines.key[i] == entries.key[k]) & (lines.amount[i] == entries.amount[j])
    good &= np.abs(lines.day[i] - entries.day[j]) <= window
    i, j = i[good], j[good]
    _, first = np.unique(j, return_index=True)  # an entry with two keys is found by one line
    chosen = np.sort(first)
    return i[chosen], j[chosen]


def _ranked(group: NDArray[np.uint64], day: Ints, number: Ints) -> tuple[Ints, NDArray[np.uint64]]:
    """The places sorted by group, day and number, and for each a number of its group and its rank there."""
    order = np.lexsort((number, day, group))
    sorted_ = group[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = sorted_[1:] != sorted_[:-1]
    start = np.flatnonzero(new)
    rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    return order, sorted_ + rank.astype(np.uint64) * _ODD[2]
