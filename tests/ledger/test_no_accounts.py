"""A sandbox in which no account was opened yet."""

from nostro.testing.sandbox import Sandbox


def test_a_list_by_currency_is_empty(nostro: Sandbox) -> None:
    assert nostro.request("GET", "/v1/ledger/accounts?currency=usd")["data"] == []
