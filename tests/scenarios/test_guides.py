"""The guides run as they are written, and print what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GUIDES = sorted((Path(__file__).resolve().parents[2] / "docs" / "guides").glob("marketplace.md"))
ADDRESS, KEY = "http://127.0.0.1:12111", "sk_test_marketplace"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_says_what_comes_out(guide: Path, server: Any, nostro: Any, tmp_path: Path) -> None:
    text = guide.read_text()
    code = "".join(re.findall(r"```python\n(.*?)```", text, re.S))
    assert ADDRESS in code and KEY in code
    script = tmp_path / "guide.py"
    script.write_text(code.replace(ADDRESS, server.api_base).replace(KEY, nostro.key))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(re.findall(r"```text\n(.*?)```", text, re.S))
