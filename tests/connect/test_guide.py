"""The guide's example is run as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import stripe

from nostro.testing.sandbox import Sandbox

GUIDE = Path(__file__).parents[2] / "docs" / "concepts" / "connected-accounts.md"


def test_the_guides_example(client: stripe.StripeClient, nostro: Sandbox) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    assert len(blocks) >= 4
    names: dict[str, Any] = {"client": client, "nostro": nostro}
    exec(compile("\n".join(blocks), str(GUIDE), "exec"), names)
