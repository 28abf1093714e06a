"""Surroundings in which a run repeats: an event loop with its own time, and an engine without a thread.

The engine also knows how to crash: it leaves on disk what a computer that lost power would find.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from pathlib import Path
from random import Random
from typing import Any

from nostro.storage.sqlite import SqliteEngine


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes when nothing is left to do, and then at once to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready and loop._scheduled:
            self._now = max(self._now, loop._scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Like `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main)


class _Here(Executor):
    """Runs what is submitted at once, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class CalmEngine(SqliteEngine):
    """Commits in the loop's own thread. `crash` makes another file, as it would be found after a power loss."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durable=False)
        self._thread.shutdown()
        self._beside.shutdown()
        self._thread = self._beside = _Here()  # type: ignore[assignment]
        self._safe = self._log_size()

    async def _commit_group(self, group: Any) -> None:
        await super()._commit_group(group)
        self._safe = self._log_size()

    async def crash(self, random: Random, into: Path) -> None:
        """What was synced is there; of a commit that was being written, some first part may be."""
        shutil.copy(self.file, into)
        log = into.with_name(into.name + "-wal")
        size = self._log_size()
        if size:
            shutil.copy(self._log(), log)
            if size > self._safe and random.random() < 0.5:
                with log.open("r+b") as end:
                    end.truncate(random.randint(self._safe, size))
        await self.close()

    def _log(self) -> Path:
        return self.file.with_name(self.file.name + "-wal")

    def _log_size(self) -> int:
        return self._log().stat().st_size if self._log().exists() else 0
