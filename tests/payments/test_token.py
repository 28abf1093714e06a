"""Tokens: made by a browser, used once, and nothing secret is kept of them."""

from __future__ import annotations

from typing import Any

import pytest

from expect import fails
from nostro.testing.server import Server

CARD = {"number": "4242424242424242", "exp_month": "8", "exp_year": "2034", "cvc": "314"}
BANK = {"country": "US", "currency": "usd", "account_holder_name": "Jenny Rosen", "routing_number": "110000000",
        "account_number": "000123456789"}  # fmt: skip


def test_a_card(client: Any, nostro: Any) -> None:
    browser = nostro.client_of(nostro.publishable_key)
    token = browser.v1.tokens.create({"card": {**CARD, "name": "Jenny", "address_zip": "94107"}})
    seen = client.v1.tokens.retrieve(token.id)
    assert (seen.type, seen.used, seen.livemode) == ("card", False, False)
    assert (seen.card.brand, seen.card.last4, seen.card.exp_month, seen.card.funding) == ("Visa", "4242", 8, "credit")
    assert (seen.card.name, seen.card.cvc_check, seen.card.address_zip_check) == ("Jenny", "unchecked", "unchecked")
    fails(lambda: browser.v1.tokens.retrieve(token.id), None, None, 403)


def test_it_pays_once(client: Any) -> None:
    token = client.v1.tokens.create({"card": {**CARD, "name": "Jenny", "address_line1": "1 Main"}}).id
    form: Any = {"amount": 2000, "currency": "usd", "confirm": True, "expand": ["payment_method", "latest_charge"],
                 "payment_method_data": {"type": "card", "card": {"token": token}}}  # fmt: skip
    paid = client.v1.payment_intents.create(form)
    assert (paid.status, paid.payment_method.card.last4) == ("succeeded", "4242")
    assert paid.payment_method.billing_details.name == "Jenny"
    assert paid.latest_charge.billing_details.address.line1 == "1 Main"
    assert paid.latest_charge.payment_method_details.card.checks.address_line1_check == "pass"
    assert client.v1.tokens.retrieve(token).used
    fails(lambda: client.v1.payment_intents.create(form), "token_already_used",
          "payment_method_data[card][token]")  # fmt: skip


def test_it_becomes_a_method_a_source_and_a_charge(client: Any) -> None:
    make = client.v1.tokens.create
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": make({"card": CARD}).id}})
    assert method.card.last4 == "4242"
    token = make({"card": CARD})
    customer = client.v1.customers.create({"source": token.id})
    assert customer.default_source == token.card.id
    fails(lambda: client.v1.charges.create({"amount": 500, "currency": "usd", "source": token.id}),
          "token_already_used", "source")  # fmt: skip
    charge = client.v1.charges.create({"amount": 500, "currency": "usd", "source": make({"card": CARD}).id})
    assert charge.status == "succeeded"


def test_a_bank_account(client: Any) -> None:
    token = client.v1.tokens.create({"bank_account": BANK})
    assert (token.type, token.bank_account.last4, token.bank_account.status) == ("bank_account", "6789", "new")
    customer = client.v1.customers.create({"source": token.id})
    assert customer.default_source == token.bank_account.id
    fails(lambda: client.v1.tokens.create({"bank_account": {**BANK, "routing_number": "110000001"}}),
          "routing_number_invalid", "bank_account[routing_number]")  # fmt: skip
    fails(lambda: client.v1.tokens.create({"bank_account": {**BANK, "account_number": "!"}}),
          "account_number_invalid", "bank_account[account_number]")  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "prefix"),
    [
        ("pii", {"id_number": "000000000"}, "pii_"),
        ("cvc_update", {"cvc": "123"}, "cvctok_"),
        ("person", {"first_name": "Jane", "relationship": {"owner": "true"}, "ssn_last_4": "4321"}, "cpt_"),
        ("account", {"business_type": "company", "company": {"name": "ACME", "tax_id": "98-7654321"}}, "ct_"),
    ],
)
def test_the_other_kinds(client: Any, kind: str, value: Any, prefix: str) -> None:
    token = client.v1.tokens.create({kind: value})
    assert token.type == kind and token.id.startswith(prefix)
    assert client.v1.tokens.retrieve(token.id).id == token.id
    fails(lambda: client.v1.charges.create({"amount": 500, "currency": "usd", "source": token.id}), None, "source")


def test_nothing_secret_is_kept(client: Any, server: Server) -> None:
    client.v1.tokens.create({"card": {**CARD, "cvc": "319"}})
    client.v1.tokens.create({"bank_account": BANK})
    client.v1.tokens.create({"pii": {"id_number": "987-65-4329"}})
    client.v1.tokens.create({"person": {"id_number": "987-65-4329", "ssn_last_4": "4329"}})
    bodies = [body for (body,) in server.run(server.world.engine.rows("SELECT body FROM token"))]
    for secret in (CARD["number"], '"319"', BANK["account_number"], "987-65-4329", '"4329"'):
        assert not [body for body in bodies if secret in body], secret


def test_a_new_security_code_is_checked(client: Any) -> None:
    customer = client.v1.customers.create().id
    number = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    method = client.v1.payment_methods.create({"type": "card", "card": number}).id
    client.v1.payment_methods.attach(method, {"customer": customer})
    form: Any = {"amount": 500, "currency": "usd", "customer": customer, "payment_method": method, "confirm": True,
                 "expand": ["latest_charge"]}  # fmt: skip
    checks = client.v1.payment_intents.create(form).latest_charge.payment_method_details.card.checks
    assert checks.cvc_check is None
    form["payment_method_options"] = {"card": {"cvc_token": client.v1.tokens.create({"cvc_update": {"cvc": "123"}}).id}}
    checks = client.v1.payment_intents.create(form).latest_charge.payment_method_details.card.checks
    assert checks.cvc_check == "pass"
    fails(lambda: client.v1.payment_intents.create(form), "token_already_used",
          "payment_method_options[card][cvc_token]")  # fmt: skip


def test_what_cannot_be(client: Any) -> None:
    create = client.v1.tokens.create
    fails(lambda: create({}), "parameter_missing", None)
    fails(lambda: create({"card": CARD, "pii": {"id_number": "1"}}), "parameters_exclusive", None)
    fails(lambda: create({"card": {**CARD, "number": "4242424242424241"}}), "incorrect_number", "number", 402)
    fails(lambda: create({"card": {**CARD, "exp_month": "13"}}), "invalid_expiry_month", "exp_month", 402)
    fails(lambda: create({"card": {**CARD, "exp_year": "2019"}}), "invalid_expiry_year", "exp_year", 402)
    fails(lambda: create({"card": {**CARD, "cvc": "12"}}), "invalid_cvc", "cvc", 402)
    fails(lambda: create({"card": "card_1", "customer": "cus_1"}), None, "customer")
    fails(lambda: create({"cvc_update": {"cvc": "x"}}), "invalid_cvc", "cvc_update[cvc]")
    fails(lambda: client.v1.tokens.retrieve("tok_none"), "resource_missing", "id", 404)
