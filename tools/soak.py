"""Run the simulation of tests/simulation.py for a long time: each seed is a new shop with its own faults.

    python tools/soak.py --minutes 10
    python tools/soak.py --seed 7 --steps 200        one history again

A failure prints what was done and the command that repeats it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import calm
from simulation import Simulation, simulate


def run(seed: int, steps: int) -> Simulation:
    done: list[Simulation] = []

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            done.append(await simulate(Path(directory), Random(seed), steps))

    calm.run(main())
    return done[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this history only")
    parser.add_argument("--steps", type=int, default=200, help="of each history")
    parser.add_argument("--minutes", type=float, default=5)
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    seeds = requests = crashes = 0
    seed = 0 if options.seed is None else options.seed
    while True:
        try:
            done = run(seed, options.steps)
        except Exception:
            traceback.print_exc()
            sys.exit(f"\nSeed {seed} failed. Again: make soak ARGS='--seed {seed} --steps {options.steps}'")
        seeds, requests, crashes = seeds + 1, requests + done.keys, crashes + done.crashes
        seed += 1
        if options.seed is not None or time.monotonic() > until:
            break
    print(f"{seeds} histories, {requests} requests, {crashes} crashes: the books are right after every step.")


if __name__ == "__main__":
    main()
