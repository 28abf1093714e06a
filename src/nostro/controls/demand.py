"""What was asked of each worker, told to the others once a second through the database: one small row a worker.

Nothing is written while no key is busy, and nothing is read while this worker has no keys to limit. A worker is heard
by the change of its `beat`, not by its clock; one that falls silent is forgotten after a few seconds.
"""

from __future__ import annotations

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
PURGE = "DELETE FROM worker_demand WHERE at < ?"
READ = "SELECT worker, beat, demand FROM worker_demand"
MOST_SILENT = 3
Told = list[tuple[str, bool, int]]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Told).decode


class Heard(Struct):
    """What another worker said last; `silent` counts the looks that found nothing new."""

    beat: int
    silent: int = 0


class Demand:
    """One worker's part in the exchange."""

    def __init__(self, world: World, limits: RateLimits) -> None:
        self._world = world
        self._limits = limits
        self._worker = world.ids.word(16)
        self._beat = 0
        self._told = False
        self._heard: dict[str, Heard] = {}

    async def exchange(self) -> None:
        """Say what was asked here, hear what was asked elsewhere, and share the rates by it. Once a second."""
        mine = self._limits.demand()
        if mine or self._told:
            await self._tell(mine)
        if any(True for _ in self._limits):
            self._limits.share(self._sum(await self._world.engine.rows(READ)))

    async def _tell(self, mine: dict[Key, int]) -> None:
        micros = self._world.clock.micros()
        self._beat += 1
        told = _encode([(key, writes, asked) for (key, writes), asked in mine.items()]).decode()
        rows: list[tuple[str, tuple[object, ...]]] = [(PUT, (self._worker, self._beat, micros // SECOND, told))]
        if self._beat == 1:
            rows.insert(0, (PURGE, (micros // SECOND - DAY,)))
        await self._world.engine.commit(Unit(scope=NOBODY, micros=micros, rows=rows))
        self._told = bool(mine)

    def _sum(self, rows: list[tuple[str, int, str]]) -> dict[Key, tuple[int, int]]:
        """Requests and workers, by key."""
        found: dict[Key, tuple[int, int]] = {}
        for worker, beat, told in rows:
            if worker == self._worker or not self._alive(worker, beat):
                continue
            for key, writes, asked in _decode(told):
                requests, workers = found.get((key, writes), (0, 0))
                found[key, writes] = (requests + asked, workers + 1)
        return found

    def _alive(self, worker: str, beat: int) -> bool:
        heard = self._heard.get(worker)
        if heard is None or heard.beat != beat:
            self._heard[worker] = Heard(beat)
        else:
            heard.silent += 1
        return self._heard[worker].silent < MOST_SILENT
