"""/healthz says that the server lives, /readyz whether to send it requests, and what is wrong if not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from asgi import Client
from nostro.api import health
from nostro.app import application
from nostro.kernel.settings import Settings, from_environment


async def test_ready_and_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", dev=True, durable=False))
    await app.start()
    client = Client(app)
    ready = await client("GET", "/readyz")
    assert (ready.status, ready.json["status"]) == (200, "ready")

    async def silent(*_: Any) -> Any:
        await asyncio.sleep(60)

    with monkeypatch.context() as gone:
        gone.setattr(health, "PATIENCE", 0.01)
        gone.setattr(app.world.engine, "version", silent)
        answer = await client("GET", "/readyz")
        assert (answer.status, answer.json["database"]) == (503, "It does not answer (TimeoutError).")
        assert (await client("GET", "/healthz")).status == 200
    with monkeypatch.context() as old:
        old.setattr(health, "newest", lambda: 999)
        answer = await client("GET", "/readyz")
        assert answer.status == 503 and "run nostro migrate" in answer.json["migrations"]
    app.world.leaving = True
    answer = await client("GET", "/readyz")
    assert answer.status == 503 and answer.headers[b"connection"] == b"close"
    await app.close()


def test_the_environment_chooses_what_the_command_line_does_not() -> None:
    made = from_environment({"NOSTRO_LIMITS": "on", "NOSTRO_RATE_LIVE_READ": "7", "NOSTRO_PORT": "1"}, port=2, dev=True)
    assert (made.limits, made.rate_live_read, made.port, made.limited) == (True, 7, 2, True)
    with pytest.raises(ValueError, match="NOSTRO_RATE_TEST_READ=many"):
        from_environment({"NOSTRO_RATE_TEST_READ": "many"})
    with pytest.raises(ValueError, match="NOSTRO_LOG=xml"):
        from_environment({"NOSTRO_LOG": "xml"})
