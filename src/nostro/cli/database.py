"""Open the database itself, for the commands that need no server: `keys`, `ledger`, `migrate`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nostro.kernel.settings import Settings

from .config_file import named_redis
from .options import DEV_DATABASE, SERVE_DATABASE
from .target import database_file, in_postgresql, unopened
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.storage.world import World


def existing(database: str | None) -> str:
    """The database that was named, or else the one that is here. Raises `Trouble` if there is none."""
    if database and in_postgresql(database):
        return database
    for candidate in (database,) if database else (DEV_DATABASE, SERVE_DATABASE):
        if database_file(candidate).exists():
            return candidate
    raise Trouble(
        f"There is no database at {database_file(database or DEV_DATABASE)}.",
        "Start `nostro dev` here first, or name one: --database sqlite:///FILE",
    )


@asynccontextmanager
async def opened(database: str, create: bool = False) -> AsyncIterator[World]:
    """The world on this database; what is missing in it is made. It may be in use by a server."""
    from nostro.app import make_world

    if not create:
        existing(database)
    try:
        world = await make_world(Settings(database=database, redis=named_redis()))
    except Exception as error:
        raise unopened(database, error) from error
    try:
        yield world
    finally:
        await world.close()
