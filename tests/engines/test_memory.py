"""What a worker remembers of a scope is checked by each commit: nobody acts on what another has changed since."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from counter import SETTING, Counter, Setting, deposit
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, invalid
from nostro.storage.scope import load_scope, move_clocks
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World
from trips import round_trips

Open = Callable[[], Awaitable[World]]
ID = "set_one"


async def value(tx: Tx) -> int:
    """0 if there is no such setting."""
    found = await tx.recall(SETTING, ID)
    return found.value if found else 0


async def put(world: World, scope: Scope, to: int | None) -> None:
    """Make, change or (None) delete the setting, and book that."""

    async def run(tx: Tx) -> None:
        found = await tx.find(SETTING, ID)
        if to is not None:
            tx.save(Setting(id=ID, created=1, value=to))
        elif found is not None:
            tx.delete(found)
        book(tx, "put", to or 0)

    await perform(world, scope, run)


async def act(world: World, scope: Scope) -> int:
    """A unit that does what the setting says."""

    async def run(tx: Tx) -> int:
        said = await value(tx)
        tx.save(Counter(id=tx.new_id("cnt"), created=tx.now, value=said))
        book(tx, "act", said)
        return said

    return await perform(world, scope, run)


def book(tx: Tx, kind: str, said: int) -> None:
    tx.post(kind, str(said), deposit("a", 1).postings)


async def test_a_change_counts_at_once_for_every_worker(world: World, open_world: Open, scope: Scope) -> None:
    other = await open_world()
    assert await act(world, scope) == 0  # it remembers that there is none
    for to in (5, 6, None, 7):
        await put(other, scope, to)
        assert await act(world, scope) == (to or 0)
    await put(world, scope, 8)
    assert [await act(one, scope) for one in (other, world)] == [8, 8]


async def test_memory_saves_the_reading(world: World, scope: Scope) -> None:
    if world.engine.exclusive:
        pytest.skip("reads travel nowhere")
    await put(world, scope, 5)
    await act(world, scope)
    with round_trips() as made:
        assert await act(world, scope) == 5
    assert len(made) == 1


async def test_a_list_is_remembered_with_what_is_added_and_taken(world: World, open_world: Open, scope: Scope) -> None:
    async def count(tx: Tx) -> int:
        found = await tx.recall_all(SETTING, 10)
        tx.save(Counter(id=tx.new_id("cnt"), created=tx.now, value=len(found)))
        return len(found)

    other = await open_world()
    assert await perform(world, scope, count) == 0
    await put(other, scope, 1)
    assert await perform(world, scope, count) == 1
    await put(other, scope, None)
    assert await perform(world, scope, count) == 0


async def test_a_refusal_is_not_made_from_old_memory(world: World, open_world: Open, scope: Scope) -> None:
    async def unless(tx: Tx) -> int:
        if await value(tx) == 1:
            raise invalid("The setting says no.")
        return await value(tx)

    other = world if world.engine.exclusive else await open_world()
    await put(other, scope, 1)
    with pytest.raises(ApiError):
        await perform(world, scope, unless)
    await put(other, scope, 2)
    assert await perform(world, scope, unless) == 2
    await put(other, scope, 3)
    assert await perform(world, scope, unless) == 3  # and so is what is only read


async def test_units_of_one_commit_see_each_other(world: World, scope: Scope) -> None:
    await act(world, scope)
    done = await asyncio.gather(act(world, scope), put(world, scope, 9), *(act(world, scope) for _ in range(5)))
    assert set(done) <= {0, None, 9}
    await in_order(world)


async def test_time_that_another_worker_moved_has_passed(world: World, open_world: Open, scope: Scope) -> None:
    if world.engine.exclusive:
        pytest.skip("nobody else moves its time")

    async def now(tx: Tx) -> int:
        tx.save(Counter(id=tx.new_id("cnt"), created=tx.now))
        return tx.now

    other = await open_world()
    before = await perform(world, await load_scope(world, scope.number), now)
    await move_clocks(other, [scope.number], 1000)
    assert await perform(world, scope, now) == before + 1000


@pytest.mark.parametrize("seed", range(4))
async def test_in_any_order(world: World, open_world: Open, scope: Scope, seed: int) -> None:
    """Workers change the setting and act on it, several units at once. Entries are numbered in the order of commits:
    each says what the last change before it said."""
    chance, worlds = random.Random(seed), [world, await open_world(), await open_world()]
    for _ in range(25):
        at_once = []
        for _ in range(chance.choice((1, 3, 8))):
            one = chance.choice(worlds)
            to = chance.choice((None, *range(1, 100)))
            at_once.append(put(one, scope, to) if chance.random() < 0.2 else act(one, scope))
        await asyncio.gather(*at_once)
    await in_order(world)


async def in_order(world: World) -> None:
    said = "0"
    entries = await world.engine.rows("SELECT kind, source FROM ledger_entry ORDER BY entry")
    assert len(entries) > 5
    for n, (kind, source) in enumerate(entries):
        if kind == "put":
            said = source
        assert source == said, f"entry {n}"
