"""SQLite files as the source and as the target of a copy.

The source is a read transaction: in WAL mode it sees one moment for as long as it lasts, and keeps no server from
writing. The target is written under another name, without a journal, and takes its own name when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from nostro.kernel.resource import Resource

from .copy import OnlyReads, batches
from .engine import Engine, PathKind, Row
from .schema import RECORD, CopyRefused, Table, described, known, migrations
from .sqlite import SqliteEngine, record_table

PARTIAL = ".partial"
# Tables that only a backup has (backup.py).
OF_BACKUPS = ("nostro_backup", "nostro_backup_seal")
Broken = (apsw.CorruptError, apsw.NotADBError)


class Rows:
    """What can be read of one SQLite connection."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self.engine: Engine = OnlyReads(self._all, _path)

    def count(self, table: Table) -> int:
        return int(self._all(f'SELECT count(*) FROM "{table.name}"')[0][0])

    def rows(self, table: Table) -> Iterator[list[Row]]:
        return batches(self.db.execute(f'SELECT {table.list} FROM "{table.name}" ORDER BY {table.order}'), table)

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        return self.db.execute(statement, tuple(values)).fetchall()


class SqliteSnapshot(Rows):
    """A file as it is at this moment, whatever a server does meanwhile. `alone` if nothing else can have it open."""

    kind = "sqlite"

    def __init__(self, file: Path, *, alone: bool = False) -> None:
        flags = apsw.SQLITE_OPEN_READONLY if alone else apsw.SQLITE_OPEN_READWRITE
        try:
            super().__init__(apsw.Connection(str(file), flags=flags))
        except apsw.CantOpenError:
            raise CopyRefused(f"There is no database at {file}, or it may not be read.") from None
        self.db.set_busy_timeout(10_000)
        for pragma in ("query_only=1", "cache_size=-16384"):
            self.db.pragma(*pragma.split("="))
        self.db.execute("BEGIN")
        self.version = int(self.db.pragma("user_version"))
        if self.version == 0:
            raise CopyRefused(f"{file} is no Nostro database.")
        self.tables = known((table for table in described(self.db) if table.name not in OF_BACKUPS), self.version)

    def close(self) -> None:
        self.db.close()


class SqliteTarget(Rows):
    """A file in the making. What a copy that was killed left under the temporary name, the next one deletes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.partial = file.with_name(file.name + PARTIAL)
        file.parent.mkdir(parents=True, exist_ok=True)
        _delete(self.partial)
        os.close(os.open(self.partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # keys of webhooks are inside
        super().__init__(apsw.Connection(str(self.partial)))
        for pragma, value in (("page_size", 8192), ("journal_mode", "OFF"), ("synchronous", "OFF"),
                              ("locking_mode", "EXCLUSIVE"), ("cache_size", -65536)):  # fmt: skip
            self.db.pragma(pragma, value)
        self._version = 0
        self._indexes: list[str] = []

    def make(self, version: int, tables: Sequence[Table]) -> None:
        self._version = version
        self.db.execute("BEGIN")
        for _, script in migrations(until=version):
            self.db.execute(script)
        self.db.pragma("user_version", version)
        for table in tables:
            for statement in record_table(table.name) if table.columns == RECORD else ():
                self.db.execute(statement)
        found = self._all("SELECT name, sql FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL")
        for name, sql in found:
            self.db.execute(f'DROP INDEX "{name}"')
            self._indexes.append(sql)

    def fill(self, table: Table, batches: Iterable[list[Row]]) -> None:
        self.db.execute(f'DELETE FROM "{table.name}"')  # a migration may have put something there
        marks = ",".join("?" * len(table.columns))
        for batch in batches:
            self.db.executemany(f'INSERT INTO "{table.name}" ({table.list}) VALUES ({marks})', batch)

    def index(self) -> None:
        for sql in self._indexes:
            self.db.execute(sql)
        self.db.execute("COMMIT")

    def complete(self, resources: Sequence[Resource[Any]]) -> None:
        self.db.execute("BEGIN")
        for number, script in migrations(after=self._version):
            self.db.execute(script)
            self.db.pragma("user_version", number)
        for resource in resources:
            for statement in SqliteEngine.table(resource) if resource.stored else ():
                self.db.execute(statement)
        self.db.execute("COMMIT")

    def keep(self) -> None:
        self.db.close()
        self.sync()
        for end in ("-wal", "-shm"):  # of the empty file that stood here: it would be read into this one
            Path(f"{self.file}{end}").unlink(missing_ok=True)
        os.replace(self.partial, self.file)
        _sync(self.file.parent)

    def sync(self) -> None:
        _sync(self.partial)

    def close(self) -> None:
        self.db.close()
        _delete(self.partial)


def is_empty(file: Path) -> bool:
    """If nothing is lost by writing over it. Raises `CopyRefused` for a file that is no database."""
    if not file.exists() or file.stat().st_size == 0:
        return True
    db = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return not any(db.execute(f'SELECT 1 FROM "{table.name}" LIMIT 1').fetchall() for table in described(db))
    except Broken:
        raise CopyRefused(f"{file} is not a database.", "Name another file, or move this one away.") from None
    finally:
        db.close()


def _path(field: tuple[str, ...], kind: PathKind) -> str:
    return SqliteEngine.path(*field, kind=kind)


def _delete(file: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{end}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
