"""Paying with each of the 3-D Secure cards: on session, when asked for, and where no challenge may be shown."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, types
from nostro.testing.sandbox import Sandbox

# Number of the card; what an ordinary payment does; what it does when authentication is asked for.
CARDS = {
    "pm_card_threeDSecure2Required": ("challenge", "challenge"),
    "pm_card_threeDSecureRequired": ("challenge", "challenge"),
    "pm_card_threeDSecureRequiredChargeDeclined": ("challenge", "challenge"),
    "pm_card_threeDSecureRequiredProcessingError": ("card_declined", "card_declined"),
    "pm_card_threeDSecureOptional": ("paid", "challenge"),
    "pm_card_threeDSecureOptionalProcessingError": ("paid", "paid"),
    "pm_card_amex_threeDSecureNotSupported": ("paid", "paid"),
    "pm_card_authenticationRequired": ("challenge", "challenge"),
    "pm_card_authenticationRequiredOnSetup": ("challenge", "challenge"),
    "pm_card_visa": ("paid", "paid"),
}
# What comes after the challenge was completed.
AFTER = {"pm_card_threeDSecureRequiredChargeDeclined": "card_declined"}


def pay(client: Any, method: str, **more: Any) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method": method, "confirm": True, "expand": ["latest_charge"],
         **more}
    )  # fmt: skip


def answer(client: Any, intent: Any, outcome: str) -> Any:
    client.raw_request("post", f"/v1/test_helpers/payment_intents/{intent.id}/authenticate", outcome=outcome)
    return client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("card", CARDS)
def test_on_session(client: Any, card: str, asked: bool) -> None:
    expected = CARDS[card][asked]
    options: Any = {"payment_method_options": {"card": {"request_three_d_secure": "any"}}} if asked else {}
    if expected == "card_declined":
        fails(lambda: pay(client, card, **options), "card_declined", None, 402)
        return
    intent = pay(client, card, **options)
    if expected == "paid":
        assert intent.status == "succeeded"
        return
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    intent = answer(client, intent, "succeed")
    if card in AFTER:
        assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", AFTER[card])
        return
    assert (intent.status, intent.next_action) == ("succeeded", None)
    done = intent.latest_charge.payment_method_details.card.three_d_secure
    assert (done.result, done.authentication_flow) == ("authenticated", "challenge")


@pytest.mark.parametrize("card", [card for card, (plain, _) in CARDS.items() if plain == "challenge"])
def test_the_customer_fails(client: Any, card: str) -> None:
    intent = answer(client, pay(client, card), "fail")
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    error = intent.last_payment_error
    assert (error.type, error.code) == ("invalid_request_error", "payment_intent_authentication_failure")
    assert types(client)[-2:] == ["payment_intent.requires_action", "payment_intent.payment_failed"]


@pytest.mark.parametrize("card", [card for card, (plain, _) in CARDS.items() if plain == "challenge"])
def test_error_on_requires_action(client: Any, card: str) -> None:
    error = fails(lambda: pay(client, card, error_on_requires_action=True), "authentication_required", None, 402)
    assert error.json_body["error"]["payment_intent"]["status"] == "requires_payment_method"


def test_frictionless(client: Any) -> None:
    data = {"type": "card", "card": {"number": "4000000032200000", "exp_month": 1, "exp_year": 2034}}
    intent = client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method_data": data, "confirm": True, "expand": ["latest_charge"]}
    )
    done = intent.latest_charge.payment_method_details.card.three_d_secure
    assert (done.result, done.authentication_flow) == ("authenticated", "frictionless")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({}, "use_stripe_sdk"),
        ({"return_url": "https://shop.example/done"}, "redirect_to_url"),
        ({"return_url": "myshop://done", "use_stripe_sdk": True}, "use_stripe_sdk"),
    ],
)
def test_what_the_page_is_to_do(client: Any, form: Any, kind: str) -> None:
    intent = pay(client, "pm_card_authenticationRequired", **form)
    assert intent.next_action.type == kind
    url = intent.next_action.redirect_to_url.url if kind == "redirect_to_url" else (
        intent.next_action.use_stripe_sdk.stripe_js
    )  # fmt: skip
    assert url.endswith(f"/hosted/authenticate/{intent.client_secret}")


def test_the_terms_hold_until_the_challenge_is_answered(client: Any) -> None:
    held = pay(client, "pm_card_authenticationRequired", capture_method="manual")
    held = answer(client, held, "succeed")
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    assert client.v1.payment_intents.capture(held.id).status == "succeeded"


def test_manual_confirmation_is_the_servers(client: stripe.StripeClient, nostro: Sandbox) -> None:
    """With `confirmation_method` manual the customer only authenticates; the server confirms a second time."""
    terms: Any = {
        "amount": 1000, "currency": "eur", "payment_method_types": ["card"], "confirmation_method": "manual",
        "payment_method": "pm_card_threeDSecure2Required",
    }  # fmt: skip
    intent = client.v1.payment_intents.create(terms)
    browser = nostro.client_of(nostro.publishable_key)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        browser.v1.payment_intents.confirm(intent.id, {"client_secret": intent.client_secret})
    assert refused.value.code == "secret_key_required"
    asked = client.v1.payment_intents.confirm(intent.id)
    assert asked.status == "requires_action"
    nostro.request("POST", f"/v1/test_helpers/payment_intents/{intent.id}/authenticate", {"outcome": "succeed"})
    waiting = client.v1.payment_intents.retrieve(intent.id)
    assert (waiting.status, waiting.next_action, waiting.latest_charge) == ("requires_confirmation", None, None)
    paid = client.v1.payment_intents.confirm(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 1000)


def test_another_amount_is_authenticated_again(client: stripe.StripeClient, nostro: Sandbox) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "eur", "payment_method_types": ["card"], "confirmation_method": "manual",
         "payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    )  # fmt: skip
    nostro.request("POST", f"/v1/test_helpers/payment_intents/{intent.id}/authenticate", {"outcome": "succeed"})
    client.v1.payment_intents.update(intent.id, {"amount": 1_000_000})
    assert client.v1.payment_intents.confirm(intent.id).status == "requires_action"
