"""Rate limits and limits of what is under way, by key, in the memory of a worker.

A bucket holds one second's worth of requests and fills at the key's rate, one for reads and one for writes. A room
holds so many requests of a key at once. Where several workers serve one database, each has a part of every limit: an
equal one at first, then that which is asked of it; `demand.py` tells them what is asked of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nostro.kernel.clock import SECOND
from nostro.kernel.settings import Settings

from .api_key import Caller

QUIET = 0.1
"""A worker that is asked for less than this part of a limit, and than half of its equal part, does not speak of it."""
SETTLED = 5
"""Exchanges after which a worker's part of a limit is what is asked of it."""
FORGOTTEN_AFTER = 60 * SECOND
UNDER_WAY = "+"
Key = tuple[str, bool]
"""A key's digest, and whether it is about writes; with `UNDER_WAY` behind the digest it is about both at once."""


class Part:
    """A worker's part of a limit. `asked` is what was asked for in this second so far, `before` in the last one."""

    def __init__(self, limit: int, share: float, now: int) -> None:
        self.limit = limit
        self.share = share
        self.at = now
        self.asked = 0
        self.before = 0
        self.exchanges = 0

    def wanted(self, whole: bool) -> int:
        """What was asked for in a second: in this one if it is over."""
        return self.asked if whole else max(self.asked, self.before)

    @property
    def idle(self) -> bool:
        return True

    def move(self, share: float) -> None:
        self.share = share

    def next_second(self) -> None:
        self.before, self.asked = self.asked, 0


class Bucket(Part):
    """`level` can be below zero: more was given than was due, before the workers had heard of each other."""

    def __init__(self, limit: int, share: float, now: int) -> None:
        super().__init__(limit, share, now)
        self.level = limit * share

    def take(self, now: int) -> bool:
        """Take a token, if there is one. `now` is a monotonic reading in microseconds."""
        self.asked += 1
        most = self.limit * self.share
        self.level = min(max(most, 1.0), self.level + (now - self.at) * most / SECOND)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def move(self, share: float) -> None:
        """What is in the bucket moves with the rate, so that all buckets together never hold more than one."""
        self.level += self.limit * (share - self.share)
        self.share = share


class Room(Part):
    """`inside` is how many are under way. Each worker has room for one."""

    def __init__(self, limit: int, share: float, now: int) -> None:
        super().__init__(limit, share, now)
        self.inside = 0

    @property
    def idle(self) -> bool:
        return not self.inside

    def enter(self, now: int) -> bool:
        self.asked, self.at = max(self.asked, self.inside + 1), now
        if self.inside >= max(1, round(self.limit * self.share)):
            return False
        self.inside += 1
        return True

    def next_second(self) -> None:
        self.before, self.asked = self.asked, self.inside


class RateLimits:
    """The parts of all keys that this worker has heard of lately. `workers` is how many share them."""

    def __init__(self, settings: Settings) -> None:
        self._rates = {
            (True, False): settings.rate_live_read, (True, True): settings.rate_live_write,
            (False, False): settings.rate_test_read, (False, True): settings.rate_test_write,
        }  # fmt: skip
        self._rooms = {True: settings.concurrent_live, False: settings.concurrent_test}
        self._parts: dict[Key, Any] = {}
        self.workers = 1
        self._needy: set[Key] = set()

    def rate(self, caller: Caller, writes: bool) -> int:
        """Requests a second; 0 is no limit."""
        return self._rates[caller.scope.livemode, writes]

    def room(self, caller: Caller) -> int:
        """Requests under way at once; 0 is no limit."""
        return self._rooms[caller.scope.livemode]

    def take(self, caller: Caller, writes: bool, now: int) -> bool:
        key = (caller.key, writes)
        bucket: Bucket | None = self._parts.get(key)
        if bucket is None:
            rate = self.rate(caller, writes)
            if not rate:
                return True
            bucket = self._parts[key] = Bucket(rate, 1 / self.workers, now)
        return bucket.take(now) or self._refuse(key, bucket)

    def enter(self, caller: Caller, now: int) -> bool:
        """Count a request as under way until `leave`, if there is room for it."""
        key = (caller.key + UNDER_WAY, False)
        room: Room | None = self._parts.get(key)
        if room is None:
            limit = self.room(caller)
            if not limit:
                return True
            room = self._parts[key] = Room(limit, 1 / self.workers, now)
        return room.enter(now) or self._refuse(key, room)

    def leave(self, caller: Caller) -> None:
        if self.room(caller):
            self._parts[caller.key + UNDER_WAY, False].inside -= 1

    def demand(self, *, whole: bool = True) -> dict[Key, int]:
        """What is asked for here, of the limits that are worth speaking of. `whole`: a second is over."""
        wanted = ((key, part, part.wanted(whole)) for key, part in self._parts.items())
        return {key: asked for key, part, asked in wanted if not self._quiet(part, asked)}

    def share(self, elsewhere: Mapping[Key, int], workers: int = 1, *, whole: bool = True) -> None:
        """Take the part of each limit that is asked here. `elsewhere` is what is asked of the others, `whole` that a
        second is over."""
        self.workers = workers
        for key, part in self._parts.items():
            fair, mine = 1 / workers, part.wanted(whole)
            quiet = self._quiet(part, mine)
            share = mine / (mine + elsewhere.get(key, 0)) if mine else fair
            part.move(min(share, fair) if quiet else share)
            part.exchanges = 0 if quiet else part.exchanges + 1
            if whole:
                part.next_second()
            if quiet or part.exchanges >= SETTLED:
                self._needy.discard(key)

    @property
    def in_need(self) -> bool:
        """True for a moment after something was refused that the others might have left: they should be asked now."""
        return bool(self._needy)

    def forget(self, now: int) -> None:
        """Drop what nobody has used for a while: the buckets are full again."""
        self._parts = {
            key: one for key, one in self._parts.items() if now - one.at < FORGOTTEN_AFTER or not one.idle
        }  # fmt: skip
        self._needy &= self._parts.keys()

    def __iter__(self) -> Iterator[Key]:
        return iter(self._parts)

    def _refuse(self, key: Key, part: Part) -> bool:
        if part.exchanges < SETTLED:
            self._needy.add(key)
        return False

    def _quiet(self, part: Part, asked: int) -> bool:
        return asked < max(1.0, part.limit * min(QUIET, 0.5 / self.workers))
