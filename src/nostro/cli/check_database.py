"""Checks of the database itself: is it there, does it keep what it is given, and do the books end as they say."""

from __future__ import annotations

import asyncio
from typing import Any

from nostro.ledger.audit import end_of_chain
from nostro.storage.look import newest_migration

from .finding import Finding, Ground, failed, note, ok, warning
from .target import shown

OLDEST_POSTGRESQL = 14
CONNECTIONS = 3  # of each worker
SKEW, TOO_MUCH_SKEW = 2, 60


def reachable(ground: Ground) -> list[Finding]:
    if ground.unreached is not None:
        return [ground.unreached]
    assert ground.look is not None
    if not ground.look.postgresql:
        return ok(f"{shown(ground.settings.database)} answers (SQLite {_one(ground, 'SELECT sqlite_version()')}).")
    number = int(_one(ground, "SHOW server_version_num")) // 10_000
    text = f"PostgreSQL {_one(ground, 'SHOW server_version')} answers."
    return (
        ok(text)
        if number >= OLDEST_POSTGRESQL
        else warning(text, f"It is tested from {OLDEST_POSTGRESQL} on: upgrade.")
    )


def writable(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    if not ground.look.postgresql:
        return note("Whether this user may write the file is said under permissions.")
    if _one(ground, "SELECT pg_is_in_recovery()"):
        return failed("This PostgreSQL is a standby: it only reads.", "Name the primary, or promote this one.")
    if not _one(ground, "SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        return failed("This user may not make tables.", "GRANT CREATE ON SCHEMA public TO the user of the URL")
    return ok("This user may write.")


def durable(ground: Ground) -> list[Finding]:
    """An answer that left must be on the disk, whatever happens to the machine."""
    assert ground.look is not None
    if not ground.look.postgresql:
        mode = _one(ground, "PRAGMA journal_mode")
        if mode not in ("wal", "delete"):  # a look at rest sees no journal
            return failed(f"journal_mode is {mode}.", "Nostro sets it to wal when it starts; who changed it?")
        return ok("Nostro opens the file with journal_mode=WAL and synchronous=FULL.")
    found: list[Finding] = []
    for name in ("fsync", "full_page_writes"):
        if _one(ground, f"SHOW {name}") != "on":
            found += failed(f"{name} is off: a crash of the machine can lose money.", f"Set {name} = on.")
    if (value := _one(ground, "SHOW synchronous_commit")) == "off":
        text = f"synchronous_commit is {value}: the last moments before a crash would be lost."
        found += failed(text, "Set synchronous_commit = on.")
    return found or ok("fsync, full_page_writes and synchronous_commit are on.")


def connections(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    if not ground.look.postgresql:
        return note("An SQLite file has one worker.")
    most = int(_one(ground, "SHOW max_connections")) - int(_one(ground, "SHOW superuser_reserved_connections"))
    needed = CONNECTIONS * ground.settings.workers + 1
    workers = f"{ground.settings.workers} workers need" if ground.settings.workers > 1 else "One worker needs"
    text = f"{workers} {needed} connections of {most}."
    return ok(text) if needed <= most else failed(text, f"Set max_connections to {needed + 10}, or run fewer workers.")


def migrations(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    there, newest = ground.look.version(), newest_migration()
    if there > newest:
        then = "Use the version of Nostro that wrote it, or a newer one."
        return failed(f"The database is of a newer version (migration {there}; this one knows {newest}).", then)
    if there < newest:
        then = "Make a backup, then: nostro migrate. A server does it by itself when it starts."
        return warning(f"Migrations {there + 1} to {newest} are still to be made.", then)
    return ok(f"Migration {there} is the newest.")


def clocks(ground: Ground) -> list[Finding]:
    """Entries are stamped by this machine and never go back; with several machines their clocks must agree."""
    assert ground.look is not None
    newest = ground.look.rows("SELECT recorded FROM ledger_chain ORDER BY link DESC LIMIT 1")
    if newest and newest[0][0] // 1_000_000 > ground.now + SKEW:
        text = f"The newest entry was recorded {newest[0][0] // 1_000_000 - ground.now} seconds ahead of this clock."
        return failed(text, "Set the clock right (NTP). Until then entries carry that later time.")
    if not ground.look.postgresql:
        return ok("No entry is ahead of this machine's clock.")
    apart = abs(int(_one(ground, "SELECT extract(epoch FROM clock_timestamp())::bigint")) - ground.now)
    text = f"This machine's clock and the database's are {apart} seconds apart."
    if apart > SKEW:
        return (failed if apart > TOO_MUCH_SKEW else warning)(text, "Keep both right with NTP.")
    return ok(text)


def chain(ground: Ground) -> list[Finding]:
    """Only the end of the books: `nostro ledger verify` proves all of them."""
    assert ground.look is not None
    found = asyncio.run(end_of_chain(_Reader(ground)))
    if isinstance(found, str):
        return failed(found, "Stop writing, and see what it is: nostro ledger verify")
    return ok(f"The last link of the hash chain is right ({found.entries:,} entries). All of it: nostro ledger verify")


class _Reader:
    """The look, as the audit reads."""

    def __init__(self, ground: Ground) -> None:
        assert ground.look is not None
        self._look = ground.look

    async def rows(self, statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return self._look.rows(statement, values)


def _one(ground: Ground, statement: str) -> Any:
    assert ground.look is not None
    return ground.look.rows(statement)[0][0]
