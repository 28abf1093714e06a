"""uvicorn's server, and how it stops: not ready first, then whoever has come is let in, then the port closes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable

import uvicorn

from nostro.kernel.settings import Settings

from .http import Connection
from .serve import Application

MOST_FILES = 65_536
OTHER_FILES = 128


class Listener(uvicorn.Server):
    """`ready` is called once, when requests are answered."""

    def __init__(self, app: Application, settings: Settings, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app, http=Connection, loop="auto", ws="none", lifespan="on", log_level="warning", log_config=None,
            access_log=False, proxy_headers=False, server_header=False, backlog=2048,
            timeout_graceful_shutdown=settings.stop_seconds, limit_concurrency=_most_connections(),
        )  # fmt: skip
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _collect_seldom()
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        told = self._captured_signals
        patient = not self._settings.dev and signal.SIGINT not in told
        await self._app.leave(self._settings.drain_seconds if patient else 0, lambda: len(told) > 1)
        last = [asyncio.create_task(self._let_in(one)) for at in sockets or () for one in _waiting(at)]
        await super().shutdown(sockets)  # closes the port before anything else happens
        await asyncio.gather(*last)

    async def _let_in(self, accepted: socket.socket) -> None:
        """One of those that the operating system had connected, and that a closed port would cut off."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.connect_accepted_socket(
            lambda: Connection(self.config, self.server_state, self.lifespan.state, loop), accepted
        )
        connection.shutdown()


def _collect_seldom() -> None:
    """Requests make hardly any circles, so looking for them at every 700 objects, as Python does, is a tenth of a
    payment's time. What stands at the start stays, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def _most_connections() -> int | None:
    """As many files as this process may open, less those that the database and the webhooks need.

    Systems start a process with 1,024, for programs from before `poll`, and allow it to ask for more.
    """
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(1, (MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)) - OTHER_FILES)


def _waiting(at: socket.socket) -> list[socket.socket]:
    found: list[socket.socket] = []
    at.setblocking(False)
    while True:
        try:
            accepted, _ = at.accept()
        except OSError:
            return found
        accepted.setblocking(False)
        found.append(accepted)
