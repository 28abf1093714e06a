"""Workers on one database remember where accounts stand: what they remember is never what others have changed since."""

import random
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from counter import deposit, entry, unit, withdrawal
from nostro.kernel.errors import Refused
from nostro.kernel.posting import credit, debit
from nostro.ledger.audit import verify
from nostro.storage import postgres_group, standings
from nostro.storage.batch import Batch, Transfers, Words
from nostro.storage.unit import Entry, Scope, Unit
from nostro.storage.world import World

Open = Callable[[], Awaitable[World]]
ACCOUNTS = ("a", "b", "c")


async def wrong(world: World) -> list[str]:
    """The accounts here are on no chart, which the audit says of each; nothing else may be wrong."""
    return [str(one) for one in await verify(world.engine, world.registry) if "chart" not in str(one)]


async def refused(world: World, scope: Scope, made: Entry) -> None:
    with pytest.raises(Refused):
        await world.engine.commit(unit(scope, made))


async def test_what_a_refused_unit_looked_at_grows_old(world: World, open_world: Open, scope: Scope) -> None:
    other = await open_world()
    await other.engine.commit(unit(scope, deposit("a", 100)))
    await refused(world, scope, withdrawal("a", 101))  # it knows of 100, and has booked nothing yet
    await other.engine.commit(unit(scope, withdrawal("a", 70)))
    await world.engine.commit(unit(scope, deposit("b", 1)))
    await refused(world, scope, withdrawal("a", 31))
    await world.engine.commit(unit(scope, withdrawal("a", 30)))
    assert await wrong(world) == []


@pytest.mark.parametrize("seed", range(4))
async def test_in_any_order(world: World, open_world: Open, scope: Scope, seed: int) -> None:
    """Few accounts, limits reached all the time, and one worker is at it for a while, so that it comes to trust
    itself."""
    chance, worlds = random.Random(seed), [world, await open_world(), await open_world()]
    stands = dict.fromkeys(ACCOUNTS, 0)
    for _ in range(80):
        engine = chance.choice(worlds).engine
        for _ in range(chance.choice((1, 2, 16))):
            account, amount = chance.choice(ACCOUNTS), chance.randint(1, 20)
            if chance.random() < 0.5:
                await engine.commit(unit(scope, deposit(account, amount)))
                stands[account] += amount
            elif amount > stands[account]:
                with pytest.raises(Refused):
                    await engine.commit(unit(scope, withdrawal(account, amount)))
            else:
                await engine.commit(unit(scope, withdrawal(account, amount)))
                stands[account] -= amount
    booked = dict(await world.engine.rows("SELECT code, -balance FROM ledger_account WHERE code<>'bank'"))
    assert booked == {account: stood for account, stood in stands.items() if account in booked}
    assert await wrong(world) == []


async def test_after_more_batches_than_are_caught_up_with(
    world: World, open_world: Open, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has missed so many batches that it looks anew, in a unit whose accounts nobody has booked on yet:
    what batches book on these from now on is still told to it."""
    monkeypatch.setattr(postgres_group, "MANY", 2)
    other = await open_world()
    await world.engine.commit(unit(scope, deposit("a", 1)))
    for _ in range(3):
        await other.engine.commit(transfers(scope, "till", "a"))
    await world.engine.commit(unit(scope, entry(debit("also new", 10, "usd"), credit("new", 10, "usd"))))
    await other.engine.commit(transfers(scope, "new", "a"))
    back = entry(debit("new", 1, "usd", "too_little"), credit("also new", 1, "usd"))
    await refused(world, scope, back)


def transfers(scope: Scope, taker: str, giver: str) -> Unit:
    """A batch of ten, of 1 each."""
    none = np.zeros(10, np.int64)
    batch = Batch(
        accounts=[(scope.book, taker, "usd"), (scope.book, giver, "usd")], lowest=np.array([-(2**60)] * 2),
        highest=np.array([2**60] * 2), debit_normal=np.array([True, False]),
        transfers=Transfers(none, none + 1, none + 1, none + 1, none, none), words=Words(["test"], [None]), created=1,
    )  # fmt: skip
    return Unit(scope=scope, micros=1_000_000, batch=batch)


async def test_a_batch_raises_the_edition_as_any_unit_does(world: World, scope: Scope) -> None:
    """Else what other workers remember of the scope would pass for true."""
    made = transfers(scope, "till", "a")
    made.renewed = {scope.number}
    before = await world.engine.rows("SELECT edition FROM scope WHERE scope=?", (scope.number,))
    await world.engine.commit(made)
    after = await world.engine.rows("SELECT edition FROM scope WHERE scope=?", (scope.number,))
    assert after[0][0] == before[0][0] + 1


async def test_more_accounts_than_are_remembered(world: World, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are forgotten now and then, but never those of the unit at hand."""
    monkeypatch.setattr(standings, "MOST", 3)
    for _ in range(3):
        for n in range(4):
            await world.engine.commit(unit(scope, deposit(f"a{n}", 10), deposit(f"b{n}", 10)))
    for n in range(4):
        await refused(world, scope, withdrawal(f"a{n}", 31))
        await world.engine.commit(unit(scope, withdrawal(f"a{n}", 30), withdrawal(f"b{n}", 30)))
    assert await wrong(world) == []
