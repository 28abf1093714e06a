"""The example on the page about bank files runs."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "bank-files.md"


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "camt.read(received)" in example
    exec(compile(example, str(PAGE), "exec"), {})
