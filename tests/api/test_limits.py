"""Limits as a client meets them: which answers, which headers, and that nothing was begun."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from asgi import Answer, Client
from nostro.api.serve import Application
from nostro.app import application
from nostro.controls.api_key import issue, make_scope
from nostro.kernel.settings import Settings


async def started(folder: Path, **settings: Any) -> tuple[Application, dict[bool, Client]]:
    app = application(Settings(database=f"sqlite:///{folder / 'a.db'}", durable=False, **settings))
    await app.start()
    clients = {}
    for live in (True, False):
        scope = await make_scope(app.world, "acct_1", livemode=live, dev=False)
        clients[live] = Client(app, await issue(app.world, scope, "secret", "key"))
    return app, clients


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[dict[bool, Client]]:
    app, clients = await started(tmp_path, rate_live_write=3, rate_live_read=1, concurrent_live=2, max_in_flight=4)
    yield clients
    await app.close()


def error(answer: Answer) -> tuple[int, str, str | None]:
    told = answer.json["error"]
    return answer.status, told["type"], told.get("code")


async def test_above_the_rate(small: dict[bool, Client]) -> None:
    answers = [await small[True]("POST", "/v1/customers", {"name": "Amy"}, key=f"k{n}") for n in range(5)]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
    assert error(answers[-1]) == (429, "invalid_request_error", "rate_limit")
    headers = answers[-1].headers
    assert headers[b"retry-after"] == b"1" and headers[b"stripe-should-retry"] == b"true"
    assert headers[b"stripe-rate-limited-reason"] == b"global-rate"
    assert (await small[True]("GET", "/v1/customers")).status == 200, "reads have a bucket of their own"
    assert (await small[False]("POST", "/v1/customers", {"name": "Amy"})).status == 200, "and so has each key"


async def test_a_key_that_was_limited_may_be_used_again(small: dict[bool, Client]) -> None:
    """Nothing was begun, so nothing is kept under the Idempotency-Key."""
    for n in range(3):
        await small[True]("POST", "/v1/customers", {"name": "Amy"}, key=f"k{n}")
    assert (await small[True]("POST", "/v1/customers", {"name": "Bob"}, key="again")).status == 429
    await asyncio.sleep(0.5)
    made = await small[True]("POST", "/v1/customers", {"name": "Bob"}, key="again")
    assert made.status == 200 and not made.replayed


async def test_too_much_at_once(tmp_path: Path) -> None:
    app, clients = await started(tmp_path, concurrent_live=2, max_in_flight=4)
    answers = await asyncio.gather(*(clients[True]("POST", "/v1/customers", {"name": "Amy"}) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [200, 200, 429]
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.headers[b"stripe-rate-limited-reason"] == b"global-concurrency"
    everybody = [clients[live]("POST", "/v1/customers", {"name": "Amy"}) for live in (True, False) for _ in range(4)]
    answers = await asyncio.gather(*everybody)
    full = [answer for answer in answers if answer.status == 503]
    assert full and error(full[0]) == (503, "api_error", None)
    assert full[0].headers[b"retry-after"] == b"1" and full[0].headers[b"stripe-should-retry"] == b"true"
    assert (await clients[True]("POST", "/v1/customers", {"name": "Amy"})).status == 200, "counts fall again"
    await app.close()


async def test_what_is_shed_and_what_is_not(tmp_path: Path) -> None:
    app, clients = await started(tmp_path)
    tried = [(False, "POST"), (False, "GET"), (True, "GET"), (True, "POST")]
    for level, statuses in ((1.0, [503, 503, 200, 200]), (2.0, [503, 503, 503, 200]), (3.0, [503] * 4)):
        app.api.admission.shedder.level = level
        answers = [await clients[live](method, "/v1/customers", {}) for live, method in tried]
        assert [answer.status for answer in answers] == statuses
        assert (await clients[True]("GET", "/healthz")).status == (await clients[True]("GET", "/readyz")).status == 200
    assert b"turns away test-mode" in (await clients[False]("GET", "/v1/customers")).body
    await app.close()


async def test_a_late_event_loop_is_felt(tmp_path: Path) -> None:
    app, _ = await started(tmp_path, overload_ms=1)
    for _ in range(30):
        time.sleep(0.03)
        await asyncio.sleep(0)
    assert app.api.admission.shedder.level > 0
    await app.close()


async def test_development_has_no_limits(tmp_path: Path) -> None:
    app, clients = await started(tmp_path, dev=True, rate_live_write=1, concurrent_live=1, max_in_flight=1)
    answers = await asyncio.gather(*(clients[True]("POST", "/v1/customers", {"name": "Amy"}) for _ in range(9)))
    assert {answer.status for answer in answers} == {200}
    await app.close()
