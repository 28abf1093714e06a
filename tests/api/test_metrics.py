"""/metrics: what happened is counted, by route and never by id, and only for who may know."""

from __future__ import annotations

import timeit
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asgi import Client
from nostro.api.serve import Application
from nostro.app import application
from nostro.events import job
from nostro.events.work import perform
from nostro.kernel.settings import Settings
from nostro.storage.meter import Meter
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY

PAYMENT = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa",
           "payment_method_types": ["card"]}  # fmt: skip


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Application]:
    app = application(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", dev=True, durable=False, limits=False))
    await app.start()
    yield app
    await app.close()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(client: Client) -> Any:
    answer = await client("GET", "/metrics")
    assert answer.status == 200 and answer.headers[b"content-type"].startswith(b"text/plain")
    found = samples(answer.body.decode())
    return lambda name, **labels: found.get((name, tuple(sorted(labels.items()))), 0)


async def test_requests_commits_and_what_they_booked(app: Application) -> None:
    client = Client(app)
    paid = [(await client("POST", "/v1/payment_intents", PAYMENT)).json["id"] for _ in range(3)]
    await client("GET", f"/v1/payment_intents/{paid[0]}")
    await client("GET", "/v1/payment_intents/pi_none")
    await client("GET", "/v1/nothing/here")
    await client("BREW", "/v1/payment_intents")
    value = await scraped(client)
    route = "/v1/payment_intents/{id}"
    assert value("nostro_requests_total", route="/v1/payment_intents", method="POST", status="200") == 3
    assert value("nostro_requests_total", route=route, method="GET", status="200") == 1
    assert value("nostro_requests_total", route=route, method="GET", status="404") == 1
    assert value("nostro_requests_total", route="none", method="GET", status="404") == 1
    assert value("nostro_requests_total", route="none", method="other", status="404") == 1
    assert value("nostro_request_seconds_count", route=route, method="GET") == 2
    entries = (await app.world.engine.rows("SELECT count(*) FROM ledger_entry"))[0][0]
    events = (await app.world.engine.rows("SELECT count(*) FROM event"))[0][0]
    assert value("nostro_ledger_entries_total") == entries > 0
    assert value("nostro_events_total") == events > 0
    assert value("nostro_commits_total") >= 3
    assert value("nostro_commit_seconds_count") == value("nostro_commit_units_count") <= value("nostro_commits_total")
    assert value("nostro_database_bytes") > 10_000 and value("nostro_database_up") == 1
    assert value("process_resident_memory_bytes") > 10_000_000
    text = (await client("GET", "/metrics")).body.decode()
    assert not [id for id in paid if id in text]


async def test_jobs_done_failed_and_waiting(app: Application) -> None:
    world, client = app.world, Client(app)
    merchant = await app.api.keys.accept("sk_test_client")
    app._stop.set()  # the worker rests: this test runs the jobs
    world.work.set()
    for task in app._tasks:
        await task

    async def nothing(tx: Tx, ref: str) -> None:
        assert ref != "broken"

    world.jobs["nothing"] = nothing  # type: ignore[index]

    async def put(tx: Tx) -> None:
        tx.schedule("nothing", "fine", tx.now - 40)
        tx.schedule("nothing", "broken", tx.now - 30)

    await perform(world, merchant.scope, put)
    value = await scraped(client)
    assert value("nostro_waiting", what="job") == 2 and 40 <= value("nostro_waiting_seconds", what="job") < 60
    assert await job.run_due(world) == 2
    value = await scraped(client)
    assert value("nostro_jobs_total", kind="nothing", outcome="done") == 1
    assert value("nostro_jobs_total", kind="nothing", outcome="failed") == 1
    assert value("nostro_waiting", what="job") == 0


async def test_what_was_turned_away(tmp_path: Path) -> None:
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'b.db'}", dev=True, durable=False, limits=True, rate_test_read=1
    )
    app = application(settings)
    await app.start()
    client = Client(app)
    for _ in range(3):
        await client("GET", "/v1/customers")
    app.api.admission.shedder.level = 1.0
    await client("GET", "/v1/customers")
    value = await scraped(client)
    assert value("nostro_turned_away_total", by="limited", kind="global-rate") == 2
    assert value("nostro_turned_away_total", by="shed", kind="test") == 1
    await app.close()


async def test_a_database_that_is_away_leaves_the_rest(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(app.world.engine, "rows", away)
    value = await scraped(Client(app))
    assert value("nostro_database_up") == 0 and value("process_resident_memory_bytes") > 0


async def test_who_may_read_it(tmp_path: Path) -> None:
    for token, given, status in (
        ("", "", 404),
        ("s3cret", "", 401),
        ("s3cret", "wrong", 401),
        ("s3cret", "s3cret", 200),
    ):
        database = f"sqlite:///{tmp_path / 'c.db'}"
        app = application(Settings(database=database, durable=False, metrics_token=token))
        await app.start()
        answer = await Client(app, given)("GET", "/metrics")
        assert answer.status == status
        assert (b"nostro_requests" in answer.body) is (status == 200)
        await app.close()


def test_counting_a_request_is_cheap() -> None:
    meter = Meter()
    count = lambda: meter.answered("/v1/payment_intents/{intent}", "GET", 200, 700)  # noqa: E731
    assert min(timeit.repeat(count, number=2_000, repeat=5)) / 2_000 < 10e-6


def test_a_refused_unit_is_not_counted() -> None:
    meter = Meter()
    meter.committed([], 100)
    assert samples(meter.text().decode())["nostro_commits_total", ()] == 0
    assert NOBODY.number == 0


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations" / "observability.md").read_text()
    families = {family.name for family in text_string_to_metric_families(Meter().text().decode())}
    ours = {name for name in families if name.startswith("nostro_") and not name.endswith("_created")}
    assert len(ours) > 12
    assert sorted(name for name in ours if f"`{name}`" not in page and f"`{name}_total`" not in page) == []
