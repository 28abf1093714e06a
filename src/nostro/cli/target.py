"""What a database URL names: a file of SQLite, or a database of PostgreSQL."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .trouble import Trouble

NO_ROOM = 65_536
POSTGRESQL = ("postgresql://", "postgres://")


def in_postgresql(database: str) -> bool:
    return database.startswith(POSTGRESQL)


def database_file(database: str) -> Path:
    """The file that a URL names. Raises `Trouble` if it names none."""
    kind, _, path = database.partition(":///")
    if in_postgresql(database):
        raise Trouble("This is done on SQLite files only.", "On PostgreSQL use its own tools: dropdb, createdb.")
    if kind != "sqlite" or not path:
        raise Trouble(
            f"I do not know the database {database!r}.",
            "Name a file, --database sqlite:///books.db, or a PostgreSQL database: --database postgresql://host/name",
        )
    return Path(path)


def shown(database: str) -> str:
    """The URL's name for people: the file, or the address without its password."""
    if not in_postgresql(database):
        return str(database_file(database))
    parts = urlsplit(database)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=""))


def is_full(file: Path) -> bool:
    """True if the disk that the file is on, or would be on, has no room for anything more."""
    folder = next((one for one in file.absolute().parents if one.is_dir()), Path("/"))
    return shutil.disk_usage(folder).free < NO_ROOM


def unopened(database: str, error: BaseException) -> Trouble:
    """What to say when the database cannot be opened."""
    error = error.__cause__ or error  # the engine says what clients are told; under it is what happened
    if in_postgresql(database):
        then = "Is the server running, may you log in, and does the database exist? Make it with: createdb NAME"
    elif is_full(database_file(database)) or "full" in str(error):
        folder = database_file(database).absolute().parent
        then = f"The disk is full: make room in {folder}. What was there is still whole."
    else:
        then = (
            "Is it a Nostro database, and may you write to it? If it is locked, stop the program that holds it. "
            "Another file: --database sqlite:///other.db"
        )
    what = " ".join(str(error).split()) or type(error).__name__
    return Trouble(f"The database {shown(database)} cannot be opened: {what}.", then)
