"""`python -m bench`: payments, reads and lists a second, beside a peer in the same run, the books verified after.

The report goes to docs/performance/. `--short` is a look of a few seconds without the peer, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from .report import Report, hardware, medians, show, versions, write
from .run import Load, Row, books, generate, measure
from .servers import PEER, ROOT, nostro, peer, peer_installed

SHORT = Load(seconds=2, warm_up=0.5)
PEER_OBJECTS = 1_000


def measure_ours(load: Load, database: Path) -> list[Row]:
    with nostro(database) as server:
        return measure(server, load)


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


def check(database: Path) -> tuple[int, int]:
    """The number of payments and the bytes of each. Ends the program if the books are wrong."""
    problems, payments, size = asyncio.run(books(database))
    if problems:
        sys.exit("The books do not verify after the load:\n" + "\n".join(map(str, problems)))
    return payments, size // max(payments, 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few seconds, ours only, nothing written")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=Load().seconds, help="of each measurement")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    load, runs = (SHORT, 1) if options.short else (Load(seconds=options.seconds), options.runs)
    with tempfile.TemporaryDirectory(prefix="nostro-bench-") as home:
        database = Path(home) / "books.db"
        ours = []
        for run in range(runs):
            for part in ("", "-wal", "-shm"):
                Path(f"{database}{part}").unlink(missing_ok=True)
            sys.stderr.write(f"nostro, run {run + 1} of {runs}\n")
            ours.append(measure_ours(load, database))
        payments, each = check(database)
    rows, others = medians(ours), {}
    if not (options.short or options.no_peer):
        with peer_installed() as (python, number):
            others[PEER] = number
            sys.stderr.write(f"{PEER}\n")
            rows += medians(measure_peer(load, python, runs))
    report = Report(rows, runs, load, hardware(), versions(**others), payments, each)
    show(report)
    if not options.short:
        write(report, ROOT / "docs" / "performance")


if __name__ == "__main__":
    main()
