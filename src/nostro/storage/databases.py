"""What a URL names, as the source or as the target of a copy; and a driver's errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .copy import Snapshot, Target
from .schema import CopyRefused
from .sqlite_copy import SqliteSnapshot, SqliteTarget, is_empty

SQLITE = "sqlite:///"
DRIVERS = {"apsw", "psycopg"}


def snapshot_of(url: str) -> Snapshot:
    """The database at this moment; servers may work on it meanwhile."""
    if url.startswith(SQLITE):
        return SqliteSnapshot(Path(url.removeprefix(SQLITE)))
    from .postgres_copy import PostgresSnapshot

    return PostgresSnapshot(url)


def target_of(url: str) -> Target:
    """An empty database. Nobody else writes to it until it is kept: an SQLite file's lock is the caller's to hold."""
    if url.startswith(SQLITE):
        file = Path(url.removeprefix(SQLITE))
        if not is_empty(file):
            raise CopyRefused(
                f"The target {file} is not empty.",
                "Nothing was changed. Name a file that is not there yet, or move this one away.",
            )
        return SqliteTarget(file)
    from .postgres_copy import PostgresTarget

    return PostgresTarget(url)


@contextmanager
def told() -> Iterator[None]:
    """What a driver or the disk refuses is a `CopyRefused` to the caller."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in DRIVERS:
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        raise CopyRefused(f"The copy was broken off: {text}.", "Nothing half-done is left: start it again.") from error
