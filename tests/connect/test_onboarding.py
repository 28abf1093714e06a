"""The pages on which the holder of a connected account gives what is asked, over HTTP."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from nostro.testing.sandbox import Sandbox

Open = Any
BACK, AGAIN = "https://shop.example/back", "https://shop.example/again"


def ask(url: str, **form: str) -> tuple[int, str]:
    """The status, and where it leads or what it says."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("POST" if form else "GET", target, urlencode(form) if form else None)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["location"] or text


def visit(url: str) -> str:
    """Open a link, and go where it leads."""
    status, path = ask(url)
    assert (status, path.startswith("/connect/")) == (303, True)
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def link(client: stripe.StripeClient, account: str, **more: Any) -> Any:
    form: Any = {"account": account, "type": "account_onboarding", "return_url": BACK, "refresh_url": AGAIN, **more}
    return client.v1.account_links.create(form)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"business_type": "company"},
        {"type": "express", "country": "DE"},
        {"type": "standard"},
        {"country": "JP"},
        {"country": "AE", "business_type": "company"},
        {"country": "GB", "business_type": "company"},
        {"country": "MX"},
    ],
)
def test_one_click_gives_all_that_is_asked(open_account: Open, client: stripe.StripeClient, given: Any) -> None:
    account = open_account(email="jenny@example.com", **given)
    made = link(client, account.id)
    page = visit(made.url)
    status, text = ask(page)
    assert (status, "jenny@example.com" in text, "Your business" in text) == (200, True, True)
    assert ask(page, do="everything") == (303, BACK)
    done: Any = client.v1.accounts.retrieve(account.id)
    assert (done.charges_enabled, done.payouts_enabled, done.details_submitted) == (True, True, True)
    assert done.requirements.eventually_due == []
    assert ask(page) == ask(made.url) == (303, AGAIN)
    assert ask(page, do="everything") == (303, AGAIN)


STEPS: list[dict[str, str]] = [
    {"step": "business", "business_type": "individual", "business_profile[mcc]": "5734",
     "business_profile[url]": "https://accessible.stripe.com"},
    {"step": "person", "person[first_name]": "Ada", "person[last_name]": "Lovelace", "person[dob][day]": "1",
     "person[dob][month]": "1", "person[dob][year]": "1902", "person[address][line1]": "address_full_match",
     "person[address][city]": "Austin", "person[address][postal_code]": "78701", "person[address][state]": "TX",
     "person[email]": "ada@example.com", "person[phone]": "0000000000", "person[ssn_last_4]": "0000"},
    {"step": "bank", "external_account[account_number]": "000123456789",
     "external_account[routing_number]": "110000000"},
    {"step": "review"},
]  # fmt: skip


