"""What connected accounts owe: reserved of the platform's balance, paid by later payments, by the bank, or in the end
by who is liable."""

from __future__ import annotations

import pytest
import stripe

from expect import fails
from marketplace import Marketplace
from nostro.testing.sandbox import Sandbox

SENT = 5000


@pytest.fixture
def market(nostro: Sandbox, client: stripe.StripeClient) -> Marketplace:
    return Marketplace(nostro, client)


def owing(market: Marketplace, seller: str) -> str:
    """A seller who was paid 100.00, withdrew 50.00, and then lost the payment: 50.00 are owed."""
    charge = market.pay(transfer_data={"destination": seller})
    market.client.v1.payouts.create({"amount": SENT, "currency": "usd"}, market.of(seller))
    market.client.v1.refunds.create({"charge": charge.id, "reverse_transfer": True})
    market.nostro.settle()
    return seller


def test_what_an_account_owes_is_reserved_until_it_earned_it(market: Marketplace) -> None:
    market.pay(amount=20_000)
    before, _ = market.has()
    seller = owing(market, market.open())
    assert (market.has(seller), market.reserved()) == ((-SENT, 0), SENT)
    assert market.has()[0] == before - 320 - SENT
    assert market.lines()[-1] == ("reserved_funds", "connect_reserved_funds", -SENT, -SENT)
    fails(lambda: market.client.v1.payouts.create({"amount": before - SENT, "currency": "usd"}),
          "balance_insufficient", None)  # fmt: skip
    market.client.v1.transfers.create({"amount": 2000, "currency": "usd", "destination": seller})
    market.nostro.advance(days=1)
    assert (market.has(seller), market.reserved()) == ((-SENT + 2000, 0), SENT - 2000)
    market.client.v1.transfers.create({"amount": 4000, "currency": "usd", "destination": seller})
    market.nostro.advance(days=1)
    assert (market.has(seller), market.reserved()) == ((1000, 0), 0)
    assert market.has()[0] == before - 320 - 6000


def test_money_on_its_way_covers_what_is_owed(market: Marketplace) -> None:
    seller = market.open()
    market.pay(account=seller, card="pm_card_visa")
    charge = market.pay(account=seller, card="pm_card_visa", amount=2000)
    market.client.v1.refunds.create({"charge": charge.id}, market.of(seller))
    market.nostro.settle()
    assert market.has(seller)[0] == -2000
    assert market.reserved() == 0


def test_after_half_a_year_the_platform_pays(market: Marketplace) -> None:
    market.pay(amount=20_000)
    before, _ = market.has()
    seller = owing(market, market.open())
    market.nostro.advance(days=179)
    assert (market.has(seller)[0], market.reserved()) == (-SENT, SENT)
    market.nostro.advance(days=2)
    assert (market.has(seller), market.reserved(), market.has()[0]) == ((0, 0), 0, before - 320 - SENT)
    category = "connect_collection_transfer"
    assert market.lines(seller)[-1] == (category, category, SENT, SENT)
    assert market.lines()[-2:] == [
        ("reserved_funds", "connect_reserved_funds", SENT, SENT),
        (category, category, -SENT, -SENT),
    ]


def test_a_debt_that_was_paid_begins_anew(market: Marketplace) -> None:
    market.pay(amount=20_000)
    seller = owing(market, market.open())
    market.nostro.advance(days=100)
    market.client.v1.transfers.create({"amount": SENT, "currency": "usd", "destination": seller})
    market.nostro.advance(days=2)
    charge = market.pay(account=seller, amount=1000)
    market.client.v1.refunds.create({"charge": charge.id}, market.of(seller))
    market.nostro.advance(days=100)
    assert market.has(seller)[0] == -59
    assert market.reserved() == 59


def test_where_the_platform_is_not_liable_the_loss_is_ours(market: Marketplace) -> None:
    market.pay(amount=20_000)
    before, _ = market.has()
    seller = owing(market, market.onboard(type="standard"))
    assert (market.has(seller), market.reserved()) == ((-SENT, 0), 0)
    market.nostro.advance(days=181)
    assert market.has(seller) == (0, 0)
    assert market.lines(seller)[-1] == ("adjustment", "other_adjustment", SENT, SENT)
    assert market.has()[0] == before - 320


def test_what_the_bank_is_asked_for_is_not_reserved_any_more(market: Marketplace) -> None:
    market.pay(amount=20_000)
    before, _ = market.has()
    daily = {"payouts": {"debit_negative_balances": True, "schedule": {"interval": "daily"}}}
    seller = owing(market, market.open(settings=daily))
    assert market.reserved() == SENT
    market.nostro.advance(days=4)
    assert (sum(market.has(seller)), market.reserved(), market.has()[0]) == (0, 0, before - 320)
    market.nostro.advance(days=10)
    payouts = market.client.v1.payouts.list({}, market.of(seller)).data
    assert [(payout.amount, payout.status) for payout in payouts] == [(-SENT, "paid"), (SENT, "paid")]
    assert (market.has(seller), market.reserved()) == ((0, 0), 0)
