"""Adjustments above the amount that the operator has set wait until another key approves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from checked import CheckedRequests
from expect import fails, types
from nostro.testing.server import Server
from postgresql import database

ALL = "/v1/balance/adjustments"


@pytest.fixture(scope="module")
def careful(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server on which adjustments above 100.00 have to be approved."""
    if request.config.getoption("--engine") == "sqlite":
        with Server(approve_adjustments_above=10_000) as server:
            yield server
            assert server.verify() == []
        return
    with database(request.getfixturevalue("postgresql")) as url:
        with Server(database=url, approve_adjustments_above=10_000) as server:
            yield server
            assert server.verify() == []


@pytest.fixture
def keys(careful: Server) -> tuple[stripe.StripeClient, stripe.StripeClient]:
    """Two keys of one sandbox."""
    sandbox = careful.sandbox()
    first, second = sandbox.key, sandbox.key.replace("sk_", "rk_", 1)
    make = sandbox.client_of
    return make(first, http_client=CheckedRequests()), make(second, http_client=CheckedRequests())


def ask(client: stripe.StripeClient, method: str, path: str, **form: Any) -> Any:
    raw: Any = client.raw_request(method, path, **form)
    return raw.data


def credit(client: stripe.StripeClient, amount: int, **more: Any) -> Any:
    return ask(client, "post", ALL, amount=amount, currency="usd", reason="Goodwill", **more)


def available(client: stripe.StripeClient) -> int:
    return sum(one.amount for one in client.v1.balance.retrieve().available)


def test_who_asks_does_not_approve(keys: tuple[stripe.StripeClient, stripe.StripeClient]) -> None:
    maker, checker = keys
    assert credit(maker, 10_000)["status"] == "posted"
    large = credit(maker, 10_001)
    assert (large["status"], large["balance_transaction"], available(maker)) == ("pending", None, 10_000)
    path = f"{ALL}/{large['id']}"
    fails(lambda: ask(maker, "post", f"{path}/approve"), "adjustment_second_key_required", None)
    fails(lambda: ask(maker, "post", f"{path}/reverse"), "adjustment_unexpected_state", None)
    assert [one["id"] for one in ask(checker, "get", ALL, status="pending")["data"]] == [large["id"]]
    made = ask(checker, "post", f"{path}/approve")
    assert (made["status"], available(maker)) == ("posted", 20_001)
    assert made["created_by"].startswith("sk_test_") and made["approved_by"].startswith("rk_test_")
    line = maker.v1.balance_transactions.retrieve(made["balance_transaction"])
    assert (line.net, line.source, line.reporting_category) == (10_001, large["id"], "other_adjustment")
    fails(lambda: ask(checker, "post", f"{path}/approve"), "adjustment_unexpected_state", None)
    fails(lambda: ask(checker, "post", f"{path}/reject"), "adjustment_unexpected_state", None)
    assert ask(maker, "post", f"{path}/reverse")["status"] == "reversed"
    told = [type for type in types(maker) if type.startswith("balance.adjustment")]
    assert told == [f"balance.adjustment.{what}" for what in ("created", "created", "approved", "reversed")]


def test_what_is_rejected_moves_nothing(keys: tuple[stripe.StripeClient, stripe.StripeClient]) -> None:
    maker, checker = keys
    debit = credit(maker, -50_000, allow_negative_balance=True)
    assert ask(checker, "post", f"{ALL}/{debit['id']}/reject")["status"] == "rejected"
    own = credit(maker, 50_000)
    mine = ask(maker, "post", f"{ALL}/{own['id']}/reject")
    assert (mine["status"], mine["rejected_by"], available(maker)) == ("rejected", mine["created_by"], 0)
    fails(lambda: ask(checker, "post", f"{ALL}/{own['id']}/approve"), "adjustment_unexpected_state", None)
    assert types(maker)[-1] == "balance.adjustment.rejected"


def test_a_debit_needs_the_money_when_it_is_approved(keys: tuple[stripe.StripeClient, stripe.StripeClient]) -> None:
    maker, checker = keys
    debit = credit(maker, -20_000)
    path = f"{ALL}/{debit['id']}"
    fails(lambda: ask(checker, "post", f"{path}/approve"), "balance_insufficient", None)
    assert ask(checker, "get", path)["status"] == "pending"
    for _ in range(2):
        credit(maker, 10_000)
    assert ask(checker, "post", f"{path}/approve")["status"] == "posted"
    assert available(maker) == 0