def test_step_by_step(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    heard = nostro.webhooks("account.updated", connect=True)
    account = open_account(type="express")
    page = visit(link(client, account.id).url)
    for step in STEPS[:-1]:
        assert f'value="{step["step"]}"' in ask(page)[1]
        assert ask(page, do="next", **step) == (303, urlsplit(page).path)
    assert client.v1.accounts.retrieve(account.id).details_submitted is False
    assert ask(page, do="next", **STEPS[-1]) == (303, BACK)
    done: Any = client.v1.accounts.retrieve(account.id)
    assert (done.charges_enabled, done.payouts_enabled, done.tos_acceptance.ip) == (True, True, "127.0.0.1")
    assert (done.individual.first_name, done.individual.verification.status) == ("Ada", "verified")
    told = [(one.account, one.data.object["charges_enabled"]) for one in heard.settled()]
    assert told[-1] == (account.id, True)
    assert len(told) == len(STEPS)


@pytest.mark.parametrize(
    ("step", "change", "says"),
    [
        (0, {"business_profile[url]": ""}, "Needed."),
        (1, {"person[dob][day]": "41"}, "less than or equal to 31"),
        (1, {"person[dob][day]": "30", "person[dob][month]": "2"}, "no such day"),
        (1, {"person[ssn_last_4]": "12"}, "last 4 digits"),
        (1, {"person[first_name]": "<script>alert(1)</script>", "person[email]": ""}, "&lt;script&gt;"),
        (2, {"external_account[routing_number]": "110000001"}, "Invalid routing number"),
        (2, {"external_account[account_number]": "12"}, "account number"),
        (3, {}, "still missing"),
    ],
)
def test_what_is_wrong_is_said_beside_it(
    open_account: Open, client: stripe.StripeClient, step: int, change: dict[str, str], says: str
) -> None:
    account = open_account(business_type="individual")
    page = visit(link(client, account.id).url)
    status, text = ask(page, do="next", **{**STEPS[step], **change})
    assert (status, says in text) == (400, True)
    assert ("<script>" in text, 'class="wrong"' in text) == (False, step != 3)
    assert client.v1.accounts.retrieve(account.id).to_dict() == account.to_dict()


def test_a_company_names_its_people(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(country="FR", business_type="company")
    page = visit(link(client, account.id).url)
    person = {"step": "people", "do": "next", "person[first_name]": "Bo", "person[last_name]": "Berg",
              "person[email]": "bo@example.com", "person[dob][day]": "1", "person[dob][month]": "1",
              "person[dob][year]": "1902", "person[address][line1]": "address_full_match",
              "person[address][city]": "Paris"}  # fmt: skip
    assert "Say what this person is" in ask(page, **person)[1]
    assert ask(page, **person, **{"person[relationship][owner]": "true"})[0] == 303
    made: Any = client.v1.accounts.persons.list(account.id).data[0]
    assert (made.first_name, made.relationship.owner) == ("Bo", True)
    assert f"{made.id}.address.postal_code" not in client.v1.accounts.retrieve(account.id).requirements.currently_due
    assert ask(page, step="people", everybody="true")[0] == 303
    done: Any = client.v1.accounts.retrieve(account.id)
    assert (done.company.owners_provided, done.company.directors_provided) == (True, True)
    assert not [name for name in done.requirements.currently_due if name.startswith(("owners", "directors"))]


def test_test_values_are_shown_before_they_are_sent(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(business_type="individual")
    page = visit(link(client, account.id).url)
    assert "address_full_match" not in ask(f"{page}?step=person")[1]
    assert 'value="address_full_match"' in ask(page, step="person", do="fill")[1]
    assert client.v1.accounts.retrieve(account.id).to_dict() == account.to_dict()


def test_a_link_can_ask_for_what_is_due_later(open_account: Open, client: stripe.StripeClient) -> None:
    """An account in Germany is asked for a document in time, and for the nationality when a law wants it."""
    account = open_account(country="DE", business_type="individual")
    now = visit(link(client, account.id).url)
    later = visit(link(client, account.id, collection_options={"fields": "eventually_due"}).url)
    ahead = {"fields": "eventually_due", "future_requirements": "include"}
    then = visit(link(client, account.id, collection_options=ahead).url)
    shown = [("Nationality" in ask(f"{page}?step=person")[1], "Documents" in ask(f"{page}?step=review")[1])
             for page in (now, later, then)]  # fmt: skip
    assert shown == [(False, False), (False, True), (True, True)]


def test_details_that_did_not_pass_are_put_right(open_account: Open, client: stripe.StripeClient) -> None:
    wrong = {"address": {"line1": "address_no_match"}, "id_number": "111111111"}
    account = open_account(business_type="individual", individual=wrong)
    assert ask(visit(link(client, account.id).url), do="everything") == (303, BACK)
    assert client.v1.accounts.retrieve(account.id).charges_enabled is True


def test_later_leaves_the_account_as_it_is(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    assert ask(visit(link(client, account.id).url), do="later") == (303, BACK)
    assert client.v1.accounts.retrieve(account.id).to_dict() == account.to_dict()


def test_a_link_opens_once_and_in_time(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    account = open_account()
    made = link(client, account.id)
    page = visit(made.url)
    assert ask(made.url) == (303, AGAIN)
    assert ask(page)[0] == 200
    assert ask(page[:-1] + ("a" if page[-1] != "a" else "b"))[0] == 404
    nostro.advance(3601)
    assert ask(page) == (303, AGAIN)
    old = link(client, account.id)
    nostro.advance(301)
    assert ask(old.url) == (303, AGAIN)
    assert ask(old.url[:-1] + "0")[0] == 404


def test_who_onboards_says_who_it_is(open_account: Open, client: stripe.StripeClient) -> None:
    """Once the holder of an account was shown our page, the platform cannot say who the account is."""
    express, custom = open_account(type="express"), open_account()
    for account in (express, custom):
        client.v1.accounts.update(account.id, {"individual": {"first_name": "Ada"}, "business_type": "individual"})
        link(client, account.id)
    client.v1.accounts.update(custom.id, {"individual": {"first_name": "Bea"}})
    client.v1.accounts.update(express.id, {"metadata": {"order": "7"}})
    for call in (
        lambda: client.v1.accounts.update(express.id, {"individual": {"first_name": "Bea"}}),
        lambda: client.v1.accounts.persons.create(express.id, {"first_name": "Bea"}),
        lambda: client.v1.accounts.external_accounts.create(express.id, {"external_account": "btok_us"}),
    ):
        with pytest.raises(stripe.PermissionError):
            call()


def test_wrong_links(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(type="express")
    for change, param in (({"return_url": "nowhere"}, "return_url"), ({"type": "account_update"}, "type")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            link(client, account.id, **change)
        assert caught.value.param == param
    with pytest.raises(stripe.PermissionError):
        link(client, "acct_none")
    with pytest.raises(stripe.InvalidRequestError, match="your own account"):
        link(client, client.v1.accounts.retrieve_current().id)


def test_an_express_account_has_a_dashboard(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(type="express")
    with pytest.raises(stripe.InvalidRequestError, match="completed onboarding"):
        client.v1.accounts.login_links.create(account.id)
    ask(visit(link(client, account.id).url), do="everything")
    made = client.v1.accounts.login_links.create(account.id)
    status, page = ask(visit(made.url))
    assert (status, account.id in page, "Payments" in page) == (200, True, True)
    assert ask(made.url)[0] == 410
    with pytest.raises(stripe.InvalidRequestError, match="not an Express account"):
        client.v1.accounts.login_links.create(open_account().id)


def test_a_session_for_embedded_components(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    wanted = {"payments": {"enabled": True, "features": {"refund_management": False}}}
    form: Any = {"account": account.id, "components": wanted}
    made: Any = client.v1.account_sessions.create(form)
    assert (made.account, made.client_secret.startswith("accs_secret__")) == (account.id, True)
    assert made.components.payments.enabled is True
    assert made.components.payments.features.refund_management is False
    assert made.components.payouts.enabled is False
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.account_sessions.create({**form, "components": {"games": {"enabled": True}}})
    assert caught.value.param == "components[games]"
