"""`nostro bank`, as people use it: one command after another, two at a time, killed in the middle, and as a server."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nostro.cli import bank_folder
from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.networks import nacha
from payments_of_bank import ach, entry


class Shell:
    def __call__(self, *words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["bank", *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done.output

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOSTRO_BANK", raising=False)
    Path("payouts.ach").write_bytes(ach(entry(1), entry(2, "Return R03"), entry(3, "Reject R13")))
    return Shell()


def test_a_whole_loop(shell: Shell) -> None:
    shell("open", "--from", "2026-11-16", "--account", "000900900900:usd:50.00")
    receipt = shell.json("take", "payouts.ach")
    assert (receipt["status"], receipt["orders"][0]["accepted"]) == ("partly_accepted", 2)
    assert Path("payouts.ach").exists(), "what is given stays where it is"
    news = shell.json("advance", "3d")
    (returned,) = [nacha.read(Path(file).read_bytes()) for file in news["files"] if file.endswith(".ach")]
    assert [entry.amount for entry in returned.batches[0].entries] == [1000]
    shell("deposit", "12.34", "--payer", "Jenny Rosen", "--reference", "INV-7")
    shell("advance", "2026-11-21")
    (account,) = shell.json("accounts")["data"]
    assert (account["balance"], account["statements"]) == (5000 - 2000 + 1000 + 1234, 5)
    lines = shell("statement", "--all").splitlines()
    assert [line.split(",")[4] for line in lines[1:]] == ["-1000", "-1000", "1000", "1234"]
    assert lines[-1].endswith("INV-7,transfer,,Jenny Rosen,,,,5234")


def test_without_opening_it_there_is_a_bank_and_a_refused_file_says_so(shell: Shell) -> None:
    text = shell("take", "payouts.ach")
    assert "2 payments, 20.00 usd" in text and "091000010000003: refused, R13 invalid bank" in text
    assert "rejected (R24: it was sent before)" in shell("take", "payouts.ach", status=1)
    assert [each["currency"] for each in shell.json("accounts")["data"]] == ["usd", "eur", "gbp"]


def test_a_command_that_was_killed_is_done_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written before the state is written again, the same; what was received is taken."""
    shell("open", "--from", "2026-11-16", "--seed", "3")
    shutil.copytree(".nostro/bank", "other")
    shell("take", "payouts.ach")
    shell("advance", "4d")
    with monkeypatch.context() as patch:
        patch.setattr(bank_folder.BankFolder, "save", dies)
        for words in (("take", "payouts.ach"), ("advance", "4d")):
            with pytest.raises(Killed):
                shell(*words, "--bank", "other")
    shell("advance", "4d", "--bank", "other")
    assert contents(Path("other")) == contents(Path(".nostro/bank"))


class Killed(Exception):
    pass


def dies(folder: bank_folder.BankFolder) -> None:
    raise Killed


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("open", "--returns", "two"), "no number"),
        (("open", "--returns", "200%"), "no rate"),
        (("open", "--account", "x:usd"), "no account"),
        (("open", "--from", "monday"), "no day"),
        (("advance", "soon"), "no time"),
        (("advance", "2020-01-01"), "has passed"),
        (("deposit", "1.005"), "no amount"),
        (("deposit", "1", "--account", "42"), "no account 42"),
        (("statement", "--number", "9"), "no statement 9"),
        (("statement", "--format", "xls"), "no xls"),
        (("statement", "--format", "bai2", "--all"), "cannot write this as bai2"),
    ],
)
def test_what_it_does_not_understand_it_says(shell: Shell, words: tuple[str, ...], what: str) -> None:
    shell("advance", "5d")
    with pytest.raises(Trouble, match=what) as caught:
        shell(*words)
    assert caught.value.then or what in ("no number",), "and what to do next"


def test_a_bank_is_opened_once(shell: Shell) -> None:
    shell("open")
    with pytest.raises(Trouble, match="already"):
        shell("open")


def test_served_it_takes_what_appears_and_answers_over_http(shell: Shell, tmp_path: Path) -> None:
    shell("open", "--from", "2026-11-16")
    outbox, inbox = tmp_path / "outbox", tmp_path / "inbox"
    command = [sys.executable, "-m", "nostro", "bank", "serve", "--outbox", "outbox", "--inbox", "inbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            (outbox / ".staged").mkdir()
            shutil.copyfile("payouts.ach", outbox / ".staged" / "payouts.ach.half")
            (outbox / "oa_1").mkdir()
            os.rename("payouts.ach", outbox / "oa_1" / "payouts.ach")
            wait(lambda: list(inbox.glob("*receipt.json")) and not list((outbox / "oa_1").iterdir()))
            assert (outbox / ".staged" / "payouts.ach.half").exists(), "what is not sent yet is left alone"
            shell("advance", "1h")  # beside it
            news = json.loads(post(f"{url}/advance?by=3d"))
            assert [Path(file).suffix for file in news["files"]] == [".ach"]
            assert list(inbox.glob("*returns.ach"))
            assert json.loads(post(f"{url}/files?name=../again", b"hello"))["reason"] == "unreadable"
            accounts = json.loads(urllib.request.urlopen(f"{url}/accounts").read())["data"]
            assert accounts[0]["balance"] == 100_000_000 - 1000
            assert urllib.request.urlopen(f"{url}/statement?number=1").read().count(b"\n") == 3
        finally:
            server.send_signal(signal.SIGTERM)
            said, _ = server.communicate(timeout=20)
    assert server.returncode == 0 and "payouts.ach: partly accepted" in said


def post(url: str, body: bytes = b"") -> bytes:
    found: bytes = urllib.request.urlopen(urllib.request.Request(url, body, method="POST")).read()
    return found


def wait(until: Any) -> None:
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def test_the_loop_of_the_documentation_runs(shell: Shell) -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "simulated-bank.md").read_text()
    commands = page.split("```sh\n")[1].split("```")[0].splitlines()
    said = [shell(*shlex.split(command)[2:]) for command in commands]
    assert len(said) == 5 and "RETURN R03" in said[3]
    assert sorted(file.name[8:] for file in Path(".nostro/bank/inbox").iterdir()) == [
        "receipt.json", "returns.ach", "returns.ach",
    ]  # fmt: skip
