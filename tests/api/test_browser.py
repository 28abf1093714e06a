"""What a publishable key, which every visitor of a shop can read, is shown and may ask."""

from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox

PRIVATE = {
    "metadata",
    "customer",
    "latest_charge",
    "amount_received",
    "review",
    "transfer_group",
    "statement_descriptor",
}
TERMS: Any = {"amount": 2000, "currency": "usd", "payment_method_types": ["card"], "metadata": {"margin": "1"}}


@pytest.fixture
def browser(nostro: Sandbox) -> stripe.StripeClient:
    return nostro.client_of(nostro.publishable_key)


def test_an_intent_shows_what_its_payer_may_know(client: stripe.StripeClient, browser: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(TERMS)
    secret: Any = {"client_secret": intent.client_secret}
    seen = browser.v1.payment_intents.retrieve(intent.id, secret)
    assert seen.amount == 2000 and not PRIVATE & set(seen.to_dict())
    with pytest.raises(stripe.CardError) as declined:
        browser.v1.payment_intents.confirm(intent.id, {**secret, "payment_method": "pm_card_chargeDeclined"})
    shown = declined.value.json_body["error"]["payment_intent"]
    assert shown["last_payment_error"]["code"] == "card_declined" and not PRIVATE & set(shown)
    paid = browser.v1.payment_intents.confirm(intent.id, {**secret, "payment_method": "pm_card_visa"})
    assert paid.status == "succeeded" and not PRIVATE & set(paid.to_dict())
    assert client.v1.payment_intents.retrieve(intent.id).metadata["margin"] == "1"


def test_a_setup_intent_too(client: stripe.StripeClient, browser: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create({"payment_method_types": ["card"], "metadata": {"margin": "1"}})
    seen = browser.v1.setup_intents.retrieve(intent.id, {"client_secret": str(intent.client_secret)})
    assert seen.status == "requires_payment_method" and not PRIVATE & set(seen.to_dict())


def test_nothing_of_the_merchants_is_expanded(client: stripe.StripeClient, browser: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({**TERMS, "confirm": True, "payment_method": "pm_card_visa"})
    for path in ("latest_charge", "latest_charge.balance_transaction", "customer"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            browser.v1.payment_intents.retrieve(
                intent.id, {"client_secret": str(intent.client_secret), "expand": [path]}
            )
        assert refused.value.param == "expand"
    seen = browser.v1.payment_intents.retrieve(
        intent.id, {"client_secret": str(intent.client_secret), "expand": ["payment_method"]}
    )
    assert seen.payment_method.card.last4 == "4242"  # type: ignore[union-attr]


def test_a_text_that_is_an_id_is_no_reference(client: stripe.StripeClient) -> None:
    """`expand` follows only what is declared: a name that someone typed leads nowhere."""
    customer = client.v1.customers.create({"email": "a@b.test"})
    for given in ({"name": customer.id}, {"description": customer.id}, {"metadata": {"other": customer.id}}):
        path = "metadata.other" if "metadata" in given else next(iter(given))
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.customers.create({**given, "expand": [path]})  # type: ignore[typeddict-item]
