"""Alike: how much two references are one, where a bank or a person has cut one off or mistyped it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import eq

PART = 6  # letters that a reference must keep to be known by its beginning or end
ONE_SLIP = 95
A_PART = 90


def alike(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Of 100: one slip of the pen, one is a part of the other, or most letters stand where they stood, counted from
    both ends."""
    return max((_alike(one, other) for one in mine for other in theirs), default=0)


def pieces(word: str) -> Iterator[str]:
    """Parts that a reference keeps when it is cut off at an end; and its quarters with their places, of which one is
    left when it is misread in three places."""
    yield word[-PART:]
    for at in range(0, min(len(word), 36) - PART + 1, PART // 2):
        yield word[at : at + PART]
    size = -(-len(word) // 4)
    for n in range(4):
        yield f"{len(word)}-{n}-{word[n * size : (n + 1) * size]}"


def _alike(one: str, other: str) -> int:
    if one == other:
        return 100
    short, long = sorted((one, other), key=len)
    if 2 * len(short) < len(long) and (len(short) < PART or short not in long):
        return 0
    begin = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    end = next((n for n, (a, b) in enumerate(zip(short[::-1], long[::-1], strict=False)) if a != b), len(short))
    if _one_slip(short, long, begin, end):
        return ONE_SLIP
    if len(short) >= PART and short in long:
        return A_PART
    same: int = sum(map(eq, short, long))
    return 100 * max(same, min(begin + end, len(short))) // len(long)


def _one_slip(short: str, long: str, begin: int, end: int) -> bool:
    """A letter is another, is missing or one too many, or two that stand side by side have changed places (edit
    distance 1 of Damerau and Levenshtein). `begin` and `end` letters agree."""
    if len(short) < PART - 2 or len(long) - len(short) > 1:
        return False
    if begin + end >= len(long) - 1:
        return True
    swapped = len(short) == len(long) and begin + end == len(long) - 2
    return swapped and short[begin : begin + 2] == long[begin : begin + 2][::-1]
