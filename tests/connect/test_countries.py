"""What each country asks of whom, and in which form its bank accounts are numbered."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails
from nostro.connect.bank_numbers import FORMS, example
from nostro.connect.countries import COUNTRIES
from nostro.testing.sandbox import Sandbox
from seller import ADA, WHOLE

Open = Any


def due(open_account: Open, country: str, business: str) -> set[str]:
    account = open_account(country=country, business_type=business)
    assert account.requirements.currently_due == account.requirements.past_due
    return set(account.requirements.currently_due)


@pytest.mark.parametrize(
    ("country", "asked", "not_asked"),
    [
        ("US", {"individual.ssn_last_4", "individual.address.state"}, {"individual.id_number"}),
        ("DE", {"individual.address.postal_code"}, {"individual.address.state", "individual.ssn_last_4"}),
        ("HK", {"individual.id_number"}, {"individual.address.postal_code"}),
        ("JP", {"individual.first_name_kana", "individual.address_kanji.town"}, {"individual.first_name"}),
        ("SG", {"individual.nationality", "individual.id_number"}, {"individual.address.state"}),
        ("BR", {"individual.id_number", "individual.address.state"}, {"individual.nationality"}),
        ("MX", {"individual.political_exposure", "individual.nationality"}, set()),
        ("AE", {"individual.verification.document"}, {"individual.address.postal_code"}),
        ("NO", {"individual.address.postal_code"}, {"individual.id_number"}),
        ("IN", {"individual.id_number"}, {"individual.verification.document"}),
    ],
)
def test_of_an_individual(open_account: Open, country: str, asked: set[str], not_asked: set[str]) -> None:
    found = due(open_account, country, "individual")
    assert asked <= found
    assert not (not_asked & found)


@pytest.mark.parametrize(
    ("country", "roles"),
    [
        ("US", {"owners"}),
        ("GB", {"owners", "directors", "executives"}),
        ("FR", {"owners", "directors", "executives"}),
        ("CA", {"owners", "directors"}),
        ("AE", {"owners", "executives"}),
        ("BR", {"owners"}),
    ],
)  # fmt: skip
def test_of_a_company(open_account: Open, country: str, roles: set[str]) -> None:
    found = due(open_account, country, "company")
    assert {name.partition(".")[0] for name in found} & {"owners", "directors", "executives"} == roles
    assert {f"company.{role}_provided" for role in roles} | {"company.tax_id", "representative.last_name"} <= found


def test_each_country_opens_and_says_what_it_asks(client: stripe.StripeClient) -> None:
    listed = {spec.id: spec for spec in client.v1.country_specs.list({"limit": 100}).data}
    assert set(listed) == set(COUNTRIES)
    for code, spec in listed.items():
        fields: Any = spec.verification_fields
        assert "external_account" in fields.individual.minimum, code
        assert "representative.email" in fields.company.minimum, code
        assert spec.supported_bank_account_currencies.to_dict()[spec.default_currency], code
    assert {"AE", "AU", "BR", "CA", "CH", "GB", "HK", "IN", "JP", "MX", "NO", "NZ", "SG", "US"} < set(listed)


def test_what_a_law_will_ask(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    """The anti-money-laundering regulation of the European Union applies from 10 July 2027."""
    given = {"country": "DE", "external_account": {"object": "bank_account", "country": "DE",
             "account_number": "DE89370400440532013000"}}  # fmt: skip
    document = {"verification": {"document": {"front": "file_identity_document_success"}}}
    person = {key: value for key, value in ADA.items() if key != "ssn_last_4"}
    account = open_account(**{**WHOLE, **given, "individual": {**person, **document}})
    assert account.requirements.eventually_due == []
    ahead = account.future_requirements
    assert (ahead.eventually_due, ahead.currently_due, ahead.current_deadline) == (["individual.nationality"], [], None)
    day = 1_815_177_600
    nostro.advance(day - nostro.now - 30 * 86_400)
    account = client.v1.accounts.retrieve(account.id)
    ahead = account.future_requirements
    assert (ahead.currently_due, ahead.current_deadline) == (["individual.nationality"], day)
    assert account.individual.future_requirements.currently_due == ["nationality"]
    nostro.advance(days=31)
    account = client.v1.accounts.retrieve(account.id)
    assert account.future_requirements.eventually_due == []
    assert (account.requirements.currently_due, account.charges_enabled) == (["individual.nationality"], True)
    assert account.requirements.current_deadline == day + 30 * 86_400
    nostro.advance(days=30)
    account = client.v1.accounts.retrieve(account.id)
    assert (account.requirements.past_due, account.charges_enabled) == (["individual.nationality"], False)
    account = client.v1.accounts.update(account.id, {"individual": {"nationality": "DE"}})
    assert (account.requirements.currently_due, account.charges_enabled) == ([], True)


# Bank accounts ---------------------------------------------------------------


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_the_published_numbers_of_each_country(open_account: Open, client: stripe.StripeClient, country: str) -> None:
    number, routing = example(country)
    bank: dict[str, Any] = {"object": "bank_account", "country": country, "account_number": number}
    if routing:
        bank["routing_number"] = routing
    account = open_account(country=country, external_account=bank)
    (kept,) = account.external_accounts.data
    assert (kept.currency, kept.last4, kept.status) == (COUNTRIES[country].currency, number[-4:], "new")
    assert number not in str(account)


@pytest.mark.parametrize(
    ("country", "number", "routing", "code", "param"),
    [
        ("GB", "00012345", "10880", "routing_number_invalid", "routing_number"),
        ("GB", "00012345", None, "parameter_missing", "routing_number"),
        ("AU", "000123456", "1100", "routing_number_invalid", "routing_number"),
        ("CA", "000123456789", "110000000", "routing_number_invalid", "routing_number"),
        ("IN", "000123456789", "HDFC1004051", "routing_number_invalid", "routing_number"),
        ("MY", "000123456000", "TESTXXKL", "routing_number_invalid", "routing_number"),
        ("MX", "032180000118359711", None, "account_number_invalid", "account_number"),
        ("MX", "1234", None, "account_number_invalid", "account_number"),
        ("FR", "FR1420041010050500013M02607", None, "account_number_invalid", "account_number"),
        ("FR", "12345678", None, "account_number_invalid", "account_number"),
        ("JP", "9876543", "1100000", "account_number_invalid", "account_number"),
        ("NZ", "12", None, "account_number_invalid", "account_number"),
    ],
)
def test_wrong_numbers(
    open_account: Open, client: stripe.StripeClient, country: str, number: str, routing: str | None, code: str,
    param: str,
) -> None:  # fmt: skip
    account = open_account(country=country)
    bank: Any = {"object": "bank_account", "country": country, "account_number": number}
    if routing:
        bank["routing_number"] = routing
    call = lambda: client.v1.accounts.external_accounts.create(account.id, {"external_account": bank})  # noqa: E731
    fails(call, code, f"external_account[{param}]")


def test_every_country_has_a_form() -> None:
    assert set(COUNTRIES) == set(FORMS)


def test_another_countrys_currency(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(country="GB")
    iban: Any = {"object": "bank_account", "country": "DE", "currency": "eur",
                 "account_number": "DE89370400440532013000"}  # fmt: skip
    made: Any = client.v1.accounts.external_accounts.create(account.id, {"external_account": iban})
    assert made.currency == "eur"
    fails(
        lambda: client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"}), None,
        "external_account[currency]",
    )  # fmt: skip
    fails(lambda: client.v1.accounts.update(account.id, {"default_currency": "jpy"}), None, "default_currency")
    assert client.v1.accounts.update(account.id, {"default_currency": "eur"}).default_currency == "eur"
