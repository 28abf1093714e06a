"""A server inside this process: a thread with an event loop of its own, on a free port, with temporary data."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from nostro.kernel.settings import Settings

from .sandbox import Sandbox

if TYPE_CHECKING:
    from nostro.api.serve import Application
    from nostro.ledger.problem import Problem
    from nostro.storage.world import World

T = TypeVar("T")
PATIENCE = 30


class Server:
    """Start it with `start()` and end it with `stop()`, or use it in a `with` statement.

    `settings` are fields of `nostro.kernel.settings.Settings`; the data is not synced to disk unless `durable=True`.
    """

    def __init__(self, **settings: Any) -> None:
        self._wanted = settings
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._server: Any = None
        self.app: Application
        self.api_base = ""
        self._folder = ""

    def start(self) -> Server:
        """Returns when the server answers. Raises `RuntimeError` if it cannot."""
        from nostro.app import application

        self._folder = tempfile.mkdtemp(prefix="nostro-")
        at = socket.create_server(("127.0.0.1", 0), backlog=1024)
        port = at.getsockname()[1]
        self.api_base = f"http://127.0.0.1:{port}"
        wanted: dict[str, Any] = {
            "port": port, "database": f"sqlite:///{Path(self._folder) / 'nostro.db'}", "dev": True,
            "durable": False, "private_webhooks": True, "public_url": self.api_base, **self._wanted,
        }  # fmt: skip
        self.app = application(Settings(**wanted))
        self._thread = threading.Thread(target=self._run, args=(at,), name="nostro", daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)
        failure = self.app.failure or self._failure
        if failure is not None or not self._ready.is_set():
            self.stop()
            raise RuntimeError(f"Nostro did not start: {failure or 'it takes too long'}") from failure
        return self

    def stop(self) -> None:
        if self._thread is not None:
            if self._server is not None:
                self._server.should_exit = True
            self._thread.join(PATIENCE)
            self._thread = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def database(self) -> Path:
        """The file that holds the data."""
        return Path(self._folder) / "nostro.db"

    def sandbox(self, key: str | None = None) -> Sandbox:
        """A fresh sandbox, or that of a secret test key."""
        return Sandbox(self.api_base, key or f"sk_test_{secrets.token_hex(12)}")

    @property
    def world(self) -> World:
        """What the server stands on. Use it only through `run`: it belongs to the server's event loop."""
        return self.app.world

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop and wait for what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def verify(self) -> list[Problem]:
        """What is wrong with the books of all sandboxes: empty if nothing is. As `nostro ledger verify`."""
        from nostro.ledger.audit import verify

        return self.run(verify(self.world.engine, self.world.registry))

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _run(self, at: socket.socket) -> None:
        import uvicorn

        ready = self._ready
        outer = self

        class InThread(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                outer._loop = asyncio.get_running_loop()
                await super().startup(sockets)
                ready.set()

        config = uvicorn.Config(
            self.app, http="httptools", loop="auto", ws="none", lifespan="on", log_level="warning", access_log=False,
            server_header=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = InThread(config)
        try:
            self._server.run(sockets=[at])
        except BaseException as error:  # also SystemExit, which would end the thread without a word
            self._failure = error
        finally:
            ready.set()
            at.close()
