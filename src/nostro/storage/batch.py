"""Batch: many plain transfers, booked as one value. Each is an entry of its own: one debit, one credit, one currency.

A unit's batch comes as columns over a list of accounts. What is booked of it is one row of `ledger_batch`, one link
of the hash chain, and one sorted run of its lines (runs.py), instead of four rows an entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from nostro.kernel.errors import Refused

from .columns import Ints, packed, unpacked

MOST = 2**62  # sums of a batch stay below it, and balances too, so that nothing leaves 64 bits
AccountKey = tuple[int, str, str]
BatchRow = tuple[int, int, int, int, int, int, str | None, str, bytes]


class Words(Struct, frozen=True, omit_defaults=True):
    """What the columns `kind` and `description` name by their places here. Of a batch with a reference also what was
    not booked: the lines that were left out before, and those that a limit refused, by their places.

    `names` is SHA-256 over the references of the batch's entries, if they have any; `dated` is true if their callers
    said when they take effect, which is part of what they must say again."""

    kinds: list[str]
    descriptions: list[str | None]
    left_out: list[int] = []
    refused: dict[int, tuple[str, str, str, int]] = {}
    names: str = ""
    dated: bool = False


class Transfers(NamedTuple):
    """Columns of one length: account numbers (or places in a list), minor units, seconds, places in `Words`."""

    debit: Ints
    credit: Ints
    amount: Ints
    effective: Ints
    kind: Ints
    description: Ints

    def only(self, chosen: NDArray[np.bool_] | Ints | slice) -> Transfers:
        return Transfers(*(column[chosen] for column in self))


class Remembered(Struct):
    """Where a process remembers the accounts of a list, which only grows: -1 for one that it was not asked for yet.
    True for one memory at one time; standings.py fills it."""

    memory: object = None
    places: Ints = np.zeros(0, np.int64)


class Accounts(Sequence[AccountKey]):
    """Some accounts of a long list. They are so many that it counts whether each is looked at."""

    def __init__(self, keys: Sequence[AccountKey], chosen: Ints, remembered: Remembered) -> None:
        self.keys, self.chosen, self.remembered = keys, chosen, remembered

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, n: Any) -> Any:
        if isinstance(n, slice):
            return Accounts(self.keys, self.chosen[n], self.remembered)
        return self.keys[self.chosen[n]]


class Names(Struct):
    """Of the lines of a batch, one each: the name, empty for none, and its hash."""

    scope: int
    texts: list[str]
    hashes: Ints

    def only(self, chosen: NDArray[np.bool_] | Ints | slice) -> Names:
        places = np.arange(len(self.texts))[chosen].tolist()
        return Names(self.scope, [self.texts[n] for n in places], self.hashes[chosen])


class Batch(Struct):
    """`accounts` are (book, code, currency), each once; `lowest` and `highest` bound what they may stand at after a
    credit and after a debit (debit positive), and `at_lowest` and `at_highest` are the refusals' codes, as places in
    `refusals`. `atomic`: all are booked or none, and limits are judged after the last; else line by line.

    With a `reference` it is remembered what was refused. `names` are the references of its lines. `outcome` is set by
    the commit.
    """

    accounts: Sequence[AccountKey]
    lowest: Ints
    highest: Ints
    debit_normal: NDArray[np.bool_]
    transfers: Transfers
    words: Words
    created: int
    atomic: bool = False
    reference: str | None = None
    names: Names | None = None
    outcome: Outcome | None = None


class Outcome(Struct, frozen=True):
    """The booked entries' numbers run on from `first`, in the order of the lines; `refused` are the lines left out."""

    first: int
    refused: dict[int, Refused]


def batch_row(first: int, recorded: int, latest: int, batch: Batch, words: Words, transfers: Transfers) -> BatchRow:
    """The row of `ledger_batch` for the transfers that are booked, on account numbers."""
    last, book = first + len(transfers.amount) - 1, batch.accounts[0][0]
    text = msgspec.json.encode(words).decode()
    return first, last, book, recorded, batch.created, latest, batch.reference, text, packed(transfers)


def words_of(row: BatchRow) -> Words:
    """Raises `msgspec.DecodeError` if they cannot be read."""
    return msgspec.json.decode(row[7], type=Words)


def transfers_of(row: BatchRow) -> Transfers:
    """Raises `ValueError` if the columns cannot be read or are not as many as the row says."""
    columns = unpacked(row[8])
    if len(columns) != len(Transfers._fields) or len(columns[0]) != row[1] - row[0] + 1:
        raise ValueError("the columns are not those of a batch of this size")
    return Transfers(*columns)


def batch_hash(previous: str, row: BatchRow) -> str:
    """SHA-256 over the previous link's hash, the row's values as JSON, and its columns."""
    digest = hashlib.sha256(previous.encode() + msgspec.json.encode(row[:8]))
    digest.update(row[8])
    return digest.hexdigest()
