"""Batches on every engine, and by several processes on one database: limits hold, sums are right, nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from counter import deposit, unit
from nostro.kernel.errors import Refused
from nostro.ledger.audit import verify
from nostro.storage.batch import Batch, Transfers, Words
from nostro.storage.runs import ask, balances_upto
from nostro.storage.unit import Entry, Scope, Unit
from nostro.storage.world import World

Open = Callable[[], Awaitable[World]]
ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
NAMES = ["app:bank", "app:a", "app:b", "app:c"]
MOST = 4 * 10**18


def batch(rows: list[tuple[int, int, int]], lowest: int = -MOST, highest: int = MOST, atomic: bool = False) -> Unit:
    """Rows of debit, credit (places in NAMES) and amount; the bounds are those of all but the bank, debit positive."""
    debit, credit, amount = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    none = np.zeros(len(rows), np.int64)
    made = Batch(
        accounts=[(1, name, "usd") for name in NAMES], lowest=np.array([-MOST, *[lowest] * 3]),
        highest=np.array([MOST, *[highest] * 3]), debit_normal=np.array([True, False, False, False]),
        transfers=Transfers(debit, credit, amount, none + 1, none, none), words=Words(["test"], [None]), created=1,
        atomic=atomic,
    )  # fmt: skip
    return Unit(scope=ONE, micros=1_000_000, batch=made)


def outcome(made: Unit) -> tuple[int, list[int]]:
    assert made.batch is not None and made.batch.outcome is not None
    return made.batch.outcome.first, sorted(made.batch.outcome.refused)


async def standing(world: World) -> dict[str, int]:
    """What stands on each account, both parts of it."""
    rows = await world.engine.rows("SELECT account, code, balance FROM ledger_account")
    batched, _ = await ask(world.engine.rows, balances_upto(1, [number for number, _, _ in rows], 10**9))
    return {code: balance + batched.get(number, 0) for number, code, balance in rows}


async def right(world: World) -> bool:
    """The accounts here were never opened, which the audit says of each; nothing else may be wrong."""
    return all("opened" in one.what or "chart" in one.what for one in await verify(world.engine, world.registry))


async def test_both_kinds_of_units_share_accounts(world: World) -> None:
    first = batch([(0, 1, 100), (0, 2, 50)])
    await world.engine.commit(first)
    await world.engine.commit(unit(ONE, deposit("app:a", 7)))
    second = batch([(1, 2, 107), (1, 2, 1), (2, 3, 157), (2, 3, 1)], highest=0)
    await world.engine.commit(second)
    assert outcome(first) == (1, []) and outcome(second) == (4, [1, 3])
    assert await standing(world) == {"app:bank": 150, "app:a": 0, "app:b": 0, "app:c": -157, "bank": 7}
    with pytest.raises(Refused):
        await world.engine.commit(batch([(3, 1, 100), (3, 2, 58)], highest=0, atomic=True))
    none = batch([(1, 2, 1), (2, 1, 5)], highest=0)
    await world.engine.commit(none)
    assert outcome(none)[1] == [0, 1]
    assert (await world.engine.rows("SELECT max(last) FROM ledger_chain"))[0][0] == 5
    assert await right(world)


async def test_a_single_entry_is_refused_by_what_batches_left(world: World, open_world: Open) -> None:
    await world.engine.commit(batch([(0, 1, 10)]))
    other = await open_world()
    for engine in (world.engine, other.engine):
        with pytest.raises(Refused) as refusal:
            await engine.commit(unit(ONE, spend(11)))
        assert refusal.value.short_by == 1
    await other.engine.commit(unit(ONE, spend(10)))
    with pytest.raises(Refused):
        await world.engine.commit(unit(ONE, spend(1)))


def spend(amount: int) -> Entry:
    from nostro.kernel.posting import credit, debit

    return Entry("test", "cnt_1", 1, (debit("app:a", amount, "usd", "too_little"), credit("bank", amount, "usd")))


async def test_two_openings_book_in_turns_and_at_once(open_world: Open) -> None:
    """Each knows what the other has booked, whether it looks or guesses; together they never overdraw."""
    worlds = [await open_world(), await open_world()]
    await worlds[0].engine.commit(batch([(0, 1, 1000)]))
    rng = np.random.default_rng(7)
    made = []
    for _ in range(12):
        rows = [(int(d), int((d + c) % 4), int(a)) for d, c, a in rng.integers((0, 1, 1), (4, 4, 60), (40, 3))]
        made.append(batch(rows, highest=0))
    singles = [unit(ONE, spend(3)) for _ in range(20)]
    together = getattr(worlds[0].engine, "exclusive", False)
    for n in range(0, 12, 2):
        pair = [worlds[0].engine.commit(made[n]), worlds[1].engine.commit(made[n + 1])]
        more = [worlds[k % 2].engine.commit(singles[n + k]) for k in range(2)]
        if together:  # one file has one process: here they only take turns
            for one in (*pair, *more):
                await asyncio.gather(one, return_exceptions=True)
        else:
            await asyncio.gather(*pair, *more, return_exceptions=True)
    for world in worlds:
        stands = await standing(world)
        assert sum(stands.values()) == 0 and all(stands[name] <= 0 for name in NAMES[1:])
        assert await right(world)
    firsts = sorted(outcome(one)[0] for one in made if len(outcome(one)[1]) < 40)
    assert len(set(firsts)) == len(firsts)
