"""The whole system under seeded faults: new seeds each time for a few seconds, seeds that once failed, seeded bugs.

`make simulate SEED=... STEPS=...` repeats what fails here; `make soak` goes on for as long as one likes.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from pathlib import Path

import pytest

from postgresql import database
from sim.mutations import MUTATIONS
from sim.postgres import OnPostgres
from sim.run import history, silence
from sim.simulation import simulate

SECONDS = 4
STEPS = 10
ENOUGH = 15  # steps in which each bug below is found
# The same histories in each run, beside the new ones.
SEEDS = (5, 36)
# Bugs that one short history finds; `make soak ARGS=--mutations` looks for all of them.
FOUND_AT_ONCE = {
    "answers before the commit is synced": 0, "drops a posting": 0, "forgets keys": 0, "does not check limits": 0,
    "forgets what was taken back of a transfer": 2,
}  # fmt: skip


def test_new_seeds() -> None:
    until, seed = time.monotonic() + SECONDS, secrets.randbelow(10**9)
    while time.monotonic() < until:
        result = history(seed, STEPS)
        assert result.error is None, result.text
        seed += 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seeds(seed: int) -> None:
    result = history(seed, STEPS)
    assert result.error is None, result.text


def test_a_history_repeats_by_its_seed() -> None:
    one, two, other = (history(seed, 5).simulation for seed in (7, 7, 8))
    assert (one.trace, one.log) == (two.trace, two.log)
    assert one.trace != other.trace


@pytest.mark.parametrize(("bug", "seed"), FOUND_AT_ONCE.items())
def test_a_bug_is_found(bug: str, seed: int) -> None:
    with MUTATIONS[bug]():
        assert history(seed, ENOUGH).error is not None, "nobody noticed"


@pytest.mark.slow
def test_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    """The requests follow the seed there; when a fault meets a statement does not."""
    seed, faults = secrets.randbelow(10**9), Counter[str]()
    with database(postgresql) as url, silence():
        simulation = OnPostgres(seed, url, tmp_path)
        try:
            asyncio.run(simulate(simulation, 8))
        except Exception as error:
            error.add_note(f"seed {seed}\n" + "\n".join(simulation.log))
            raise
        faults.update(simulation.faults)
    assert faults
