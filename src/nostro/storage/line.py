"""A connection to PostgreSQL that is opened when it is needed, and again when it was lost: to the server that writes.

The URL may name several hosts, of which one is the primary and the others may become it. A connection is taken only
to one that writes, and only once everything on that server is as safe as the last commit: see `FENCE`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .pipe import NONE, Failed, Lost, Pipe

# Seconds. A host that vanished answers nothing, so the attempt and what is under way must have an end of their own.
CONNECT = 5
DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT,
    "target_session_attrs": "read-write",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}
# After a crash a primary recovers what it had written, also commits that its synchronous standby never confirmed and
# that nobody was told of. To show them would promise what a failover takes away. A commit of our own waits for the
# standby, and so for everything before it; the row lock makes it one that writes.
FENCE = "SELECT one FROM commit_order WHERE one=1 FOR UPDATE"
NO_TABLE = "42P01"  # the database is still empty


def conninfo(url: str) -> str:
    """The URL with our defaults for what it leaves open."""
    given: dict[str, Any] = conninfo_to_dict(url)
    return make_conninfo("", **{**DEFAULTS, **given})


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    connection = await psycopg.AsyncConnection.connect(conninfo(url), autocommit=True)
    async with connection:
        yield connection


class Line:
    """`settings` are tried one by one: a database that is only compatible may not know them all."""

    def __init__(self, url: str, settings: Sequence[str]) -> None:
        self._conninfo = conninfo(url)
        self._settings = settings
        self._pipe: Pipe | None = None
        self._opening = asyncio.Lock()

    @property
    def now(self) -> Pipe | None:
        return None if self._pipe is None or self._pipe.lost else self._pipe

    async def open(self, until: float) -> Pipe:
        """Raises `TimeoutError` if there is none by then."""
        loop, pause = asyncio.get_running_loop(), 0.01
        async with self._opening:
            while (pipe := self.now) is None:
                try:
                    async with asyncio.timeout(max(0.1, until - loop.time())):
                        self._pipe = await self._connect()
                except (psycopg.OperationalError, Lost, Failed) as error:
                    if loop.time() >= until:
                        raise TimeoutError(str(error)) from None
                    await asyncio.sleep(pause)
                    pause = min(0.2, pause * 2)
        return pipe

    async def _connect(self) -> Pipe:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        pipe = Pipe(connection)
        try:
            told = await asyncio.gather(*(pipe.send([(one, NONE)]) for one in (*self._settings, FENCE)))
        except BaseException:
            pipe.close()
            raise
        fence = told[-1][0]
        if isinstance(fence, Failed) and fence.state != NO_TABLE:
            pipe.close()
            raise fence
        return pipe
