"""One measurement: the load generator against a server, and the books of ours afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import psycopg
from msgspec import Struct

from nostro.api.versions import CURRENT
from nostro.app import RESOURCES, engine_of, make_world
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.ledger.problem import Problem
from nostro.storage.sqlite import SqliteEngine

from .load import Measured
from .servers import ROOT, Server

CONNECTIONS = 64
FILE = "sqlite:///"
LIST = "/v1/payment_intents?limit=10"


class Load(Struct, frozen=True):
    """How long each measurement takes, in seconds, after `warm_up` that does not count."""

    seconds: float = 8
    warm_up: float = 1
    connections: int = CONNECTIONS


class Row(Struct):
    """One line of the report. `cpu_micros` is the server's processor time for one request."""

    server: str
    what: str
    measured: Measured
    cpu_micros: float


def generate(
    server: Server, what: str, load: Load, names: list[str] | None = None, most: int = 0, kind: str = "get"
) -> Row:
    """Run the load generator; raises if a request failed, because then the rates mean nothing.

    `names` are what requests of this `kind` are about; without them they are payments.
    """
    command = [
        sys.executable, "-m", "bench.load", str(server.port), "pay" if names is None else kind,
        "--seconds", str(load.seconds), "--warm-up", str(load.warm_up), "--connections", str(load.connections),
        "--most", str(most), "--version", CURRENT, "--key", server.key,
    ]  # fmt: skip
    before = server.cpu()
    done = subprocess.run(
        command, input="\n".join(names or ()), capture_output=True, text=True, cwd=ROOT, check=False
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    measured = msgspec.json.decode(done.stdout, type=Measured)
    if measured.errors or not (measured.requests or most):
        raise RuntimeError(f"{server.name} refused {measured.errors} requests: {measured.first_error}")
    share = measured.seconds / (measured.seconds + load.warm_up)
    cpu = (server.cpu() - before) * share / max(measured.requests, 1) * 1_000_000
    return Row(server.name, what, measured, round(cpu, 1))


def measure(server: Server, load: Load) -> list[Row]:
    """Payments, then reads of what they made, by id and as a list."""
    pay = generate(server, "payments", load)
    paths = [f"/v1/payment_intents/{id}" for id in pay.measured.ids]
    read = generate(server, "reads by id", load, paths)
    page = generate(server, "lists of 10", load, [LIST])
    return [pay, read, page]


async def empty(database: str) -> int:
    """Make the tables, and answer how many bytes they take with nothing in them."""
    world = await make_world(Settings(database=database, dev=True))
    await world.engine.close()
    return size_of(database)


async def books(database: str) -> tuple[list[Problem], int, int]:
    """What is wrong with the books, the number of payments in them, and the database's size in bytes."""
    engine = engine_of(Settings(database=database))
    try:
        problems = await verify(engine, Registry(RESOURCES))
        payments = (await engine.rows("SELECT count(*) FROM payment_intent"))[0][0]
        if isinstance(engine, SqliteEngine):
            await engine.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await engine.close()
    return problems, payments, size_of(database)


def size_of(database: str) -> int:
    """Bytes on disk, without what is still in a log."""
    if database.startswith(FILE):
        return Path(database.removeprefix(FILE)).stat().st_size
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
