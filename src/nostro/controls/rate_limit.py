"""Rate limits: a token bucket for the reads of each key and one for its writes, in the memory of a worker.

A bucket holds one second's worth of requests and fills at the key's rate. Where several workers serve one database,
each takes the part of a key's rate that is asked of it; `demand.py` tells them what was asked of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nostro.kernel.clock import SECOND
from nostro.kernel.settings import Settings

from .api_key import Caller

QUIET = 0.1
"""A worker that was asked for less than this part of a key's rate does not speak of it."""
FORGOTTEN_AFTER = 60 * SECOND
Key = tuple[str, bool]
"""A key's digest, and whether it is about writes."""


class Bucket:
    """`share` is the part of the rate that is this worker's to give; `asked` counts since the last exchange."""

    __slots__ = ("asked", "at", "level", "rate", "share")

    def __init__(self, rate: int, share: float, now: int) -> None:
        self.rate = rate
        self.share = share
        self.level = rate * share
        self.at = now
        self.asked = 0

    def take(self, now: int) -> bool:
        """Take a token, if there is one. `now` is a monotonic reading in microseconds."""
        self.asked += 1
        most = self.rate * self.share
        self.level = min(max(most, 1.0), self.level + (now - self.at) * most / SECOND)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class RateLimits:
    """The buckets of all keys that this worker has heard of lately."""

    def __init__(self, settings: Settings) -> None:
        self._rates = {
            (True, False): settings.rate_live_read, (True, True): settings.rate_live_write,
            (False, False): settings.rate_test_read, (False, True): settings.rate_test_write,
        }  # fmt: skip
        self._buckets: dict[Key, Bucket] = {}
        self._elsewhere: Mapping[Key, tuple[int, int]] = {}

    def rate(self, caller: Caller, writes: bool) -> int:
        """Requests a second; 0 is no limit."""
        return self._rates[caller.scope.livemode, writes]

    def take(self, caller: Caller, writes: bool, now: int) -> bool:
        key = (caller.key, writes)
        bucket = self._buckets.get(key)
        if bucket is None:
            rate = self.rate(caller, writes)
            if not rate:
                return True
            bucket = self._buckets[key] = Bucket(rate, self._newcomer(key), now)
        return bucket.take(now)

    def demand(self) -> dict[Key, int]:
        """What was asked since the last `share`, of the keys that are worth speaking of."""
        return {key: one.asked for key, one in self._buckets.items() if one.asked and one.asked >= QUIET * one.rate}

    def share(self, elsewhere: Mapping[Key, tuple[int, int]]) -> None:
        """Take the part of each rate that is asked here. `elsewhere`: requests to others, and how many these are."""
        self._elsewhere = elsewhere
        for key, bucket in self._buckets.items():
            others = elsewhere.get(key, (0, 0))[0]
            bucket.share = bucket.asked / (bucket.asked + others) if bucket.asked else self._newcomer(key)
            bucket.asked = 0

    def forget(self, now: int) -> None:
        """Drop the buckets that nobody has used for a while: they are full again."""
        self._buckets = {key: one for key, one in self._buckets.items() if now - one.at < FORGOTTEN_AFTER}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._buckets)

    def _newcomer(self, key: Key) -> float:
        return 1 / (self._elsewhere.get(key, (0, 0))[1] + 1)
