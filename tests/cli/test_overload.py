"""A server with more to do than it can: writes in live mode go on, while test traffic and reads are turned away."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from served import Served, payment

pytestmark = pytest.mark.slow
SECONDS = 4
PAUSE = 0.2  # what a client waits that was turned away, at least


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """It counts as overloaded soon, so that one test machine can overload it; only shedding is at work."""
    rates = {f"rate_{mode}_{what}": 0 for mode in ("live", "test") for what in ("read", "write")}
    running = Served(tmp_path, limits="on", overload_ms=15, concurrent_live=0, concurrent_test=0, **rates)
    yield running
    running.end()


class Load:
    """Connections that each ask one thing again and again; `seen` counts the statuses of each kind."""

    def __init__(self, base: str) -> None:
        at = urlsplit(base)
        self._at = (at.hostname, at.port)
        self.seen: dict[str, Counter[int]] = {}
        self._until = time.monotonic() + SECONDS

    async def ask(self, kind: str, key: str, method: str, path: str, form: dict[str, object] | None = None) -> None:
        body = urlencode(form or {}).encode()
        auth = b64encode(f"{key}:".encode()).decode()
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {auth}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        seen = self.seen.setdefault(kind, Counter())
        reader, writer = await asyncio.open_connection(*self._at)
        while time.monotonic() < self._until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            status = int(head[9:12])
            seen[status] += 1
            if status == 503:
                assert b"retry-after: 1" in head.lower()
                await asyncio.sleep(PAUSE)
        writer.close()

    async def run(self, live: str, test: str) -> None:
        asks = [self.ask("live writes", live, "POST", "/v1/customers", {"name": "Amy"}) for _ in range(6)]
        asks += [self.ask("live reads", live, "GET", "/v1/customers?limit=50") for _ in range(24)]
        asks += [self.ask("test", test, "POST", "/v1/payment_intents", payment()) for _ in range(64)]
        await asyncio.gather(*asks)


def part(seen: Counter[int], status: int) -> float:
    return seen[status] / max(1, seen.total())


def test_money_last(served: Served) -> None:
    for _ in range(3):  # until it was overloaded: a busy machine may lack the time to ask for enough
        load = Load(served.base)
        asyncio.run(load.run(served.live, served.test))
        seen = load.seen
        if part(seen["test"], 503) > 0.1:
            break
    print(seen)
    assert set().union(*seen.values()) <= {200, 503}, seen
    assert part(seen["test"], 503) > 0, seen
    assert seen["live writes"][200] > 0 and part(seen["live writes"], 503) < 0.1, seen
    assert part(seen["live writes"], 503) <= part(seen["live reads"], 503) < part(seen["test"], 503), seen
    listed = served.run("ledger", "verify")
    assert listed.returncode == 0, listed.stdout
