"""Holds end in one of three ways and leave nothing behind; alerts are told once."""

from __future__ import annotations

import asyncio

from application import Books, entry
from nostro.events.job import run_due
from nostro.kernel.clock import SECOND, ManualClock


async def test_a_hold_is_posted_in_part(books: Books) -> None:
    await books.move("app:bank", "app:wallets:alice", 1000)
    form = {"account": "app:wallets:alice", "currency": "usd", "amount": 800, "destination": "app:wallets:bob"}
    hold = await books.post("holds", **form, reference="h1")
    assert (hold["status"], hold["amount_posted"]) == ("held", 0)
    seen = await books.balance("app:wallets:alice")
    assert (seen["balance"], seen["held"]) == (200, 800)
    error = await books.refused("entries", **entry("app:wallets:alice", "app:bank", 201))
    assert error["code"] == "ledger_floor_exceeded"
    assert (await books.refused(f"holds/{hold['id']}/post", amount=801))["code"] == "amount_too_large"
    posted = await books.post(f"holds/{hold['id']}/post", amount=300)
    assert (posted["status"], posted["amount_posted"]) == ("posted", 300)
    seen = await books.balance("app:wallets:alice")
    assert (seen["balance"], seen["held"]) == (700, 0)
    assert (await books.balance("app:wallets:bob"))["balance"] == 300
    for verb in ("post", "void"):
        assert (await books.refused(f"holds/{hold['id']}/{verb}"))["code"] == "ledger_hold_unexpected_state"
    assert await books.post("holds", **form, reference="h1") == posted
    kinds = [one["kind"] for one in (await books.get("entries", source=hold["id"]))["data"]]
    assert kinds == ["ledger.hold.post", "ledger.hold.create"]
    assert (await books.get("holds", status="posted"))["data"] == [posted]


async def test_holds_are_voided_and_expire(books: Books) -> None:
    clock = books.world.clock
    assert isinstance(clock, ManualClock)
    await books.move("app:bank", "app:wallets:alice", 100)
    held = {"account": "app:wallets:alice", "currency": "usd"}
    first = await books.post("holds", **held, amount=60)
    assert (await books.refused(f"holds/{first['id']}/post"))["param"] == "destination"
    assert (await books.refused("holds", **held, amount=50))["code"] == "ledger_floor_exceeded"
    assert (await books.post(f"holds/{first['id']}/void"))["status"] == "voided"
    due = clock.micros() // SECOND + 60
    second = await books.post("holds", **held, amount=100, expires_at=due, destination="app:bank")
    assert (await books.refused("holds", **held, amount=1, expires_at=due - 60))["param"] == "expires_at"
    clock.advance(60)
    assert "expired" in (await books.refused(f"holds/{second['id']}/post"))["message"]
    await run_due(books.world)
    assert (await books.get(f"holds/{second['id']}"))["status"] == "expired"
    assert (await books.balance("app:wallets:alice"))["balance"] == 100
    events = (await books.client("GET", "/v1/events", {"type": "ledger.hold.expired"})).json["data"]
    assert events[0]["data"]["object"]["id"] == second["id"]


async def test_a_debit_account_is_held_too(books: Books) -> None:
    await books.move("app:bank", "app:wallets:alice", 100)
    await books.post("accounts/app:bank", never_negative=True)
    await books.open("app:costs", "debit")
    hold = await books.post("holds", account="app:bank", currency="usd", amount=70, destination="app:costs")
    seen = await books.balance("app:bank")
    assert (seen["balance"], seen["held"]) == (30, 70)
    assert (await books.refused("holds", account="app:bank", currency="usd", amount=31))[
        "code"
    ] == "ledger_floor_exceeded"
    await books.post(f"holds/{hold['id']}/post")
    assert (await books.balance("app:costs"))["balance"] == 70
    assert (await books.balance("app:bank"))["held"] == 0


async def test_an_alert_is_told_once_each_time(books: Books) -> None:
    await books.post("accounts/app:wallets:alice", alert_below=50)
    await run_due(books.world)  # at zero, and told

    async def told() -> list[int]:
        await run_due(books.world)
        events = (await books.client("GET", "/v1/events", {"type": "ledger.account.balance_below"})).json["data"]
        return [event["data"]["object"]["balance"] for event in events]

    assert await told() == [0]
    await books.move("app:bank", "app:wallets:alice", 100)
    assert await told() == [0]
    await asyncio.gather(*(books.move("app:wallets:alice", "app:bank", 30) for _ in range(2)))
    assert await told() == [40, 0]
    await books.move("app:wallets:alice", "app:bank", 10)
    assert await told() == [40, 0]
