"""Debit cards as external accounts, and what tokens stand for."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails
from nostro.testing.sandbox import Sandbox
from seller import ADA, WHOLE

Open = Any
DEBIT: dict[str, Any] = {"object": "card", "number": "4000056655665556", "exp_month": 12, "exp_year": 2040,
                         "cvc": "123", "currency": "usd", "name": "Ada Lovelace", "address_zip": "78701"}  # fmt: skip


def add(client: stripe.StripeClient, account: str, given: Any, **more: Any) -> Any:
    return client.v1.accounts.external_accounts.create(account, {"external_account": given, **more})


@pytest.mark.parametrize(
    "given",
    [
        DEBIT,
        "tok_visa_debit_us_transferSuccess",
        {"object": "card", "token": "tok_visa_debit_us_transferSuccess", "currency": "usd"},
    ],
)
def test_a_debit_card_receives_payouts(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox, given: Any
) -> None:
    account = open_account(**WHOLE)
    card = add(client, account.id, given, metadata={"color": "gold"})
    assert (card.object, card.account, card.last4, card.funding) == ("card", account.id, "5556", "debit")
    assert (card.currency, card.default_for_currency, card.brand) == ("usd", False, "Visa")
    assert (card.available_payout_methods, card.metadata["color"]) == (["instant", "standard"], "gold")
    listed = client.v1.accounts.external_accounts.list(account.id, {"object": "card"}).data
    assert [one.id for one in listed] == [card.id]
    on: Any = {"stripe_account": account.id}
    form: Any = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                 "payment_method_types": ["card"]}  # fmt: skip
    client.v1.payment_intents.create(form, on)
    payout: Any = client.v1.payouts.create(
        {"amount": 1000, "currency": "usd", "destination": card.id, "method": "instant", "expand": ["destination"]}, on
    )
    assert (payout.type, payout.destination.id, payout.destination.object) == ("card", card.id, "card")
    nostro.advance(days=1)
    assert client.v1.payouts.retrieve(payout.id, options=on).status == "paid"


def test_changing_and_deleting_a_card(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(external_account=WHOLE["external_account"])
    card = add(client, account.id, DEBIT)
    external = client.v1.accounts.external_accounts
    form: Any = {"exp_month": "1", "exp_year": "2041", "address_city": "Austin", "default_for_currency": True}
    changed: Any = external.update(account.id, card.id, form)
    assert (changed.exp_month, changed.exp_year, changed.address_city) == (1, 2041, "Austin")
    assert [one.default_for_currency for one in external.list(account.id).data] == [True, False]
    fails(lambda: external.update(account.id, card.id, {"account_holder_name": "Ada"}), "parameter_unknown",
          "account_holder_name")  # fmt: skip
    fails(lambda: external.update(account.id, card.id, {"exp_year": "2001"}), "invalid_expiry_year", "exp_year")
    fails(lambda: external.delete(account.id, card.id), None, None)
    bank = external.list(account.id, {"object": "bank_account"}).data[0]
    external.update(account.id, bank.id, {"default_for_currency": True})
    gone: Any = external.delete(account.id, card.id)
    assert (gone.object, gone.deleted) == ("card", True)


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({**DEBIT, "number": "4242424242424242"}, "invalid_card_type", "external_account"),
        ({**DEBIT, "currency": "eur"}, None, "external_account[currency]"),
        ({**DEBIT, "color": "gold"}, "parameter_unknown", "external_account[color]"),
        ("tok_visa", "invalid_card_type", "external_account"),
        ("tok_none", "resource_missing", "external_account"),
    ],
)
def test_cards_that_take_no_payouts(
    open_account: Open, client: stripe.StripeClient, given: Any, code: str | None, param: str
) -> None:
    account = open_account()
    fails(lambda: add(client, account.id, given), code, param)


def test_a_card_without_instant_payouts_and_one_that_fails(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox
) -> None:
    account = open_account(**WHOLE)
    slow = add(client, account.id, {**DEBIT, "number": "4000056755665555"})
    assert slow.available_payout_methods == ["standard"]
    broken = add(client, account.id, {**DEBIT, "number": "4000056655665572"})
    on: Any = {"stripe_account": account.id}
    form: Any = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                 "payment_method_types": ["card"]}  # fmt: skip
    client.v1.payment_intents.create(form, on)
    payout = client.v1.payouts.create({"amount": 1000, "currency": "usd", "destination": broken.id}, on)
    nostro.advance(days=8)
    failed = client.v1.payouts.retrieve(payout.id, options=on)
    assert (failed.status, failed.failure_code) == ("failed", "could_not_process")
    assert client.v1.accounts.external_accounts.retrieve(account.id, broken.id).status == "errored"


# Tokens ----------------------------------------------------------------------


def test_a_bank_token_is_used_once(open_account: Open, client: stripe.StripeClient) -> None:
    form: Any = {"bank_account": {key: value for key, value in WHOLE["external_account"].items() if key != "object"}}
    token = client.v1.tokens.create(form)
    account = open_account(external_account=token.id)
    assert [bank.last4 for bank in account.external_accounts.data] == ["6789"]
    assert client.v1.tokens.retrieve(token.id).used is True
    fails(lambda: add(client, account.id, token.id), "token_already_used", "external_account")


def test_a_card_token_of_the_platform(open_account: Open, client: stripe.StripeClient) -> None:
    card: Any = {key: value for key, value in DEBIT.items() if key != "object"}
    token = client.v1.tokens.create({"card": card})
    account = open_account()
    made = add(client, account.id, token.id)
    assert (made.object, made.name, made.address_zip) == ("card", "Ada Lovelace", "78701")


def test_account_and_person_tokens(open_account: Open, client: stripe.StripeClient) -> None:
    given = {"business_type": "individual", "individual": ADA, "tos_shown_and_accepted": True}
    token = client.v1.tokens.create({"account": given})  # type: ignore[typeddict-item]
    rest = {key: WHOLE[key] for key in ("business_profile", "external_account")}
    account = open_account(account_token=token.id, **rest)
    assert (account.individual.last_name, account.charges_enabled) == ("Lovelace", True)
    assert account.tos_acceptance.date is not None
    fails(lambda: open_account(account_token=token.id), "token_already_used", "account_token")
    wrong: Any = {"person": {**ADA, "ssn_last_4": "1111", "relationship": {"owner": True}}}
    company = open_account(business_type="company")
    person: Any = client.v1.accounts.persons.create(
        company.id, {"person_token": client.v1.tokens.create(wrong).id, "email": "other@example.com"}
    )
    assert (person.first_name, person.email, person.relationship.owner) == ("Ada", "other@example.com", True)
    assert person.verification.details_code == "failed_keyed_identity"
    fails(lambda: client.v1.tokens.create({"account": {"individual": {"shoe_size": 7}}}), "parameter_unknown",  # type: ignore[typeddict-unknown-key]
          "account[individual][shoe_size]")  # fmt: skip


def test_a_saved_card_is_shared_with_an_account(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**WHOLE)
    customer = client.v1.customers.create({"source": "tok_bypassPending"})
    on: Any = {"stripe_account": account.id}
    token = client.v1.tokens.create({"customer": customer.id}, on)
    charge = client.v1.charges.create({"amount": 700, "currency": "usd", "source": token.id}, on)
    assert charge.status == "succeeded"
    fails(lambda: client.v1.tokens.create({"customer": customer.id}), None, "customer")
    fails(lambda: client.v1.tokens.create({"customer": "cus_none"}, on), "resource_missing", "customer")
