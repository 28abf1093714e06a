"""Every operation that the SDK has for the families of this release is routed, and the version is the SDK's."""

from __future__ import annotations

import re
from typing import Any

import pytest
import stripe

import contract
from nostro.api.versions import CURRENT

FAMILIES = (
    "account", "account_links", "account_sessions", "accounts", "balance", "balance_transactions", "charges",
    "confirmation_tokens", "country_specs", "customers", "disputes", "ephemeral_keys", "events", "file_links",
    "files", "mandates", "payment_intents", "payment_methods", "payouts", "refunds", "reporting", "reviews",
    "setup_attempts", "setup_intents", "tokens", "webhook_endpoints",
)  # fmt: skip
HELPERS = ("confirmation_tokens", "customers", "refunds")
OTHERS = "radar/early_fraud_warnings"
WANTED = re.compile(rf"^/v1/(({'|'.join(FAMILIES)})|test_helpers/({'|'.join(HELPERS)})|{OTHERS})(/|$)")


def test_every_operation_is_routed(server: Any) -> None:
    _, missing = contract.coverage(server.api_base, "sk_test_coverage")
    unrouted = [f"{method} {path}" for method, path in missing if WANTED.match(path)]
    assert unrouted == []


def test_the_version_is_the_pinned_sdks() -> None:
    assert stripe.api_version == CURRENT


@pytest.mark.parametrize("path", ["/docs", "/docs/api", "/docs/posting-rules", "/docs/error-codes", "/healthz"])
def test_pages_need_no_key(server: Any, path: str) -> None:
    import httpx

    assert httpx.get(server.api_base + path).status_code == 200
