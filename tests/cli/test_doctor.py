"""`nostro doctor` and `nostro config`: what they say of a place that is well and of one that is not."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import stripe
from typer.testing import CliRunner

from nostro.cli import check_machine
from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.storage.schema import newest
from nostro.testing.server import Server
from postgresql import database
from redis_server import RedisServer, needed


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("NOSTRO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NOSTRO_PORT", "0")
    return tmp_path


def run(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def examine(*words: str, status: int = 0) -> dict[str, list[tuple[str, str]]]:
    """The level and the text of what each check found."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(run("doctor", *words, "--json", status=status))["checks"]:
        found.setdefault(one["check"], []).append((one["level"], one["what"]))
        assert bool(one["then"]) == (one["level"] in ("warning", "failed")), "what is wrong needs a remedy"
    return found


def spoil(file: Path, *statements: str) -> None:
    with sqlite3.connect(file) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


@pytest.fixture
def books(place: Path) -> Path:
    """A database at rest, in which something was paid."""
    with Server() as server:
        box = server.sandbox("sk_test_doctor")
        client = box.client_of(box.key)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["refund.created"]})
        form: Any = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        client.v1.payment_intents.create(form)
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.create({**form, "payment_method": "pm_card_chargeDeclined"})
        file = server.database
        server.run(server.app.api.log.flush())
        server.run(server.world.engine.rows("PRAGMA wal_checkpoint(TRUNCATE)"))
        (place / "nostro.db").write_bytes(file.read_bytes())
    (place / "nostro.db").chmod(0o600)
    return place / "nostro.db"


def test_before_the_first_start(place: Path) -> None:
    found = examine()
    assert found["reachable"] == [("warning", "There is no database at nostro.db yet.")]
    assert found["python"][0][0] == found["port"][0][0] == "ok" and "chain" not in found
    assert list(place.iterdir()) == []


def test_a_place_that_is_well_and_nothing_is_changed(books: Path) -> None:
    before = hashlib.sha256(books.read_bytes()).hexdigest(), sorted(books.parent.iterdir())
    found = examine()
    assert {level for name, all in found.items() for level, _ in all if name != "reachable_endpoints"} == {"ok", "note"}
    assert "(1 entries)" in found["chain"][0][1] and found["request_logs"][0][1].startswith("3 requests")
    assert found["reachable_endpoints"][0][0] == "warning" and "not reached" in found["reachable_endpoints"][0][1]
    assert "→ Is it running?" in run("doctor")
    assert before == (hashlib.sha256(books.read_bytes()).hexdigest(), sorted(books.parent.iterdir()))


def test_what_is_wrong_with_the_data_is_found(books: Path) -> None:
    spoil(
        books,
        "INSERT INTO job VALUES (1, 'refund.settle', 're_1', 1, 3, 'OSError: no disk', 0, 0)",
        "INSERT INTO delivery VALUES (1, 'evt_1', 'we_gone', 'pending', 1, 4, 4)",
        "INSERT INTO api_key VALUES ('h', 1, 'secret', 'sk_live_********abcd', 'old shop', 1, NULL)",
        "UPDATE ledger_entry SET postings=replace(postings, '2000', '2001')",
    )
    books.chmod(0o644)
    found = examine(status=1)
    assert found["chain"] == [("failed", "Link 1 of the hash chain does not fit its entries, 1 to 1.")]
    assert [level for level, _ in found["jobs"]] == ["warning", "warning"]
    assert "refund.settle about re_1 failed 3 times: OSError: no disk" in found["jobs"][1][1]
    assert "1 webhooks are overdue" in found["deliveries"][0][1]
    assert "1 events wait for we_gone (deleted)" in found["failing_endpoints"][0][1]
    assert "sk_live_********abcd old shop" in found["keys"][0][1]
    assert found["permissions"][0][0] == "warning"


def test_an_entry_ahead_of_the_clock(books: Path) -> None:
    spoil(books, "UPDATE ledger_chain SET recorded=recorded+3600000000")
    assert "ahead of this clock" in examine(status=1)["clocks"][0][1]


def test_a_database_of_another_version(books: Path) -> None:
    spoil(books, "PRAGMA user_version=5")
    found = examine()
    assert found["migrations"][0] == ("warning", f"Migrations 6 to {newest()} are still to be made.")
    assert "chain" not in found
    spoil(books, "PRAGMA user_version=99")
    assert examine(status=1)["migrations"][0][0] == "failed"


def test_a_file_that_is_no_database(place: Path) -> None:
    (place / "nostro.db").write_bytes(b"not a database" * 100)
    assert examine(status=1)["reachable"][0][0] == "failed"


