"""Charges made directly, without an intent: the older way to be paid."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, plain, types

CARD = {"number": "4242424242424242", "exp_month": "8", "exp_year": "2034", "cvc": "314"}


def charge(client: Any, source: str | None = "tok_visa", **more: Any) -> Any:
    form = {"amount": 2000, "currency": "usd", **more}
    return client.v1.charges.create({**form, "source": source} if source else form)


def test_paid_at_once(client: Any) -> None:
    made = charge(
        client, description="Shoes", receipt_email="jenny@example.com", metadata={"order": "6735"},
        statement_descriptor_suffix="SHOES", shipping={"name": "Jenny", "address": {"line1": "1 Main"}},
        transfer_group="G1", expand=["balance_transaction"],
    )  # fmt: skip
    assert (made.status, made.paid, made.captured, made.refunded) == ("succeeded", True, True, False)
    assert made.payment_intent is None and made.payment_method == made.source.id
    assert (made.source.object, made.source.brand, made.source.last4) == ("card", "Visa", "4242")
    assert made.payment_method_details.card.network == "visa"
    assert (made.balance_transaction.amount, made.balance_transaction.fee) == (2000, 88)
    assert made.calculated_statement_descriptor == "NOSTRO* SHOES"
    assert plain(made.metadata) == {"order": "6735"} and made.shipping.name == "Jenny"
    assert made.receipt_url.endswith(f"/receipts/{made.id}")
    assert client.v1.refunds.create({"charge": made.id}).status == "succeeded"
    assert types(client)[0] == "charge.succeeded"


def test_the_same_key_charges_once(client: Any) -> None:
    key = stripe.RequestOptions(idempotency_key="one")
    form: Any = {"amount": 2000, "currency": "usd", "source": "tok_visa"}
    first, second = (client.v1.charges.create(form, key) for _ in range(2))
    assert plain(first) == plain(second)
    assert len(client.v1.charges.list().data) == 1


def test_held_then_captured(client: Any) -> None:
    held = charge(client, capture=False)
    assert (held.status, held.paid, held.captured, held.balance_transaction) == ("succeeded", True, False, None)
    fails(lambda: client.v1.charges.capture(held.id, {"statement_descriptor": "12345"}), None, "statement_descriptor")
    taken = client.v1.charges.capture(held.id, {"amount": 1500})
    assert (taken.captured, taken.amount_captured, taken.amount_refunded) == (True, 1500, 500)
    fails(lambda: client.v1.charges.capture(held.id), "charge_already_captured", None)


def test_a_hold_expires_after_seven_days(client: Any, nostro: Any) -> None:
    held = charge(client, capture=False)
    nostro.advance(days=7)
    late = client.v1.charges.retrieve(held.id)
    assert (late.captured, late.refunded, late.amount_refunded) == (False, True, 2000)
    fails(lambda: client.v1.charges.capture(held.id), "charge_expired_for_capture", None)
    assert "charge.expired" in types(client)


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card", None),
        ("tok_radarBlock", "card_declined", "fraudulent"),
        ("tok_authenticationRequired", "authentication_required", "authentication_required"),
        ("tok_authenticationRequiredOnSetup", "authentication_required", "authentication_required"),
    ],
)
def test_declined(client: Any, token: str, code: str, decline_code: str | None) -> None:
    error = fails(lambda: charge(client, token), code, None if code != "expired_card" else "exp_month", 402)
    shown = error.json_body["error"]
    assert (shown["type"], shown.get("decline_code")) == ("card_error", decline_code)
    failed = client.v1.charges.retrieve(shown["charge"])
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, code)
    assert types(client) == ["charge.failed"]


def test_a_rule_that_wants_authentication_leaves_no_charge(client: Any) -> None:
    error = fails(lambda: charge(client, "tok_threeDSecureRequired"), "authentication_required", None, 402)
    assert "charge" not in error.json_body["error"] and client.v1.charges.list().data == []


def test_a_customers_sources(client: Any) -> None:
    customer = client.v1.customers.create({"source": "tok_visa"})
    made = charge(client, None, customer=customer.id)
    assert (made.customer, made.source.id, made.source.customer) == (customer.id, customer.default_source, customer.id)
    other = client.v1.customers.payment_sources.create(customer.id, {"source": "tok_mastercard"}).id
    assert charge(client, other, customer=customer.id).source.brand == "MasterCard"
    stranger = client.v1.customers.create().id
    fails(lambda: charge(client, None, customer=stranger), "missing", "card", 402)
    fails(lambda: charge(client, other, customer=stranger), "resource_missing", "source")
    fails(lambda: charge(client, other), "missing", "customer")
    fails(lambda: charge(client, "tok_visa", customer=customer.id), "missing", "source", 404)
    fails(lambda: charge(client, None, customer="cus_none"), "resource_missing", "customer")
    bank = client.v1.customers.payment_sources.create(customer.id, {"source": "btok_us_verified"}).id
    fails(lambda: charge(client, bank, customer=customer.id), "invalid_source_usage", "source")


def test_the_cards_own_data_is_checked(client: Any) -> None:
    token = client.v1.tokens.create({"card": {**CARD, "name": "Jenny", "address_zip": "94107"}})
    made = charge(client, token.id)
    assert (made.billing_details.name, made.billing_details.address.postal_code) == ("Jenny", "94107")
    checks = made.payment_method_details.card.checks
    assert (checks.cvc_check, checks.address_postal_code_check) == ("pass", "pass")


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"amount": 10}, "amount_too_small", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"source": "tok_none"}, "resource_missing", "source"),
        ({"source": "src_none"}, "resource_missing", "source"),
        ({"source": "pm_card_visa"}, None, "source"),
        ({"source": "btok_us"}, "invalid_source_usage", "source"),
        ({"statement_descriptor": "1234567"}, None, "statement_descriptor"),
        ({"statement_descriptor_suffix": "<"}, "invalid_characters", "statement_descriptor_suffix"),
        ({"receipt_email": "jenny"}, "email_invalid", "receipt_email"),
        ({"application_fee_amount": 10}, None, "application_fee_amount"),
        ({"transfer_data": {"destination": "acct_1"}}, "resource_missing", "transfer_data[destination]"),
        ({"payment_method": "pm_card_visa"}, "parameter_unknown", "payment_method"),
    ],
)
def test_what_cannot_be(client: Any, form: Any, code: str | None, param: str) -> None:
    fails(lambda: client.v1.charges.create({"amount": 2000, "currency": "usd", "source": "tok_visa", **form}),
          code, param)  # fmt: skip
    assert client.v1.charges.list().data == []


def test_a_source_is_needed(client: Any) -> None:
    fails(lambda: charge(client, None), "parameter_missing", "source")
