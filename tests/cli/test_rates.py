"""`nostro rates`, as it is typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from typer.testing import CliRunner

from expect import fails
from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.testing.sandbox import Sandbox

DAILY = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
    xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube><Cube time='{day}'>
<Cube currency='USD' rate='1.25'/><Cube currency='GBP' rate='0.85'/><Cube currency='XDR' rate='0.8'/>
</Cube></Cube></gesmes:Envelope>"""


@pytest.fixture
def at(nostro: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The commands find this sandbox through the environment; files are in this directory."""
    monkeypatch.setenv("NOSTRO_API_BASE", nostro.api_base)
    monkeypatch.setenv("NOSTRO_API_KEY", nostro.key)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["rates", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def day(nostro: Sandbox, ago: int = 0) -> str:
    return (datetime.fromtimestamp(nostro.now, UTC) - timedelta(days=ago)).date().isoformat()


def convert(client: stripe.StripeClient, amount: int) -> Any:
    form: Any = {"amount": amount, "from_currency": "eur", "to_currency": "usd"}
    raw: Any = client.raw_request("post", "/v1/balance/conversions", **form)
    return raw.data


def test_files_feed_the_table(at: Path, nostro: Sandbox, client: stripe.StripeClient) -> None:
    (at / "daily.xml").write_text(DAILY.format(day=day(nostro)))
    assert run("import", "daily.xml") == f"daily.xml: 2 rates for one eur of {day(nostro)}; not known here: XDR\n"
    credit: Any = {"amount": 20_000, "currency": "eur", "reason": "To begin with"}
    client.raw_request("post", "/v1/balance/adjustments", **credit)
    assert convert(client, 10_000)["amount"] == 12_375  # at 1.25, less one percent
    (at / "own.csv").write_text("currency,rate\nusd,1.30\nchf,0.95\n")
    [made] = json.loads(run("import", "own.csv", "--base", "EUR", "--provider", "desk", "--json"))
    assert (made["rates"], made["base"], made["day"]) == (2, "eur", None)
    assert convert(client, 10_000)["amount"] == 12_870
    table = json.loads(run("list", "--json"))
    assert (table["provider"], table["rates"]["gbp"], sorted(table["rates"])) == (
        "desk",
        0.85,
        ["chf", "eur", "gbp", "usd"],
    )
    assert "gbp" in run("list") and "0.85" in run("list")


def test_rates_that_are_too_old(at: Path, nostro: Sandbox, client: stripe.StripeClient) -> None:
    (at / "old.xml").write_text(DAILY.format(day=day(nostro, ago=9)))
    run("import", "old.xml")
    credit: Any = {"amount": 20_000, "currency": "eur", "reason": "To begin with"}
    client.raw_request("post", "/v1/balance/adjustments", **credit)
    said = fails(lambda: convert(client, 10_000), "exchange_rate_stale", None)
    assert day(nostro, ago=9) in str(said) and "nostro rates import" in str(said)
    assert "stale" in run("list") and json.loads(run("list", "--json"))["stale"] == ["gbp", "usd"]
    quote: Any = {"from_currencies": ["eur"], "to_currency": "usd", "lock_duration": "hour"}
    fails(lambda: client.raw_request("post", "/v1/fx_quotes", **quote), "exchange_rate_stale", None)
    (at / "new.xml").write_text(DAILY.format(day=day(nostro)))
    run("import", "new.xml")
    assert convert(client, 10_000)["amount"] == 12_375
    with pytest.raises(Trouble, match="is newer"):
        run("import", "old.xml")
    nostro.advance(days=8)
    fails(lambda: convert(client, 10_000), "exchange_rate_stale", None)


def test_a_file_that_is_wrong_changes_nothing(at: Path) -> None:
    (at / "bad.csv").write_text("base,currency,rate\nusd,eur,0.9\nusd,gbp,zero\n")
    with pytest.raises(Trouble) as caught:
        run("import", "bad.csv")
    assert "bad.csv was not taken: line 3" in caught.value.what and "zero" in caught.value.what
    assert json.loads(run("list", "--json"))["provider"] == "test"
    assert "no day" in run("list")


def test_rates_of_tomorrow_are_refused(client: stripe.StripeClient, nostro: Sandbox) -> None:
    form: Any = {"rates": {"eur": "0.9"}, "as_of": nostro.now + 3600}
    fails(lambda: client.raw_request("post", "/v1/exchange_rates/usd", **form), None, "as_of")
