"""Connections to webhook endpoints: HTTP/1.1, made to checked addresses, kept open for the next delivery.

httpx was measured first: its pool looks at every open connection on each request, which at 40 connections left
190 deliveries a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from functools import cache
from urllib.parse import quote, urlsplit

import h11
from msgspec import Struct

from .destination import checked_addresses

CONNECT_TIMEOUT = 8
IDLE_FOR = 30
IDLE_PER_TARGET = 10
PART = 65_536
Headers = list[tuple[str, str]]


class Target(Struct, frozen=True):
    """Where a URL leads. `host` is as DNS knows it, `path` as HTTP sends it."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Raises `ValueError` for a URL that cannot be sent to."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~-._[]')}" if parts.query else ""
        return cls(secure, host, parts.port or (443 if secure else 80), path + query)

    @property
    def origin(self) -> tuple[bool, str, int]:
        return self.secure, self.host, self.port

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class Lost(Exception):
    """The other side closed the connection before it answered."""


class Connection:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.idle_since = 0.0

    @property
    def reusable(self) -> bool:
        return self._http.our_state is h11.IDLE and not self._reader.at_eof()

    async def post(self, target: Target, headers: Headers, body: bytes, most: int) -> tuple[int, bytes]:
        """The status and the first `most` bytes of the answer. Raises `Lost`, `OSError` or h11's `ProtocolError`."""
        request = h11.Request(method="POST", target=target.path, headers=[("Host", target.authority), *headers])
        http = self._http
        message = [http.send(part) or b"" for part in (request, h11.Data(data=body), h11.EndOfMessage())]
        self._writer.write(b"".join(message))
        await self._writer.drain()
        status, answer = 0, b""
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                answer += event.data
                if len(answer) >= most:
                    return status, answer[:most]  # the rest is not read: this connection ends here
            elif isinstance(event, h11.ConnectionClosed):
                raise Lost("The connection was closed before an answer came.")
        if http.our_state is h11.DONE and http.their_state is h11.DONE:
            http.start_next_cycle()
        return status, answer

    async def _event(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Event):
                return event
            data = await self._reader.read(PART)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise Lost("The connection was closed before an answer came.")
            self._http.receive_data(data)

    def close(self) -> None:
        self._writer.close()


class Connections:
    """Those that are open and idle, by where they lead. How many are used at once is the caller's to limit."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._idle: dict[tuple[bool, str, int], list[Connection]] = {}
        self._swept = 0.0

    async def post(self, url: str, headers: Headers, body: bytes, most: int) -> tuple[int, bytes]:
        """Send to the URL. A kept connection may have been closed at the other end meanwhile: then once more."""
        target = Target.of(url)
        kept = self._take(target)
        if kept is not None:
            try:
                return await self._post(kept, target, headers, body, most)
            except (Lost, ConnectionError):
                pass
        return await self._post(await self._open(target), target, headers, body, most)

    async def _post(
        self, connection: Connection, target: Target, headers: Headers, body: bytes, most: int
    ) -> tuple[int, bytes]:
        try:
            return await connection.post(target, headers, body, most)
        finally:
            self._keep(target, connection)

    async def _open(self, target: Target) -> Connection:
        """Connects to the first address that answers. Raises `NotPublic`, or the last address's `OSError`."""
        failure: OSError = OSError(f"{target.host} has no address")
        tls, name = (_tls(), target.host) if target.secure else (None, None)
        for address in await checked_addresses(target.host, target.port, self._private):
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    return Connection(
                        *await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
                    )
            except TimeoutError:
                failure = ConnectionError(f"{address} did not answer within {CONNECT_TIMEOUT} seconds.")
            except OSError as error:
                failure = error
        raise failure

    def _take(self, target: Target) -> Connection | None:
        idle = self._idle.get(target.origin, [])
        while idle:
            connection = idle.pop()
            if connection.reusable and asyncio.get_running_loop().time() - connection.idle_since < IDLE_FOR:
                return connection
            connection.close()
        return None

    def _keep(self, target: Target, connection: Connection) -> None:
        now = connection.idle_since = asyncio.get_running_loop().time()
        idle = self._idle.setdefault(target.origin, [])
        if connection.reusable and len(idle) < IDLE_PER_TARGET:
            idle.append(connection)
        else:
            connection.close()
        if now - self._swept > IDLE_FOR:
            self._swept = now
            self._sweep(now - IDLE_FOR)

    def _sweep(self, before: float) -> None:
        """Close what has not been used since."""
        for origin, idle in list(self._idle.items()):
            for connection in [c for c in idle if c.idle_since <= before]:
                idle.remove(connection)
                connection.close()
            if not idle:
                del self._idle[origin]

    async def close(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # let the transports see it


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificate authorities, and Mozilla's for machines that carry none."""
    import certifi

    context = ssl.create_default_context()
    with contextlib.suppress(OSError):
        context.load_verify_locations(certifi.where())
    return context
