"""A connection that is lost, a server that crashes: whoever can wait does not notice, and nothing happens twice."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from counter import COUNTER, deposit, unit, write
from nostro.kernel.errors import ApiError
from nostro.storage.postgres import FAREWELL, PostgresEngine
from nostro.storage.unit import Scope
from postgresql import cluster, database

ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname=%s AND pid<>pg_backend_pid()"
pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(postgresql: str) -> Iterator[str]:
    with database(postgresql) as url:
        yield url


@pytest.fixture
async def engine(fresh: str) -> AsyncIterator[PostgresEngine]:
    made = PostgresEngine(fresh, durable=False)
    await made.prepare([COUNTER])
    yield made
    await made.close()


def name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


async def commit_all(engine: PostgresEngine, many: int, prefix: str = "cnt") -> None:
    """Many units, some at a time, each with a record that can be made once and an entry."""

    async def some(first: int) -> None:
        for n in range(first, many, 20):
            await engine.commit(unit(ONE, write(f"{prefix}_{n}", n), deposit("a", 1)))
            assert await engine.rows("SELECT version FROM counter WHERE scope=? AND id=?", (1, f"{prefix}_{n}")) == [
                (1,)
            ]

    await asyncio.gather(*(some(first) for first in range(20)))


async def committed(engine: PostgresEngine) -> tuple[int, int, int]:
    records = (await engine.rows("SELECT count(*) FROM counter"))[0][0]
    entries = (await engine.rows("SELECT count(*) FROM ledger_entry"))[0][0]
    return records, entries, -(await engine.rows("SELECT balance FROM ledger_account WHERE code='a'"))[0][0]


async def test_connections_are_cut_all_the_time(engine: PostgresEngine, postgresql: str, fresh: str) -> None:
    stop, cuts = threading.Event(), 0

    def cut() -> None:
        nonlocal cuts
        with psycopg.connect(postgresql, autocommit=True) as connection:
            while not stop.wait(0.02):
                cuts += len(connection.execute(CUT, (name(fresh),)).fetchall())

    cutting = asyncio.create_task(asyncio.to_thread(cut))
    await commit_all(engine, 400)
    stop.set()
    await cutting
    assert cuts >= 2
    assert await committed(engine) == (400, 400, 400)


async def test_past_its_patience_it_says_so(engine: PostgresEngine, postgresql: str, fresh: str) -> None:
    engine.patience = 0.3
    await commit_all(engine, 20)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name(fresh)}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        connection.execute(CUT, (name(fresh),))
        for waiting in (engine.commit(unit(ONE, write("cnt_x", 1))), engine.rows("SELECT 1")):
            with pytest.raises(ApiError) as error:
                await waiting
            assert (error.value.status, error.value.type) == (503, "api_error")
        connection.execute(f'ALTER DATABASE "{name(fresh)}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]
    await commit_all(engine, 20, "after")
    assert (await committed(engine))[0] == 40


async def test_closing_does_not_wait_for_a_database_that_is_away(postgresql: str, fresh: str) -> None:
    engine = PostgresEngine(fresh, durable=False)
    await engine.prepare([COUNTER])
    await commit_all(engine, 20)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name(fresh)}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        connection.execute(CUT, (name(fresh),))
        waiting = asyncio.create_task(engine.commit(unit(ONE, write("cnt_x", 1))))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(FAREWELL + 2):
            await engine.close()
        connection.execute(f'ALTER DATABASE "{name(fresh)}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]
    waiting.cancel()


async def test_the_server_crashes_and_comes_back() -> None:
    """Durable on purpose: what was acknowledged before the crash must be there after it."""
    with cluster(durable=True) as server:
        engine = PostgresEngine(server.url)
        await engine.prepare([COUNTER])
        await commit_all(engine, 20, "before")
        working = asyncio.create_task(commit_all(engine, 1_000))
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.crash)
            await asyncio.to_thread(server.start)
        await working
        assert await committed(engine) == (1_020, 1_020, 1_020)
        await engine.close()


async def test_a_worker_that_hangs_inside_a_commit_holds_nobody_up_for_long(fresh: str, engine: PostgresEngine) -> None:
    await commit_all(engine, 20)
    with contextlib.suppress(psycopg.Error), psycopg.connect(fresh) as hanging:
        hanging.execute("SET idle_in_transaction_session_timeout='500ms'")
        hanging.execute("SELECT one FROM commit_order WHERE one=1 FOR UPDATE")
        await commit_all(engine, 20, "after")
    assert (await committed(engine))[0] == 40
