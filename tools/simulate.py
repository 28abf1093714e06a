"""Run the seeded simulation of the whole system (docs/operations/faults.md).

    python tools/simulate.py --seed 7 --steps 60       one history; the same seed is the same history
    python tools/simulate.py --minutes 10              new seeds for so long, and what was injected
    python tools/simulate.py --mutations               each bug of tests/sim/mutations.py must be found

A failure prints the step that failed, what was done in it, and the command that repeats it.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn
from rich.table import Table

from sim.faults import KINDS
from sim.mutations import MUTATIONS
from sim.run import Result, history

MOST_SEEDS = 40
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--seed", type=int, help="run this history only")
    parser.add_argument("--steps", type=int, default=60, help="of each history (60)")
    parser.add_argument("--minutes", type=float, help="run new seeds for so long")
    parser.add_argument("--mutations", action="store_true", help="look for the bugs that were put in on purpose")
    options = parser.parse_args()
    if options.mutations:
        _find_mutations(options.steps)
    elif options.minutes is not None:
        _soak(options.seed, options.steps, options.minutes)
    else:
        _one(secrets.randbelow(10**6) if options.seed is None else options.seed, options.steps)


def _one(seed: int, steps: int) -> None:
    result = history(seed, steps)
    _fail(result)
    done = result.simulation
    console.print(_faults(done.faults))
    console.print(f"seed {seed}: {done.steps} steps, {done.requests} requests, {done.lives} lives, all checks hold")
    console.print(f"trace {done.trace}")


def _soak(first: int | None, steps: int, minutes: float) -> None:
    start = secrets.randbelow(10**6) if first is None else first
    faults: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    columns = SpinnerColumn(), *Progress.get_default_columns()[:1], TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        line = progress.add_task("", total=None)
        for seed in _until(start, time.monotonic() + minutes * 60):
            result = history(seed, steps)
            _fail(result)
            done = result.simulation
            faults.update(done.faults)
            totals.update(histories=1, steps=done.steps, requests=done.requests, lives=done.lives)
            said = ", ".join(f"{number:,} {name}" for name, number in totals.items())
            progress.update(line, description=f"{said}, {faults.total():,} faults; last seed {seed}")
    console.print(_faults(faults))
    console.print(f"{', '.join(f'{number:,} {name}' for name, number in totals.items())}: every check holds.")


def _until(seed: int, end: float) -> Iterator[int]:
    yield seed
    while time.monotonic() < end:
        seed += 1
        yield seed


def _find_mutations(steps: int) -> None:
    table = Table("bug put in", "seed", "step", "what was noticed", box=None)
    missed = 0
    for name, mutation in MUTATIONS.items():
        for seed in range(MOST_SEEDS):
            with mutation():
                result = history(seed, steps)
            if result.error is not None:
                table.add_row(name, str(seed), str(result.simulation.steps), str(result.error)[:90])
                console.print(f"found by seed {seed} at step {result.simulation.steps}: {name}")
                break
        else:
            missed += 1
            table.add_row(name, "-", "-", f"not found in {MOST_SEEDS} histories")
    console.print(table)
    sys.exit(1 if missed else 0)


def _faults(found: Counter[str]) -> Table:
    table = Table("fault", "times", "what it is", box=None)
    for kind, meaning in KINDS.items():
        if found[kind]:
            table.add_row(kind, f"{found[kind]:,}", meaning)
    return table


def _fail(result: Result) -> None:
    if result.error is not None:
        console.print(result.text, markup=False, highlight=False)
        console.print(f"trace {result.simulation.trace}")
        sys.exit(1)


if __name__ == "__main__":
    main()
