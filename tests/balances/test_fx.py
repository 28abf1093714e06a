"""Foreign exchange: rates, quotes, conversions; and that every minor unit is explained."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expect import fails
from nostro.balances.exchange_rate import TEST_RATES
from nostro.balances.fx import Settle, exchange, further, trade
from nostro.kernel.money import exponent
from nostro.kernel.posting import Posting, balanced
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from till import Till

CURRENCIES = sorted(TEST_RATES)
RATES = st.decimals("0.000001", "100000", places=12)


@given(
    amount=st.integers(1, 10**12), sold=st.sampled_from(CURRENCIES), bought=st.sampled_from(CURRENCIES), rate=RATES,
    fee=st.decimals("0", "0.05", places=4),
)  # fmt: skip
def test_a_trade_is_explained_to_the_minor_unit(
    amount: int, sold: str, bought: str, rate: Decimal, fee: Decimal
) -> None:
    made = trade(amount, sold, bought, rate, fee)
    exact = amount * rate * Decimal(10) ** (exponent(bought) - exponent(sold))
    assert made.base == made.amount + made.spread + made.rounding
    assert made.rounding in (0, 1)
    assert abs(made.base - exact) <= Decimal("0.5")
    assert 0 <= amount * made.exchange_rate - made.amount < 1
    lines = (Posting("merchant:a:available", amount, sold), Posting("merchant:a:available", -made.amount, bought))
    assert balanced((*lines, *exchange(made)))


@given(
    parts=st.lists(st.integers(1, 10**8), min_size=1, max_size=12), sold=st.sampled_from(CURRENCIES),
    bought=st.sampled_from(CURRENCIES), rate=RATES, fee=st.decimals("0", "0.05", places=4), back=st.booleans(),
)  # fmt: skip
def test_parts_of_a_trade_add_up(
    parts: list[int], sold: str, bought: str, rate: Decimal, fee: Decimal, back: bool
) -> None:
    sign, before, settle = -1 if back else 1, 0, Settle(base_rate=rate, currency=bought, fee=fee)
    whole = trade(sign * sum(parts), sold, bought, rate, fee)
    made = []
    for amount in parts:
        made.append(further(before, sign * amount, sold, settle))
        before += sign * amount
        lines = (Posting("a", sign * amount, sold), Posting("a", -made[-1].amount, bought))
        assert balanced((*lines, *exchange(made[-1])))
    for name in ("amount", "base", "spread", "rounding", "from_amount"):
        assert sum(getattr(one, name) for one in made) == getattr(whole, name)


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def ask(till: Till, method: str, path: str, **form: Any) -> Any:
    raw: Any = till.client.raw_request(method, path, **form)
    return raw.data


def give(till: Till, amount: int, currency: str) -> None:
    ask(till, "post", "/v1/balance/adjustments", amount=amount, currency=currency, reason="To begin with")


def convert(till: Till, amount: int, sold: str, bought: str, **more: Any) -> Any:
    return ask(till, "post", "/v1/balance/conversions", amount=amount, from_currency=sold, to_currency=bought, **more)


def stands(till: Till, account: str, currency: str) -> int:
    """The credit balance of an account of the platform's."""
    try:
        [found] = ask(till, "get", "/v1/ledger/balances", account=account, currency=currency)["data"]
    except stripe.InvalidRequestError:
        return 0  # nothing was ever booked on it
    return int(found["balance"])


def test_a_conversion(till: Till) -> None:
    give(till, 10_000, "usd")
    made = convert(till, 10_000, "usd", "eur", metadata={"for": "rent"})
    assert (made["amount"], made["fee"], made["exchange_rate"]) == (9108, 92, 0.9108)
    assert (till.available("usd"), till.available("eur")) == (0, 9108)
    sold, bought = till.lines()[-2:]
    assert [sold.id, bought.id] == made["balance_transactions"]
    assert (sold.net, sold.currency, bought.net, bought.currency) == (-10_000, "usd", 9108, "eur")
    assert (sold.type, bought.exchange_rate, bought.source) == ("adjustment", 0.9108, made["id"])
    assert (stands(till, "clearing:fx:usd", "usd"), stands(till, "clearing:fx:eur", "eur")) == (10_000, -9200)
    assert stands(till, "platform:fx_revenue", "eur") == 92
    assert ask(till, "get", f"/v1/balance/conversions/{made['id']}")["metadata"] == {"for": "rent"}
    assert till.events("balance.conversion") == ["balance.conversion.created"]


def test_currencies_without_decimals_and_with_three(till: Till) -> None:
    give(till, 10_000, "usd")
    assert convert(till, 1000, "usd", "jpy")["amount"] == 1485  # 10.00 usd at 150, less one percent
    assert convert(till, 1000, "usd", "kwd")["amount"] == 3039  # 3.0393 kwd, and three decimals
    assert convert(till, 1485, "jpy", "usd")["amount"] == 980


