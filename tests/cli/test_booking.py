"""The commands that write to the ledger, and the page that shows them: every command of it is run as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "ledger-api.md"


def run(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["ledger", *words])
    if isinstance(done.exception, Trouble):
        raise done.exception
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


@pytest.fixture
def at(nostro: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A directory of its own, and a sandbox with a bank and a wallet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOSTRO_API_BASE", nostro.api_base)
    monkeypatch.setenv("NOSTRO_API_KEY", nostro.key)
    run("open", "app:bank", "--normal", "debit")
    run("open", "app:alice", "--never-negative")
    return nostro


def test_an_entry_is_booked_and_reversed(at: Sandbox) -> None:
    words = ["post", "--debit", "app:bank=500", "--credit", "app:alice=500", "--currency", "usd", "--json"]
    made = json.loads(run(*words, "--reference", "one"))
    assert json.loads(run(*words, "--reference", "one"))["id"] == made["id"]
    seen = json.loads(run(*words, "--dry-run"))
    assert seen["balances"][0]["after"] == 1000
    assert f"reverses {made['id']}" in run("reverse", made["id"])
    with pytest.raises(Trouble, match="was reversed by"):
        run("reverse", made["id"])
    with pytest.raises(Trouble, match="no line of an entry"):
        run("post", "--debit", "app:bank", "--credit", "app:alice=5")
    with pytest.raises(Trouble, match="needs its account and its rate"):
        run("post", "--debit", "app:bank=5", "--credit", "app:alice=5", "--rate", "usd/eur=1")


def test_a_dry_run_that_would_fail_exits_with_one(at: Sandbox) -> None:
    words = ["post", "--debit", "app:alice=5", "--credit", "app:bank=5", "--currency", "usd", "--dry-run"]
    assert "5 usd (minor units) below its floor" in run(*words, status=1)
    assert "Nothing was booked." in run("hold", "create", "app:alice", "5", "--dry-run", status=1)


def test_holds(at: Sandbox) -> None:
    run("post", "--debit", "app:bank=500", "--credit", "app:alice=500", "--currency", "usd")
    first = json.loads(run("hold", "create", "app:alice", "100", "--to", "app:bank", "--json"))
    second = json.loads(run("hold", "create", "app:alice", "50", "--json"))
    assert first["id"] in run("hold", "list", "--status", "held")
    assert run("hold", "post", first["id"], "--amount", "30") == "Posted 0.30 usd to app:bank.\n"
    assert run("hold", "void", second["id"]) == "Gave 0.50 usd back to app:alice.\n"
    assert {one["status"] for one in json.loads(run("hold", "list", "--json"))} == {"posted", "voided"}


def test_import(at: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.cli.bulk.PART", 3)
    head = "debit,credit,amount,currency,reference,description\n"
    rows = [f'app:bank,app:alice,{n},usd,r{n},"a\nb"\n' for n in range(1, 8)]
    Path("good.csv").write_text(head + "".join(rows))
    assert run("import", "good.csv") == "7 created\n"
    lines = [json.loads(line) for line in run("import", "good.csv", "--json").splitlines()]
    assert [(one["line"], one["status"]) for one in lines] == [(n, "existing") for n in range(3, 16, 2)]
    postings = [{"account": "app:alice", "amount": 27, "direction": "debit", "currency": "usd"},
                {"account": "app:bank", "amount": 27, "direction": "credit", "currency": "usd"}]  # fmt: skip
    line = json.dumps({"postings": postings}) + "\n"
    Path("spend.ndjson").write_text(line + "\n" + line)
    with pytest.raises(Trouble, match="below its floor"):
        run("import", "spend.ndjson", "--atomic")
    said = run("import", "spend.ndjson", status=1)
    assert "line 3: The account app:alice would stand 26 usd" in said and "1 created, 1 refused" in said
    assert "into a file of their own" in said
    Path("wrong.csv").write_text("debit,credit,amount,currency\n" + "app:bank,app:alice,x,usd\n" * 60)
    said = run("import", "wrong.csv", status=1)
    assert "line 2: amount: Invalid integer: x" in said and "line 51: " in said and "line 52: " not in said
    assert "... and 10 more" in said and said.endswith("60 refused\n")
    plain = "debit,credit,amount,currency\n" + "".join(f"app:bank,app:alice,{n},usd\n" for n in range(1, 8))
    Path("plain.csv").write_text(plain)
    assert run("import", "plain.csv") == "7 created\n"
    assert run("import", "plain.csv") == "7 existing\n"
    assert run("import", "plain.csv", "--reference", "once more") == "7 created\n"
    Path("x.txt").write_text("")
    with pytest.raises(Trouble, match="do not know what"):
        run("import", "x.txt")
    Path("empty.csv").write_text("")
    assert run("import", "empty.csv") == "No lines.\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_page_does_as_it_says(nostro_server: Server, nostro: Sandbox, tmp_path: Path) -> None:
    environment = {
        **os.environ, "NOSTRO_API_BASE": nostro.api_base, "NOSTRO_API_KEY": nostro.key, "NO_COLOR": "1",
        "NOSTRO_DATABASE": nostro_server.world.settings.database, "LC_ALL": "C.UTF-8", "no_proxy": "*",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.S)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.M)[1:]]
    wanted, script = [], []
    for n, step in enumerate(steps):
        command, _, shown = re.sub(r"\\\n", " ", step).partition("\n")
        script += [f"echo; echo '== {n}'", command]  # curl ends without a new line
        wanted.append((command, shown))
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    said = re.split(r"^== \d+\n", done.stdout, flags=re.M)[1:]
    for (command, shown), got in zip(wanted, said, strict=True):
        if shown:
            assert _plain(got) == _plain(shown), command


def _plain(text: str) -> list[str]:
    """Without ids, and whatever the widths of a table are on this terminal."""
    text = re.sub(r"\b(lacct|lent|lhold)_\w+", r"\1_...", text)
    lines = [" ".join(re.sub("[─━]+", "", line).split()) for line in text.splitlines()]
    return [line for line in lines if line]
