"""A platform that accounts connect to by OAuth, with the SDK's own calls."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe

from nostro.testing.sandbox import Sandbox

BACK = "https://shop.example/connected"


def client_of(nostro: Sandbox, key: str, client_id: str | None = None) -> stripe.StripeClient:
    bases: Any = {"api": nostro.api_base, "connect": nostro.api_base}
    return stripe.StripeClient(key, base_addresses=bases, client_id=client_id)


@pytest.fixture
def platform(nostro: Sandbox, client: stripe.StripeClient) -> stripe.StripeClient:
    own = client.v1.accounts.retrieve_current().id
    return client_of(nostro, nostro.key, own.replace("acct_", "ca_"))


def agree(platform: stripe.StripeClient, answer: str = "connect", **given: Any) -> dict[str, list[str]]:
    """What the holder's browser brings back to the platform."""
    options: Any = given.pop("options", {})
    url = platform.oauth.authorize_url({"scope": "read_write", "redirect_uri": BACK, "state": "s1", **given}, options)
    parts = urlsplit(url)
    assert "wants to act for your account" in httpx.get(url).text
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    reply = httpx.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data={**form, "answer": answer})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith(BACK + "?")
    return parse_qs(urlsplit(reply.headers["location"]).query)


def test_an_account_connects_and_leaves(
    platform: stripe.StripeClient, client: stripe.StripeClient, nostro: Sandbox
) -> None:
    heard = nostro.webhooks("account.application.authorized", "account.application.deauthorized", connect=True)
    back = agree(platform, stripe_user={"email": "ada@example.com", "country": "DE"})
    assert (back["state"], back["scope"]) == (["s1"], ["read_write"])
    token: Any = platform.oauth.token({"grant_type": "authorization_code", "code": back["code"][0]})
    account: Any = client.v1.accounts.retrieve(token.stripe_user_id)
    assert (account.type, account.country, account.email) == ("standard", "DE", "ada@example.com")
    assert (account.charges_enabled, token.token_type, token.livemode) == (True, "bearer", False)
    own = client_of(nostro, token.access_token)
    assert own.v1.accounts.retrieve_current().id == account.id
    own.v1.customers.create({"email": "buyer@example.com"})
    assert len(client.v1.customers.list(options={"stripe_account": account.id}).data) == 1
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token({"grant_type": "authorization_code", "code": back["code"][0]})

    again: Any = platform.oauth.token({"grant_type": "refresh_token", "refresh_token": token.refresh_token})
    assert again.stripe_user_id == account.id
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token({"grant_type": "refresh_token", "refresh_token": token.refresh_token})

    gone = platform.oauth.deauthorize({"stripe_user_id": account.id})
    assert gone.stripe_user_id == account.id
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve(account.id)
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token({"grant_type": "refresh_token", "refresh_token": again.refresh_token})
    with pytest.raises(stripe.oauth_error.InvalidClientError):
        platform.oauth.deauthorize({"stripe_user_id": account.id})
    end = time.monotonic() + 20
    while not heard.of("account.application.deauthorized") and time.monotonic() < end:
        time.sleep(0.02)  # the account is not the sandbox's any more, which waits for its own
    told = [(one.type, one.account, one.data.object["object"]) for one in heard.settled()]
    assert told == [
        ("account.application.authorized", account.id, "application"),
        ("account.application.deauthorized", account.id, "application"),
    ]


def test_an_express_account_by_oauth(platform: stripe.StripeClient, client: stripe.StripeClient) -> None:
    back = agree(platform, options={"express": True})
    token: Any = platform.oauth.token({"grant_type": "authorization_code", "code": back["code"][0]})
    account = client.v1.accounts.retrieve(token.stripe_user_id)
    assert (account.type, account.charges_enabled) == ("express", True)
    with pytest.raises(stripe.oauth_error.InvalidRequestError):
        platform.oauth.deauthorize({"stripe_user_id": account.id})


def test_who_does_not_agree(platform: stripe.StripeClient, client: stripe.StripeClient) -> None:
    assert agree(platform, "deny")["error"] == ["access_denied"]
    assert client.v1.accounts.list().data == []


def test_a_code_is_one_platforms_and_soon_too_old(platform: stripe.StripeClient, nostro: Sandbox) -> None:
    code = agree(platform)["code"][0]
    other = client_of(nostro, f"{nostro.key}other", "ca_other")
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        other.oauth.token({"grant_type": "authorization_code", "code": code})
    nostro.advance(301)
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token({"grant_type": "authorization_code", "code": code})


@pytest.mark.parametrize(
    ("query", "status"),
    [({"client_id": "ca_nobody"}, 400), ({"redirect_uri": "javascript:alert(1)"}, 400), ({"scope": "read_only"}, 303)],
)
def test_links_that_lead_nowhere(platform: stripe.StripeClient, query: Any, status: int) -> None:
    given: Any = {"scope": "read_write", "redirect_uri": BACK, **query}
    reply = httpx.get(platform.oauth.authorize_url(given))
    assert reply.status_code == status
    if status == 303:
        assert "error=invalid_scope" in reply.headers["location"]
