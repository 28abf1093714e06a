"""One history from its seed, in virtual time: what a test, `make simulate` and `make soak` share."""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from msgspec import Struct

from . import loop
from .simulation import Simulation, simulate


class Result(Struct):
    """What became of a history. `error` is None if nothing was wrong."""

    seed: int
    simulation: Simulation
    error: BaseException | None = None

    @property
    def text(self) -> str:
        """What went wrong, at which step, and what was done in it."""
        assert self.error is not None
        last = "\n".join(self.simulation.log[self.simulation.marks[-1] if self.simulation.marks else 0 :])
        where = "".join(traceback.format_exception(self.error))
        return f"{last}\n{where}\n{self.again}\n"

    @property
    def again(self) -> str:
        steps = max(1, self.simulation.steps)
        return f"seed {self.seed} failed at step {steps}; again: make simulate SEED={self.seed} STEPS={steps}"


def history(seed: int, steps: int) -> Result:
    """Run it on SQLite; what goes wrong is in the result."""
    with tempfile.TemporaryDirectory(prefix="nostro-sim-") as directory:
        result = Result(seed, Simulation(seed, Path(directory)))
        with silence():
            try:
                loop.run(simulate(result.simulation, steps), Random(seed + 1))
            except Exception as error:
                result.error = error
    return result


@contextmanager
def silence() -> Iterator[None]:
    """Faults are expected here, and need not be logged."""
    loggers = [logging.getLogger(name) for name in ("nostro", "asyncio")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
