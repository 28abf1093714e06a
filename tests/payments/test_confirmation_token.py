"""Confirmation tokens: all that a page has gathered, spent on one intent."""

from __future__ import annotations

from typing import Any

import pytest

from expect import fails, plain

CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 8, "exp_year": 2034, "cvc": "123"},
        "billing_details": {"name": "Jenny"}}  # fmt: skip
SHIPPING = {"name": "Jenny", "address": {"line1": "1 Main", "city": "Springfield"}}


def make(client: Any, **form: Any) -> Any:
    return client.v1.test_helpers.confirmation_tokens.create(form or {"payment_method_data": CARD})


def test_what_it_shows(client: Any) -> None:
    token = make(
        client, payment_method_data=CARD, shipping=SHIPPING, return_url="https://shop.example/",
        setup_future_usage="off_session",
        payment_method_options={"card": {"installments": {"plan": {"type": "fixed_count", "count": 3}}}},
    )  # fmt: skip
    seen = client.v1.confirmation_tokens.retrieve(token.id)
    assert plain(seen) == plain(token)
    assert seen.expires_at == seen.created + 12 * 3600
    assert (seen.payment_method_preview.card.last4, seen.payment_method_preview.billing_details.name) == (
        "4242", "Jenny",
    )  # fmt: skip
    assert (seen.setup_future_usage, seen.return_url, seen.payment_intent) == (
        "off_session", "https://shop.example/", None,
    )  # fmt: skip
    assert plain(seen.shipping) == {"name": "Jenny", "phone": None, "address": {
        "line1": "1 Main", "city": "Springfield", "line2": None, "state": None, "postal_code": None, "country": None,
    }}  # fmt: skip
    assert client.v1.payment_methods.list({"type": "card"}).data == []


def test_it_pays_once(client: Any) -> None:
    customer = client.v1.customers.create().id
    token = make(client, payment_method_data=CARD, shipping=SHIPPING, setup_future_usage="off_session").id
    form = {"amount": 2000, "currency": "usd", "customer": customer, "confirm": True, "confirmation_token": token}
    paid = client.v1.payment_intents.create({**form, "expand": ["payment_method"]})
    assert (paid.status, paid.setup_future_usage, paid.shipping.name) == ("succeeded", "off_session", "Jenny")
    assert (paid.payment_method.customer, paid.payment_method.card.last4) == (customer, "4242")
    assert client.v1.confirmation_tokens.retrieve(token).payment_intent == paid.id
    fails(lambda: client.v1.payment_intents.create(form), "token_already_used", "confirmation_token")


def test_the_request_goes_before_the_token(client: Any) -> None:
    token = make(client, payment_method_data=CARD, shipping=SHIPPING)
    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    paid = client.v1.payment_intents.confirm(
        intent.id,
        {"confirmation_token": token.id, "payment_method": "pm_card_mastercard", "expand": ["payment_method"],
         "shipping": {**SHIPPING, "name": "Rosen"}},
    )  # fmt: skip
    assert (paid.payment_method.card.brand, paid.shipping.name) == ("mastercard", "Rosen")


def test_it_sets_up(client: Any) -> None:
    customer = client.v1.customers.create().id
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    token = make(client, payment_method=method)
    intent = client.v1.setup_intents.create({"customer": customer})
    done = client.v1.setup_intents.confirm(intent.id, {"confirmation_token": token.id})
    assert (done.status, done.payment_method) == ("succeeded", method)
    assert client.v1.confirmation_tokens.retrieve(token.id).setup_intent == intent.id


def test_the_challenge_is_left_to_the_browser(client: Any) -> None:
    card = {"number": "4000002760003184", "exp_month": 8, "exp_year": 2034}
    data = {"type": "card", "card": card}
    token = make(client, payment_method_data=data, return_url="https://shop.example/")
    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    intent = client.v1.payment_intents.confirm(intent.id, {"confirmation_token": token.id})
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")


def test_after_twelve_hours(client: Any, nostro: Any) -> None:
    token = make(client).id
    nostro.advance(seconds=12 * 3600)
    form = {"amount": 2000, "currency": "usd", "confirm": True, "confirmation_token": token}
    fails(lambda: client.v1.payment_intents.create(form), "resource_missing", "confirmation_token")


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"return_url": "https://shop.example/"}, "parameter_missing", "payment_method_data"),
        ({"payment_method": "pm_card_visa", "payment_method_data": CARD}, "parameters_exclusive", None),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"payment_method_data": CARD, "return_url": "nowhere"}, "url_invalid", "return_url"),
    ],
)
def test_what_cannot_be(client: Any, form: Any, code: str, param: str | None) -> None:
    fails(lambda: make(client, **form), code, param)


def test_one_that_is_not_there(client: Any) -> None:
    fails(lambda: client.v1.confirmation_tokens.retrieve("ctoken_none"), "resource_missing", "id", 404)
    form = {"amount": 2000, "currency": "usd", "confirmation_token": "ctoken_none"}
    fails(lambda: client.v1.payment_intents.create({**form, "confirm": True}), "resource_missing",
          "confirmation_token")  # fmt: skip
    fails(lambda: client.v1.payment_intents.create(form), None, "confirmation_token")
