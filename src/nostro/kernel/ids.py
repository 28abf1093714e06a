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
from struct import Struct, unpack_from

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TIME_LENGTH = 9
RANDOM_LENGTH = 15
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_TRIPLES = [pair + c for pair in _PAIRS for c in ALPHABET]
_LAST = 62**TIME_LENGTH - 1
_POOL = 8192  # random bytes fetched at a time: one call of the system serves some four hundred ids
_FIVE = Struct("<5I")
_CUBE = 62**3  # 32 random bits are far more, so each triple is as likely as the next but for 0.006 %


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
        self._pool, self._at = b"", _POOL

    def new(self, prefix: str, micros: int, scope: int = 0) -> str:
        """An id made at `micros`. Each scope has a time of its own, so each keeps an order of its own."""
        last = self._last.get(scope, 0)
        self._last[scope] = last = micros if micros > last else last + 1
        at = self._take(_FIVE.size)
        a, b, c, d, e = _FIVE.unpack_from(self._pool, at)
        triples = _TRIPLES
        return (
            f"{prefix}_{time_code(last)}{triples[a % _CUBE]}{triples[b % _CUBE]}{triples[c % _CUBE]}"
            f"{triples[d % _CUBE]}{triples[e % _CUBE]}"
        )

    def word(self, length: int) -> str:
        """A random base-62 word (a signing secret, a client secret): 32 random bits for every three characters."""
        triples = -(-length // 3)
        at = self._take(4 * triples)
        numbers = unpack_from(f"<{triples}I", self._pool, at)
        return "".join([_TRIPLES[number % _CUBE] for number in numbers])[:length]

    def _take(self, size: int) -> int:
        """Where the next `size` unused random bytes lie in the pool."""
        at = self._at
        if at + size > len(self._pool):
            self._pool, at = self._bytes(max(_POOL, size)), 0
        self._at = at + size
        return at


def created_bounds(prefix: str, seconds: int) -> str:
    """The smallest id that `prefix` can have at the start of this second: a bound for range queries."""
    return f"{prefix}_{time_code(min(max(seconds, 0) * 1_000_000, _LAST))}"


def made_at(id: str) -> int:
    """The microseconds that an id leads with."""
    number = 0
    for letter in id.rpartition("_")[2][:TIME_LENGTH]:
        number = 62 * number + ALPHABET.index(letter)
    return number
