"""What the fuzzers share: how many cases they try, and an application to try them on, in this process.

`make test` tries few cases, the same each time. `make fuzz` sets NOSTRO_FUZZ to a number that multiplies them, and
then each seed gives other cases.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, settings

from nostro.api.serve import Application
from nostro.app import make_world, open_pages
from nostro.events.worker import work
from nostro.kernel.clock import ManualClock
from nostro.kernel.settings import Settings

# Which lines only failing cases run is not worth the time that it takes to find out.
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
TIMES = int(os.environ.get("NOSTRO_FUZZ", "0"))
PATIENCE = 10.0  # seconds that any one request may take, on a machine that does other things too
T = TypeVar("T")
Test = TypeVar("Test", bound=Callable[..., None])
# How many cases each fuzzer has tried: what `make fuzz` adds up.
TRIED: Counter[str] = Counter()


def cases(number: int) -> Callable[[Test], Test]:
    """So many cases in `make test`. Data is made slowly where it nests; that is no fault."""
    return settings(
        max_examples=number * (TIMES or 1), phases=PHASES, derandomize=not TIMES, database=None, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large,
                               HealthCheck.function_scoped_fixture],
    )  # fmt: skip


class Got(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Running:
    """The whole application with its worker, called without sockets. Each call ends in time or fails."""

    def __init__(self, database: str) -> None:
        self._loop = asyncio.new_event_loop()
        options = Settings(database=database, dev=True, durable=False)
        self.app = Application(lambda: make_world(options, clock=ManualClock()), work=work, pages=open_pages)
        self.wait(self.app.start())

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)

    def close(self) -> None:
        self.wait(self.app.close())
        self._loop.close()

    def send(
        self, method: str, path: str, *, query: bytes = b"", headers: dict[str, str] | None = None, body: bytes = b"",
        key: str = "sk_test_fuzz",
    ) -> Got:  # fmt: skip
        """One request as the HTTP protocol would hand it on; `headers` may replace the key's."""
        TRIED["requests"] += 1
        return self.wait(self._send(method, path, query, {"authorization": f"Bearer {key}", **(headers or {})}, body))

    async def _send(self, method: str, path: str, query: bytes, headers: dict[str, str], body: bytes) -> Got:
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        started = time.monotonic()
        async with asyncio.timeout(60):
            await self.app(scope, receive, send)
        took = time.monotonic() - started
        assert took < PATIENCE, f"{method} {path} took {took:.1f} s"
        return Got(sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"])
