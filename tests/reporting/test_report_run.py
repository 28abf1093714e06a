"""Report runs with the official SDK: each file's columns and sums, against what the API says of the balance."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from till import Till


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    till = Till(nostro, client)
    till.pay(amount=5000)
    till.pay("pm_card_visa", amount=2000)
    client.v1.refunds.create({"charge": till.pay(amount=1000).id, "amount": 400})
    till.pay(amount=900, currency="eur")
    nostro.advance(days=1)
    return till


def made(till: Till, type: str, **parameters: Any) -> list[dict[str, str]]:
    """The rows of a run's file."""
    parameters = {"interval_start": till.nostro.now - 30 * 86_400, "interval_end": till.nostro.now, **parameters}
    asked: Any = {"report_type": type, "parameters": parameters}
    run = till.client.v1.reporting.report_runs.create(asked)
    assert run.status == "pending" and run.result is None
    till.nostro.settle()
    run = till.client.v1.reporting.report_runs.retrieve(run.id)
    assert run.status == "succeeded" and run.succeeded_at and run.parameters.interval_end == parameters["interval_end"]
    assert run.result and run.result.purpose == "finance_report_run" and run.result.type == "csv"
    answer = httpx.get(str(run.result.url), auth=(till.nostro.key, ""), trust_env=False)
    assert answer.status_code == 200
    return list(csv.DictReader(answer.text.splitlines()))


def test_each_line_of_the_balance_is_a_row(till: Till) -> None:
    rows = made(till, "balance_change_from_activity.itemized.1")
    lines = till.lines()
    assert [row["balance_transaction_id"] for row in rows] == [line.id for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert [row["gross"], row["fee"], row["net"]] == [f"{n / 100:.2f}" for n in (line.amount, line.fee, line.net)]
        assert (row["currency"], row["reporting_category"], row["source_id"]) == (
            line.currency, line.reporting_category, line.source,
        )  # fmt: skip
    refunds = made(till, "balance_change_from_activity.itemized.1", reporting_category="refund", currency="usd")
    assert [row["gross"] for row in refunds] == ["-4.00"]
    chosen = made(till, "balance_change_from_activity.itemized.3", columns=["created", "net"],
                  timezone="America/New_York")  # fmt: skip
    assert [list(row) for row in chosen] == [["created", "net"]] * len(lines)
    assert chosen[0]["created"] < rows[0]["created_utc"]


def test_the_balance_begins_moves_and_ends(till: Till, client: stripe.StripeClient) -> None:
    client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    till.nostro.advance(days=4)
    found = made(till, "balance.summary.1")
    usd = {row["category"]: Decimal(row["net_amount"]) for row in found if row["currency"] == "usd"}
    assert usd["starting_balance"] == 0 and usd["payouts"] == -10
    assert usd["activity_gross"] == 76 and usd["activity"] == usd["activity_gross"] + usd["activity_fee"]
    assert usd["ending_balance"] == Decimal(till.available() + till.pending()) / 100
    (payout,) = made(till, "payouts.itemized.1")
    assert (payout["net"], payout["payout_status"], payout["payout_type"]) == ("-10.00", "paid", "bank_account")
    assert payout["payout_id"].startswith("po_") and payout["payout_expected_arrival_date"]
    (total,) = made(till, "payouts.summary.1")
    assert (total["reporting_category"], total["count"], total["net"]) == ("payout", "1", "-10.00")


def test_summaries_add_up(till: Till) -> None:
    rows = made(till, "balance_change_from_activity.summary.1")
    totals: Counter[tuple[str, str]] = Counter()
    for line in till.lines():
        totals[line.currency, line.reporting_category] += line.net
    assert {(row["currency"], row["reporting_category"]): round(Decimal(row["net"]) * 100) for row in rows} == totals


def test_types_say_what_they_have(client: stripe.StripeClient) -> None:
    types = client.v1.reporting.report_types.list().data
    assert "balance.summary.1" in [type.id for type in types] and len(types) == 7
    type = client.v1.reporting.report_types.retrieve("payouts.itemized.1")
    assert type.version == 1 and "payout_id" in (type.default_columns or [])
    with pytest.raises(stripe.InvalidRequestError, match="No such report type"):
        client.v1.reporting.report_types.retrieve("tax.everything.1")


@pytest.mark.parametrize(("type", "parameters", "param"), [
    ("tax.everything.1", {}, "report_type"),
    ("balance.summary.1", {"interval_end": 1}, "parameters[interval_start]"),
    ("balance.summary.1", {"interval_start": 1_700_000_000}, "parameters[interval_end]"),
    ("balance.summary.1", {"interval_start": 1_700_000_000, "interval_end": 1_600_000_000},
     "parameters[interval_start]"),
    ("balance.summary.1", {"interval_start": 1_600_000_000, "interval_end": 9_000_000_000}, "parameters[interval_end]"),
    ("payouts.summary.1", {"timezone": "Etc/UTC"}, "parameters[timezone]"),
    ("balance.summary.1", {"timezone": "Mars/Phobos"}, "parameters[timezone]"),
    ("balance.summary.1", {"reporting_category": "charge"}, "parameters[reporting_category]"),
    ("balance.summary.1", {"columns": ["net_amount", "nothing"]}, "parameters[columns]"),
])  # fmt: skip
def test_what_cannot_be_run_is_refused(client: stripe.StripeClient, type: str, parameters: Any, param: str) -> None:
    if not {"interval_start", "interval_end"} & parameters.keys():
        parameters = {"interval_start": 1_600_000_000, "interval_end": 1_700_000_000, **parameters}
    asked: Any = {"report_type": type, "parameters": parameters}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.reporting.report_runs.create(asked)
    assert refused.value.param == param
