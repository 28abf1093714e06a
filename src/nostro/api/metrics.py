"""/metrics: what the server counts, and what waits in the database, for Prometheus.

It tells how much business is done, so `nostro serve` shows it only to who knows `NOSTRO_METRICS_TOKEN`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from nostro.kernel.clock import SECOND
from nostro.kernel.http import Incoming, Reply
from nostro.storage.world import World

logger = logging.getLogger("nostro.api")
PATIENCE = 2.0
MOST = 10_000
TYPE = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"cache-control", b"no-store")]
REFUSAL = b"Set NOSTRO_METRICS_TOKEN, and send it as a bearer token.\n"
WAITING = {
    "job": f"SELECT count(*), min(due) FROM (SELECT due FROM job WHERE due <= ? ORDER BY due LIMIT {MOST}) AS d",
    "delivery": f"SELECT count(*), min(due) FROM (SELECT due FROM delivery WHERE due <= ? ORDER BY due LIMIT {MOST}) "
    "AS d",
}


def metrics_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    async def page(incoming: Incoming) -> Reply:
        if not _allowed(world, incoming.header(b"authorization") or ""):
            status = 401 if world.settings.metrics_token else 404
            return Reply(status, REFUSAL, [(b"content-type", b"text/plain")])
        counted = await asyncio.to_thread(world.meter.text)
        return Reply(200, counted + await _database(world), TYPE)

    return page


def _allowed(world: World, authorization: str) -> bool:
    token = world.settings.metrics_token
    if not token:
        return world.settings.dev
    return secrets.compare_digest(authorization.encode(), f"Bearer {token}".encode())


async def _database(world: World) -> bytes:
    """What waits there, and its size: asked when it is wanted, for it is the same whichever worker looks."""
    found = CollectorRegistry()
    up = Gauge("nostro_database_up", "Whether the database answered.", registry=found)
    waiting = Gauge("nostro_waiting", f"Jobs and webhooks that are due, {MOST} at most.", ("what",), registry=found)
    age = Gauge("nostro_waiting_seconds", "How long the oldest of them has been due.", ("what",), registry=found)
    size = Gauge("nostro_database_bytes", "Size of the database.", registry=found)
    now = world.clock.micros() // SECOND
    try:
        async with asyncio.timeout(PATIENCE):
            for what, statement in WAITING.items():
                count, oldest = (await world.engine.rows(statement, (now,)))[0]
                waiting.labels(what).set(count)
                age.labels(what).set(now - oldest if count else 0)
            size.set(await world.engine.size())
            up.set(1)
    except Exception:
        logger.warning("the database did not answer for /metrics", exc_info=True)
    return generate_latest(found)
