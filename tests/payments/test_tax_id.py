"""Tax ids of customers and of the merchant."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, plain, types
from nostro.payments.tax_id import verify_job


@pytest.mark.parametrize(
    ("type", "value", "country", "status"),
    [
        ("eu_vat", "DE123456789", "DE", "pending"),
        ("eu_vat", "EL123456789", "GR", "pending"),
        ("gb_vat", "GB123456789", "GB", "pending"),
        ("us_ein", "12-3456789", "US", "unavailable"),
        ("ch_vat", "che-123.456.789 mwst", "CH", "unavailable"),
        ("zw_tin", "anything", "ZW", "unavailable"),
    ],
)
def test_a_customers_tax_id(sdk: stripe.StripeClient, type: Any, value: str, country: str, status: str) -> None:
    customer = sdk.v1.customers.create()
    made = sdk.v1.customers.tax_ids.create(customer.id, {"type": type, "value": value})
    assert (made.country, made.value) == (country, value.upper())
    assert made.verification and made.verification.status == status
    assert plain(sdk.v1.customers.tax_ids.retrieve(customer.id, made.id)) == plain(made)
    assert [t.id for t in sdk.v1.customers.tax_ids.list(customer.id).data] == [made.id]
    assert sdk.v1.customers.tax_ids.delete(customer.id, made.id).deleted is True
    assert sdk.v1.customers.tax_ids.list(customer.id).data == []
    assert types(sdk) == ["customer.created", "customer.tax_id.created", "customer.tax_id.deleted"]


@pytest.mark.parametrize(("value", "answer"), [("000000000", "verified"), ("DE111111111", "unverified")])
def test_the_registry_answers_the_test_numbers(
    live: Any, key: str, sdk: stripe.StripeClient, value: str, answer: str
) -> None:
    customer = sdk.v1.customers.create()
    made = sdk.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": value})
    live.run(key, lambda tx: verify_job(tx, made.id))  # a second run changes nothing
    found = sdk.v1.customers.tax_ids.retrieve(customer.id, made.id)
    assert found.verification and found.verification.status == answer
    assert "customer.tax_id.updated" in types(sdk)


@pytest.mark.parametrize(("type", "value"), [("eu_vat", "XX1"), ("us_ein", "123"), ("gb_vat", "GB1"), ("zw_tin", " ")])
def test_a_wrong_format_is_refused(sdk: stripe.StripeClient, type: Any, value: str) -> None:
    customer = sdk.v1.customers.create()
    fails(lambda: sdk.v1.customers.tax_ids.create(customer.id, {"type": type, "value": value}), "tax_id_invalid",
          "value")  # fmt: skip


def test_the_merchants_own_and_by_owner(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    mine = sdk.v1.tax_ids.create({"type": "us_ein", "value": "123456789"})
    theirs = sdk.v1.tax_ids.create(
        {"type": "us_ein", "value": "123456789", "owner": {"type": "customer", "customer": customer.id}}
    )
    assert mine.customer is None and theirs.customer == customer.id
    assert [t.id for t in sdk.v1.tax_ids.list().data] == [mine.id]
    owner: Any = {"type": "customer", "customer": customer.id}
    assert [t.id for t in sdk.v1.tax_ids.list({"owner": owner}).data] == [theirs.id]
    assert sdk.v1.tax_ids.retrieve(mine.id).value == "123456789"
    assert sdk.v1.tax_ids.delete(mine.id).deleted is True
    fails(lambda: sdk.v1.tax_ids.retrieve(mine.id), "resource_missing", "id", 404)
    fails(lambda: sdk.v1.tax_ids.list({"owner": {"type": "account"}}), None, "owner[type]")
    other = sdk.v1.customers.create()
    fails(lambda: sdk.v1.customers.tax_ids.retrieve(other.id, theirs.id), "resource_missing", "id", 404)
