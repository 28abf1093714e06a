"""When how much money becomes available, and why."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.balances.calendar import add_business_days
from nostro.kernel.clock import midnight, utc_date
from nostro.testing.sandbox import Sandbox
from till import Till


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def outlook(till: Till) -> Any:
    raw: Any = till.client.raw_request("get", "/v1/balance/availability")
    return raw.data


def test_nothing_yet(till: Till) -> None:
    found = outlook(till)
    assert (found["object"], found["available"], found["days"], found["withheld"]) == (
        "balance.availability", [], [], [],
    )  # fmt: skip


def test_each_day_and_why(till: Till) -> None:
    first, second = till.pay("pm_card_visa", 10_000), till.pay("pm_card_visa", 10_000)
    till.pay("pm_card_visa", 10_000, "eur")
    till.client.v1.refunds.create({"charge": first.id, "amount": 1000})
    found = outlook(till)
    on = till.client.v1.balance_transactions.retrieve(second.balance_transaction).available_on
    assert found["available"] == [{"amount": -1000, "currency": "usd"}]
    euro, dollar = found["days"]
    assert (euro["currency"], euro["amount"], euro["payout_on"]) == ("eur", 9680, None)
    assert dollar == {
        "amount": 19_360, "available_after": 18_360, "available_on": on, "currency": "usd", "payout_on": None,
        "reasons": [{"amount": 19_360, "count": 2, "type": "charge"}],
    }  # fmt: skip
    assert till.pending() == 19_360
    till.nostro.advance(on - till.nostro.now)
    assert {"amount": 18_360, "currency": "usd"} in outlook(till)["available"]
    assert [day for day in outlook(till)["days"] if day["currency"] == "usd"] == []


def test_what_no_day_is_told_for(till: Till) -> None:
    till.pay(amount=10_000)
    till.client.v1.payouts.create({"amount": 4000, "currency": "usd"})
    till.pay("pm_card_createDispute", 2000)
    assert outlook(till)["withheld"] == [
        {"amount": 2000, "currency": "usd", "reason": "dispute"},
        {"amount": 4000, "currency": "usd", "reason": "payout_in_transit"},
    ]


def test_a_payout_taken_back_waits_for_its_arrival(till: Till) -> None:
    till.pay(amount=10_000)
    payout = till.client.v1.payouts.create({"amount": 4000, "currency": "usd"})
    till.nostro.advance(days=14)
    back = till.client.v1.payouts.reverse(payout.id)
    [day] = outlook(till)["days"]
    assert (day["amount"], day["available_on"]) == (4000, back.arrival_date)
    assert day["reasons"] == [{"amount": 4000, "count": 1, "type": "payout"}]


def test_the_schedule_says_when_it_is_paid_out(till: Till) -> None:
    form: Any = {"payments": {"payouts": {"schedule": {"interval": "daily"}}}}
    till.client.v1.balance_settings.update(form)
    charge = till.pay("pm_card_visa", 10_000)
    [day] = outlook(till)["days"]
    assert day["payout_on"] == day["available_on"] == midnight(add_business_days("usd", utc_date(charge.created), 2))
    till.nostro.advance(day["payout_on"] - till.nostro.now)
    [payout] = till.client.v1.payouts.list().data
    assert (payout.amount, payout.created) == (day["amount"], day["payout_on"])
