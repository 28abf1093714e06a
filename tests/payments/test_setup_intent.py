"""Saving a card for later: setup intents, their attempts, and what the saved card can do while nobody is there."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, types

RETURN = "https://shop.example/done"
# Saved with its holder present; what then happens on session, and off session.
CARDS = {
    "pm_card_visa": ("succeeded", "succeeds"),
    "pm_card_authenticationRequiredOnSetup": ("requires_action", "succeeds"),
    "pm_card_authenticationRequired": ("requires_action", "authentication_required"),
    "pm_card_authenticationRequiredSetupForOffSession": ("requires_action", "succeeds"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": ("requires_action", "card_declined"),
    "pm_card_threeDSecure2Required": ("requires_action", "authentication_required"),
    "pm_card_threeDSecureRequired": ("requires_action", "authentication_required"),
    "pm_card_threeDSecureOptional": ("succeeded", "succeeds"),
    "pm_card_amex_threeDSecureNotSupported": ("succeeded", "succeeds"),
    "pm_card_chargeCustomerFail": ("succeeded", "card_declined"),
}


def answer(client: Any, intent: Any, outcome: str = "succeed") -> Any:
    noun = intent.object + "s"
    client.raw_request("post", f"/v1/test_helpers/{noun}/{intent.id}/authenticate", outcome=outcome)
    return getattr(client.v1, noun).retrieve(intent.id)


def set_up(client: Any, method: str, **more: Any) -> Any:
    return client.v1.setup_intents.create({"payment_method": method, "confirm": True, "return_url": RETURN, **more})


def pay_away(client: Any, customer: str, method: str) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "customer": customer, "payment_method": method, "confirm": True,
         "off_session": True}
    )  # fmt: skip


def attempts(client: Any, intent: str) -> list[Any]:
    return list(client.v1.setup_attempts.list({"setup_intent": intent}).data)


@pytest.mark.parametrize("card", CARDS)
def test_set_up_then_pay_while_away(client: Any, card: str) -> None:
    first, later = CARDS[card]
    customer = client.v1.customers.create({"name": "Ada"}).id
    intent = set_up(client, card, customer=customer)
    assert intent.status == first
    if first == "requires_action":
        assert intent.next_action.redirect_to_url.return_url == RETURN
        intent = answer(client, intent)
    assert (intent.status, intent.usage, intent.next_action) == ("succeeded", "off_session", None)
    saved = client.v1.payment_methods.retrieve(intent.payment_method)
    assert saved.customer == customer
    if later == "succeeds":
        assert pay_away(client, customer, saved.id).status == "succeeded"
    else:
        fails(lambda: pay_away(client, customer, saved.id), later, None, 402)


def test_a_card_that_was_only_attached_asks_again(client: Any) -> None:
    customer = client.v1.customers.create().id
    method = client.v1.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": customer})
    fails(lambda: pay_away(client, customer, method.id), "authentication_required", None, 402)


def test_a_set_up_for_use_on_session_only(client: Any) -> None:
    customer = client.v1.customers.create().id
    intent = set_up(client, "pm_card_authenticationRequiredOnSetup", customer=customer, usage="on_session")
    saved = answer(client, intent).payment_method
    fails(lambda: pay_away(client, customer, saved), "authentication_required", None, 402)


def test_a_payment_sets_up_too(client: Any) -> None:
    customer = client.v1.customers.create().id
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "customer": customer, "confirm": True, "return_url": RETURN,
         "payment_method": "pm_card_authenticationRequiredOnSetup", "setup_future_usage": "off_session"}
    )  # fmt: skip
    assert paid.status == "requires_action"
    paid = answer(client, paid)
    assert pay_away(client, customer, paid.payment_method).status == "succeeded"


def test_a_saved_card_is_set_up_by_a_later_payment(client: Any) -> None:
    customer = client.v1.customers.create().id
    card = "pm_card_authenticationRequiredOnSetup"
    method = client.v1.payment_methods.attach(card, {"customer": customer}).id
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "customer": customer, "confirm": True, "payment_method": method,
         "setup_future_usage": "off_session"}
    )  # fmt: skip
    answer(client, paid)
    assert pay_away(client, customer, method).status == "succeeded"


def test_step_by_step(client: Any) -> None:
    customer = client.v1.customers.create().id
    intent = client.v1.setup_intents.create({"description": "A gym", "metadata": {"a": "1"}})
    assert (intent.status, intent.payment_method, intent.latest_attempt) == ("requires_payment_method", None, None)
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    fails(lambda: client.v1.setup_intents.confirm(intent.id), "setup_intent_unexpected_state", None)
    intent = client.v1.setup_intents.update(
        intent.id, {"customer": customer, "payment_method": "pm_card_visa", "metadata": {"b": "2"}}
    )
    assert (intent.status, intent.metadata.to_dict()) == ("requires_confirmation", {"a": "1", "b": "2"})
    intent = client.v1.setup_intents.update(intent.id, {"payment_method": ""})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    intent = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_mastercard"})
    assert intent.status == "succeeded"
    assert types(client) == [
        "customer.created", "setup_intent.created", "payment_method.attached", "setup_intent.succeeded",
    ]  # fmt: skip
    for verb in (client.v1.setup_intents.confirm, client.v1.setup_intents.cancel):
        fails(lambda verb=verb: verb(intent.id), "setup_intent_unexpected_state", None)
    fails(lambda: client.v1.setup_intents.update(intent.id, {"payment_method": "pm_card_visa"}),
          "setup_intent_unexpected_state", None)  # fmt: skip
    assert client.v1.setup_intents.update(intent.id, {"description": "Ours"}).description == "Ours"
    assert [one.id for one in client.v1.setup_intents.list({"customer": customer}).data] == [intent.id]
    assert [one.id for one in client.v1.setup_intents.list({"payment_method": intent.payment_method}).data] == [
        intent.id
    ]
    assert client.v1.setup_intents.list({"attach_to_self": True}).data == []


def test_refused_and_tried_again(client: Any) -> None:
    intent = client.v1.setup_intents.create()
    error = fails(
        lambda: client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"}),
        "card_declined", None, 402,
    )  # fmt: skip
    shown = error.json_body["error"]
    assert shown["setup_intent"]["status"] == "requires_payment_method"
    assert shown["payment_method"]["object"] == "payment_method"
    intent = client.v1.setup_intents.retrieve(intent.id, {"expand": ["latest_attempt"]})
    assert (intent.last_setup_error.code, intent.last_setup_error.decline_code) == ("card_declined", "generic_decline")
    assert (intent.latest_attempt.status, intent.latest_attempt.setup_error.code) == ("failed", "card_declined")
    intent = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (intent.status, intent.last_setup_error) == ("succeeded", None)
    assert [one.status for one in attempts(client, intent.id)] == ["succeeded", "failed"]
    assert types(client) == ["setup_intent.created", "setup_intent.setup_failed", "setup_intent.succeeded"]


def test_a_failed_challenge(client: Any) -> None:
    intent = set_up(client, "pm_card_authenticationRequired")
    intent = answer(client, intent, "fail")
    assert intent.status == "requires_payment_method" and intent.next_action is None
    assert intent.last_setup_error.code == "setup_intent_authentication_failure"
    (attempt,) = attempts(client, intent.id)
    assert (attempt.status, attempt.setup_error.code) == ("failed", "setup_intent_authentication_failure")
    assert attempt.payment_method_details.card.three_d_secure.result == "failed"
    assert types(client)[-2:] == ["setup_intent.requires_action", "setup_intent.setup_failed"]
    with pytest.raises(stripe.InvalidRequestError):
        answer(client, intent)


def test_an_attempt_tells_how_the_holder_authenticated(client: Any) -> None:
    intent = answer(client, set_up(client, "pm_card_threeDSecure2Required"))
    (attempt,) = attempts(client, intent.id)
    card = attempt.payment_method_details.card
    assert (attempt.status, attempt.payment_method, attempt.usage) == (
        "succeeded",
        intent.payment_method,
        "off_session",
    )
    assert (card.brand, card.last4, card.network) == ("visa", "3220", "visa")
    assert (card.three_d_secure.result, card.three_d_secure.authentication_flow) == ("authenticated", "challenge")


@pytest.mark.parametrize("card", ["pm_card_threeDSecureOptional", "pm_card_amex_threeDSecureNotSupported"])
def test_asked_for_authentication(client: Any, card: str) -> None:
    options = {"card": {"request_three_d_secure": "any"}}
    intent = set_up(client, card, payment_method_options=options)
    optional = card.endswith("Optional")
    assert intent.status == ("requires_action" if optional else "succeeded")
    assert intent.payment_method_options.card.request_three_d_secure == "any"
    if optional:
        intent = answer(client, intent)
    result = attempts(client, intent.id)[0].payment_method_details.card.three_d_secure.result
    assert result == ("authenticated" if optional else "not_supported")


def test_cancel_and_try_another_way(client: Any) -> None:
    intent = set_up(client, "pm_card_authenticationRequired")
    assert client.v1.setup_intents.confirm(intent.id).status == "requires_action"
    again = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_authenticationRequired"})
    assert [one.status for one in attempts(client, intent.id)] == ["requires_action", "abandoned"]
    canceled = client.v1.setup_intents.cancel(again.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason, canceled.next_action) == ("canceled", "abandoned", None)
    assert [one.status for one in attempts(client, intent.id)] == ["abandoned", "abandoned"]
    assert types(client)[-1] == "setup_intent.canceled"


def test_without_a_customer_it_can_be_attached_later(client: Any) -> None:
    method = set_up(client, "pm_card_visa").payment_method
    customer = client.v1.customers.create().id
    assert client.v1.payment_methods.attach(method, {"customer": customer}).customer == customer


def test_what_cannot_be(client: Any) -> None:
    create = client.v1.setup_intents.create
    fails(lambda: create({"attach_to_self": True}), None, "attach_to_self")
    fails(lambda: create({"flow_directions": ["inbound"]}), None, "flow_directions")
    fails(lambda: create({"return_url": RETURN}), None, "return_url")
    fails(lambda: create({"customer": "cus_none"}), "resource_missing", "customer")
    fails(lambda: set_up(client, "pm_card_visa", return_url="javascript:alert(1)"), "url_invalid", "return_url")
    fails(lambda: create({"payment_method_options": {"card": {"installments": {"enabled": True}}}}),
          "parameter_unknown", "payment_method_options[card][installments]")  # fmt: skip
    fails(lambda: create({"usage": "always"}), None, "usage")
    fails(lambda: create({"excluded_payment_method_types": ["card"]}), "payment_intent_invalid_parameter",
          "excluded_payment_method_types")  # fmt: skip
    fails(lambda: set_up(client, "pm_card_visa", single_use={"amount": 500, "currency": "usd"}),
          "setup_intent_invalid_parameter", "single_use")  # fmt: skip
    fails(lambda: client.v1.setup_attempts.list({}), "parameter_missing", "setup_intent")
    fails(lambda: client.v1.setup_intents.retrieve("seti_none"), "resource_missing", "intent", 404)
    intent = set_up(client, "pm_card_authenticationRequired")
    fails(lambda: client.v1.setup_intents.verify_microdeposits(intent.id, {"amounts": [32, 45]}),
          "setup_intent_unexpected_state", None)  # fmt: skip
    assert len(client.v1.setup_intents.list().data) == 1


def test_a_browser_confirms_with_the_client_secret(client: Any, nostro: Any) -> None:
    browser = nostro.client_of(nostro.publishable_key)
    intent = client.v1.setup_intents.create({"allowed_payment_method_types": ["card"]})
    assert intent.allowed_payment_method_types == ["card"]
    secret = {"client_secret": intent.client_secret}
    assert browser.v1.setup_intents.retrieve(intent.id, secret).id == intent.id
    fails(lambda: browser.v1.setup_intents.retrieve(intent.id), "resource_missing", "intent", 404)
    data = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
    form: Any = {**secret, "payment_method_data": data}
    assert browser.v1.setup_intents.confirm(intent.id, form).status == "succeeded"
