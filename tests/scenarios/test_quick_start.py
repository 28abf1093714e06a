"""The README's quick start runs as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:12111"


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.S)


def test_the_first_payment(server: Any, tmp_path: Path) -> None:
    first = python_blocks(README.read_text())[0]
    assert ADDRESS in first
    script = tmp_path / "first_payment.py"
    script.write_text(first.replace(ADDRESS, server.api_base))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["succeeded", "succeeded pending"]


def test_the_pytest_fixture(server: Any, tmp_path: Path) -> None:
    """The test in the README passes in a project of its own."""
    test = python_blocks(README.read_text())[1]
    (tmp_path / "test_shop.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
