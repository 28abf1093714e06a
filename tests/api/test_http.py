"""The HTTP protocol over real sockets: what well-behaved clients send in any shape, and what others send."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from nostro.api import http, listener
from nostro.api.http import Connection

GET = b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo:
    """Answers with what it was asked. `hold` makes it wait, `/fail` raises, `/parts` answers in several messages."""

    def __init__(self) -> None:
        self.hold = asyncio.Event()
        self.hold.set()
        self.seen: list[dict[str, Any]] = []
        self.gone = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        body = (await receive())["body"]
        self.seen.append(scope)
        await self.hold.wait()
        if scope["path"] == "/fail":
            raise RuntimeError("on purpose")
        if scope["path"] == "/until-gone":
            assert (await receive())["type"] == "http.disconnect"
            self.gone += 1
        headers = dict(scope["headers"])
        out = [(b"x-echo", headers.get(b"x-echo", b"none"))]
        if scope["path"] == "/inject":
            out = [(b"x-echo", b"a\r\nset-cookie: b")]
        await send({"type": "http.response.start", "status": 200, "headers": out})
        if scope["path"] == "/parts":
            await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        text = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {len(body)}".encode()
        await send({"type": "http.response.body", "body": text})


class Wire:
    """A server and raw connections to it."""

    def __init__(self, app: Echo, server: uvicorn.Server, port: int) -> None:
        self.app = app
        self.server = server
        self.port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, *pieces: bytes, answers: int = 1) -> list[bytes]:
        """Send the pieces one by one; the bodies of so many answers."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)
        bodies = [(await read(reader))[1] for _ in range(answers)]
        writer.close()
        return bodies


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One answer: its head and its body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    app = Echo()
    config = uvicorn.Config(app, http=Connection, log_level="critical", access_log=False, proxy_headers=False,
                            server_header=False, timeout_graceful_shutdown=5)  # fmt: skip
    server = uvicorn.Server(config)
    at = socket.socket()
    at.bind(("127.0.0.1", 0))
    running = asyncio.create_task(server._serve(sockets=[at]))
    while not server.started:
        await asyncio.sleep(0.005)
    yield Wire(app, server, at.getsockname()[1])
    app.hold.set()
    server.should_exit = True
    await running


async def test_a_request_and_its_answer(wire: Wire) -> None:
    reader, writer = await wire.connect()
    writer.write(GET.replace(b"Host", b"X-Echo: hello\r\nHost"))
    head, body = await read(reader)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"x-echo: hello\r\n" in head and b"date: " in head
    assert body == b"GET /a b=1 0"
    writer.write(GET)
    assert (await read(reader))[1] == b"GET /a b=1 0"
    scope = wire.app.seen[-1]
    assert scope["headers"] == [(b"host", b"x")] and scope["client"][0] == "127.0.0.1"
    writer.close()


async def test_it_may_come_in_any_pieces(wire: Wire) -> None:
    whole = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    for cut in (1, 10, 30, len(whole) - 6, len(whole) - 1):
        assert await wire.say(whole[:cut], whole[cut:]) == [b"POST /p  5"]
    assert await wire.say(*(whole[n : n + 1] for n in range(len(whole)))) == [b"POST /p  5"]


async def test_chunked_bodies_are_put_together(wire: Wire) -> None:
    head = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await wire.say(head, b"3\r\nabc\r\n", b"4\r\ndefg\r\n0\r\n\r\n") == [b"POST /p  7"]


async def test_requests_in_a_row_are_answered_in_order(wire: Wire) -> None:
    many = [GET.replace(b"/a", f"/{n}".encode()) for n in range(100)]
    assert await wire.say(b"".join(many), answers=100) == [f"GET /{n} b=1 0".encode() for n in range(100)]


async def test_paths_are_decoded_and_queries_are_not(wire: Wire) -> None:
    assert await wire.say(GET.replace(b"/a?b=1", b"/a%20%C3%A9?b=%20")) == ["GET /a é b=%20 0".encode()]
    assert await wire.say(GET.replace(b"/a", b"http://x.example/a")) == [b"GET /a b=1 0"]


async def test_head_has_no_body(wire: Wire) -> None:
    reader, writer = await wire.connect()
    writer.write(GET.replace(b"GET", b"HEAD") + GET)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 13\r\n" in head
    assert (await read(reader))[1] == b"GET /a b=1 0"
    writer.close()


async def test_answers_in_parts_are_sent_whole(wire: Wire) -> None:
    assert await wire.say(GET.replace(b"/a", b"/parts")) == [b"one GET /parts b=1 0"]


