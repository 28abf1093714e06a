"""Money is conserved whatever happens at once: the simulation under random interleavings, replays and crashes.

`make soak` runs the same for as long as one likes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import calm
from nostro.api.idempotency import Idempotency
from nostro.payments import refund
from nostro.storage.sqlite import SqliteEngine
from simulation import Simulation, simulate

SEEDS = range(12)
STEPS = 60


def run(random: Random, steps: int) -> Simulation:
    done: list[Simulation] = []

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            done.append(await simulate(Path(directory), random, steps))

    calm.run(main())
    return done[0]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.randoms(use_true_random=False))
def test_short_histories(random: Random) -> None:
    """Hypothesis chooses, so what fails shrinks to the few requests that matter."""
    run(random, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_long_histories(seed: int) -> None:
    simulation = run(Random(seed), STEPS)
    assert simulation.crashes and len(simulation.intents) > 10


def test_a_history_repeats_by_its_seed() -> None:
    assert run(Random(7), 20).log == run(Random(7), 20).log


# The simulation can fail ------------------------------------------------------------


def _lose_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are not checked: of two refunds at once, the charge remembers one."""
    monkeypatch.setattr(SqliteEngine, "_stale", lambda *_: None)


def _forget_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay is served as if it were new."""

    async def begin(*_: Any) -> None:
        return None

    monkeypatch.setattr(Idempotency, "begin", begin)
    monkeypatch.setattr("nostro.api.server.keep", lambda *_: None)


def _answer_before_the_disk_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(calm.CalmEngine):
        async def _commit_group(self, group: Any) -> None:
            before = self._log_size()
            await super()._commit_group(group)
            self._safe = before

    monkeypatch.setattr("simulation.CalmEngine", Hasty)


def _write_no_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refund moves money, and the statement does not say so."""
    monkeypatch.setattr(refund, "_line", lambda *_, **__: None)


FAULTS = (_lose_updates, _forget_keys, _answer_before_the_disk_has_it, _write_no_statement)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__[1:])
def test_a_fault_is_found(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    for seed in range(20):
        try:
            run(Random(seed), STEPS)
        except AssertionError:
            return
    pytest.fail("twenty histories, and nobody noticed")
