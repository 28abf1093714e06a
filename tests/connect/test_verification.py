"""What test mode's check of persons and companies finds, by the published test values."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import stripe

from expect import fails
from nostro.testing.sandbox import Sandbox
from seller import ADA, WHOLE

Open = Any


def with_person(**change: Any) -> Any:
    return {**WHOLE, "individual": {**ADA, **change}}


def test_a_check_that_takes_its_time(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    heard = nostro.webhooks("person.updated", "capability.updated", connect=True)
    account = open_account(**with_person(dob={"day": 1, "month": 1, "year": 1901}))
    assert (account.individual.verification.status, account.charges_enabled) == ("pending", False)
    assert account.requirements.pending_verification == ["individual.verification.document"]
    assert account.requirements.disabled_reason == "requirements.pending_verification"
    assert account.capabilities.to_dict() == {"card_payments": "pending", "transfers": "pending"}
    nostro.advance(5)
    account = client.v1.accounts.retrieve(account.id)
    assert (account.individual.verification.status, account.charges_enabled) == ("verified", True)
    assert account.requirements.pending_verification == []
    told = [(one.type, one.data.object["id"]) for one in heard.settled()]
    assert {("person.updated", account.individual.id), ("capability.updated", "card_payments")} < set(told)
    client.v1.accounts.update(account.id, {"individual": {"first_name": "Augusta"}})
    again = client.v1.accounts.retrieve(account.id)
    assert again.charges_enabled is True, "a later check does not stop who is active"


@pytest.mark.parametrize(
    ("change", "code", "requirement"),
    [
        ({"individual": {**ADA, "dob": {"day": 1, "month": 1, "year": 2015}}}, "invalid_dob_age_under_18",
         "individual.dob.year"),
        ({"business_profile": {"mcc": "5734", "url": "https://inaccessible.stripe.com"}},
         "invalid_url_website_inaccessible", "business_profile.url"),
        ({"individual": {**ADA, "verification": {"additional_document": {"front": "file_identity_document_failure"}}}},
         "verification_document_not_readable", "individual.verification.additional_document"),
    ],
)  # fmt: skip
def test_what_does_not_pass(
    open_account: Open, client: stripe.StripeClient, change: Any, code: str, requirement: str
) -> None:
    account = open_account(**{**WHOLE, **change})
    assert [(one.code, one.requirement) for one in account.requirements.errors] == [(code, requirement)]
    assert (account.requirements.currently_due, account.charges_enabled) == ([requirement], False)
    fixed = client.v1.accounts.update(account.id, {**{key: WHOLE[key] for key in change}})
    if requirement.endswith("document"):
        good: Any = {
            "individual": {"verification": {"additional_document": {"front": "file_identity_document_success"}}}
        }
        fixed = client.v1.accounts.update(account.id, good)
    assert (fixed.requirements.errors, fixed.charges_enabled) == ([], True)


def test_somebody_who_may_be_on_a_list(open_account: Open) -> None:
    account = open_account(**with_person(dob={"day": 1, "month": 1, "year": 1900}))
    assert (account.requirements.disabled_reason, account.charges_enabled) == ("listed", False)
    assert (account.payouts_enabled, account.requirements.currently_due) == (False, [])


def test_what_may_be_given_instead(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**{key: value for key, value in WHOLE.items() if key != "business_profile"})
    ways = [way.to_dict() for way in account.requirements.alternatives]
    assert ways == [{"original_fields_due": ["business_profile.url"],
                     "alternative_fields_due": ["business_profile.product_description"]}]  # fmt: skip
    told: Any = {"business_profile": {"mcc": "5734", "product_description": "Prints"}}
    account = client.v1.accounts.update(account.id, told)
    assert (account.requirements.alternatives, account.charges_enabled) == ([], True)
    account = client.v1.accounts.update(account.id, {"individual": {"id_number": "111111111"}})
    (way,) = account.requirements.alternatives
    assert way.alternative_fields_due == ["individual.id_number"]
    account = client.v1.accounts.update(account.id, {"individual": {"id_number": "000000000"}})
    assert account.charges_enabled is True


def test_a_company_whose_tax_id_is_anothers(open_account: Open, client: stripe.StripeClient) -> None:
    company = {"name": "Ada Ltd", "phone": "0000000000", "tax_id": "111111112", "owners_provided": True,
               "address": ADA["address"]}  # fmt: skip
    rest = {key: value for key, value in WHOLE.items() if key != "individual"}
    account = open_account(**{**rest, "business_type": "company", "company": company})
    person: Any = {**ADA, "relationship": {"representative": True, "title": "CEO"}}
    client.v1.accounts.persons.create(account.id, person)
    account = client.v1.accounts.retrieve(account.id)
    assert [one.code for one in account.requirements.errors] == ["verification_failed_tax_id_match"]
    front: Any = {"company": {"verification": {"document": {"front": "file_identity_document_success"}}}}
    assert client.v1.accounts.update(account.id, front).charges_enabled is True


@pytest.mark.parametrize(
    ("reason", "shown", "more", "paid"),
    [
        ("fraud", "rejected.fraud", {}, False),
        ("fraud_payment_method_tester", "rejected.platform_fraud", {}, False),
        ("credit", "rejected.platform_other", {"payouts_action": "none"}, True),
    ],
)
def test_rejected_and_taken_back(
    open_account: Open, client: stripe.StripeClient, reason: Any, shown: str, more: Any, paid: bool
) -> None:
    account = open_account(**WHOLE)
    rejected: Any = client.v1.accounts.reject(account.id, {"reason": reason, **more})
    assert (rejected.requirements.disabled_reason, rejected.charges_enabled) == (shown, False)
    assert rejected.payouts_enabled is paid
    back = client.v1.accounts.unreject(account.id)
    assert (back.charges_enabled, back.payouts_enabled) == (True, True)
    fails(lambda: client.v1.accounts.unreject(account.id), None, "account")


def test_a_document_is_a_file_that_was_uploaded(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(business_type="company")

    def image() -> Any:
        return BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(64))

    own: Any = client.v1.files.create({"file": image(), "purpose": "identity_document"})
    theirs: Any = client.v1.files.create(
        {"file": image(), "purpose": "additional_verification"}, {"stripe_account": account.id}
    )
    person: Any = {"verification": {"document": {"front": own.id, "back": theirs.id}}}
    made: Any = client.v1.accounts.persons.create(account.id, person)
    assert (made.verification.document.front, made.verification.document.back) == (own.id, theirs.id)
    none: Any = {"verification": {"document": {"front": "file_none"}}}
    fails(lambda: client.v1.accounts.persons.create(account.id, none), "resource_missing",
          "verification[document][front]")  # fmt: skip
    other: Any = client.v1.files.create({"file": image(), "purpose": "dispute_evidence"})
    papers: Any = {"documents": {"company_license": {"files": [other.id]}}}
    fails(lambda: client.v1.accounts.update(account.id, papers), None, "documents[company_license][files][0]")


def test_a_recipient_takes_no_payments(open_account: Open, client: stripe.StripeClient) -> None:
    recipient: Any = {"country": "TH", "tos_acceptance": {"service_agreement": "recipient"},
                      "capabilities": {"transfers": {"requested": True}}}  # fmt: skip
    account = open_account(**recipient)
    assert not [name for name in account.requirements.currently_due if name.startswith("business_profile")]
    fails(lambda: client.v1.accounts.capabilities.update(account.id, "card_payments", {"requested": True}), None,
          "capabilities[card_payments]")  # fmt: skip


def test_no_capability_is_asked_for(open_account: Open) -> None:
    account = open_account(capabilities={"transfers": {"requested": False}})
    assert account.requirements.disabled_reason == "action_required.requested_capabilities"
    assert account.requirements.currently_due == []


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"tos_acceptance": {"date": 4_000_000_000, "ip": "203.0.113.7"}}, "tos_acceptance[date]"),
        ({"tos_acceptance": {"date": 1_700_000_000, "ip": "somewhere"}}, "tos_acceptance[ip]"),
        ({"individual": {"dob": {"day": 31, "month": 2, "year": 1980}}}, "individual[dob][day]"),
        ({"company": {"structure": "castle"}}, "company[structure]"),
    ],
)
def test_what_cannot_be_true(open_account: Open, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        open_account(**form)
    assert caught.value.param == param


def test_what_only_some_countries_ask_is_shown_once_it_is_given(
    open_account: Open, client: stripe.StripeClient
) -> None:
    company = {"name_kana": "テスト", "address_kanji": {"town": "神宮前", "line1": "27-15"},
               "registration_date": {"day": 1, "month": 4, "year": 1999}, "registration_number": "0100",
               "ownership_declaration": {"date": 1_700_000_000, "ip": "203.0.113.7"}}  # fmt: skip
    account = open_account(country="JP", business_type="company", company=company, groups={"payments_pricing": "gold"})
    assert (account.company.name_kana, account.company.address_kanji.town) == ("テスト", "神宮前")
    assert (account.company.registration_date.year, account.groups.payments_pricing) == (1999, "gold")
    assert "0100" not in str(account.company)
    person: Any = {"first_name_kana": "アダ", "id_number_secondary": "123", "address_kana": {"town": "ジングウマエ"},
                   "us_cfpb_data": {"race_details": {"race": ["asian"]}},
                   "documents": {"passport": {"files": ["file_identity_document_success"]}}}  # fmt: skip
    made: Any = client.v1.accounts.persons.create(account.id, person)
    assert (made.first_name_kana, made.id_number_secondary_provided) == ("アダ", True)
    assert made.us_cfpb_data.race_details.race == ["asian"]
    paypay: Any = {"settings": {"paypay_payments": {"site": {"type": "in_development",
                   "in_development": {"username": "ada", "password": "hush"}}}}}  # fmt: skip
    changed: Any = client.v1.accounts.update(account.id, paypay)
    assert changed.settings.paypay_payments.site.in_development.password_provided is True
    assert "hush" not in str(changed)
