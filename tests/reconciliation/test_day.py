"""From a statement to a closed day: imported, matched, what is left explained, proved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from desk import Desk
from nostro.testing.sandbox import Sandbox
from till import Till


@pytest.fixture
def desk(nostro: Sandbox, client: stripe.StripeClient) -> Desk:
    return Desk(nostro, client)


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def top_up(desk: Desk, amount: int, descriptor: str) -> Any:
    form: Any = {"amount": amount, "currency": "usd", "source": "btok_us_verified", "statement_descriptor": descriptor}
    return desk.client.v1.topups.create(form)


def test_a_day_is_proved_and_closed(desk: Desk) -> None:
    first, second = top_up(desk, 5000, "TOPUP-0001"), top_up(desk, 700, "TOPUP-0002")
    desk.nostro.advance(days=10)
    day = desk.today()
    desk.nostro.advance(days=1)
    booked = desk.client.v1.topups.retrieve(first.id).expected_availability_date
    on = datetime.fromtimestamp(booked, UTC).date().isoformat()
    made = desk.take(
        [(on, "50.00", "TOPUP-0001", "first"), (on, "7.00", second.id, "second"), (day, "-1.25", "", "Account fee")]
    )
    assert (made["opening_balance"], made["closing_balance"], made["lines"]) == (0, 5575, 3)
    found = desk.match()
    assert (found["matches"], found["breaks"]) == ({"reference": 2}, {"unknown": 1})
    [left] = desk.breaks(status="open")
    assert (left["amount"], left["reason"]) == (-125, "unknown")
    proof = desk.draw_up(day)
    assert proof["balanced"] and proof["closing_balance"] == proof["ledger_balance"] == 5575, proof
    closed = desk.close(day)
    assert closed["status"] == "closed"
    assert desk.ask("get", f"/days/{closed['id']}/verify")["ok"] is True
