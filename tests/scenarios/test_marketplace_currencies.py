"""Payments that a platform shares with accounts that do not hold their currency. Rates: 1 usd is 0.92 eur, 150 jpy."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails
from marketplace import Marketplace
from nostro.testing.sandbox import Sandbox

EUR_IBAN = {"object": "bank_account", "country": "DE", "currency": "eur", "account_number": "DE89370400440532013000"}


@pytest.fixture
def market(nostro: Sandbox, client: stripe.StripeClient) -> Marketplace:
    return Marketplace(nostro, client)


def line_of(market: Marketplace, id: Any, account: str | None = None) -> Any:
    return market.client.v1.balance_transactions.retrieve(str(id), {}, market.of(account))


def lines(market: Marketplace, account: str | None = None) -> list[tuple[str, str, int, int]]:
    """Type, currency, amount and net, oldest first."""
    found = market.client.v1.balance_transactions.list({"limit": 100}, market.of(account)).data
    return [(line.type, line.currency, line.amount, line.net) for line in reversed(found)]


def holds(market: Marketplace, account: str | None = None) -> dict[str, int]:
    """What an account has in each currency, pending and available; nothing is left out."""
    market.nostro.settle()
    balance = market.client.v1.balance.retrieve({}, market.of(account))
    found: dict[str, int] = {}
    for part in (*balance.available, *balance.pending):
        found[part.currency] = found.get(part.currency, 0) + part.amount
    return {currency: amount for currency, amount in found.items() if amount}


def policy(market: Marketplace, account: str | None = None, **settlement: Any) -> Any:
    raw: Any = market.client.raw_request("post", "/v1/balance/policy", settlement=settlement, **market.of(account))
    return raw.data


def test_a_destination_charge_is_converted_for_the_account(market: Marketplace) -> None:
    seller = market.open()
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", card="pm_card_visa", transfer_data=data, application_fee_amount=1000)
    transfer = market.client.v1.transfers.retrieve(charge.transfer, {"expand": ["destination_payment"]})
    payment: Any = transfer.destination_payment
    assert (transfer.currency, transfer.amount, payment.currency, payment.amount) == ("eur", 10_000, "eur", 10_000)
    got = line_of(market, payment.balance_transaction, seller)
    assert (got.type, got.currency, got.amount, got.fee, got.net) == ("payment", "usd", 10_760, 1076, 9684)
    assert got.exchange_rate == pytest.approx(0.99 / 0.92)
    assert [(fee.type, fee.currency, fee.amount) for fee in got.fee_details] == [("application_fee", "usd", 1076)]
    fee = market.client.v1.application_fees.retrieve(charge.application_fee)
    kept = line_of(market, fee.balance_transaction)
    assert (fee.currency, fee.amount, kept.currency, kept.amount) == ("eur", 1000, "usd", 1076)
    assert line_of(market, transfer.balance_transaction).exchange_rate is None
    assert (holds(market, seller), holds(market)) == ({"usd": 9684}, {"usd": 1076, "eur": -320})
    market.nostro.advance(days=9)
    assert market.has(seller) == (9684, 0)


def test_what_is_refunded_comes_back_at_the_rate_of_the_payment(market: Marketplace) -> None:
    seller = market.open()
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", transfer_data=data, application_fee_amount=999)
    market.client.raw_request("post", "/v1/exchange_rates/usd", rates={"eur": "0.5"})
    both: Any = {"reverse_transfer": True, "refund_application_fee": True}
    for amount in (3333, 3333, 3334):
        refund = market.client.v1.refunds.create({"charge": charge.id, "amount": amount, **both})
        assert refund.transfer_reversal
    assert holds(market, seller) == {}
    assert holds(market) == {"eur": -320}  # what the card payment cost
    back = [one for one in lines(market, seller) if one[0] == "payment_refund"]
    assert sum(amount for _, _, amount, _ in back) == -10_760 and {one[1] for one in back} == {"usd"}
    fees = [one for one in lines(market) if one[0].startswith("application_fee")]
    assert sum(amount for _, _, amount, _ in fees) == 0 and {one[1] for one in fees} == {"usd"}


def test_an_account_with_a_bank_account_in_the_currency_holds_it(market: Marketplace) -> None:
    seller = market.open()
    policy(market, seller, currency="chf")
    data: Any = {"destination": seller}
    market.pay(currency="usd", transfer_data=data)
    assert holds(market, seller) == {"usd": 10_000}  # there is a bank account in usd
    market.pay(currency="eur", transfer_data=data)
    assert holds(market, seller) == {"usd": 10_000, "chf": 9469}
    assert policy(market, seller, convert=False)["settlement"] == {"convert": False, "currency": "chf"}
    market.pay(currency="eur", transfer_data=data)
    assert holds(market, seller) == {"usd": 10_000, "chf": 9469, "eur": 10_000}


def test_a_direct_charge_is_converted_and_its_fee_too(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(currency="eur", account=seller, application_fee_amount=1000)
    got = line_of(market, charge.balance_transaction, seller)
    assert (got.currency, got.amount, got.fee, got.net) == ("usd", 10_760, 1076 + 344, 9340)
    assert (holds(market, seller), holds(market)) == ({"usd": 9340}, {"usd": 1076})
    policy(market, convert=True, currency="gbp")
    charge = market.pay(currency="eur", account=seller, application_fee_amount=1000)
    kept = line_of(market, market.client.v1.application_fees.retrieve(charge.application_fee).balance_transaction)
    assert (kept.currency, kept.amount) == ("gbp", 850)  # into the platform's own, at once: 10.00 x 0.79 / 0.92 x 0.99
    whole: Any = {"charge": charge.id, "refund_application_fee": True}
    market.client.v1.refunds.create(whole, market.of(seller))
    assert holds(market) == {"usd": 1076}
    assert holds(market, seller) == {"usd": 9340 - 344}


def test_what_a_payment_costs_is_converted_for_the_platform_that_pays_it(market: Marketplace) -> None:
    payer = {"fees": {"payer": "application"}, "losses": {"payments": "application"},
             "requirement_collection": "application", "stripe_dashboard": {"type": "none"}}  # fmt: skip
    seller = market.open(controller=payer)
    market.pay(currency="eur", account=seller, application_fee_amount=1000)
    assert (holds(market, seller), holds(market)) == ({"usd": 9684}, {"usd": 1076 - 344})


def test_a_platform_that_converts_transfers_what_it_got(market: Marketplace) -> None:
    """Two conversions: into the platform's currency, and out of it into the account's."""
    seller = market.open()
    policy(market, convert=True, currency="gbp")
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", transfer_data=data, application_fee_amount=1000)
    got = line_of(market, charge.balance_transaction)
    transfer = market.client.v1.transfers.retrieve(charge.transfer)
    assert (got.currency, got.amount, transfer.currency, transfer.amount) == ("gbp", 8501, "gbp", 8501)
    assert holds(market, seller) == {"usd": 10_653 - 1065}
    assert holds(market) == {"usd": 1065, "gbp": -272}
    part = market.pay(currency="eur", transfer_data={"destination": seller, "amount": 5000})
    assert market.client.v1.transfers.retrieve(part.transfer).amount == 4250
    both: Any = {"reverse_transfer": True, "refund_application_fee": True}
    market.client.v1.refunds.create({"charge": charge.id, **both})
    market.client.v1.refunds.create({"charge": part.id, "reverse_transfer": True})
    assert (holds(market, seller), holds(market)) == ({}, {"gbp": -272 * 2})


def test_a_payment_on_behalf_of_an_account_settles_as_the_accounts_own(market: Marketplace) -> None:
    """One conversion, into the account's currency, though the platform would convert into another."""
    seller = market.open()
    policy(market, convert=True, currency="gbp")
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", transfer_data=data, on_behalf_of=seller, application_fee_amount=1000)
    transfer = market.client.v1.transfers.retrieve(charge.transfer)
    assert (transfer.currency, transfer.amount) == ("usd", 10_760)
    assert (holds(market, seller), holds(market)) == ({"usd": 10_760 - 1076}, {"usd": 1076 - 344})


