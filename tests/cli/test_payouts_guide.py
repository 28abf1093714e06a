"""`nostro payouts`, and the guide whose commands are run as they stand."""

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

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "pay-out-through-your-own-bank.md"
HEAD = "reference,amount,currency,routing_number,account_number\n"


def run(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["payouts", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def at(nostro: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOSTRO_API_BASE", nostro.api_base)
    monkeypatch.setenv("NOSTRO_API_KEY", nostro.key)
    nostro.request("POST", "/v1/charges", {"amount": 100_000, "currency": "usd", "source": "tok_bypassPending"})
    nostro.request("POST", "/v1/originating_accounts", {
        "format": "nacha", "approval": "none", "nacha[company_id]": "1", "nacha[company_name]": "M",
        "nacha[routing_number]": "110000000"})  # fmt: skip
    return nostro


def test_a_file_of_payouts_goes_on_where_it_was(at: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.cli.payouts.PART", 3)
    good = [f"r{n},{n},usd,021000021,55{n}\n" for n in range(1, 8)]
    Path("rows.csv").write_text(HEAD + "".join(good))
    assert run("bulk", "rows.csv", "--dry-run", "--reference", "nov") == "7 valid\n"
    Path("half.csv").write_text(HEAD + "".join(good[:4]))
    assert run("bulk", "half.csv", "--reference", "nov") == "4 created\n"
    assert run("bulk", "rows.csv", "--reference", "nov") == "3 created, 4 existing\n"
    lines = [json.loads(line) for line in run("bulk", "rows.csv", "--reference", "nov", "--json").splitlines()]
    assert [(one["line"], one["status"]) for one in lines] == [(n, "existing") for n in range(2, 9)]
    Path("wrong.csv").write_text(HEAD + good[0].replace("021000021", "021000022"))
    assert "line 2: The last digit of the routing number" in run("bulk", "wrong.csv", status=1)
    Path("x.txt").write_text("")
    with pytest.raises(Trouble, match="do not know what"):
        run("bulk", "x.txt")
    Path("head.csv").write_text("reference,price\na,1\n")
    with pytest.raises(Trouble, match="names the columns"):
        run("bulk", "head.csv")


def test_files_are_listed_withdrawn_and_answers_read(at: Sandbox) -> None:
    account = at.request("GET", "/v1/originating_accounts")["data"][0]["id"]
    with pytest.raises(Trouble, match="Nothing is due"):
        run("build", account)
    Path("rows.csv").write_text(HEAD + "a,500,usd,021000021,55\n")
    run("bulk", "rows.csv")
    at.advance(days=4)
    [file] = json.loads(run("files", "--json"))
    assert "built" in run("files") and "5.00 usd" in run("files")
    with pytest.raises(Trouble, match="cannot be sent again"):
        run("resend", file["id"], "--reason", "lost")
    assert run("withdraw", file["id"], "--reason", "wrong") == f"Withdrew {file['id']}; its 1 payments fail.\n"
    assert json.loads(run("aside", "--json")) == [], "all of them could be written"
    Path("noise.ach").write_text("101 not a file\n")
    with pytest.raises(Trouble, match="Nothing of it was taken"):
        run("ingest", "noise.ach")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_guide_does_as_it_says(nostro_server: Server, nostro: Sandbox, tmp_path: Path) -> None:
    environment = {
        **os.environ, "NOSTRO_API_BASE": nostro.api_base, "NOSTRO_API_KEY": nostro.key, "NO_COLOR": "1",
        "NOSTRO_DATABASE": nostro_server.world.settings.database, "LC_ALL": "C.UTF-8", "no_proxy": "*",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    steps = [
        step.partition("\n")
        for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
        for step in re.split(r"^\$ ", re.sub(r"\\\n", " ", block), flags=re.MULTILINE)[1:]
    ]
    script = "\n".join(f"echo '== {n}'\n{command}" for n, (command, _, _) in enumerate(steps))
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    said = re.split(r"^== \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    for (command, _, shown), got in zip(steps, said, strict=True):
        assert re.sub(r"\b(bf|ban)_\w+", r"\1_...", got) == shown, command
