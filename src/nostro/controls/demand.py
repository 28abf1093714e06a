"""What is asked of each worker, told to the others once a second: one small row a worker, or a field in Redis.

While no key is busy a worker says every few seconds that it is there, so that each knows among how many a limit is to
be shared, and reads nothing. Where a key is refused something that others might leave, they are asked ten times a
second for a moment. A worker is heard by the change of its `beat`, not by its clock.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.clock import DAY, SECOND
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

from .rate_limit import Key, RateLimits

PUT = (
    "INSERT INTO worker_demand (worker,beat,at,demand) VALUES (?,?,?,?) "
    "ON CONFLICT (worker) DO UPDATE SET beat=excluded.beat, at=excluded.at, demand=excluded.demand"
)
LEAVE = "DELETE FROM worker_demand WHERE worker=?"
PURGE = "DELETE FROM worker_demand WHERE at < ?"
READ = "SELECT worker, beat, demand FROM worker_demand"
BOARD = "nostro:demand"
PRESENT = 4 * SECOND
"""A worker says that it is there at least so often."""
ABSENT = 10 * SECOND
"""One that was not heard for so long is not there,"""
SILENT = 3 * SECOND
"""and what it was asked for is over by then."""
ON_THE_WAY = 6 * SECOND
"""When Redis goes or comes back, all have noticed by then, and until then are taken for what they were."""
GONE = 60
Told = list[tuple[str, bool, int]]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Told).decode


class Heard(Struct):
    """What another worker said last, and when that was heard here."""

    beat: int
    at: int
    told: str


class Demand:
    """One worker's part in the exchange. Times are monotonic microseconds."""

    def __init__(self, world: World, limits: RateLimits) -> None:
        self._world = world
        self._limits = limits
        self._worker = world.ids.word(16)
        self._beat = 0
        self._said: int | None = None
        self._busy = False
        self._heard: dict[str, Heard] = {}
        self._in_redis = world.redis is not None
        self._moved: int | None = None

    async def exchange(self, now: int, *, whole: bool = True) -> None:
        """Say what is asked here, hear what is asked elsewhere, and share the limits. `whole`: a second is over."""
        mine = self._limits.demand(whole=whole)
        first = self._said is None
        if mine or self._busy or self._said is None or now - self._said >= PRESENT:
            await self._tell(mine)
            self._said, self._busy = now, bool(mine)
        if first or any(True for _ in self._limits):
            elsewhere, workers = self._listen(await self._read(now), now)
            self._limits.share(elsewhere, workers, whole=whole)
            await self._sweep(now)

    async def _sweep(self, now: int) -> None:
        """Take down what workers have said that did not take their leave; the database drops it after a day."""
        gone = [worker for worker, heard in self._heard.items() if now - heard.at >= GONE * SECOND]
        if gone and self._world.redis is not None:
            await self._world.redis.ask(("HDEL", BOARD, *gone))

    async def leave(self) -> None:
        """The others need not wait for this worker any more."""
        if self._world.redis is not None:
            await self._world.redis.ask(("HDEL", BOARD, self._worker))
        await self._write([(LEAVE, (self._worker,))])

    async def _tell(self, mine: dict[Key, int]) -> None:
        self._beat += 1
        told = _encode([(key, writes, asked) for (key, writes), asked in mine.items()]).decode()
        if self._world.redis is not None:
            said = (("HSET", BOARD, self._worker, f"{self._beat} {told}"), ("EXPIRE", BOARD, GONE))
            if await self._world.redis.ask(*said) is not None:
                return
        at = self._world.clock.micros() // SECOND
        rows: list[tuple[str, tuple[Any, ...]]] = [(PUT, (self._worker, self._beat, at, told))]
        if self._beat == 1:
            rows.insert(0, (PURGE, (at - DAY,)))
        await self._write(rows)

    async def _write(self, rows: list[tuple[str, tuple[Any, ...]]]) -> None:
        await self._world.engine.commit(Unit(scope=NOBODY, micros=self._world.clock.micros(), rows=rows))

    async def _read(self, now: int) -> list[tuple[str, int, str]]:
        answers = await self._world.redis.ask(("HGETALL", BOARD)) if self._world.redis is not None else None
        if self._in_redis != (answers is not None):
            self._in_redis, self._moved = answers is not None, now
        if answers is None:
            return [(worker, beat, told) for worker, beat, told in await self._world.engine.rows(READ)]
        parts = [(worker, *said.partition(" ")) for worker, said in answers[0].items()]
        return [(worker, int(beat), told) for worker, beat, _, told in parts]

    def _listen(self, rows: list[tuple[str, int, str]], now: int) -> tuple[Counter[Key], int]:
        """What is asked of others by key, and how many workers there are, this one included."""
        moving = self._moved is not None and now - self._moved < ON_THE_WAY
        before, self._heard = self._heard, dict(self._heard) if moving else {}
        for worker, beat, told in rows:
            heard = before.get(worker)
            self._heard[worker] = heard if heard and heard.beat == beat else Heard(beat, now, told)
        self._heard.pop(self._worker, None)
        found: Counter[Key] = Counter()
        workers = 1
        for heard in self._heard.values():
            workers += moving or now - heard.at < ABSENT
            if moving or now - heard.at < SILENT:
                for key, writes, asked in _decode(heard.told):
                    found[key, writes] += asked
        return found, workers