def test_settings_that_are_wrong_and_the_rest_all_the_same(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOSTRO_PORT", "http")
    monkeypatch.setenv("NOSTRO_LOG_DAYS", "-1")
    monkeypatch.setenv("NOSTRO_DATABSE", "x")
    found = examine(status=1)
    assert [level for level, _ in found["settings"]] == ["failed", "failed", "warning"]
    assert found["chain"][0][0] == "ok"
    with pytest.raises(Trouble) as caught:
        run("serve")
    assert "NOSTRO_PORT is 'http'" in caught.value.what and "NOSTRO_LOG_DAYS is '-1'" in caught.value.what


def test_a_port_that_is_taken(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        (place / "nostro.toml").write_text(f"port = {other.getsockname()[1]}")
        os.environ.pop("NOSTRO_PORT")
        assert examine(status=1)["port"][0][0] == "failed"
    with Server() as server:
        (place / "nostro.toml").write_text(f"port = {server.api_base.rpartition(':')[2]}")
        assert examine()["port"][0] == ("ok", f"A Nostro server answers on port {server.api_base.rpartition(':')[2]}.")


def test_backups_by_age(place: Path) -> None:
    folder = place / "kept"
    folder.mkdir()
    assert examine("--backups", "kept", status=1)["backups"][0][0] == "failed"
    (folder / "one").touch()
    assert examine("--backups", "kept")["backups"][0][0] == "ok"
    os.utime(folder / "one", (1, 1))
    assert examine("--backups", "kept")["backups"][0][0] == "warning"


def test_postgresql_that_may_lose_money(postgresql: str) -> None:
    with database(postgresql) as url, Server(database=url):
        found = examine("--database", url, status=1)
    assert [text.partition(" is off")[0] for level, text in found["durable"] if level == "failed"] == [
        "fsync", "full_page_writes",
    ]  # fmt: skip
    good = {
        name: [level for level, _ in found[name]] for name in ("reachable", "writable", "connections", "migrations")
    }
    assert set(map(tuple, good.values())) == {("ok",)} and found["chain"][0][0] == "ok"
    assert found["clocks"][0][0] == "ok"
    assert examine("--database", "postgresql://127.0.0.1:1/none", status=1)["reachable"][0][0] == "failed"


@needed
def test_redis(postgresql: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    there = RedisServer(tmp_path_factory.mktemp("r"))
    monkeypatch.setenv("NOSTRO_REDIS", there.url)
    try:
        assert examine()["redis"][0][1].endswith("it is not used."), "an SQLite file has one worker"
        with database(postgresql) as url:
            found = examine("--database", url, status=1)["redis"]
            assert found[0][0] == "ok" and found[0][1].startswith("Redis ")
            there.stop()
            assert examine("--database", url, status=1)["redis"][0][0] == "warning", "a server would do without it"
            monkeypatch.setattr(check_machine, "find_spec", lambda _: None)
            assert examine("--database", url, status=1)["redis"][0][0] == "failed"
            monkeypatch.setenv("NOSTRO_REDIS", "localhost:6379")
            assert "NOSTRO_REDIS is 'localhost:6379'" in examine("--database", url, status=1)["settings"][0][1]
    finally:
        there.stop()


def test_config_shows_where_each_value_comes_from(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "nostro.toml").write_text(
        'host = "0.0.0.0"\ndatabase = "postgresql://me:hunter2@db/x"\n[fees]\nfixed = 1\n'
    )
    found = {one["name"]: one for one in json.loads(run("config", "--json"))}
    assert (found["host"]["value"], found["host"]["source"]) == ("0.0.0.0", "host in nostro.toml")
    assert (found["port"]["value"], found["port"]["source"]) == (0, "NOSTRO_PORT")
    assert (found["fees.fixed"]["value"], found["log_days"]["source"]) == (1, "default")
    assert "hunter2" not in run("config") and found["database"]["value"] == "postgresql://me:********@db/x"
    found = {one["name"]: one for one in json.loads(run("config", "--dev", "--json"))}
    assert (found["log_days"]["value"], found["log_days"]["source"]) == (7, "nostro dev")


def test_the_commands_on_the_database_take_the_files(place: Path) -> None:
    (place / "nostro.toml").write_text('database = "sqlite:///here.db"\n')
    run("migrate")
    run("keys", "create")
    assert len(json.loads(run("keys", "list", "--json"))) == 2
    assert "The books are right" in run("ledger", "verify")
    assert {file.name.partition("-")[0] for file in place.iterdir()} == {"here.db", "nostro.toml"}
    (place / "nostro.toml").write_text("port = = 1")
    with pytest.raises(Trouble, match="no TOML"):
        run("migrate")
