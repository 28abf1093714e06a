"""The official Node SDK, as its users write it."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import contract

HERE = Path(__file__).resolve().parents[1] / "node"


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
@pytest.mark.parametrize("scenario", ["scenario", "marketplace"])
def test_what_is_written_in_node(server: Any, scenario: str) -> None:
    address = urlsplit(server.api_base)
    command = ["node", str(HERE / f"{scenario}.mjs"), str(address.hostname), str(address.port)]
    key = f"sk_test_node{secrets.token_hex(6)}"
    done = subprocess.run([*command, key], capture_output=True, text=True, timeout=120, check=False, cwd=HERE)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr.strip().endswith("done")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) >= 8
    assert [problem for answer in answers for problem in contract.problems(answer)] == []
