"""`python -m bench.growth`: latency, file and memory from a thousand objects to as many as asked for.

The data is copied from stories that were played through the API (bench/clones.py). At each size the server is
started, and every list by every filter, every searched field, and single objects are asked of it, one request after
another on one connection. A line that takes three times as long at the last size as at the first is called growing.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nostro.app import RESOURCES, engine_of
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.storage.unit import Scope

from .asks import Ask, asks
from .clones import A_WEEK, MONDAY, Builder, left, prepared
from .postgresql import postgresql
from .run import size_of
from .servers import ROOT, Server, nostro
from .sinks import sink_of

SIZES = [10**n for n in range(3, 8)]
AUDITED = 20_000  # objects up to which the books of each size are verified
TIMES = 30
PATIENCE = 1.5  # seconds for one line, past which it is asked fewer times
GROWN, NOTED = 3.0, 3.0  # times the first figure, and at least so many milliseconds
KEY = "sk_test_growth"


class Stage(Struct):
    """One size. `took` has the least, the median and the slowest of each line, in milliseconds; sizes are in bytes."""

    objects: int
    payments: int
    size: int
    start: float
    memory: int
    took: dict[str, tuple[float, float, float]]
    failed: dict[str, str] = {}


class Growth(Struct):
    engine: str
    stages: list[Stage]

    def growing(self) -> dict[str, tuple[float, float]]:
        """The lines that slow down, with the least time at the first size that has them and at the last: other
        programs on the machine do not disturb that one.
        """
        found = {}
        for name, (last, _, _) in self.stages[-1].took.items():
            first = next(stage.took[name][0] for stage in self.stages if name in stage.took)
            if last > GROWN * first and last - first > NOTED:
                found[name] = (first, last)
        return found


def measured(
    server: Server, lines: list[Ask], times: int
) -> tuple[dict[str, tuple[float, float, float]], dict[str, str]]:
    took: dict[str, tuple[float, float, float]] = {}
    failed: dict[str, str] = {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for line in lines:
        until, each = time.perf_counter() + PATIENCE, []
        for n in range(times):
            began = time.perf_counter()
            status, body = _asked(connection, line, n)
            each.append((time.perf_counter() - began) * 1000)
            if status != 200:
                failed[line.name] = body
            if time.perf_counter() > until:
                break
        warm = each[1:] or each
        took[line.name] = (round(min(warm), 3), round(statistics.median(warm), 3), round(max(warm), 3))
    connection.close()
    return took, failed


def _asked(connection: http.client.HTTPConnection, line: Ask, n: int) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {KEY}"}
    if line.form is None:
        connection.request("GET", line.path, headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", line.path, line.form(n), headers)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, "" if answer.status == 200 else body[:300].decode(errors="replace")


async def looked_at(database: str, scope: Scope, stories: int, check: bool) -> tuple[list[Ask], int]:
    """What to ask at this size, and the number of payments. Ends the program if the books are wrong."""
    engine = engine_of(Settings(database=database))
    try:
        weeks, place = divmod(stories // 2, A_WEEK)
        lines = await asks(engine, scope, MONDAY + weeks * 7 * 86_400 + place * 3)
        payments = (await engine.rows("SELECT count(*) FROM payment_intent"))[0][0]
        problems = await verify(engine, Registry(RESOURCES)) if check else []
    finally:
        await engine.close()
    if problems:
        sys.exit("The copied books do not verify:\n" + "\n".join(map(str, problems[:10])))
    return lines, payments


def grown(database: str, sizes: list[int], home: Path, times: int = TIMES, progress: Progress | None = None) -> Growth:
    """Fill the database to each size in turn, and measure at each."""
    scope, made = asyncio.run(prepared(database))
    builder = Builder(sink_of(database), scope, made)
    growth = Growth(database.partition(":")[0], [])
    for size in sizes:
        bar = progress.add_task(f"{size:,} objects", total=size, completed=builder.objects) if progress else None
        builder.go_on(*asyncio.run(left(database)))
        for there in builder.build(size):
            if progress and bar is not None:
                progress.update(bar, completed=there)
        if not database.startswith("sqlite"):
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("ANALYZE")
        lines, payments = asyncio.run(looked_at(database, scope, builder.stories, size <= AUDITED))
        stored = size_of(database)
        began = time.perf_counter()
        with nostro(home / "unused.db", database=database) as server:
            start = round(time.perf_counter() - began, 2)
            took, failed = measured(server, lines, times)
            memory = server.memory()
        growth.stages.append(Stage(builder.objects, payments, stored, start, memory, took, failed))
    return growth


def show(growth: Growth) -> None:
    console = Console(width=150)
    table = Table(title=f"{growth.engine}: median milliseconds", title_justify="left")
    table.add_column("")
    for stage in growth.stages:
        table.add_column(f"{stage.objects:,}", justify="right")
    growing = growth.growing()
    for name in growth.stages[-1].took:
        cells = [f"{stage.took[name][1]:.2f}" if name in stage.took else "" for stage in growth.stages]
        table.add_row(name, *cells, style="bold red" if name in growing else "")
    for what, cells in facts(growth):
        table.add_row(what, *cells)
    console.print(table)
    for stage in growth.stages:
        for name, why in stage.failed.items():
            console.print(f"{stage.objects:,}: {name} failed: {why}", style="red")
    console.print(f"{len(growing)} of {len(growth.stages[-1].took)} lines are growing.")


def facts(growth: Growth) -> list[tuple[str, list[str]]]:
    """Rows beside the latencies, one cell a size."""
    return [
        ("payments among them", [f"{stage.payments:,}" for stage in growth.stages]),
        ("file, bytes an object", [f"{stage.size / stage.objects:,.0f}" for stage in growth.stages]),
        ("server's memory, MB", [f"{stage.memory / 2**20:,.0f}" for stage in growth.stages]),
        ("start, seconds", [f"{stage.start:.2f}" for stage in growth.stages]),
    ]


def results(directory: Path, growth: Growth) -> None:
    """Kept beside the other engine's, in growth.json."""
    file = directory / "growth.json"
    kept: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    kept[growth.engine] = msgspec.to_builtins(growth)
    directory.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(dict(sorted(kept.items()))) + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--to", type=int, default=1_000_000, help="the largest size, in objects (10000000 takes 15 GB)")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--home", type=Path, help="where the database may lie; a temporary directory otherwise")
    parser.add_argument("--print", action="store_true", help="show it, and write nothing")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="nostro-growth-", dir=options.home))
    sizes = [size for size in SIZES if size <= options.to]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            if options.engine == "sqlite":
                growth = grown(f"sqlite:///{home}/books.db", sizes, home, progress=progress)
            else:
                with postgresql(home) as url:
                    growth = grown(url, sizes, home, progress=progress)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    show(growth)
    if not options.print:
        results(ROOT / "docs" / "performance", growth)


if __name__ == "__main__":
    main()
