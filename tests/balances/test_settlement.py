"""Money in a currency that the merchant has no bank account for: payments settled in another, payouts converted."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expect import fails
from marketplace import Marketplace
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from till import Till


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def ask(till: Till, method: str, path: str, **form: Any) -> Any:
    raw: Any = till.client.raw_request(method, path, **form)
    return raw.data


def settle_in(till: Till, currency: str = "usd") -> None:
    ask(till, "post", "/v1/balance/policy", settlement={"convert": True, "currency": currency})


def bank(till: Till, country: str, number: str) -> Any:
    account = till.client.v1.accounts.retrieve_current()
    form: Any = {"external_account": {"object": "bank_account", "country": country, "account_number": number}}
    return till.client.v1.accounts.external_accounts.create(account.id, form)


def stands(till: Till, account: str, currency: str) -> int:
    """The credit balance of an account of the platform's."""
    try:
        [found] = ask(till, "get", "/v1/ledger/balances", account=account, currency=currency)["data"]
    except stripe.InvalidRequestError:
        return 0  # nothing was ever booked on it
    return int(found["balance"])


def test_a_payment_is_settled_in_another_currency(till: Till) -> None:
    settle_in(till)
    charge = till.pay("pm_card_visa", 10_000, "eur")
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (charge.currency, line.currency, line.amount) == ("eur", "usd", 10_760)  # 100.00 / 0.92, less one percent
    assert line.exchange_rate == pytest.approx(0.99 / 0.92)
    assert (line.net, line.fee, line.fee_details[0].currency) == (line.amount - line.fee, 344, "usd")
    assert (till.pending("usd"), till.pending("eur")) == (line.net, 0)
    till.nostro.advance(days=9)
    assert (till.available("usd"), till.available("eur")) == (line.net, 0)
    [cash] = ask(till, "get", "/v1/ledger/balances", account="bank:cash", currency="eur")["data"]
    assert cash["balance"] == 10_000


def test_what_is_given_back_is_taken_at_the_payments_rate(till: Till) -> None:
    settle_in(till)
    charge = till.pay(amount=10_000, currency="eur")
    begun = till.available("usd")
    ask(till, "post", "/v1/exchange_rates/usd", rates={"eur": "0.5"})
    refund = till.client.v1.refunds.create({"charge": charge.id, "amount": 10_000})
    line = till.client.v1.balance_transactions.retrieve(str(refund.balance_transaction))
    assert (line.currency, line.net, till.available("usd")) == ("usd", -10_760, begun - 10_760)
    assert stands(till, "clearing:fx:eur", "eur") == -320  # the fee is what was not given back


def test_what_is_given_back_in_parts_adds_up(till: Till) -> None:
    """A penny is worth 1.25 cents: whoever gives pennies back one by one gains nothing by it."""
    settle_in(till)
    charge = till.pay(amount=1000, currency="gbp")
    paid = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    form: Any = {"charge": charge.id}
    lines = [till.client.v1.refunds.create({**form, "amount": amount}) for amount in (1, 1, 1, 1, 2, 333, 661)]
    taken = [till.client.v1.balance_transactions.retrieve(str(one.balance_transaction)).amount for one in lines]
    assert sum(taken) == -paid.amount and taken[:4] == [-1, -1, -1, -2]
    assert till.client.v1.charges.retrieve(charge.id).refunded


def test_a_dispute_and_its_fee_too(till: Till) -> None:
    settle_in(till)
    charge = till.pay("pm_card_createDispute", 10_000, "eur")
    [dispute] = till.client.v1.disputes.list({"charge": charge.id}).data
    [line] = dispute.balance_transactions
    assert (line.currency, line.amount, line.fee) == ("usd", -10_760, 1614)
    till.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
    till.nostro.advance(60)
    [_, back] = till.client.v1.disputes.retrieve(dispute.id).balance_transactions
    assert (back.currency, back.net) == ("usd", 10_760)
    assert till.available("eur") == 0


