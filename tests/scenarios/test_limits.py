"""The official SDK against a server that turns requests away: its user notices nothing but the time it takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server

RETRIES = 8
pytestmark = pytest.mark.slow


@pytest.fixture
def limited() -> Iterator[Server]:
    with Server(limits=True, rate_test_write=10, concurrent_test=8) as server:
        yield server


def statuses(sandbox: Sandbox) -> Counter[int]:
    lines = sandbox.request("GET", "/v1/request_logs", {"limit": 100})["data"]
    return Counter(line["status"] for line in lines if line["method"] == "POST")


def test_through_rate_and_concurrency_limits(limited: Server) -> None:
    sandbox = limited.sandbox()
    client = sandbox.client_of(sandbox.key, max_network_retries=RETRIES)

    def create(n: int) -> str:
        return client.v1.customers.create({"name": f"Amy {n}"}).id

    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(create, range(30)))
    assert len(set(made)) == 30
    assert {one.id for one in client.v1.customers.list({"limit": 100}).data} == set(made), "made once each"
    assert statuses(sandbox)[429] > 0, "nothing was limited"


def test_through_an_overload(limited: Server) -> None:
    sandbox = limited.sandbox()
    client = sandbox.client_of(sandbox.key, max_network_retries=RETRIES)
    shedder = limited.app.api.admission.shedder
    shedder.level = 3.0
    shedder.beat = lambda *_: None  # type: ignore[method-assign]
    Timer(1.5, lambda: setattr(shedder, "level", 0.0)).start()
    started = time.monotonic()
    terms: Any = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
                  "payment_method_types": ["card"]}  # fmt: skip
    assert client.v1.payment_intents.create(terms).status == "succeeded"
    assert time.monotonic() - started > 1, "it was let in at once"
    assert statuses(sandbox)[503] >= 2
    assert len(client.v1.payment_intents.list().data) == 1


def test_without_retries_the_limit_is_the_sdks_own_error(limited: Server) -> None:
    sandbox = limited.sandbox()
    for _ in range(10):
        sandbox.client.v1.customers.create({})
    with pytest.raises(stripe.RateLimitError, match="10 writes a second") as told:
        list(map(sandbox.client.v1.customers.create, [{}] * 30))
    assert told.value.error is not None and told.value.error.code == "rate_limit" and told.value.http_status == 429
    headers: Any = told.value.headers
    assert headers["stripe-rate-limited-reason"] == "global-rate" and headers["retry-after"] == "1"
