"""The published test cards do what they are published to do, through the official SDK."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]
# What programs compare: the short texts that Stripe's users know.
SAID = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "card_velocity_exceeded":
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
}  # fmt: skip
BRANDS = [
    ("pm_card_visa", "visa"), ("pm_card_visa_debit", "visa"), ("pm_card_mastercard", "mastercard"),
    ("pm_card_amex", "amex"), ("pm_card_discover", "discover"), ("pm_card_diners", "diners"),
    ("pm_card_jcb", "jcb"), ("pm_card_unionpay", "unionpay"),
]  # fmt: skip


def pay(client: Any, method: str, **more: Any) -> Any:
    form = {"amount": 2000, "currency": "usd", "payment_method": method, "confirm": True, **more}
    return client.v1.payment_intents.create(form)


@pytest.mark.parametrize(("method", "code", "decline_code"), DECLINES)
def test_a_declined_card(client: Any, method: str, code: str, decline_code: str | None) -> None:
    if method not in KNOWN:
        pytest.fail(f"{method} is not among the published ids")
    with pytest.raises(stripe.CardError) as caught:
        pay(client, method)
    assert caught.value.http_status == 402
    assert caught.value.code == code
    assert caught.value.json_body["error"].get("decline_code") == decline_code
    assert caught.value.user_message == SAID.get(decline_code or code, "Your card was declined.")
    intent = client.v1.payment_intents.retrieve(caught.value.json_body["error"]["payment_intent"]["id"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == code
    failed = client.v1.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in failed] == ["failed"]
    assert client.v1.balance_transactions.list().data == []
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"
    assert paid.last_payment_error is None


@pytest.mark.parametrize(("method", "brand"), BRANDS)
def test_every_brand_pays(client: Any, method: str, brand: str) -> None:
    intent = pay(client, method, expand=["latest_charge", "payment_method"])
    assert intent.status == "succeeded"
    assert intent.latest_charge.payment_method_details.card.brand == brand
    assert intent.payment_method.card.brand == brand


def test_a_card_number_is_stored_nowhere(client: Any, server: Any) -> None:
    number = "4242424242424242"
    method = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}}
    )
    assert method.card.last4 == "4242"
    pay(client, method.id)
    for file in server.database.parent.glob(server.database.name + "*"):
        assert number.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4242424242424241", "exp_month": 1, "exp_year": 2035}, "incorrect_number", "number"),
        ({"number": "4242424242424242", "exp_month": 13, "exp_year": 2035}, "invalid_expiry_month", "exp_month"),
        ({"number": "4242424242424242", "exp_month": 1, "exp_year": 1999}, "invalid_expiry_year", "exp_year"),
        ({"number": "4242424242424242", "exp_month": 1, "exp_year": 2035, "cvc": "9"}, "invalid_cvc", "cvc"),
    ],
)
def test_a_card_that_cannot_be(client: Any, card: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.create({"type": "card", "card": card})
    assert caught.value.code == code
    assert caught.value.param == param


def test_available_at_once(client: Any) -> None:
    pay(client, "pm_card_bypassPending")
    balance = client.v1.balance.retrieve()
    assert balance.available[0].amount == 1912
    assert balance.pending[0].amount == 0


def test_a_refund_that_fails_later_gives_the_money_back(client: Any, nostro: Any) -> None:
    intent = pay(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    nostro.advance(60)
    failed = client.v1.refunds.retrieve(refund.id)
    assert failed.status == "failed"
    assert failed.failure_reason
    assert client.v1.balance.retrieve().available[0].amount == 0
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)


def test_a_refund_that_succeeds_later(client: Any, nostro: Any) -> None:
    intent = pay(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    nostro.advance(60)
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_money_becomes_available_two_business_days_later(client: Any, nostro: Any) -> None:
    pay(client, "pm_card_visa")
    assert client.v1.balance.retrieve().available[0].amount == 0
    nostro.advance(days=5)
    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (1912, 0)
    assert client.v1.balance_transactions.list().data[0].status == "available"


@pytest.mark.parametrize(("currency", "amount", "net"), [("jpy", 2000, 1912), ("kwd", 20_000, 19_390)])
def test_currencies_without_two_decimals(client: Any, currency: str, amount: int, net: int) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": amount, "currency": currency, "payment_method": "pm_card_visa", "confirm": True,
         "expand": ["latest_charge.balance_transaction"]}
    )  # fmt: skip
    line = intent.latest_charge.balance_transaction
    assert (line.amount, line.net, line.currency) == (amount, net, currency)


def test_hold_capture_part_and_release_the_rest(client: Any) -> None:
    held = pay(client, "pm_card_visa", capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    assert client.v1.balance.retrieve().pending[0].amount == 0
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 1500, 0)
    charge = client.v1.charges.retrieve(held.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (1500, 500, False)
    assert client.v1.balance.retrieve().pending[0].amount == 1500 - 44 - 30
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": held.id, "amount": 1501})
    assert caught.value.code == "amount_too_large"


def test_a_hold_expires_after_seven_days(client: Any, nostro: Any) -> None:
    held = pay(client, "pm_card_visa", capture_method="manual")
    nostro.advance(days=8)
    intent = client.v1.payment_intents.retrieve(held.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert client.v1.charges.retrieve(held.latest_charge).refunded
    types = [event.type for event in client.v1.events.list().data]
    assert "charge.expired" in types


def test_raise_a_hold(client: Any) -> None:
    options = {"card": {"request_incremental_authorization": "if_available"}}
    held = pay(client, "pm_card_visa", capture_method="manual", payment_method_options=options)
    more = client.v1.payment_intents.increment_authorization(held.id, {"amount": 2500})
    assert (more.amount, more.amount_capturable) == (2500, 2500)
    taken = client.v1.payment_intents.capture(held.id)
    assert taken.amount_received == 2500


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
def test_three_d_secure(client: Any, outcome: str) -> None:
    intent = pay(client, "pm_card_authenticationRequired", return_url="https://shop.example/done")
    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/done"
    client.raw_request("post", f"/v1/test_helpers/payment_intents/{intent.id}/authenticate", outcome=outcome)
    after = client.v1.payment_intents.retrieve(intent.id)
    if outcome == "succeed":
        assert after.status == "succeeded"
    else:
        assert after.status == "requires_payment_method"
        assert after.last_payment_error.code == "payment_intent_authentication_failure"


def test_error_on_requires_action(client: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert caught.value.code == "authentication_required"


@pytest.mark.parametrize("state", ["requires_payment_method", "requires_confirmation", "requires_action", "held"])
def test_cancel_from_every_state_that_allows_it(client: Any, state: str) -> None:
    form: dict[str, Any] = {"amount": 2000, "currency": "usd"}
    if state != "requires_payment_method":
        form["payment_method"] = "pm_card_visa"
    if state == "requires_action":
        form |= {"payment_method": "pm_card_authenticationRequired", "confirm": True}
    if state == "held":
        form |= {"confirm": True, "capture_method": "manual"}
    intent = client.v1.payment_intents.create(form)
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    for verb in (client.v1.payment_intents.cancel, client.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            verb(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"


def test_a_method_is_kept_for_later(client: Any) -> None:
    customer = client.v1.customers.create({"name": "Ada"})
    pay(client, "pm_card_visa", customer=customer.id, setup_future_usage="off_session")
    methods = client.v1.customers.payment_methods.list(customer.id).data
    assert [method.customer for method in methods] == [customer.id]
    again = pay(client, methods[0].id, customer=customer.id, off_session=True)
    assert again.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        pay(client, methods[0].id)


def test_a_method_nobody_kept_pays_once(client: Any) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert pay(client, method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        pay(client, method.id)


def test_search_finds_what_was_paid(client: Any) -> None:
    pay(client, "pm_card_visa", metadata={"order": "6735"})
    pay(client, "pm_card_mastercard")
    by_metadata = client.v1.payment_intents.search({"query": "metadata['order']:'6735'"}).data
    assert [intent.metadata["order"] for intent in by_metadata] == ["6735"]
    by_brand = client.v1.charges.search({"query": "payment_method_details.card.brand:'mastercard' AND amount>100"})
    assert len(by_brand.data) == 1


def _known() -> set[str]:
    from nostro.networks.test_cards import CARDS

    ids: set[str] = set()
    for card in CARDS:
        ids |= {id for id in (card.payment_method, *card.other_payment_methods) if id}
    return ids


KNOWN = _known()
