"""Currencies with a rule of their own: no minor unit, three decimals, or one that is written and never used."""

import pytest
import stripe

from nostro.kernel.money import text


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("isk", 500, None), ("isk", 550, "invalid_charge_amount"),
        ("ugx", 500, None), ("ugx", 505, "invalid_charge_amount"),
        ("kwd", 1010, None), ("kwd", 1005, "invalid_charge_amount"),
        ("jpy", 51, None), ("jpy", 49, "amount_too_small"),
    ],
)  # fmt: skip
def test_amounts(client: stripe.StripeClient, currency: str, amount: int, code: str | None) -> None:
    if code is None:
        assert client.v1.payment_intents.create({"amount": amount, "currency": currency}).amount == amount
        return
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (refused.value.code, refused.value.param) == (code, "amount")


def test_written_with_two_decimals() -> None:
    assert (text(500, "ugx"), text(500, "isk"), text(500, "jpy"), text(5000, "kwd")) == (
        "5.00 ugx", "5.00 isk", "500 jpy", "5.000 kwd",
    )  # fmt: skip


def test_parts_are_carried_too(client: stripe.StripeClient) -> None:
    """A part of an amount, captured or given back, keeps the same rule."""
    held = client.v1.payment_intents.create(
        {"amount": 5000, "currency": "kwd", "payment_method": "pm_card_visa", "confirm": True,
         "capture_method": "manual"}
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 4995})
    assert (refused.value.code, refused.value.param) == ("invalid_charge_amount", "amount_to_capture")
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 4990})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": held.id, "amount": 5})
    assert (refused.value.code, refused.value.param) == ("invalid_charge_amount", "amount")
