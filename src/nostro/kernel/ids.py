"""Ids: a prefix, nine base-62 characters of creation time, and fifteen random ones.

The time (microseconds) leads, so ids sort by creation, insertion into an index is local,
and a list, newest first, needs no second index. One process never gives the same moment
twice within a lane, so two objects made in one microsecond still keep their order. A sandbox is a
lane of its own: where time was moved ahead, only its own ids follow.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TIME_LENGTH = 9
RANDOM_LENGTH = 15
_TRIPLES = [a + b + c for a in ALPHABET for b in ALPHABET for c in ALPHABET]
_CUBE = 62**3
_LAST = 62**TIME_LENGTH - 1
_POOL = 8192  # random bytes fetched at a time: one call of the system serves some five hundred ids
# A byte stands for one of 62 characters, 4 bytes for each; the 8 bytes that are left over are dropped.
_CHARACTERS = bytes(ord(ALPHABET[byte % 62]) for byte in range(256))
_LEFT_OVER = bytes(range(4 * 62, 256))


def time_code(micros: int) -> str:
    """Nine base-62 digits, good until the year 2398; string order is time order."""
    high, low = divmod(micros, _CUBE)
    top, middle = divmod(high, _CUBE)
    return _TRIPLES[top] + _TRIPLES[middle] + _TRIPLES[low]


class Ids:
    """Makes ids. With a seed every id repeats, for simulations; without, they cannot be guessed."""

    def __init__(self, seed: int | None = None) -> None:
        self._last: dict[int, int] = {}
        self._bytes: Callable[[int], bytes] = os.urandom if seed is None else random.Random(seed).randbytes
        self._pool, self._at = "", 0

    def new(self, prefix: str, micros: int, scope: int = 0) -> str:
        """An id made at `micros`. Each scope has a time of its own, so each keeps an order of its own."""
        last = self._last.get(scope, 0)
        self._last[scope] = last = micros if micros > last else last + 1
        return f"{prefix}_{time_code(last)}{self.word(RANDOM_LENGTH)}"

    def number(self) -> int:
        """62 random bits: a number that nobody else has given to the same thing."""
        return int.from_bytes(self._bytes(8)) >> 2

    def word(self, length: int) -> str:
        """Random base-62 characters, each as likely as the next: 5.95 bits each."""
        at, end = self._at, self._at + length
        while end > len(self._pool):
            drawn = self._bytes(max(_POOL, 2 * length)).translate(_CHARACTERS, _LEFT_OVER).decode()
            self._pool, at, end = self._pool[at:] + drawn, 0, length
        self._at = end
        return self._pool[at:end]


def created_bounds(prefix: str, seconds: int) -> str:
    """The smallest id that `prefix` can have at the start of this second: a bound for range queries."""
    return f"{prefix}_{time_code(min(max(seconds, 0) * 1_000_000, _LAST))}"


def made_at(id: str) -> int:
    """The microseconds that an id leads with."""
    number = 0
    for letter in id.rpartition("_")[2][:TIME_LENGTH]:
        number = 62 * number + ALPHABET.index(letter)
    return number
