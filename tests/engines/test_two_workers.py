"""Two workers of the whole product on one PostgreSQL: what one is told, the other knows at its next payment."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from application import opened
from asgi import Answer, Client
from nostro.api.server import Api
from nostro.ledger.audit import verify
from postgresql import database
from seller import WHOLE
from trips import round_trips

PAY = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa",
       "payment_method_types": ["card"], "expand": ["latest_charge.balance_transaction"]}  # fmt: skip
Workers = tuple[Client, Client]


@pytest.fixture(scope="module")
def url(postgresql: str) -> Iterator[str]:
    with database(postgresql) as made:
        yield made


@pytest.fixture
async def workers(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Workers]:
    """Each with a memory of its own, in a sandbox of the test's own."""
    worlds = [await opened(url), await opened(url)]
    one, two = (Client(Api(world), f"sk_test_{request.node.name}") for world in worlds)
    yield one, two
    problems = await verify(worlds[0].engine, worlds[0].registry)
    for world in worlds:
        await world.engine.close()
    assert problems == []


async def good(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.json


async def pay(worker: Client, key: str | None = None) -> Any:
    return await good(await worker("POST", "/v1/payment_intents", PAY, key=key))


async def seller(worker: Client) -> str:
    """The id of a connected account that may sell and receive transfers."""
    asked = {name: {"requested": True} for name in ("card_payments", "transfers")}
    form = {"type": "custom", "country": "US", "capabilities": asked, **WHOLE}
    made: str = (await good(await worker("POST", "/v1/accounts", form)))["id"]
    return made


async def move(worker: Client, key: str | None = None) -> Answer:
    lines = [
        {"account": f"app:{code}", "amount": 5, "direction": side} for code, side in (("a", "debit"), ("b", "credit"))
    ]
    return await worker("POST", "/v1/ledger/entries", {"currency": "usd", "postings": lines}, key=key)


async def open_accounts(worker: Client) -> None:
    for code in ("app:a", "app:b"):
        form = {"code": code, "currency": "usd", "normal_balance": "credit"}
        await good(await worker("POST", "/v1/ledger/accounts", form))


async def test_what_is_common_is_one_round_trip(workers: Workers) -> None:
    """Its commit: what it depends on is remembered, and checked there."""
    one, _ = workers
    shared = {**PAY, "transfer_data": {"destination": await seller(one)}, "application_fee_amount": 100}
    await open_accounts(one)
    for n in range(2):
        with round_trips() as made:
            await pay(one, f"payment {n}")
            await good(await one("POST", "/v1/payment_intents", shared, key=f"destination {n}"))
            await good(await move(one, f"transfer {n}"))
    assert [trip[-1] for trip in made] == ["COMMIT"] * 3


async def test_settings_count_at_the_next_payment(workers: Workers) -> None:
    one, two = workers
    await pay(one)
    before = (await pay(two))["latest_charge"]["balance_transaction"]["available_on"]
    form = {"payments": {"settlement_timing": {"delay_days_override": 20}}}
    await good(await one("POST", "/v1/balance_settings", form))
    late = (await pay(two))["latest_charge"]["balance_transaction"]["available_on"]
    assert late > before + 15 * 86_400
    plan = {"type": "manual_release", "percent": 10}
    made = await good(await two("POST", "/v1/reserve/plans", plan))
    await pay(one)
    await good(await one("POST", f"/v1/reserve/plans/{made['id']}/disable"))
    await pay(two)
    [held] = await one.all("/v1/reserve/holds")
    assert held["amount"] == 200


async def test_a_new_endpoint_hears_the_next_payment(workers: Workers) -> None:
    one, two = workers
    await pay(two)
    form = {"url": "https://shop.example/hook", "enabled_events": ["charge.succeeded"]}
    endpoint = await good(await one("POST", "/v1/webhook_endpoints", form))
    await pay(two)
    await good(await one("POST", f"/v1/webhook_endpoints/{endpoint['id']}", {"disabled": True}))
    await pay(two)
    last, heard, first = await one.all("/v1/events", type="charge.succeeded")
    assert [event["pending_webhooks"] for event in (last, heard, first)] == [0, 1, 0]


async def test_a_seller_that_is_rejected_gets_nothing_more(workers: Workers) -> None:
    one, two = workers
    id = await seller(one)
    shared = {**PAY, "transfer_data": {"destination": id}}
    for worker in workers:
        await good(await worker("POST", "/v1/payment_intents", shared))
    await good(await one("POST", f"/v1/accounts/{id}/reject", {"reason": "fraud"}))
    answer = await two("POST", "/v1/payment_intents", shared)
    assert (answer.status, answer.json["error"]["code"]) == (400, "insufficient_capabilities_for_transfer")


async def test_a_new_limit_holds_for_the_next_entry(workers: Workers) -> None:
    one, two = workers
    await open_accounts(one)
    await good(await move(two))
    await good(await one("POST", "/v1/ledger/accounts/app:a", {"currency": "usd", "floor": -9}))
    assert (await move(two)).json["error"]["code"] == "ledger_floor_exceeded"
    await good(await one("POST", "/v1/ledger/accounts/app:a", {"currency": "usd", "floor": -10}))
    await good(await move(two))


async def test_one_key_has_one_answer(workers: Workers) -> None:
    one, two = workers
    first = await one("POST", "/v1/payment_intents", PAY, key="k")
    for worker in (two, two, one):
        again = await worker("POST", "/v1/payment_intents", PAY, key="k")
        assert again.replayed and again.body == first.body
    other = await two("POST", "/v1/payment_intents", {**PAY, "amount": 1}, key="k")
    assert (other.status, other.json["error"]["type"]) == (400, "idempotency_error")
    assert len(await one.all("/v1/payment_intents")) == 1


async def test_what_could_not_be_done_again_is_answered_again(workers: Workers) -> None:
    """The second time the charge has nothing left to refund, and the balance is empty."""
    one, two = workers
    paid = await pay(one)
    refund = {"payment_intent": paid["id"]}
    first = await one("POST", "/v1/refunds", refund, key="refund")
    again = await two("POST", "/v1/refunds", refund, key="refund")
    assert again.replayed and again.body == first.body
    await good(
        await one("POST", "/v1/payment_intents", {**PAY, "amount": 10_000, "payment_method": "pm_card_bypassPending"})
    )
    available = (await good(await one("GET", "/v1/balance")))["available"][0]["amount"]
    payout = {"amount": available, "currency": "usd"}
    first = await one("POST", "/v1/payouts", payout, key="payout")
    assert first.status == 200, first.body
    again = await two("POST", "/v1/payouts", payout, key="payout")
    assert again.replayed and again.body == first.body
    assert (await two("POST", "/v1/payouts", payout, key="another")).status == 400
