"""The commands as their users run them: what they print, the exit status, and what they say when something is wrong."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nostro.cli.checkout import remember, remembered
from nostro.cli.client import flat
from nostro.cli.fixtures import FIXTURES
from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.cli.welcome import SDKS, welcome
from nostro.events.catalog import EVENT_TYPES
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server

COMMANDS = [
    ["--help"], ["dev", "--help"], ["serve", "--help"], ["migrate", "--help"], ["reset", "--help"],
    ["trigger", "--help"], ["listen", "--help"], ["logs", "tail", "--help"], ["logs", "show", "--help"],
    ["events", "resend", "--help"],
    ["events", "list", "--help"], ["keys", "--help"], ["keys", "create", "--help"], ["ledger", "--help"],
    ["config", "--help"], ["doctor", "--help"], ["ledger", "verify", "--help"], ["ledger", "statement", "--help"],
    ["openapi", "--help"], ["bank", "--help"], ["bank", "serve", "--help"], ["rates", "import", "--help"],
]  # fmt: skip


class Shell:
    """Runs commands in a directory of its own; `troubled` runs one that must fail with a sentence."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def __call__(self, *words: str, status: int = 0, input: str | None = None) -> str:
        done = self._runner.invoke(app, list(words), input=input)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done.output

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))

    def troubled(self, *words: str) -> Trouble:
        with pytest.raises(Trouble) as caught:
            self(*words)
        return caught.value


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE", "PORT", "HOST", "API_BASE", "API_KEY"):
        monkeypatch.delenv(f"NOSTRO_{name}", raising=False)
    return Shell()


