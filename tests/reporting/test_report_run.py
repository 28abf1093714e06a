"""Report runs with the official SDK: each file's columns and sums, against what the API says of the balance."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe

from marketplace import Marketplace
from nostro.reporting.report_types import TYPES
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


PEOPLE = ("customer_id", "customer_email", "customer_name", "customer_address_city", "customer_shipping_address_city",
          "shipping_address_country", "card_address_postal_code")  # fmt: skip
CARD = ("payment_method_type", "card_brand", "card_last4", "card_country", "card_funding")


def test_a_row_says_who_paid_with_what(nostro: Sandbox, client: stripe.StripeClient) -> None:
    till = Till(nostro, client)
    home: Any = {"line1": "1 Main St", "city": "Austin", "country": "US", "postal_code": "78701"}
    shipping: Any = {"name": "Ada", "address": {**home, "city": "Dallas"}}
    customer = client.v1.customers.create(
        {"email": "ada@example.com", "name": "Ada", "address": home, "shipping": shipping}
    )
    method = client.v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"address": home}}
    )
    client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    charge = till.pay(method.id, 5000, customer=customer.id, shipping=shipping, metadata={"order": "7"},
                      statement_descriptor_suffix="NO 7")  # fmt: skip
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 400, "metadata": {"why": "late"}})
    nostro.advance(60)
    asked = [*PEOPLE, *CARD, "charge_id", "payment_intent_id", "refund_id", "customer_facing_amount", "invoice_id",
             "charge_created_utc", "statement_descriptor", "payment_metadata[order]",
             "refund_metadata[why]"]  # fmt: skip
    paid, back = made(till, "balance_change_from_activity.itemized.3", columns=asked)
    assert list(paid) == asked
    assert [paid[name] for name in PEOPLE] == [customer.id, "ada@example.com", "Ada", "Austin", "Dallas", "US", "78701"]
    assert [paid[name] for name in CARD] == [back[name] for name in CARD] == ["card", "visa", "4242", "US", "credit"]
    assert (paid["charge_id"], paid["payment_intent_id"], paid["refund_id"]) == (charge.id, charge.payment_intent, "")
    assert (back["charge_id"], back["refund_id"], back["customer_id"]) == (charge.id, refund.id, customer.id)
    assert (paid["customer_facing_amount"], back["customer_facing_amount"]) == ("50.00", "-4.00")
    assert (paid["payment_metadata[order]"], paid["refund_metadata[why]"], back["refund_metadata[why]"]) == (
        "7",
        "",
        "late",
    )
    assert paid["charge_created_utc"] and paid["statement_descriptor"] == "NO 7" and paid["invoice_id"] == ""


def test_a_row_says_of_what_account_and_dispute_it_is(nostro: Sandbox, client: stripe.StripeClient) -> None:
    till, market = Till(nostro, client), Marketplace(nostro, client)
    seller = market.open(business_profile={"name": "Ada's Lamps", "mcc": "5734", "url": "https://ada.example"})
    charge = market.pay(currency="eur", transfer_data={"destination": seller, "metadata": {"lot": "3"}},
                        application_fee_amount=500)  # fmt: skip
    direct = market.pay(account=seller, application_fee_amount=300)
    till.pay("pm_card_createDispute", 2000)
    nostro.advance(60)
    about = ("connected_account_id", "connected_account_name", "connected_account_country")
    asked = ["reporting_category", "currency", *about, "connected_account_direct_charge_id", "dispute_reason",
             "dispute_id", "transfer_id", "destination_payment_id", "application_fee_id", "transfer_metadata[lot]",
             "customer_facing_currency"]  # fmt: skip
    rows = made(till, "balance_change_from_activity.itemized.1", columns=asked)
    by = {(row["reporting_category"], row["currency"]): row for row in rows}
    for row in (by["charge", "eur"], by["transfer", "eur"], by["platform_earning", "usd"]):
        assert [row[name] for name in about] == [seller, "Ada's Lamps", "US"]
    transfer = client.v1.transfers.retrieve(charge.transfer)
    moved = by["transfer", "eur"]
    assert (moved["transfer_id"], moved["destination_payment_id"]) == (transfer.id, transfer.destination_payment)
    assert moved["transfer_metadata[lot]"] == "3"
    fees = {row["application_fee_id"]: row for row in rows if row["reporting_category"] == "platform_earning"}
    assert fees[charge.application_fee]["connected_account_direct_charge_id"] == ""
    assert fees[direct.application_fee]["connected_account_direct_charge_id"] == direct.id
    dispute = by["dispute", "usd"]
    assert dispute["dispute_id"].startswith("du_") and dispute["dispute_reason"] == "fraudulent"
    on = {"stripe_account": seller}
    asked = ["gross", "currency", "customer_facing_amount", "customer_facing_currency", "charge_id"]
    parameters: Any = {"interval_start": nostro.now - 86_400, "interval_end": nostro.now, "columns": asked}
    form: Any = {"report_type": "balance_change_from_activity.itemized.3", "parameters": parameters}
    run = client.v1.reporting.report_runs.create(form, on)
    nostro.settle()
    answer = httpx.get(str(client.v1.reporting.report_runs.retrieve(run.id, {}, on).result.url),
                       auth=(nostro.key, ""), headers={"Stripe-Account": seller}, trust_env=False)  # fmt: skip
    converted, own = csv.DictReader(answer.text.splitlines())
    assert (converted["gross"], converted["currency"]) == ("107.60", "usd")
    assert (converted["customer_facing_amount"], converted["customer_facing_currency"]) == ("100.00", "eur")
    assert own["charge_id"] == direct.id


def test_every_column_can_be_asked_for_and_sums_stay_the_ledgers(till: Till) -> None:
    type = till.client.v1.reporting.report_types.retrieve("balance_change_from_activity.itemized.3")
    columns = list(TYPES[type.id].columns)
    rows = made(till, type.id, columns=columns, currency="usd")
    assert [list(row) for row in rows] == [columns] * len(rows)
    assert round(sum(Decimal(row["net"]) for row in rows) * 100) == till.available() + till.pending()


def test_metadata_columns_name_a_key(client: stripe.StripeClient) -> None:
    for column in ("payment_metadata", "payment_metadata[]", "charge_metadata[a]", "payment_metadata[a][b]"):
        parameters: Any = {"interval_start": 1_600_000_000, "interval_end": 1_700_000_000, "columns": [column]}
        asked: Any = {"report_type": "balance_change_from_activity.itemized.3", "parameters": parameters}
        with pytest.raises(stripe.InvalidRequestError, match="Unknown columns"):
            client.v1.reporting.report_runs.create(asked)
