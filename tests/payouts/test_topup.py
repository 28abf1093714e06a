"""Top-ups: money added from the bank; it arrives, fails, is canceled or is returned."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from till import Till


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def top_up(till: Till, source: str = "btok_us_verified", **more: Any) -> Any:
    form: Any = {"amount": 5000, "currency": "usd", "source": source, **more}
    return till.client.v1.topups.create(form)


def after(till: Till, topup: Any, days: int = 14) -> Any:
    till.nostro.advance(days=days)
    return till.client.v1.topups.retrieve(topup.id)


def test_it_arrives_on_the_day_that_was_expected(till: Till) -> None:
    topup = top_up(till, description="Float", metadata={"why": "refunds"}, statement_descriptor="Top-up")
    assert (topup.status, topup.balance_transaction, till.available()) == ("pending", None, 0)
    till.nostro.advance(topup.expected_availability_date - till.nostro.now)
    done = till.client.v1.topups.retrieve(topup.id, {"expand": ["balance_transaction"]})
    line: Any = done.balance_transaction
    assert (done.status, line.type, line.net, line.source) == ("succeeded", "topup", 5000, topup.id)
    assert till.available() == 5000
    assert till.events("topup.") == ["topup.created", "topup.succeeded"]


def test_it_fails(till: Till) -> None:
    failed = after(till, top_up(till, "btok_us_verified_insufficientFunds"))
    assert (failed.status, failed.failure_code, till.available()) == ("failed", "insufficient_funds", 0)
    assert till.events("topup.") == ["topup.created", "topup.failed"]


def test_it_is_returned(till: Till) -> None:
    returned = after(till, top_up(till, "btok_us_verified_debitNotAuthorized"), 20)
    assert (returned.status, returned.failure_code, till.available()) == ("reversed", "debit_not_authorized", 0)
    assert [(line.type, line.net) for line in till.lines()] == [("topup", 5000), ("topup_reversal", -5000)]
    assert till.events("topup.") == ["topup.created", "topup.succeeded", "topup.reversed"]


def test_canceling(till: Till) -> None:
    topup = top_up(till)
    assert till.client.v1.topups.cancel(topup.id).status == "canceled"
    assert (after(till, topup).status, till.available()) == ("canceled", 0)
    late = top_up(till)
    after(till, late)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        till.client.v1.topups.cancel(late.id)


def test_updating_and_listing(till: Till) -> None:
    first, second = top_up(till), top_up(till)
    till.client.v1.topups.cancel(first.id)
    updated = till.client.v1.topups.update(second.id, {"description": "Float", "metadata": {"n": "2"}})
    assert (updated.description, updated.metadata.to_dict()) == ("Float", {"n": "2"})
    assert [one.id for one in till.client.v1.topups.list().data] == [second.id, first.id]
    assert [one.id for one in till.client.v1.topups.list({"status": "canceled"}).data] == [first.id]


@pytest.mark.parametrize(
    ("form", "param"),
    [({"amount": 0}, "amount"), ({"currency": "xxx"}, "currency"), ({"source": "src_none"}, "source"),
     ({"statement_descriptor": "<x>"}, "statement_descriptor")],
)  # fmt: skip
def test_wrong_topups(till: Till, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        top_up(till, **form)
    assert caught.value.param == param
