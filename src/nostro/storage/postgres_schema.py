"""The tables of PostgreSQL and their indexes: made, migrated, and built beside those who write.

A new table gets its indexes with it. A new index of a table that is large already would keep every writer waiting for
as long as it is built, so `prepare` leaves it to `build_indexes` (`nostro migrate`), which builds it concurrently.
Until then lists by that filter are right, but slow.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import psycopg

from nostro.kernel.resource import Resource

from .body import COLUMNS
from .engine import PathKind
from .indexes import indexes
from .line import connected
from .schema import migrations

logger = logging.getLogger("nostro.storage")
FORGOTTEN_AFTER = 7 * 86_400 * 1_000_000
LONGEST_NAME = 63
LARGE = 10_000
"""Rows up to which an index is built at once: that takes less than a tenth of a second."""
ATTEMPTS = 10
OWN_TABLES = (
    "CREATE TABLE IF NOT EXISTS nostro_schema (one BIGINT PRIMARY KEY, version BIGINT NOT NULL)",
    "INSERT INTO nostro_schema (one,version) VALUES (1,0) ON CONFLICT (one) DO NOTHING",
    "CREATE TABLE IF NOT EXISTS commit_order (one BIGINT PRIMARY KEY)",
    "INSERT INTO commit_order (one) VALUES (1) ON CONFLICT (one) DO NOTHING",
    "CREATE TABLE IF NOT EXISTS committer (worker TEXT PRIMARY KEY, number BIGINT NOT NULL, seen BIGINT NOT NULL)",
)
# A database that does not roll back tables may have some of an interrupted migration.
TYPES = {
    "CREATE TABLE": "CREATE TABLE IF NOT EXISTS", "CREATE INDEX": "CREATE INDEX IF NOT EXISTS",
    "INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": "TEXT", "WITHOUT ROWID": "",
}  # fmt: skip
_TYPE = re.compile(rf"\b({'|'.join(TYPES)})\b")
INDEXES = (
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid=i.indexrelid "
    "JOIN pg_namespace n ON n.oid=c.relnamespace WHERE n.nspname=current_schema()"
)
# Those that are being built are not valid yet either.
BUILDING = "SELECT c.relname FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid=p.index_relid"
BY_BYTES = ' COLLATE "C"'


class Schema:
    def __init__(self, url: str) -> None:
        self.url = url
        self.large = LARGE
        self._collate = BY_BYTES

    def path(self, *field: str, kind: PathKind = "text") -> str:
        return _path(field, kind, self._collate)

    async def prepare(self, resources: Sequence[Resource[Any]]) -> None:
        """Workers that start at the same moment do it one after another."""
        for turn in range(ATTEMPTS):
            try:
                async with connected(self.url) as connection:
                    await self._prepare(connection, [one for one in resources if one.stored])
                return
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DeadlockDetected):
                await asyncio.sleep(0.05 * turn)  # another makes the first tables just now
        raise TimeoutError("the tables could not be made: another keeps making them")

    async def _prepare(self, connection: psycopg.AsyncConnection[Any], resources: Sequence[Resource[Any]]) -> None:
        # CockroachDB compares by bytes as it is, and takes the word for it in no column.
        if "CockroachDB" in (await _rows(connection, "SELECT version()"))[0][0]:
            self._collate = ""
        for statement in OWN_TABLES:
            await connection.execute(plain(statement))
        async with connection.transaction():
            version = (await _rows(connection, "SELECT version FROM nostro_schema WHERE one=1 FOR UPDATE"))[0][0]
            for number, script in migrations(after=version):
                await connection.execute(plain(self.translated(script)))
                await connection.execute("UPDATE nostro_schema SET version=%s WHERE one=1", (number,))
            there = {name for (name, _) in await _rows(connection, INDEXES)}
            for resource in resources:
                await self._make(connection, resource, there)
        micros = "extract(epoch FROM now())::bigint * 1000000"
        await connection.execute(plain(f"DELETE FROM committer WHERE seen < {micros} - {FORGOTTEN_AFTER}"))

    async def _make(self, connection: psycopg.AsyncConnection[Any], resource: Resource[Any], there: set[str]) -> None:
        missing = {name: made for name, made in self.table(resource).items() if name not in there}
        if missing and index_name(resource.table, "id") in there:
            some = await _rows(connection, f'SELECT 1 FROM "{resource.table}" LIMIT 1 OFFSET {self.large}')
            if some:
                logger.warning("%s is built by `nostro migrate`; until then some lists are slow", ", ".join(missing))
                return
        for statement in missing.values():
            await connection.execute(plain(statement))

    def table(self, resource: Resource[Any]) -> dict[str, str]:
        """The statements that make the resource's table and its indexes, by the index's name."""
        name = resource.table
        made = {index_name(name, "id"): self.record_table(name)}
        for one in indexes(resource, self.path):
            index, where = index_name(name, one.name), f" WHERE {one.where}" if one.where else ""
            made[index] = f'CREATE INDEX IF NOT EXISTS "{index}" ON "{name}" ({one.columns()}){where}'
        return made

    def record_table(self, name: str) -> str:
        return (
            f'CREATE TABLE IF NOT EXISTS "{name}" (scope BIGINT NOT NULL, id TEXT{self._collate} NOT NULL, '
            "version BIGINT NOT NULL, created BIGINT NOT NULL, body JSON NOT NULL, "
            f'CONSTRAINT "{index_name(name, "id")}" PRIMARY KEY (scope, id))'
        )

    async def build_indexes(self, resources: Sequence[Resource[Any]], told: Callable[[str], None]) -> None:
        """Build what is missing, and anew what an interrupted build has left behind; `told` hears each name.

        Writers go on meanwhile. Two builders of one table would wait for each other, so the later one tries again.
        """
        async with connected(self.url) as connection:
            for resource in resources:
                for name, statement in self.table(resource).items() if resource.stored else ():
                    await self._build(connection, name, statement, told)

    async def _build(
        self, connection: psycopg.AsyncConnection[Any], name: str, statement: str, told: Callable[[str], None]
    ) -> None:
        for turn in range(ATTEMPTS):
            valid = dict(await _rows(connection, INDEXES)).get(name)
            if valid:
                return
            try:
                if valid is False and (name,) in await _rows(connection, BUILDING):
                    raise psycopg.errors.DuplicateTable("another builds it just now")
                told(name)
                if valid is False:
                    await connection.execute(plain(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'))
                await connection.execute(plain(statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)))
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DeadlockDetected):
                await asyncio.sleep(turn)
        raise TimeoutError(f"the index {name} could not be built: another keeps building it. Try again later")

    def translated(self, script: str) -> str:
        """A migration in PostgreSQL's words: both engines have the same tables."""
        types = {**TYPES, "TEXT": f"TEXT{self._collate}"}
        return _TYPE.sub(lambda found: types[found[0]], re.sub(r"--[^\n]*", "", script))


async def _rows(connection: psycopg.AsyncConnection[Any], statement: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(plain(statement))).fetchall()


def plain(statement: str) -> Any:
    """A statement of ours, as psycopg wants it to be sure that it is no caller's."""
    return statement.encode()


@lru_cache(maxsize=1_000)
def _path(field: tuple[str, ...], kind: PathKind, collate: str) -> str:
    if field in COLUMNS:
        return field[0]
    steps = field[0].split(".") if len(field) == 1 else field
    *inner, last = ["'" + step.replace("'", "''") + "'" for step in steps]
    text = "".join(["body", *(f"->{step}" for step in inner), f"->>{last}"])
    if kind == "number":
        return f"(({text})::bigint)"
    if kind == "bool":
        return f"(CASE {text} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"
    return f"(({text}){collate})"


def index_name(table: str, field: str) -> str:
    name = f"{table}__{field.replace('.', '_')}"
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
