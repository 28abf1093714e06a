"""Random histories: every line belongs to a match or to a break and never to both, and every day can be proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from nostro.kernel.posting import transfer
from nostro.ledger import chart
from nostro.storage.postgres import PostgresEngine
from nostro.storage.tx import Tx
from postgresql import database

from .history import History, history

STEPS = 100
LOOK = 5  # every so many steps


async def lived(it: History, steps: int = STEPS) -> None:
    acts = [it.book] * 8 + [it.wait] * 3 + [it.statement] * 3 + [it.run] * 3
    acts += [it.move, it.undo, it.by_hand, it.resolve, it.close]
    try:
        for step in range(steps):
            await it.random.choice(acts)()
            if step % LOOK == 0:
                await it.check()
        await it.statement()
        await it.run()
        await it.check()
        await it.check_books()
    finally:
        await it.world.engine.close()


@pytest.mark.parametrize("seed", [101, 103, 105, 106])
async def test_a_random_history(seed: int, tmp_path: Path) -> None:
    await lived(await history(seed, tmp_path / "books.db"))


@pytest.mark.slow
async def test_a_random_history_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    with database(postgresql) as url:
        await lived(await history(107, tmp_path / "unused.db", PostgresEngine(url, durable=False)), 60)


async def test_an_entry_that_its_break_lets_go_is_late_in_its_turn(tmp_path: Path) -> None:
    """A line first differs from an entry, then finds the one that it is; the first entry must not be forgotten."""
    it = await history(1, tmp_path / "books.db")
    try:
        it.balance, it.second = [0, 0], False

        async def post(amount: int) -> None:
            lines = transfer(chart.CASH, chart.FEES, amount, "usd")

            async def verb(tx: Tx) -> None:
                tx.post("test.cash", f"thing{amount}", lines, description="REF-1", effective=tx.now)

            await it.do(verb)

        await post(1000)
        it.told = ([(it.today, 900, "REF-1")], [])
        await it.statement()
        await it.run()
        assert [b.reason for b in await it.open_breaks()] == ["amount_differs"]
        await post(900)
        await it.run()
        await it.check()
        assert await it.open_breaks() == []
        it.clock.advance(12 * 86_400)
        await it.statement()
        await it.run()
        await it.check()
        [left] = await it.open_breaks()
        assert (left.reason, left.amount) == ("missing_in_bank", -1000)
    finally:
        await it.world.engine.close()
