"""The whole system under seeded faults: new seeds each time for a few seconds, seeds that once failed, seeded bugs.

`make simulate SEED=... STEPS=...` repeats what fails here; `make soak` goes on for as long as one likes.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter

import pytest

from postgresql import database
from sim.mutations import MUTATIONS
from sim.postgres import OnPostgres
from sim.run import history, silence
from sim.simulation import simulate

SECONDS = 4
STEPS = 15
# Histories that failed once, with the step by which they did.
REGRESSIONS = {
    5: 30,  # a claim that failed left its endpoint busy for ever, and nothing more was delivered to it
    9: 30,  # the same
    36: 26,  # a log that the disk had only in part was copied into the file, and its old part replayed over it
}
# A seed that finds the bug early; `make soak ARGS=--mutations` looks from the first seed on.
FOUND_BY = {"does not check versions": (6, 25), "does a job that another did": (11, 25)}


def test_new_seeds() -> None:
    until, seed = time.monotonic() + SECONDS, secrets.randbelow(10**9)
    while time.monotonic() < until:
        result = history(seed, STEPS)
        assert result.error is None, result.text
        seed += 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", REGRESSIONS)
def test_seeds_that_once_failed(seed: int) -> None:
    result = history(seed, REGRESSIONS[seed])
    assert result.error is None, result.text


def test_a_history_repeats_by_its_seed() -> None:
    one, two, other = (history(seed, 8).simulation for seed in (7, 7, 8))
    assert (one.trace, one.log) == (two.trace, two.log)
    assert one.trace != other.trace


@pytest.mark.slow
@pytest.mark.parametrize("bug", MUTATIONS)
def test_a_bug_is_found(bug: str) -> None:
    first, steps = FOUND_BY.get(bug, (0, 25))
    for seed in range(first, first + 10):
        with MUTATIONS[bug]():
            if history(seed, steps).error is not None:
                return
    pytest.fail("ten histories, and nobody noticed")


@pytest.mark.slow
def test_on_postgresql(postgresql: str) -> None:
    """The requests follow the seed there; when a fault meets a statement does not."""
    seed, faults = secrets.randbelow(10**9), Counter[str]()
    with database(postgresql) as url, silence():
        simulation = OnPostgres(seed, url)
        try:
            asyncio.run(simulate(simulation, 8))
        except Exception as error:
            error.add_note(f"seed {seed}\n" + "\n".join(simulation.log))
            raise
        faults.update(simulation.faults)
    assert faults
