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
_RANDOM_SPACE = 62**RANDOM_LENGTH


def time_code(micros: int) -> str:
    """Nine base-62 digits, good until the year 2398; string order is time order."""
    high, low = divmod(micros, _CUBE)
    top, middle = divmod(high, _CUBE)
    return _TRIPLES[top] + _TRIPLES[middle] + _TRIPLES[low]


def _random_code(number: int) -> str:
    out = []
    for _ in range(RANDOM_LENGTH // 3):
        number, digit = divmod(number, _CUBE)
        out.append(_TRIPLES[digit])
    return "".join(out)


class Ids:
    """Makes ids. With a seed every id repeats, for simulations; without, they cannot be guessed."""

    def __init__(self, seed: int | None = None) -> None:
        self._last: dict[int, int] = {}
        below: Callable[[int], int] = secrets.randbelow if seed is None else random.Random(seed).randrange
        self._below = below

    def new(self, prefix: str, micros: int, lane: int = 0) -> str:
        last = self._last.get(lane, 0)
        at = self._last[lane] = micros if micros > last else last + 1
        return f"{prefix}_{time_code(at)}{_random_code(self._below(_RANDOM_SPACE))}"

    def secret(self, length: int = 32) -> str:
        """An unguessable base-62 word (a signing secret, a client secret)."""
        return "".join(ALPHABET[self._below(62)] for _ in range(length))


def created_bounds(prefix: str, seconds: int) -> str:
    """The smallest id that `prefix` can have at the start of this second: a bound for range queries."""
    return f"{prefix}_{time_code(max(seconds, 0) * 1_000_000)}"
