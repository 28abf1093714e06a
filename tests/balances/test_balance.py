"""The balance at past moments, and adjustments of it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from expect import fails
from nostro.testing.sandbox import Sandbox
from till import Till

NET = 10_000 - 320


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def ask(till: Till, method: str, path: str, **form: Any) -> Any:
    raw: Any = till.client.raw_request(method, path, **form)
    return raw.data


def at(till: Till, **moment: int) -> tuple[int, int]:
    """(available, pending) in usd."""
    found = ask(till, "get", "/v1/balance", **moment)
    return tuple(
        sum(one["amount"] for one in found[kind] if one["currency"] == "usd") for kind in ("available", "pending")
    )


def test_at_an_effective_moment(till: Till) -> None:
    before = till.nostro.now - 1
    till.pay("pm_card_visa", 10_000)
    paid = till.nostro.now
    [line] = till.lines()
    till.nostro.advance(line.available_on - till.nostro.now + 100)
    till.client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    till.nostro.advance(days=7)
    assert at(till, effective_at=before) == (0, 0)
    assert at(till, effective_at=paid) == (0, NET)
    assert at(till, effective_at=line.available_on - 1) == (0, NET)
    assert at(till, effective_at=line.available_on) == (NET, 0)
    assert at(till, effective_at=till.nostro.now) == at(till) == (NET - 1000, 0)


def test_at_a_recorded_moment(till: Till) -> None:
    """Time that a sandbox was moved ahead is not the machine's."""
    till.pay(amount=10_000)
    recorded = int(time.time())
    time.sleep(1.1)
    till.nostro.advance(days=1)
    till.pay(amount=10_000)
    assert at(till, at=recorded) == (NET, 0)
    assert at(till, at=recorded + 3600) == (2 * NET, 0)
    assert at(till, at=recorded - 3600) == (0, 0)
    fails(lambda: at(till, at=1, effective_at=1), "parameters_exclusive", "at")


def test_the_platform_adjusts_a_balance_and_takes_it_back(till: Till) -> None:
    made = ask(till, "post", "/v1/balance/adjustments", amount=700, currency="usd", reason="Goodwill for case 17",
               approval="apr_17", metadata={"case": "17"})  # fmt: skip
    assert (made["status"], made["approval"], till.available()) == ("posted", "apr_17", 700)
    [line] = till.lines()
    assert (line.id, line.type, line.net, line.reporting_category, line.source, line.description) == (
        made["balance_transaction"], "adjustment", 700, "other_adjustment", made["id"], "Goodwill for case 17",
    )  # fmt: skip
    undone = ask(till, "post", f"/v1/balance/adjustments/{made['id']}/reverse")
    assert (undone["status"], till.available()) == ("reversed", 0)
    fails(
        lambda: ask(till, "post", f"/v1/balance/adjustments/{made['id']}/reverse"), "adjustment_unexpected_state", None
    )
    assert [one["id"] for one in ask(till, "get", "/v1/balance/adjustments")["data"]] == [made["id"]]
    assert till.events("balance.adj") == ["balance.adjustment.created", "balance.adjustment.reversed"]


def test_a_debit_takes_what_is_there(till: Till) -> None:
    debit: Any = {"amount": -500, "currency": "usd", "reason": "Chargeback handling"}
    fails(lambda: ask(till, "post", "/v1/balance/adjustments", **debit), "balance_insufficient", None)
    ask(till, "post", "/v1/balance/adjustments", **debit, allow_negative_balance=True)
    assert till.available() == -500
    fails(lambda: ask(till, "post", "/v1/balance/adjustments", **{**debit, "amount": 0}), "parameter_invalid_integer",
          "amount")  # fmt: skip
    fails(lambda: ask(till, "post", "/v1/balance/adjustments", amount=1, currency="usd"), "parameter_missing", "reason")