def test_transfers_by_hand_are_converted_and_reversed_by_what_the_account_has(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(currency="eur")
    form: Any = {"amount": 5000, "currency": "eur", "destination": seller}
    made = market.client.v1.transfers.create({**form, "source_transaction": charge.id})
    assert holds(market, seller) == {"usd": 5380}
    market.client.v1.payouts.create({"amount": 5000, "currency": "usd"}, market.of(seller))
    reversals = market.client.v1.transfers.reversals
    fails(lambda: reversals.create(made.id), "balance_insufficient", None)
    reversals.create(made.id, {"amount": 353})  # 379.85 at the rate; there are 380
    assert holds(market, seller) == {"usd": 1}
    fails(lambda: reversals.create(made.id, {"amount": 2}), "balance_insufficient", None)
    tiny: Any = {"amount": 1, "currency": "jpy", "destination": seller}
    market.pay(currency="jpy", amount=10_000)
    fails(lambda: market.client.v1.transfers.create(tiny), "amount_too_small", "amount")


def test_an_account_gives_its_payment_back_in_its_own_currency(market: Marketplace) -> None:
    seller = market.open()
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", transfer_data=data)
    payment: Any = market.client.v1.transfers.retrieve(charge.transfer).destination_payment
    refund = market.client.v1.refunds.create({"charge": payment, "amount": 2500}, market.of(seller))
    assert (refund.currency, refund.amount) == ("eur", 2500)
    line = line_of(market, refund.balance_transaction, seller)
    assert (line.currency, line.amount, line.type) == ("usd", -2690, "payment_refund")
    assert holds(market) == {"eur": 2500 - 320}


def test_a_dispute_of_a_converted_payment_and_the_transfer_taken_back(market: Marketplace) -> None:
    seller = market.open()
    policy(market, convert=True, currency="gbp")
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", card="pm_card_createDispute", transfer_data=data)
    [dispute] = market.client.v1.disputes.list({"charge": charge.id}).data
    [line] = dispute.balance_transactions
    assert (line.currency, line.amount) == ("gbp", -8501)
    market.client.v1.transfers.reversals.create(charge.transfer)
    assert holds(market, seller) == {}


def test_reserves_of_an_account_take_their_part_of_what_it_gets(market: Marketplace) -> None:
    seller = market.open()
    plan: Any = {"type": "manual_release", "percent": 10}
    market.client.raw_request("post", "/v1/reserve/plans", **plan, **market.of(seller))
    data: Any = {"destination": seller}
    charge = market.pay(currency="eur", transfer_data=data)
    raw: Any = market.client.raw_request("get", "/v1/reserve/holds", **market.of(seller))
    assert [(one["currency"], one["amount"]) for one in raw.data["data"]] == [("usd", 1076)]
    market.client.v1.refunds.create({"charge": charge.id, "reverse_transfer": True})
    assert holds(market, seller) == {}


def test_without_a_rate_nothing_is_paid(market: Marketplace) -> None:
    seller = market.open()
    form: Any = {"amount": 100_000, "currency": "uzs", "payment_method": "pm_card_visa", "confirm": True,
                 "transfer_data": {"destination": seller}}  # fmt: skip
    fails(lambda: market.client.v1.payment_intents.create(form), "exchange_rate_unknown", None)
    assert (holds(market), holds(market, seller)) == ({}, {})


def test_a_capture_in_part_converts_what_was_captured(market: Marketplace) -> None:
    seller = market.open()
    policy(market, convert=True, currency="gbp")
    form: Any = {"amount": 10_001, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                 "capture_method": "manual", "transfer_data": {"destination": seller}}  # fmt: skip
    intent = market.client.v1.payment_intents.create(form)
    intent = market.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3333})
    market.nostro.settle()
    charge, back, transfer = lines(market)
    assert (charge[:2], back[:2], transfer[:2]) == (("charge", "gbp"), ("refund", "gbp"), ("transfer", "gbp"))
    assert charge[2] + back[2] == -transfer[2] == 2833  # 33.33 x 0.79 / 0.92, less one percent
    fee = charge[2] + back[2] - charge[3] - back[3]
    market.client.v1.refunds.create({"charge": str(intent.latest_charge), "reverse_transfer": True})
    assert (holds(market, seller), holds(market)) == ({}, {"gbp": -fee})


def test_parts_that_are_refunded_and_disputed_add_up_to_the_whole(market: Marketplace) -> None:
    """The dispute takes what the refund has left of the payment, to the last minor unit."""
    policy(market, convert=True, currency="gbp")
    form: Any = {"amount": 9_999, "currency": "eur", "source": "tok_createDisputeInquiry"}
    charge = market.client.v1.charges.create(form)
    market.nostro.settle()
    for amount in (1111, 2222):
        market.client.v1.refunds.create({"charge": charge.id, "amount": amount})
    [inquiry] = market.client.v1.disputes.list({"charge": charge.id}).data
    evidence: Any = {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}, "submit": True}
    market.client.v1.disputes.update(inquiry.id, evidence)
    market.nostro.advance(60)
    [dispute] = market.client.v1.disputes.list({"charge": charge.id}).data
    assert (dispute.status, dispute.amount) == ("needs_response", 9_999 - 3333)
    paid = line_of(market, charge.balance_transaction)
    assert sum(amount for _, _, amount, _ in lines(market)) == 0 < paid.amount
