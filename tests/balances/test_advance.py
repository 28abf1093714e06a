"""Early access: advanced by the platform, repaid on its days, late, and given up."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails
from nostro.testing.sandbox import Sandbox
from till import Till

NET = 10_000 - 320


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def ask(till: Till, method: str, path: str, **form: Any) -> Any:
    raw: Any = till.client.raw_request(method, path, **form)
    return raw.data


def advance(till: Till, amount: int, **more: Any) -> Any:
    return ask(till, "post", "/v1/balance/advances", amount=amount, currency="usd", **more)


def again(till: Till, made: Any) -> Any:
    return ask(till, "get", f"/v1/balance/advances/{made['id']}")


def to(till: Till, moment: int) -> None:
    till.nostro.advance(moment - till.nostro.now)


def test_it_is_paid_now_and_repaid_when_the_money_is_there(till: Till) -> None:
    charge = till.pay("pm_card_visa", 10_000)
    on = till.client.v1.balance_transactions.retrieve(charge.balance_transaction).available_on
    made = advance(till, 6000, metadata={"for": "stock"})
    assert (made["status"], made["fee"], made["repayments"]) == ("outstanding", 60, [{"amount": 6000, "due_on": on}])
    assert (till.available(), till.pending()) == (5940, NET)
    line = till.lines()[-1]
    assert (line.id, line.type, line.amount, line.fee, line.net) == (
        made["balance_transaction"], "advance", 6000, 60, 5940,
    )  # fmt: skip
    till.client.v1.payouts.create({"amount": 5940, "currency": "usd"})
    to(till, on)
    assert (till.available(), till.pending()) == (NET - 6000, 0)
    assert again(till, made)["status"] == "repaid"
    line = till.lines()[-1]
    assert (line.type, line.net, line.reporting_category) == ("anticipation_repayment", -6000, "anticipation_repayment")
    assert till.events("balance.advance") == ["balance.advance.created", "balance.advance.repaid"]


def test_how_much_may_be_had_early(till: Till) -> None:
    fails(lambda: advance(till, 1), "advance_limit_exceeded", "amount")
    till.pay("pm_card_visa", 10_000)
    most = NET * 80 // 100
    fails(lambda: advance(till, most + 1), "advance_limit_exceeded", "amount")
    advance(till, most - 1000)
    fails(lambda: advance(till, 1001), "advance_limit_exceeded", "amount")
    advance(till, 1000)
    ask(till, "post", "/v1/balance/policy", advances={"percent": 100, "fee_basis_points": 0})
    assert advance(till, NET - most)["fee"] == 0


def test_of_several_days_the_earliest_come_first(till: Till) -> None:
    till.pay("pm_card_visa", 2000)
    timing: Any = {"payments": {"settlement_timing": {"delay_days_override": 5}}}
    till.client.v1.balance_settings.update(timing)
    till.pay("pm_card_visa", 10_000)
    made = advance(till, 5000)
    first, second = made["repayments"]
    assert (first["amount"], second["amount"]) == (1912, 5000 - 1912)
    to(till, first["due_on"])
    assert (again(till, made)["amount_repaid"], till.available()) == (1912, 4950)
    to(till, second["due_on"])
    assert (again(till, made)["status"], till.available()) == ("repaid", 4950 + NET - 5000 + 1912)


def test_what_a_refund_has_taken_is_late_and_caught_up(till: Till) -> None:
    charge = till.pay("pm_card_visa", 10_000)
    made = advance(till, 7000)
    till.client.v1.payouts.create({"amount": till.available(), "currency": "usd"})
    till.client.v1.refunds.create({"charge": charge.id, "amount": 5000})
    to(till, made["repayments"][0]["due_on"])
    late = again(till, made)
    assert (late["status"], late["amount_repaid"], till.available()) == ("past_due", NET - 5000, 0)
    till.pay(amount=10_000)
    till.nostro.advance(days=1)
    assert (again(till, made)["status"], till.available()) == ("repaid", 2 * NET - 5000 - 7000)
    assert till.events("balance.advance")[1:] == ["balance.advance.past_due", "balance.advance.repaid"]


def test_what_is_not_repaid_is_the_platforms_loss(till: Till) -> None:
    charge = till.pay("pm_card_visa", 10_000)
    ask(till, "post", "/v1/balance/policy", advances={"default_days": 5})
    made = advance(till, 7000)
    till.client.v1.payouts.create({"amount": till.available(), "currency": "usd"})
    till.client.v1.refunds.create({"charge": charge.id})
    to(till, made["defaults_at"] - 3600)
    assert again(till, made)["status"] == "past_due"
    till.nostro.advance(days=1)
    assert again(till, made)["status"] == "defaulted"
    [loss] = ask(till, "get", "/v1/ledger/balances", account="platform:losses", currency="usd")["data"]
    assert loss["balance"] == 7000 - made["amount_repaid"]
    till.pay(amount=10_000)
    till.nostro.advance(days=3)
    assert again(till, made)["status"] == "defaulted"


def test_an_automatic_payout_takes_what_is_left_after_the_repayment(till: Till) -> None:
    form: Any = {"payments": {"payouts": {"schedule": {"interval": "daily"}}}}
    till.client.v1.balance_settings.update(form)
    till.pay("pm_card_visa", 10_000)
    advance(till, 7000)
    till.nostro.advance(days=9)
    payouts = till.client.v1.payouts.list().data
    assert sum(payout.amount for payout in payouts) == NET - 70
    for payout in payouts:
        assert sum(line.net for line in till.lines(payout=payout.id)) == 0
    assert till.available() == 0


def test_instant_payouts_have_a_limit_a_day(till: Till) -> None:
    till.pay(amount=100_000)
    limits = {"daily_count": 2, "daily_amount_by_currency": {"usd": 5000}}
    ask(till, "post", "/v1/balance/policy", instant_payouts=limits)
    instant: Any = {"amount": 3000, "currency": "usd", "method": "instant"}
    till.client.v1.payouts.create(instant)
    fails(lambda: till.client.v1.payouts.create(instant), "instant_payouts_limit_exceeded", "amount")
    till.client.v1.payouts.create({**instant, "amount": 2000})
    fails(lambda: till.client.v1.payouts.create({**instant, "amount": 1}), "instant_payouts_limit_exceeded", "method")
    till.nostro.advance(days=1)
    till.client.v1.payouts.create(instant)
