"""One life of the server: the whole application in this process, from its start until it stops or dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asgi import Answer
from nostro.api.serve import Application
from nostro.app import RAILS, make_world
from nostro.events.worker import work
from nostro.kernel.clock import Clock
from nostro.kernel.ids import Ids
from nostro.kernel.settings import Settings
from nostro.storage.engine import Engine
from nostro.storage.world import World

from .call import Call
from .network import Network
from .shop import Shop


class Down(Exception):
    """The server died before it answered."""


class Life:
    """`over` is set at the moment of death; whatever is answered after it reaches nobody."""

    def __init__(
        self, engine: Callable[[], Engine], clock: Clock, ids: Ids, network: Network, outbox: Path
    ) -> None:  # fmt: skip
        self.over = asyncio.Event()
        self._tasks: set[asyncio.Task[Answer]] = set()
        settings = Settings(dev=True, private_webhooks=True, outbox=str(outbox))

        async def open() -> World:
            world = await make_world(settings, clock=clock, ids=ids, engine=engine())
            world.rails = network.rails(RAILS)
            return world

        self.app = Application(open, work=work)

    @property
    def world(self) -> World:
        return self.app.world

    async def send(self, call: Call, shop: Shop, gives_up_after: float | None = None) -> Answer | None:
        """The answer; None if the client hung up first. The server goes on with what it began."""
        task = asyncio.create_task(self._served(call, shop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=gives_up_after)
        if self.over.is_set():
            raise Down
        return task.result() if done else None

    async def _served(self, call: Call, shop: Shop) -> Answer:
        if self.over.is_set():
            raise asyncio.CancelledError  # nobody is there to take the request
        return await call.send(shop.client(self.app.api, call.account))

    def die(self) -> None:
        self.over.set()

    async def bury(self, tasks: list[asyncio.Task[Any]]) -> None:
        """End all that the dead program was doing, whatever it would still do about it."""
        while left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.01)
        await asyncio.gather(*tasks, return_exceptions=True)
