"""Keys for mobile apps, and the account they belong to."""

from __future__ import annotations

import httpx
import stripe

from expect import fails, plain


def test_a_key_for_a_customer(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    made = sdk.v1.ephemeral_keys.create({"customer": customer.id})
    assert made.secret and made.secret.startswith("ek_test_") and made.expires == made.created + 3600
    ended = sdk.v1.ephemeral_keys.delete(made.id)
    assert ended.id == made.id and "secret" not in ended and ended.expires <= made.expires
    fails(lambda: sdk.v1.ephemeral_keys.delete(made.id), "resource_missing", "id", 404)


def test_what_a_key_needs(live, key: str, sdk: stripe.StripeClient) -> None:  # type: ignore[no-untyped-def]
    customer = sdk.v1.customers.create()
    form, auth = {"customer": customer.id}, {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{live.url}/v1/ephemeral_keys", data=form, headers=auth)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "Stripe-Version"
    keys = sdk.v1.ephemeral_keys
    fails(lambda: keys.create({}), None, None)
    fails(lambda: keys.create({"customer": customer.id, "issuing_card": "ic_1"}), None, "issuing_card")
    fails(lambda: keys.create({"customer": "cus_nobody"}), "resource_missing", "customer")
    fails(lambda: keys.create({"issuing_card": "ic_1"}), "resource_missing", "issuing_card")
    fails(lambda: keys.create({"verification_session": "vs_1"}), "resource_missing", "verification_session")


def test_the_callers_account(live, sdk: stripe.StripeClient) -> None:  # type: ignore[no-untyped-def]
    own = sdk.v1.accounts.retrieve_current()
    assert own.id.startswith("acct_") and own.charges_enabled and own.payouts_enabled
    assert own.default_currency == "usd" and own.capabilities and own.capabilities.card_payments == "active"
    assert plain(sdk.v1.accounts.retrieve_current()) == plain(own)
    assert live.client().v1.accounts.retrieve_current().id != own.id
