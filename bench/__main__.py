"""`python -m bench`: payments, reads, lists and ledger transfers a second, beside peers in the same run.

The report goes to docs/performance/, with what `bench.growth` and `bench.mix` have left there. The books are verified
after each part. `--short` is a look of a few seconds without the peers, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import transfers
from .page import write
from .postgresql import postgresql
from .report import Part, Results, hardware, medians, show, versions
from .run import Load, Row, books, empty, generate, measure
from .servers import PEER, ROOT, nostro, peer, peer_installed, served

SHORT = Load(seconds=2, warm_up=0.5)
PEER_OBJECTS = 1_000
DIRECTORY = ROOT / "docs" / "performance"


@contextmanager
def database(engine: str) -> Iterator[str]:
    """The URL of an empty one."""
    with tempfile.TemporaryDirectory(prefix="nostro-bench-") as home:
        if engine == "sqlite":
            yield f"sqlite:///{home}/books.db"
            return
        with postgresql(Path(home)) as url:
            yield url


def payments(engine: str, load: Load, runs: int, production: bool = False) -> Part:
    """In `nostro dev`, which also keeps what each POST sent, or in `nostro serve`."""
    name, measured = f"nostro{' serve' if production else ''}, {engine}", []
    for run in range(runs):
        sys.stderr.write(f"payments, {name}, run {run + 1} of {runs}\n")
        with database(engine) as url, tempfile.TemporaryDirectory() as home:
            before = asyncio.run(empty(url))
            running = served(Path(home), url) if production else nostro(Path(home) / "unused.db", database=url)
            with running as server:
                measured.append(measure(server, load))
            verified, size = check(url)
    rows = medians(measured)
    for row in rows:
        row.server = name
    return Part(rows, runs, load, hardware(), versions(), verified, (size - before) // max(verified, 1))


def ledger(load: Load, runs: int, peers: bool) -> Part:
    measured: list[list[Row]] = []
    for run in range(runs):
        sys.stderr.write(f"ledger transfers, run {run + 1} of {runs}\n")
        rows: list[Row] = []
        for engine in ("sqlite", "postgresql"):
            with database(engine) as url:
                with tempfile.TemporaryDirectory() as home, nostro(Path(home) / "unused.db", database=url) as server:
                    rows += transfers.measure_ours(server, f"nostro over HTTP, {engine}", load)
                check(url)
        if peers:
            with database("postgresql") as url:
                rows += transfers.measure_peer(url, load)
        measured.append(rows)
    return Part(medians(measured), runs, load, hardware(), versions())


def localstripe(load: Load, runs: int) -> Part:
    with peer_installed() as (python, number):
        sys.stderr.write(f"{PEER}\n")
        return Part(medians(measure_peer(load, python, runs)), runs, load, hardware(), versions(**{PEER: number}))


def measure_peer(load: Load, python: Path, runs: int) -> list[list[Row]]:
    """Its work grows with what it holds: from empty in each run, and when a thousand payments are there.

    Filling it takes minutes, so that is done once, for all runs.
    """
    first = Load(seconds=1, warm_up=0, connections=load.connections)
    measured: list[list[Row]] = []
    for _ in range(runs):
        with peer(python) as server:
            measured.append([generate(server, "payments, from empty, 1 s", first)])
    with peer(python) as server:
        generate(server, "filling", Load(seconds=900, warm_up=0), most=PEER_OBJECTS)
        for run in range(runs):
            measured[run] += measure(server, load)
    for row in (row for rows in measured for row in rows[1:]):
        row.what += f", {PEER_OBJECTS:,} payments there"
    return measured


def check(url: str) -> tuple[int, int]:
    """The number of payments and the bytes of all. Ends the program if the books are wrong."""
    problems, payments, size = asyncio.run(books(url))
    if problems:
        sys.exit("The books do not verify after the load:\n" + "\n".join(map(str, problems)))
    return payments, size


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few seconds, ours only, nothing written")
    parser.add_argument("--only", default="", help="some of payments, serve, postgresql, ledger, localstripe, charts")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=Load().seconds, help="of each measurement")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    load, runs = (SHORT, 1) if options.short else (Load(seconds=options.seconds), options.runs)
    alone = options.short or options.no_peer
    parts: dict[str, Callable[[], Part]] = {
        "payments": lambda: payments("sqlite", load, runs),
        "serve": lambda: payments("sqlite", load, runs, production=True),
        "postgresql": lambda: payments("postgresql", load, runs),
        "ledger": lambda: ledger(load, runs, peers=not alone),
        "localstripe": lambda: localstripe(load, runs),
    }
    wanted = options.only.split(",") if options.only else [name for name in parts if name != "localstripe" or not alone]
    if unknown := set(wanted) - {*parts, "charts"}:
        parser.error(f"unknown part {', '.join(unknown)}: there are {', '.join(parts)} and charts")
    results = Results.read(DIRECTORY)
    for name in wanted:
        if name in parts:
            part = results.parts[name] = parts[name]()
            show(name, part)
            if not options.short:  # as it comes: a later part may fail
                results.write(DIRECTORY)
    if not options.short:
        write(results, DIRECTORY)


if __name__ == "__main__":
    main()
