"""The request log: what was asked and what came of it, found again quickly, and nothing in it that must not be kept."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from application import opened
from asgi import Answer, Client
from nostro.api.log import MOST_WAITING
from nostro.api.server import Api
from nostro.controls import request_log
from nostro.controls.redaction import HIDDEN, redacted
from nostro.kernel.clock import DAY
from nostro.kernel.errors import unavailable
from nostro.storage.pack import unpack
from nostro.storage.world import World
from postgresql import database


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await opened(f"sqlite:///{tmp_path / 'log.db'}")
    yield made
    await made.engine.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The same on both engines, for what SQL decides."""
    if request.param == "sqlite":
        made = await opened(f"sqlite:///{tmp_path / 'log.db'}")
        yield made
        await made.engine.close()
        return
    with database(request.getfixturevalue("postgresql")) as url:
        made = await opened(url)
        yield made
        await made.engine.close()


class Caller:
    """Sends requests as one key, each a second after the last; `log` answers what the log says of them."""

    def __init__(self, world: World, api: Api | None = None, secret: str = "sk_test_logged") -> None:
        self.world = world
        self.api = api or Api(world)
        self.client = Client(self.api, secret)

    async def __call__(self, method: str, path: str, form: Any = None, **more: Any) -> Answer:
        clock: Any = self.world.clock
        clock.advance(1)
        return await self.client(method, path, form, **more)

    async def page(self, **filters: Any) -> Any:
        """A look that is not itself logged."""
        await self.api.log.flush()
        answer = await self.client("GET", "/v1/request_logs", filters)
        self.api.log._waiting.clear()
        assert answer.status == 200, answer.body
        return answer.json

    async def log(self, **filters: Any) -> list[tuple[str, str, int]]:
        page = await self.page(**filters)
        return [(line["method"], line["path"], line["status"]) for line in page["data"]]


async def shop(call: Caller) -> dict[str, str]:
    """A few requests of every kind; their ids by name."""
    customer = await call("POST", "/v1/customers", {"email": "a@example.com"}, key="order-1")
    id = customer.json["id"]
    made = {
        "create": customer,
        "read": await call("GET", f"/v1/customers/{id}"),
        "missing": await call("GET", "/v1/customers/cus_nobody1234"),
        "declined": await call(
            "POST", "/v1/payment_intents",
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
             "confirm": True},
        ),
        "unknown": await call("POST", "/v1/refunds", {"chrage": "ch_1"}),
        "delete": await call("DELETE", f"/v1/customers/{id}"),
    }  # fmt: skip
    return {name: answer.headers[b"request-id"].decode() for name, answer in made.items()} | {"customer": id}


async def test_each_filter_finds_what_it_says(either: World) -> None:
    call = Caller(either)
    ids = await shop(call)

    async def found(**filters: Any) -> list[str]:
        return [line["id"] for line in (await call.page(**filters))["data"]]

    everything = await found()
    assert everything == [ids[n] for n in ("delete", "unknown", "declined", "missing", "read", "create")]
    assert await found(status="402") == [ids["declined"]]
    assert await found(status="4xx") == [ids["unknown"], ids["declined"], ids["missing"]]
    assert await found(status="2xx") == [ids["delete"], ids["read"], ids["create"]]
    assert await found(status="5xx") == []
    assert await found(method="DELETE") == [ids["delete"]]
    assert await found(path="/v1/cust") == [ids["delete"], ids["missing"], ids["read"], ids["create"]]
    assert await found(path="/v1/cust", status="4xx", method="GET") == [ids["missing"]]
    assert await found(error_code="insufficient_funds") == [ids["declined"]]
    assert await found(object=ids["customer"]) == [ids["delete"], ids["create"]]
    now = either.clock.micros() // 1_000_000
    assert await found(created={"gte": now - 1}) == [ids["delete"], ids["unknown"]]
    assert await found(created={"gt": now - 4, "lt": now - 1}) == [ids["declined"], ids["missing"]]
    for wrong in ({"status": "abc"}, {"starting_after": "req_'"}, {"limit": 101}, {"nonsense": 1}):
        assert (await call("GET", "/v1/request_logs", wrong)).status == 400


async def test_pages_in_both_directions(world: World) -> None:
    call = Caller(world)
    for n in range(7):
        await call("GET", f"/v1/customers/cus_{n}")
    page = await call.page(limit=3)
    first = [line["path"][-1] for line in page["data"]]
    assert (first, page["has_more"]) == (["6", "5", "4"], True)
    last = page["data"][-1]["id"]
    page = await call.page(limit=4, starting_after=last)
    assert ([line["path"][-1] for line in page["data"]], page["has_more"]) == (["3", "2", "1", "0"], False)
    page = await call.page(limit=2, ending_before=last)
    assert ([line["path"][-1] for line in page["data"]], page["has_more"]) == (["6", "5"], False)


