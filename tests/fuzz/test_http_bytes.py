"""Bytes on a connection: requests in any pieces, broken, ambiguous or endless. One answer for each, then an end.

What two readers could take for different requests (RFC 9112, sections 6.1 to 6.3) is refused, so that nothing can be
smuggled past a proxy.
"""

from __future__ import annotations

import asyncio
import re
import tracemalloc
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import TRIED, cases
from nostro.api import http
from nostro.api.http import Connection

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


class Transport:
    """Keeps what is written. Nobody writes to it after it was closed."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.paused = False

    def get_extra_info(self, _: str) -> Any:
        return ("127.0.0.1", 1)

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Line:
    """One connection, without a socket; `seen` is what the application was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.transport = Transport()

    async def app(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.seen.append(scope)
        self.bodies.append((await receive())["body"])
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async def hear(self, *pieces: bytes) -> None:
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0, default_headers=[])
        connection = Connection(SimpleNamespace(loaded_app=self.app, limit_concurrency=None), state, {})
        connection.connection_made(self.transport)  # type: ignore[arg-type]
        for piece in pieces:
            if self.transport.closed:
                break
            connection.data_received(piece)
            await asyncio.sleep(0)
        while state.tasks:
            await asyncio.gather(*state.tasks)
            await asyncio.sleep(0)
        connection.connection_lost(None)

    def statuses(self) -> list[int]:
        """Of the answers, one after another with nothing between; interim ones (100) left out."""
        out, rest = [], self.transport.written
        while rest:
            found = ANSWER.match(rest)
            assert found, rest[:200]
            status = int(found[1])
            length = re.search(rb"content-length: (\d+)", found[2])
            asked_head = len(out) < len(self.seen) and self.seen[len(out)]["method"] == "HEAD" and status == 200
            rest = rest[found.end() + (int(length[1]) if length and not asked_head else 0) :]
            if status != 100:
                out.append(status)
        return out


def heard(*pieces: bytes) -> Line:
    line = Line()
    asyncio.run(asyncio.wait_for(line.hear(*pieces), 10))
    TRIED["connections"] += 1
    return line


GOOD = [
    b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"DELETE /%zz?%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    b"GET http://x/abs HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
]  # fmt: skip
SPARKS = [
    b"", b"\r\n", b"\n", b"\0", b" ", b":", b"\xff", b"GET", b"HTTP/1.1", b"HTTP/2.0", b"Content-Length: 5\r\n",
    b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n", b"X: y\r\n z\r\n",
    b"ffffffff\r\n",
    b"ffffffffffffffffff\r\n", b"-1\r\n", b"3;ext=\"\r\n\"\r\nabc\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"Content-Length: 18446744073709551616\r\n", b"Content-Length: -1\r\n", b"Content-Length: 1, 1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"A" * 5000, b"a: b\r\n" * 200,
]  # fmt: skip
chosen = st.lists(st.one_of(st.sampled_from(GOOD), st.sampled_from(SPARKS)), max_size=6).map(b"".join)


@st.composite
def broken(draw: Any) -> bytes:
    """Good requests with something put in, taken out or changed."""
    data: bytes = draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=4).map(b"".join))
    for _ in range(draw(st.integers(0, 3))):
        place, spark = draw(st.integers(0, len(data))), draw(st.sampled_from(SPARKS))
        data = data[:place] + spark + data[place + draw(st.integers(0, 4)) :]
    return data


@given(st.one_of(chosen, broken()), st.lists(st.integers(0, 600), max_size=5))
@cases(400)
def test_any_bytes_get_an_answer_each_or_an_end(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    line = heard(*(data[a:b] for a, b in pairwise(places)))
    statuses = line.statuses()
    assert {*statuses} <= {200, 400, 431}
    assert statuses.count(200) == len(line.seen), "an answer for each request"
    assert all(status == 200 for status in statuses[:-1]), "after a refusal nothing is answered"
    if statuses and statuses[-1] != 200:
        assert line.transport.closed


@given(st.lists(st.sampled_from(GOOD[:6]), min_size=1, max_size=5), st.integers(1, 40))
@cases(100)
def test_how_the_bytes_arrive_makes_no_difference(requests: list[bytes], size: int) -> None:
    data = b"".join(requests)
    whole, pieces = heard(data), heard(*(data[n : n + size] for n in range(0, len(data), size)))
    assert pieces.transport.written == whole.transport.written
    assert (pieces.seen, pieces.bodies) == (whole.seen, whole.bodies)


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, the other way": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 36\r\n\r\n",
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "a length in hex": b"Content-Length: 0x0\r\n\r\n",
    "a space before the colon": b"Content-Length : 36\r\n\r\n",
    "a coding that is not known": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked and then another": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice in two lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a tab in the name": b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a NUL in the name": b"Transfer-\0Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare carriage return": b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of a negative size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "a chunk size that overflows": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n",
    "a chunk longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
}


@pytest.mark.parametrize("ambiguous", AMBIGUOUS)
def test_what_could_be_read_in_two_ways_is_refused(ambiguous: str) -> None:
    line = heard(b"POST / HTTP/1.1\r\nHost: x\r\n" + AMBIGUOUS[ambiguous] + HIDDEN)
    assert [scope["path"] for scope in line.seen] in ([], ["/"])
    assert line.statuses()[-1] == 400
    assert line.transport.closed


def test_a_trailer_is_no_header() -> None:
    """A proxy has looked at the headers: what follows the body must not change them (RFC 9110, section 6.5.1)."""
    asked = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    line = heard(asked + b"0\r\nAuthorization: b\r\nStripe-Account: c\r\n\r\n")
    assert line.statuses() == [200]
    headers = line.seen[0]["headers"]
    assert (b"authorization", b"b") not in headers
    assert b"stripe-account" not in dict(headers)


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "headers": [b"GET / HTTP/1.1\r\nHost: x\r\n", *([b"a: b\r\n" * 1000] * 300)],
    "one header": [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *([b"y" * 10_000] * 300)],
    "a path": [b"GET /", *([b"a" * 10_000] * 300)],
    "a method": [b"A" * 10_000] * 300,
    "trailers": [CHUNKED + b"0\r\n", *([b"a: b\r\n" * 1000] * 300)],
    "chunk extensions": [CHUNKED + b"1;", *([b"a" * 10_000] * 300)],
    "empty lines": [b"\r\n" * 5000] * 300,
    "a body": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", *([b"a" * 100_000] * 300)],
    "chunks": [CHUNKED, *([b"2\r\nab\r\n" * 10_000] * 100)],
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_cut_off_before_it_fills_the_memory(flood: str) -> None:
    pieces = FLOODS[flood]
    tracemalloc.start()
    line = heard(*pieces)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    body = {"a body": http.MOST_BODY, "chunks": 2 * 10_000 * 100}.get(flood, 0)
    assert most < 3_000_000 + 2 * body + body // 4, f"{most:,} bytes"
    assert line.statuses() in ([400], [431], [200], [])
