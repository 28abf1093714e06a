"""A look at a database that changes nothing in it: no tables made, no file created, no lock taken."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import apsw

from .engine import Row

CONNECT = 5
LONGEST = "10s"


class Look(Protocol):
    """`rows` reads, in the portable subset and what else this database has."""

    postgresql: bool

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]: ...

    def version(self) -> int:
        """The number of the newest migration that was made here; 0 if there is none."""
        ...

    def close(self) -> None: ...


class SqliteLook:
    postgresql = False

    def __init__(self, file: Path) -> None:
        # Beside a server there is a write-ahead log to read; without one the file is all there is.
        beside = Path(f"{file}-wal").exists()
        uri = f"{file.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}"
        self._db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        self._db.set_busy_timeout(2_000)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._db.execute(statement, tuple(values)).fetchall()

    def version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    def close(self) -> None:
        self._db.close()


class PostgresLook:
    postgresql = True

    def __init__(self, url: str) -> None:
        import psycopg

        options = f"-c default_transaction_read_only=on -c statement_timeout={LONGEST}"
        self._db = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT, options=options, cursor_factory=psycopg.RawCursor
        )

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        from .postgres_group import dollars

        return self._db.execute(dollars(statement), values or None).fetchall()

    def version(self) -> int:
        there = self.rows("SELECT to_regclass('nostro_schema') IS NOT NULL")[0][0]
        return int(self.rows("SELECT version FROM nostro_schema WHERE one=1")[0][0]) if there else 0

    def close(self) -> None:
        self._db.close()


def look(database: str) -> Look:
    """Raises whatever the driver does, and `FileNotFoundError` if there is no such file."""
    if database.startswith(("postgresql://", "postgres://")):
        return PostgresLook(database)
    file = Path(database.removeprefix("sqlite:///"))
    if not file.exists():
        raise FileNotFoundError(str(file))
    return SqliteLook(file)


def newest_migration() -> int:
    scripts = (files("nostro.storage") / "migrations").iterdir()
    return max(int(script.name.split("_")[0]) for script in scripts if script.name.endswith(".sql"))
