"""The merchant's own bank accounts, by the paths of the SDK."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from till import Till

US: dict[str, Any] = {
    "object": "bank_account", "country": "US", "currency": "usd", "account_number": "000123456789",
    "routing_number": "110000000", "account_holder_name": "Ada", "account_holder_type": "individual",
}  # fmt: skip


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def own(till: Till) -> str:
    return str(till.client.v1.accounts.retrieve_current().id)


def add(till: Till, **more: Any) -> Any:
    given: Any = {"external_account": {**US, **more}}
    return till.client.v1.accounts.external_accounts.create(own(till), given)


def test_a_bank_account_by_its_numbers(till: Till) -> None:
    bank = add(till)
    assert (bank.object, bank.last4, bank.routing_number, bank.status) == ("bank_account", "6789", "110000000", "new")
    assert (bank.account, bank.default_for_currency, bank.account_holder_name) == (own(till), True, "Ada")
    assert bank.available_payout_methods == ["instant", "standard"]
    assert "000123456789" not in str(bank)
    assert till.events("account.") == ["account.external_account.created"]
    same = till.client.v1.accounts.external_accounts.retrieve(own(till), bank.id)
    assert same.to_dict() == bank.to_dict()
    account: Any = till.client.v1.accounts.retrieve_current()
    assert [one.id for one in account.external_accounts.data] == [bank.id]


def test_a_sandbox_has_one_from_the_first_payout_on(till: Till) -> None:
    accounts = till.client.v1.accounts.external_accounts
    assert accounts.list(own(till)).data == []
    till.pay(amount=10_000)
    first: Any = till.client.v1.payouts.create({"amount": 100, "currency": "usd", "expand": ["destination"]})
    assert first.destination.default_for_currency is True
    second = till.client.v1.payouts.create({"amount": 100, "currency": "usd"})
    assert second.destination == first.destination.id
    assert [bank.id for bank in accounts.list(own(till)).data] == [second.destination]


def test_two_first_payouts_at_once_share_one(till: Till) -> None:
    till.pay(amount=10_000)
    with ThreadPoolExecutor(8) as pool:
        form: Any = {"amount": 100, "currency": "usd"}
        made = list(pool.map(lambda _: till.client.v1.payouts.create(form), range(8)))
    assert len({payout.destination for payout in made}) == 1
    assert till.events("account.") == ["account.external_account.created"]


def test_the_default_decides_where_payouts_go(till: Till) -> None:
    accounts = till.client.v1.accounts.external_accounts
    till.pay(amount=10_000)
    first, second = add(till), add(till, account_number="000111111116")
    assert second.default_for_currency is False
    assert till.client.v1.payouts.create({"amount": 100, "currency": "usd"}).destination == first.id
    accounts.update(own(till), second.id, {"default_for_currency": True, "metadata": {"a": "b"}})
    assert till.client.v1.payouts.create({"amount": 100, "currency": "usd"}).destination == second.id
    old: Any = accounts.retrieve(own(till), first.id)
    assert old.default_for_currency is False
    with pytest.raises(stripe.InvalidRequestError, match="another account"):
        accounts.update(own(till), second.id, {"default_for_currency": False})
    with pytest.raises(stripe.InvalidRequestError, match="default of its currency"):
        accounts.delete(own(till), second.id)
    assert accounts.delete(own(till), first.id).deleted is True
    assert [bank.id for bank in accounts.list(own(till)).data] == [second.id]
    assert till.events("account.")[-1] == "account.external_account.deleted"


def test_pages(till: Till) -> None:
    accounts, account = till.client.v1.accounts.external_accounts, own(till)
    made = [add(till).id for _ in range(3)][::-1]
    first = accounts.list(account, {"limit": 2})
    assert ([bank.id for bank in first.data], first.has_more) == (made[:2], True)
    assert [bank.id for bank in accounts.list(account, {"starting_after": made[1]}).data] == made[2:]
    back = accounts.list(account, {"ending_before": made[2], "limit": 1})
    assert ([bank.id for bank in back.data], back.has_more) == ([made[1]], True)
    assert accounts.list(account, {"object": "card"}).data == []


def test_no_instant_payouts_to_some_banks(till: Till) -> None:
    till.pay(amount=10_000)
    add(till, account_number="000888888883")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.payouts.create({"amount": 100, "currency": "usd", "method": "instant"})
    assert caught.value.code == "instant_payouts_unsupported"
    assert till.client.v1.payouts.create({"amount": 100, "currency": "usd"}).status == "pending"


def test_the_currency_has_to_be_the_payouts(till: Till) -> None:
    till.pay(amount=10_000)
    bank = add(till, country="DE", currency="eur", account_number="DE89370400440532013000")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.payouts.create({"amount": 100, "currency": "usd", "destination": bank.id})
    assert caught.value.param == "destination"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"account_number": "12"}, "external_account[account_number]"),
        ({"account_number": "000999999999"}, "external_account[account_number]"),
        ({"country": "DE", "account_number": "DE89370400440532013001"}, "external_account[account_number]"),
        ({"country": "FR", "account_number": "DE89370400440532013000"}, "external_account[account_number]"),
        ({"routing_number": "110000001"}, "external_account[routing_number]"),
        ({"routing_number": ""}, "external_account[routing_number]"),
        ({"currency": "zzz"}, "external_account[currency]"),
        ({"country": "USA"}, "external_account[country]"),
        ({"object": "card"}, "external_account[country]"),
        ({"object": "boat"}, "external_account[object]"),
        ({"colour": "blue"}, "external_account[colour]"),
    ],
)
def test_wrong_numbers(till: Till, change: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        add(till, **change)
    assert caught.value.param == param


def test_another_merchants_accounts(till: Till) -> None:
    bank = add(till)
    accounts = till.client.v1.accounts.external_accounts
    for call in (
        lambda: accounts.list("acct_other"),
        lambda: accounts.retrieve("acct_other", bank.id),
        lambda: accounts.create("acct_other", {"external_account": "btok_us"}),
        lambda: accounts.delete("acct_other", bank.id),
    ):
        with pytest.raises(stripe.PermissionError):
            call()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        accounts.retrieve(own(till), "ba_none")
    assert caught.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        accounts.create(own(till), {"external_account": "btok_none"})
