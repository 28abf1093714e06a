"""Every operation of our OpenAPI document, with data that it allows and data that it does not, made by schemathesis.

Whatever is sent, the answer comes in time, is never a 500, and is as the document says. What the document allows is
never an unknown parameter, and an undeclared parameter is always refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet

from document import DOCUMENT, problems
from fuzzing import TRIED, Got, Running, cases

OPERATIONS = {found.ok().label: found.ok() for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()}
FORM = "application/x-www-form-urlencoded"
ERROR = {"4XX", "503"}
# What right values look like, so that some calls get past the first check.
RIGHT: dict[str, Any] = {
    "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true", "source": "tok_visa",
    "payment_method_types": ["card"], "return_url": "https://shop.test/", "email": "a@b.test", "type": "card",
    "query": "created>0", "country": "US", "account_number": "000123456789", "routing_number": "110000000",
    "outcome": "succeed", "enabled_events": ["*"], "purpose": "dispute_evidence", "seconds": 86_400,
}  # fmt: skip
KEY = "sk_test_operations"
odd = st.one_of(st.text(max_size=30), st.sampled_from(["\0", "a\0b", "", " ", "..", "%00", "'", "é" * 200, "x" * 9000]))
PLACES = [
    "GET /v1/customers/ID",
    "POST /v1/customers/ID",
    "DELETE /v1/customers/ID",
    "POST /v1/payment_intents/ID/confirm",
    "GET /v1/customers/ID/sources/ID",
    "GET /v1/ledger/accounts/ID",
    "GET /v1/ledger/entries/ID",
    "GET /v1/events/ID/deliveries",
    "GET /links/ID",
    "GET /docs/ID",
    "GET /ID",
    "GET /v1/ID",
    "PUT /v1/customers/ID",
    "ID /v1/customers",
    "POST /v1/customers",
]
READ = [
    "authorization",
    "idempotency-key",
    "stripe-version",
    "stripe-account",
    "content-type",
    "if-none-match",
    "cookie",
]


class Pool:
    """Real objects, for the paths and for parameters that name one."""

    def __init__(self, running: Running) -> None:
        self.ids: dict[str, list[str]] = {}
        self._running = running
        card = {"amount": 2000, "currency": "usd", "payment_method_types[]": "card"}
        paid = {**card, "payment_method": "pm_card_bypassPending", "confirm": "true"}
        customer = self._make("/v1/customers", {"email": "a@b.test"})
        intent = self._make("/v1/payment_intents", {**paid, "customer": customer["id"]})
        self._make("/v1/payment_intents", {**paid, "payment_method": "pm_card_createDispute"})
        self._make("/v1/payment_intents", {**card, "payment_method": "pm_card_visa"})
        self._make("/v1/payment_intents", {**paid, "payment_method": "pm_card_visa", "capture_method": "manual"})
        self._make("/v1/setup_intents", {"payment_method": "pm_card_visa", "payment_method_types[]": "card"})
        self._make("/v1/refunds", {"payment_intent": intent["id"], "amount": 5})
        self._make("/v1/payouts", {"amount": 100, "currency": "usd"})
        self._make("/v1/tax_ids", {"type": "eu_vat", "value": "DE123456789"})
        self._make(f"/v1/customers/{customer['id']}/sources", {"source": "tok_visa"})
        self._make("/v1/test_helpers/confirmation_tokens", {"payment_method": "pm_card_visa"})
        for code, side in (("app:bank", "debit"), ("app:wallet", "credit")):
            self._make("/v1/ledger/accounts", {"code": code, "currency": "usd", "normal_balance": side})
        self._make("/v1/ledger/holds", {"account": "app:wallet", "to": "app:bank", "amount": 1, "currency": "usd"})
        running.send("POST", "/v1/test_helpers/sandbox/settle", key=KEY)
        for path in ("disputes", "events", "charges"):
            for one in json.loads(running.send("GET", f"/v1/{path}", key=KEY).body)["data"]:
                self.learn(one)

    def _make(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        got = self._running.send("POST", path, body=urlencode(form).encode(), key=KEY)
        wire: dict[str, Any] = json.loads(got.body)
        self.learn(wire)
        return wire

    def learn(self, wire: dict[str, Any]) -> None:
        if isinstance(wire.get("id"), str) and isinstance(wire.get("object"), str):
            self.ids.setdefault(wire["object"].rpartition(".")[2], []).append(wire["id"])

    def one(self, name: str, path: str, random: Random) -> str | None:
        """An id for a place of this name in a path: `{id}` is of what stands before it."""
        before = path.partition(f"/{{{name}}}")[0].rpartition("/")[2].rstrip("s")
        ids = self.ids.get(before if name == "id" else name, self.ids.get(before, []))
        return random.choice(ids[-8:]) if ids else None


@pytest.fixture(scope="module")
def pool(running: Running) -> Pool:
    return Pool(running)


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Any JSON value as a form would carry it, also what our own encoder refuses to write."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(f"{name}[{key}]", inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from flat(f"{name}[{index}]", inner)
    else:
        yield name, {True: "true", False: "false", None: ""}.get(value, str(value)) if _plain(value) else ""


def _plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def encoded(fields: Any) -> bytes:
    pairs = [pair for name, value in fields.items() for pair in flat(name, value)]
    return "&".join(f"{_quoted(name)}={_quoted(text)}" for name, text in pairs).encode()


def _quoted(text: str) -> str:
    return quote(text, errors="replace")


def improved(fields: Any, declared: dict[str, Any], required: list[str], random: Random) -> Any:
    """Some values replaced by right ones, so that a call reaches further."""
    if not isinstance(fields, dict) or random.random() < 0.4:
        return fields
    keep = {name: value for name, value in fields.items() if name in required or random.random() < 0.3}
    right = {name: RIGHT[name] for name in RIGHT if name in declared and (name in required or random.random() < 0.4)}
    return {**keep, **right}


def body_of(case: Any, random: Random) -> tuple[bytes, str]:
    operation = DOCUMENT["paths"][case.operation.path][case.method.lower()]
    if isinstance(case.body, NotSet):
        return b"", ""
    media = case.media_type or FORM
    if media == FORM and isinstance(case.body, dict):
        schema = operation["requestBody"]["content"][FORM]["schema"]
        return encoded(improved(case.body, schema["properties"], schema["required"], random)), FORM
    if media == "multipart/form-data" and isinstance(case.body, dict):
        parts = b"".join(
            b'--frontier\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % (quote(name).encode(), b'; filename="f.png"' if name == "file" else b"", _bytes(value))
            for name, value in case.body.items()
        )
        return parts + b"--frontier--\r\n", "multipart/form-data; boundary=frontier"
    return _bytes(case.body), media


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def call(running: Running, pool: Pool, case: Any, random: Random) -> tuple[Got, str, bytes, bytes]:
    operation = DOCUMENT["paths"][case.operation.path][case.method.lower()]
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        real = pool.one(name, case.operation.path, random) if random.random() < 0.8 else None
        path = path.replace(f"{{{name}}}", real or str(value).replace("/", "|"))
    query = case.query if isinstance(case.query, dict) else {}
    if query:
        fields = [field for field in operation["parameters"] if field.get("in") == "query"]
        named = {field["name"]: field["schema"] for field in fields}
        query = improved(query, named, [field["name"] for field in fields if field.get("required")], random)
    body, media = body_of(case, random)
    headers = {k: v for k, v in (case.headers or {}).items() if isinstance(v, str)} if random.random() < 0.2 else {}
    headers = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
    if media:
        headers["content-type"] = media
    text = encoded(query)
    return running.send(case.method, path, query=text, headers=headers, body=body, key=KEY), path, text, body


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_any_data_gets_an_answer_as_declared(running: Running, pool: Pool, label: str, mode: str) -> None:
    operation = OPERATIONS[label]
    if label == "POST /v1/test_helpers/sandbox/advance" and mode == "positive":
        pytest.skip("time moves by years: what that does, the tests of sandboxes show")

    @given(operation.as_strategy(generation_mode=GenerationMode(mode)), st.integers(0, 2**32 - 1))
    @cases(3)
    def check(case: Any, seed: int) -> None:
        got, path, query, body = call(running, pool, case, Random(seed))
        said = f"{case.method} {path}?{query!r} {body!r}: {got.status} {got.body[:2000]!r}"
        assert got.status == 200 or 400 <= got.status < 500, said
        kind = got.headers[b"content-type"]
        declared = DOCUMENT["paths"][operation.path][case.method.lower()]["responses"]["200"]["content"]
        assert "*/*" in declared or kind.decode() in {*declared, "application/json"}, said
        if kind == b"application/json":
            assert problems(case.method, path, got.status, got.body) == [], said
            wire = json.loads(got.body)
            if mode == "positive" and got.status >= 400 and "[" not in wire["error"].get("param", ""):
                assert wire["error"].get("code") != "parameter_unknown", said  # inside a hash the rail knows the names
            if got.status == 200:
                pool.learn(wire)
                TRIED["accepted"] += 1

    check()
    TRIED["operations"] += mode == "positive"


def test_a_path_and_headers_of_any_text(running: Running, pool: Pool) -> None:
    """What comes outside the parameters: ids in the path, and the headers that the API reads."""

    @given(st.sampled_from(PLACES), odd, st.dictionaries(st.sampled_from(READ), odd, max_size=3))
    @cases(150)
    def check(place: str, text: str, headers: dict[str, str]) -> None:
        method, _, path = place.partition(" ")
        given_headers = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
        got = running.send(method, path.replace("ID", text), headers=given_headers, key=KEY)
        assert 200 <= got.status < 500, (method, path, text, headers, got)

    check()
