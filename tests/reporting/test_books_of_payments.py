"""A month of payments, closed and exported, over the API with the official SDK and with the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe
from beancount import loader
from typer.testing import CliRunner

from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.ledger.closed import month_starts
from nostro.reporting.span import month_of
from nostro.testing.sandbox import Sandbox
from till import Till

DAY = 86_400
Run = Callable[..., str]


@pytest.fixture
def run(nostro: Sandbox, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command of `nostro` on the books of this test's sandbox: what it prints, or the trouble it has."""
    monkeypatch.chdir(tmp_path)

    def command(*args: str) -> str:
        where = ["--api-base", nostro.api_base, "--api-key", nostro.key]
        if args[1] not in ("close", "prove", "periods"):
            where = ["--key", nostro.key, "--database", server.world.settings.database]
        done = CliRunner().invoke(app, [*args, *where])
        if isinstance(done.exception, Trouble):
            return f"{done.exception}"
        assert done.exit_code == 0, done.output
        return done.output

    return command


def raw(client: stripe.StripeClient, method: str, path: str, **form: Any) -> Any:
    return client.raw_request(method, f"/v1/reports/{path}", **form).data


def test_a_month_of_payments(client: stripe.StripeClient, nostro: Sandbox, run: Run, tmp_path: Path) -> None:
    till = Till(nostro, client)
    month = month_of(nostro.now)
    till.pay(amount=5000)
    till.pay("pm_card_visa", amount=2000)
    client.v1.refunds.create({"charge": till.pay(amount=1000).id, "amount": 400})
    till.pay(amount=900, currency="eur")
    client.v1.payment_intents.create({  # authorized, not captured: memorandum accounts
        "amount": 700, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
        "capture_method": "manual", "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    })  # fmt: skip
    nostro.advance(month_starts(month, 1) - nostro.now + 60)
    closed = run("books", "close", "--month", month)
    assert f"{month} is closed" in closed and "clearing_accounts" in closed
    assert f"{month} is as it was closed" in run("books", "prove", "--month", month)
    assert [one["status"] for one in json.loads(run("books", "periods", "--json"))] == ["closed"]
    assert "is closed, since" in run("books", "close", "--month", month)

    sheet = raw(client, "get", "balance_sheet", period=month)
    usd = {one["currency"]: one for one in sheet["sheets"]}["usd"]
    parts = {one["section"]: one for one in usd["sections"]}
    assert sheet["closed"] and usd["balanced"]
    assert parts["assets"]["total"] == parts["liabilities"]["total"] + parts["equity"]["total"]
    shown = run("books", "balance-sheet", "--month", month)
    assert "Assets" in shown and "merchant:{merchant}:available" in shown
    earned = json.loads(run("books", "income-statement", "--month", month, "--json"))
    fees = next(row["amount"] for row in earned if row["currency"] == "usd" and row["line"] == "platform:fees")
    assert fees == sum(line.fee for line in till.lines(currency="usd"))
    assert raw(client, "get", "income_statement", period=month)["statements"][-1]["result"] == fees

    line = next(one for one in parts["liabilities"]["lines"] if one["line"] == "merchant:{merchant}:available")
    accounts = raw(client, "get", "trial_balance", period=month, line=line["line"], currency="usd")["accounts"]
    assert [-one["closing_balance"] for one in accounts] == [line["amount"]]
    card = raw(client, "get", "account_lines", period=month, account=accounts[0]["account"], currency="usd")
    assert card["closing_balance"] == -line["amount"] and {one["kind"] for one in card["lines"]} >= {"balance.release"}

    run("books", "export", "beancount", "--month", month, "--to", "books.beancount")
    _, errors, _ = loader.load_file(str(tmp_path / "books.beancount"))
    assert errors == []
    assert "is there already" in run("books", "export", "hledger", "--month", month, "--to", "books.beancount")
    run("books", "export", "csv", "--year", month[:4], "--to", "tables")
    written = [row for file in (tmp_path / "tables").rglob("balance_transactions.csv") for row in _rows(file)]
    assert {row["id"]: int(row["net_minor"]) for row in written} == {one.id: one.net for one in till.lines()}
    rows = list(csv.DictReader(run("books", "trial-balance", "--month", month, "--csv").splitlines()))
    assert sum(int(row["closing"]) for row in rows if row["currency"] == "usd") == 0
    assert run("books", "export", "parquet", "--month", month).startswith(f"Wrote books-{month}")


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_payments_go_on_after_the_close(client: stripe.StripeClient, nostro: Sandbox) -> None:
    """Refunds, disputes and releases of what was paid in a closed month are booked when they happen."""
    till = Till(nostro, client)
    month = month_of(nostro.now)
    charge = till.pay("pm_card_visa", amount=5000)
    nostro.advance(month_starts(month, 1) - nostro.now + 30)
    period = raw(client, "post", "periods", month=month)
    nostro.settle()
    period = raw(client, "get", f"periods/{period['id']}")
    assert period["status"] == "closed"
    client.v1.refunds.create({"charge": charge.id})
    till.pay("pm_card_createDispute", amount=2000)
    nostro.advance(days=40)
    assert raw(client, "get", f"periods/{period['id']}/proof")["holds"]
    following = month_of(month_starts(month, 1))
    raw(client, "post", "periods", month=following)
    nostro.settle()
    listed = raw(client, "get", "periods")["data"]
    assert [(one["month"], one["status"]) for one in listed] == [(following, "closed"), (month, "closed")]


def test_a_connected_account_sees_and_closes_nothing(client: stripe.StripeClient, nostro: Sandbox) -> None:
    account = client.v1.accounts.create({"type": "custom", "country": "US"})
    month = datetime.fromtimestamp(nostro.now, UTC).strftime("%Y-%m")
    for method, path, form in (("get", "balance_sheet", {}), ("post", "periods", {"month": month})):
        with pytest.raises(stripe.InvalidRequestError, match="platform's"):
            client.raw_request(method, f"/v1/reports/{path}", stripe_account=account.id, **form)
