"""Mandates: given with a setup or a payment, named by payments, ended with their payment method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from expect import fails, plain, types
from nostro.rails import card
from nostro.testing.server import Server

ONLINE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "203.0.113.9", "user_agent": "Test/1"}}}
OFFLINE = {"customer_acceptance": {"type": "offline", "accepted_at": 1_700_000_000}}
DEBIT = "link"


@pytest.fixture
def debit(server: Server) -> Iterator[None]:
    """A second rail, whose mandates may be for one payment: the card network under another name."""
    rails = server.world.rails
    rail = msgspec.structs.replace(card.RAIL, type=DEBIT, single_use_mandates=True, show_options=lambda _: {})
    server.world.rails = {**rails, DEBIT: rail}
    yield
    server.world.rails = rails


def test_given_with_a_setup(client: Any) -> None:
    customer = client.v1.customers.create().id
    intent = client.v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "mandate_data": ONLINE,
         "expand": ["mandate"]}
    )  # fmt: skip
    mandate = client.v1.mandates.retrieve(intent.mandate.id)
    assert plain(mandate) == plain(intent.mandate)
    assert (mandate.status, mandate.type, mandate.payment_method) == ("active", "multi_use", intent.payment_method)
    assert plain(mandate.customer_acceptance.online) == {"ip_address": "203.0.113.9", "user_agent": "Test/1"}
    paid = client.v1.payment_intents.create(
        {"amount": 700, "currency": "usd", "customer": customer, "payment_method": intent.payment_method,
         "mandate": mandate.id, "off_session": True, "confirm": True, "expand": ["latest_charge"]}
    )  # fmt: skip
    assert paid.latest_charge.payment_method_details.card.mandate == mandate.id
    assert client.v1.mandates.retrieve(mandate.id).status == "active"


def test_given_with_a_payment_after_authentication(client: Any) -> None:
    customer = client.v1.customers.create().id
    intent = client.v1.payment_intents.create(
        {"amount": 700, "currency": "usd", "customer": customer, "confirm": True, "mandate_data": OFFLINE,
         "payment_method": "pm_card_authenticationRequiredOnSetup", "setup_future_usage": "off_session"}
    )  # fmt: skip
    client.raw_request("post", f"/v1/test_helpers/payment_intents/{intent.id}/authenticate")
    intent = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    mandate = client.v1.mandates.retrieve(intent.latest_charge.payment_method_details.card.mandate)
    assert (mandate.status, mandate.type) == ("active", "multi_use")
    assert plain(mandate.customer_acceptance) == {"type": "offline", "accepted_at": 1_700_000_000, "offline": {}}


def test_ends_when_its_method_is_detached(client: Any) -> None:
    customer = client.v1.customers.create().id
    form = {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "mandate_data": ONLINE}
    intent = client.v1.setup_intents.create(form)
    client.v1.payment_methods.detach(intent.payment_method)
    assert client.v1.mandates.retrieve(intent.mandate).status == "inactive"
    assert types(client)[-2:] == ["mandate.updated", "payment_method.detached"]


def test_for_one_payment(client: Any, debit: None) -> None:
    customer = client.v1.customers.create().id
    data = {"type": DEBIT, DEBIT: {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}}
    form: Any = {"customer": customer, "payment_method_data": data, "confirm": True,
                 "single_use": {"amount": 900, "currency": "eur"}}  # fmt: skip
    fails(lambda: client.v1.setup_intents.create(form), "parameter_missing", "mandate_data")
    intent = client.v1.setup_intents.create({**form, "mandate_data": ONLINE})
    mandate, method = intent.single_use_mandate, intent.payment_method
    assert intent.mandate is None
    assert plain(client.v1.mandates.retrieve(mandate).single_use) == {"amount": 900, "currency": "eur"}

    def pay(amount: int) -> Any:
        return client.v1.payment_intents.create(
            {"amount": amount, "currency": "eur", "customer": customer, "payment_method": method, "confirm": True,
             "mandate": mandate, "off_session": True}
        )  # fmt: skip

    fails(lambda: pay(901), "payment_intent_mandate_invalid", "mandate")
    assert pay(900).status == "succeeded"
    assert client.v1.mandates.retrieve(mandate).status == "inactive"
    fails(lambda: pay(900), "payment_intent_mandate_invalid", "mandate")


def test_of_another_method_or_not_there(client: Any) -> None:
    customer = client.v1.customers.create().id
    form = {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "mandate_data": ONLINE}
    intent = client.v1.setup_intents.create(form)
    pay: Any = {"amount": 700, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa"}
    create = client.v1.payment_intents.create
    fails(lambda: create({**pay, "confirm": True, "mandate": intent.mandate}), "payment_intent_mandate_invalid",
          "mandate")  # fmt: skip
    fails(lambda: create({**pay, "confirm": True, "mandate": "mandate_none"}), "resource_missing", "mandate")
    fails(lambda: create({**pay, "mandate_data": ONLINE}), None, "mandate_data")
    fails(lambda: client.v1.mandates.retrieve("mandate_none"), "resource_missing", "id", 404)
