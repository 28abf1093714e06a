"""What a server says on stderr: complete, readable by programs, and without a secret, whatever it was sent."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi import Client
from nostro.api.log_lines import set_up
from nostro.app import application
from nostro.kernel.settings import Settings
from served import Served, payment

CARD = "4242424242424242"
TOKEN = "a-token-for-prometheus"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    touched = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.error", "nostro.requests")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in touched]
    logging.getLogger("uvicorn").propagate = False  # as uvicorn leaves it
    yield touched[0]
    for logger, (handlers, level, propagate) in zip(touched, before, strict=True):
        logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


def fail() -> None:
    raise ValueError(f"no such card: {CARD}")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("mode", ["text", "json"])
def test_all_loggers_go_the_same_way(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(mode)
    logging.getLogger("uvicorn.error").warning("%d tasks were cancelled", 3)
    logging.getLogger("nostro.jobs").info("not worth a line")
    try:
        fail()
    except ValueError:
        logging.getLogger("nostro.api").exception("it failed for sk_live_%s", "x" * 30)
    said = capsys.readouterr().err
    assert "3 tasks were cancelled" in said and "uvicorn.error" in said and "ValueError: no such card" in said
    assert CARD not in said and "xxx" not in said and "not worth" not in said
    if mode == "json":
        first, second = [json.loads(line) for line in said.splitlines()]
        assert (first["level"], first["logger"]) == ("warning", "uvicorn.error")
        assert second["level"] == "error" and second["exception"].startswith("Traceback")


@pytest.mark.usefixtures("root")
async def test_a_line_a_request_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = application(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", dev=True, durable=False))
    await app.start()
    set_up("requests")
    await Client(app)("GET", "/v1/customers/cus_1")
    set_up("text")
    await Client(app)("GET", "/v1/customers/cus_2")
    await app.close()
    assert re.fullmatch(
        r"\S+ \S+ GET /v1/customers/\{id\} 404 [\d.]+ ms req_\w+ acct_\w+ sk_test_\*+ient resource_missing\n",
        capsys.readouterr().err,
    )


def scenario(served: Served) -> list[str]:
    """A shop's day with mistakes in it; the secrets that were sent and received."""
    secrets = [served.live, served.test, CARD, TOKEN]
    with served.client(served.test) as client:
        hook = {"url": "https://example.com/hook", "enabled_events[]": "*"}
        secrets.append(client.post("/v1/webhook_endpoints", data=hook).json()["secret"])
        card = {"card[number]": CARD, "card[exp_month]": 12, "card[exp_year]": 2040, "card[cvc]": "987"}
        client.post("/v1/tokens", data=card)
        client.post("/v1/payment_methods", data={**card, "type": "card"})
        intent = client.post("/v1/payment_intents", data=payment()).json()
        secrets.append(intent["client_secret"])
        client.get(f"/v1/payment_intents/{intent['id']}?client_secret={intent['client_secret']}")
        client.get(f"/v1/customers/{CARD}")
        client.get(f"/v1/{served.test}/{intent['client_secret']}")
        client.post("/v1/customers", data={"name": CARD, "nonsense": served.live})
        client.post("/v1/customers", data={"name": "Amy"}, headers={"Idempotency-Key": served.test})
    served.get("/v1/customers", "sk_live_" + "wrong" * 8)
    served.get("/metrics", authorization=f"Bearer {TOKEN}")
    return secrets


@pytest.mark.slow
def test_no_secret_in_the_log(tmp_path: Path) -> None:
    served = Served(tmp_path, log="json", metrics_token=TOKEN)
    try:
        secrets = scenario(served)
        said = served.stop()
    finally:
        served.end()
    assert not [secret for secret in [*secrets, "wrongwrong"] if secret in said]
    check([json.loads(line) for line in said.splitlines() if line.startswith("{")], served)


def check(lines: list[dict[str, Any]], served: Served) -> None:
    assert len(lines) == 11
    by = {(line["method"], line["route"], line["status"]): line for line in lines}
    paid = by["POST", "/v1/payment_intents", 200]
    assert set(paid) == {"time", "level", "logger", "message", "worker", "request", "method", "route", "status", "ms",
                         "merchant", "livemode", "key", "error"}  # fmt: skip
    assert paid["request"].startswith("req_") and paid["merchant"].startswith("acct_") and paid["ms"] > 0
    assert paid["worker"] == served.process.pid and paid["livemode"] is False
    assert paid["key"] == f"sk_test_********{served.test[-4:]}"
    assert by["POST", "/v1/customers", 400]["error"] == "parameter_unknown"
    assert by["GET", "/v1/customers/{id}", 404]["error"] == "resource_missing"
    refused = next(line for line in lines if line["status"] == 401)
    assert refused["merchant"] is refused["key"] is None
