"""What events tell besides the object: what it was before, and the older names of the same news."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from till import Till


@pytest.fixture
def till(nostro: Any, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def told(client: stripe.StripeClient, type: str) -> Any:
    data = client.v1.events.list({"type": type, "limit": 1}).data[0].data
    return data.to_dict()["previous_attributes"]


def test_a_refund_tells_what_was_refunded_before(client: stripe.StripeClient, till: Till) -> None:
    charge = till.pay().id
    client.v1.refunds.create({"charge": charge, "amount": 100})
    client.v1.refunds.create({"charge": charge, "amount": 200})
    assert told(client, "charge.refunded") == {"amount_refunded": 100}


def test_a_capture_tells_what_it_changed(client: stripe.StripeClient, till: Till) -> None:
    charge = till.pay(capture_method="manual")
    client.v1.payment_intents.capture(charge.payment_intent)
    before = told(client, "charge.captured")
    assert (before["captured"], before["amount_captured"], before["balance_transaction"]) == (False, 0, None)


def test_inside_an_object_only_what_changed(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"metadata": {"kept": "1", "old": "2"}})
    client.v1.customers.update(customer.id, {"metadata": {"old": "", "new": "3"}})
    assert told(client, "customer.updated") == {"metadata": {"old": "2", "new": None}}


@pytest.mark.parametrize(("card", "then"), [("pm_card_pendingRefund", []), ("pm_card_refundFail", ["refund.failed"])])
def test_a_refund_that_changes_says_so_under_both_names(
    client: stripe.StripeClient, till: Till, card: str, then: list[str]
) -> None:
    client.v1.refunds.create({"charge": till.pay(card).id})
    till.nostro.advance(days=2)
    names = {"refund.failed", "refund.updated", "charge.refund.updated"}
    seen = [event.type for event in client.v1.events.list({"limit": 20}).data if event.type in names]
    assert sorted(seen) == sorted([*then, "refund.updated", "charge.refund.updated"])


def test_a_group_of_types(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "A"})
    client.v1.customers.update(customer.id, {"name": "B"})
    client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    groups = {"customer.*": 2, "*.created": 2, "*": 3, "customer_*": 0, "customer.%": 0}
    assert {group: len(client.v1.events.list({"type": group}).data) for group in groups} == groups
