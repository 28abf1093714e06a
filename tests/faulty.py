"""Connections and disks that fail by chance: before a statement, between two, after COMMIT with the answer unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import apsw

from nostro.storage.pipe import NONE, Answer, Lost, Pipe, Statement
from nostro.storage.sqlite import SqliteEngine


def faulty_pipe(chance: Random, often: Callable[[], float]) -> type[Pipe]:
    """A pipe that is lost with each batch as often as `often` says."""

    class Faulty(Pipe):
        def send(self, statements: Iterable[Statement]) -> asyncio.Future[list[Answer | Exception]]:
            batch = list(statements)
            opening = len(batch) == 1 and batch[0][1] == NONE  # it has settings made first
            if self.lost or opening or chance.random() >= often():
                return super().send(batch)
            match chance.randrange(4):
                case 0:
                    self.close()
                case 1:  # some of it arrives
                    sent = super().send(batch[: chance.randrange(len(batch) + 1)])
                    self.close()
                    return sent
                case 2:  # all of it arrives, and who knows
                    sent = super().send(batch)
                    self.close()
                    return sent
                case 3:
                    return self._unheard(super().send(batch))
            return super().send(batch)

        def _unheard(self, sent: asyncio.Future[Any]) -> asyncio.Future[Any]:
            """It is done, and the answer is lost."""
            told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            def lose(done: asyncio.Future[Any]) -> None:
                done.exception()
                self.close()
                if not told.done():
                    told.set_exception(Lost("the answer was not heard"))

            sent.add_done_callback(lose)
            return told

    return Faulty


class FaultyDisk(SqliteEngine):
    """Its sync fails with a chance, before the commit or after it; then whether it was made is open."""

    chance = Random(0)
    often = 0.0

    def _sync(self) -> None:
        if self.chance.random() >= self.often:
            super()._sync()
            return
        if self.chance.random() < 0.5:
            super()._sync()
        raise apsw.FullError("the disk is full")
