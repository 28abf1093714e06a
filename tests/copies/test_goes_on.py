"""A server on a restored database goes on where the old one was, on either engine."""

from __future__ import annotations

from typing import Any

from copied import KEY, Nostro, Shop, pay, until
from nostro.testing.server import Server


def test_payments_old_answers_and_webhooks(nostro: Nostro, shop: Shop, empty: str) -> None:
    nostro("backup", "shop.backup", "--database", shop.url)
    nostro("restore", "shop.backup", "--database", empty)
    shop.receiver.events.clear()
    with Server(database=empty) as server:
        sandbox = server.sandbox(KEY)
        sdk: Any = sandbox.client
        again = pay(server.api_base, "order-1")
        assert again.content == shop.answer and again.headers["idempotent-replayed"] == "true"
        until(lambda: [event.type for event in shop.receiver.events] == ["customer.created"])
        fresh = pay(server.api_base, "order-3")
        assert fresh.status_code == 200 and fresh.json()["status"] == "succeeded"
        assert fresh.json()["id"] != again.json()["id"]
        assert len(sdk.v1.payment_intents.list().data) == 3
        refund = sdk.v1.refunds.create({"payment_intent": again.json()["id"], "amount": 100})
        assert refund.amount == 100
        sandbox.advance(days=14)
        assert {line.amount for line in sdk.v1.balance.retrieve().pending} <= {0}
        sdk.v1.customers.create({"name": "Grace"})
        sandbox.settle()
        assert len(shop.receiver.events) == 2 and not shop.receiver.failures
        assert server.verify() == []
