"""HTTP/1.1 for uvicorn, made for what this API sends: small answers, each whole, each in one write.

uvicorn keeps the sockets, signals and the graceful stop; this takes the place of its protocol, which spends more
on a read by id than the rest of the server does (docs/decisions/0010 has the measurement). Requests of one
connection are answered in order, one after another.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

import httptools

logger = logging.getLogger("nostro.api")
Message = dict[str, Any]

IDLE = 75  # seconds that a connection may wait for a whole request
MOST_HEADERS = 65_536
MOST_BODY = 17_000_000  # a little above the API's own limits, which answer with a proper error
MOST_WAITING = 16
STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ASGI = {"version": "3.0", "spec_version": "2.3"}
CLOSE = b"connection: close\r\n"
CROWDED = 1.0  # seconds that a connection has to ask when there are too many, and to hear so
TOO_MANY = (
    ((b"content-type", b"application/json"), (b"retry-after", b"1"), (b"stripe-should-retry", b"true")),
    b'{"error":{"message":"Too many connections are open here. Try again in a moment.","type":"api_error"}}',
)
LINGER = 0.5  # seconds that an idle connection stays when the server stops: a request may be on its way


class Request:
    """What the parser has gathered of one request."""

    __slots__ = ("body", "count", "headers", "keep", "method", "size", "url", "version")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()  # a list of pieces would grow with their number: they can be of one byte each
        self.count = 0
        self.size = 0
        self.method = ""
        self.version = ""
        self.keep = False


class Connection(asyncio.Protocol):
    """One client's connection. uvicorn makes it, with its configuration and the state that all of them share."""

    transport: asyncio.Transport

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        self._app = config.loaded_app
        self._shared = server_state
        self._loop: asyncio.AbstractEventLoop = _loop or asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._heard = 0.0
        self._unread = 0
        self._full = False
        self._last = False
        self._begun = False
        self._leaving = False
        self._most = config.limit_concurrency
        self._crowded = False
        self._gone = asyncio.Event()

    # What the transport says ------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._client = transport.get_extra_info("peername")
        self._server = transport.get_extra_info("sockname")
        self._shared.connections.add(self)
        self._heard = self._loop.time()
        self._crowded = self._most is not None and len(self._shared.connections) > self._most
        if self._crowded:
            self._loop.call_later(CROWDED, transport.close)
        else:
            self._loop.call_later(IDLE, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._shared.connections.discard(self)
        self._waiting.clear()
        self._gone.set()

    def data_received(self, data: bytes) -> None:
        if self._last:
            return  # this connection ends with what was asked before
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last = True
        except (httptools.HttpParserError, ValueError):
            self._refuse(400)
        if self._unread > MOST_HEADERS:
            self._refuse(431)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._full:
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """The server stops: what is under way may end, and what is on its way is the last that is answered."""
        self._leaving = True
        if self._task is None:
            self._loop.call_later(LINGER, self._close_if_unused)
        else:
            self._last = True

    # What the parser says -----------------------------------------------------------

    def on_message_begin(self) -> None:
        self._begun = True
        self._request = Request()

    def on_url(self, url: bytes) -> None:
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._unread = 0
        request = self._request
        request.count = len(request.headers)
        request.method = self._parser.get_method().decode("ascii")
        request.version = self._parser.get_http_version()
        request.keep = self._parser.should_keep_alive()
        if request.version == "1.1" and (b"expect", b"100-continue") in request.headers and self._task is None:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        self._request.size += len(body)
        if self._request.size <= MOST_BODY:
            self._request.body += body
        elif not self._last:  # long enough to be refused: no need to hear the rest
            self._request.body += body
            self._request.keep = False
            self.on_message_complete()

    def on_message_complete(self) -> None:
        self._unread = 0
        self._begun = False
        if self._last:
            return
        request = self._request
        del request.headers[request.count :]  # trailers must not pass for headers (RFC 9110, section 6.5.1)
        self._last = self._leaving or not request.keep
        if self._task is not None:
            self._waiting.append(request)
            if len(self._waiting) >= MOST_WAITING:
                self._full = True
                self.transport.pause_reading()
            return
        self._begin(request)

    # Answering ------------------------------------------------------------------------

    def _begin(self, request: Request) -> None:
        if self._crowded:
            self._last = True
            self._write(request, 503, *TOO_MANY)
            self.transport.close()
            return
        self._shared.total_requests += 1
        self._task = self._loop.create_task(self._answer(request))
        self._shared.tasks.add(self._task)
        self._task.add_done_callback(self._shared.tasks.discard)

    async def _answer(self, request: Request) -> None:
        start: Message = {}
        parts: list[bytes] = []
        unread = True

        async def receive() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": bytes(request.body), "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                self._write(request, start["status"], start.get("headers", ()), b"".join(parts))

        try:
            await self._app(self._scope(request), receive, send)
        except Exception:
            logger.exception("%s failed", request.method)
            self._last = True
            self._write(request, 500, (), b"")
        self._next()

    def _write(self, request: Request, status: int, headers: Any, body: bytes) -> None:
        out = [STATUS[status]]
        sized = False
        for name, value in (*self._shared.default_headers, *headers):
            if b"\n" in value or b"\r" in value:
                raise ValueError(f"the header {name!r} would end early")
            if name == b"connection":  # the application says that this connection is to end
                self._last = True
                continue
            sized = sized or name == b"content-length"
            out += (name, b": ", value, b"\r\n")
        if not sized:
            out.append(b"content-length: %d\r\n" % len(body))
        if self._last and not self._waiting:
            out.append(CLOSE)
        out.append(b"\r\n")
        if request.method != "HEAD":
            out.append(body)
        self.transport.write(b"".join(out))

    def _next(self) -> None:
        self._task = None
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._last:
            self.transport.close()
        else:
            self._heard = self._loop.time()
        if self._full and len(self._waiting) < MOST_WAITING:
            self._full = False
            self.transport.resume_reading()

    def _refuse(self, status: int) -> None:
        """What came is not HTTP. Answers that are under way are sent first."""
        self._last = True
        if self._task is None:
            self._write(Request(), status, ((b"content-type", b"text/plain"),), STATUS[status][9:])
            self.transport.close()

    def _close_if_unused(self) -> None:
        if self._task is None and not self._begun:
            self.transport.close()

    def _close_if_idle(self) -> None:
        """One timer for each connection looks again, rather than one for each request."""
        left = self._heard + IDLE - self._loop.time()
        if self._task is not None:
            left = IDLE
        if self._gone.is_set():
            return
        if left > 0:
            self._loop.call_later(left, self._close_if_idle)
        else:
            self.transport.close()

    def _scope(self, request: Request) -> Message:
        path, _, query = request.url.partition(b"?")
        if not path.startswith(b"/"):  # the absolute form, which proxies send
            path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
        text = path.decode("latin-1")
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": request.version,
            "method": request.method,
            "scheme": "http",
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": request.headers,
            "client": self._client,
            "server": self._server,
        }
