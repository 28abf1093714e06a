"""Accounts that a platform opens, by the paths of the SDK; and its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox

Open = Any


def test_ones_own_account_by_its_id(client: stripe.StripeClient) -> None:
    own = client.v1.accounts.retrieve_current()
    assert client.v1.accounts.retrieve(own.id).to_dict() == own.to_dict()
    with pytest.raises(stripe.InvalidRequestError, match="your own account"):
        client.v1.accounts.update(own.id, {"email": "me@example.com"})
    with pytest.raises(stripe.InvalidRequestError, match="your own account"):
        client.v1.accounts.delete(own.id)


def test_no_other_account(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        client.v1.accounts.retrieve("acct_another")
    assert refused.value.json_body["error"]["code"] == "account_invalid"


@pytest.mark.parametrize(
    ("type", "payer", "losses", "collection", "dashboard"),
    [
        ("standard", "account", "stripe", "stripe", "full"),
        ("express", "application_express", "application", "stripe", "express"),
        ("custom", "application_custom", "application", "application", "none"),
    ],
)
def test_each_type_says_who_is_responsible(
    client: stripe.StripeClient, type: Any, payer: str, losses: str, collection: str, dashboard: str
) -> None:
    made: Any = client.v1.accounts.create({"type": type, "country": "DE", "email": "shop@example.com"})
    assert (made.type, made.country, made.default_currency) == (type, "DE", "eur")
    controller = made.controller
    assert (controller.fees.payer, controller.losses.payments) == (payer, losses)
    assert (controller.requirement_collection, controller.stripe_dashboard.type) == (collection, dashboard)
    assert (made.charges_enabled, made.payouts_enabled, made.details_submitted) == (False, False, False)
    assert client.v1.accounts.retrieve(made.id).to_dict() == made.to_dict()


def test_controller_properties(client: stripe.StripeClient) -> None:
    form: Any = {"controller": {"fees": {"payer": "application"}, "stripe_dashboard": {"type": "express"}}}
    made: Any = client.v1.accounts.create(form)
    assert (made.type, made.controller.fees.payer, made.controller.is_controller) == ("none", "application", True)
    with pytest.raises(stripe.InvalidRequestError, match="mutually exclusive"):
        client.v1.accounts.create({**form, "type": "custom"})
    with pytest.raises(stripe.InvalidRequestError, match="requirement_collection"):
        client.v1.accounts.create({"controller": {"requirement_collection": "application"}})


def test_what_is_given_changes_field_by_field(open_account: Open, client: stripe.StripeClient) -> None:
    made = open_account(metadata={"shop": "7"}, business_profile={"name": "Ada's", "url": "https://ada.example"})
    settings: Any = {"payouts": {"schedule": {"interval": "weekly", "weekly_anchor": "friday"}},
                     "payments": {"statement_descriptor": "ADA"}}  # fmt: skip
    changed: Any = client.v1.accounts.update(
        made.id, {"business_profile": {"url": ""}, "metadata": {"size": "L"}, "settings": settings,
                  "company": {"name": "Ada Ltd", "address": {"city": "Austin"}, "tax_id": "000000000"}},
    )  # fmt: skip
    assert (changed.business_profile.name, changed.business_profile.url) == ("Ada's", None)
    assert changed.metadata.to_dict() == {"shop": "7", "size": "L"}
    assert (changed.settings.payouts.schedule.weekly_anchor, changed.settings.payments.statement_descriptor) == (
        "friday", "ADA",
    )  # fmt: skip
    assert (changed.company.name, changed.company.address.city, changed.company.tax_id_provided) == (
        "Ada Ltd", "Austin", True,
    )  # fmt: skip
    assert "000000000" not in str(changed)


def test_all_parts_of_the_profile_and_the_settings(open_account: Open, client: stripe.StripeClient) -> None:
    revenue = {"amount": 100_000, "currency": "usd", "fiscal_year_end": "2025-12-31"}
    address = {"city": "Austin", "country": "US", "line1": "1 Main St"}
    profile = {"annual_revenue": revenue, "support_address": address, "estimated_worker_count": 3}
    settings = {"payouts": {"schedule": {"interval": "daily", "delay_days": "minimum"}},
                "card_payments": {"decline_on": {"avs_failure": True}},
                "branding": {"primary_color": "#ff0000"}}  # fmt: skip
    made = open_account(business_profile=profile, settings=settings)
    again: Any = client.v1.accounts.update(made.id, {"business_profile": {"annual_revenue": {**revenue, "amount": 5}}})
    assert (again.business_profile.annual_revenue.amount, again.business_profile.support_address.city) == (5, "Austin")
    assert (again.settings.payouts.schedule.delay_days, again.settings.card_payments.decline_on.avs_failure) == (
        2,
        True,
    )
    accepted: Any = {"additional_tos_acceptances": {"account": {"date": 1_700_000_000, "ip": "203.0.113.7"}}}
    person = client.v1.accounts.persons.create(made.id, {**accepted, "political_exposure": "none"})
    assert person.additional_tos_acceptances.account.ip == "203.0.113.7"


def test_the_list_is_the_platforms(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    made = [open_account().id for _ in range(3)][::-1]
    assert [one.id for one in client.v1.accounts.list().data] == made
    first = client.v1.accounts.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (made[:2], True)
    assert [one.id for one in client.v1.accounts.list({"starting_after": made[1]}).data] == made[2:]
    assert [one.id for one in client.v1.accounts.list({"ending_before": made[2], "limit": 1}).data] == [made[1]]
    assert client.v1.accounts.list({"created": {"lt": 1000}}).data == []
    other = nostro.client_of(f"{nostro.key}other")
    assert other.v1.accounts.list().data == []
    with pytest.raises(stripe.PermissionError):
        other.v1.accounts.retrieve(made[0])
    with pytest.raises(stripe.PermissionError):
        other.v1.accounts.update(made[0], {"email": "x@example.com"})


def test_many_at_once(open_account: Open, client: stripe.StripeClient) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = {account.id for account in pool.map(lambda _: open_account(), range(6))}
    assert {one.id for one in client.v1.accounts.list().data} == made
    assert len(made) == 6


def test_an_idempotent_creation_opens_one(client: stripe.StripeClient) -> None:
    form: Any = {"type": "express"}
    first, again = (client.v1.accounts.create(form, {"idempotency_key": "once"}) for _ in range(2))
    assert first.id == again.id
    assert len(client.v1.accounts.list().data) == 1


def test_a_rejected_account(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    rejected: Any = client.v1.accounts.reject(account.id, {"reason": "fraud"})
    assert rejected.requirements.disabled_reason == "rejected.fraud"
    assert (rejected.charges_enabled, rejected.payouts_enabled) == (False, False)


def test_a_deleted_account_is_out_of_reach(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    assert client.v1.accounts.delete(account.id).deleted is True
    assert client.v1.accounts.list().data == []
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve(account.id)
    with pytest.raises(stripe.PermissionError):
        client.v1.customers.list(options={"stripe_account": account.id})


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"country": "XX"}, "country"),
        ({"type": "special"}, "type"),
        ({"capabilities": {"fly": {"requested": True}}}, "capabilities[fly]"),
        ({"default_currency": "zzz"}, "default_currency"),
        ({"business_profile": {"mcc": "12"}}, "business_profile[mcc]"),
        ({"tos_acceptance": {"date": 1, "ip": "203.0.113.7"}}, "tos_acceptance"),
        ({"individual": {"ssn_last_4": "12"}}, "individual[ssn_last_4]"),
    ],
)
def test_wrong_parameters(client: stripe.StripeClient, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.accounts.create({"type": "standard", **form})
    assert caught.value.param == param
    assert client.v1.accounts.list().data == []


def test_many_accounts_can_be_opened_at_once(open_account: Open) -> None:
    with ThreadPoolExecutor(32) as pool:
        opened = list(pool.map(lambda _: open_account().id, range(64)))
    assert len(set(opened)) == 64
