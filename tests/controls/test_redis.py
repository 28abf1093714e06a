"""Redis, where there is one: it does what the database would, and nobody notices when it goes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nostro.app import make_world
from nostro.controls.api_key import Caller, Keys, issue, make_scope
from nostro.controls.demand import Demand
from nostro.controls.issued_key import issued, revoke
from nostro.controls.rate_limit import RateLimits
from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError
from nostro.kernel.settings import Settings
from nostro.storage import redis
from nostro.storage.unit import Scope
from nostro.storage.world import World
from redis_server import RedisServer, needed

pytestmark = needed
LIVE = Caller(Scope(1, "acct_1", True, 1), "secret", "live", "sk_live_****")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path_factory.mktemp("r"))
    yield running
    running.stop()


@pytest.fixture
async def worlds(tmp_path: Path, server: RedisServer) -> AsyncIterator[list[World]]:
    """Two workers of one database and one Redis."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'a.db'}", durable=False, rate_live_write=100)
    made = [await make_world(settings) for _ in range(2)]
    for world in made:
        world.redis = redis.Redis(server.url)
    yield made
    for world in made:
        await world.close()


async def second(demands: list[Demand], limits: list[RateLimits], now: int) -> list[int]:
    """What each gives of a hundred that are asked of it."""
    given = [sum(one.take(LIVE, True, now + n * SECOND // 100) for n in range(100)) for one in limits]
    for demand in demands:
        await demand.exchange(now + SECOND)
    return given


async def test_limits_are_shared_and_still_are_when_it_goes(
    worlds: list[World], server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "AGAIN", 0)
    limits = [RateLimits(world.settings) for world in worlds]
    demands = [Demand(world, one) for world, one in zip(worlds, limits, strict=True)]
    seconds = iter(range(0, 1000 * SECOND, SECOND))

    async def run(count: int) -> list[int]:
        return [sum(await second(demands, limits, next(seconds))) for _ in range(count)]

    rows = "SELECT count(*) FROM worker_demand"
    assert all(80 <= one <= 120 for one in (await run(6))[3:])
    assert await worlds[0].engine.rows(rows) == [(0,)], "the database was left alone"
    server.stop()
    with caplog.at_level(logging.WARNING):
        assert all(80 <= one <= 130 for one in await run(4))
        assert await worlds[0].engine.rows(rows) == [(2,)]
        assert sum("Redis does not answer" in one.message for one in caplog.records) == len(worlds), "one for each"
        server.start()
        assert all(80 <= one <= 130 for one in await run(4))
        assert sum("Redis answers again" in one.message for one in caplog.records) == len(worlds)


async def test_an_accepted_key_is_known_to_the_other_worker(
    worlds: list[World], server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = worlds
    scope = await make_scope(one, "acct_1", livemode=True, dev=False)
    key = await issue(one, scope, "secret", "shop")
    assert (await Keys(one).accept(key)).scope == scope
    asked: list[str] = []
    rows = other.engine.rows

    async def watched(statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        asked.append(statement)
        return await rows(statement, values)

    monkeypatch.setattr(other.engine, "rows", watched)
    accepted = await Keys(other).accept(key)
    assert (accepted.scope, accepted.kind) == (scope, "secret")
    assert not any("api_key" in statement for statement in asked)
    await revoke(one, (await issued(one))[0])
    with pytest.raises(ApiError, match="Invalid API Key"):
        await Keys(other).accept(key)
    for word in (key + "x", "sk_live_" + "0" * 40):
        with pytest.raises(ApiError, match="Invalid API Key"):
            await Keys(other).accept(word)


async def test_keys_are_accepted_without_it(worlds: list[World], server: RedisServer) -> None:
    scope = await make_scope(worlds[0], "acct_1", livemode=True, dev=False)
    key = await issue(worlds[0], scope, "secret", "shop")
    server.stop()
    for world in worlds:
        assert (await Keys(world).accept(key)).scope == scope
    server.start()
