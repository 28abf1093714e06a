"""What tables there are: the migrations in order, the tables that they make, and those that a database has.

Nothing here is a list to keep up to date. The hand-written tables are found by running the migrations on an empty
database, and a resource's table is known by its columns, so a table that is added tomorrow is copied tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import apsw
from msgspec import Struct

Kind = Literal["integer", "text", "blob"]
KINDS: Mapping[str, Kind] = {"INTEGER": "integer", "TEXT": "text", "BLOB": "blob"}


class Column(Struct, frozen=True):
    name: str
    kind: Kind


class Table(Struct, frozen=True):
    """`key` are the columns that name a row: it is read and written in their order, which every engine agrees on."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def list(self) -> str:
        return _quoted(column.name for column in self.columns)

    @property
    def order(self) -> str:
        return _quoted(self.key or (column.name for column in self.columns))

    @property
    def blobs(self) -> tuple[int, ...]:
        return tuple(n for n, column in enumerate(self.columns) if column.kind == "blob")


RECORD = (
    Column("scope", "integer"), Column("id", "text"), Column("version", "integer"), Column("created", "integer"),
    Column("body", "text"),
)  # fmt: skip


class CopyRefused(Exception):
    """A copy that cannot be made, in one line, and what to do about it."""

    def __init__(self, what: str, then: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.then = then


def migrations(after: int = 0, until: int | None = None) -> Iterator[tuple[int, str]]:
    """Number and SQL of each, in order."""
    for script in sorted((files("nostro.storage") / "migrations").iterdir(), key=lambda file: file.name):
        number = int(script.name.split("_")[0]) if script.name.endswith(".sql") else 0
        if number > after and (until is None or number <= until):
            yield number, script.read_text()


@cache
def newest() -> int:
    """The version of the schema that this program knows."""
    return max(number for number, _ in migrations())


@cache
def hand_written(version: int) -> Mapping[str, Table]:
    """The tables that the migrations up to this one make."""
    db = apsw.Connection(":memory:")
    for _, script in migrations(until=version):
        db.execute(script)
    tables = {table.name: table for table in described(db)}
    db.close()
    return tables


def described(db: apsw.Connection) -> list[Table]:
    """The tables of an SQLite database, by name."""
    names = db.execute(
        "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return [_table(db, str(name)) for (name,) in names]


def _table(db: apsw.Connection, name: str) -> Table:
    rows = db.execute("SELECT name, upper(type), pk FROM pragma_table_info(?) ORDER BY cid", (name,)).fetchall()
    columns = tuple(Column(str(column), kind_of(KINDS, name, str(column), str(type))) for column, type, _ in rows)
    return Table(name, columns, keyed(columns, [str(column) for column, _, pk in sorted(rows, key=_by_pk) if pk]))


def _by_pk(row: tuple[object, ...]) -> int:
    return int(str(row[2]))


def kind_of(kinds: Mapping[str, Kind], table: str, column: str, type: str) -> Kind:
    if type not in kinds:
        raise CopyRefused(f"The column {column} of the table {table} is of a type that cannot be copied: {type}.")
    return kinds[type]


def keyed(columns: tuple[Column, ...], primary: Iterable[str]) -> tuple[str, ...]:
    """A record's table has its key as a unique index on SQLite and as the primary key on PostgreSQL."""
    return tuple(primary) or (("scope", "id") if columns == RECORD else ())


def known(found: Iterable[Table], version: int) -> tuple[Table, ...]:
    """The tables that were found, if each is one of ours and none is missing. Raises `CopyRefused` otherwise."""
    if version > newest():
        raise CopyRefused(
            f"The data is of version {version}; this program knows versions up to {newest()}.",
            "Use the version of Nostro that wrote it, or a later one.",
        )
    expected, tables = hand_written(version), tuple(found)
    for name in sorted(expected.keys() - {table.name for table in tables}):
        raise CopyRefused(f"The table {name} is missing.", "Is this a whole Nostro database?")
    for table in tables:
        same = expected.get(table.name)
        if same is None and table.columns != RECORD:
            raise CopyRefused(
                f"The table {table.name} is not one of Nostro's, so it would be left out.",
                "Move it away: give it a database, or in PostgreSQL a schema, of its own.",
            )
        if same is not None and (set(same.columns) != set(table.columns) or same.key != table.key):
            raise CopyRefused(f"The table {table.name} is not as version {version} of the schema makes it.")
    return tables


def _quoted(names: Iterable[str]) -> str:
    return ",".join(f'"{name}"' for name in names)
