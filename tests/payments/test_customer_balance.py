"""Credit for invoices and cash sent ahead: what the API says is what the ledger says."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expect import fails, plain, types
from nostro.ledger import chart
from nostro.ledger.audit import verify
from nostro.payments.funding_instructions import EU_COUNTRIES
from nostro.storage.tx import Tx


def ledger(live: Any, key: str, account: str, currency: str) -> int:
    async def read(tx: Tx) -> int:
        return await tx.balance(account, currency)

    balance: int = live.run(key, read)
    return balance


def test_a_line_changes_the_balance_and_the_ledger(live: Any, key: str, sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    lines = sdk.v1.customers.balance_transactions
    first = lines.create(customer.id, {"amount": -500, "currency": "EUR", "description": "sorry"})
    assert (first.type, first.ending_balance, first.currency) == ("adjustment", -500, "eur")
    lines.create(customer.id, {"amount": 200, "currency": "eur"})
    now: Any = sdk.v1.customers.retrieve(customer.id, {"expand": ["invoice_credit_balance"]})
    assert now.balance == -300 and now.currency == "eur" and plain(now.invoice_credit_balance) == {"eur": -300}
    assert ledger(live, key, chart.customer_credit(customer.id), "eur") == -300

    async def merchant(tx: Tx) -> int:
        return await tx.balance(chart.credit_granted(tx.merchant), "eur")

    assert live.run(key, merchant) == 300
    assert types(sdk) == ["customer.created", "customer.updated", "customer.updated"]


def test_lines_list_retrieve_update(sdk: stripe.StripeClient) -> None:
    customer, other = sdk.v1.customers.create(), sdk.v1.customers.create()
    lines = sdk.v1.customers.balance_transactions
    made = [lines.create(customer.id, {"amount": n, "currency": "usd"}).id for n in (1, 2, 3)]
    assert [line.id for line in lines.list(customer.id, {"limit": 2}).auto_paging_iter()] == made[::-1]
    assert lines.list(other.id).data == []
    changed = lines.update(customer.id, made[0], {"description": "why", "metadata": {"a": "b"}})
    assert changed.description == "why" and plain(lines.retrieve(customer.id, made[0])) == plain(changed)
    expanded: Any = lines.retrieve(customer.id, made[0], {"expand": ["customer"]})
    assert expanded.customer.id == customer.id
    fails(lambda: lines.retrieve(other.id, made[0]), "resource_missing", "id", 404)
    fails(lambda: lines.list("cus_nobody"), "resource_missing", "customer", 404)


def test_balance_on_the_customer_makes_a_line(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"balance": -700})
    assert customer.balance == -700 and customer.currency == "usd"
    assert sdk.v1.customers.update(customer.id, {"balance": 50}).balance == 50
    sdk.v1.customers.update(customer.id, {"balance": 50})
    found = sdk.v1.customers.balance_transactions.list(customer.id).data
    assert [(line.type, line.amount, line.ending_balance) for line in found] == [
        ("adjustment", 750, 50), ("initial", -700, -700),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 5}, "parameter_missing", "currency"),
        ({"amount": 5, "currency": "xxx"}, None, "currency"),
        ({"amount": 10**15, "currency": "usd"}, "amount_too_large", "amount"),
    ],
)
def test_wrong_lines(sdk: stripe.StripeClient, params: Any, code: str | None, param: str) -> None:
    customer = sdk.v1.customers.create()
    fails(lambda: sdk.v1.customers.balance_transactions.create(customer.id, params), code, param)


steps = st.lists(
    st.tuples(st.sampled_from(("line", "balance", "fund")), st.integers(-10_000, 10_000).filter(bool),
              st.sampled_from(("usd", "eur", "jpy"))),
    max_size=6,
)  # fmt: skip
runs = itertools.count(1)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_both_balances_always_equal_the_ledger(live: Any, taken: list[tuple[str, int, str]]) -> None:
    key = f"sk_test_property{next(runs)}"
    sdk = live.client(key)
    customer = sdk.v1.customers.create({"balance": 5})
    for kind, amount, currency in taken:
        if kind == "line":
            sdk.v1.customers.balance_transactions.create(customer.id, {"amount": amount, "currency": currency})
        elif kind == "balance":
            sdk.v1.customers.update(customer.id, {"balance": amount})
        else:
            sdk.v1.test_helpers.customers.fund_cash_balance(customer.id, {"amount": abs(amount), "currency": currency})
    now = sdk.v1.customers.retrieve(customer.id, {"expand": ["invoice_credit_balance", "cash_balance"]})
    cash = plain(now.cash_balance)["available"] or {}
    for currency in ("usd", "eur", "jpy"):
        credit = ledger(live, key, chart.customer_credit(customer.id), currency)
        assert credit == plain(now.invoice_credit_balance).get(currency, 0)
        assert -ledger(live, key, chart.customer_cash(customer.id), currency) == cash.get(currency, 0)
        assert ledger(live, key, chart.CASH, currency) == cash.get(currency, 0)
    assert now.balance == ledger(live, key, chart.customer_credit(customer.id), "usd")
    assert live.wait(verify(live.app.world.engine, live.app.world.registry)) == []


def test_lines_at_the_same_moment_lose_nothing(live: Any, key: str, sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()

    def line(_: int) -> int:
        params: Any = {"amount": 10, "currency": "usd"}
        return live.client(key).v1.customers.balance_transactions.create(customer.id, params).ending_balance

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(line, range(24))) == [10 * n for n in range(1, 25)]
    assert sdk.v1.customers.retrieve(customer.id).balance == 240


def test_cash_arrives_by_bank_transfer(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    fund = sdk.v1.test_helpers.customers.fund_cash_balance
    for currency in ("usd", "eur", "gbp", "jpy", "mxn"):
        line = fund(customer.id, {"amount": 1000, "currency": currency, "reference": "inv 1"})
        assert line.type == "funded" and line.net_amount == line.ending_balance == 1000
        assert line.funded and line.funded.bank_transfer.reference == "inv 1"
    balance = sdk.v1.customers.cash_balance.retrieve(customer.id)
    assert balance.available and balance.available["jpy"] == 1000
    lines = sdk.v1.customers.cash_balance_transactions
    listed = lines.list(customer.id).data
    assert len(listed) == 5 and plain(lines.retrieve(customer.id, listed[0].id)) == plain(listed[0])
    assert types(sdk)[1:3] == ["customer_cash_balance_transaction.created", "cash_balance.funds_available"]
    fails(lambda: fund(customer.id, {"amount": 1, "currency": "chf"}), None, "currency")
    fails(lambda: fund(customer.id, {"amount": 0, "currency": "usd"}), "parameter_invalid_integer", "amount")
    other = sdk.v1.customers.create()
    fails(lambda: lines.retrieve(other.id, listed[0].id), "resource_missing", "id", 404)


def test_reconciliation_mode(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"cash_balance": {"settings": {"reconciliation_mode": "manual"}}})
    cash = sdk.v1.customers.cash_balance
    assert plain(cash.retrieve(customer.id).settings) == {
        "reconciliation_mode": "manual", "using_merchant_default": False,
    }  # fmt: skip
    back = cash.update(customer.id, {"settings": {"reconciliation_mode": "merchant_default"}})
    assert plain(back.settings) == {"reconciliation_mode": "automatic", "using_merchant_default": True}


def instructions(sdk: stripe.StripeClient, customer: str, currency: str, type: str, **more: Any) -> Any:
    transfer: Any = {"type": type, **more}
    return sdk.v1.customers.funding_instructions.create(
        customer, {"bank_transfer": transfer, "currency": currency, "funding_type": "bank_transfer"}
    )


@pytest.mark.parametrize("country", EU_COUNTRIES)
def test_where_to_send_euros(sdk: stripe.StripeClient, country: str) -> None:
    customer = sdk.v1.customers.create()
    made = instructions(sdk, customer.id, "eur", "eu_bank_transfer", eu_bank_transfer={"country": country})
    iban = made.bank_transfer.financial_addresses[0].iban.iban
    number = "".join(str(int(c, 36)) for c in iban[4:] + iban[:4])
    assert iban.startswith(country) and int(number) % 97 == 1
    again = instructions(sdk, customer.id, "eur", "eu_bank_transfer", eu_bank_transfer={"country": country})
    assert plain(again) == plain(made)


def test_where_to_send_yen_and_what_does_not_fit(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create()
    assert instructions(sdk, customer.id, "jpy", "jp_bank_transfer").bank_transfer.country == "JP"
    fails(lambda: instructions(sdk, customer.id, "usd", "jp_bank_transfer"), None, "currency")
    country = "bank_transfer[eu_bank_transfer][country]"
    fails(lambda: instructions(sdk, customer.id, "eur", "eu_bank_transfer"), "parameter_missing", country)
    wrong = {"country": "US"}
    fails(lambda: instructions(sdk, customer.id, "eur", "eu_bank_transfer", eu_bank_transfer=wrong), None, country)
