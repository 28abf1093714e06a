"""Jobs with several runners on one database: after each put a run begins, no put is lost, and no two runs overlap."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from counter import COUNTER, Counter
from nostro.controls.api_key import make_scope
from nostro.events import job
from nostro.events.work import perform
from nostro.kernel.ids import Ids
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

REF = "cnt_1"


class Desk:
    """One process: it puts jobs on and runs them. Each job `copy` writes down on a page of its own what it saw, and
    how many pages there were; `held` keeps it between its reading and its commit."""

    def __init__(self, world: World, scope: Scope) -> None:
        self.world = world
        self.scope = scope
        self.held = False
        self.reading = asyncio.Event()
        self.go = asyncio.Event()
        self.pause: Callable[[], float] = lambda: 0.0
        self.jobs: dict[str, Any] = world.jobs  # type: ignore[assignment]
        self.jobs["copy"] = self.copy

    async def add(self, ref: str = REF, later: int = 0) -> None:
        """One more to be seen by a job, which is due in the same second as any other."""

        async def run(tx: Tx) -> None:
            counter = await tx.find(COUNTER, ref) or Counter(id=ref, created=1)
            tx.save(Counter(id=ref, created=1, value=counter.value + 1))
            tx.schedule("copy", ref, tx.now + later)

        await perform(self.world, self.scope, run)

    async def copy(self, tx: Tx, ref: str) -> None:
        before = len(await self.pages(ref))
        counter = await tx.get(COUNTER, ref)
        self.reading.set()
        if self.held:
            await self.go.wait()
        await asyncio.sleep(self.pause())
        name = f"page_{ref}_{before:04}_{tx.world.ids.word(12)}"
        tx.save(Counter(id=name, created=1, value=counter.value))

    async def pages(self, ref: str = REF) -> list[tuple[int, int]]:
        """Of each run how many there were before it, and what it saw."""
        found = await self.world.engine.rows(
            "SELECT id, body FROM counter WHERE scope=? AND id>=? AND id<? ORDER BY id",
            (self.scope.number, f"page_{ref}_", f"page_{ref}`"),
        )
        tx = Tx(self.world, self.scope)
        return [(int(id.split("_")[-2]), (await tx.get(COUNTER, id)).value) for id, _ in found]

    async def hold(self) -> asyncio.Task[int]:
        """A run that has read, and has not committed yet."""
        self.held = True
        running = asyncio.create_task(job.run_due(self.world))
        await self.reading.wait()
        return running

    async def let_go(self, running: asyncio.Task[int]) -> None:
        self.held = False
        self.go.set()
        await running


@pytest.fixture
async def desks(open_world: Callable[[], Awaitable[World]]) -> list[Desk]:
    """Three processes on one database."""
    worlds = [await open_world() for _ in range(3)]
    scope = await make_scope(worlds[0], "acct_jobs", livemode=False, dev=True)
    for seed, world in enumerate(worlds):
        world.ids = Ids(seed=seed)  # what is random in one is not what is random in another
    return [Desk(world, scope) for world in worlds]


async def test_put_on_again_in_the_second_in_which_it_runs(desks: list[Desk]) -> None:
    one, other, _ = desks
    await one.add()
    running = await one.hold()
    await other.add()
    await one.let_go(running)
    await job.run_due(other.world)
    assert await one.pages() == [(0, 1), (1, 2)]
    assert await one.world.engine.rows("SELECT count(*) FROM job") == [(0,)]


async def test_put_on_again_after_another_has_run_it(desks: list[Desk]) -> None:
    """The row is there again, as it was when the slow run looked at it, and yet another."""
    slow, quick, _ = desks
    await slow.add()
    running = await slow.hold()
    await job.run_due(quick.world)
    await quick.add()
    await slow.let_go(running)
    await job.run_due(quick.world)
    assert await slow.pages() == [(0, 1), (1, 2)]


async def test_a_run_may_be_overlapped_by_puts_for_ever(desks: list[Desk]) -> None:
    """It is not begun anew each time, or it would never end."""
    one, other, _ = desks
    await one.add()
    runs = 0

    async def copy(tx: Tx, ref: str) -> None:
        nonlocal runs
        runs += 1
        await one.copy(tx, ref)
        if runs < 30:
            await other.add()

    one.jobs["copy"] = copy
    assert await job.run_due(one.world) == 30
    assert runs == 30
    assert await one.pages() == [(n, n + 1) for n in range(30)]


async def test_one_that_is_moved_while_it_runs_does_not_run(desks: list[Desk]) -> None:
    one, other, _ = desks
    await one.add()
    running = await one.hold()
    await other.add(later=50)
    await one.let_go(running)
    assert await one.pages() == []
    for desk in desks:
        desk.world.clock.advance(50)  # type: ignore[attr-defined]
    await job.run_due(other.world)
    assert await one.pages() == [(0, 2)]


async def test_one_that_puts_itself_on_for_later_is_not_put_off(desks: list[Desk]) -> None:
    """Put on for now while it runs, it runs now, and then says itself when it is to run again."""
    one, other, _ = desks

    async def daily(tx: Tx, ref: str) -> None:
        await one.copy(tx, ref)
        tx.schedule("copy", ref, tx.now + 50)
        tx.schedule("copy", ref, tx.now + 100)

    one.jobs["copy"] = daily
    await one.add()
    running = await one.hold()
    await other.add()
    await one.let_go(running)
    assert await one.pages() == [(0, 1), (1, 2)]
    now = one.world.clock.micros() // 1_000_000
    assert await one.world.engine.rows("SELECT due FROM job") == [(now + 100,)], "the last word counts"


async def test_one_that_fails_is_not_put_off_either(desks: list[Desk]) -> None:
    one, other, _ = desks

    async def fragile(tx: Tx, ref: str) -> None:
        await one.copy(tx, ref)
        if not await other.pages() and one.go.is_set() and (await tx.get(COUNTER, ref)).value == 1:
            raise RuntimeError("no luck")

    one.jobs["copy"] = fragile
    await one.add()
    running = await one.hold()
    await other.add()
    await one.let_go(running)
    assert await one.pages() == [(0, 2)]


async def test_the_sooner_of_two_moments(desks: list[Desk]) -> None:
    one = desks[0]

    async def put(*later: int) -> None:
        async def run(tx: Tx) -> None:
            for seconds in later:
                tx.schedule("copy", REF, tx.now + seconds, sooner=True)

        await perform(one.world, one.scope, run)

    await put(60)
    await put(90)
    await put(70, 40, 50)
    now = one.world.clock.micros() // 1_000_000
    assert await one.world.engine.rows("SELECT due FROM job") == [(now + 40,)]


@pytest.mark.parametrize("seed", range(3))
async def test_puts_and_runs_at_random(desks: list[Desk], seed: int) -> None:
    chance = random.Random(seed)
    refs = ["cnt_1", "cnt_2"]
    left = 40

    def pause() -> float:
        return chance.choice((0, 0, 0.001, 0.003, 0.01))

    async def adds(desk: Desk) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await desk.add(chance.choice(refs))
            await asyncio.sleep(pause())

    async def runs(desk: Desk) -> None:
        while left > 0 or await job.next_wave(desk.world):
            await job.run_due(desk.world)
            await asyncio.sleep(pause())

    for desk in desks:
        desk.pause = pause
    await asyncio.gather(*(act(desk) for desk in desks for act in (adds, runs)))
    total = 0
    for ref in refs:
        pages = await desks[0].pages(ref)
        last = (await Tx(desks[0].world, desks[0].scope).get(COUNTER, ref)).value
        total += last
        assert [before for before, _ in pages] == list(range(len(pages))), "each run begins when the last has ended"
        assert len(pages) <= last, "no run that nobody put on"
        assert pages[-1][1] == last, "the last put was seen"
    assert total == 40
