"""When a payment's money becomes available, as the merchant sees it."""

from __future__ import annotations

import pytest
import stripe

from nostro.balances.calendar import business_midnight
from nostro.kernel.clock import utc_date
from nostro.testing.sandbox import Sandbox
from till import Till


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


@pytest.mark.parametrize("currency", ["usd", "eur", "jpy"])
def test_two_business_days_of_the_currencys_banks(till: Till, currency: str) -> None:
    charge = till.pay("pm_card_visa", currency=currency)
    line = till.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert line.available_on == business_midnight(currency, utc_date(charge.created), 2)
    till.nostro.advance(line.available_on - till.nostro.now - 60)
    assert (till.available(currency), till.pending(currency)) == (0, line.net)
    till.nostro.advance(60)
    assert (till.available(currency), till.pending(currency)) == (line.net, 0)


def test_a_statement_without_lines_can_be_asked_by_currency(till: Till) -> None:
    """The index has the currency below the type, and there is no type yet."""
    assert till.lines(currency="usd") == []
    assert till.lines(type="charge", currency="usd") == []
