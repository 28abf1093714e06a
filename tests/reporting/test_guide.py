"""The guide to closing a month does as it says, line by line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from beancount import loader

from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from warm import warm

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "close-a-month.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_guide_does_as_it_says(nostro_server: Server, nostro: Sandbox, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, warm(Path(folder)) as bin:
        done = _run(nostro_server, nostro, tmp_path, bin)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr
    assert done.stdout.count("is as it was closed") == 2
    assert "\nrefused\n" in done.stdout and "books are closed" in done.stderr
    assert "entry,line,effective_at,account,currency,amount,amount_minor" in done.stdout
    _, errors, _ = loader.load_file(str(tmp_path / "month.beancount"))
    assert errors == []
    if hledger := shutil.which("hledger"):
        checked = subprocess.run([hledger, "-f", str(tmp_path / "month.journal"), "check", "--strict"],
                                 capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
        assert (checked.returncode, checked.stderr) == (0, "")


def _run(nostro_server: Server, nostro: Sandbox, tmp_path: Path, bin: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "NOSTRO_API_BASE": nostro.api_base, "NOSTRO_API_KEY": nostro.key, "NO_COLOR": "1",
        "NOSTRO_DATABASE": nostro_server.world.settings.database, "LC_ALL": "C.UTF-8", "no_proxy": "*",
        "PATH": os.pathsep.join([str(bin), str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.S)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.M)[1:]]
    commands = [re.sub(r"\\\n", " ", step).partition("\n")[0] for step in steps]
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(commands)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
