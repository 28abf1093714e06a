"""Subset: which of some amounts add up to a total, if it is one set only. Exact, bounded, the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

MOST_AMOUNTS = 24
MOST_STEPS = 20_000
ONCE_IN = 1_000


def subset(amounts: Sequence[int], total: int, most: int) -> tuple[int, ...] | None:
    """The places of at least two and up to `most` amounts that add up to `total`, all of its sign.

    None if there is no such set, if there is more than one, or if it takes too long to be sure.
    """
    sign = 1 if total > 0 else -1
    places = [n for n, amount in enumerate(amounts) if 0 < sign * amount <= sign * total]
    if len(places) > MOST_AMOUNTS:
        return None
    places.sort(key=lambda n: (-sign * amounts[n], n))
    values = [sign * amounts[n] for n in places]
    left = [sum(values[n:]) for n in range(len(values) + 1)]
    found: list[tuple[int, ...]] = []
    steps = 0

    def search(at: int, missing: int, chosen: tuple[int, ...]) -> bool:
        """False if the search is over: two sets, or too many steps."""
        nonlocal steps
        steps += 1
        if steps > MOST_STEPS:
            return False
        if missing == 0:
            found.append(chosen)
            return len(found) < 2
        if at == len(values) or len(chosen) == most or left[at] < missing:
            return True
        if values[at] <= missing and not search(at + 1, missing - values[at], (*chosen, at)):
            return False
        return search(at + 1, missing, chosen)

    sure = search(0, sign * total, ())
    if not sure or len(found) != 1 or len(found[0]) < 2:
        return None
    return tuple(sorted(places[n] for n in found[0]))


def by_luck(count: int, size: int, total: int) -> bool:
    """Whether some set of up to `size` of so many amounts would come to a total of this order by chance more often than
    once in `ONCE_IN` times: there are so many sets, and about as many sums as the total has minor units."""
    return sum(comb(count, n) for n in range(2, size + 1)) * ONCE_IN > abs(total)
