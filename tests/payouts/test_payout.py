"""Payouts: sent, arrived, failed, canceled and reversed; the balance and the statement follow."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.balances.calendar import business_midnight, next_cut_off
from nostro.testing.sandbox import DAY, Sandbox
from till import Till

# Days after which a payout has arrived, whatever weekends and holidays lie in between.
ARRIVED = 14

FAILING = {
    "btok_us_verified_noAccount": "no_account",
    "btok_us_verified_accountClosed": "account_closed",
    "btok_us_verified_insufficientFunds": "insufficient_funds",
    "btok_us_verified_debitNotAuthorized": "debit_not_authorized",
    "btok_us_verified_invalidCurrency": "invalid_currency",
}


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    made = Till(nostro, client)
    made.pay(amount=10_000)
    return made


def pay_out(till: Till, amount: int = 4000, currency: str = "usd", **more: Any) -> Any:
    form: Any = {"amount": amount, "currency": currency, **more}
    return till.client.v1.payouts.create(form)


def after(till: Till, payout: Any, days: int) -> Any:
    till.nostro.advance(days=days)
    return till.client.v1.payouts.retrieve(payout.id)


def test_a_payout_arrives(till: Till) -> None:
    before = till.available()
    payout = pay_out(till, description="Week 47", statement_descriptor="WEEK 47", metadata={"week": "47"})
    assert (payout.status, payout.amount, payout.method, payout.type) == ("pending", 4000, "standard", "bank_account")
    assert (payout.automatic, payout.reconciliation_status) == (False, "not_applicable")
    assert (payout.trace_id.status, payout.trace_id.value) == ("pending", None)
    assert till.available() == before - 4000
    [line] = till.lines(payout=payout.id)
    assert (line.type, line.amount, line.fee, line.net) == ("payout", -4000, 0, -4000)
    assert (line.source, line.description) == (payout.id, "Week 47")
    assert payout.balance_transaction == line.id
    paid = after(till, payout, ARRIVED)
    assert (paid.status, paid.trace_id.status) == ("paid", "supported")
    assert len(paid.trace_id.value) == 15
    assert till.available() == before - 4000
    assert till.events("payout.") == ["payout.created", "payout.updated", "payout.paid"]


def test_it_is_sent_at_the_cut_off_and_arrives_two_business_days_later(till: Till) -> None:
    payout = pay_out(till)
    cut_off, day = next_cut_off("usd", payout.created)
    assert payout.arrival_date == business_midnight("usd", day, 2)
    till.nostro.advance(cut_off - till.nostro.now - 60)
    assert till.client.v1.payouts.retrieve(payout.id).status == "pending"
    till.nostro.advance(60)
    assert till.client.v1.payouts.retrieve(payout.id).status == "in_transit"
    till.nostro.advance(payout.arrival_date - till.nostro.now)
    assert till.client.v1.payouts.retrieve(payout.id).status == "paid"


def test_an_instant_payout_takes_minutes(till: Till) -> None:
    payout = pay_out(till, method="instant")
    assert payout.arrival_date == payout.created + 600
    till.nostro.advance(30)
    assert till.client.v1.payouts.retrieve(payout.id).status == "in_transit"
    till.nostro.advance(600)
    assert till.client.v1.payouts.retrieve(payout.id).status == "paid"


def test_an_instant_payout_costs_a_fee(till: Till) -> None:
    before = till.available()
    payout = pay_out(till, 4000, method="instant")
    [line] = till.lines(payout=payout.id)
    assert (line.amount, line.fee, line.net) == (-4000, 60, -4060)  # one and a half percent
    assert [(detail.amount, detail.type) for detail in line.fee_details] == [(60, "stripe_fee")]
    assert till.available() == before - 4060
    small = pay_out(till, 100, method="instant")
    assert till.lines(payout=small.id)[0].fee == 50
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(till, till.available(), method="instant")
    assert caught.value.code == "balance_insufficient"


def test_the_fee_of_an_instant_payout_that_fails_is_given_back(till: Till) -> None:
    before = till.available()
    account = till.client.v1.accounts.retrieve_current()
    bank = till.client.v1.accounts.external_accounts.create(
        account.id, {"external_account": "btok_us_verified_accountClosed"}
    )
    payout = pay_out(till, destination=bank.id, method="instant")
    failed = after(till, payout, 1)
    line = till.client.v1.balance_transactions.retrieve(failed.failure_balance_transaction)
    assert (failed.status, line.amount, line.fee, line.net) == ("failed", 4000, -60, 4060)
    assert till.available() == before


@pytest.mark.parametrize(("currency", "largest"), [("usd", 999_900), ("jpy", 9_999)])
def test_the_largest_instant_payout(till: Till, currency: str, largest: int) -> None:
    till.pay(amount=2_000_000, currency=currency)
    assert pay_out(till, largest, currency, method="instant").amount == largest
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(till, largest + 1, currency, method="instant")
    assert (caught.value.param, caught.value.code) == ("amount", "amount_too_large")


def test_more_than_there_is(till: Till) -> None:
    before = till.available()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(till, before + 1)
    assert (caught.value.http_status, caught.value.code) == (400, "balance_insufficient")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(till, 100, "eur")
    assert caught.value.code == "balance_insufficient"
    assert till.client.v1.payouts.list().data == []
    assert till.events("account.", "payout.") == []
    assert pay_out(till, before).amount == before
    assert till.available() == 0


def test_pending_money_cannot_be_paid_out(till: Till) -> None:
    before = till.available()
    till.pay("pm_card_visa", 10_000)
    assert till.pending() > 0
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(till, before + 1)
    assert caught.value.code == "balance_insufficient"
    till.nostro.advance(days=ARRIVED)
    assert till.events("balance.") == ["balance.available"]
    assert pay_out(till, before + 1).status == "pending"


@pytest.mark.parametrize(("token", "code"), FAILING.items())
def test_a_payout_fails_by_the_accounts_number(till: Till, token: str, code: str) -> None:
    before = till.available()
    account = till.client.v1.accounts.retrieve_current()
    bank = till.client.v1.accounts.external_accounts.create(account.id, {"external_account": token})
    payout = after(till, pay_out(till, destination=bank.id), ARRIVED)
    assert (payout.status, payout.failure_code, payout.destination) == ("failed", code, bank.id)
    assert payout.failure_message
    assert payout.trace_id.status == "unsupported"
    line = till.client.v1.balance_transactions.retrieve(payout.failure_balance_transaction)
    assert (line.type, line.amount, line.source) == ("payout_failure", 4000, payout.id)
    assert till.available() == before
    assert till.events("payout.") == ["payout.created", "payout.updated", "payout.failed"]


def test_canceling(till: Till) -> None:
    before = till.available()
    payout = till.client.v1.payouts.cancel(pay_out(till).id, {"expand": ["failure_balance_transaction"]})
    line: Any = payout.failure_balance_transaction
    assert (payout.status, line.type, line.amount) == ("canceled", "payout_cancel", 4000)
    assert line.reporting_category == "payout_reversal"
    assert till.available() == before
    till.nostro.advance(days=ARRIVED)
    assert till.client.v1.payouts.retrieve(payout.id).status == "canceled"
    assert till.events("payout.") == ["payout.created", "payout.canceled"]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        till.client.v1.payouts.cancel(payout.id)


def test_reversing(till: Till) -> None:
    before = till.available()
    payout = pay_out(till)
    with pytest.raises(stripe.InvalidRequestError, match="Cancel it instead"):
        till.client.v1.payouts.reverse(payout.id)
    after(till, payout, ARRIVED)
    back = till.client.v1.payouts.reverse(payout.id, {"metadata": {"why": "mistake"}})
    assert (back.amount, back.original_payout, back.status) == (-4000, payout.id, "pending")
    assert back.metadata is not None
    assert back.metadata["why"] == "mistake"
    assert till.client.v1.payouts.retrieve(payout.id).reversed_by == back.id
    assert (till.available(), till.pending()) == (before - 4000, 4000)
    for attempt in (payout.id, back.id):
        with pytest.raises(stripe.InvalidRequestError, match="reversed"):
            till.client.v1.payouts.reverse(attempt)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        till.client.v1.payouts.cancel(back.id)
    assert after(till, back, ARRIVED).status == "paid"
    assert (till.available(), till.pending()) == (before, 0)
    assert [line.amount for line in till.lines(type="payout")] == [-4000, 4000]


def test_updating(till: Till) -> None:
    payout = pay_out(till, metadata={"week": "47"})
    updated = till.client.v1.payouts.update(payout.id, {"metadata": {"week": "", "year": "2026"}})
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"year": "2026"}
    assert till.events("payout.")[-1] == "payout.updated"


def test_listing(till: Till) -> None:
    first, second = pay_out(till, 100), pay_out(till, 200, method="instant")
    payouts = till.client.v1.payouts
    till.nostro.advance(700)
    assert [p.id for p in payouts.list({"status": "paid"}).data] == [second.id]
    assert [p.id for p in payouts.list({"destination": first.destination}).data] == [second.id, first.id]
    assert [p.id for p in payouts.list({"arrival_date": {"gte": first.arrival_date}}).data] == [first.id]
    assert [p.id for p in payouts.list({"arrival_date": {"lt": first.arrival_date}}).data] == [second.id]
    assert [p.id for p in payouts.list({"arrival_date": second.arrival_date}).data] == [second.id]
    assert payouts.list({"created": {"gt": till.nostro.now + DAY}}).data == []
    shown: Any = payouts.retrieve(first.id, {"expand": ["destination", "balance_transaction.source"]})
    assert (shown.destination.object, shown.destination.currency) == ("bank_account", "usd")
    assert shown.balance_transaction.source.id == first.id


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({"amount": 0}, "amount", "parameter_invalid_integer"),
        ({"amount": -5}, "amount", "parameter_invalid_integer"),
        ({"amount": "ten"}, "amount", "parameter_invalid_integer"),
        ({"amount": ""}, "amount", "parameter_invalid_empty"),
        ({"currency": "xxx"}, "currency", None),
        ({"method": "carrier_pigeon"}, "method", None),
        ({"destination": "ba_none"}, "destination", "resource_missing"),
        ({"payout_method": "fa_none"}, "payout_method", "resource_missing"),
        ({"source_type": "fpx"}, "source_type", "balance_insufficient"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor", None),
        ({"statement_descriptor": "<week>"}, "statement_descriptor", "invalid_characters"),
        ({"colour": "blue"}, "colour", "parameter_unknown"),
        ({"currency": "huf", "amount": 150}, "amount", None),
        ({"currency": "ugx", "amount": 50_050}, "amount", None),
    ],
)
def test_wrong_payouts(till: Till, form: Any, param: str, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.payouts.create({"amount": 100, "currency": "usd", **form})
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize("verb", ["retrieve", "update", "cancel", "reverse"])
def test_unknown_payouts(till: Till, verb: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(till.client.v1.payouts, verb)("po_none")
    assert (caught.value.http_status, caught.value.param, caught.value.code) == (404, "payout", "resource_missing")


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 4000), ("kwd", 4005), ("huf", 400_000)])
def test_other_currencies(till: Till, currency: str, amount: int) -> None:
    """What is available is the charge less 2.9 % and 30 minor units, whatever a minor unit is."""
    charge = till.pay(amount=1_000_000, currency=currency)
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (line.amount, line.fee) == (1_000_000, 29_030)
    payout = pay_out(till, amount, currency)
    assert till.available(currency) == 1_000_000 - 29_030 - amount
    assert after(till, payout, ARRIVED).status == "paid"
    account = till.client.v1.accounts.retrieve_current()
    banks = till.client.v1.accounts.external_accounts.list(account.id).data
    assert {bank.currency for bank in banks} == {currency}