@pytest.mark.parametrize(
    "request_", [GET.replace(b"Host", b"Connection: close\r\nHost"), b"GET /a?b=1 HTTP/1.0\r\n\r\n"]
)
async def test_a_client_that_wants_to_close_is_let_go(wire: Wire, request_: bytes) -> None:
    reader, writer = await wire.connect()
    writer.write(request_)
    head, body = await read(reader)
    assert b"connection: close" in head and body == b"GET /a b=1 0"
    assert await reader.read() == b""
    writer.close()


async def test_a_client_that_asks_first_is_told_to_go_on(wire: Wire) -> None:
    reader, writer = await wire.connect()
    writer.write(b"POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"hi")
    assert (await read(reader))[1] == b"POST /p  2"
    writer.close()


async def test_a_failure_is_500_and_ends_the_connection(wire: Wire) -> None:
    reader, writer = await wire.connect()
    writer.write(GET.replace(b"/a", b"/fail"))
    assert (await read(reader))[0].startswith(b"HTTP/1.1 500 ")
    assert await reader.read() == b""
    writer.close()


async def test_no_header_can_smuggle_in_another(wire: Wire) -> None:
    reader, writer = await wire.connect()
    writer.write(GET.replace(b"/a", b"/inject"))
    head, _ = await read(reader)
    assert head.startswith(b"HTTP/1.1 500 ") and b"cookie" not in head
    writer.close()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"hello there\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (b"GET /" + b"y" * 70_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=["words", "two lengths", "long header", "long path", "tls"],
)
async def test_what_is_not_http_is_refused(wire: Wire, said: bytes, status: int) -> None:
    reader, writer = await wire.connect()
    writer.write(said)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    writer.close()
    assert wire.app.seen == []


async def test_a_body_without_end_is_cut_off(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BODY", 1_000)
    reader, writer = await wire.connect()
    writer.write(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 2_000)
    head, body = await read(reader)
    assert b"connection: close" in head and body == b"POST /p  2000"
    writer.close()


async def test_the_app_hears_that_the_client_left(wire: Wire) -> None:
    _, writer = await wire.connect()
    writer.write(GET.replace(b"/a", b"/until-gone"))
    while not wire.app.seen:
        await asyncio.sleep(0.005)
    writer.close()
    for _ in range(200):
        if wire.app.gone:
            return
        await asyncio.sleep(0.005)
    pytest.fail("nobody told it")


async def test_a_connection_that_says_nothing_is_closed(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE", 0.05)
    for said in (b"", b"GET / HTT", GET):
        reader, writer = await wire.connect()
        writer.write(said)
        await asyncio.wait_for(reader.read(), 5)
        writer.close()


async def test_a_stopping_server_answers_what_it_has_begun(wire: Wire) -> None:
    wire.app.hold.clear()
    reader, writer = await wire.connect()
    _, idle = await wire.connect()
    writer.write(GET)
    while not wire.app.seen:
        await asyncio.sleep(0.005)
    wire.server.should_exit = True
    await asyncio.sleep(0.2)
    wire.app.hold.set()
    head, body = await read(reader)
    assert body == b"GET /a b=1 0" and b"connection: close" in head
    assert await reader.read() == b""
    writer.close()
    idle.close()


async def test_a_request_on_its_way_to_a_stopping_server_is_the_last(wire: Wire) -> None:
    """It was sent on an open connection; were that just closed, its sender could not know what became of it."""
    reader, writer = await wire.connect()
    writer.write(GET)
    await read(reader)
    wire.server.should_exit = True
    await asyncio.sleep(0.2)
    writer.write(GET)
    head, body = await read(reader)
    assert body == b"GET /a b=1 0" and b"connection: close" in head
    assert await reader.read() == b""
    writer.close()


async def test_more_connections_than_there_is_room_for(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told so, in words that the SDKs understand, and those that are there go on."""
    monkeypatch.setattr(http, "CROWDED", 0.3)
    wire.server.config.limit_concurrency = 3
    held = [await wire.connect() for _ in range(3)]
    await asyncio.sleep(0.05)
    reader, writer = await wire.connect()
    writer.write(GET)
    head, body = await read(reader)
    assert head.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in head and b"connection: close" in head
    assert b"Too many connections" in body
    assert await asyncio.wait_for(reader.read(), 5) == b""
    silent, _ = await wire.connect()
    assert await asyncio.wait_for(silent.read(), 5) == b"", "one that asks nothing is not kept either"
    for reader, writer in held:
        writer.write(GET)
        assert (await read(reader))[0].startswith(b"HTTP/1.1 200 ")
        writer.close()
    await asyncio.sleep(0.05)
    assert await wire.say(GET) == [b"GET /a b=1 0"]
    assert len(wire.app.seen) == 4


def test_a_server_asks_for_the_files_that_it_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 1_000_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    assert listener._most_connections() == listener.MOST_FILES - listener.OTHER_FILES
    assert asked == [(listener.MOST_FILES, 1_000_000)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 1_024))
    assert listener._most_connections() == 1_024 - listener.OTHER_FILES
