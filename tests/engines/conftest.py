"""What every engine is held to, whichever it is: one database, opened as often as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from counter import COUNTER, SETTING
from nostro.controls.api_key import make_scope
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.storage.engine import Engine
from nostro.storage.postgres import PostgresEngine
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.unit import Scope
from nostro.storage.world import World
from postgresql import database

Open = Callable[[], Awaitable[World]]


@pytest.fixture(params=["sqlite", "postgresql"])
def make_engine(request: Any, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Each call makes an engine on the same database."""
    if request.param == "sqlite":
        yield lambda: SqliteEngine(tmp_path / "engine.db", durable=False)
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield lambda: PostgresEngine(url, durable=False)


@pytest.fixture
async def open_world(make_engine: Callable[[], Engine]) -> AsyncIterator[Open]:
    """Each call opens the same database anew, as another process would."""
    worlds: list[World] = []

    async def open() -> World:
        engine = make_engine()
        await engine.prepare([COUNTER, SETTING])
        world = World(
            engine=engine, registry=Registry([COUNTER, SETTING]), clock=ManualClock(), ids=Ids(seed=1),
            settings=Settings(), rails={}, jobs={"tick": None}, api_version="", work=asyncio.Event(),
        )  # fmt: skip
        worlds.append(world)
        return world

    yield open
    for world in worlds:
        await world.engine.close()


@pytest.fixture
async def world(open_world: Open) -> World:
    return await open_world()


@pytest.fixture
async def scope(world: World) -> Scope:
    return await make_scope(world, "acct_engine", livemode=False, dev=True)
