"""Run the fuzzers of tests/fuzz for a long time: each round tries other input than the one before.

    python tools/fuzz.py --minutes 10
    python tools/fuzz.py --seed 7                   one round again
    python tools/fuzz.py --seed 7 --only queries    one fuzzer of it
    python tools/fuzz.py --engine postgresql

A failure prints the smallest input that shows it, and the command that repeats it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import randrange

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

FUZZ = Path(__file__).resolve().parent.parent / "tests" / "fuzz"
TRIED = re.compile(r"([\d,]+) ([a-z]+)")


def run(seed: int, options: argparse.Namespace) -> tuple[bool, str]:
    """One round: whether all held, and what pytest printed."""
    files = sorted(str(file) for file in FUZZ.glob(f"test_{options.only or '*'}.py"))
    if not files:
        sys.exit(f"No fuzzer is called {options.only}. There are: {', '.join(names())}.")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}",
               "--engine", options.engine, *files]  # fmt: skip
    environment = {**os.environ, "NOSTRO_FUZZ": str(options.cases)}
    done = subprocess.run(command, env=environment, cwd=FUZZ.parent.parent, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def names() -> list[str]:
    return sorted(file.stem.removeprefix("test_") for file in FUZZ.glob("test_*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5, help="begin new rounds for so long")
    parser.add_argument("--seed", type=int, help="run the round of this seed only")
    parser.add_argument("--only", help=f"one of {', '.join(names())}")
    parser.add_argument("--cases", type=int, default=5, help="times as many cases in a round as `make test` tries")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    seed = randrange(10**6) if options.seed is None else options.seed
    started, rounds, tried = time.monotonic(), 0, Counter[str]()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"seed {seed}", total=None if options.seed is not None else options.minutes * 60)
        while True:
            held, printed = run(seed, options)
            if not held:
                progress.stop()
                only = f" --only {options.only}" if options.only else ""
                sys.exit(f"{printed}\nSeed {seed} failed. Again: make fuzz ARGS='--seed {seed} --cases {options.cases} "
                         f"--engine {options.engine}{only}'")  # fmt: skip
            told = printed.partition("Tried: ")[2].partition("\n")[0]
            tried.update({what: int(count.replace(",", "")) for count, what in TRIED.findall(told)})
            rounds, seed = rounds + 1, seed + 1
            progress.update(
                task, completed=time.monotonic() - started, description=f"{rounds} rounds, {tried.total():,}"
            )
            if options.seed is not None or time.monotonic() - started > options.minutes * 60:
                break
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(tried.items()))
    print(f"{rounds} rounds without a failure: {told}.")


if __name__ == "__main__":
    main()
