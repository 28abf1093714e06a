"""Idempotency keys live for a day."""

from pathlib import Path
from typing import Any

from asgi import Client
from nostro.api import idempotency
from nostro.api.server import Api
from nostro.kernel.clock import DAY, ManualClock
from nostro.storage.tx import Tx
from workbench import open_bench


async def test_keys_are_dropped_after_a_day(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = await open_bench(tmp_path / "b.db", clock)
    client = Client(Api(bench.world), "sk_test_bench")
    form = {"url": "http://127.0.0.1/", "enabled_events": ["*"]}
    first = (await client("POST", "/v1/webhook_endpoints", form, key="k")).json["id"]
    many = idempotency.PURGED_AT_ONCE + 7
    for n in range(many):
        row = (bench.number, f"k{n}", "", 200, "", b"", clock.micros() // 1_000_000)
        await bench.do(lambda tx, row=row: _put(tx, row))
    clock.advance(DAY)
    await idempotency.purge(bench.world)
    assert (await client("POST", "/v1/webhook_endpoints", form, key="k")).json["id"] == first
    clock.advance(1)
    await bench.do(lambda tx: _put(tx, (bench.number, "young", "", 200, "", b"", clock.micros() // 1_000_000)))
    await idempotency.purge(bench.world)
    assert await bench.rows("SELECT key FROM idempotency") == [("young",)]
    await bench.world.engine.close()


async def _put(tx: Tx, row: tuple[Any, ...]) -> None:
    tx.write_row(idempotency.PUT, row)
