"""The same shops on a real PostgreSQL. What is asked follows from the seed; time, and when a fault meets a statement,
do not, so a history there does not repeat exactly."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from nostro.events.delivery import LEASE
from nostro.storage.engine import Engine
from nostro.storage.postgres import PostgresEngine

from .proxy import Proxy
from .simulation import Simulation

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname=%s AND pid<>pg_backend_pid()"
# A sequence does not roll back, so every so many commits fail whatever becomes of them.
TROUBLE = """
CREATE SEQUENCE trouble_turn;
CREATE TABLE trouble (every BIGINT NOT NULL);
INSERT INTO trouble VALUES (0);
CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE n BIGINT;
BEGIN
  SELECT every INTO n FROM trouble;
  IF n > 0 AND nextval('trouble_turn') % n = 0 THEN
    RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trouble BEFORE INSERT ON idempotency FOR EACH ROW EXECUTE FUNCTION trouble();
"""


class OnPostgres(Simulation):
    """`url` is an empty database, `directory` where bank files are laid down."""

    refusals = (*Simulation.refusals, psycopg.Error, TimeoutError)

    def __init__(self, seed: int, url: str, directory: Path) -> None:
        super().__init__(seed, directory)
        self.proxy = Proxy(url, Random(self.random.random()), self.faults)
        self.receiver.pace = 0.01
        self._url = url
        self._name = url.partition("?")[0].rpartition("/")[2]
        self._admin: psycopg.AsyncConnection[Any]

    async def open(self) -> None:
        await self.proxy.start()
        await super().open()
        self._admin = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        await self._admin.execute(TROUBLE)

    async def close(self) -> None:
        await super().close()
        await self._admin.close()
        await self.proxy.stop()

    def _engine(self) -> Engine:
        self.engine = PostgresEngine(self.proxy.url, durable=False, patience=5)
        return self.engine

    def _tasks(self) -> list[asyncio.Task[Any]]:
        return list(asyncio.all_tasks())

    def _end(self, power: bool) -> None:
        if not self.life.over.is_set():
            self.faults.note("killed while idle")
            self.life.die()

    async def _abandon(self) -> None:
        """A worker that was killed says nothing to the database; its connections end."""
        kept = {id(task) for task in self._others}
        await self.life.bury([task for task in self._tasks() if id(task) not in kept and task is not self._own])
        if self.engine is not None:
            with contextlib.suppress(Exception):
                await self.engine.close()
        self.clock.jump(LEASE + 1)  # what the dead worker was delivering is taken for lost
        self._calm_disk()

    def _brew(self) -> None:
        trouble = self.random.choice(("before", "after", "terminate", "serialize", "network"))
        self._excused = True
        self.log.append(f"weather: {trouble}")
        if trouble in ("before", "after"):
            setattr(self.proxy, trouble, self.random.choice((0.02, 0.1)))
        elif trouble == "network":
            self.network.silent, self._silent = 0.3, True
        else:
            self._storms.append(asyncio.ensure_future(self._trouble(trouble)))

    async def _trouble(self, kind: str) -> None:
        if kind == "serialize":
            self.faults.note("serialization failure")
            await self._admin.execute("UPDATE trouble SET every=3")
            return
        for _ in range(3):
            self.faults.note("backend terminated")
            await self._admin.execute(TERMINATE, (self._name,))
            await asyncio.sleep(0.01)

    def _calm_disk(self) -> None:
        self.proxy.before = self.proxy.after = 0.0

    async def step(self) -> None:
        self._storms: list[asyncio.Future[None]] = []
        self._own = asyncio.current_task()
        await super().step()
        await asyncio.gather(*self._storms, return_exceptions=True)
        await self._admin.execute("UPDATE trouble SET every=0")

    async def check(self) -> None:
        """The worker goes on while lists are read, so what does not fit is looked at again when it is quiet."""
        self.receiver.trouble = 0
        for last in (False, False, True):
            for shop in self.shops.values():
                await self._ask(shop.settle())
            try:
                await super().check()
                break
            except AssertionError:
                if last:
                    raise

    def _commits(self) -> int:
        return 0

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.2))
