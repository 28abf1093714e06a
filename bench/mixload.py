"""The load generator of the realistic mix: a process of its own, open loop.

    python -m bench.mixload PORT --rate 1500 --seconds 60 --version 2026-10-28 < pool.json

A request is due at its own moment, whether or not those before it were answered; its latency counts from then, so a
server that stalls is charged for everything that it kept waiting. Requests go out on whichever connection is free.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop
from msgspec import Struct

from .load import HEADERS, PAYMENT

TICK = 0.001
MOST_IDS = 50_000
Request = tuple[bytes, str]  # what is sent, and the prefix of the id to remember from the answer


class Pool(Struct):
    """Ids of what is there before the run."""

    intents: list[str]
    charges: list[str]
    customers: list[str]
    emails: list[str]


class Kind(Struct):
    """Latencies in milliseconds."""

    requests: int
    share: float
    p50: float
    p99: float
    p999: float
    slowest: float


class Second(Struct):
    """What was answered of the requests that were due in this second of the run."""

    second: int
    requests: int
    p50: float
    p99: float


class Mixed(Struct):
    rate: float
    seconds: float
    sent: int
    errors: int
    first_error: str
    kinds: dict[str, Kind]
    over_time: list[Second]


class Mix:
    """Makes requests in the proportion of `WEIGHTS`."""

    def __init__(self, pool: Pool, port: int, version: str, seed: int = 1) -> None:
        self.pool = pool
        self.random = random.Random(seed)
        headers = HEADERS.format(port=port, version=version, key="sk_test_growth")
        self._headers = headers.encode()
        self._tag = f"{time.time_ns():x}".encode()
        self._number = 0
        self._refundable: deque[str] = deque()
        self._makers: list[tuple[str, Callable[[], Request]]] = [
            (name, getattr(self, maker)) for name, maker, weight in WEIGHTS for _ in range(weight)
        ]

    def next(self) -> tuple[str, Request]:
        name, maker = self.random.choice(self._makers)
        return name, maker()

    def learn(self, id: str) -> None:
        """A payment that was made is read, updated and refunded later."""
        if id.startswith("pi_"):
            self._refundable.append(id)
            if len(self.pool.intents) < MOST_IDS:
                self.pool.intents.append(id)
        elif id.startswith("cus_") and len(self.pool.customers) < MOST_IDS:
            self.pool.customers.append(id)

    def _get(self, path: str) -> Request:
        return b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), self._headers), ""

    def _post(self, path: str, body: bytes, keep: str = "") -> Request:
        self._number += 1
        return (
            b"POST %b HTTP/1.1\r\n%bContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"
            b"Idempotency-Key: %b-%032d\r\n\r\n%b"
            % (path.encode(), self._headers, len(body), self._tag, self._number, body)
        ), keep

    def intent(self) -> Request:
        return self._get(f"/v1/payment_intents/{self.random.choice(self.pool.intents)}")

    def charge(self) -> Request:
        return self._get(f"/v1/charges/{self.random.choice(self.pool.charges)}")

    def customer(self) -> Request:
        return self._get(f"/v1/customers/{self.random.choice(self.pool.customers)}")

    def balance(self) -> Request:
        return self._get("/v1/balance")

    def search(self) -> Request:
        return self._get(f"/v1/customers/search?query=email:%22{self.random.choice(self.pool.emails)}%22")

    def pay(self) -> Request:
        return self._post("/v1/payment_intents", PAYMENT + b"&metadata[order_id]=order-%d" % self._number, '"pi_')

    def refund(self) -> Request:
        if not self._refundable:
            return self.pay()
        return self._post("/v1/refunds", b"amount=100&payment_intent=" + self._refundable.popleft().encode())

    def new_customer(self) -> Request:
        body = b"email=new%d@example.com&name=New%%20Customer&metadata[plan]=basic" % self._number
        return self._post("/v1/customers", body, '"cus_')

    def update(self) -> Request:
        return self._post(
            f"/v1/customers/{self.random.choice(self.pool.customers)}", b"metadata[seen]=%d" % self._number
        )

    def page(self) -> Request:
        return self._get(self.random.choice(LISTS))

    def of_customer(self) -> Request:
        return self._get(f"/v1/charges?limit=10&customer={self.random.choice(self.pool.customers)}")


# Of a hundred requests: 70 reads, 20 writes, 10 lists.
WEIGHTS = (
    ("read", "intent", 30), ("read", "charge", 20), ("read", "customer", 16), ("balance", "balance", 2),
    ("search", "search", 2), ("payment", "pay", 11), ("refund", "refund", 2), ("customer", "new_customer", 3),
    ("update", "update", 4), ("list", "page", 6), ("list", "of_customer", 4),
)  # fmt: skip
LISTS = (
    "/v1/payment_intents?limit=10", "/v1/events?limit=10&type=charge.*", "/v1/refunds?limit=10",
    "/v1/balance_transactions?limit=10&type=charge", "/v1/customers?limit=10",
)  # fmt: skip


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.held = b""
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.run.free(self)

    def send(self, due: float, kind: int, request: Request) -> None:
        self.due, self.kind, self.keep = due, kind, request[1]
        self.transport.write(request[0])

    def data_received(self, data: bytes) -> None:
        data = self.held + data if self.held else data
        head = data.find(b"\r\n\r\n")
        length = _length(data, head) if head >= 0 else 0
        if head < 0 or len(data) < head + 4 + length:
            self.held = data
            return
        self.held = b""
        self.run.answered(self, data, head + 4)

    def connection_lost(self, error: Exception | None) -> None:
        self.run.lost()


def _length(data: bytes, head: int) -> int:
    at = data.find(b"ontent-")
    while data[at + 7 : at + 14].lower() != b"length:":
        at = data.find(b"ontent-", at + 7)
    return int(data[at + 14 : data.find(b"\r", at)])


class Run:
    """Sends each request when it is due, or as soon as a connection is free, for `seconds` after the warm-up."""

    def __init__(self, mix: Mix, rate: float, seconds: float, warm_up: float) -> None:
        self.mix, self.rate, self.seconds = mix, rate, seconds
        self.loop = asyncio.get_running_loop()
        self.names = list(dict.fromkeys(name for name, _, _ in WEIGHTS))
        self.begin = time.perf_counter() + 0.2
        self.counted = self.begin + warm_up
        self.total = int(rate * (seconds + warm_up))
        self.sent = self.done = self.errors = 0
        self.first_error = ""
        self.at, self.kinds, self.took = array("f"), array("b"), array("f")
        self._free: deque[Connection] = deque()  # taken in turn: the server closes one that is idle for long
        self.ended = self.loop.create_future()
        self.loop.call_later(0.2, self._tick)

    def free(self, connection: Connection) -> None:
        self._free.append(connection)

    def lost(self) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server closed a connection"))

    def _tick(self) -> None:
        self._send()
        if self.sent < self.total and not self.ended.done():
            self.loop.call_later(TICK, self._tick)

    def _send(self) -> None:
        now = time.perf_counter()
        while self._free and self.sent < self.total and (due := self.begin + self.sent / self.rate) <= now:
            name, request = self.mix.next()
            self.sent += 1
            self._free.popleft().send(due, self.names.index(name), request)

    def answered(self, connection: Connection, data: bytes, body: int) -> None:
        now = time.perf_counter()
        if data[9:12] != b"200":
            self.errors += 1
            self.first_error = self.first_error or data[:1000].decode(errors="replace")
        elif connection.keep:
            start = data.find(connection.keep.encode(), body) + 1
            self.mix.learn(data[start : data.find(b'"', start)].decode())
        if connection.due >= self.counted:
            self.at.append(connection.due - self.counted)
            self.kinds.append(connection.kind)
            self.took.append((now - connection.due) * 1000)
        self.done += 1
        self._free.append(connection)
        if self.done == self.total and not self.ended.done():
            self.ended.set_result(None)
        self._send()

    def mixed(self) -> Mixed:
        by_kind: dict[int, list[float]] = {}
        by_second: dict[int, list[float]] = {}
        for at, kind, took in zip(self.at, self.kinds, self.took, strict=True):
            by_kind.setdefault(kind, []).append(took)
            by_second.setdefault(int(at), []).append(took)
        every = len(self.took)
        kinds = {self.names[kind]: _kind(took, every) for kind, took in sorted(by_kind.items())}
        over_time = [_second(second, sorted(took)) for second, took in sorted(by_second.items())]
        kinds["all"] = _kind(list(self.took), every)
        return Mixed(self.rate, self.seconds, every, self.errors, self.first_error, kinds, over_time)


def _part(took: list[float], part: float) -> float:
    return round(took[int(part * (len(took) - 1))], 2)


def _kind(took: list[float], every: int) -> Kind:
    took.sort()
    share = round(len(took) / every, 4)
    return Kind(len(took), share, _part(took, 0.5), _part(took, 0.99), _part(took, 0.999), _part(took, 1))


def _second(second: int, took: list[float]) -> Second:
    return Second(second, len(took), _part(took, 0.5), _part(took, 0.99))


async def run(mix: Mix, port: int, rate: float, seconds: float, connections: int, warm_up: float) -> Mixed:
    loop = asyncio.get_running_loop()
    work = Run(mix, rate, seconds, warm_up)
    await asyncio.gather(
        *(loop.create_connection(lambda: Connection(work), "127.0.0.1", port) for _ in range(connections))
    )
    gc.collect()
    gc.freeze()
    await asyncio.wait_for(work.ended, seconds + warm_up + 60)
    return work.mixed()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--version", required=True, help="the API version to name")
    options = parser.parse_args()
    mix = Mix(msgspec.json.decode(sys.stdin.buffer.read(), type=Pool), options.port, options.version)
    mixed = uvloop.run(run(mix, options.port, options.rate, options.seconds, options.connections, options.warm_up))
    sys.stdout.write(msgspec.json.encode(mixed).decode())


if __name__ == "__main__":
    main()
