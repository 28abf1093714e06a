"""Expecting the API's errors, and reading the SDK's objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe


def fails(call: Callable[[], Any], code: str | None, param: str | None, status: int = 400) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        call()
    error = caught.value
    assert (error.http_status, error.code, getattr(error, "param", None)) == (status, code, param)
    return error


def plain(value: Any) -> Any:
    """A StripeObject as plain values."""
    return value.to_dict()


def types(sdk: stripe.StripeClient) -> list[str]:
    """The events so far, oldest first."""
    return [event.type for event in reversed(sdk.v1.events.list({"limit": 100}).data)]
