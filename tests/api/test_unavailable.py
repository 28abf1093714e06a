"""While the database cannot be reached: a 503 that says when to come back, and no trace of the request."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from asgi import Client
from nostro.app import application
from nostro.kernel.errors import unavailable
from nostro.kernel.settings import Settings


async def test_a_503_says_when_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", dev=True, durable=False))
    await app.start()
    client = Client(app)
    assert (await client("GET", "/v1/customers")).status == 200

    async def away(*_: Any) -> Any:
        raise unavailable()

    with monkeypatch.context() as gone:
        gone.setattr(app.world.engine, "rows", away)
        gone.setattr(app.world.engine, "commit", away)
        answer = await client("POST", "/v1/customers", {"name": "Amy"}, key="k1")
        assert (answer.status, answer.json["error"]["type"]) == (503, "api_error")
        assert answer.headers[b"retry-after"] == b"1" and answer.headers[b"stripe-should-retry"] == b"true"
    again = await client("POST", "/v1/customers", {"name": "Amy"}, key="k1")
    assert again.status == 200 and not again.replayed
    assert len(await client.all("/v1/customers")) == 1
    await app.close()


async def test_what_cannot_be_finished_before_the_server_ends_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uvicorn cancels what is still under way when `stop_seconds` are over: not a connection without an answer."""
    app = application(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", dev=True, durable=False))
    await app.start()
    client = Client(app)
    assert (await client("GET", "/v1/customers")).status == 200

    async def forever(*_: Any) -> Any:
        await asyncio.Event().wait()

    with monkeypatch.context() as stuck:
        stuck.setattr(app.world.engine, "commit", forever)
        asking = asyncio.create_task(client("POST", "/v1/customers", {"name": "Amy"}, key="k1"))
        await asyncio.sleep(0.05)
        app.world.leaving = True
        asking.cancel()
        answer = await asking
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert answer.headers[b"connection"] == b"close" and answer.headers[b"stripe-should-retry"] == b"true"
    await app.close()
