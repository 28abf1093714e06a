"""A receiver of webhooks on this machine, as its user would write one."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import msgspec
import stripe
from msgspec import Struct


class Received(Struct):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded

    def verify(self, secret: str) -> stripe.Event:
        """What a receiver does; these tests' clock stands elsewhere, so the age of the signature is not checked."""
        signature = self.headers["stripe-signature"]
        return stripe.Webhook.construct_event(self.body, signature, secret, tolerance=None)


class Receiver:
    """An HTTP server on this machine. `answers` are given in turn, then 200; `delay` is seconds before each.

    After `drop_after` requests it closes each connection without a word once it has answered.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: list[bytes] = []
        self.delay = 0.0
        self.most_at_once = 0
        self.connections = 0
        self.drop_after: int | None = None
        self._now = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=tls)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._received(head.decode(), reader, writer)
                if self.drop_after is not None and len(self.requests) > self.drop_after:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _received(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(self.delay)
        self._now -= 1
        self.requests.append(Received(first.split()[1], headers, body))
        writer.write(self.answers.pop(0) if self.answers else answer(200, b"thanks"))
        await writer.drain()


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
