"""Key: what a booking can be found by, as a number. Case and punctuation, which banks change, do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

SHORTEST = 4
MOST_WORDS = 50
# What stands where a reference would stand (ISO 20022, SWIFT).
NOTHING = frozenset(("NOTPROVIDED", "NONREF", "NONE", "UNKNOWN"))
_DROPPED = re.compile(r"[\W_]+")
_SPACES = re.compile(r"[\s,;|]+")


def plain(text: str) -> str:
    """Letters and digits in capitals; empty if it names nothing."""
    word = _DROPPED.sub("", text).upper()
    return "" if len(word) < SHORTEST or word in NOTHING else word


def key(text: str) -> int:
    """63 bits of a hash, 0 if the text names nothing."""
    word = plain(text)
    return hashed(word) if word else 0


def hashed(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest()) >> 1 or 1


def words(text: str) -> Iterator[str]:
    """What in a longer text could be a reference: words that have a digit."""
    for word in _SPACES.split(text, MOST_WORDS)[:MOST_WORDS]:
        found = plain(word)
        if found and any(letter.isdigit() for letter in found):
            yield found
