"""`python -m bench.bulk`: plain transfers a second in bulk, and how quick they are to read by account afterwards.

The engine alone and over HTTP, beside plain rows in the same databases in the same run; the books verified after.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
import numpy as np
import psycopg
from msgspec import Struct

from nostro.app import make_world
from nostro.controls.api_key import make_scope, sandbox_merchant
from nostro.events.job import run_due
from nostro.kernel.pace import Pace
from nostro.kernel.settings import Settings
from nostro.ledger.account import find
from nostro.ledger.app_account import ACCOUNT, OPEN, Record
from nostro.ledger.app_entry import BOOKED
from nostro.ledger.audit import verify
from nostro.ledger.bulk import MOST_AT_ONCE
from nostro.ledger.chart import held
from nostro.ledger.directory import Directory, directory, meet
from nostro.ledger.statement import statement
from nostro.ledger.transfers import Plain, batch_of, commit
from nostro.storage.batch import Transfers, Words
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit, Write
from nostro.storage.world import World

from . import servers

KEY = "sk_test_bench"
READS = 200
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


class Result(Struct):
    """`rate` is transfers a second; `bytes` on disk and `processor` microseconds are for each."""

    what: str
    transfers: int
    accounts: int
    rate: float
    bytes: float | None = None
    processor: float | None = None
    verified_in: float | None = None
    balance_micros: float | None = None
    page_micros: float | None = None


def pairs(rng: np.random.Generator, count: int, accounts: int, hot: bool) -> Pairs:
    """Debit, credit and amount; `hot` has the first account on one side of each."""
    debit = np.zeros(count, np.int64) if hot else rng.integers(0, accounts, count)
    credit = (debit + 1 + rng.integers(0, accounts - 1, count)) % accounts
    return debit, credit, rng.integers(1, 100_000, count)


def code(n: int) -> str:
    return f"app:bench:{n}"


async def open_accounts(world: World, scope: Scope, count: int) -> None:
    """As the API would open them, a thousand at once."""
    for start in range(0, count, 1000):
        unit = Unit(scope=scope, micros=world.clock.micros())
        for n in range(start, min(start + 1000, count)):
            id = world.ids.new("lacct", unit.micros, scope.number)
            one = Record(id=id, created=1, code=code(n), currency="usd", normal_balance="credit", type="liability")
            unit.writes.append(Write(ACCOUNT.table, id, 0, 1, msgspec.json.encode(one)))
            for name in (one.code, held(one.code)):
                unit.rows.append((OPEN, (scope.book, name, "usd", "liability", "credit")))
        await world.engine.commit(unit)


# The engine alone -------------------------------------------------------------------------


async def engine(what: str, database: str, transfers: int, accounts: int, hot: bool = False) -> Result:
    """Batches as the API makes them, durable one by one, their runs merged as the server's worker would."""
    world = await make_world(Settings(database=database, dev=True))
    scope = await make_scope(world, "acct_bench", livemode=False, dev=True)
    await open_accounts(world, scope, accounts)
    known = await directory(world, scope)
    await meet(world, scope, known, [code(n) for n in range(accounts)], Pace())
    places = np.array([known.of("usd")[code(n)] for n in range(accounts)])
    for start in range(0, accounts, MOST_AT_ONCE):  # each is booked on once, as in a ledger that has been in use
        debit = np.arange(start, min(start + MOST_AT_ONCE, accounts))
        await _book(world, scope, known, places, (debit, (debit + 1) % accounts, np.ones(len(debit), np.int64)))
    rng, spent, begun = np.random.default_rng(1), 0.0, time.process_time()
    for n in range(-(-transfers // MOST_AT_ONCE)):
        made = pairs(rng, MOST_AT_ONCE, accounts, hot)
        started = time.perf_counter()
        await _book(world, scope, known, places, made)
        if n % 8 == 7:
            await run_due(world)
        spent += time.perf_counter() - started
    done = (n + 1) * MOST_AT_ONCE
    result = Result(what, done, accounts, done / spent, processor=(time.process_time() - begun) / done * 1e6)
    return await _finished(world, scope, result)


async def _book(world: World, scope: Scope, known: Directory, places: np.ndarray, made: Pairs) -> None:
    tx, none = Tx(world, scope), np.zeros(len(made[0]), np.int64)
    lines = Transfers(places[made[0]], places[made[1]], made[2], none + tx.now, none, none)
    found = Plain(known, lines, Words([BOOKED], [None]), none == 0, None)
    batch = batch_of(tx, found, slice(None))
    await commit(tx, found)
    assert batch.outcome is not None and not batch.outcome.refused


async def _finished(world: World, scope: Scope, result: Result) -> Result:
    """With the time of readings and of the audit. Ends the program if the books are wrong."""
    numbers = [n * max(1, result.accounts // READS) % result.accounts for n in range(READS)]
    started = time.perf_counter()
    found = [(await find(world.engine, code(n), scope.book, "usd"))[0] for n in numbers]
    balance = time.perf_counter() - started
    started = time.perf_counter()
    for account in found:
        await statement(world.engine, account, limit=100)
    page = time.perf_counter() - started
    started = time.perf_counter()
    problems = await verify(world.engine, world.registry)
    if problems:
        sys.exit("The books do not verify after the load:\n" + "\n".join(map(str, problems)))
    result = msgspec.structs.replace(
        result, verified_in=time.perf_counter() - started, balance_micros=balance / READS * 1e6,
        page_micros=page / READS * 1e6,
    )  # fmt: skip
    await world.engine.close()
    return result


# Over HTTP --------------------------------------------------------------------------------


def body(made: Pairs, kind: str, reference: int | None = None) -> bytes:
    """With a reference for each line, numbered from `reference` on, if it is given."""
    rows = zip(*(column.tolist() for column in made), strict=True)
    if reference is not None:
        return "".join(
            f'{{"debit":"{code(debit)}","credit":"{code(credit)}","amount":{amount},"currency":"usd",'
            f'"reference":"order-{n:012d}"}}\n'
            for n, (debit, credit, amount) in enumerate(rows, reference)
        ).encode()
    if kind == "text/csv":
        lines = [f"{code(debit)},{code(credit)},{amount},usd\n" for debit, credit, amount in rows]
        return ("debit,credit,amount,currency\n" + "".join(lines)).encode()
    return "".join(
        f'{{"debit":"{code(debit)}","credit":"{code(credit)}","amount":{amount},"currency":"usd"}}\n'
        for debit, credit, amount in rows
    ).encode()


def over_http(
    what: str, server: servers.Server, kind: str, transfers: int, accounts: int, named: bool = False
) -> Result:
    """One connection that sends a request after the other; the accounts are there. `named` lines have references."""
    rng, size = np.random.default_rng(2), 50_000
    bodies = [
        body(pairs(rng, size, accounts, hot=False), kind, n * size if named else None)
        for n in range(transfers // size if named else 4)
    ]
    headers = {"authorization": f"Bearer {KEY}", "content-type": kind}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    before, started = server.cpu(), time.perf_counter()
    for n in range(transfers // size):
        connection.request("POST", "/v1/ledger/entries/bulk", bodies[n % len(bodies)], headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200 or said.count(b'"created"') != size:
            raise RuntimeError(f"{what}: {said[:300]!r}")
    spent = time.perf_counter() - started
    done = transfers // size * size
    return Result(what, done, accounts, done / spent, processor=(server.cpu() - before) / done * 1e6)


async def prepare(database: str, accounts: int) -> None:
    """The sandbox of the key that the load generator has."""
    world = await make_world(Settings(database=database, dev=True))
    scope = await make_scope(world, sandbox_merchant(KEY.split("_", 2)[-1]), livemode=False, dev=True)
    await open_accounts(world, scope, accounts)
    await world.engine.close()


def serve(home: Path, transfers: int, accounts: int) -> list[Result]:
    file = home / "http.db"
    asyncio.run(prepare(f"sqlite:///{file}", accounts))
    with servers.nostro(file) as server:
        return [
            over_http("HTTP, SQLite, NDJSON", server, "application/x-ndjson", transfers, accounts),
            over_http("HTTP, SQLite, CSV", server, "text/csv", transfers, accounts),
            over_http(
                "HTTP, SQLite, NDJSON with references", server, "application/x-ndjson", transfers, accounts, True
            ),
        ]


# Plain rows in the same databases -----------------------------------------------------------


def sqlite_rows(what: str, file: Path, transfers: int, accounts: int, index: bool) -> Result:
    """A row a transfer in durable commits of ten thousand, balances updated; `index` makes it queryable by account."""
    db = apsw.Connection(str(file))
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TABLE transfer (id INTEGER PRIMARY KEY, debit INTEGER, credit INTEGER, amount INTEGER)")
    if index:
        db.execute("CREATE INDEX by_debit ON transfer (debit); CREATE INDEX by_credit ON transfer (credit)")
    rng, spent, size = np.random.default_rng(1), 0.0, 10_000
    for _ in range(transfers // size):
        rows = list(zip(*(column.tolist() for column in pairs(rng, size, accounts, hot=False)), strict=True))
        started = time.perf_counter()
        with db:
            db.executemany("INSERT INTO transfer (debit,credit,amount) VALUES (?,?,?)", rows)
        spent += time.perf_counter() - started
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    return Result(what, transfers, accounts, transfers / spent, file.stat().st_size / transfers)


def postgresql_arrays(what: str, url: str, transfers: int, accounts: int) -> Result:
    """The same on PostgreSQL, with an index by account, ten thousand rows as arrays in one statement."""
    rng, spent, size = np.random.default_rng(1), 0.0, 10_000
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "CREATE TABLE transfer (id BIGINT GENERATED ALWAYS AS IDENTITY, debit BIGINT, credit BIGINT, amount BIGINT)"
        )
        db.execute("CREATE INDEX ON transfer (debit)")
        db.execute("CREATE INDEX ON transfer (credit)")
        for _ in range(transfers // size):
            columns = [column.tolist() for column in pairs(rng, size, accounts, hot=False)]
            started = time.perf_counter()
            db.execute(
                "INSERT INTO transfer (debit,credit,amount) "
                "SELECT * FROM unnest(%s::bigint[],%s::bigint[],%s::bigint[])",
                columns,
            )
            spent += time.perf_counter() - started
        row = db.execute("SELECT pg_total_relation_size('transfer')").fetchone()
    return Result(what, transfers, accounts, transfers / spent, (row or (0,))[0] / transfers)


@contextlib.contextmanager
def postgresql(home: Path) -> Iterator[Callable[[], str]]:
    """A durable server of its own; each call makes a database."""
    sys.path.insert(0, str(servers.ROOT / "tests"))
    from postgresql import cluster, database

    with cluster(durable=True) as running, contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(database(running.url))


def sized(result: Result, file: Path) -> Result:
    with contextlib.closing(apsw.Connection(str(file))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return msgspec.structs.replace(result, bytes=file.stat().st_size / result.transfers)


def measure(home: Path, transfers: int, most: int) -> Iterator[Result]:
    """`transfers` for each measurement, `most` for the longest."""
    for what, count, accounts, hot in (
        ("engine, SQLite", most, 10_000, False),
        ("engine, SQLite", most, 1_000_000, False),
        ("engine, SQLite, one hot account", transfers, 10_000, True),
    ):
        file = home / f"engine-{accounts}-{hot}.db"
        yield sized(asyncio.run(engine(what, f"sqlite:///{file}", count, accounts, hot)), file)
        file.unlink()
    for index in (True, False):
        what = f"peer: SQLite rows, {'with' if index else 'without'} an account index"
        for accounts in (10_000, 1_000_000) if index else (10_000,):
            file = home / f"rows-{index}-{accounts}.db"
            yield sqlite_rows(what, file, transfers, accounts, index)
            file.unlink()
    yield from serve(home, transfers, 10_000)
    with postgresql(home) as make:
        for accounts in (10_000, 1_000_000):
            yield asyncio.run(engine("engine, PostgreSQL", make(), transfers, accounts))
        yield postgresql_arrays("peer: PostgreSQL rows by arrays, with account indexes", make(), transfers, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--transfers", type=int, default=1_000_000, help="of each measurement")
    parser.add_argument("--most", type=int, default=10_000_000, help="of the longest ones")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nostro-bench-") as home:
        os.chmod(home, 0o755)
        for one in measure(Path(home), options.transfers, options.most):
            if options.json:
                sys.stdout.write(msgspec.json.encode(one).decode() + "\n")
            else:
                cells = {name: getattr(one, name) for name in one.__struct_fields__[3:]}
                more = ", ".join(f"{name} {cell:,.1f}" for name, cell in cells.items() if cell is not None)
                sys.stdout.write(f"{one.what}: {one.transfers:,} over {one.accounts:,} accounts: {more}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
