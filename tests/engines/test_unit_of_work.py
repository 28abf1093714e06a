"""`Tx` and `perform` over a real engine: what a verb sees, and what it does when another was first."""

import asyncio

import pytest

from counter import COUNTER, Counter
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, Conflict
from nostro.kernel.ids import Ids
from nostro.kernel.posting import transfer
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World


async def make(world: World, scope: Scope, colour: str | None = None) -> str:
    async def run(tx: Tx) -> str:
        return tx.save(Counter(id=tx.new_id("cnt"), created=tx.now, colour=colour)).id

    return await perform(world, scope, run)


async def add_one(tx: Tx, id: str) -> int:
    counter = await tx.get(COUNTER, id)
    return tx.save(Counter(id=id, created=counter.created, value=counter.value + 1, colour=counter.colour)).value


async def value(world: World, scope: Scope, id: str) -> int:
    return (await Tx(world, scope).get(COUNTER, id)).value


async def test_a_unit_reads_its_own_writes(world: World, scope: Scope) -> None:
    id = await make(world, scope, "red")

    async def run(tx: Tx) -> None:
        before = await tx.get(COUNTER, id)
        assert await add_one(tx, id) == 1
        assert (await tx.get(COUNTER, id)).value == 1
        assert [found.value for found in await tx.all(COUNTER, {"colour": "red"})] == [1]
        assert before.value == 0
        tx.delete(before)
        assert await tx.find(COUNTER, id) is None
        with pytest.raises(ApiError):
            await tx.get(COUNTER, id)

    await perform(world, scope, run)
    assert await Tx(world, scope).find(COUNTER, id) is None


async def test_a_unit_sees_one_moment(world: World, scope: Scope) -> None:
    """What was read once stays as it was read, though another unit commits in between."""
    id = await make(world, scope)
    early = Tx(world, scope)
    assert (await early.get(COUNTER, id)).value == 0
    await perform(world, scope, lambda tx: add_one(tx, id))
    assert (await early.get(COUNTER, id)).value == 0
    assert (await early.all(COUNTER, {}))[0].value == 0


async def test_nothing_is_seen_before_it_is_committed(world: World, scope: Scope) -> None:
    tx = Tx(world, scope)
    counter = tx.save(Counter(id=tx.new_id("cnt"), created=tx.now))
    assert await Tx(world, scope).find(COUNTER, counter.id) is None
    await world.engine.commit(tx.seal())
    assert await Tx(world, scope).find(COUNTER, counter.id) == counter


async def test_another_sandbox_is_another_world(world: World, scope: Scope) -> None:
    id = await make(world, scope)
    stranger = Scope(number=77, merchant="acct_stranger", livemode=False, book=77)
    assert await Tx(world, stranger).find(COUNTER, id) is None
    assert await Tx(world, stranger).all(COUNTER, {}) == []


async def test_who_was_second_runs_again(world: World, scope: Scope) -> None:
    id, runs = await make(world, scope), 0

    async def run(tx: Tx) -> int:
        nonlocal runs
        runs += 1
        return await add_one(tx, id)

    values = await asyncio.gather(*(perform(world, scope, run) for _ in range(8)))
    assert sorted(values) == list(range(1, 9))
    assert await value(world, scope, id) == 8
    assert runs > 8


async def test_who_never_wins_is_told_so(world: World, scope: Scope) -> None:
    id = await make(world, scope)

    async def run(tx: Tx) -> None:
        await add_one(tx, id)
        await perform(world, scope, lambda other: add_one(other, id))  # is always first

    with pytest.raises(ApiError) as error:
        await perform(world, scope, run)
    assert (error.value.status, error.value.code) == (409, "lock_timeout")


async def test_a_verb_that_raises_writes_nothing(world: World, scope: Scope) -> None:
    id = await make(world, scope)

    async def run(tx: Tx) -> None:
        await add_one(tx, id)
        raise ApiError("no")

    with pytest.raises(ApiError):
        await perform(world, scope, run)
    assert await value(world, scope, id) == 0


async def test_a_strange_id_is_not_there(world: World, scope: Scope) -> None:
    for id in ("", "cnt_", "cnt_1'--", "x" * 300, "cnt_é", "cnt_\0"):
        assert await Tx(world, scope).find(COUNTER, id) is None


