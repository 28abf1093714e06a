"""Searches find what they should, page after page, and by an index where one clause has an index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from application import opened
from asgi import Client
from nostro.api import walk as walking
from nostro.api.server import Api
from nostro.kernel import search
from nostro.payments.charge import CHARGE
from nostro.payments.customer import CUSTOMER
from nostro.storage.body import whole
from plans import plan
from postgresql import database

BY_INDEX = [
    (CUSTOMER, 'email:"AMY3@example.com"'),
    (CUSTOMER, 'name:"Amy 1"'),
    (CUSTOMER, 'phone:"+1 555 0002"'),
    (CUSTOMER, 'metadata["order"]:"6"'),
    (CUSTOMER, 'metadata["order"]:"6" AND -email~"nobody"'),
    (CUSTOMER, 'email:"amy3@example.com" OR email:"amy4@example.com" OR metadata["order"]:"9"'),
    (CUSTOMER, 'created>1 AND name:"amy 2"'),
    (CHARGE, 'status:"failed"'),
    (CHARGE, 'refunded:"true"'),
    (CHARGE, 'payment_method_details.card.last4:"4242" AND amount>=1007'),
    (CHARGE, "customer:'{customer}' AND currency:'usd'"),
]
ONE_BY_ONE = [
    (CUSTOMER, 'email~"amy1"'),
    (CUSTOMER, '-name:"Amy 1"'),
    (CUSTOMER, 'email:"amy3@example.com" OR name~"y 2"'),
    (CUSTOMER, "phone:null"),
    (CUSTOMER, "created>1"),
    (CHARGE, 'status:"succeeded"'),
    (CHARGE, 'refunded:"false" AND currency:"USD"'),
    (CHARGE, "amount:1003"),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def shop(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client of a sandbox with customers and payments."""
    if request.param == "sqlite":
        async for client in filled(f"sqlite:///{tmp_path_factory.mktemp('search') / 'books.db'}"):
            yield client
        return
    with database(request.getfixturevalue("postgresql")) as url:
        async for client in filled(url):
            yield client


async def filled(url: str) -> Any:
    world = await opened(url)
    client = Client(Api(world))
    for n in range(24):
        form = {"email": f"amy{n % 6}@example.com", "name": f"Amy {n % 4}", "metadata": {"order": str(n), "all": "x"}}
        made = await client("POST", "/v1/customers", form | ({"phone": f"+1 555 000{n}"} if n % 2 == 0 else {}))
        customer = made.json["id"]
        if n % 8 == 7:
            await client("DELETE", f"/v1/customers/{customer}")
    pay = {"currency": "usd", "confirm": True, "payment_method_types": ["card"]}
    for n in range(16):
        card = "pm_card_visa_chargeDeclined" if n % 5 == 4 else "pm_card_visa"
        paid = await client("POST", "/v1/payment_intents", {**pay, "payment_method": card, "amount": 1000 + n})
        if n % 4 == 1 and paid.status == 200:
            await client("POST", "/v1/refunds", {"payment_intent": paid.json["id"]})
    client.world = world  # type: ignore[attr-defined]
    yield client
    await world.engine.close()


async def pages(client: Any, path: str, query: str) -> list[str]:
    found, more = [], {}
    while True:
        page = (await client("GET", path, {"query": query, "limit": 3, **more})).json
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            assert page["next_page"] is None
            return found
        more = {"page": page["next_page"]}


async def by_hand(client: Any, resource: Any, query: str) -> list[str]:
    parsed = search.parse(query, resource.search)
    rows = await client.world.engine.rows(f'SELECT id, created, body FROM "{resource.table}"')
    records = {row[0]: json.loads(whole(*row)) for row in rows}
    seen = {id for id, body in records.items() if not body.get("deleted") and search.matches(parsed, body)}
    return sorted(seen, reverse=True)


@pytest.mark.parametrize(("resource", "query"), [*BY_INDEX, *ONE_BY_ONE])
async def test_search_finds_all_that_matches(
    shop: Any, resource: Any, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "SLICE", 4)
    monkeypatch.setattr(walking, "PATIENCE", 0)  # a page ends after each slice, and the next one goes on
    expected = await by_hand(shop, resource, query)
    assert await pages(shop, f"/v1/{resource.object}s/search", query) == expected
    assert expected or "customer" in query


@pytest.mark.parametrize(("resource", "query"), BY_INDEX)
async def test_an_exact_clause_leads(shop: Any, resource: Any, query: str) -> None:
    seen: list[tuple[str, Sequence[Any]]] = []
    engine = shop.world.engine
    rows = engine.rows

    async def watched(statement: str, values: Sequence[Any] = ()) -> Any:
        seen.append((statement, values))
        return await rows(statement, values)

    engine.rows = watched
    try:
        await pages(shop, f"/v1/{resource.object}s/search", query)
    finally:
        engine.rows = rows
    for statement, values in seen:
        if "ORDER BY" in statement:
            found = await plan(engine, statement, values)
            assert not found.faults, found.text
            walked = next(line for line in found.lines if "USING" in line or " using " in line)
            assert f"{resource.table}__id" not in walked, f"{statement}\n{found.text}"


async def test_an_id_is_found_as_it_is_written(shop: Any) -> None:
    made = (await shop("POST", "/v1/customers", {"name": "Bob"})).json["id"]
    pay = {"amount": 500, "currency": "usd", "customer": made}
    intent = (await shop("POST", "/v1/payment_intents", pay)).json["id"]
    assert await pages(shop, "/v1/payment_intents/search", f'customer:"{made}"') == [intent]
    assert await pages(shop, "/v1/payment_intents/search", f'customer:"{made.upper()}"') == []
