"""`python -m bench.mix`: a shop's day in small. 70 % reads, 20 % writes, 10 % lists at a given rate, open loop.

The server starts with a database that is some months old (bench/clones.py). Latencies count from the moment at which
a request was due. Memory and file are looked at each second; the books are verified at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from nostro.api.versions import CURRENT
from nostro.app import RESOURCES, engine_of
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.storage.unit import Scope

from .clones import Builder, prepared
from .mixload import Mixed, Pool
from .postgresql import postgresql
from .report import hardware
from .run import size_of
from .servers import ROOT, Server, nostro
from .sinks import sink_of

OBJECTS = 200_000
POOL = 5_000


class Moment(Struct):
    """A look at the server in the middle of the run. Memory and size are in bytes."""

    second: float
    memory: int
    size: int


class MixReport(Struct):
    engine: str
    hardware: str
    connections: int
    objects: int
    mixed: Mixed
    moments: list[Moment]
    server_cpu: float  # of one processor, 1.0 is all of it


async def pool_of(database: str, scope: Scope) -> Pool:
    """Ids spread over all that is there."""
    engine = engine_of(Settings(database=database))

    async def ids(table: str, column: str = "id") -> list[str]:
        total = (await engine.rows(f'SELECT count(*) FROM "{table}"'))[0][0]
        rows = await engine.rows(f'SELECT {column} FROM "{table}" WHERE scope=? ORDER BY id', (scope.number,))
        return [value for (value,) in rows[:: max(1, total // POOL)] if value]

    try:
        alive = f"CASE WHEN {engine.path('deleted')} IS NULL THEN id END"
        return Pool(
            await ids("payment_intent"), await ids("charge"), await ids("customer", alive),
            await ids("customer", engine.path("email")),
        )  # fmt: skip
    finally:
        await engine.close()


def load(
    server: Server, database: str, pool: Pool, rate: float, seconds: float, connections: int
) -> tuple[Mixed, list[Moment]]:
    command = [
        sys.executable, "-m", "bench.mixload", str(server.port), "--rate", str(rate), "--seconds", str(seconds),
        "--connections", str(connections), "--version", CURRENT,
    ]  # fmt: skip
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out:
        given.write(msgspec.json.encode(pool))
        given.seek(0)
        running = subprocess.Popen(command, stdin=given, stdout=out, stderr=subprocess.PIPE, cwd=ROOT)
        began, moments = time.monotonic(), []
        while running.poll() is None:
            moments.append(Moment(round(time.monotonic() - began, 1), server.memory(), size_of(database)))
            time.sleep(1)
        if running.returncode:
            raise RuntimeError(running.stderr.read().decode() if running.stderr else "the load generator failed")
        out.seek(0)
        return msgspec.json.decode(out.read(), type=Mixed), moments


async def audited(database: str) -> None:
    engine = engine_of(Settings(database=database))
    try:
        problems = await verify(engine, Registry(RESOURCES))
    finally:
        await engine.close()
    if problems:
        sys.exit("The books do not verify after the load:\n" + "\n".join(map(str, problems[:10])))


def mixed(database: str, home: Path, rate: float, seconds: float, connections: int, objects: int) -> MixReport:
    scope, made = asyncio.run(prepared(database))
    builder = Builder(sink_of(database), scope, made)
    for _ in builder.build(objects):
        pass
    pool = asyncio.run(pool_of(database, scope))
    with nostro(home / "unused.db", database=database) as server:
        began, cpu = time.monotonic(), server.cpu()
        found, moments = load(server, database, pool, rate, seconds, connections)
        share = (server.cpu() - cpu) / (time.monotonic() - began)
    asyncio.run(audited(database))
    engine = database.partition(":")[0]
    return MixReport(engine, hardware(), connections, builder.objects, found, moments, round(share, 2))


def show(report: MixReport) -> None:
    mixed, moments = report.mixed, report.moments
    title = f"{report.engine}: {mixed.rate:,.0f} requests a second for {mixed.seconds:,.0f} s, {mixed.errors} errors"
    table = Table(title=title, title_justify="left")
    for n, column in enumerate(("", "requests", "share", "p50 ms", "p99 ms", "p99.9 ms", "slowest")):
        table.add_column(column, justify="right" if n else "left")
    for name, kind in mixed.kinds.items():
        numbers = (f"{one:.1f}" for one in (kind.p50, kind.p99, kind.p999, kind.slowest))
        table.add_row(name, f"{kind.requests:,}", f"{kind.share:.1%}", *numbers)
    console = Console()
    console.print(table)
    memory = [moment.memory / 2**20 for moment in moments]
    grown = (moments[-1].size - moments[0].size) / 2**20
    console.print(
        f"Memory {memory[0]:.0f} MB at the start, {memory[len(memory) // 2]:.0f} in the middle, {memory[-1]:.0f} at "
        f"the end; the file grew by {grown:,.0f} MB; the server used {report.server_cpu:.2f} processors. "
        "The books verify."
    )
    if mixed.errors:
        console.print(mixed.first_error, style="red")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mix", description=__doc__)
    parser.add_argument("--rate", type=float, default=1_500, help="requests a second")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--objects", type=int, default=OBJECTS, help="how many are there at the start")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--home", type=Path, help="where the database may lie; a temporary directory otherwise")
    parser.add_argument("--print", action="store_true", help="show it, and write nothing")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="nostro-mix-", dir=options.home))
    given = (home, options.rate, options.seconds, options.connections, options.objects)
    try:
        if options.engine == "sqlite":
            report = mixed(f"sqlite:///{home}/books.db", *given)
        else:
            with postgresql(home) as url:
                report = mixed(url, *given)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    show(report)
    if not options.print:
        directory = ROOT / "docs" / "performance"
        (directory / f"mix-{report.engine}.json").write_bytes(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    main()
