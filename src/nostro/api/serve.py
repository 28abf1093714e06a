"""The API with its world around it: opened when the server starts, closed when it stops.

The world is made inside the server's own event loop, because its engine commits there. Beside the requests run
the worker (jobs and webhook deliveries) and a housekeeper that once a minute forgets keys, so that a revoked one
stops working, and drops what is past its day; and the writer of the request log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from nostro.kernel.clock import SECOND, elapsed
from nostro.storage.world import World

from .housekeeping import Housekeeping
from .pulse import beat
from .server import Api, Message, Page, Receive, Send

if TYPE_CHECKING:
    from .traces import Traces

logger = logging.getLogger("nostro.api")
HOUSEKEEPING = 60
PATIENCE = 5
Work = Callable[[World, asyncio.Event], Awaitable[None]]


class Application:
    """An ASGI application. `api` and `world` are there from the end of start-up on; if it failed, `failure` is why."""

    api: Api
    world: World
    failure: Exception | None = None

    def __init__(
        self, open: Callable[[], Awaitable[World]], work: Work | None = None,
        pages: Callable[[World], Mapping[str, Page]] | None = None,
    ) -> None:  # fmt: skip
        self._open = open
        self._work = work
        self._pages = pages
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._traces: Traces | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._traces is not None:
            await self._traces.answer(self.api, scope, receive, send)
        elif scope["type"] == "http":
            await self.api(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:
            self.failure = error
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        self.world = await self._open()
        self.api = Api(self.world, self._pages(self.world) if self._pages else None)
        self._tasks.append(asyncio.create_task(self._keep_house(), name="housekeeping"))
        self._tasks.append(asyncio.create_task(self.api.log.run(self._stop), name="request log"))
        self._tasks.append(asyncio.create_task(beat(self.world, self.api.admission, self._stop), name="pulse"))
        if self._work is not None:
            self._tasks.append(asyncio.create_task(self._toil(self._work), name="worker"))

        if endpoint := self.world.settings.otel_endpoint:
            from .traces import traces_to

            self.trace(traces_to(endpoint))

    def trace(self, traces: Traces) -> None:
        """Record what is done from now on."""
        self._traces = traces
        self.world.trace = traces.span

    async def leave(self, seconds: int, hurry: Callable[[], bool]) -> None:
        """Answer on for so long, or until `hurry`, while /readyz says no and each answer ends its connection."""
        self.world.leaving = True
        until = elapsed() + seconds * SECOND
        while elapsed() < until and not hurry():
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Let the worker finish what it has in hand, then close the engine."""
        self.world.leaving = True
        self._stop.set()
        self.world.work.set()
        _, late = await asyncio.wait(self._tasks, timeout=self.world.settings.stop_seconds + PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.world.close()
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)

    async def _toil(self, work: Work) -> None:
        """The worker must not end before the server does: what stops it is logged, and it starts again."""
        while not self._stop.is_set():
            try:
                await work(self.world, self._stop)
            except Exception:
                logger.exception("the worker failed and starts again")
                await self._pause(1)

    async def _keep_house(self) -> None:
        house = Housekeeping(self.world)
        while not self._stop.is_set():
            await self._pause(HOUSEKEEPING)
            self.api.keys.forget()
            self.world.memory.clear()
            self.api.admission.rates.forget(elapsed())
            try:
                await house.purge()
            except Exception:
                logger.exception("what is past its day could not be dropped")

    async def _pause(self, seconds: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