def test_reserves_take_their_part_of_what_is_settled(till: Till) -> None:
    settle_in(till)
    ask(till, "post", "/v1/reserve/plans", type="manual_release", percent=10)
    till.pay(amount=10_000, currency="eur")
    [hold] = ask(till, "get", "/v1/reserve/holds")["data"]
    assert (hold["currency"], hold["amount"]) == ("usd", 1076)


def test_what_was_settled_can_be_transferred_in_the_currency_it_is_in(till: Till) -> None:
    market = Marketplace(till.nostro, till.client)
    seller = market.open()
    settle_in(till)
    charge = till.pay("pm_card_visa", 10_000, "eur")
    form: Any = {"amount": 10_000, "currency": "eur", "destination": seller, "source_transaction": charge.id}
    fails(lambda: till.client.v1.transfers.create(form), None, "currency")
    till.client.v1.transfers.create({**form, "currency": "usd"})
    more: Any = {**form, "currency": "usd", "amount": 761}
    fails(lambda: till.client.v1.transfers.create(more), "transfer_source_balance_parameters_mismatch", "amount")
    till.client.v1.transfers.create({**form, "currency": "usd", "amount": 760})
    assert market.has(seller) == (0, 10_760)


def test_a_currency_with_a_bank_account_stays_as_it_is(till: Till) -> None:
    settle_in(till)
    bank(till, "DE", "DE89370400440532013000")
    charge = till.pay(amount=10_000, currency="eur")
    assert till.available("eur") == till.lines()[-1].net == 9680
    assert till.client.v1.balance_transactions.retrieve(charge.balance_transaction).exchange_rate is None


def test_a_payout_to_a_bank_account_of_another_currency(till: Till) -> None:
    till.pay(amount=20_000)
    iban = bank(till, "DE", "DE89370400440532013000")
    form: Any = {"amount": 10_000, "currency": "usd", "destination": iban.id}
    fails(lambda: till.client.v1.payouts.create(form), None, "destination")
    quote = ask(till, "post", "/v1/fx_quotes", from_currencies=["usd"], to_currency="eur", lock_duration="day")
    payout = ask(till, "post", "/v1/payouts", **form, fx_quote=quote["id"])
    assert (payout["amount"], payout["currency"]) == (9089, "eur")  # 92.00 less 1.2 percent
    [made] = ask(till, "get", "/v1/balance/conversions", source=payout["id"])["data"]
    assert (made["from_amount"], made["amount"], made["fx_quote"]) == (10_000, 9089, quote["id"])
    assert till.available("eur") == 0
    settle_in(till)
    assert till.client.v1.payouts.create({**form, "amount": 5000}).amount == 4554
    till.nostro.advance(days=14)
    assert {payout.status for payout in till.client.v1.payouts.list().data} == {"paid"}


PAYMENTS = st.lists(
    st.tuples(st.sampled_from(("eur", "gbp", "jpy", "usd")), st.integers(100, 30_000), st.integers(0, 3)), max_size=6
)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payments=PAYMENTS)
def test_settled_money_is_conserved(server: Server, payments: list[tuple[str, int, int]]) -> None:
    """In each currency the positions, the spread and the rounding say where everything is that payments brought."""
    sandbox = server.sandbox()
    till = Till(sandbox, sandbox.client)
    settle_in(till)
    brought = {"eur": 0, "gbp": 0, "jpy": 0, "usd": 0}
    for currency, amount, refunds in payments:
        charge = till.pay(amount=amount, currency=currency)
        brought[currency] += amount
        for _ in range(refunds):
            part = max(1, amount // 4)
            till.client.v1.refunds.create({"charge": charge.id, "amount": part})
            brought[currency] -= part
    for currency, amount in brought.items():
        own = till.available(currency) + till.pending(currency)
        earned = sum(stands(till, f"platform:{kind}", currency) for kind in ("fees", "fx_revenue", "fx_rounding"))
        assert amount == own + earned + stands(till, f"clearing:fx:{currency}", currency)
        assert currency == "usd" or own == 0
    assert sum(line.net for line in till.lines()) == till.available() + till.pending()
