"""`python -m bench.closing`: how long requests take while a month is closed, beside the same requests without one.

A server of its own takes payments for a while; then its month is over, and is closed while a few connections go on
paying. The second close begins where the first one ended.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from nostro.api.versions import CURRENT

from .load import HEADERS, SECRET, Measured, measure, payments
from .postgresql import postgresql
from .servers import nostro

BESIDE = 4  # connections that pay while the month is closed
SECONDS = 8.0  # for which they do
WAIT = 0.1


class Books:
    """The platform whose months are closed, over its API."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=(SECRET, ""), timeout=600)

    async def post(self, path: str, **form: Any) -> Any:
        answer = await self.http.post(path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pay(self, seconds: float, connections: int) -> Measured:
        headers = HEADERS.format(port=self.port, version=CURRENT, key=SECRET).encode()
        return await measure(self.port, payments(headers, f"{time.time_ns():x}"), seconds, connections, 0, 0.2)

    async def close(self, month: str) -> float:
        """Seconds until it is closed."""
        started = time.perf_counter()
        period = await self.post("/v1/reports/periods", month=month)
        while period["status"] == "closing":
            await asyncio.sleep(WAIT)
            period = (await self.http.get(f"/v1/reports/periods/{period['id']}")).json()
        assert period["status"] == "closed", period
        return time.perf_counter() - started


async def closing(port: int, seconds: float) -> None:
    books, rows = Books(port), list[tuple[str, Measured, float]]()
    for share in (1.0, 0.1):
        made = await books.pay(seconds * share, 64)
        now = (await books.http.get("/v1/test_helpers/sandbox")).json()["now"]
        month = datetime.fromtimestamp(now, UTC)
        after = (month.replace(day=28) + timedelta(days=5)).replace(day=1)
        await books.post("/v1/test_helpers/sandbox/advance", seconds=int((after - month).total_seconds()))
        rows.append((f"{made.requests:,} payments made; none closing", await books.pay(SECONDS, BESIDE), 0))
        beside = asyncio.create_task(books.pay(SECONDS, BESIDE))
        took = await books.close(f"{month:%Y-%m}")
        rows.append((f"closing {month:%Y-%m}", await beside, took))
    print("| | seconds to close | p50 | p99 | slowest |\n|---|---|---|---|---|")
    for what, one, took in rows:
        assert not one.errors, one
        print(f"| {what} | {took:.1f} | {one.p50:.1f} ms | {one.p99:.1f} ms | {one.slowest:.1f} ms |")


@contextmanager
def served(engine: str, home: Path) -> Iterator[int]:
    if engine == "sqlite":
        with nostro(home / "books.db") as server:
            yield server.port
    else:
        with postgresql(home) as url, nostro(home / "unused.db", database=url) as server:
            yield server.port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="of payments before the first close")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nostro-closing-") as home, served(given.engine, Path(home)) as port:
        asyncio.run(closing(port, given.seconds))


if __name__ == "__main__":
    main()
