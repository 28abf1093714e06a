"""The operations page does as it says: its console examples are run, on a file and on a PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copied import Nostro, Shop
from postgresql import database

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "backup.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_its_examples_run(nostro: Nostro, shop: Shop, postgresql: str, tmp_path: Path) -> None:
    shop.file.rename(tmp_path / "nostro.db")
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.S)
    commands = re.findall(r"^\$ (.*)$", "".join(blocks), re.M)
    assert len(commands) > 8
    with database(postgresql) as old, database(postgresql) as new:
        nostro("copy", "--from", "sqlite:///nostro.db", "--to", old)
        script = "\n".join(commands)
        for host, url in (("db", old), ("new", new)):
            script = script.replace(f"postgresql://nostro@{host}/nostro", f"'{url}'")
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("The books are right.") == 7 and "is whole and right" in done.stdout
