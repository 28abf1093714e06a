"""What every engine is held to, whichever it is: one database, opened as often as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from counter import COUNTER
from nostro.controls.api_key import make_scope
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.storage.engine import Engine
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.unit import Scope
from nostro.storage.world import World

Open = Callable[[], Awaitable[World]]
ENGINES: dict[str, Callable[[Path], Engine]] = {
    "sqlite": lambda path: SqliteEngine(path / "engine.db", durable=False),
}


@pytest.fixture(params=ENGINES)
async def open_world(request: Any, tmp_path: Path) -> AsyncIterator[Open]:
    """Each call opens the same database anew, as another process would."""
    worlds: list[World] = []

    async def open() -> World:
        engine = ENGINES[request.param](tmp_path)
        await engine.prepare([COUNTER])
        world = World(
            engine=engine, registry=Registry([COUNTER]), clock=ManualClock(), ids=Ids(seed=1), settings=Settings(),
            rails={}, jobs={"tick": None}, api_version="", work=asyncio.Event(),
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