async def test_one_request_in_full(world: World) -> None:
    call = Caller(world)
    ids = await shop(call)
    await call.api.log.flush()
    line = (await call("GET", f"/v1/request_logs/{ids['declined']}")).json
    assert (line["error_type"], line["error_code"], line["status"]) == ("card_error", "insufficient_funds", 402)
    assert line["route"] == line["path"] == "/v1/payment_intents"
    assert line["params"] == {
        "amount": "2000", "currency": "usd", "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
        "confirm": "true",
    }  # fmt: skip
    intent = line["response"]["error"]["payment_intent"]
    assert intent["object"] == "payment_intent" and set(intent) == {"id", "object"}
    assert line["key"] == "sk_test_********gged" and line["key_kind"] == "secret" and line["micros"] > 0
    line = (await call("GET", f"/v1/request_logs/{ids['create']}")).json
    assert (line["idempotency_key"], line["about"]) == ("order-1", ids["customer"])
    assert line["params"] == {"email": "a@example.com"} and line["response"] is None
    line = (await call("GET", f"/v1/request_logs/{ids['unknown']}")).json
    assert (line["error_param"], line["error_code"]) == ("chrage", "parameter_unknown")
    line = (await call("GET", f"/v1/request_logs/{ids['read']}")).json
    assert line["route"] == "/v1/customers/{id}" and line["params"] is None


async def test_nobody_sees_anothers_requests(world: World) -> None:
    call = Caller(world)
    ids = await shop(call)
    other = Caller(world, call.api, "sk_test_somebody_else")
    assert await other.log() == []
    assert (await other("GET", f"/v1/request_logs/{ids['create']}")).status == 404
    assert (await Caller(world, call.api, "pk_test_logged")("GET", "/v1/request_logs")).status == 403


async def test_a_failure_says_where_its_log_is(world: World) -> None:
    call = Caller(world)
    answer = await call("GET", "/v1/customers/cus_nobody")
    id = answer.headers[b"request-id"].decode()
    assert answer.json["error"]["request_log_url"] == f"{world.settings.public_url}/logs/{id}"
    browser = Client(call.api, "pk_test_logged")
    assert "request_log_url" not in (await browser("GET", "/v1/customers/cus_nobody")).json["error"]


async def test_a_list_looks_at_so_many_lines_and_says_how_far(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MOST_LOOKED_AT", 5)
    call = Caller(world)
    await call("DELETE", "/v1/customers/cus_1")
    for n in range(12):
        await call("GET", f"/v1/customers/cus_{n}")
    page, pages = await call.page(method="DELETE"), 1
    while "looked_until" in page:
        assert page["data"] == [] and page["has_more"]
        page, pages = await call.page(method="DELETE", starting_after=page["looked_until"]), pages + 1
    assert [line["method"] for line in page["data"]] == ["DELETE"]
    assert pages == 3


CARD = "4000056655665556"
SPACED = "4000 0566-5566 5556"
CVC, KEY, IBAN, ACCOUNT = "739", "sk_live_AbCdEfGh12345678", "DE89370400440532013000", "000123456789"
CARD_FORM = {"type": "card", "card": {"number": CARD, "cvc": CVC, "exp_month": 9, "exp_year": 2031}}


async def test_what_must_not_be_kept_is_in_no_table(either: World) -> None:
    """However it came: in its own field, in the wrong one, in a name, a path, a query, a header, or in the error."""
    call = Caller(either)
    token = (await call("POST", "/v1/tokens", {k: v for k, v in CARD_FORM.items() if k == "card"})).json
    await call("POST", "/v1/payment_methods", CARD_FORM)
    await call("POST", "/v1/payment_methods", {**CARD_FORM, "nonsense": "1", "metadata": {"number": CARD}})
    await call("POST", "/v1/customers", {"description": f"pays with {SPACED}", "metadata": {CARD: "x", "cvc": CVC}})
    await call("POST", "/v1/customers", {"name": SPACED, "phone": KEY, "source": token["id"]}, key=CARD)
    await call("POST", f"/v1/customers/{CARD}", {"bank_account": {"account_number": ACCOUNT}})
    await call("POST", "/v1/tokens", {"bank_account": {"country": "US", "account_number": ACCOUNT, "currency": "usd"}})
    await call("GET", f"/v1/customers/{CARD}", {"key": KEY, "email": IBAN})
    await call("POST", "/v1/payment_intents", {"amount": CARD, "currency": "usd"})
    await call("POST", "/v1/ledger/entries/bulk", lines=json.dumps({"card": {"cvc": CVC, "number": CARD}}))
    intent = (await call("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd"})).json
    await call("POST", f"/v1/payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_chargeDeclined"})
    await Caller(either, call.api, KEY)("POST", "/v1/customers", {"client_secret": intent["client_secret"]})
    await call.api.log.flush()
    told = "\n".join(await kept(either))
    assert "pays with" in told and token["id"] in told and "2031" in told
    for hidden in (CARD, SPACED, f'"{CVC}"', KEY, IBAN, ACCOUNT, intent["client_secret"], "sk_test_logged"):
        assert hidden not in told, hidden


