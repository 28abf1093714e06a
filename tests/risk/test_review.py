"""Reviews: opened by a rule, closed by a person, a refund, a dispute or a cancellation."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from till import Till

ELEVATED = "pm_card_riskLevelElevated"


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def reviewed(till: Till, **more: Any) -> tuple[Any, Any]:
    """The charge, and its review."""
    charge = till.pay(ELEVATED, **more)
    return charge, till.client.v1.reviews.retrieve(charge.review)


def test_a_rule_opens_a_review(till: Till) -> None:
    method = till.client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4000000000009235", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
         "billing_details": {"address": {"postal_code": "94103"}}}
    )  # fmt: skip
    charge = till.pay(method.id)
    review = till.client.v1.reviews.retrieve(charge.review)
    assert (review.open, review.reason, review.opened_reason, review.closed_reason) == (True, "rule", "rule", None)
    assert (review.charge, review.payment_intent, review.billing_zip) == (charge.id, charge.payment_intent, "94103")
    intent: Any = till.client.v1.payment_intents.retrieve(charge.payment_intent, {"expand": ["review"]})
    assert intent.review.id == review.id
    assert charge.outcome.type == "manual_review"
    assert till.events("review.") == ["review.opened"]


def test_approving_it(till: Till) -> None:
    _, review = reviewed(till)
    assert [one.id for one in till.client.v1.reviews.list().data] == [review.id]
    approved = till.client.v1.reviews.approve(review.id, {"expand": ["charge"]})
    assert (approved.open, approved.reason, approved.closed_reason) == (False, "approved", "approved")
    assert till.client.v1.reviews.list().data == []
    assert till.events("review.") == ["review.opened", "review.closed"]
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        till.client.v1.reviews.approve(review.id)


@pytest.mark.parametrize(("reason", "closed"), [("fraudulent", "refunded_as_fraud"), ("duplicate", "refunded")])
def test_a_refund_closes_it(till: Till, reason: Any, closed: str) -> None:
    charge, review = reviewed(till, amount=5000)
    till.client.v1.refunds.create({"charge": charge.id, "amount": 1000})
    assert till.client.v1.reviews.retrieve(review.id).open is True
    till.client.v1.refunds.create({"charge": charge.id, "reason": reason})
    assert till.client.v1.reviews.retrieve(review.id).closed_reason == closed


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_giving_up_the_payment_closes_it(till: Till, how: str) -> None:
    charge, review = reviewed(till, capture_method="manual")
    assert review.open is True
    if how == "cancel":
        till.client.v1.payment_intents.cancel(charge.payment_intent)
        till.nostro.settle()
    else:
        till.nostro.advance(days=8)
    assert till.client.v1.reviews.retrieve(review.id).closed_reason == "canceled"


def test_unknown_reviews(till: Till) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.reviews.approve("prv_none")
    assert (caught.value.http_status, caught.value.param) == (404, "review")
