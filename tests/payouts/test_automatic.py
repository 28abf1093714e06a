"""Automatic payouts: on their days, of what is available, and each names the lines that it carries."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expect import plain
from nostro.balances.calendar import add_business_days
from nostro.balances.schedule import Schedule, is_payout_day
from nostro.kernel.clock import midnight, utc_date
from nostro.testing.sandbox import DAY, Sandbox
from nostro.testing.server import Server
from till import Till

FEE_OF_10_000 = 320
NET = 10_000 - FEE_OF_10_000


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def schedule(till: Till, interval: str = "daily", **more: Any) -> Any:
    days = {name: more.pop(name) for name in ("weekly_payout_days", "monthly_payout_days") if name in more}
    form: Any = {"payments": {"payouts": {"schedule": {"interval": interval, **days}, **more}}}
    return till.client.v1.balance_settings.update(form)


def payouts(till: Till) -> list[Any]:
    """Oldest first."""
    return list(reversed(till.client.v1.payouts.list({"limit": 100}).data))


def to_next_day(till: Till, currency: str = "usd") -> int:
    """Let time pass to the beginning of the next business day, and a second."""
    now = till.nostro.now
    moment = midnight(add_business_days(currency, utc_date(now), 1))
    till.nostro.advance(moment - now + 1)
    return moment


def sums_up(till: Till, payout: Any) -> None:
    """The payout's own line and what it carries are nothing together."""
    lines = till.lines(payout=payout.id)
    assert sum(line.net for line in lines) == 0
    assert sum(line.net for line in lines if line.id != payout.balance_transaction) == payout.amount


def test_a_day_pays_out_what_is_available(till: Till) -> None:
    first, second = till.pay(amount=10_000), till.pay(amount=10_000)
    refund = till.client.v1.refunds.create({"charge": first.id, "amount": 1000})
    schedule(till, statement_descriptor="NOSTRO SHOP")
    assert payouts(till) == []
    moment = to_next_day(till)
    [payout] = payouts(till)
    assert (payout.amount, payout.currency, payout.automatic) == (2 * NET - 1000, "usd", True)
    assert (payout.reconciliation_status, payout.statement_descriptor) == ("completed", "NOSTRO SHOP")
    assert payout.created == moment
    assert till.available() == 0
    assert {line.source for line in till.lines(payout=payout.id)} == {first.id, second.id, refund.id, payout.id}
    sums_up(till, payout)
    assert "payout.reconciliation_completed" in till.events("payout.")
    to_next_day(till)
    assert len(payouts(till)) == 1
    till.nostro.advance(days=7)
    assert payouts(till)[0].status == "paid"


def test_pending_money_waits_for_its_day(till: Till) -> None:
    schedule(till)
    charge = till.pay("pm_card_visa", 10_000)
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    till.nostro.advance(line.available_on - till.nostro.now - 1)
    assert payouts(till) == []
    till.nostro.advance(1)
    [payout] = payouts(till)
    assert (payout.amount, payout.created) == (NET, line.available_on)
    sums_up(till, payout)


def test_manual_payouts_are_in_the_next_automatic_one(till: Till) -> None:
    till.pay(amount=10_000)
    manual = till.client.v1.payouts.create({"amount": 4000, "currency": "usd"})
    assert [line.id for line in till.lines(payout=manual.id)] == [manual.balance_transaction]
    schedule(till)
    to_next_day(till)
    automatic = payouts(till)[-1]
    assert automatic.amount == NET - 4000
    assert manual.balance_transaction in {line.id for line in till.lines(payout=automatic.id)}
    sums_up(till, automatic)


def test_what_is_owed_is_carried(till: Till) -> None:
    schedule(till)
    charge = till.pay(amount=10_000)
    to_next_day(till)
    till.client.v1.refunds.create({"charge": charge.id})
    assert till.available() == -10_000
    to_next_day(till)
    assert len(payouts(till)) == 1
    till.pay(amount=20_000)
    to_next_day(till)
    payout = payouts(till)[-1]
    assert payout.amount == 20_000 - 610 - 10_000
    assert till.available() == 0
    sums_up(till, payout)


def test_a_minimum_stays(till: Till) -> None:
    schedule(till, minimum_balance_by_currency={"usd": 3000})
    till.pay(amount=10_000)
    to_next_day(till)
    till.pay(amount=10_000)
    to_next_day(till)
    first, second = payouts(till)
    assert (first.amount, second.amount, till.available()) == (NET - 3000, NET, 3000)
    for payout in (first, second):
        sums_up(till, payout)
    [hold] = [line for line in till.lines(payout=first.id) if line.type == "payout_minimum_balance_hold"]
    assert hold.net == -3000
    schedule(till, minimum_balance_by_currency={"usd": ""})
    till.pay(amount=10_000)
    to_next_day(till)
    assert (payouts(till)[-1].amount, till.available()) == (NET + 3000, 0)


def test_each_currency_is_paid_by_itself(till: Till) -> None:
    schedule(till)
    till.pay(amount=10_000)
    till.pay(amount=50_050, currency="huf")
    till.nostro.advance(days=7)
    made = {payout.currency: payout for payout in payouts(till)}
    assert made.keys() == {"usd", "huf"}
    assert made["huf"].amount % 100 == 0  # banks carry no decimals of it
    assert till.available("huf") == 50_050 - 1481 - made["huf"].amount
    for payout in made.values():
        sums_up(till, payout)


