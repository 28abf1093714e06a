"""When how much money becomes available, and why."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nostro.balances.calendar import add_business_days
from nostro.kernel.clock import midnight, utc_date
from nostro.testing.sandbox import DAY, Sandbox
from nostro.testing.server import Server
from till import Till

MARGIN = 120  # seconds: a sandbox's clock goes on while a busy machine answers


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
        "reasons": [{"amount": 19_360, "count": 2, "sources": [first.id, second.id], "type": "charge"}],
    }  # fmt: skip
    assert till.pending() == 19_360
    till.nostro.advance(on - till.nostro.now)
    assert {"amount": 18_360, "currency": "usd"} in outlook(till)["available"]
    assert [day for day in outlook(till)["days"] if day["currency"] == "usd"] == []


def test_what_no_day_is_told_for(till: Till) -> None:
    till.pay(amount=10_000)
    payout = till.client.v1.payouts.create({"amount": 4000, "currency": "usd"})
    till.pay("pm_card_createDispute", 2000)
    [dispute] = till.client.v1.disputes.list().data
    held: Any = till.client.raw_request("post", "/v1/reserve/holds", amount=1500, currency="usd")
    assert outlook(till)["withheld"] == [
        {"amount": 2000, "currency": "usd", "reason": "dispute", "sources": [dispute.id]},
        {"amount": 4000, "currency": "usd", "reason": "payout_in_transit", "sources": [payout.id]},
        {"amount": 1500, "currency": "usd", "reason": "reserve", "sources": [held.data["id"]]},
    ]


def test_a_payout_taken_back_waits_for_its_arrival(till: Till) -> None:
    till.pay(amount=10_000)
    payout = till.client.v1.payouts.create({"amount": 4000, "currency": "usd"})
    till.nostro.advance(days=14)
    back = till.client.v1.payouts.reverse(payout.id)
    [day] = outlook(till)["days"]
    assert (day["amount"], day["available_on"]) == (4000, back.arrival_date)
    assert day["reasons"] == [{"amount": 4000, "count": 1, "sources": [back.id], "type": "payout"}]


def test_the_schedule_says_when_it_is_paid_out(till: Till) -> None:
    form: Any = {"payments": {"payouts": {"schedule": {"interval": "daily"}}}}
    till.client.v1.balance_settings.update(form)
    charge = till.pay("pm_card_visa", 10_000)
    [day] = outlook(till)["days"]
    assert day["payout_on"] == day["available_on"] == midnight(add_business_days("usd", utc_date(charge.created), 2))
    till.nostro.advance(day["payout_on"] - till.nostro.now)
    [payout] = till.client.v1.payouts.list().data
    assert payout.amount == day["amount"]
    assert day["payout_on"] <= payout.created <= day["payout_on"] + MARGIN


def test_reserves_and_advances_are_in_it(till: Till) -> None:
    plan: Any = {"type": "rolling_release", "percent": 10, "rolling_release": {"days_after_charge": 20}}
    till.client.raw_request("post", "/v1/reserve/plans", **plan)
    charge = till.pay("pm_card_visa", 10_000)
    lent: Any = till.client.raw_request("post", "/v1/balance/advances", amount=5000, currency="usd")
    soon, late = outlook(till)["days"]
    [hold] = till.client.raw_request("get", "/v1/reserve/holds").data["data"]  # type: ignore[attr-defined]
    assert soon["reasons"] == [
        {"amount": 9680, "count": 1, "sources": [charge.id], "type": "charge"},
        {"amount": -1000, "count": 1, "sources": [hold["id"]], "type": "reserve_hold"},
        {"amount": -5000, "count": 1, "sources": [lent.data["id"]], "type": "advance_repayment"},
    ]
    assert (soon["amount"], soon["available_after"]) == (3680, 4950 + 3680)
    assert late["reasons"] == [{"amount": 1000, "count": 1, "sources": [hold["id"]], "type": "reserve_release"}]
    assert late["available_on"] == hold["release_schedule"]["scheduled_release"]


def test_what_is_late_is_looked_at_each_day_at_the_same_hour(till: Till) -> None:
    """A reserve that is released between two looks moves neither."""
    timing: Any = {"hour": 17, "minutes": 30, "timezone": "America/New_York"}
    form: Any = {"payments": {"settlement_timing": {"start_of_day": timing}}}
    till.client.v1.balance_settings.update(form)
    charge = till.pay("pm_card_visa", 5000)
    till.client.raw_request("post", "/v1/balance/advances", amount=2000, currency="usd")
    till.client.v1.payouts.create({"amount": 1980, "currency": "usd"})
    till.client.raw_request("post", "/v1/reserve/holds", source_charge=charge.id, amount=4000, release_schedule={
        "release_after": till.nostro.now + 12 * DAY})  # fmt: skip
    first, released, second = outlook(till)["days"]
    assert [day["available_after"] for day in (first, released, second)] == [0, 4000, 4000 - 2000 + 825]
    assert 0 < second["available_on"] - released["available_on"] < DAY
    assert (second["available_on"] - first["available_on"]) % DAY == 0
    for day in (first, released, second):
        till.nostro.advance(day["available_on"] - till.nostro.now + MARGIN)
        assert till.available() == day["available_after"]


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("pay", "dispute", "hold", "hold_payment", "advance")), st.integers(1000, 20_000)),
        st.tuples(st.just("refund"), st.integers(1, 5000)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("delay"), st.integers(2, 6)),
    ),
    max_size=8,
)
STARTS: Any = ({}, {"hour": 17, "minutes": 30, "timezone": "America/New_York"},
               {"hour": 9, "minutes": 0, "timezone": "Asia/Tokyo"})  # fmt: skip


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, percent=st.integers(1, 40), start=st.sampled_from(STARTS))
def test_what_is_promised_is_what_happens(
    server: Server, moves: list[tuple[str, int]], percent: int, start: Any
) -> None:  # fmt: skip
    """Whatever was done before: if nothing more is, each day brings what was told, and leaves what was told."""
    sandbox = server.sandbox()
    till = Till(sandbox, sandbox.client)
    post: Any = till.client.raw_request
    if start:
        timing: Any = {"payments": {"settlement_timing": {"start_of_day": start}}}
        till.client.v1.balance_settings.update(timing)
    post("post", "/v1/reserve/plans", type="rolling_release", percent=percent, rolling_release={"days_after_charge": 3})
    charge = till.pay("pm_card_visa", 5000)
    for move, number in moves:
        try:
            if move == "pay":
                charge = till.pay("pm_card_visa", number)
            elif move == "dispute":
                till.pay("pm_card_createDispute", number)
            elif move == "hold":
                after = sandbox.now + number * 40
                post("post", "/v1/reserve/holds", amount=number // 10, currency="usd",
                     release_schedule={"release_after": after})  # fmt: skip
            elif move == "hold_payment":
                post("post", "/v1/reserve/holds", source_charge=charge.id, release_schedule={
                    "release_after": sandbox.now + DAY})  # fmt: skip
            elif move == "advance":
                post("post", "/v1/balance/advances", amount=number // 5, currency="usd")
            elif move == "refund":
                till.client.v1.refunds.create({"charge": charge.id, "amount": number})
            elif move == "delay":
                form: Any = {"payments": {"settlement_timing": {"delay_days_override": number}}}
                till.client.v1.balance_settings.update(form)
            else:
                sandbox.advance(days=number)
        except stripe.InvalidRequestError as error:
            if error.code not in (None, "amount_too_large", "balance_insufficient", "advance_limit_exceeded",
                                  "charge_already_refunded"):  # fmt: skip
                raise
    promised = outlook(till)
    for day in promised["days"]:
        before = till.available()
        sandbox.advance(day["available_on"] - sandbox.now - MARGIN)
        assert till.available() == before
        sandbox.advance(MARGIN)
        assert till.available() == day["available_after"] == before + day["amount"]
    assert [day for day in outlook(till)["days"] if day["available_on"] < sandbox.now + 30 * DAY] == []
