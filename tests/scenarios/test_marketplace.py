"""A marketplace, as a user of the SDK runs one: the three kinds of charges, and who has which money at each step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import stripe

from expect import fails
from marketplace import Marketplace
from nostro.testing.sandbox import Sandbox

FEE = 320
"""Ours, of a card payment of 100.00 usd: 2.9% + 0.30."""


@pytest.fixture
def market(nostro: Sandbox, client: stripe.StripeClient) -> Marketplace:
    return Marketplace(nostro, client)


# Direct -------------------------------------------------------------------------


def test_a_direct_charge_pays_the_account_and_the_platforms_fee(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(account=seller, application_fee_amount=1000)
    assert (charge.application_fee_amount, charge.application[:3], charge.transfer_data) == (1000, "ca_", None)
    assert market.has(seller) == (10_000 - FEE - 1000, 0)
    assert market.has() == (1000, 0)
    assert market.lines(seller) == [("charge", "charge", 10_000, 10_000 - FEE - 1000)]
    assert market.lines() == [("application_fee", "platform_earning", 1000, 1000)]
    line = market.client.v1.balance_transactions.retrieve(charge.balance_transaction, {}, market.of(seller))
    assert [(fee.type, fee.amount) for fee in line.fee_details] == [("application_fee", 1000), ("stripe_fee", FEE)]
    form: Any = {"expand": ["charge", "account", "balance_transaction"]}
    fee: Any = market.client.v1.application_fees.retrieve(charge.application_fee, form)
    assert (fee.charge.id, fee.account.id, fee.originating_transaction) == (charge.id, seller, None)
    assert fee.balance_transaction.source == fee.id
    form = {"expand": ["application_fee"]}
    theirs: Any = market.client.v1.charges.retrieve(charge.id, form, market.of(seller))
    assert theirs.application_fee.id == fee.id
    assert [one.id for one in market.client.v1.application_fees.list({"charge": charge.id}).data] == [fee.id]


def test_money_of_a_direct_charge_waits_for_both(market: Marketplace) -> None:
    seller = market.open()
    market.pay(account=seller, application_fee_amount=1000, card="pm_card_visa")
    assert (market.has(seller), market.has()) == ((0, 8680), (0, 1000))
    market.nostro.advance(days=7)
    assert (market.has(seller), market.has()) == ((8680, 0), (1000, 0))


def test_the_platform_pays_our_fee_if_it_is_the_payer(market: Marketplace) -> None:
    controller = {"fees": {"payer": "application"}, "losses": {"payments": "application"},
                  "requirement_collection": "application", "stripe_dashboard": {"type": "none"}}  # fmt: skip
    seller = market.open(controller=controller)
    market.pay(account=seller, application_fee_amount=1000)
    assert (market.has(seller), market.has()) == ((9000, 0), (1000 - FEE, 0))
    assert ("stripe_fee", "fee", -FEE, -FEE) in market.lines()


def test_a_direct_refund_gives_the_fee_back_only_if_asked(market: Marketplace) -> None:
    seller = market.open()
    kept, given, _ = (market.pay(account=seller, application_fee_amount=1000) for _ in range(3))
    market.client.v1.refunds.create({"charge": kept.id}, market.of(seller))
    assert (market.has(seller), market.has()) == ((3 * 8680 - 10_000, 0), (3000, 0))
    market.client.v1.refunds.create({"charge": given.id, "refund_application_fee": True}, market.of(seller))
    assert (market.has(seller), market.has()) == ((3 * 8680 - 19_000, 0), (2000, 0))
    assert market.lines(seller)[-2:] == [("adjustment", "fee", 1000, 1000), ("refund", "refund", -10_000, -10_000)]
    assert market.lines()[-1] == ("application_fee_refund", "platform_earning_refund", -1000, -1000)


def test_partial_refunds_of_a_fee_add_up_to_the_whole(market: Marketplace) -> None:
    seller = market.open()
    market.pay(account=seller)
    charge = market.pay(account=seller, application_fee_amount=1000)
    for amount in (3333, 3333, 3334):
        form: Any = {"charge": charge.id, "amount": amount, "refund_application_fee": True}
        market.client.v1.refunds.create(form, market.of(seller))
    fee = market.client.v1.application_fees.retrieve(charge.application_fee)
    assert (fee.amount_refunded, fee.refunded) == (1000, True)
    assert sorted(refund.amount for refund in fee.refunds.data) == [333, 333, 334]
    assert market.has() == (0, 0)


# Destination --------------------------------------------------------------------


def test_a_destination_charge_is_passed_on_less_the_fee(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    assert (market.has(), market.has(seller)) == ((1000 - FEE, 0), (9000, 0))
    assert market.lines() == [
        ("charge", "charge", 10_000, 10_000 - FEE),
        ("application_fee", "platform_earning", 1000, 1000),
        ("transfer", "transfer", -10_000, -10_000),
    ]
    assert market.lines(seller) == [("payment", "charge", 10_000, 9000)]
    form: Any = {"expand": ["transfer.destination_payment.balance_transaction", "application_fee"]}
    charge = market.client.v1.charges.retrieve(charge.id, form)
    transfer, payment = charge.transfer, charge.transfer.destination_payment
    assert (transfer.amount, transfer.source_transaction, transfer.transfer_group) == (
        10_000, charge.id, charge.transfer_group,
    )  # fmt: skip
    assert charge.transfer_group == f"group_{charge.payment_intent}"
    assert payment.id.startswith("py_") and payment.source_transfer == transfer.id
    assert (payment.balance_transaction.amount, payment.balance_transaction.fee) == (10_000, 1000)
    assert (charge.application_fee.charge, charge.application_fee.originating_transaction) == (payment.id, charge.id)
    assert market.events(None, "transfer", "application") == ["application_fee.created", "transfer.created"]
    assert market.events(seller, "charge") == ["charge.succeeded"]


def test_what_a_destination_charge_passed_on_cannot_be_passed_on_again(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller, "amount": 6000})
    form: Any = {"amount": 4001, "currency": "usd", "destination": seller, "source_transaction": charge.id}
    fails(lambda: market.client.v1.transfers.create(form), "transfer_source_balance_parameters_mismatch", "amount")
    market.client.v1.transfers.reversals.create(charge.transfer, {"amount": 6000})
    fails(lambda: market.client.v1.transfers.create({**form, "amount": 10_001}),
          "transfer_source_balance_parameters_mismatch", "amount")  # fmt: skip


def test_an_amount_may_be_passed_on_instead(market: Marketplace) -> None:
    seller = market.open()
    data = {"destination": seller, "amount": 7000, "description": "Order 7", "metadata": {"order": "7", "gift": ""}}
    charge = market.pay(transfer_data=data, on_behalf_of=seller)
    assert (market.has(), market.has(seller)) == ((3000 - FEE, 0), (7000, 0))
    transfer = market.client.v1.transfers.retrieve(charge.transfer)
    form: Any = {"expand": ["on_behalf_of", "transfer_data.destination"]}
    seen: Any = market.client.v1.payment_intents.retrieve(str(charge.payment_intent), form)
    assert (seen.on_behalf_of.id, seen.transfer_data.destination.id) == (seller, seller)
    assert (charge.on_behalf_of, transfer.description, transfer.metadata.to_dict()) == (
        seller,
        "Order 7",
        {"order": "7"},
    )


def test_what_is_captured_is_passed_on(market: Marketplace) -> None:
    seller = market.open()
    form: Any = {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                 "capture_method": "manual", "transfer_data": {"destination": seller},
                 "application_fee_amount": 5000}  # fmt: skip
    intent = market.client.v1.payment_intents.create(form)
    held: Any = market.client.v1.charges.retrieve(str(intent.latest_charge))
    assert (getattr(held, "transfer", None), market.has(seller)) == (None, (0, 0))
    taken = market.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
    charge: Any = market.client.v1.charges.retrieve(str(taken.latest_charge), {"expand": ["transfer"]})
    assert (charge.transfer.amount, market.has(seller)) == (4000, (0, 0))
    assert market.has() == (4000 - 146, 0)
    other = market.client.v1.payment_intents.create(form)
    form = {"amount_to_capture": 4000, "application_fee_amount": 400}
    market.client.v1.payment_intents.capture(other.id, form)
    assert market.has(seller) == (3600, 0)


def test_nothing_is_passed_on_of_what_was_not_paid(market: Marketplace) -> None:
    seller = market.open()
    with pytest.raises(stripe.CardError):
        market.pay(card="pm_card_chargeDeclined", transfer_data={"destination": seller}, application_fee_amount=1000)
    form: Any = {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
                 "capture_method": "manual", "transfer_data": {"destination": seller}}  # fmt: skip
    intent = market.client.v1.payment_intents.create(form)
    market.client.v1.payment_intents.cancel(intent.id)
    assert (market.has(), market.has(seller)) == ((0, 0), (0, 0))
    assert market.client.v1.transfers.list().data == []
    assert market.client.v1.application_fees.list().data == []


def test_a_refund_reverses_its_share_of_the_transfer(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1001)
    for amount in (1, 4999, 5000):
        form: Any = {"charge": charge.id, "amount": amount, "reverse_transfer": True, "refund_application_fee": True,
                     "expand": ["transfer_reversal.destination_payment_refund"]}  # fmt: skip
        refund: Any = market.client.v1.refunds.create(form)
        assert (refund.transfer_reversal.amount, refund.transfer_reversal.source_refund) == (amount, refund.id)
    assert (market.has(), market.has(seller)) == ((-FEE, 0), (0, 0))
    transfer = market.client.v1.transfers.retrieve(charge.transfer)
    assert (transfer.amount_reversed, transfer.reversed, len(transfer.reversals.data)) == (10_000, True, 3)
    payment = market.client.v1.charges.retrieve(str(transfer.destination_payment), {}, market.of(seller))
    assert (payment.amount_refunded, payment.refunded) == (10_000, True)
    assert ("transfer_refund", "transfer_reversal", 4999, 4999) in market.lines()
    assert ("payment_refund", "refund", -4999, -4999) in market.lines(seller)


def test_without_asking_a_refund_is_the_platforms_alone(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    market.client.v1.refunds.create({"charge": charge.id})
    assert (market.has(), market.has(seller)) == ((-9000 - FEE, 0), (9000, 0))
    made = market.client.v1.transfers.reversals.create(charge.transfer, {"refund_application_fee": True})
    assert (market.has(), market.has(seller), made.amount) == ((-FEE, 0), (0, 0), 10_000)


def test_a_refund_while_the_money_waits_takes_it_from_where_it_waits(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(card="pm_card_visa", transfer_data={"destination": seller}, application_fee_amount=1000)
    assert market.has(seller) == (0, 9000)
    market.client.v1.refunds.create({"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True})
    assert market.has(seller) == (0, 0)
    assert ("transfer_cancel", "transfer_reversal", 10_000, 10_000) in market.lines()
    market.nostro.advance(days=7)
    assert (market.has(seller), market.has()) == ((0, 0), (-FEE, 0))


# Separate -----------------------------------------------------------------------


def test_transfers_out_of_a_charge_wait_for_it_and_are_not_more(market: Marketplace) -> None:
    sellers = [market.open(), market.open()]
    charge = market.pay(card="pm_card_visa", transfer_group="ORDER_1")
    form: Any = {"amount": 7000, "currency": "usd", "destination": sellers[0], "source_transaction": charge.id}
    first = market.client.v1.transfers.create(form)
    assert (first.transfer_group, market.has(), market.has(sellers[0])) == ("ORDER_1", (0, 2680), (0, 7000))
    more = {**form, "amount": 3001, "destination": sellers[1]}
    fails(lambda: market.client.v1.transfers.create(more), "transfer_source_balance_parameters_mismatch", "amount")
    market.client.v1.transfers.create({**more, "amount": 3000})
    listed = market.client.v1.transfers.list({"transfer_group": "ORDER_1"})
    assert [one.amount for one in listed.data] == [3000, 7000]
    assert [one.amount for one in market.client.v1.transfers.list({"destination": sellers[0]}).data] == [7000]
    assert market.client.v1.transfers.list({"created": {"lt": first.created}}).data == []
    market.nostro.advance(days=7)
    assert [market.has(one) for one in (None, *sellers)] == [(-FEE, 0), (7000, 0), (3000, 0)]


def test_a_transfer_of_its_own_needs_the_money(market: Marketplace) -> None:
    seller = market.open()
    form: Any = {"amount": 5000, "currency": "usd", "destination": seller}
    fails(lambda: market.client.v1.transfers.create(form), "balance_insufficient", None)
    market.pay()
    transfer = market.client.v1.transfers.create({**form, "description": "Bonus", "metadata": {"a": "1"}})
    assert (market.has(), market.has(seller)) == ((4680, 0), (5000, 0))
    changed = market.client.v1.transfers.update(transfer.id, {"metadata": {"b": "2"}, "description": "Prize"})
    assert (changed.metadata.to_dict(), changed.description) == ({"a": "1", "b": "2"}, "Prize")
    assert market.events(None, "transfer") == ["transfer.created", "transfer.updated"]


def test_reversals_by_hand(market: Marketplace) -> None:
    seller = market.open()
    market.pay()
    reversals = market.client.v1.transfers.reversals
    transfer = market.client.v1.transfers.create({"amount": 5000, "currency": "usd", "destination": seller})
    part = reversals.create(transfer.id, {"amount": 2000, "metadata": {"why": "late"}})
    assert (market.has(), market.has(seller)) == ((6680, 0), (3000, 0))
    assert reversals.retrieve(transfer.id, part.id).metadata.to_dict() == {"why": "late"}
    assert reversals.update(transfer.id, part.id, {"metadata": {"why": "lost"}}).metadata.to_dict() == {"why": "lost"}
    shown = market.client.v1.transfers.retrieve(transfer.id)
    assert (shown.reversals.data[0].metadata.to_dict(), shown.reversed) == ({"why": "lost"}, False)
    fails(lambda: reversals.create(transfer.id, {"amount": 3001}), "amount_too_large", "amount")
    market.client.v1.payouts.create({"amount": 1000, "currency": "usd"}, market.of(seller))
    fails(lambda: reversals.create(transfer.id), "balance_insufficient", None)
    reversals.create(transfer.id, {"amount": 2000})
    assert [one.amount for one in reversals.list(transfer.id).data] == [2000, 2000]
    other = market.client.v1.transfers.create({"amount": 100, "currency": "usd", "destination": seller})
    fails(lambda: reversals.retrieve(other.id, part.id), "resource_missing", "id", 404)
    reversals.create(other.id)
    fails(lambda: reversals.create(other.id), None, "id")
    assert market.events(None, "transfer.reversed") == ["transfer.reversed"] * 3


def test_an_account_may_give_its_payment_back(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    transfer = market.client.v1.transfers.retrieve(charge.transfer)
    form: Any = {"charge": transfer.destination_payment, "amount": 4000, "expand": ["source_transfer_reversal"]}
    refund: Any = market.client.v1.refunds.create(form, market.of(seller))
    assert refund.id.startswith("pyr_") and refund.source_transfer_reversal.source_refund == refund.id
    assert (market.has(), market.has(seller)) == ((5000 - FEE, 0), (5000, 0))


def test_fees_are_given_back_by_hand(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(account=seller, application_fee_amount=1000)
    refunds, fee = market.client.v1.application_fees.refunds, charge.application_fee
    made = refunds.create(fee, {"amount": 300, "metadata": {"why": "kind"}})
    assert (market.has(), market.has(seller)) == ((700, 0), (8980, 0))
    assert refunds.update(fee, made.id, {"metadata": {"why": "sorry"}}).metadata.to_dict() == {"why": "sorry"}
    assert refunds.retrieve(fee, made.id).metadata.to_dict() == {"why": "sorry"}
    fails(lambda: refunds.create(fee, {"amount": 701}), "amount_too_large", "amount")
    refunds.create(fee)
    fails(lambda: refunds.create(fee), "charge_already_refunded", None)
    assert [one.amount for one in refunds.list(fee).data] == [700, 300]
    told = ["application_fee.refunded", "application_fee.refund.updated", "application_fee.refunded"]
    assert market.events(None, "application_fee.refund") == told


# Disputes -----------------------------------------------------------------------


def test_who_is_debited_by_a_dispute(market: Marketplace) -> None:
    seller = market.open()
    market.pay(account=seller, card="pm_card_createDispute")
    assert market.client.v1.disputes.list().data == []
    assert len(market.client.v1.disputes.list({}, market.of(seller)).data) == 1
    assert (sum(market.has(seller)), market.has()) == (-FEE - 1500, (-FEE - 1500, 0))
    before = market.has(seller)
    charge = market.pay(card="pm_card_createDispute", transfer_data={"destination": seller})
    assert market.client.v1.disputes.list().data[0].charge == charge.id
    assert sum(market.has(seller)) == sum(before) + 10_000
    platform = sum(market.has()) + market.reserved()
    market.client.v1.transfers.reversals.create(charge.transfer, {"amount": 6000})
    market.nostro.settle()
    assert (sum(market.has(seller)), sum(market.has()) + market.reserved()) == (sum(before) + 4000, platform + 6000)


# What is refused ----------------------------------------------------------------


def test_what_a_payment_may_not_ask_for(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    idle = market.open(capabilities={"card_payments": {"requested": True}})

    def refused(code: str | None, param: str | None, **more: Any) -> None:
        account = more.pop("account", None)
        form: Any = {"amount": 10_000, "currency": "usd", **more}
        fails(lambda: client.v1.payment_intents.create(form, market.of(account)), code, param)

    fee, destination = "application_fee_amount", "transfer_data[destination]"
    refused(None, fee, application_fee_amount=100)
    refused("amount_too_large", fee, application_fee_amount=10_001, account=seller)
    refused("amount_too_large", fee, application_fee_amount=10_001, transfer_data={"destination": seller})
    refused("amount_too_large", "transfer_data[amount]", transfer_data={"destination": seller, "amount": 10_001})
    refused("parameters_exclusive", fee, application_fee_amount=1, transfer_data={"destination": seller, "amount": 1})
    refused("resource_missing", destination, transfer_data={"destination": "acct_nobody"})
    refused("resource_missing", destination, transfer_data={"destination": seller}, account=idle)
    own = client.v1.accounts.retrieve_current().id
    refused(None, destination, transfer_data={"destination": own})
    refused("insufficient_capabilities_for_transfer", destination, transfer_data={"destination": idle})
    refused("resource_missing", "on_behalf_of", on_behalf_of="acct_nobody")
    empty = client.v1.accounts.create({"type": "custom", "country": "US"}).id
    refused("charges_not_enabled", "on_behalf_of", on_behalf_of=empty)
    refused("charges_not_enabled", None, account=empty)
    form: Any = {"amount": 100, "currency": "usd", "destination": idle}
    fails(lambda: client.v1.transfers.create(form), "insufficient_capabilities_for_transfer", "destination")
    fails(lambda: client.v1.transfers.create({**form, "destination": "acct_nobody"}), "resource_missing", "destination")


def test_an_account_that_lost_the_capability_is_not_paid(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    form: Any = {"amount": 10_000, "currency": "usd", "transfer_data": {"destination": seller}}
    intent = client.v1.payment_intents.create(form)
    client.v1.accounts.capabilities.update(seller, "transfers", {"requested": False})
    form = {"payment_method": "pm_card_visa"}
    fails(lambda: client.v1.payment_intents.confirm(intent.id, form), "insufficient_capabilities_for_transfer",
          "transfer_data[destination]")  # fmt: skip
    assert (market.has(), market.has(seller)) == ((0, 0), (0, 0))


def test_what_a_refund_may_not_ask_for(market: Marketplace, client: stripe.StripeClient) -> None:
    charge = market.pay()
    for name in ("reverse_transfer", "refund_application_fee"):
        form: Any = {"charge": charge.id, name: True}
        fails(lambda form=form: client.v1.refunds.create(form), None, name)


def test_who_was_paid_may_be_described_though_the_account_is_closed(market: Marketplace) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    market.client.v1.accounts.capabilities.update(seller, "transfers", {"requested": False})
    intent = market.client.v1.payment_intents.update(str(charge.payment_intent), {"description": "A lamp"})
    assert intent.description == "A lamp"


def test_nothing_is_taken_back_from_an_account_that_is_gone(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    client.v1.payouts.create({"amount": 9000, "currency": "usd"}, market.of(seller))
    market.nostro.advance(days=7)
    client.v1.accounts.delete(seller)
    before = market.has()
    fails(lambda: client.v1.transfers.reversals.create(charge.transfer), "account_closed", None)
    form: Any = {"charge": charge.id, "reverse_transfer": True}
    fails(lambda: client.v1.refunds.create(form), "account_closed", None)
    fails(lambda: client.v1.application_fees.refunds.create(charge.application_fee), "account_closed", None)
    assert market.has() == before


async def test_transfers_at_once_do_not_exceed_their_source(
    market: Marketplace, async_client: stripe.StripeClient
) -> None:
    seller = market.open()
    charge = market.pay()
    form: Any = {"amount": 1500, "currency": "usd", "destination": seller, "source_transaction": charge.id}
    made = await asyncio.gather(
        *(async_client.v1.transfers.create_async(form) for _ in range(9)), return_exceptions=True
    )
    refused = [one for one in made if isinstance(one, stripe.InvalidRequestError)]
    assert {error.code for error in refused} == {"transfer_source_balance_parameters_mismatch"}
    assert (len(refused), market.has(seller)) == (3, (9000, 0))


def test_what_was_asked_for_may_be_changed_until_it_is_paid(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    form: Any = {"amount": 10_000, "currency": "usd", "transfer_data": {"destination": seller},
                 "application_fee_amount": 1000}  # fmt: skip
    intents = client.v1.payment_intents
    intent = intents.create(form)
    fails(lambda: intents.update(intent.id, {"amount": 900}), "amount_too_large", "application_fee_amount")
    fails(lambda: intents.update(intent.id, {"transfer_data": {"amount": 5}}), "parameters_exclusive",
          "application_fee_amount")  # fmt: skip
    changed = intents.update(intent.id, {"amount": 8000, "application_fee_amount": 500})
    assert (changed.amount, changed.application_fee_amount) == (8000, 500)
    form = {"payment_method": "pm_card_bypassPending"}
    paid = intents.confirm(intent.id, form)
    assert (paid.status, market.has(seller)) == ("succeeded", (7500, 0))
    fails(lambda: intents.update(intent.id, {"application_fee_amount": 1}), "payment_intent_unexpected_state",
          "application_fee_amount")  # fmt: skip
    plain = intents.create({"amount": 1000, "currency": "usd"})
    fails(lambda: intents.update(plain.id, {"transfer_data": {"amount": 5}}), "parameter_missing",
          "transfer_data[destination]")  # fmt: skip


def test_a_hold_that_grows_shares_what_is_captured(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    form: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                 "capture_method": "manual", "transfer_data": {"destination": seller}, "application_fee_amount": 100,
                 "payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}  # fmt: skip
    intent = client.v1.payment_intents.create(form)
    form = {"amount": 3000, "application_fee_amount": 300}
    client.v1.payment_intents.increment_authorization(intent.id, form)
    client.v1.payment_intents.capture(intent.id)
    assert market.has(seller) == (2700, 0)


# Hearing of it ------------------------------------------------------------------


def test_webhooks_hear_of_both_sides(market: Marketplace, nostro: Sandbox) -> None:
    seller = market.open()
    own = nostro.webhooks("transfer.*", "application_fee.*")
    theirs = nostro.webhooks("charge.*", connect=True)
    charge = market.pay(transfer_data={"destination": seller}, application_fee_amount=1000)
    market.client.v1.refunds.create({"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True})
    assert sorted(event.type for event in own.settled()) == [
        "application_fee.created", "application_fee.refunded", "transfer.created", "transfer.reversed",
    ]  # fmt: skip
    heard = [(event.type, event.account) for event in theirs.settled()]
    assert sorted(heard) == [("charge.refunded", seller), ("charge.succeeded", seller)]


def test_the_cardholder_reads_the_sellers_name(market: Marketplace) -> None:
    seller = market.open(settings={"payments": {"statement_descriptor": "ADAS LAMPS"}})
    data = {"destination": seller}
    charges = [
        market.pay(account=seller),
        market.pay(transfer_data=data, on_behalf_of=seller),
        market.pay(transfer_data=data, on_behalf_of=seller, statement_descriptor_suffix="No 7"),
        market.pay(transfer_data=data),
    ]
    read = [charge.calculated_statement_descriptor for charge in charges]
    assert read == ["ADAS LAMPS", "ADAS LAMPS", "ADAS LAMPS* NO 7", "NOSTRO"]


# Around -------------------------------------------------------------------------


def test_charges_without_intents_share_too(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    form: Any = {"amount": 10_000, "currency": "usd", "source": "tok_bypassPending"}
    client.v1.charges.create({**form, "application_fee_amount": 1000}, market.of(seller))
    client.v1.charges.create({**form, "destination": {"account": seller, "amount": 6000}})
    assert (market.has(), market.has(seller)) == ((1000 + 4000 - FEE, 0), (8680 + 6000, 0))
    held = client.v1.charges.create({**form, "capture": False, "transfer_data": {"destination": seller}})
    client.v1.charges.capture(held.id, {"amount": 5000, "transfer_data": {"amount": 2000}})
    assert market.has(seller) == (8680 + 8000, 0)


def test_setups_on_behalf(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    form: Any = {"on_behalf_of": seller, "payment_method": "pm_card_visa", "confirm": True}
    assert client.v1.setup_intents.create({**form, "payment_method_types": ["card"]}).on_behalf_of == seller
    form = {"on_behalf_of": "acct_nobody"}
    fails(lambda: client.v1.setup_intents.create(form), "resource_missing", "on_behalf_of")


def test_both_kinds_of_an_accounts_payments_are_one_list(market: Marketplace, client: stripe.StripeClient) -> None:
    seller = market.open()
    for _ in range(3):
        market.pay(account=seller)
        market.pay(transfer_data={"destination": seller})
    on = market.of(seller)
    whole = [charge.id for charge in client.v1.charges.list({}, on).data]
    assert [id[:3] for id in whole] == ["py_", "ch_"] * 3
    form: Any = {"limit": 2}
    assert [charge.id for charge in client.v1.charges.list(form, on).auto_paging_iter()] == whole
    form = {"limit": 10, "ending_before": whole[3]}
    assert [charge.id for charge in client.v1.charges.list(form, on).data] == whole[:3]
    made = client.v1.charges.retrieve(whole[0], {}, on).created
    form = {"created": {"gte": made - 3600, "lte": made}}
    assert [charge.id for charge in client.v1.charges.list(form, on).data] == whole
    form = {"query": "currency:'usd'", "limit": 100}
    assert [charge.id for charge in client.v1.charges.search(form, on).data] == whole