def test_a_conversion_that_cannot_be(till: Till) -> None:
    fails(lambda: convert(till, 1, "usd", "eur"), "amount_too_small", "amount")
    fails(lambda: convert(till, 100, "usd", "eur"), "balance_insufficient", None)
    fails(lambda: convert(till, 100, "usd", "usd"), None, "to_currency")
    fails(lambda: convert(till, 100, "usd", "uzs"), "exchange_rate_unknown", None)
    fails(lambda: convert(till, 100, "usd", "eur", fx_quote="fxq_none"), "resource_missing", "fx_quote")


def test_a_quote_keeps_its_rate_until_it_expires(till: Till) -> None:
    give(till, 20_000, "usd")
    quote = ask(till, "post", "/v1/fx_quotes", from_currencies=["usd", "gbp"], to_currency="eur", lock_duration="hour")
    assert quote["lock_expires_at"] == quote["created"] + 3600
    found = quote["rates"]["usd"]
    assert found["exchange_rate"] == pytest.approx(0.92 * (1 - 0.01 - 0.0007))
    assert found["rate_details"]["reference_rate_provider"] == "test"
    ask(till, "post", "/v1/exchange_rates/usd", rates={"eur": "0.5", "gbp": "0.4"}, provider="desk")
    assert convert(till, 10_000, "usd", "eur")["amount"] == 4950
    assert convert(till, 10_000, "usd", "eur", fx_quote=quote["id"])["amount"] == 9101
    fails(lambda: convert(till, 1, "usd", "gbp", fx_quote=quote["id"]), "fx_quote_mismatch", "fx_quote")
    till.nostro.advance(3600)
    assert ask(till, "get", f"/v1/fx_quotes/{quote['id']}")["lock_status"] == "expired"
    fails(lambda: convert(till, 1, "usd", "eur", fx_quote=quote["id"]), "fx_quote_expired", "fx_quote")


def test_a_quote_that_promises_nothing(till: Till) -> None:
    quote = ask(till, "post", "/v1/fx_quotes", from_currencies=["usd"], to_currency="eur", lock_duration="none")
    assert (quote["lock_status"], quote["lock_expires_at"]) == ("none", None)
    fails(lambda: convert(till, 1, "usd", "eur", fx_quote=quote["id"]), "fx_quote_expired", "fx_quote")
    same: Any = {"from_currencies": ["eur"], "to_currency": "eur", "lock_duration": "none"}
    fails(lambda: ask(till, "post", "/v1/fx_quotes", **same), None, "from_currencies")


def test_rates_as_the_sdk_reads_them(till: Till) -> None:
    first: Any = till.client.v1.exchange_rates.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (["aud", "brl"], True)
    assert [one.id for one in till.client.v1.exchange_rates.list({"starting_after": "usd"}).data] == ["zar"]
    assert [one.id for one in till.client.v1.exchange_rates.list({"ending_before": "brl"}).data] == ["aud"]
    euro: Any = till.client.v1.exchange_rates.retrieve("eur")
    assert euro.rates["usd"] == pytest.approx(1 / 0.92)
    fails(lambda: till.client.v1.exchange_rates.retrieve("xxx"), "resource_missing", "id", 404)


@pytest.mark.parametrize("value", ["0", "-1", "x", "1e5", "nan", "1.0000000000001"])
def test_a_rate_is_a_decimal_number(till: Till, value: str) -> None:
    fails(lambda: ask(till, "post", "/v1/exchange_rates/usd", rates={"eur": value}), None, "rates[eur]")


PAIRS = st.tuples(st.sampled_from(("usd", "eur", "jpy", "kwd")), st.sampled_from(("usd", "eur", "jpy", "kwd")))
DEALS = st.lists(st.tuples(PAIRS.filter(lambda pair: pair[0] != pair[1]), st.integers(1, 20_000)), max_size=8)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS)
def test_positions_revenue_and_rounding_explain_every_minor_unit(server: Server, deals: Any) -> None:
    """After any conversions, in every currency: what merchants have less, the platform has, and says as what."""
    sandbox = server.sandbox()
    till = Till(sandbox, sandbox.client)
    begun = {"usd": 50_000, "eur": 50_000, "jpy": 50_000, "kwd": 50_000}
    for currency, amount in begun.items():
        give(till, amount, currency)
    sold, earned = dict.fromkeys(begun, 0), dict.fromkeys(begun, 0)
    for (first, second), amount in deals:
        if till.available(first) < amount:
            continue
        try:
            made = convert(till, amount, first, second)
        except stripe.InvalidRequestError as error:
            if error.code != "amount_too_small":
                raise
            continue
        sold[first] += amount
        sold[second] -= made["amount"]
        earned[second] += made["fee"]
    for currency, amount in begun.items():
        position = stands(till, f"clearing:fx:{currency}", currency)
        revenue, rounding = (stands(till, f"platform:fx_{kind}", currency) for kind in ("revenue", "rounding"))
        assert till.available(currency) == amount - sold[currency]
        assert position + revenue + rounding == sold[currency]
        assert revenue == earned[currency]
        assert 0 <= rounding <= len(deals)
