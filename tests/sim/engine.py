"""The SQLite engine on a simulated disk, without a thread: a run repeats."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import apsw

from nostro.storage.engine import Row
from nostro.storage.sqlite import SqliteEngine

from .disk import Mount

SLOWEST = 2.0


class Pace(Executor):
    """Runs what is submitted in the loop's own thread: at once, or when a slow disk gets to it."""

    def __init__(self, mount: Mount) -> None:
        self._disk = mount.disk

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()

        def now() -> None:
            try:
                done.set_result(fn(*args, **kwargs))
            except BaseException as error:
                done.set_exception(error)

        if self._disk.strikes(self._disk.weather.slow, "slow disk"):
            asyncio.get_running_loop().call_later(self._disk.random.uniform(0.001, SLOWEST), now)
        else:
            now()
        return done


class SimEngine(SqliteEngine):
    """`stage` is where the commit that is under way has got to, `commits` how many were begun."""

    def __init__(self, file: Path, mount: Mount) -> None:
        self._mount, self.vfs = mount, mount.name
        self.stage, self.commits = "idle", 0
        super().__init__(file)
        self._thread.shutdown()
        self._beside.shutdown()
        self._thread = self._beside = Pace(mount)  # type: ignore[assignment]
        for db in (self._writer, self._reader):
            db.execute(f"PRAGMA cache_size={mount.disk.random.choice((10, 1_000))}").fetchall()
        self.long_log = mount.disk.random.choice((30, 200, 1_000))

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        disk = self._mount.disk
        while disk.pauses and disk.random.random() < disk.pauses:
            await asyncio.sleep(0)
        return await super().rows(statement, values)

    async def _commit_group(self, group: Any) -> None:
        self.stage = "writing"
        self.commits += 1
        try:
            await super()._commit_group(group)
        finally:
            self.stage = "idle"

    def _sync(self) -> None:
        self.stage = "syncing"
        super()._sync()
        self.stage = "synced"

    async def abandon(self) -> None:
        """The program is dead; let go of its files without a word to the disk."""
        self._mount.gone = True
        for db in (self._carrier, self._reader, self._writer):
            with contextlib.suppress(apsw.Error):
                db.close(force=True)
        self._mount.unregister()

    async def close(self) -> None:
        await super().close()
        self._mount.unregister()
