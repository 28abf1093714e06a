"""Rate limits: what one worker lets through, and what several do that tell each other once a second."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nostro.app import make_world
from nostro.controls.api_key import Caller
from nostro.controls.demand import Demand
from nostro.controls.rate_limit import RateLimits
from nostro.kernel.clock import SECOND
from nostro.kernel.settings import Settings
from nostro.storage.unit import Scope

LIVE = Caller(Scope(1, "acct_1", True, 1), "secret", "live", "sk_live_****")
TEST = Caller(Scope(2, "acct_1", False, 2), "secret", "test", "sk_test_****")
RATE = 100


def let_through(limits: RateLimits, caller: Caller, rate: int, seconds: int, writes: bool = True) -> list[int]:
    """How many of so many requests a second, evenly spread, pass in each second."""
    return [
        sum(limits.take(caller, writes, second * SECOND + n * SECOND // rate) for n in range(rate))
        for second in range(seconds)
    ]


def test_a_bucket_gives_a_burst_and_then_the_rate() -> None:
    limits = RateLimits(Settings())
    passed = let_through(limits, LIVE, 400, 5)
    assert 198 <= passed[0] <= 200, "a second's worth at once, and what flows in meanwhile"
    assert all(99 <= one <= 101 for one in passed[1:])


def test_each_key_and_reads_and_writes_have_their_own() -> None:
    limits = RateLimits(Settings(rate_test_write=5))
    let_through(limits, LIVE, 400, 1)
    assert sum(let_through(limits, LIVE, 90, 3, writes=False)) == 270
    assert sum(let_through(limits, TEST, 50, 1)) <= 10
    assert sum(let_through(RateLimits(Settings(rate_live_write=0)), LIVE, 5_000, 1)) == 5_000


def test_idle_buckets_are_forgotten() -> None:
    limits = RateLimits(Settings())
    limits.take(LIVE, True, 0)
    limits.take(TEST, True, 50 * SECOND)
    limits.forget(70 * SECOND)
    assert list(limits) == [("test", True)]


class Workers:
    """Several on one database. What they are asked for is said by the second and worker."""

    def __init__(self, limits: list[RateLimits], demands: list[Demand]) -> None:
        self.limits = limits
        self.demands = demands

    async def run(self, asked: list[list[int]]) -> list[int]:
        """What passes in each second, of all workers together."""
        passed: Counter[int] = Counter()
        for second, rates in enumerate(asked):
            moments = sorted(
                (second * SECOND + n * SECOND // rate, worker) for worker, rate in enumerate(rates) for n in range(rate)
            )
            passed[second] = sum(self.limits[worker].take(LIVE, True, at) for at, worker in moments)
            for demand in self.demands:
                await demand.exchange()
        return [passed[second] for second in range(len(asked))]


@pytest.fixture
async def workers(tmp_path: Path) -> Workers:
    settings = Settings(database=f"sqlite:///{tmp_path / 'a.db'}", durable=False, rate_live_write=RATE)
    worlds = [await make_world(settings) for _ in range(4)]
    limits = [RateLimits(settings) for _ in worlds]
    return Workers(limits, [Demand(world, limit) for world, limit in zip(worlds, limits, strict=True)])


async def test_workers_keep_to_one_rate_together(workers: Workers) -> None:
    passed = await workers.run([[200, 100, 100, 0]] * 12)
    assert passed[0] <= 3 * 2 * RATE, "before they have heard of each other each gives the whole"
    assert all(0.9 * RATE <= one <= 1.1 * RATE for one in passed[3:]), passed


async def test_a_key_on_one_worker_has_the_whole_rate(workers: Workers) -> None:
    """As a client with one kept connection: a fair part for each worker would cut it to a quarter."""
    assert all(one >= 0.99 * RATE for one in await workers.run([[150, 0, 0, 0]] * 6))


async def test_the_share_follows_the_demand(workers: Workers) -> None:
    passed = await workers.run([[200, 0, 0, 0]] * 5 + [[0, 200, 0, 0]] * 5)
    assert passed[5] <= 2 * RATE and all(0.9 * RATE <= one <= 1.1 * RATE for one in passed[7:]), passed


async def test_what_is_not_told_is_bounded(workers: Workers) -> None:
    """A worker that is asked for little says nothing: at most a tenth of the rate for each."""
    passed = await workers.run([[400, 9, 9, 9]] * 8)
    assert all(one <= RATE + 3 * 0.1 * RATE for one in passed[2:]), passed


async def test_a_worker_that_died_is_forgotten(workers: Workers) -> None:
    await workers.run([[200, 200, 0, 0]] * 4)
    workers.demands.pop(1)
    passed = await workers.run([[200, 0, 0, 0]] * 8)
    assert 0.9 * RATE <= passed[-1] <= 1.1 * RATE, passed


async def test_quiet_keys_cost_the_database_nothing(workers: Workers) -> None:
    await workers.run([[9, 9, 0, 0]] * 3)
    assert await workers.demands[0]._world.engine.rows("SELECT count(*) FROM worker_demand") == [(0,)]
