"""The page on reconciliation: every command of it is run as it stands, and says what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nostro.testing.server import Server
from warm import warm

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "reconciliation.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script, expected = ["set -e"], []
    for block in blocks:
        lines = block.replace("\\\n", "").splitlines()
        inside = False
        for line in lines:
            if line.startswith("$ "):
                script.append(line[2:])
                inside = "<<END" in line
            elif inside:
                script.append(line)
                inside = line != "END"
            else:
                expected.append(line)
    database = f"sqlite:///{tmp_path}/books.db"
    with tempfile.TemporaryDirectory() as folder, warm(Path(folder)) as bin, Server(database=database) as server:
        environment = {
            **os.environ, "NOSTRO_API_BASE": server.api_base, "NOSTRO_API_KEY": "sk_test_page",
            "NOSTRO_DATABASE": database,
            "PATH": os.pathsep.join([str(bin), str(Path(sys.executable).parent), os.environ["PATH"]]),
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.verify() == []
    for line in expected:
        pattern = re.escape(line).replace(r"\.\.\.", r"\S+")
        assert re.search(pattern, done.stdout), f"{line!r} is not in {done.stdout}"
