"""Nothing takes effect before the moment up to which a book is closed, whoever writes, on every engine."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import numpy as np
import pytest

from counter import unit
from nostro.kernel.errors import Conflict, Refused
from nostro.kernel.posting import credit, debit
from nostro.ledger.audit import verify
from nostro.ledger.batches import BATCH
from nostro.ledger.closed import PUT
from nostro.storage.batch import Batch, Transfers, Words, transfers_of
from nostro.storage.unit import NOBODY, Entry, Scope, Unit
from nostro.storage.world import World

Open = Callable[[], Awaitable[World]]
ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
OTHER = Scope(number=2, merchant="acct_2", livemode=False, book=2)
NOW = 10_000
CLOSED = 5_000
MOST = 4 * 10**18


def booking(at: int, now: int = NOW, scope: Scope = ONE, source: str = "x") -> Unit:
    entry = Entry("test", source, at, (debit("bank", 1, "usd"), credit("app:a", 1, "usd")))
    return unit(scope, entry, micros=now * 1_000_000)


def batch(moments: list[int], now: int = NOW, atomic: bool = False) -> Unit:
    none = np.zeros(len(moments), np.int64)
    made = Batch(
        accounts=[(1, "app:bank", "usd"), (1, "app:a", "usd")], lowest=np.array([-MOST, -MOST]),
        highest=np.array([MOST, MOST]), debit_normal=np.array([True, False]),
        transfers=Transfers(none, none + 1, none + 1, np.array(moments, np.int64), none, none),
        words=Words(["test"], [None]), created=now, atomic=atomic,
    )  # fmt: skip
    return Unit(scope=ONE, micros=now * 1_000_000, batch=made)


async def close(world: World, until: int = CLOSED, book: int = 1) -> None:
    await world.engine.commit(Unit(scope=NOBODY, micros=NOW * 1_000_000, rows=[(PUT, (book, until))]))


async def booked(world: World, until: int = CLOSED) -> int:
    """How many entries of the book take effect before the moment."""
    rows = await world.engine.rows("SELECT count(*) FROM ledger_entry WHERE book=1 AND effective<?", (until,))
    batches = await world.engine.rows(f"SELECT {BATCH} FROM ledger_batch WHERE book=1")
    return int(rows[0][0]) + sum(int((transfers_of(row).effective < until).sum()) for row in batches)


async def test_an_entry_before_the_end_of_what_is_closed_is_refused(world: World) -> None:
    await world.engine.commit(booking(CLOSED - 1))
    await close(world)
    with pytest.raises(Refused) as refused:
        await world.engine.commit(booking(CLOSED - 1))
    assert refused.value.refusal == "ledger_period_closed"
    await world.engine.commit(booking(CLOSED))
    await world.engine.commit(booking(NOW))
    await world.engine.commit(booking(CLOSED - 1, scope=OTHER))
    assert await booked(world) == 1


async def test_a_unit_from_before_the_end_runs_again(world: World) -> None:
    """It meant now, and now has passed."""
    await close(world)
    with pytest.raises(Conflict):
        await world.engine.commit(booking(CLOSED - 1, now=CLOSED - 1))


async def test_lines_of_a_batch_are_refused_one_by_one(world: World) -> None:
    await close(world)
    made = batch([CLOSED, CLOSED - 1, NOW, 1])
    await world.engine.commit(made)
    assert made.batch is not None and made.batch.outcome is not None
    assert {n: one.refusal for n, one in made.batch.outcome.refused.items()} == {
        1: "ledger_period_closed", 3: "ledger_period_closed",
    }  # fmt: skip
    alone = batch([1, 2])
    await world.engine.commit(alone)
    assert alone.batch is not None and alone.batch.outcome is not None and len(alone.batch.outcome.refused) == 2
    with pytest.raises(Refused):
        await world.engine.commit(batch([NOW, CLOSED - 1], atomic=True))
    with pytest.raises(Conflict):
        await world.engine.commit(batch([CLOSED - 1], now=CLOSED - 1))
    await world.engine.commit(batch([NOW, CLOSED]))


async def test_what_another_process_has_closed_is_closed_here(make_engine: object, open_world: Open) -> None:
    one, two = await open_world(), await open_world()
    await two.engine.commit(booking(NOW))
    await two.engine.commit(booking(NOW))
    await close(one)
    with pytest.raises(Refused):
        await two.engine.commit(booking(CLOSED - 1))
    await two.engine.commit(booking(NOW))
    await close(one, 0)
    await two.engine.commit(booking(CLOSED - 1))
    await close(one)
    made = batch([CLOSED - 1, NOW])
    await two.engine.commit(made)
    assert made.batch is not None and made.batch.outcome is not None and [*made.batch.outcome.refused] == [0]
    assert await booked(one) == 1


async def test_a_batch_that_is_refused_whole_leaves_nothing(make_engine: object, open_world: Open) -> None:
    """Not even if the other process had closed the period unseen, so that it was guessed that all lines are good."""
    one, two = await open_world(), await open_world()
    await two.engine.commit(batch([NOW, NOW]))
    await close(one)
    made = batch([CLOSED - 1])
    await two.engine.commit(made)
    assert made.batch is not None and made.batch.outcome is not None and [*made.batch.outcome.refused] == [0]
    assert await booked(one) == 0
    await two.engine.commit(batch([NOW]))
    assert all("opened" in problem.what for problem in await verify(one.engine, one.registry))


@pytest.mark.parametrize("seed", range(4))
async def test_writers_race_a_close(make_engine: object, open_world: Open, seed: int) -> None:
    """Once the close is committed the period is what it was, however many write into it at that moment."""
    random, worlds = Random(seed), [await open_world()]
    if not worlds[0].engine.exclusive:
        worlds.append(await open_world())
    at_close: list[int] = []
    first, begun = asyncio.Event(), asyncio.Event()

    async def write(world: World, n: int) -> bool:
        if n >= 100:
            await begun.wait()
        await asyncio.sleep(random.random() / 50)
        at, now = random.choice([(CLOSED - 1, CLOSED - 1), (CLOSED - 1, NOW), (CLOSED, NOW), (NOW, NOW)])
        one = batch([at], now) if n % 5 == 0 else booking(at, now, source=f"x{n}")
        try:
            await world.engine.commit(one)
        except (Refused, Conflict):
            return False
        if at < CLOSED and (one.batch is None or not (one.batch.outcome and one.batch.outcome.refused)):
            first.set()
        return not (one.batch and one.batch.outcome and one.batch.outcome.refused)

    async def closing() -> bool:
        await first.wait()
        begun.set()
        await close(worlds[0])
        at_close.append(await booked(worlds[0]))
        return True

    done = await asyncio.gather(closing(), *(write(worlds[n % len(worlds)], n) for n in range(200)))
    assert at_close == [await booked(worlds[0])]
    assert not all(done), "nothing was refused: the close came too late to be a race"
