"""Whether the server lives, and whether it should be sent requests: for load balancers and orchestrators."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from nostro.kernel.http import Incoming, Reply
from nostro.storage.schema import newest
from nostro.storage.world import World

PATIENCE = 2.0
_encode = msgspec.json.Encoder().encode


async def healthy(_: Incoming) -> Reply:
    """The server answers: for load balancers and scripts that wait for the start."""
    return Reply(200, b'{"status":"ok"}\n')


def readiness(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    """200 if requests can be served, else 503 and the checks that failed."""

    async def ready(_: Incoming) -> Reply:
        checks = {"database": "ok", "migrations": "ok", "stopping": "no"}
        try:
            version = await asyncio.wait_for(world.engine.version(), PATIENCE)
        except Exception as error:
            checks["database"] = f"It does not answer ({type(error).__name__})."
            checks["migrations"] = "not known"
        else:
            if version < newest():
                checks["migrations"] = f"The database is at {version} of {newest()}: run nostro migrate."
        if world.leaving:
            checks["stopping"] = "The server was told to stop."
        good = list(checks.values()) == ["ok", "ok", "no"]
        body = _encode({"status": "ready" if good else "not ready", **checks}) + b"\n"
        return Reply(
            200 if good else 503, body, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        )

    return ready
