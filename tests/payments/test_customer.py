"""Customers, as an SDK's user meets them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails, plain, types

EVERYTHING: dict[str, Any] = {
    "address": {"city": "Berlin", "country": "DE", "line1": "Weg 1", "postal_code": "10115"},
    "business_name": "Rosen GmbH",
    "description": "first",
    "email": "jenny@example.com",
    "invoice_prefix": "ABC123",
    "invoice_settings": {"footer": "Thanks", "custom_fields": [{"name": "PO", "value": "7"}]},
    "metadata": {"tier": "gold"},
    "name": "Jenny Rosen",
    "next_invoice_sequence": 5,
    "phone": "+4930123",
    "preferred_locales": ["de", "en"],
    "shipping": {"name": "Jenny", "address": {"line1": "Weg 2", "country": "DE"}},
    "tax_exempt": "reverse",
}


def test_a_bare_customer_has_every_field(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create()
    assert made.balance == 0 and made.delinquent is False and made.tax_exempt == "none" and made.livemode is False
    assert made.invoice_prefix is not None and made.invoice_prefix.isupper() and len(made.invoice_prefix) == 8
    assert made.next_invoice_sequence == 1 and made.invoice_settings is not None
    assert plain(sdk.v1.customers.retrieve(made.id)) == plain(made)


def test_everything_given_is_kept_and_can_be_unset(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create(EVERYTHING)  # type: ignore[arg-type]
    for name in ("business_name", "description", "email", "invoice_prefix", "name", "next_invoice_sequence", "phone",
                 "preferred_locales", "tax_exempt"):  # fmt: skip
        assert getattr(made, name) == EVERYTHING[name], name
    assert made.metadata and made.metadata["tier"] == "gold" and made.address and made.address.city == "Berlin"
    assert made.shipping and made.shipping.address and made.shipping.address.line1 == "Weg 2"
    assert made.invoice_settings and made.invoice_settings.footer == "Thanks"
    assert made.invoice_settings.custom_fields and made.invoice_settings.custom_fields[0].name == "PO"
    bare = sdk.v1.customers.update(
        made.id, {"email": "", "name": "", "address": "", "shipping": "", "metadata": "", "business_name": ""}
    )
    assert (bare.email, bare.name, bare.address, bare.shipping, plain(bare.metadata)) == (None, None, None, None, {})
    assert "business_name" not in bare and bare.phone == "+4930123"
    assert plain(bare.invoice_settings) == plain(made.invoice_settings)


def test_invoice_settings_change_field_by_field(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create({"invoice_settings": {"footer": "a"}})
    options = {"amount_tax_display": "include_inclusive_tax"}
    changed = sdk.v1.customers.update(made.id, {"invoice_settings": {"rendering_options": options}})  # type: ignore
    settings = changed.invoice_settings
    assert settings and settings.footer == "a" and settings.rendering_options
    assert settings.rendering_options.amount_tax_display == "include_inclusive_tax"


def test_events_tell_what_changed(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create({"name": "Old"})
    sdk.v1.customers.update(made.id, {"name": "New"})
    sdk.v1.customers.delete(made.id)
    assert types(sdk) == ["customer.created", "customer.updated", "customer.deleted"]
    deleted, updated, _ = sdk.v1.events.list().data
    assert plain(updated.data.previous_attributes) == {"name": "Old"}
    assert deleted.data.object["name"] == "New" and "deleted" not in deleted.data.object


def test_a_deleted_customer_is_hidden_but_answers(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create({"email": "gone@example.com"})
    stub = {"id": made.id, "object": "customer", "deleted": True}
    assert plain(sdk.v1.customers.delete(made.id)) == stub
    assert plain(sdk.v1.customers.retrieve(made.id)) == stub
    assert sdk.v1.customers.list().data == []
    assert sdk.v1.customers.search({"query": 'email:"gone@example.com"'}).data == []
    fails(lambda: sdk.v1.customers.update(made.id, {"name": "x"}), "resource_missing", "id", 404)
    fails(lambda: sdk.v1.customers.delete(made.id), "resource_missing", "id", 404)
    fails(lambda: sdk.v1.customers.tax_ids.list(made.id), "resource_missing", "customer", 404)
    fails(lambda: sdk.v1.customers.cash_balance.retrieve(made.id), "resource_missing", "customer", 404)


def test_lists_filter_by_email_and_page(sdk: stripe.StripeClient) -> None:
    ids = [sdk.v1.customers.create({"email": f"{n % 2}@example.com"}).id for n in range(5)]
    assert [c.id for c in sdk.v1.customers.list({"email": "1@example.com"}).data] == [ids[3], ids[1]]
    assert [c.id for c in sdk.v1.customers.list({"limit": 2}).auto_paging_iter()] == ids[::-1]
    assert sdk.v1.customers.list({"test_clock": "clock_1"}).data == []
    assert sdk.v1.customers.list({"created": {"gt": 9_000_000_000}}).data == []


def test_search_by_each_field(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create(EVERYTHING)  # type: ignore[arg-type]
    sdk.v1.customers.create({"name": "Somebody Else"})
    for query in ('email:"jenny@example.com"', 'name~"rosen"', 'phone:"+4930123"', 'metadata["tier"]:"gold"',
                  f'created>={made.created} AND name:"Jenny Rosen"'):  # fmt: skip
        assert [c.id for c in sdk.v1.customers.search({"query": query}).data] == [made.id], query
    fails(lambda: sdk.v1.customers.search({"query": 'balance:"1"'}), None, "query")


def test_what_expands(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create({"source": "tok_visa", "tax_id_data": [{"type": "us_ein", "value": "12-3456789"}]})
    wanted = ["sources", "tax_ids", "subscriptions", "cash_balance", "invoice_credit_balance", "tax", "default_source"]
    found: Any = sdk.v1.customers.retrieve(made.id, {"expand": wanted})
    assert found.sources.data[0].id == found.default_source.id == made.default_source
    assert found.tax_ids.data[0].value == "12-3456789" and found.subscriptions.data == []
    assert found.cash_balance.available is None and plain(found.invoice_credit_balance) == {}
    assert found.tax.automatic_tax == "unrecognized_location"
    assert "sources" not in made
    listed: Any = sdk.v1.customers.list({"expand": ["data.cash_balance"]})
    assert listed.data[0].cash_balance.customer == made.id


def test_a_payment_method_is_attached_and_made_the_default(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    methods = sdk.v1.customers.payment_methods.list(made.id).data
    assert made.invoice_settings and made.invoice_settings.default_payment_method == methods[0].id
    other = sdk.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    settings: Any = {"invoice_settings": {"default_payment_method": other.id}}
    fails(lambda: sdk.v1.customers.update(made.id, settings), "resource_missing",
          "invoice_settings[default_payment_method]")  # fmt: skip
    sdk.v1.payment_methods.attach(other.id, {"customer": made.id})
    changed = sdk.v1.customers.update(made.id, settings)
    assert changed.invoice_settings and changed.invoice_settings.default_payment_method == other.id


def test_a_declined_card_leaves_nothing_behind(sdk: stripe.StripeClient) -> None:
    fails(lambda: sdk.v1.customers.create({"source": "tok_chargeDeclined"}), "card_declined", None, 402)
    assert sdk.v1.customers.list().data == [] and types(sdk) == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"email": "nobody"}, "email_invalid", "email"),
        ({"email": "a b@example.com"}, "email_invalid", "email"),
        ({"name": "x" * 257}, None, "name"),
        ({"phone": "1" * 21}, None, "phone"),
        ({"tax_exempt": "maybe"}, None, "tax_exempt"),
        ({"invoice_prefix": "ab"}, None, "invoice_prefix"),
        ({"balance": "lots"}, "parameter_invalid_integer", "balance"),
        ({"shipping": {"name": "x"}}, "parameter_missing", "shipping[address]"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"test_clock": "clock_1"}, "resource_missing", "test_clock"),
        ({"source": "tok_nothing"}, "resource_missing", "source"),
        ({"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({"tax": {"validate_location": "immediately"}}, "customer_tax_location_invalid", "tax[validate_location]"),
        ({"tax_id_data": [{"type": "us_ein", "value": "x"}]}, "tax_id_invalid", "tax_id_data[0][value]"),
    ],
)
def test_wrong_parameters(sdk: stripe.StripeClient, params: Any, code: str | None, param: str) -> None:
    fails(lambda: sdk.v1.customers.create(params), code, param)
    assert sdk.v1.customers.list().data == []


def test_there_is_no_discount_to_delete(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create()
    fails(lambda: sdk.v1.customers.delete_discount(made.id), "resource_missing", None, 404)


def test_another_sandbox_sees_nothing(live: Any, sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create()
    other = live.client()
    fails(lambda: other.v1.customers.retrieve(made.id), "resource_missing", "id", 404)
