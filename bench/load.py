"""The load generator: a process of its own, so that it does not share the server's interpreter.

    python -m bench.load PORT pay --seconds 8 --version 2026-10-28

It keeps `--connections` keep-alive connections busy, each with one request at a time, and writes what it
measured as JSON. Requests carry the headers that the official Python SDK sends. It is a bare protocol on
uvloop that finds the end of a response by its Content-Length, because a full HTTP client costs more than
the server it would measure.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any

import msgspec
import uvloop

SECRET = "sk_test_bench"
PAYMENT = b"amount=2000&confirm=true&currency=usd&payment_method=pm_card_visa&payment_method_types[0]=card"
HEADERS = (
    "Host: 127.0.0.1:{port}\r\n"
    "Authorization: Bearer {key}\r\n"
    "User-Agent: Stripe/v1 PythonBindings/16.1.0\r\n"
    'X-Stripe-Client-User-Agent: {{"bindings_version": "16.1.0", "lang": "python", "publisher": "stripe", '
    '"httplib": "requests", "lang_version": "3.11.7", "platform": "Linux-x86_64-with-glibc2.36"}}\r\n'
    "Stripe-Version: {version}\r\n"
    "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
)
Requests = Iterator[bytes]


class Measured(msgspec.Struct):
    """What one run saw. Latencies are in milliseconds; `ids` are of the objects made, some of them."""

    seconds: float
    requests: int
    errors: int
    rate: float
    p50: float
    p99: float
    slowest: float
    first_error: str = ""
    ids: list[str] = []


class Connection(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.held = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = self.run.next_request()
        if request is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self.held + data if self.held else data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self.held = data
            return
        at = data.find(b"ontent-")
        while data[at + 7 : at + 14].lower() != b"length:":
            at = data.find(b"ontent-", at + 7)
        length = int(data[at + 14 : data.find(b"\r", at)])
        if len(data) < head + 4 + length:
            self.held = data
            return
        self.held = b""
        self.run.answered(time.perf_counter() - self.sent, data, head + 4)
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.closed()


class Run:
    """All connections together, for a time or a number of requests. The first second does not count."""

    def __init__(self, requests: Requests, seconds: float, most: int, warm_up: float) -> None:
        self.requests = requests
        self.most = most
        self.begin = time.perf_counter() + warm_up
        self.end = self.begin + seconds
        self.left = 0
        self.sent = 0
        self.latencies: list[float] = []
        self.last = self.begin
        self.errors = 0
        self.first_error = ""
        self.ids: list[str] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_request(self) -> bytes | None:
        if time.perf_counter() >= self.end or (self.most and self.sent >= self.most):
            return None
        self.sent += 1
        return next(self.requests)

    def answered(self, took: float, data: bytes, body: int) -> None:
        now = time.perf_counter()
        if data[9:12] != b"200":
            self.errors += 1
            self.first_error = self.first_error or data[:1000].decode(errors="replace")
            return
        if self.begin <= now <= self.end:
            self.latencies.append(took)
            self.last = now
        if len(self.ids) < 2000:
            start = data.find(b'"pi_', body) + 1
            self.ids.append(data[start : data.find(b'"', start)].decode() if start else "")

    def closed(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)

    def measured(self) -> Measured:
        took = sorted(self.latencies) or [0.0]
        seconds = max(self.last - self.begin, 1e-9)
        at: Callable[[float], float] = lambda part: round(took[int(part * (len(took) - 1))] * 1000, 2)  # noqa: E731
        return Measured(
            seconds=round(seconds, 3), requests=len(self.latencies), errors=self.errors,
            rate=round(len(self.latencies) / seconds, 1), p50=at(0.5), p99=at(0.99), slowest=at(1.0),
            first_error=self.first_error, ids=self.ids,
        )  # fmt: skip


def payments(headers: bytes, tag: str) -> Requests:
    """Create and confirm in one call, each with a key of its own, as the SDKs send."""
    head = b"POST /v1/payment_intents HTTP/1.1\r\n" + headers
    tail = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(PAYMENT) + PAYMENT
    return (head + b"Idempotency-Key: %b-%032d\r\n" % (tag.encode(), n) + tail for n in count())


def entries(headers: bytes, accounts: list[str], hot: bool) -> Requests:
    """One ledger entry a request, between any two of the accounts, or from the first to any other."""
    head = b"POST /v1/ledger/entries HTTP/1.1\r\n" + headers
    pick = random.Random(1).sample
    for n in count():
        giver, taker = (accounts[0], accounts[1 + n % (len(accounts) - 1)]) if hot else pick(accounts, 2)
        body = (
            f"currency=usd&postings[0][account]={giver}&postings[0][amount]=100&postings[0][direction]=debit"
            f"&postings[1][account]={taker}&postings[1][amount]=100&postings[1][direction]=credit"
        ).encode()
        kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
        yield head + kind + body


def reads(headers: bytes, paths: list[str]) -> Requests:
    return cycle([b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), headers) for path in paths])


async def measure(
    port: int, requests: Requests, seconds: float, connections: int, most: int, warm_up: float
) -> Measured:
    run = Run(requests, seconds, most, warm_up)
    run.left = connections
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(loop.create_connection(lambda: Connection(run), "127.0.0.1", port) for _ in range(connections))
    )
    await asyncio.wait_for(run.done, seconds + warm_up + 60)
    return run.measured()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("port", type=int)
    parser.add_argument("what", help="`pay`; `spread` or `hot` entries between, or `get` of, what standard input names")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--most", type=int, default=0, help="stop after so many requests")
    parser.add_argument("--key", default=SECRET, help="the secret key to send")
    parser.add_argument("--version", required=True, help="the API version to name")
    options = parser.parse_args()
    headers = HEADERS.format(port=options.port, version=options.version, key=options.key).encode()
    if options.what == "pay":
        requests = payments(headers, f"{time.time_ns():x}")
    elif options.what == "get":
        requests = reads(headers, sys.stdin.read().split())
    else:
        requests = entries(headers, sys.stdin.read().split(), options.what == "hot")
    measured = uvloop.run(
        measure(options.port, requests, options.seconds, options.connections, options.most, options.warm_up)
    )  # fmt: skip
    sys.stdout.write(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()
