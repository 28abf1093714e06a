"""Workers on one database remember where accounts stand: what they remember is never what others have changed since."""

import random
from collections.abc import Awaitable, Callable

import pytest

from counter import deposit, unit, withdrawal
from nostro.kernel.errors import Refused
from nostro.ledger.audit import verify
from nostro.storage.unit import Entry, Scope
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
