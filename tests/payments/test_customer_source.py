"""Legacy cards and bank accounts under a customer."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, plain, types


@pytest.mark.parametrize(
    ("token", "brand", "last4"),
    [("tok_visa", "Visa", "4242"), ("tok_mastercard", "MasterCard", "4444"), ("tok_amex", "American Express", "0005")],
)
def test_a_card_from_a_token(sdk: stripe.StripeClient, token: str, brand: str, last4: str) -> None:
    customer = sdk.v1.customers.create()
    sources = sdk.v1.customers.payment_sources
    made: Any = sources.create(customer.id, {"source": token, "metadata": {"a": "b"}})
    assert (made.object, made.brand, made.last4, made.cvc_check) == ("card", brand, last4, "pass")
    assert made.id.startswith("card_") and plain(made.metadata) == {"a": "b"}
    assert plain(sources.retrieve(customer.id, made.id)) == plain(made)
    assert sdk.v1.customers.retrieve(customer.id).default_source == made.id
    assert types(sdk) == ["customer.created", "customer.source.created", "customer.updated"]


def test_the_default_moves_on(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"source": "tok_visa"})
    sources = sdk.v1.customers.payment_sources
    second = sources.create(customer.id, {"source": "tok_mastercard"})
    third = sources.create(customer.id, {"source": "btok_us"})
    assert [s.id for s in sources.list(customer.id).data] == [third.id, second.id, customer.default_source]
    assert [s.id for s in sources.list(customer.id, {"object": "card", "limit": 1}).auto_paging_iter()] == [
        second.id, customer.default_source,
    ]  # fmt: skip
    before = sources.list(customer.id, {"ending_before": str(customer.default_source), "limit": 1})
    assert [s.id for s in before.data] == [second.id] and before.has_more
    assert sdk.v1.customers.update(customer.id, {"default_source": second.id}).default_source == second.id
    gone: Any = sources.delete(customer.id, second.id)
    assert gone.deleted is True and sdk.v1.customers.retrieve(customer.id).default_source == third.id
    fails(lambda: sources.retrieve(customer.id, second.id), "resource_missing", "id", 404)
    fails(lambda: sdk.v1.customers.update(customer.id, {"default_source": second.id}), "resource_missing",
          "default_source")  # fmt: skip


def test_source_on_the_customer_replaces_the_default_card(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"source": "tok_visa"})
    changed = sdk.v1.customers.update(customer.id, {"source": "tok_amex"})
    assert changed.default_source != customer.default_source
    assert [s.id for s in sdk.v1.customers.payment_sources.list(customer.id).data] == [changed.default_source]


def test_each_kind_has_its_own_fields(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"source": "tok_visa"})
    sources = sdk.v1.customers.payment_sources
    card = str(customer.default_source)
    changed: Any = sources.update(customer.id, card, {"name": "Jenny", "exp_month": "3", "address_zip": "1"})
    assert (changed.name, changed.exp_month, changed.address_zip) == ("Jenny", 3, "1")
    fails(lambda: sources.update(customer.id, card, {"account_holder_name": "x"}), "parameter_unknown",
          "account_holder_name")  # fmt: skip
    fails(lambda: sources.update(customer.id, card, {"exp_month": "13"}), "parameter_invalid_integer", "exp_month")
    bank: Any = sources.create(customer.id, {"source": "btok_us_verified"})
    assert bank.status == "verified" and bank.object == "bank_account"
    assert sources.update(customer.id, bank.id, {"account_holder_name": "Al"}).account_holder_name == "Al"  # type: ignore
    other = sdk.v1.customers.create()
    fails(lambda: sources.retrieve(other.id, bank.id), "resource_missing", "id", 404)


def test_deposits_verify_a_bank_account(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"source": "btok_us"})
    sources, bank = sdk.v1.customers.payment_sources, str(customer.default_source)
    failed = "bank_account_verification_failed"
    fails(lambda: sources.verify(customer.id, bank, {"amounts": [1, 2]}), failed, None)
    fails(lambda: sources.verify(customer.id, bank), "parameter_missing", "amounts")
    assert sources.verify(customer.id, bank, {"amounts": [32, 45]}).status == "verified"  # type: ignore[union-attr]
    fails(lambda: sources.verify(customer.id, bank, {"amounts": [32, 45]}), None, None)


def test_ten_wrong_guesses_end_it(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"source": "btok_us"})
    sources, bank = sdk.v1.customers.payment_sources, str(customer.default_source)
    failed = "bank_account_verification_failed"
    for _ in range(10):
        fails(lambda: sources.verify(customer.id, bank, {"amounts": [1, 2]}), failed, None)
    assert sources.retrieve(customer.id, bank).status == "verification_failed"  # type: ignore[union-attr]
    fails(lambda: sources.verify(customer.id, bank, {"amounts": [32, 45]}), failed, None)


def test_the_network_is_asked_before_a_card_is_saved(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    sources = sdk.v1.customers.payment_sources
    fails(lambda: sources.create(customer.id, {"source": "tok_chargeDeclined"}), "card_declined", None, 402)
    sources.create(customer.id, {"source": "tok_chargeDeclined", "validate": False})
    fails(lambda: sources.create(customer.id, {"source": "tok_unknown"}), "resource_missing", "source")
    fails(lambda: sources.create("cus_nobody", {"source": "tok_visa"}), "resource_missing", "customer", 404)
