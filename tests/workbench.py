"""A world with a manual clock, and a job that writes down when it ran."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nostro.controls.api_key import sandbox
from nostro.events import delivery, event, webhook_endpoint
from nostro.events import sandbox as sandbox_time
from nostro.events.event import EVENT, EventRecord
from nostro.events.webhook_endpoint import CreateParams, Record, create
from nostro.events.work import perform
from nostro.kernel.clock import SECOND, Clock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry, Resource, Stored
from nostro.kernel.settings import Settings
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World


class Diary(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """What the jobs of these tests write: one page a run."""

    object: str = "diary"
    text: str


DIARY: Resource[Diary] = Resource(object="diary", prefix="dry", record=Diary, shape=Diary, verbs=())
Jobs = dict[str, Callable[[Tx, str], Any]]


async def note(tx: Tx, ref: str) -> None:
    """The plainest job: it says when it ran, and nothing would refuse a second run but the runner."""
    tx.save(Diary(id=tx.new_id("dry"), created=tx.now, text=ref))


class Bench:
    """A world and one sandbox in it, with what the tests do to them."""

    def __init__(self, world: World, clock: Any, scope: Scope, jobs: Jobs) -> None:
        self.world = world
        self.clock = clock
        self.number = scope.number
        self.jobs = jobs

    @property
    def scope(self) -> Scope:
        return self.world.scopes[self.number]

    @property
    def now(self) -> int:
        return self.clock.micros() // SECOND + self.scope.offset

    async def do(self, run: Callable[[Tx], Any]) -> Any:
        return await perform(self.world, self.scope, run)

    async def schedule(self, kind: str, ref: str, due: int) -> None:
        async def run(tx: Tx) -> None:
            tx.schedule(kind, ref, due)

        await self.do(run)

    async def pages(self) -> list[tuple[str, int]]:
        """What was written, in order, and at which moment of the sandbox."""
        return [(page.text, page.created) for page in await Tx(self.world, self.scope).all(DIARY, {}, 1000, False)]

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self.world.engine.rows(statement, values)

    async def listen(self, url: str, *types: str) -> Record:
        params = CreateParams(url=url, enabled_events=list(types) or ["*"])

        async def run(tx: Tx) -> Record:
            return await create(tx, params)

        made: Record = await self.do(run)
        return made

    async def emit(self, type: str = "customer.created", text: str = "x") -> EventRecord:
        """Something happens; the event of it."""

        async def run(tx: Tx) -> str:
            page = Diary(id=tx.new_id("dry"), created=tx.now, text=text)
            tx.save(page, type)
            return page.id

        id = await self.do(run)
        events = await Tx(self.world, self.scope).all(EVENT, {}, 100)
        return next(told for told in events if told.object_id == id)


async def open_bench(file: Path, clock: Clock, **settings: Any) -> Bench:
    """The world on a file that may be there already, as after a restart."""
    engine = SqliteEngine(file, durable=False)
    resources = (event.RESOURCE, webhook_endpoint.RESOURCE, delivery.RESOURCE, sandbox_time.RESOURCE, DIARY)
    await engine.prepare(resources)
    jobs: Jobs = {"note": note}
    world = World(
        engine=engine,
        registry=Registry(resources),
        clock=clock,
        ids=Ids(seed=7),
        settings=Settings(dev=True, **{"private_webhooks": True, **settings}),
        rails={},
        jobs=jobs,
        api_version="2026-01-01.test",
        work=asyncio.Event(),
    )
    return Bench(world, clock, await sandbox(world, "bench"), jobs)