def test_ids_of_one_microsecond_are_unique_and_in_order() -> None:
    ids = Ids()
    made = [ids.new("cnt", 1_790_000_000_000_000) for _ in range(5_000)]
    assert made == sorted(made)
    assert len({id[:13] for id in made}) == 5_000, "the time alone tells them apart"


def test_a_clock_that_falls_back_keeps_the_order() -> None:
    ids = Ids()
    made = [ids.new("cnt", micros) for micros in (1000, 900, 1001, 5, 2000)]
    assert made == sorted(made) and len(set(made)) == 5


def test_a_sandbox_ahead_of_time_takes_only_its_own_ids_along() -> None:
    ids = Ids()
    ahead = ids.new("cnt", 9_000_000, 1)
    assert ids.new("cnt", 1_000_000, 2) < ahead < ids.new("cnt", 1_000_000, 1)


def test_ids_repeat_with_their_seed_only() -> None:
    assert Ids(seed=4).new("cnt", 5) == Ids(seed=4).new("cnt", 5)
    assert Ids(seed=4).word(32) == Ids(seed=4).word(32)
    assert Ids().new("cnt", 5) != Ids().new("cnt", 5)


async def test_a_pinned_balance_is_moved_once(world: World, scope: Scope) -> None:
    """Two units that move all there is read the same balance; the second runs again and finds nothing left."""
    waiting, free = "app:waiting", "app:free"

    async def put(tx: Tx) -> None:
        tx.post("put", "x", transfer("app:bank", waiting, 700, "usd"))

    async def release(tx: Tx) -> int:
        owed = -await tx.pinned_balance(waiting, "usd")
        await asyncio.sleep(0)
        tx.post("release", "x", transfer(waiting, free, owed, "usd"))
        return owed

    await perform(world, scope, put)
    moved = await asyncio.gather(*(perform(world, scope, release) for _ in range(5)), perform(world, scope, put))
    assert sum(one for one in moved if one) + await perform(world, scope, release) == 1400
    tx = Tx(world, scope)
    assert [await tx.balance(code, "usd") for code in (waiting, free)] == [0, -1400]


async def test_a_unit_that_only_rests_on_a_balance(world: World, scope: Scope) -> None:
    """It books nothing, but its rows are written only while the balance is what it read."""

    async def run(tx: Tx) -> int:
        found = await tx.pinned_balance("app:nothing", "usd")
        tx.save(Counter(id=tx.new_id("cnt"), created=tx.now))
        return found

    assert await perform(world, scope, run) == 0

    async def put(tx: Tx) -> None:
        tx.post("put", "x", transfer("app:bank", "app:nothing", 7, "usd"))

    await perform(world, scope, put)
    assert await perform(world, scope, run) == -7
    late = Tx(world, scope)
    await run(late)
    await perform(world, scope, put)
    with pytest.raises(Conflict):
        await world.engine.commit(late.seal())


async def test_what_was_read_in_parts_is_read_again(world: World, scope: Scope) -> None:
    """Another unit is committed between two readings, so that the two do not fit each other."""
    turns = 0

    async def both(tx: Tx, value: int) -> None:
        for id in ("cnt_1", "cnt_2"):
            await tx.find(COUNTER, id)
            tx.save(Counter(id=id, created=1, value=value))

    async def compare(tx: Tx) -> int:
        nonlocal turns
        turns += 1
        first = await tx.get(COUNTER, "cnt_1")
        if turns == 1:
            await perform(world, scope, lambda tx: both(tx, 2))
        second = await tx.get(COUNTER, "cnt_2")
        assert first.value == second.value, "they do not fit"
        return first.value

    await perform(world, scope, lambda tx: both(tx, 1))
    assert await perform(world, scope, compare) == 2
    assert turns == 2


async def test_what_is_wrong_for_good_is_said_once(world: World, scope: Scope) -> None:
    turns = 0

    async def fails(tx: Tx) -> None:
        nonlocal turns
        turns += 1
        await tx.find(COUNTER, "cnt_1")
        raise AssertionError("for good")

    with pytest.raises(AssertionError, match="for good"):
        await perform(world, scope, fails)
    assert turns == 1
