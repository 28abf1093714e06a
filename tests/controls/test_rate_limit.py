"""Rate limits: what one worker lets through, and what several do that tell each other once a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

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
    """Several on one database. What they are asked for is said by the second and worker. They talk as the server's
    pulse lets them: once a second, and ten times a second while one of them is in need."""

    def __init__(self, limits: list[RateLimits], demands: list[Demand]) -> None:
        self.limits = limits
        self.demands = demands
        self.now = 0

    async def run(self, asked: list[list[int]]) -> list[int]:
        """What passes in each second, of all workers together."""
        passed: list[int] = []
        for rates in asked:
            moments = sorted((n * SECOND // rate, worker) for worker, rate in enumerate(rates) for n in range(rate))
            passed.append(0)
            for tenth in range(10):
                until = (tenth + 1) * SECOND // 10
                while moments and moments[0][0] < until:
                    at, worker = moments.pop(0)
                    passed[-1] += self.limits[worker].take(LIVE, True, self.now + at)
                for demand, limits in zip(self.demands, self.limits, strict=True):
                    if tenth == 9 or limits.in_need:
                        await demand.exchange(self.now + until, whole=tenth == 9)
            self.now += SECOND
        return passed


@pytest.fixture(params=[4])
async def workers(request: Any, tmp_path: Path) -> AsyncIterator[Workers]:
    """They know of each other, and nothing was asked of them yet."""
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'a.db'}", durable=False, rate_live_write=RATE, concurrent_live=40
    )
    worlds = [await make_world(settings) for _ in range(request.param)]
    limits = [RateLimits(settings) for _ in worlds]
    made = Workers(limits, [Demand(world, limit) for world, limit in zip(worlds, limits, strict=True)])
    await made.run([[1] * request.param] * 2)
    yield made
    for world in worlds:
        await world.engine.close()


@pytest.mark.parametrize("workers", [1, 2, 4, 16], indirect=True)
async def test_a_burst_from_quiet_is_that_of_one_bucket(workers: Workers) -> None:
    """However many workers it comes to: a second's worth at once, and the rate."""
    many = len(workers.limits)
    passed = await workers.run([[1600 // many] * many] * 4)
    assert passed[0] <= 2.5 * RATE, passed
    assert sum(passed[:2]) <= 4.1 * RATE, passed
    assert all(0.5 * RATE <= one <= 1.1 * RATE for one in passed[2:]), passed


async def test_workers_keep_to_one_rate_together(workers: Workers) -> None:
    passed = await workers.run([[200, 100, 100, 0]] * 12)
    assert sum(passed) <= 13.2 * RATE
    assert all(0.9 * RATE <= one <= 1.1 * RATE for one in passed[3:]), passed


async def test_a_burst_on_one_worker_is_whole(workers: Workers) -> None:
    """As of a client with one kept connection: its own part at once, the others' within a tenth of a second."""
    passed = await workers.run([[400, 0, 0, 0]] * 2)
    assert passed[0] >= 1.8 * RATE, passed


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
    assert all(one >= 0.99 * RATE for one in passed), passed


async def test_a_key_that_was_quiet_on_all_of_them(workers: Workers) -> None:
    """What each might have given is not given by all."""
    await workers.run([[9, 9, 9, 9]] * 3)
    passed = await workers.run([[200] * 4] * 3)
    assert sum(passed) <= 4.5 * RATE, passed


async def test_a_worker_that_died_is_forgotten(workers: Workers) -> None:
    await workers.run([[200, 200, 0, 0]] * 4)
    workers.demands.pop(1)
    workers.limits.pop(1)
    passed = await workers.run([[200, 0, 0]] * 12)
    assert 0.9 * RATE <= passed[-1] <= 1.1 * RATE, passed
    assert workers.limits[0].workers == 3


async def test_a_worker_that_stops_takes_its_leave(workers: Workers) -> None:
    await workers.demands.pop().leave()
    workers.limits.pop()
    await workers.run([[1, 1, 1]] * 2)
    assert [one.workers for one in workers.limits] == [3, 3, 3]


async def test_quiet_keys_cost_the_database_hardly_anything(workers: Workers) -> None:
    """A worker says that it is there, and nothing of keys that ask for little."""
    await workers.run([[9, 9, 0, 0]] * 4)
    rows = await workers.demands[0]._world.engine.rows("SELECT beat, demand FROM worker_demand")
    assert [demand for _, demand in rows] == ["[]"] * 4
    assert max(beat for beat, _ in rows) <= 2


async def test_what_is_under_way_is_shared_as_well(workers: Workers) -> None:
    """Of 40 each worker has ten at first; of what is asked of two, each has what is asked of it."""
    inside: list[list[int]] = []
    for asked in ([30, 30, 30, 30], *([[30, 30, 0, 0]] * 4), *([[50, 0, 0, 0]] * 4)):
        inside.append([])
        for limits, many in zip(workers.limits, asked, strict=True):
            inside[-1].append(sum(limits.enter(LIVE, workers.now) for _ in range(many)))
        await workers.run([[0] * 4])
        for limits, many in zip(workers.limits, inside[-1], strict=True):
            for _ in range(many):
                limits.leave(LIVE)
    assert inside[0] == [10, 10, 10, 10]
    assert inside[4] == [20, 20, 0, 0]
    assert inside[8] == [40, 0, 0, 0]
    assert all(sum(one) <= 41 for one in inside), inside