def test_a_payout_that_fails_comes_back_and_goes_to_the_next_account(till: Till) -> None:
    account, banks = till.client.v1.accounts.retrieve_current(), till.client.v1.accounts.external_accounts
    closed = banks.create(account.id, {"external_account": "btok_us_verified_accountClosed"})
    till.pay(amount=10_000)
    schedule(till)
    till.nostro.advance(days=10)
    [failed] = payouts(till)
    assert (failed.status, failed.destination) == ("failed", closed.id)
    assert banks.retrieve(account.id, closed.id).to_dict()["status"] == "errored"
    assert till.available() == NET  # not tried again at a bank that refused it
    good: Any = banks.create(account.id, {"external_account": "btok_us_verified", "default_for_currency": True})
    till.nostro.advance(days=14)
    payout = payouts(till)[-1]
    assert (payout.status, payout.amount, payout.destination) == ("paid", NET, good.id)
    assert failed.failure_balance_transaction in {line.id for line in till.lines(payout=payout.id)}
    sums_up(till, payout)


def test_weekly(till: Till) -> None:
    schedule(till, "weekly", weekly_payout_days=["tuesday", "friday"])
    account: Any = till.client.v1.accounts.retrieve_current()
    shown = plain(account.settings.payouts.schedule)
    assert (shown["interval"], shown["weekly_anchor"]) == ("weekly", "tuesday")
    for _ in range(14):
        till.pay(amount=10_000)
        till.nostro.advance(DAY)
    days = {utc_date(payout.created) for payout in payouts(till)}
    assert len(days) >= 3
    weekly = Schedule(interval="weekly", weekly_payout_days=["tuesday", "friday"])
    assert all(is_payout_day(weekly, "usd", day) for day in days)


def test_back_to_manual(till: Till) -> None:
    schedule(till)
    schedule(till, "manual")
    till.pay(amount=10_000)
    till.nostro.advance(days=7)
    assert payouts(till) == []
    assert till.available() == NET


def test_settings(till: Till) -> None:
    found = plain(till.client.v1.balance_settings.retrieve())
    assert found["payments"]["payouts"]["schedule"] == {"interval": "manual"}
    assert found["payments"]["settlement_timing"] == {"delay_days": 2}
    changed: Any = schedule(till, "monthly", monthly_payout_days=[31, 1, 31], minimum_balance_by_currency={"eur": 5})
    assert plain(changed.payments.payouts.schedule) == {"interval": "monthly", "monthly_payout_days": [1, 31]}
    assert till.client.v1.balance_settings.retrieve() == changed
    assert till.events("balance_settings.") == ["balance_settings.updated"]


@pytest.mark.parametrize(
    ("interval", "more", "param"),
    [
        ("weekly", {}, "[schedule][weekly_payout_days]"),
        ("monthly", {}, "[schedule][monthly_payout_days]"),
        ("daily", {"weekly_payout_days": ["monday"]}, "[schedule][weekly_payout_days]"),
        ("monthly", {"monthly_payout_days": [32]}, "[schedule][monthly_payout_days][0]"),
        ("hourly", {}, "[schedule][interval]"),
        ("manual", {"statement_descriptor": "x" * 23}, "[statement_descriptor]"),
        ("manual", {"minimum_balance_by_currency": {"xxx": 5}}, "[minimum_balance_by_currency]"),
    ],
)
def test_wrong_settings(till: Till, interval: str, more: Any, param: str) -> None:
    error = fails_with_any_code(lambda: schedule(till, interval, **more))
    assert error.param == f"payments[payouts]{param}"


def fails_with_any_code(call: Any) -> Any:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    return caught.value


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(1000, 20_000)),
        st.tuples(st.just("wait"), st.integers(1, 4)),
        st.tuples(st.just("refund"), st.integers(1, 1000)),
        st.tuples(st.just("manual"), st.integers(1, 3000)),
        st.tuples(st.just("keep"), st.integers(0, 5000)),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_every_line_is_paid_out_once_and_to_the_cent(server: Server, moves: list[tuple[str, int]]) -> None:
    """Whatever happens, each automatic payout is the sum of its lines, and what no payout took is the balance."""
    sandbox = server.sandbox()
    till = Till(sandbox, sandbox.client)
    schedule(till)
    charge = till.pay(amount=1000)
    for move, number in moves:
        if move == "pay":
            charge = till.pay(amount=number)
        elif move == "wait":
            sandbox.advance(days=number)
        elif move == "refund" and charge.amount - charge.amount_refunded >= number:
            till.client.v1.refunds.create({"charge": charge.id, "amount": number})
            charge = till.client.v1.charges.retrieve(charge.id)
        elif move == "manual" and till.available() >= number:
            till.client.v1.payouts.create({"amount": number, "currency": "usd"})
        elif move == "keep":
            schedule(till, minimum_balance_by_currency={"usd": number})
    taken: dict[str, str] = {}
    for payout in payouts(till):
        if payout.automatic:
            sums_up(till, payout)
            for line in till.lines(payout=payout.id):
                assert taken.setdefault(line.id, payout.id) == payout.id
    rest = sum(line.net for line in till.lines() if line.id not in taken)
    assert rest == till.available() + till.pending()
