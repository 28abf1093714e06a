"""A disk that fails under SQLite: nobody is told of a commit that is not there, and the server goes on when it can."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

from counter import COUNTER, unit, write
from faulty import FaultyDisk
from nostro.kernel.errors import ApiError, Conflict
from nostro.storage.unit import Scope
from sim.disk import Disk, Weather
from sim.engine import SimEngine
from sim.faults import Faults

ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)


class Machine:
    """A disk, and the programs that run on it one after another."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.disk = Disk(Random(1), Faults())
        self.starts = 0

    async def start(self) -> SimEngine:
        self.starts += 1
        mount = self.disk.mount(self.directory / str(self.starts))
        self.engine = SimEngine(self.directory / str(self.starts) / "books.db", mount)
        await self.engine.prepare([COUNTER])
        return self.engine

    async def kill(self, power: bool) -> SimEngine:
        if power:
            self.disk.lose_power()
        await self.engine.abandon()
        self.disk.weather = Weather()
        return await self.start()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    return Machine(tmp_path)


async def there(engine: SimEngine, id: str) -> bool:
    return bool(await engine.rows("SELECT 1 FROM counter WHERE scope=1 AND id=?", (id,)))


@pytest.mark.parametrize("trouble", [Weather(full=1), Weather(write=1), Weather(sync=1)], ids=["full", "write", "sync"])
async def test_what_the_disk_refuses_is_answered_503_and_can_be_sent_again(machine: Machine, trouble: Weather) -> None:
    engine = await machine.start()
    machine.disk.weather = trouble
    with pytest.raises(ApiError) as error:
        await engine.commit(unit(ONE, write("cnt_1", 1)))
    assert error.value.status == 503
    machine.disk.weather = Weather()
    assert not await there(engine, "cnt_1")
    await engine.commit(unit(ONE, write("cnt_1", 1)))
    engine = await machine.kill(power=True)
    assert await there(engine, "cnt_1")
    await engine.close()


async def test_what_only_the_cache_has_is_on_the_disk_before_anybody_is_told(machine: Machine) -> None:
    """For many ways in which a failed sync can leave the log: after a restart, what is seen survives a power loss."""
    engine = await machine.start()
    for turn in range(20):
        await engine.commit(unit(ONE, write(f"cnt_a{turn}", 1)))
        machine.disk.weather = Weather(sync=1)
        with pytest.raises(ApiError):
            await engine.commit(unit(ONE, write(f"cnt_b{turn}", 1)))
        engine = await machine.kill(power=False)
        seen = await there(engine, f"cnt_b{turn}")
        await engine.commit(unit(ONE, write(f"cnt_c{turn}", 1)))
        engine = await machine.kill(power=True)
        assert await there(engine, f"cnt_b{turn}") == seen
        assert await there(engine, f"cnt_a{turn}") and await there(engine, f"cnt_c{turn}")
        assert await engine.rows("PRAGMA integrity_check") == [("ok",)]
    await engine.close()


async def test_a_server_does_not_start_on_a_log_that_cannot_be_synced(machine: Machine) -> None:
    engine = await machine.start()
    await engine.commit(unit(ONE, write("cnt_1", 1)))
    await engine.abandon()
    machine.disk.weather = Weather(sync=1)
    with pytest.raises((ApiError, apsw.IOError)):
        await machine.start()
    await machine.engine.abandon()


async def test_a_full_disk_where_units_are_tried_one_by_one(tmp_path: Path) -> None:
    """Two units share a commit that the first one spoils; then the disk is full for the second."""
    engine = FaultyDisk(tmp_path / "engine.db")
    await engine.prepare([COUNTER])
    await engine.commit(unit(ONE, write("cnt_1", 1)))
    engine.often = 1.0
    spoilt, other = await asyncio.gather(
        engine.commit(unit(ONE, write("cnt_1", 2))), engine.commit(unit(ONE, write("cnt_2", 2))), return_exceptions=True
    )
    assert isinstance(spoilt, Conflict)
    assert isinstance(other, ApiError) and other.status == 503
    await engine.close()
