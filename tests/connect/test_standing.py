"""What is asked of an account, and what it may do once that is given."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from seller import ADA, BANK, WHOLE

Open = Any


def events(client: stripe.StripeClient, account: str, family: str) -> list[Any]:
    """What was told of the account, oldest first."""
    listed = client.v1.events.list({"limit": 100}, {"stripe_account": account})
    return [event for event in listed.data[::-1] if event.type.startswith(family)]


def test_a_new_account_lists_what_it_lacks(open_account: Open) -> None:
    account = open_account()
    due = account.requirements
    assert {"business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip"} < set(due.currently_due)
    assert due.past_due == due.currently_due
    assert due.disabled_reason == "requirements.past_due"
    assert account.capabilities.to_dict() == {"card_payments": "inactive", "transfers": "inactive"}


def test_given_step_by_step_until_it_is_enabled(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    asked = None
    for name, value in WHOLE.items():
        form: Any = {name: value}
        account = client.v1.accounts.update(account.id, form)
        if name == "business_type":
            asked = set(account.requirements.currently_due)
    assert asked is not None
    assert {"individual.first_name", "individual.dob.day", "individual.ssn_last_4", "business_profile.mcc"} < asked
    assert account.requirements.currently_due == []
    assert account.requirements.disabled_reason is None
    assert account.requirements.eventually_due == ["individual.id_number"]
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (True, True, True)
    assert account.capabilities.to_dict() == {"card_payments": "active", "transfers": "active"}
    assert (account.individual.first_name, account.individual.verification.status) == ("Ada", "verified")
    last = events(client, account.id, "account.updated")[-1]
    assert last.data.object.charges_enabled is True
    assert last.data.previous_attributes["charges_enabled"] is False
    told = {one.data.object.id: one.data.object.status for one in events(client, account.id, "capability.updated")}
    assert told == {"card_payments": "active", "transfers": "active"}


def test_all_at_once(open_account: Open) -> None:
    account = open_account(**WHOLE)
    assert (account.charges_enabled, account.payouts_enabled) == (True, True)
    assert [bank.last4 for bank in account.external_accounts.data] == ["6789"]


def test_what_is_asked_later_falls_due_and_past_due(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox
) -> None:
    account = open_account(**WHOLE)
    nostro.advance(days=31)
    account = client.v1.accounts.retrieve(account.id)
    assert account.requirements.currently_due == ["individual.id_number"]
    assert account.requirements.past_due == []
    assert account.requirements.current_deadline > nostro.now
    assert account.charges_enabled is True
    nostro.advance(days=30)
    account = client.v1.accounts.retrieve(account.id)
    assert account.requirements.past_due == ["individual.id_number"]
    assert account.capabilities.to_dict() == {"card_payments": "inactive", "transfers": "active"}
    assert account.charges_enabled is False
    last = events(client, account.id, "capability.updated")[-1].data
    assert (last.object.id, last.object.status, last.previous_attributes["status"]) == (
        "card_payments", "inactive", "active",
    )  # fmt: skip
    account = client.v1.accounts.update(account.id, {"individual": {"id_number": "000000000"}})
    assert account.requirements.eventually_due == []
    assert account.charges_enabled is True


def test_capabilities_one_by_one(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**{**WHOLE, "capabilities": {"transfers": {"requested": True}}})
    capabilities = client.v1.accounts.capabilities
    assert [(one.id, one.status) for one in capabilities.list(account.id).data] == [("transfers", "active")]
    assert (account.charges_enabled, account.payouts_enabled) == (False, True)
    unasked = capabilities.retrieve(account.id, "card_payments")
    assert (unasked.requested, unasked.status) == (False, "unrequested")
    cards = capabilities.update(account.id, "card_payments", {"requested": True})
    assert (cards.requested, cards.status, cards.account) == (True, "active", account.id)
    gone = capabilities.update(account.id, "card_payments", {"requested": False})
    assert (gone.requested, gone.status, gone.requested_at) == (False, "unrequested", None)
    assert client.v1.accounts.retrieve(account.id).charges_enabled is False
    with pytest.raises(stripe.InvalidRequestError) as caught:
        capabilities.retrieve(account.id, "fly")
    assert caught.value.http_status == 404


def test_a_company_and_its_people(open_account: Open, client: stripe.StripeClient) -> None:
    company = {"name": "Ada Ltd", "phone": "+15125550100", "tax_id": "000000000", "owners_provided": True,
               "address": ADA["address"]}  # fmt: skip
    rest = {key: value for key, value in WHOLE.items() if key != "individual"}
    account = open_account(**{**rest, "business_type": "company", "company": company})
    assert all(name.startswith("representative.") for name in account.requirements.currently_due)
    persons = client.v1.accounts.persons
    person = persons.create(account.id, {"first_name": "Ada", "relationship": {"representative": True}})
    account = client.v1.accounts.retrieve(account.id)
    assert f"{person.id}.last_name" in account.requirements.currently_due
    assert "last_name" in persons.retrieve(account.id, person.id).requirements.currently_due
    person = persons.update(account.id, person.id, {**ADA, "relationship": {"representative": True, "title": "CEO"}})
    assert (person.verification.status, person.requirements.currently_due) == ("verified", [])
    account = client.v1.accounts.retrieve(account.id)
    assert (account.charges_enabled, account.requirements.currently_due) == (True, [])
    owner = persons.create(account.id, {"first_name": "Bo", "relationship": {"owner": True, "percent_ownership": 25}})
    owners: Any = {"relationship": {"owner": True}}
    assert [one.id for one in persons.list(account.id, owners).data] == [owner.id]
    assert [one.id for one in persons.list(account.id).data] == [owner.id, person.id]
    assert persons.delete(account.id, person.id).deleted is True
    assert client.v1.accounts.retrieve(account.id).charges_enabled is False
    told = [one.type for one in events(client, account.id, "person.")]
    assert told == ["person.created", "person.updated", "person.created", "person.deleted"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id_number": "111111111"}, "verification_failed_keyed_identity"),
        ({"address": {**ADA["address"], "line1": "address_no_match"}}, "verification_failed_keyed_identity"),
        ({"verification": {"document": {"front": "file_identity_document_failure"}}},
         "verification_document_not_readable"),
    ],
)  # fmt: skip
def test_what_does_not_pass_the_check(open_account: Open, client: stripe.StripeClient, change: Any, code: str) -> None:
    account = open_account(**{**WHOLE, "individual": {**ADA, **change}})
    assert account.individual.verification.status == "unverified"
    assert [(one.code, one.requirement) for one in account.requirements.errors] == [
        (code, "individual.verification.document")
    ]
    assert account.requirements.currently_due == ["individual.verification.document"]
    assert account.charges_enabled is False
    form: Any = {"individual": {"verification": {"document": {"front": "file_identity_document_success"}}}}
    account = client.v1.accounts.update(account.id, form)
    assert (account.individual.verification.status, account.charges_enabled) == ("verified", True)
    assert "111111111" not in str(account)


def test_without_a_bank_nothing_is_paid_out(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**{key: value for key, value in WHOLE.items() if key != "external_account"})
    assert account.requirements.currently_due == ["external_account"]
    bank: Any = client.v1.accounts.external_accounts.create(account.id, {"external_account": dict(BANK)})
    assert (bank.account, bank.default_for_currency) == (account.id, True)
    account = client.v1.accounts.retrieve(account.id)
    assert (account.payouts_enabled, account.external_accounts.data[0].id) == (True, bank.id)
    assert client.v1.accounts.external_accounts.list(client.v1.accounts.retrieve_current().id).data == []
    assert client.v1.accounts.external_accounts.delete(account.id, bank.id).deleted is True
    assert client.v1.accounts.retrieve(account.id).payouts_enabled is False


def test_what_countries_ask(client: stripe.StripeClient) -> None:
    spec: Any = client.v1.country_specs.retrieve("US")
    assert spec.default_currency == "usd"
    assert "individual.ssn_last_4" in spec.verification_fields.individual.minimum
    germany: Any = client.v1.country_specs.retrieve("DE")
    assert "individual.ssn_last_4" not in germany.verification_fields.individual.minimum
    pages = [one.id for one in client.v1.country_specs.list({"limit": 5}).auto_paging_iter()]
    assert pages == sorted(pages)
    assert {"US", "DE"} < set(pages)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.country_specs.retrieve("XX")


def test_a_bank_account_is_in_its_countrys_currency(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(country="DE")
    iban: Any = {"object": "bank_account", "country": "DE", "account_number": "DE89370400440532013000"}
    bank: Any = client.v1.accounts.external_accounts.create(account.id, {"external_account": iban})
    assert (bank.currency, bank.last4, bank.default_for_currency) == ("eur", "3000", True)
