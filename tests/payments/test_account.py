"""The account that a key belongs to: by itself, and by its id."""

import pytest
import stripe


def test_ones_own_account_by_its_id(client: stripe.StripeClient) -> None:
    own = client.v1.accounts.retrieve_current()
    assert client.v1.accounts.retrieve(own.id).to_dict() == own.to_dict()


def test_no_other_account(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        client.v1.accounts.retrieve("acct_another")
    assert refused.value.json_body["error"]["code"] == "account_invalid"
