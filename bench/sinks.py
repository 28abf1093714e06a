"""Where built rows go: straight into the tables, as fast as each database takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg

RECORD = ("scope", "id", "version", "created", "body")
COLUMNS: dict[str, tuple[str, ...]] = {
    "ledger_account": ("account", "book", "code", "currency", "balance"),
    "ledger_entry": ("entry", "book", "kind", "source", "recorded", "effective", "reverses", "description", "postings",
                     "latest"),
    "ledger_late": ("account", "entry", "effective", "amount"),
    "ledger_posting": ("account", "entry", "amount", "balance"),
    "ledger_chain": ("link", "first", "last", "recorded", "hash"),
    "ledger_opened": ("book", "code", "currency", "kind", "normal"),
    "search_term": ("scope", "term", "id"),
}  # fmt: skip
BALANCES = "balances"
Rows = Mapping[str, Sequence[Any]]


class Sink(Protocol):
    def write(self, rows: Rows) -> None:
        """Rows by table; under `balances`, (balance, account) of accounts that are there."""
        ...

    def done(self) -> None:
        """All that was written is in the database, and its files are in order."""
        ...


class SqliteSink:
    def __init__(self, file: Path) -> None:
        self._db = apsw.Connection(str(file))
        for pragma in ("synchronous=OFF", "cache_size=-1000000", "wal_autocheckpoint=100000"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()

    def write(self, rows: Rows) -> None:
        with self._db:
            for table, many in rows.items():
                if table == BALANCES:
                    self._db.executemany("UPDATE ledger_account SET balance=? WHERE account=?", many)
                    continue
                columns = COLUMNS.get(table, RECORD)
                marks = ",".join("?" * len(columns))
                self._db.executemany(f'INSERT INTO "{table}" ({",".join(columns)}) VALUES ({marks})', many)

    def done(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class PostgresqlSink:
    def __init__(self, url: str) -> None:
        self._db = psycopg.connect(url, autocommit=True)
        self._db.execute("SET synchronous_commit=off")

    def write(self, rows: Rows) -> None:
        with self._db.transaction(), self._db.cursor() as cursor:
            for table, many in rows.items():
                if table == BALANCES:
                    cursor.executemany("UPDATE ledger_account SET balance=%s WHERE account=%s", many)
                    continue
                columns = COLUMNS.get(table, RECORD)
                with cursor.copy(f'COPY "{table}" ({",".join(columns)}) FROM STDIN'.encode()) as copy:
                    for row in many:
                        copy.write_row(row)

    def done(self) -> None:
        self._db.execute("CHECKPOINT")


def sink_of(database: str) -> Sink:
    if database.startswith("sqlite:///"):
        return SqliteSink(Path(database.removeprefix("sqlite:///")))
    return PostgresqlSink(database)
