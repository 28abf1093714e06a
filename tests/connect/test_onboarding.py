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


def ask(url: str, outcome: str | None = None) -> tuple[int, str]:
    """The status, and where it leads or what it says."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    connection.request("POST" if outcome else "GET", parts.path, urlencode({"outcome": outcome}) if outcome else None)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["location"] or text


def link(client: stripe.StripeClient, account: str, **more: Any) -> Any:
    form: Any = {"account": account, "type": "account_onboarding", "return_url": BACK, "refresh_url": AGAIN, **more}
    return client.v1.account_links.create(form)


@pytest.mark.parametrize(
    "given", [{}, {"business_type": "company"}, {"type": "express", "country": "DE"}, {"type": "standard"}]
)
def test_one_click_gives_all_that_is_asked(open_account: Open, client: stripe.StripeClient, given: Any) -> None:
    account = open_account(email="jenny@example.com", **given)
    made = link(client, account.id)
    status, page = ask(made.url)
    assert (status, "jenny@example.com" in page, "external account" in page) == (200, True, True)
    assert ask(made.url, "complete") == (303, BACK)
    done: Any = client.v1.accounts.retrieve(account.id)
    assert (done.charges_enabled, done.payouts_enabled, done.details_submitted) == (True, True, True)
    assert done.requirements.eventually_due == []
    assert ask(made.url) == (303, AGAIN)
    assert ask(made.url, "complete") == (303, AGAIN)


def test_details_that_did_not_pass_are_put_right(open_account: Open, client: stripe.StripeClient) -> None:
    wrong = {"address": {"line1": "address_no_match"}, "id_number": "111111111"}
    account = open_account(business_type="individual", individual=wrong)
    assert ask(link(client, account.id).url, "complete") == (303, BACK)
    assert client.v1.accounts.retrieve(account.id).charges_enabled is True


def test_later_leaves_the_account_as_it_is(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    assert ask(link(client, account.id).url, "later") == (303, BACK)
    assert client.v1.accounts.retrieve(account.id).to_dict() == account.to_dict()


def test_an_old_link_leads_to_another(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    made = link(client, open_account().id)
    nostro.advance(301)
    assert ask(made.url) == (303, AGAIN)
    assert ask(made.url[:-1] + "0")[0] == 404


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
    ask(link(client, account.id).url, "complete")
    status, page = ask(client.v1.accounts.login_links.create(account.id).url)
    assert (status, account.id in page) == (200, True)
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
