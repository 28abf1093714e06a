"""Connected accounts as tests open them, and what makes one complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

Open = Callable[..., Any]
BOTH = {"card_payments": {"requested": True}, "transfers": {"requested": True}}


@pytest.fixture
def open_account(client: stripe.StripeClient) -> Open:
    """A custom account that wants to take cards and transfers, with what else is given."""

    def open(**given: Any) -> Any:
        form: Any = {"type": "custom", "country": "US", "capabilities": BOTH, **given}
        return client.v1.accounts.create(form)

    return open
