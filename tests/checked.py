"""The SDK's own HTTP clients, with every answer held against the contract and against our own OpenAPI document.

What is not as declared fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

import document
from contract import problems

# Objects that are beyond Stripe's API, so that the SDK declares nothing of them.
OWN = {
    "balance.adjustment", "balance.advance", "balance.availability", "balance.conversion", "balance.policy",
    "bank_answer", "bank_file", "bulk_payout", "fx_quote", "fx_revaluation", "fx_table",
    "originating_account", "payment_instruction",
    "sandbox", "webhook_delivery", "request_log", "ledger.account", "ledger.balance",
    "ledger.dry_run", "ledger.entry", "ledger.hold", "ledger.statement",
    "report.account_lines", "report.balance_sheet", "report.income_statement", "report.period", "report.proof",
    "report.trial_balance",
    "reconciliation.account", "reconciliation.break", "reconciliation.day", "reconciliation.day_check",
    "reconciliation.line", "reconciliation.match", "reconciliation.rule", "reconciliation.run",
    "reconciliation.statement",
}  # fmt: skip
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
ERROR_TEXTS = {
    "advice_code", "charge", "code", "decline_code", "doc_url", "message", "network_advice_code",
    "network_decline_code", "param", "payment_method_type", "request_log_url", "type",
}  # fmt: skip
ERROR_OBJECTS = {"payment_intent", "payment_method", "setup_intent", "source"}


class CheckedRequests(stripe.RequestsClient):
    """For the methods of a `StripeClient`."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        body, status, headers = super().request(method, url, *args, **kwargs)
        check(body, status, headers)
        check_document(method, url, status, body)
        return body, status, headers


class CheckedHttpx(stripe.HTTPXClient):
    """For its methods that end in `_async`."""

    async def request_async(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        body, status, headers = await super().request_async(method, url, *args, **kwargs)
        check(body, status, headers)
        check_document(method, url, status, body)
        return body, status, headers


def check(body: bytes | str, status: int, headers: Mapping[str, str]) -> None:
    assert status < 500, f"{status}: {body!r}"
    assert headers.get("request-id", "").startswith("req_"), headers
    if not headers.get("content-type", "").startswith("application/json"):
        return
    wire = json.loads(body)
    found = _of_error(wire) if status >= 400 else _of_answer(wire)
    assert not found, "\n".join(found)


def check_document(method: str, url: str, status: int, body: bytes | str) -> None:
    found = document.problems(method, urlsplit(url).path, status, body)
    assert not found, "\n".join(found)


def _of_answer(wire: dict[str, Any]) -> list[str]:
    data = wire.get("data") if wire.get("object") in ("list", "search_result") else None
    if wire.get("object") in OWN or (data and data[0].get("object") in OWN):
        return []
    if isinstance(data, list):
        data = [one for one in data if not _own_event(one)]
        wire = {**wire, "data": data}
    elif _own_event(wire):
        return []
    found = problems(wire)
    for one in data if isinstance(data, list) else [wire]:
        if one.get("object") == "event":
            found += [f"{one['type']}: {problem}" for problem in problems(one["data"]["object"])]
    return found


def _own_event(one: Any) -> bool:
    """An event about an object of ours, whose type the SDK does not know."""
    return bool(one.get("object") == "event" and one["data"]["object"].get("object") in OWN)


def _of_error(wire: dict[str, Any]) -> list[str]:
    error = wire["error"]
    found = [] if error.get("type") in ERROR_TYPES else [f"the error's type is {error.get('type')!r}"]
    found += [f"the error has an undeclared field {name!r}" for name in error.keys() - ERROR_TEXTS - ERROR_OBJECTS]
    found += [f"the error's {name} is no text" for name in error.keys() & ERROR_TEXTS if type(error[name]) is not str]
    for name in error.keys() & ERROR_OBJECTS:
        found += problems(error[name], f"error.{name}")
    return found
