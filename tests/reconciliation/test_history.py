"""Random histories: every line belongs to a match or to a break and never to both, and every day can be proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from .history import history

STEPS = 100
LOOK = 5  # every so many steps


@pytest.mark.parametrize("seed", [101, 103, 105])
async def test_a_random_history(seed: int, tmp_path: Path) -> None:
    it = await history(seed, tmp_path / "books.db")
    acts = [it.book] * 8 + [it.wait] * 3 + [it.statement] * 3 + [it.run] * 3
    acts += [it.undo, it.by_hand, it.resolve, it.close]
    try:
        for step in range(STEPS):
            await it.random.choice(acts)()
            if step % LOOK == 0:
                await it.check()
        await it.statement()
        await it.run()
        await it.check()
        await it.check_books()
    finally:
        await it.world.engine.close()
