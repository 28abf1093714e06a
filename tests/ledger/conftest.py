"""The shop whose books the tests of the ledger read and spoil."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from application import Books, opened
from nostro.balances import balance_transaction
from nostro.controls.api_key import make_scope
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.world import World
from postgresql import database
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


@pytest.fixture
def database_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the kind that `--engine` names."""
    if request.config.getoption("--engine") == "sqlite":
        yield f"sqlite:///{tmp_path / 'books.db'}"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """A bank account, and two wallets that may not be overdrawn. At the end the books must be right."""
    world = await opened(database_url)
    made = Books(world)
    await made.open("app:bank", "debit")
    await made.open("app:wallets:alice", never_negative=True)
    await made.open("app:wallets:bob", never_negative=True)
    yield made
    await made.verified()
    await world.engine.close()
