"""The shop whose books the tests of the ledger read and spoil."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nostro.balances import balance_transaction
from nostro.controls.api_key import make_scope
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.world import World
from shop import GIVEBACK, MERCHANT, Shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    engine = SqliteEngine(tmp_path / "books.db", durable=False)
    resources = (balance_transaction.RESOURCE, GIVEBACK)
    await engine.prepare(resources)
    world = World(
        engine=engine, registry=Registry(resources), clock=ManualClock(), ids=Ids(seed=1), settings=Settings(),
        rails={}, jobs={}, api_version="", work=asyncio.Event(),
    )  # fmt: skip
    yield Shop(world, await make_scope(world, MERCHANT, livemode=False, dev=True))
    await engine.close()
