"""A server in this process, and the official SDK pointed at it; every answer is held against the contract."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import stripe
import uvicorn

from contract import problems
from nostro.app import application
from nostro.controls.api_key import sandbox
from nostro.events.work import perform
from nostro.kernel.settings import Settings
from nostro.storage.tx import Tx

_numbers = itertools.count(1)


class Checked(stripe.RequestsClient):
    """The SDK's own HTTP client; an answer that is not as declared fails the test."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        body, status, headers = super().request(*args, **kwargs)
        if status == 200:
            wire = json.loads(body)
            assert problems(wire) == []
            for item in wire["data"] if wire.get("object") == "list" else ():
                if item["object"] == "event":
                    assert problems(item["data"]["object"]) == [], item["type"]
        return body, status, headers


class Live:
    """A running server. `client` makes an SDK client in a fresh sandbox, unless the key is given."""

    def __init__(self, url: str, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.app = app
        self.loop = loop

    def client(self, key: str | None = None) -> stripe.StripeClient:
        key = key or f"sk_test_resources{next(_numbers)}"
        return stripe.StripeClient(
            key, base_addresses={"api": self.url, "files": self.url}, http_client=Checked(), max_network_retries=0
        )

    def run(self, key: str, verb: Callable[[Tx], Any]) -> Any:
        """Run a function in a unit of the key's sandbox, inside the server."""

        async def perform_it() -> Any:
            scope = await sandbox(self.app.world, key.split("_", 2)[2])
            return await perform(self.app.world, scope, verb)

        return self.wait(perform_it())

    def wait(self, call: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine answers when it runs in the server's loop."""
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(30)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    file = tmp_path_factory.mktemp("live") / "nostro.db"
    app = application(Settings(database=f"sqlite:///{file}", dev=True, durable=False))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False, lifespan="on"))
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Live(f"http://127.0.0.1:{port}", app, loops[0])
    server.should_exit = True
    thread.join(15)


@pytest.fixture
def key() -> str:
    """A sandbox of the test's own."""
    return f"sk_test_own{next(_numbers)}"


@pytest.fixture
def sdk(live: Live, key: str) -> stripe.StripeClient:
    return live.client(key)