@pytest.fixture
def at(nostro: Sandbox, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> Sandbox:
    """The commands find this sandbox through the environment."""
    monkeypatch.setenv("NOSTRO_API_BASE", nostro.api_base)
    monkeypatch.setenv("NOSTRO_API_KEY", nostro.key)
    return nostro


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(shell: Shell, words: list[str]) -> None:
    assert "Usage" in shell(*words)


def test_help_starts_with_what_to_do(shell: Shell) -> None:
    help = shell("--help")
    assert "nostro dev" in help and "nostro ledger verify" in help
    assert shell("--version").startswith("nostro ")


# Against a running server ---------------------------------------------------------


def test_trigger_and_see_it_in_the_logs(shell: Shell, at: Sandbox, server: Server) -> None:
    done = shell("trigger", "charge.refunded")
    assert "POST /v1/refunds  re_" in done and "charge.refunded  evt_" in done
    made = shell.json("trigger", "payment_intent.payment_failed")
    assert made["event"]["type"] == "payment_intent.payment_failed"
    server.run(server.app.api.log.flush())
    lines = shell("logs", "tail", "--no-follow")
    assert "200 POST   /v1/refunds" in lines and "generic_decline" in lines and "/v1/events" not in lines
    only = shell("logs", "tail", "--no-follow", "--status", "4xx", "--method", "post", "--path", "/v1/pay", "--json")
    assert [json.loads(line)["status"] for line in only.splitlines()] == [402]
    assert shell("logs", "tail", "--no-follow", "--status", "500") == ""
    many = shell("logs", "tail", "--no-follow", "--status", "402", "--status", "404", "--since", "1h", "--json")
    assert many == only
    assert shell("logs", "tail", "--no-follow", "--code", "generic_decline", "--json") == only
    declined = json.loads(only)
    told = shell("logs", "show", declined["id"])
    for text in (
        "402",
        "generic_decline",
        "card_error",
        declined["about"] or "",
        '"confirm": "true"',
        "request_log_url",
    ):
        assert text in told
    assert shell.json("logs", "show", declined["id"]) == declined


def test_trigger_moves_time_where_it_must(shell: Shell, at: Sandbox) -> None:
    assert "days ahead now" in shell("trigger", "charge.expired")


def test_a_failed_payout_leaves_the_next_one_alone(shell: Shell, at: Sandbox) -> None:
    for event in ("payout.failed", "payout.paid"):
        assert shell.json("trigger", event)["event"]["type"] == event


@pytest.mark.slow
@pytest.mark.parametrize("event", sorted(FIXTURES))
def test_every_event_can_be_triggered(shell: Shell, at: Sandbox, event: str) -> None:
    assert shell.json("trigger", event)["event"]["type"] == event


def test_trigger_knows_what_it_can(shell: Shell, at: Sandbox) -> None:
    assert shell("trigger", "--list").split() == sorted(FIXTURES)
    assert "Did you mean charge.refunded" in shell.troubled("trigger", "charge.refundet").then
    assert shell.troubled("trigger", "x").then == "See what there is: nostro trigger --list"


def test_events_are_listed_and_sent_again(shell: Shell, at: Sandbox) -> None:
    hooks = at.webhooks("customer.created")
    shell("trigger", "customer.created")
    event = hooks.settled()[0].id
    assert event in shell("events", "list", "--type", "customer.created")
    assert [one["id"] for one in shell.json("events", "list")] == [event]
    assert event in shell("events", "resend", event, "--webhook-endpoint", hooks.id)
    assert [one.id for one in hooks.settled()] == [event, event]
    assert "No such event" in shell.troubled("events", "resend", "evt_x").what


def test_a_server_that_is_not_there(shell: Shell) -> None:
    assert "no API key" in shell.troubled("trigger", "charge.succeeded").what
    where = ["--api-base", "http://127.0.0.1:1", "--api-key", "sk_test_x"]
    trouble = shell.troubled("logs", "tail", *where)
    assert trouble.what.startswith("No answer from http://127.0.0.1:1") and "nostro dev" in trouble.then


def test_a_key_that_is_not_known(shell: Shell, at: Sandbox) -> None:
    assert "Invalid API Key" in shell.troubled("events", "list", "--api-key", "nonsense").what


def test_a_status_that_is_none(shell: Shell, at: Sandbox) -> None:
    assert "span" in shell.troubled("logs", "tail", "--since", "yesterday").what
    assert "no HTTP status" in shell.troubled("logs", "tail", "--status", "4x").what


# The books ------------------------------------------------------------------------


@pytest.fixture
def books(shell: Shell, nostro_server: Server, at: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that name the books of a sandbox with a payment and a refund."""
    shell("trigger", "charge.refunded")
    monkeypatch.setenv("NOSTRO_DATABASE", nostro_server.world.settings.database)
    return ["--key", at.key]


def test_ledger_accounts_and_entries(shell: Shell, books: list[str]) -> None:
    assert "platform:fees" in shell("ledger", "accounts", *books)
    fees = shell.json("ledger", "accounts", "platform:", *books)
    assert [(one["code"], one["natural"], one["balance"]) for one in fees] == [("platform:fees", 88, -88)]
    entries = shell.json("ledger", "entries", *books)
    assert [entry["source"][:3] for entry in entries] == ["re_", "ch_"]
    assert all(sum(line["amount"] for line in entry["postings"]) == 0 for entry in entries)
    assert entries[0]["source"] in shell("ledger", "entries", "--source", entries[0]["source"], *books)
    merchant = entries[0]["postings"][0]["account"].split(":")[1]
    assert shell.json("ledger", "entries", "--merchant", merchant) == entries


def test_ledger_balance_now_and_then(shell: Shell, books: list[str]) -> None:
    assert "0.88 usd" in shell("ledger", "balance", "platform:fees", *books)
    for more in ([], ["--effective"]):
        found = shell.json("ledger", "balance", "platform:fees", "--at", "2020-01-01", *more, *books)
        assert [one["balance"] for one in found] == [0]
        found = shell.json("ledger", "balance", "platform:fees", "--at", "2100-01-01T00:00:00", *more, *books)
        assert [one["balance"] for one in found] == [-88]
    assert "no moment" in shell.troubled("ledger", "balance", "platform:fees", "--at", "noon", *books).what
    assert "Nothing was ever booked" in shell.troubled("ledger", "balance", "bank:gold", *books).what


def test_ledger_statement_and_trial_balance(shell: Shell, books: list[str]) -> None:
    sheet = shell("ledger", "trial-balance", *books)
    assert "USD" in sheet and "total" in sheet
    (usd,) = shell.json("ledger", "trial-balance", *books)
    assert usd["balanced"] and usd["debits"] == usd["credits"] >= 88
    account = next(row["code"] for row in shell.json("ledger", "accounts", "merchant:", *books))
    (one,) = shell.json("ledger", "statement", account, *books)
    assert one["lines"][-1]["balance"] == one["closing"] == one["account"]["balance"]
    assert "closing" in shell("ledger", "statement", account, "--limit", "100", *books)
    assert ("there is more" in shell("ledger", "statement", account, "--limit", "1", *books)) is (len(one["lines"]) > 1)


def test_books_that_are_not_there(shell: Shell, books: list[str]) -> None:
    assert "no test books" in shell.troubled("ledger", "accounts", "--key", "sk_test_nobody").what
    assert "no live books" in shell.troubled("ledger", "accounts", "--merchant", "acct_x", "--live").what
    assert "no database at none.db" in shell.troubled("ledger", "verify", "--database", "sqlite:///none.db").what
    assert "do not know" in shell.troubled("ledger", "verify", "--database", "mysql://x").what


def test_verify_says_so_and_exits_with_one(shell: Shell, tmp_path: Path) -> None:
    with Server(database=f"sqlite:///{tmp_path / 'own.db'}") as server:
        sandbox = server.sandbox()
        where = ["--api-base", sandbox.api_base, "--api-key", sandbox.key]
        shell("trigger", "charge.succeeded", *where)
    database = ["--database", "sqlite:///own.db"]
    assert shell("ledger", "verify", *database).startswith("The books are right. Entries: 1")
    assert shell.json("ledger", "verify", *database)["ok"] is True
    with sqlite3.connect("own.db") as db:
        db.execute("UPDATE ledger_account SET balance=balance+1 WHERE code='platform:fees'")
    db.close()
    assert "platform:fees usd: its total is" in shell("ledger", "verify", *database, status=1)
    assert shell.json("ledger", "verify", *database, status=1)["problems"][0]["where"] == "account platform:fees usd"
    assert shell.json("ledger", "trial-balance", *database, status=1)[0]["balanced"] is False


def test_an_empty_database(shell: Shell) -> None:
    assert shell("migrate", "--database", "sqlite:///new.db") == "sqlite:///new.db is up to date.\n"
    assert shell("ledger", "trial-balance", "--database", "sqlite:///new.db") == "Nothing has been booked yet.\n"
    assert "last hash: none" in shell("ledger", "verify", "--database", "sqlite:///new.db")


def test_a_file_that_is_no_database(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("no database at all" * 100)
    assert "not a database" in shell.troubled("ledger", "verify", "--database", "sqlite:///bad.db").what


# Keys -----------------------------------------------------------------------------


def test_keys_are_issued_listed_rolled_and_revoked(shell: Shell) -> None:
    live, test = shell.json("keys", "create", "--live", "--name", "shop"), shell.json("keys", "create")
    assert live["secret_key"].startswith("sk_live_") and test["publishable_key"].startswith("pk_test_")
    assert live["merchant"] == test["merchant"]
    text = shell("keys", "list")
    assert live["secret_key"] not in text and live["secret_key"][-4:] in text
    assert {key["name"] for key in shell.json("keys", "list")} == {"shop", ""}
    rolled = shell.json("keys", "roll", live["secret_key"])
    assert rolled["key"].startswith("sk_live_")
    assert "Revoked sk_test_" in shell("keys", "revoke", test["secret_key"][-4:])
    assert "No key in use" in shell.troubled("keys", "revoke", test["secret_key"]).what
    assert sum(key["revoked"] is not None for key in shell.json("keys", "list")) == 2
    assert (
        live["secret_key"].encode() not in Path("nostro.db").read_bytes() + Path("nostro.db-wal").read_bytes()
        if (Path("nostro.db-wal").exists())
        else live["secret_key"].encode() not in Path("nostro.db").read_bytes()
    )


def test_keys_of_several_merchants(shell: Shell) -> None:
    shell("keys", "create", "--merchant", "acct_one")
    shell("keys", "create", "--merchant", "acct_two")
    assert "--merchant acct_one | acct_two" in shell.troubled("keys", "create").then
    assert "no account id" in shell.troubled("keys", "create", "--merchant", "shop").what


# What needs no server -------------------------------------------------------------


def test_the_keys_of_a_directory_stay(shell: Shell) -> None:
    assert remembered() is None
    first = remember("http://127.0.0.1:1")
    assert remember("http://127.0.0.1:2").secret_key == first.secret_key
    assert remembered() == remember("http://127.0.0.1:2")
    assert Path(".nostro/dev.json").stat().st_mode & 0o077 == 0
    assert Path(".nostro/.gitignore").read_text() == "*\n"
    Path(".nostro/dev.json").write_text("{")
    assert remembered() is None


def test_reset_asks_first(shell: Shell) -> None:
    assert "nothing" in shell("reset")
    shell("migrate", "--database", "sqlite:///.nostro/dev.db")
    assert "Nothing was deleted" in shell("reset", input="n\n")
    assert Path(".nostro/dev.db").exists()
    assert "Deleted" in shell("reset", "--yes")
    assert not list(Path(".nostro").glob("dev.db*"))


def test_the_welcome_names_every_sdk() -> None:
    text = welcome("http://127.0.0.1:4242", "sk_test_a", "pk_test_a", "x.db")
    assert all(f"  {name} " in text for name in SDKS) and "{" not in text.replace("{'", "").split("Point")[0]
    assert "sk_test_a" in text and "pk_test_a" in text and "port: 4242" in text


def test_fixtures_are_events_of_the_contract() -> None:
    assert set(FIXTURES) <= EVENT_TYPES | {"payment_intent.requires_action"}


def test_parameters_become_brackets() -> None:
    params = {"a": 1, "b": {"c": [True, {"d": "x"}]}, "none": None}
    assert dict(flat(params)) == {"a": "1", "b[c][0]": "true", "b[c][1][d]": "x"}
