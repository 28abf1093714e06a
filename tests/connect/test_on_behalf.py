"""The Stripe-Account header: a platform acts as one of its accounts, and hears what happens there."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from seller import WHOLE

Open = Any


def test_what_an_account_owns_is_apart(open_account: Open, client: stripe.StripeClient) -> None:
    account, other = open_account(), open_account()
    on: Any = {"stripe_account": account.id}
    made = client.v1.customers.create({"email": "buyer@example.com"}, on)
    assert [one.id for one in client.v1.customers.list(options=on).data] == [made.id]
    assert client.v1.customers.list().data == []
    assert client.v1.customers.list(options={"stripe_account": other.id}).data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.retrieve(made.id)
    assert caught.value.code == "resource_missing"
    assert client.v1.accounts.retrieve_current(options=on).id == account.id


def test_a_direct_charge_is_the_accounts(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**WHOLE)
    on: Any = {"stripe_account": account.id}
    form: Any = {"amount": 2_000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                 "payment_method_types": ["card"]}  # fmt: skip
    assert client.v1.payment_intents.create(form, on).status == "succeeded"
    theirs: Any = client.v1.balance.retrieve(options=on)
    ours: Any = client.v1.balance.retrieve()
    assert theirs.available[0].amount > 0
    assert all(line.amount == 0 for line in ours.available)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.accounts.delete(account.id)
    assert caught.value.code == "account_has_balance"


@pytest.mark.parametrize("account", ["acct_none", "cus_1"])
def test_an_account_of_nobody(client: stripe.StripeClient, account: str) -> None:
    with pytest.raises(stripe.PermissionError) as caught:
        client.v1.customers.list(options={"stripe_account": account})
    error = caught.value.json_body["error"]
    assert (caught.value.http_status, error["code"]) == (403, "account_invalid")


def test_another_platforms_account(open_account: Open, nostro: Sandbox) -> None:
    account = open_account()
    other = nostro.client_of(f"{nostro.key}other")
    with pytest.raises(stripe.PermissionError):
        other.v1.customers.create({}, {"stripe_account": account.id})


def test_an_account_opens_none_of_its_own(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account()
    with pytest.raises(stripe.InvalidRequestError, match="cannot open accounts"):
        client.v1.accounts.create({"type": "custom"}, {"stripe_account": account.id})
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve(open_account().id, None, {"stripe_account": account.id})


def test_a_replay_is_the_accounts_own(open_account: Open, client: stripe.StripeClient) -> None:
    """The same key for two accounts is two requests."""
    made = [
        client.v1.customers.create({}, {"stripe_account": open_account().id, "idempotency_key": "same"}).id
        for _ in range(2)
    ]
    assert made[0] != made[1]


def test_connect_webhooks_hear_the_accounts(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    account = open_account()
    own = nostro.webhooks("customer.created")
    theirs = nostro.webhooks("customer.created", connect=True)
    mine = client.v1.customers.create({})
    made = client.v1.customers.create({}, {"stripe_account": account.id})
    assert [(one.data.object["id"], getattr(one, "account", None)) for one in own.settled()] == [(mine.id, None)]
    assert [(one.data.object["id"], one.account) for one in theirs.settled()] == [(made.id, account.id)]
    listed: Any = client.v1.events.list({"type": "customer.created"}, {"stripe_account": account.id})
    assert [one.account for one in listed.data] == [account.id]


def test_time_moves_for_the_accounts_too(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    account = open_account()
    before = client.v1.customers.create({}, {"stripe_account": account.id})
    nostro.advance(days=3)
    after = client.v1.customers.create({}, {"stripe_account": account.id})
    late = client.v1.customers.create({}, {"stripe_account": open_account().id})
    assert after.created - before.created >= 3 * 86_400
    assert late.created >= after.created


def test_what_the_network_owes_to_all_is_settled_once(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox
) -> None:
    """The money of every account becomes available at the same moment, and the network pays it once."""
    for _ in range(5):
        on: Any = {"stripe_account": open_account(**WHOLE).id}
        paid: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
                     "payment_method_types": ["card"]}  # fmt: skip
        client.v1.payment_intents.create(paid, on)
    nostro.advance(days=7)
    assert balance(client, "bank:cash") == 5000
    assert balance(client, "network:card:receivable") == 0


def balance(client: stripe.StripeClient, account: str) -> int:
    found = client.raw_request("get", "/v1/ledger/balances", account=account).data["data"]
    return int(sum(one["balance"] for one in found))
