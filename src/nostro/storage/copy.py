"""Copy a database, from any engine to any engine: one consistent snapshot, row by row, compared afterwards.

    source.rows -> target.fill    each table in the order of its key, a digest taken on the way
    target.rows                   read back: as many rows, the same digest, or the copy is none

`nostro backup`, `restore` and `copy` are this, between a database and a file, a file and a database, and two
databases (docs/decisions/0014). A digest is SHA-256 over a table's rows in order, each as MessagePack of its columns,
so it says the same on every engine, and a row that is missing, added or changed changes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from nostro.kernel.resource import Resource

from .engine import Engine, PathKind, Row, Watch, unwatched
from .schema import Table
from .unit import Unit

BATCH = 1_000
MOST_BYTES = 8_000_000
Tell = Callable[[str, int, int], None]
_encode = msgspec.msgpack.Encoder().encode


class Tally(Struct, frozen=True):
    """How many rows a table has, and their digest."""

    rows: int
    digest: str


class Readable(Protocol):
    """Rows of one moment: a snapshot of a database, or a copy that nobody else sees yet."""

    @property
    def engine(self) -> Engine:
        """The same rows for the audit. It only reads."""
        ...

    def count(self, table: Table) -> int: ...

    def rows(self, table: Table) -> Iterator[list[Row]]:
        """All rows in the order of the table's key, in batches that fit in memory."""
        ...

    def close(self) -> None:
        """Of a copy that was not kept, nothing is left."""
        ...


class Snapshot(Readable, Protocol):
    kind: str
    version: int
    tables: tuple[Table, ...]


class Target(Readable, Protocol):
    """A database in the making. Others see nothing of it before `keep`, and all of it after."""

    def make(self, version: int, tables: Sequence[Table]) -> None:
        """Empty tables of this version, without the indexes that are quicker made at the end."""
        ...

    def fill(self, table: Table, batches: Iterable[list[Row]]) -> None: ...

    def index(self) -> None: ...

    def complete(self, resources: Sequence[Resource[Any]]) -> None:
        """Bring it to the newest version, with the tables and indexes of every resource."""
        ...

    def keep(self) -> None: ...


def copy(source: Snapshot, target: Target, tell: Tell) -> dict[str, Tally]:
    """Make and fill the target's tables; answers what the source holds, as it was read."""
    target.make(source.version, source.tables)
    counts = {table.name: source.count(table) for table in source.tables}
    bar = _Bar("copy", sum(counts.values()), tell)
    tallies: dict[str, Tally] = {}
    for table in source.tables:
        digest = Digest()
        target.fill(table, bar.over(digest.over(source.rows(table))))
        assert digest.rows == counts[table.name], f"{table.name}: a snapshot does not change"
        tallies[table.name] = digest.tally
    target.index()
    return tallies


def differences(copied: Readable, tables: Sequence[Table], tallies: dict[str, Tally], tell: Tell) -> list[str]:
    """What a copy holds otherwise than it should, table by table; empty if nothing."""
    found: list[str] = []
    bar = _Bar("compare", sum(tally.rows for tally in tallies.values()), tell)
    for table in tables:
        expected, count = tallies[table.name], copied.count(table)
        digest = Digest()
        for _ in bar.over(digest.over(copied.rows(table))):
            pass
        if count != expected.rows or digest.rows != expected.rows:
            found.append(f"{table.name}: {count} rows, and there were {expected.rows}")
        elif digest.tally != expected:
            found.append(f"{table.name}: of its {count} rows at least one is not as it was")
    return found


class Digest:
    """Taken over the rows of one table as they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self._sha = hashlib.sha256()

    @property
    def tally(self) -> Tally:
        return Tally(self.rows, self._sha.hexdigest())

    def over(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        for batch in batches:
            self._sha.update(b"".join(map(_encode, batch)))
            self.rows += len(batch)
            yield batch


class _Bar:
    """Counts the rows of all tables as one piece of work."""

    def __init__(self, what: str, total: int, tell: Tell) -> None:
        self._what, self._total, self._tell = what, total, tell
        self._done = 0

    def over(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        for batch in batches:
            yield batch
            self._done += len(batch)
            self._tell(self._what, self._done, self._total)


def batches(rows: Iterable[Row], table: Table) -> Iterator[list[Row]]:
    """Some rows at a time; few where a column holds whole files."""
    stream = iter(rows)
    if not table.blobs:
        while batch := list(islice(stream, BATCH)):
            yield batch
        return
    batch, size = [], 0
    for row in stream:
        batch.append(row)
        size += sum(len(row[n] or b"") for n in table.blobs)
        if len(batch) == BATCH or size > MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class OnlyReads:
    """The part of an engine that the audit needs, over the one connection that sees the snapshot or the new copy."""

    exclusive = False

    def __init__(
        self, rows: Callable[[str, Sequence[Any]], list[Row]], path: Callable[[tuple[str, ...], PathKind], str]
    ) -> None:
        self.watch: Watch = unwatched
        self._rows = rows
        self._path = path

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._rows(statement, values)

    def path(self, *field: str, kind: PathKind = "text") -> str:
        return self._path(field, kind)

    async def prepare(self, resources: Sequence[Resource[Any]]) -> None:
        raise AssertionError("this is only read")

    async def commit(self, unit: Unit) -> None:
        raise AssertionError("this is only read")

    async def version(self) -> int:
        raise AssertionError("a snapshot and a target say it themselves")

    async def size(self) -> int:
        raise AssertionError("this is not measured")

    async def build_indexes(self, resources: Sequence[Resource[Any]], told: Callable[[str], None]) -> None:
        raise AssertionError("this is only read")

    async def close(self) -> None:
        pass
