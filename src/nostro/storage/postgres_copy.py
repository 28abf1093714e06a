"""PostgreSQL as the source and as the target of a copy, through COPY in binary.

The source is one REPEATABLE READ transaction that only reads. The target is one transaction too, from the first table
to the last index: a copy that is killed was never there, and whoever opens the database meanwhile waits for its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

import psycopg
from psycopg import pq

from nostro.kernel.resource import Resource

from .copy import OnlyReads, batches
from .engine import Engine, PathKind, Row
from .pipe import encoded, rows_in
from .postgres_group import dollars
from .postgres_schema import OWN_TABLES, Schema
from .schema import RECORD, Column, CopyRefused, Kind, Table, hand_written, keyed, kind_of, known, migrations, newest

KINDS: Mapping[str, Kind] = {"bigint": "integer", "text": "text", "json": "text", "bytea": "blob"}
# What COPY sends for each. A JSON text travels as text, byte for byte.
WIRE: Mapping[Kind, str] = {"integer": "int8", "text": "text", "blob": "bytea"}
OWN = frozenset(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", " ".join(OWN_TABLES)))
CONNECT = 5
LONG = (
    "SET statement_timeout=0", "SET idle_in_transaction_session_timeout=0", "SET lock_timeout='5s'",
    "SET maintenance_work_mem='256MB'",
)  # fmt: skip
COLUMNS = (
    "SELECT c.relname, a.attname, format_type(a.atttypid, NULL), array_position(i.indkey::int2[], a.attnum) "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped "
    "LEFT JOIN pg_index i ON i.indrelid=c.oid AND i.indisprimary "
    "WHERE c.relnamespace=current_schema()::regnamespace AND c.relkind IN ('r','p') ORDER BY c.relname, a.attnum"
)
INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname=current_schema() AND indexname NOT IN "
    "(SELECT conname FROM pg_constraint WHERE connamespace=current_schema()::regnamespace)"
)


class Rows:
    """What can be read on one connection."""

    def __init__(self, url: str) -> None:
        self._schema = Schema(url)
        self.engine: Engine = OnlyReads(self._all, self._path)
        try:
            self.db = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT)
        except psycopg.OperationalError as error:
            raise CopyRefused(
                f"PostgreSQL cannot be reached: {' '.join(str(error).split())}.",
                "Is the server running, may you log in, and does the database exist? Make it with: createdb NAME",
            ) from None
        for setting in LONG:
            with suppress(psycopg.Error):  # a database that is only compatible may not know it
                self._run(setting)

    def count(self, table: Table) -> int:
        return int(self._all(f'SELECT count(*) FROM "{table.name}"')[0][0])

    def rows(self, table: Table) -> Iterator[list[Row]]:
        select = f'SELECT {table.list} FROM "{table.name}" ORDER BY {table.order}'
        with self.db.cursor().copy(_sure(f"COPY ({select}) TO STDOUT (FORMAT BINARY)")) as copy:
            copy.set_types([WIRE[column.kind] for column in table.columns])
            yield from batches(copy.rows(), table)

    def close(self) -> None:
        self.db.close()

    def described(self) -> list[Table]:
        """Every table of this schema but those that only PostgreSQL needs."""
        rows = [row for row in self._all(COLUMNS) if row[0] not in OWN]
        return [_table(name, list(columns)) for name, columns in groupby(rows, key=lambda row: str(row[0]))]

    def _run(self, statement: str) -> None:
        self.db.execute(_sure(statement))

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """As the engine reads: the same marks, the same values."""
        data, formats = encoded(values)
        result = self.db.pgconn.exec_params(dollars(statement).encode(), data, None, formats)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise psycopg.DatabaseError(result.get_error_message())
        return rows_in(result)

    def _path(self, field: tuple[str, ...], kind: PathKind) -> str:
        return self._schema.path(*field, kind=kind)


class PostgresSnapshot(Rows):
    """A database as it is at this moment, whatever its servers do meanwhile."""

    kind = "postgresql"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            self.version = int(self._all("SELECT version FROM nostro_schema WHERE one=1")[0][0])
        except (psycopg.DatabaseError, IndexError):
            self.close()
            raise CopyRefused("This is no Nostro database: it has no table nostro_schema.") from None
        self.tables = known(self.described(), self.version)


class PostgresTarget(Rows):
    """A database in the making: one transaction. It must be empty; its empty tables are made anew."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._version = 0
        self._tables: set[str] = set()
        self._indexes: list[str] = []
        self._run("BEGIN")
        try:
            self._clear()
        except psycopg.errors.LockNotAvailable:
            self.close()
            raise CopyRefused(
                "The target is in use.", "Stop every server that works on it, and any other copy into it."
            ) from None
        except BaseException:
            self.close()
            raise

    def _clear(self) -> None:
        for statement in OWN_TABLES:
            self._run(statement)
        ours = [
            table.name for table in self.described() if table.name in hand_written(newest()) or table.columns == RECORD
        ]
        self._run(f"LOCK TABLE {','.join(_quoted(sorted((*OWN, *ours))))} IN ACCESS EXCLUSIVE MODE")
        for name in ours:
            if self._all(f'SELECT 1 FROM "{name}" LIMIT 1'):
                raise CopyRefused(
                    f"The target is not empty: its table {name} has rows.",
                    "Nothing was changed. Make an empty database for the copy: createdb NAME",
                )
        if ours:
            self._run(f"DROP TABLE {','.join(_quoted(ours))}")
        self._run("DELETE FROM committer")

    def make(self, version: int, tables: Sequence[Table]) -> None:
        self._migrate(0, version)
        for table in tables:
            if table.columns == RECORD:
                self._run(self._schema.record_table(table.name))
        self._tables = {table.name for table in tables}
        for name, index, statement in self._all(INDEXES):
            if name in self._tables:
                self._run(f'DROP INDEX "{index}"')
                self._indexes.append(statement)

    def fill(self, table: Table, batches: Iterable[list[Row]]) -> None:
        self._run(f'DELETE FROM "{table.name}"')  # a migration may have put something there
        with self.db.cursor().copy(_sure(f'COPY "{table.name}" ({table.list}) FROM STDIN (FORMAT BINARY)')) as copy:
            copy.set_types([WIRE[column.kind] for column in table.columns])
            for batch in batches:
                for row in batch:
                    copy.write_row(row)

    def index(self) -> None:
        for statement in self._indexes:
            self._run(statement)
        for name in sorted(self._tables):
            self._run(f'ANALYZE "{name}"')

    def complete(self, resources: Sequence[Resource[Any]]) -> None:
        self._migrate(self._version, newest())
        there = {name for (name,) in self._all("SELECT indexname FROM pg_indexes WHERE schemaname=current_schema()")}
        for resource in resources:
            for name, statement in self._schema.table(resource).items() if resource.stored else ():
                if name not in there:
                    self._run(statement)

    def keep(self) -> None:
        self._run("COMMIT")
        self.db.close()

    def _migrate(self, after: int, until: int) -> None:
        for _, script in migrations(after, until):
            self._run(self._schema.translated(script))
        self._version = until
        self._run(f"UPDATE nostro_schema SET version={until}")


def _table(name: str, rows: list[Row]) -> Table:
    columns = tuple(Column(str(column), kind_of(KINDS, name, column, type)) for _, column, type, _ in rows)
    primary = sorted((position, column) for _, column, _, position in rows if position is not None)
    return Table(name, columns, keyed(columns, [column for _, column in primary]))


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _sure(statement: str) -> Any:
    """A statement of ours, as psycopg wants it to be sure that it is no caller's."""
    return statement.encode()
