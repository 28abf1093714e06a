"""A new filter's index on a large table: built beside the writers, and anew if the build was interrupted."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import psycopg
import pytest

from counter import COUNTER, unit, write
from nostro.kernel.resource import Filter
from nostro.storage.postgres import PostgresEngine
from nostro.storage.unit import Scope
from postgresql import database

ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
FILTERED = msgspec.structs.replace(COUNTER, filters=(Filter("value"),))
INDEX = "counter__value"
VALID = "SELECT indisvalid FROM pg_index i JOIN pg_class c ON c.oid=i.indexrelid WHERE c.relname='counter__value'"


@pytest.fixture
def fresh(postgresql: str) -> Iterator[str]:
    with database(postgresql) as url:
        yield url


@pytest.fixture
async def engine(fresh: str) -> AsyncIterator[PostgresEngine]:
    """A table with twenty rows, where ten are many, and a filter that came later."""
    made = PostgresEngine(fresh, durable=False)
    made.schema.large = 10
    await made.prepare([COUNTER])
    await asyncio.gather(*(made.commit(unit(ONE, write(f"cnt_{n}", n))) for n in range(20)))
    yield made
    await made.close()


async def valid(engine: PostgresEngine) -> list[tuple[int]]:
    return await engine.rows(VALID)


async def build(engine: PostgresEngine) -> list[str]:
    told: list[str] = []
    await engine.build_indexes([FILTERED], told.append)
    return told


async def test_it_is_left_to_migrate_and_said(engine: PostgresEngine, caplog: pytest.LogCaptureFixture) -> None:
    await engine.prepare([FILTERED])
    assert await valid(engine) == []
    assert f"{INDEX} is built by `nostro migrate`" in caplog.text
    assert await build(engine) == [INDEX]
    assert await valid(engine) == [(1,)]
    assert await build(engine) == []


async def test_a_small_table_has_it_at_once(engine: PostgresEngine) -> None:
    engine.schema.large = 100
    await engine.prepare([FILTERED])
    assert await valid(engine) == [(1,)]


async def test_writers_go_on_while_it_is_built(engine: PostgresEngine, fresh: str) -> None:
    with psycopg.connect(fresh) as slow:
        slow.execute("DELETE FROM counter WHERE id='cnt_1'")  # the build waits for everyone who has written
        building = asyncio.create_task(build(engine))
        for _ in range(100):
            if await engine.rows("SELECT 1 FROM pg_stat_progress_create_index"):
                break
            await asyncio.sleep(0.05)
        await asyncio.wait_for(engine.commit(unit(ONE, write("cnt_new", 1))), 5)
        assert not building.done()
        slow.rollback()
    assert await building == [INDEX]
    assert await valid(engine) == [(1,)]


async def test_an_interrupted_build_is_repaired(engine: PostgresEngine, fresh: str) -> None:
    await build(engine)
    with psycopg.connect(fresh, autocommit=True) as connection:
        connection.execute(f"UPDATE pg_index SET indisvalid=false WHERE indexrelid='{INDEX}'::regclass")  # type: ignore[call-overload]
    assert await build(engine) == [INDEX]
    assert await valid(engine) == [(1,)]


async def test_two_builders_do_not_disturb_each_other(engine: PostgresEngine) -> None:
    await asyncio.gather(build(engine), build(engine))
    assert await valid(engine) == [(1,)]
