"""Positions at a month's closing rates: an unrealised gain in the month, taken back in the next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from expect import fails
from marketplace import Marketplace
from nostro.balances.exchange_rate import TEST_RATES
from nostro.balances.fx import trade
from nostro.balances.fx_revaluation import Record, revalue, take_back
from nostro.kernel.clock import utc_date
from nostro.kernel.posting import balanced
from nostro.ledger.closed import month_starts
from nostro.testing.sandbox import Sandbox


class Desk:
    """The platform's treasury in a sandbox."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.nostro, self.client = nostro, client
        self.month = f"{utc_date(nostro.now):%Y-%m}"

    def ask(self, method: str, path: str, **form: Any) -> Any:
        raw: Any = self.client.raw_request(method, path, **form)
        return raw.data

    def convert(self, amount: int = 100_000, sold: str = "usd", bought: str = "eur") -> Any:
        self.ask("post", "/v1/balance/adjustments", amount=amount, currency=sold, reason="To begin with")
        return self.ask("post", "/v1/balance/conversions", amount=amount, from_currency=sold, to_currency=bought)

    def end_month(self) -> str:
        """The month that has begun."""
        self.nostro.advance(month_starts(self.month, 1) - self.nostro.now + 3600)
        return f"{utc_date(self.nostro.now):%Y-%m}"

    def revalue(self, currency: str = "usd", **more: Any) -> Any:
        return self.ask("post", "/v1/fx_revaluations", currency=currency, **{"month": self.month, **more})

    def unrealised(self, month: str) -> int:
        """What the month's income statement says of it."""
        found = self.ask("get", "/v1/reports/income_statement", period=month)["statements"]
        sections = [section for one in found if one["currency"] == "usd" for section in one["sections"]]
        lines = [line for section in sections if section["section"] == "revenue" for line in section["lines"]]
        return sum(line["amount"] for line in lines if line["line"] == "platform:fx_unrealised")


@pytest.fixture
def desk(nostro: Sandbox, client: stripe.StripeClient) -> Desk:
    return Desk(nostro, client)


def test_a_gain_is_in_its_month_and_taken_back_in_the_next(desk: Desk) -> None:
    desk.convert()  # 1000.00 usd became 920.00 eur, less the spread
    next_month = desk.end_month()
    made = desk.revalue(rates={"eur": "0.95"})
    held, owed = sorted(made["positions"], key=lambda one: -one["amount"])
    assert (held["currency"], held["amount"], held["worth"]) == ("usd", 100_000, 100_000)
    assert (owed["currency"], owed["amount"], owed["worth"]) == ("eur", -92_000, -96_842)
    assert (made["amount"], made["status"], made["reversed_at"] - made["effective_at"]) == (3158, "reversed", 1)
    assert (desk.unrealised(desk.month), desk.unrealised(next_month)) == (3158, -3158)
    again = desk.revalue(rates={"eur": "0.90"})
    assert again["amount"] == 100_000 - 102_222 - 3158
    assert (desk.unrealised(desk.month), desk.unrealised(next_month)) == (-2222, 2222)
    assert desk.revalue(rates={"eur": "0.90"})["amount"] == 0
    assert len(desk.ask("get", "/v1/fx_revaluations", month=desk.month)["data"]) == 3
    told = [event.type for event in desk.client.v1.events.list({"limit": 100}).data]
    assert told.count("fx_revaluation.created") == 3


def test_at_the_tables_rates_and_only_what_was_there_at_the_months_end(desk: Desk) -> None:
    desk.convert()
    desk.end_month()
    assert desk.revalue()["amount"] == 0  # nothing has changed since
    desk.convert(bought="jpy")
    desk.ask("post", "/v1/exchange_rates/usd", rates={"eur": "1", "jpy": "100"})
    made = desk.revalue()
    assert [one["currency"] for one in made["positions"]] == ["eur", "usd"]  # no yen: they are of the next month
    assert made["amount"] == 100_000 - 92_000


def test_a_month_that_is_closed_stays_as_it_is(desk: Desk) -> None:
    desk.convert()
    desk.end_month()
    desk.revalue(rates={"eur": "0.95"})
    desk.ask("post", "/v1/reports/periods", month=desk.month)
    desk.nostro.settle()
    [period] = desk.ask("get", "/v1/reports/periods", month=desk.month)["data"]
    assert period["status"] == "closed"
    fails(lambda: desk.revalue(rates={"eur": "0.90"}), "ledger_period_closed", "effective_at")


def test_what_cannot_be_revalued(desk: Desk) -> None:
    fails(lambda: desk.revalue(), None, "month")
    fails(lambda: desk.revalue(month="2026"), None, "month")
    fails(lambda: desk.revalue("xxx"), None, "currency")
    desk.convert()
    desk.end_month()
    fails(lambda: desk.revalue(rates={"gbp": "0.8"}), "parameter_missing", "rates[eur]")
    fails(lambda: desk.revalue(rates={"eur": "-1"}), None, "rates[eur]")
    seller = Marketplace(desk.nostro, desk.client).open()
    form: Any = {"currency": "usd", "month": desk.month, "stripe_account": seller}
    fails(lambda: desk.ask("post", "/v1/fx_revaluations", **form), None, None)


@given(amount=st.integers(-(10**12), 10**12))
def test_what_is_taken_back_is_what_was_booked(amount: int) -> None:
    made = Record(id="fxr_1", created=0, amount=amount, currency="usd", effective_at=1, month="2026-10", reversed_at=2,
                  status="posted")  # fmt: skip
    lines = (*revalue(made), *take_back(made))
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.account] = totals.get(line.account, 0) + line.amount
    assert balanced(revalue(made)) and not any(totals.values())


@given(amount=st.integers(1, 10**9), rate=st.sampled_from(sorted(set(TEST_RATES) - {"usd", "jpy", "kwd"})))
def test_at_the_rate_of_the_deal_a_position_is_worth_what_was_paid(amount: int, rate: str) -> None:
    made = trade(amount, "usd", rate, Decimal(TEST_RATES[rate]), Decimal("0.01"))
    assert abs(Decimal(made.base) / Decimal(TEST_RATES[rate]) - amount) <= Decimal(1) / Decimal(TEST_RATES[rate])
