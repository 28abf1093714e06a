"""The page about balances does as it says: its examples are run one after another, in one sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import stripe

from nostro.testing.sandbox import Sandbox

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "balances.md"


def test_every_example_runs(nostro: Sandbox, client: stripe.StripeClient) -> None:
    known: dict[str, Any] = {"client": client, "nostro": nostro}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(examples) >= 7
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), known)
