"""Ids: a prefix, nine base-62 characters of creation time, and fifteen random ones.

The time (microseconds) leads, so ids sort by creation, insertion into an index is local,
and a list, newest first, needs no second index. One process never gives the same moment
twice within a lane, so two objects made in one microsecond still keep their order. A sandbox is a
lane of its own: where time was moved ahead, only its own ids follow.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TIME_LENGTH = 9
RANDOM_LENGTH = 15
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_TRIPLES = [pair + c for pair in _PAIRS for c in ALPHABET]
_CUBE = 62**3
_WORD = 2**64 - 1  # far more than three base-62 digits hold, so that each is as likely as the next


def time_code(micros: int) -> str:
    """Nine base-62 digits, good until the year 2398; string order is time order."""
    high, low = divmod(micros, _CUBE)
    top, middle = divmod(high, _CUBE)
    return _TRIPLES[top] + _TRIPLES[middle] + _TRIPLES[low]


class Ids:
    """Makes ids. With a seed every id repeats, for simulations; without, they cannot be guessed."""

    def __init__(self, seed: int | None = None) -> None:
        self._last: dict[int, int] = {}
        bits: Callable[[int], int] = secrets.randbits if seed is None else random.Random(seed).getrandbits
        self._bits = bits

    def new(self, prefix: str, micros: int, scope: int = 0) -> str:
        """An id made at `micros`. Each scope has a time of its own, so each keeps an order of its own."""
        last = self._last.get(scope, 0)
        self._last[scope] = last = micros if micros > last else last + 1
        return f"{prefix}_{time_code(last)}{self.word(RANDOM_LENGTH)}"

    def word(self, length: int) -> str:
        """A random base-62 word (a signing secret, a client secret): 64 random bits for every three characters."""
        triples = -(-length // 3)
        number, out = self._bits(64 * triples), []
        for _ in range(triples):
            out.append(_TRIPLES[(number & _WORD) % _CUBE])
            number >>= 64
        return "".join(out)[:length]


def created_bounds(prefix: str, seconds: int) -> str:
    """The smallest id that `prefix` can have at the start of this second: a bound for range queries."""
    return f"{prefix}_{time_code(max(seconds, 0) * 1_000_000)}"
