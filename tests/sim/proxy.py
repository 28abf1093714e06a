"""A TCP proxy before PostgreSQL that cuts connections: before the statements arrive, or before the answer does."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from urllib.parse import parse_qs, urlsplit

from .faults import Faults

PART = 65_536


class Proxy:
    """`before` and `after` are the chances that what passes next is cut, on the way there or on the way back."""

    def __init__(self, url: str, random: Random, faults: Faults) -> None:
        parts = urlsplit(url)
        self._parts = parts
        self._folder = parse_qs(parts.query).get("host", [""])[0]
        self.random = random
        self.faults = faults
        self.before = self.after = 0.0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.username or "postgres"
        return f"postgresql://{user}@127.0.0.1:{port}{self._parts.path}?sslmode=disable&gssencmode=disable"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._behind()
        pumps = [
            asyncio.ensure_future(self._pump(reader, back, "before", "connection cut")),
            asyncio.ensure_future(self._pump(there, writer, "after", "answer cut")),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in (writer, back):
                end.close()

    async def _behind(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._folder:
            return await asyncio.open_unix_connection(f"{self._folder}/.s.PGSQL.{self._parts.port or 5432}")
        return await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: str, kind: str
    ) -> None:  # fmt: skip
        with contextlib.suppress(ConnectionError):
            while data := await source.read(PART):
                if self.random.random() < getattr(self, direction):
                    self.faults.note(kind)
                    return
                sink.write(data)
                await sink.drain()
