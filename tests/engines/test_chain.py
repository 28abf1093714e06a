"""Every commit that books adds one link to the hash chain, over all of its entries and the link before."""

import asyncio
from collections.abc import Awaitable, Callable

from counter import deposit, unit, withdrawal, write
from nostro.storage.books import chain_hash
from nostro.storage.unit import Scope
from nostro.storage.world import World

Open = Callable[[], Awaitable[World]]
ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
ENTRIES = (
    "SELECT entry, book, kind, source, recorded, effective, reverses, description, postings "
    "FROM ledger_entry WHERE entry BETWEEN ? AND ? ORDER BY entry"
)


async def check(world: World) -> int:
    """Recompute the chain; answers how many entries it covers."""
    hash, covered, number = "", 0, 0
    for link, first, last, _, stored in await world.engine.rows("SELECT * FROM ledger_chain ORDER BY link"):
        assert (link, first) == (number + 1, covered + 1)
        hash = chain_hash(hash, await world.engine.rows(ENTRIES, (first, last)))
        assert hash == stored
        covered, number = last, link
    return covered


async def test_the_chain_covers_every_entry_once(open_world: Open) -> None:
    total = 0
    for opening in range(3):
        world = await open_world()
        for n in (1, 40, 3):
            units = [unit(ONE, deposit("a", 1), withdrawal("a", 1), micros=10 * n) for _ in range(n)]
            await asyncio.gather(*(world.engine.commit(one) for one in units))
            total += 2 * n
        await world.engine.commit(unit(ONE, write(f"cnt_{opening}", 1)))  # books nothing, so adds no link
        assert await check(world) == total
        await world.engine.close()


async def test_recorded_time_never_falls(open_world: Open) -> None:
    world = await open_world()
    for micros in (50, 20, 70, 60):
        await world.engine.commit(unit(ONE, deposit("a", 1), micros=micros))
    await world.engine.close()
    again = await open_world()
    await again.engine.commit(unit(ONE, deposit("a", 1), micros=10))
    rows = await again.engine.rows("SELECT recorded FROM ledger_entry ORDER BY entry")
    assert [recorded for (recorded,) in rows] == [50, 50, 70, 70, 70]


async def test_each_line_carries_the_balance_after_it(open_world: Open) -> None:
    world = await open_world()
    units = [unit(ONE, deposit("a", n), deposit("a", 2 * n)) for n in range(1, 20)]
    await asyncio.gather(*(world.engine.commit(one) for one in units))
    for account, total in await world.engine.rows("SELECT account, balance FROM ledger_account"):
        running = 0
        for amount, balance in await world.engine.rows(
            "SELECT amount, balance FROM ledger_posting WHERE account=? ORDER BY entry", (account,)
        ):
            running += amount
            assert balance == running
        assert total == running
