"""Reserves: what is held back of payments, when it comes back, and what claims take of it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expect import fails
from marketplace import Marketplace
from nostro.kernel.clock import midnight, utc_date
from nostro.testing.sandbox import DAY, Sandbox
from nostro.testing.server import Server
from till import Till

NET = 10_000 - 320


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def ask(till: Till, method: str, path: str, **form: Any) -> Any:
    raw: Any = till.client.raw_request(method, path, **form)
    return raw.data


def plan(till: Till, **form: Any) -> Any:
    rolling = {"type": "rolling_release", "rolling_release": {"days_after_charge": 30}}
    return ask(till, "post", "/v1/reserve/plans", **{"percent": 10, **rolling, **form})


def holds(till: Till) -> list[Any]:
    found: list[Any] = ask(till, "get", "/v1/reserve/holds", limit=100)["data"]
    return found[::-1]


def releases(till: Till) -> list[Any]:
    found: list[Any] = ask(till, "get", "/v1/reserve/releases", limit=100)["data"]
    return found[::-1]


def test_a_rolling_reserve_holds_a_part_of_each_payment_and_gives_it_back_on_its_day(till: Till) -> None:
    made = plan(till)
    assert (made["status"], made["rolling_release"]["days_after_charge"]) == ("active", 30)
    charge = till.pay(amount=10_000)
    [hold] = holds(till)
    assert (hold["amount"], hold["amount_releasable"], hold["reason"]) == (1000, 1000, "charge")
    assert (hold["source_charge"], hold["reserve_plan"]) == (charge.id, made["id"])
    due = hold["release_schedule"]["scheduled_release"]
    assert due == midnight(utc_date(charge.created + 30 * DAY)) + DAY
    assert till.available() == NET - 1000
    line = till.lines()[-1]
    assert (line.type, line.net, line.reporting_category, line.source) == (
        "reserve_hold", -1000, "risk_reserved_funds", hold["id"],
    )  # fmt: skip
    till.nostro.advance(due - till.nostro.now - 60)
    assert till.available() == NET - 1000
    till.nostro.advance(60)
    assert till.available() == NET
    [released] = releases(till)
    assert (released["amount"], released["reason"]) == (1000, "hold_expired")
    assert released["released_at"] == pytest.approx(due, abs=60)
    assert (released["reserve_hold"], released["reserve_plan"]) == (hold["id"], made["id"])
    [hold] = holds(till)
    assert (hold["amount_releasable"], hold["is_releasable"]) == (0, False)
    assert hold["release_details"] == [{"amount": 1000, "reserve_release": released["id"]}]
    assert till.events("reserve.") == [
        "reserve.plan.created", "reserve.hold.created", "reserve.release.created", "reserve.hold.updated",
    ]  # fmt: skip


def test_what_is_held_of_a_pending_payment_is_not_pending_and_goes_back_there(till: Till) -> None:
    plan(till, type="manual_release", rolling_release="")
    till.pay("pm_card_visa", 10_000)
    assert (till.pending(), till.available()) == (NET - 1000, 0)
    [hold] = holds(till)
    ask(till, "post", f"/v1/reserve/holds/{hold['id']}/release", amount=400)
    assert (till.pending(), till.available()) == (NET - 600, 0)
    till.nostro.advance(days=7)
    assert (till.pending(), till.available()) == (0, NET - 600)
    ask(till, "post", f"/v1/reserve/holds/{hold['id']}/release")
    assert till.available() == NET
    fails(lambda: ask(till, "post", f"/v1/reserve/holds/{hold['id']}/release"), None, None)


def test_a_fixed_reserve_gives_all_back_on_one_day_and_expires(till: Till) -> None:
    after = till.nostro.now + 10 * DAY
    made = plan(till, type="fixed_release", fixed_release={"release_after": after}, rolling_release="", percent=25)
    for _ in range(2):
        till.pay(amount=10_000)
        till.nostro.advance(days=3)
    assert till.available() == 2 * (NET - 2500)
    till.nostro.advance(made["fixed_release"]["scheduled_release"] - till.nostro.now)
    assert till.available() == 2 * NET
    assert ask(till, "get", f"/v1/reserve/plans/{made['id']}")["status"] == "expired"
    till.pay(amount=10_000)
    assert len(holds(till)) == 2


def test_plans_of_a_currency_and_several_at_once(till: Till) -> None:
    plan(till, currency="eur", percent=50)
    plan(till, percent=60)
    plan(till, percent=60)
    till.pay(amount=10_000)
    till.pay(amount=10_000, currency="eur")
    assert [(hold["currency"], hold["amount"]) for hold in holds(till)] == [
        ("usd", 6000), ("usd", NET - 6000), ("eur", 5000), ("eur", NET - 5000),
    ]  # fmt: skip
    assert (till.available("usd"), till.available("eur")) == (0, 0)


def test_a_plan_that_is_disabled_holds_nothing_more(till: Till) -> None:
    made = plan(till)
    till.pay(amount=10_000)
    disabled = ask(till, "post", f"/v1/reserve/plans/{made['id']}/disable")
    assert (disabled["status"], disabled["disabled_at"]) == ("disabled", pytest.approx(till.nostro.now, abs=5))
    till.pay(amount=10_000)
    assert till.available() == 2 * NET - 1000
    fails(lambda: ask(till, "post", f"/v1/reserve/plans/{made['id']}/disable"), None, None)


def test_and_can_give_back_all_that_it_holds(till: Till) -> None:
    made = plan(till)
    till.pay(amount=10_000)
    till.pay(amount=10_000, currency="eur")
    ask(till, "post", f"/v1/reserve/plans/{made['id']}/disable", release_holds=True)
    till.nostro.settle()
    assert (till.available("usd"), till.available("eur")) == (NET, NET)
    assert {released["reason"] for released in releases(till)} == {"plan_disabled"}
    till.nostro.advance(days=60)
    assert len(releases(till)) == 2


def test_a_refund_takes_its_part_of_what_is_held(till: Till) -> None:
    plan(till)
    charge = till.pay(amount=10_000)
    refund = till.client.v1.refunds.create({"charge": charge.id, "amount": 2500})
    [hold] = holds(till)
    assert (hold["amount_releasable"], till.available()) == (750, NET - 2500 - 750)
    [released] = releases(till)
    assert (released["reason"], released["amount"]) == ("hold_reversed", 250)
    assert released["source_transaction"] == {"type": "refund", "refund": refund.id, "dispute": None}
    till.client.v1.refunds.create({"charge": charge.id})
    assert till.available() == NET - 10_000
    till.nostro.advance(days=60)
    assert sum(released["amount"] for released in releases(till)) == 1000


def test_a_dispute_takes_all_that_is_held_of_its_payment(till: Till) -> None:
    plan(till)
    till.pay(amount=20_000)
    till.pay("pm_card_createDispute", 10_000)
    [_, hold] = holds(till)
    [dispute] = till.client.v1.disputes.list().data
    [released] = releases(till)
    assert hold["amount_releasable"] == 0
    assert released["source_transaction"] == {"type": "dispute", "dispute": dispute.id, "refund": None}


def test_a_payment_is_taken_and_reserved_though_the_balance_is_below_zero(till: Till) -> None:
    charge = till.pay(amount=10_000)
    till.client.v1.payouts.create({"amount": NET, "currency": "usd"})
    till.client.v1.refunds.create({"charge": charge.id})
    plan(till)
    assert till.pay(amount=1000).paid
    assert (till.available(), holds(till)[0]["amount"]) == (-10_000 + 941 - 100, 100)


def test_the_platform_holds_an_amount_until_a_day(till: Till) -> None:
    till.pay(amount=10_000)
    after = till.nostro.now + 5 * DAY
    made = ask(till, "post", "/v1/reserve/holds", amount=4000, currency="usd", metadata={"why": "chargebacks"},
               release_schedule={"release_after": after})  # fmt: skip
    assert (made["reason"], made["metadata"]) == ("standalone", {"why": "chargebacks"})
    assert till.available() == NET - 4000
    fails(lambda: ask(till, "post", "/v1/reserve/holds", amount=9000, currency="usd"), "balance_insufficient", None)
    later = ask(till, "post", f"/v1/reserve/holds/{made['id']}", release_schedule={"release_after": after + 9 * DAY})
    till.nostro.advance(days=9)
    assert till.available() == NET - 4000
    till.nostro.advance(later["release_schedule"]["scheduled_release"] - till.nostro.now)
    assert till.available() == NET


def test_the_platform_holds_the_money_of_a_payment(till: Till) -> None:
    charge = till.pay("pm_card_visa", 10_000)
    made = ask(till, "post", "/v1/reserve/holds", source_charge=charge.id)
    assert (made["amount"], made["source_charge"], till.pending()) == (NET, charge.id, 0)
    fails(lambda: ask(till, "post", "/v1/reserve/holds", source_charge=charge.id, amount=1), "amount_too_large",
          "amount")  # fmt: skip
    till.nostro.advance(days=7)
    assert till.available() == 0


def test_a_warning_holds_its_payments_money_if_the_platform_wants_that(till: Till) -> None:
    till.pay("pm_card_createIssuerFraudRecord", 10_000)
    assert holds(till) == []
    ask(till, "post", "/v1/balance/policy", risk_holds={"early_fraud_warning": True, "days": 20})
    charge = till.pay("pm_card_createIssuerFraudRecord", 10_000)
    [hold] = holds(till)
    assert (hold["amount"], hold["reason"], hold["source_charge"]) == (NET, "early_fraud_warning", charge.id)
    till.client.v1.refunds.create({"charge": charge.id})
    assert holds(till)[0]["amount_releasable"] == 0
    till.pay("pm_card_createIssuerFraudRecord", 10_000)
    till.nostro.advance(days=15)
    assert till.available() == NET + NET - 10_000
    till.nostro.advance(days=7)
    assert till.available() == 3 * NET - 10_000


def test_a_review_holds_it_until_it_is_closed(till: Till) -> None:
    ask(till, "post", "/v1/balance/policy", risk_holds={"review": True})
    charge = till.pay("pm_card_riskLevelElevated", 10_000)
    [hold] = holds(till)
    assert (hold["amount"], hold["reason"]) == (NET, "review")
    till.client.v1.reviews.approve(charge.review)
    assert releases(till)[0]["reason"] == "hold_released_early"
    intent = till.client.v1.payment_intents.create(
        {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_riskLevelElevated", "confirm": True,
         "capture_method": "manual"}
    )  # fmt: skip
    till.nostro.settle()
    assert len(holds(till)) == 1
    till.client.v1.payment_intents.capture(intent.id)
    till.nostro.settle()
    assert [hold["amount_releasable"] for hold in holds(till)] == [0, NET]


def test_a_connected_accounts_plan_takes_of_what_its_platform_transfers(till: Till) -> None:
    market = Marketplace(till.nostro, till.client)
    seller = market.open()
    raw: Any = till.client.raw_request
    raw("post", "/v1/reserve/plans", stripe_account=seller, type="manual_release", percent=10)
    till.pay(amount=20_000)
    form: Any = {"amount": 10_000, "currency": "usd", "destination": seller}
    made = till.client.v1.transfers.create(form)
    assert market.has(seller) == (9000, 0)
    [hold] = raw("get", "/v1/reserve/holds", stripe_account=seller).data["data"]
    assert (hold["amount"], hold["source_charge"]) == (1000, made.destination_payment)
    till.client.v1.transfers.reversals.create(made.id, {"amount": 5000})
    assert market.has(seller) == (4500, 0)
    till.client.v1.transfers.reversals.create(made.id)
    assert market.has(seller) == (0, 0)
    assert holds(till) == []  # the platform's own


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"percent": 101}, "parameter_invalid_integer", "percent"),
        ({"currency": "xxx"}, None, "currency"),
        ({"type": "fixed_release"}, "parameter_missing", "fixed_release"),
        ({"fixed_release": {"release_after": 2_000_000_000}}, None, "fixed_release"),
        ({"rolling_release": {"days_after_charge": 1, "expires_on": 5}}, None, "rolling_release[expires_on]"),
    ],
)
def test_wrong_plans(till: Till, form: Any, code: str | None, param: str) -> None:
    fails(lambda: plan(till, **form), code, param)


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(100, 20_000)),
        st.tuples(st.just("wait"), st.integers(1, 6)),
        st.tuples(st.just("refund"), st.integers(1, 4000)),
        st.tuples(st.just("dispute"), st.integers(100, 20_000)),
        st.tuples(st.just("release"), st.integers(1, 500)),
    ),
    max_size=10,
)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, percent=st.integers(1, 100), days=st.integers(1, 8))
def test_every_held_unit_comes_back_once(
    server: Server, moves: list[tuple[str, int]], percent: int, days: int
) -> None:  # fmt: skip
    """Whatever happens: a hold and its releases agree at each step, and in the end all of it was released, once."""
    sandbox = server.sandbox()
    till = Till(sandbox, sandbox.client)
    plan(till, percent=percent, rolling_release={"days_after_charge": days})
    charge = till.pay(amount=5000)
    for move, number in moves:
        if move == "pay":
            charge = till.pay("pm_card_visa" if number % 2 else "pm_card_bypassPending", number)
        elif move == "wait":
            sandbox.advance(days=number)
        elif move == "refund" and charge.amount - charge.amount_refunded >= number:
            till.client.v1.refunds.create({"charge": charge.id, "amount": number})
            charge = till.client.v1.charges.retrieve(charge.id)
        elif move == "dispute":
            till.pay("pm_card_createDispute", number)
        elif move == "release":
            for hold in holds(till):
                if hold["amount_releasable"] >= number:
                    ask(till, "post", f"/v1/reserve/holds/{hold['id']}/release", amount=number)
                    break
        agree(till)
    sandbox.advance(days=40)
    agree(till)
    assert all(hold["amount_releasable"] == 0 for hold in holds(till))
    assert sum(line.net for line in till.lines()) == till.available() + till.pending()


def agree(till: Till) -> None:
    given: dict[str, int] = {}
    for released in releases(till):
        given[released["reserve_hold"]] = given.get(released["reserve_hold"], 0) + released["amount"]
    for hold in holds(till):
        assert hold["amount_releasable"] == hold["amount"] - given.get(hold["id"], 0) >= 0
        assert sum(detail["amount"] for detail in hold["release_details"]) == given.get(hold["id"], 0)