async def kept(world: World) -> list[Any]:
    """Every cell of the log's tables, what is packed unpacked."""
    cells: list[Any] = []
    for table in ("request_log", "request_caller", "request_detail", "request_hour"):
        for row in await world.engine.rows(f"SELECT * FROM {table}"):
            cells += [unpack(bytes(c)).decode() if isinstance(c, bytes | memoryview) else str(c) for c in row]
    return cells


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"payment_method": "pm_card_visa"}, {"payment_method": "pm_card_visa"}),
        ({"token": "tok_visa"}, {"token": "tok_visa"}),
        ({"token": "eyJwYXltZW50"}, {"token": HIDDEN}),
        ({"card": {"exp_month": "9", "name": "Ann"}}, {"card": {"exp_month": "9", "name": HIDDEN}}),
        ({"note": "at 1790000000123, order 20261121"}, {"note": "at 1790000000123, order 20261121"}),
        ({"cardNumber": "1"}, {"cardNumber": HIDDEN}),
        ({"x": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}, {"x": HIDDEN}),
        ({"x": 4242424242424242}, {"x": HIDDEN}),
        ({"x": "a" * 501}, {"x": "a" * 500 + "..."}),
        ({"x": "nul\0"}, {"x": "nul\N{REPLACEMENT CHARACTER}"}),
        ({"file": {"content": b"12345"}}, {"file": {"content": "[5 bytes]"}}),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_parameter(sent: Any, shown: Any) -> None:
    assert redacted(sent) == shown


async def test_a_line_without_details_takes_little_space(tmp_path: Path) -> None:
    world = await opened(f"sqlite:///{tmp_path / 'log.db'}")
    call = Caller(world)
    for n in range(2_000):
        await call("GET", "/v1/customers/cus_1T1ZBOkQvKxTQ0000000", {"limit": n})
    waiting = call.api.log._waiting[:]
    call.api.log._waiting[:] = [one._replace(status=200, body=None, answer=b"", micros=1_234) for one in waiting]
    before = (await world.engine.rows("PRAGMA page_count"))[0][0]
    await call.api.log.flush()
    size = ((await world.engine.rows("PRAGMA page_count"))[0][0] - before) * 8192
    assert (await world.engine.rows("SELECT count(*) FROM request_log")) == [(2_000,)]
    assert size / 2_000 < 150
    await world.engine.close()


async def test_old_lines_are_dropped_and_so_are_those_beyond_the_limit(
    either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nostro.storage.purge.PAUSE", 0)
    monkeypatch.setattr("nostro.storage.purge.SLICE", 4)
    world, clock = either, _manual(either)
    one, two = Caller(world), Caller(world, secret="sk_test_two")
    for call in (one, two):
        for n in range(10):
            await call("GET", f"/v1/customers/cus_{n}")
        await call.api.log.flush()
    clock.advance(world.settings.log_days * DAY - 30)
    await one("GET", "/v1/customers/young")
    await one.api.log.flush()
    await request_log.purge(world)
    assert len(await one.log(limit=100)) == 11
    clock.advance(DAY)
    await request_log.purge(world)
    assert await one.log() == [("GET", "/v1/customers/young", 404)]
    assert await two.log() == []
    assert await world.engine.rows("SELECT count(*) FROM request_detail") == [(1,)]

    for _ in range(3):
        clock.advance(3600)
        for _ in range(5):
            await one("GET", "/v1/balance")
        await one.api.log.flush()
    few = msgspec.structs.replace(world, settings=msgspec.structs.replace(world.settings, log_rows=7))
    await request_log.purge(few)
    assert len(await one.log(limit=100)) == 10  # whole hours: the one that passes the limit stays


def _manual(world: World) -> Any:
    return world.clock


async def test_while_the_database_is_away_lines_wait_and_only_so_many(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    call = Caller(world)
    await call("GET", "/v1/balance")
    commit = world.engine.commit

    async def away(unit: Any) -> None:
        raise unavailable()

    monkeypatch.setattr(world.engine, "commit", away)
    await call.api.log.flush()
    call.api.log._waiting *= MOST_WAITING
    await call("GET", "/v1/balance")
    assert len(call.api.log._waiting) == MOST_WAITING
    monkeypatch.setattr(world.engine, "commit", commit)
    del call.api.log._waiting[1:]
    with caplog.at_level(logging.WARNING):
        assert await call.log() == [("GET", "/v1/balance", 200)]
    assert "1 requests are missing" in caplog.text
