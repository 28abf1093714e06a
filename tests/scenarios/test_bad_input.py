"""Whatever a caller sends wrong gets the status and error that the SDKs turn into the right exception."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture
def http(server: Any) -> Iterator[httpx.Client]:
    """A caller with a sandbox of its own and no SDK in between."""
    key = f"sk_test_{secrets.token_hex(8)}"
    with httpx.Client(base_url=server.api_base, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


def error(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    return found


def everything(http: httpx.Client) -> list[Any]:
    """What the sandbox holds: nothing may be written by a refused request."""
    paths = ("payment_intents", "charges", "payment_methods", "events", "balance_transactions")
    return [item["id"] for path in paths for item in http.get(f"/v1/{path}").json()["data"]]


FORM = {"content-type": "application/x-www-form-urlencoded"}
GOOD = {"amount": "2000", "currency": "usd"}
REFUSED: list[tuple[str, dict[str, str], str | None, str | None]] = [
    ("unknown", {**GOOD, "amonut": "1"}, "parameter_unknown", "amonut"),
    ("unknown nested", {**GOOD, "shipping[nme]": "x"}, "parameter_unknown", "shipping[nme]"),
    ("unknown in a rail", {**GOOD, "payment_method_options[card][zz]": "x"}, "parameter_unknown",
     "payment_method_options[card][zz]"),
    ("unknown rail", {**GOOD, "payment_method_types[]": "carrier_pigeon"}, None, "payment_method_types[0]"),
    ("missing", {"currency": "usd"}, "parameter_missing", "amount"),
    ("mistyped", {**GOOD, "amount": "lots"}, "parameter_invalid_integer", "amount"),
    ("fraction", {**GOOD, "amount": "10.5"}, "parameter_invalid_integer", "amount"),
    ("zero", {**GOOD, "amount": "0"}, "parameter_invalid_integer", "amount"),
    ("negative", {**GOOD, "amount": "-5"}, "parameter_invalid_integer", "amount"),
    ("huge", {**GOOD, "amount": "999999999999999999999999"}, None, "amount"),
    ("too small", {**GOOD, "amount": "1"}, "amount_too_small", "amount"),
    ("too large", {**GOOD, "amount": "100000000"}, "amount_too_large", "amount"),
    ("no such currency", {**GOOD, "currency": "zzz"}, None, "currency"),
    ("not a choice", {**GOOD, "capture_method": "sometimes"}, None, "capture_method"),
    ("not a boolean", {**GOOD, "confirm": "maybe"}, None, "confirm"),
    ("not an array", {**GOOD, "payment_method_types": "card"}, None, "payment_method_types"),
    ("not an object", {**GOOD, "shipping": "here"}, None, "shipping"),
    ("exclusive", {**GOOD, "payment_method_types[]": "card", "automatic_payment_methods[enabled]": "true"},
     "parameters_exclusive", None),
    ("unknown customer", {**GOOD, "customer": "cus_nobody"}, "resource_missing", "customer"),
    ("unknown method", {**GOOD, "payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ("only with confirm", {**GOOD, "off_session": "true"}, None, "off_session"),
    ("confirm without method", {**GOOD, "confirm": "true"}, "payment_intent_unexpected_state", None),
    ("metadata key too long", {**GOOD, f"metadata[{'k' * 41}]": "v"}, None, "metadata"),
    ("metadata value too long", {**GOOD, "metadata[k]": "v" * 501}, None, "metadata[k]"),
    ("too many metadata keys", {**GOOD, **{f"metadata[k{n}]": "v" for n in range(51)}}, None, "metadata"),
    ("twenty levels of brackets", {**GOOD, "metadata" + "[a]" * 20: "x"}, None, None),
    ("expand what cannot be", {**GOOD, "expand[]": "amount.currency"}, None, "expand"),
    ("expand five levels", {**GOOD, "expand[]": "a.b.c.d.e"}, None, "expand"),
    ("empty amount", {**GOOD, "amount": ""}, "parameter_invalid_empty", "amount"),
    ("descriptor", {**GOOD, "statement_descriptor": "<script>"}, "invalid_characters", "statement_descriptor"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "code", "param"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_parameter_is_named_and_nothing_is_written(
    http: httpx.Client, form: dict[str, str], code: str | None, param: str | None
) -> None:
    response = http.post("/v1/payment_intents", data=form)
    assert response.status_code == 400, response.text
    found = error(response)
    assert found["type"] == "invalid_request_error"
    assert found["message"]
    if code:
        assert found["code"] == code
        assert found["doc_url"].endswith(f"#{code}")
    if param:
        assert found["param"] == param
    assert everything(http) == []


def test_a_million_metadata_keys_are_refused_quickly(http: httpx.Client) -> None:
    body = "&".join(f"metadata[k{n}]=v" for n in range(50_000))
    response = http.post("/v1/customers", content=body, headers=FORM)
    assert response.status_code in (400, 413)
    million = "&".join(f"metadata[k{n}]=v" for n in range(1_000_000))
    response = http.post("/v1/customers", content=million, headers=FORM)
    assert response.status_code == 413
    assert everything(http) == []


@pytest.mark.parametrize(
    "body", [b"\xff\xfe=1", b"a=%zz", b"amount=1&amount[x]=2", b"a[b=1", b"name=%00", b"%", b"=&=&=", b"&" * 5000]
)
def test_a_malformed_body_is_an_error_not_a_crash(http: httpx.Client, body: bytes) -> None:
    response = http.post("/v1/payment_intents", content=body, headers=FORM)
    assert response.status_code == 400, response.text
    assert error(response)["type"] == "invalid_request_error"


def test_json_is_refused_with_advice(http: httpx.Client) -> None:
    response = http.post("/v1/payment_intents", json={"amount": 1})
    assert response.status_code == 400
    assert "form-urlencoded" in error(response)["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer nonsense"}, 401),
        ({"authorization": "Bearer sk_live_whatever"}, 401),
        ({"authorization": "Basic !!!"}, 401),
        ({"authorization": "Bearer pk_test_mine"}, 403),
    ],
)
def test_a_wrong_key_is_refused(server: Any, headers: dict[str, str], status: int) -> None:
    response = httpx.get(f"{server.api_base}/v1/charges", headers=headers)
    assert response.status_code == status, response.text
    assert "message" in error(response)


def test_basic_authorization_is_a_key_too(server: Any) -> None:
    assert httpx.get(f"{server.api_base}/v1/balance", auth=("sk_test_basic", "")).status_code == 200


def test_an_unknown_version_is_told_which_one_is_spoken(http: httpx.Client) -> None:
    response = http.get("/v1/balance", headers={"stripe-version": "1999-01-01"})
    assert response.status_code == 400
    assert response.headers["stripe-version"] in error(response)["message"]


def test_an_unknown_url_is_told_so(http: httpx.Client) -> None:
    response = http.get("/v1/unicorns")
    assert response.status_code == 404
    assert "Unrecognized request URL" in error(response)["message"]


def test_another_account_is_out_of_reach(http: httpx.Client) -> None:
    response = http.get("/v1/balance", headers={"stripe-account": "acct_other"})
    assert response.status_code == 403
    assert error(response)["code"] == "account_invalid"


def test_another_sandboxs_objects_do_not_exist(server: Any, http: httpx.Client) -> None:
    made = http.post("/v1/payment_intents", data={**GOOD}).json()["id"]
    other = {"authorization": "Bearer sk_test_somebody_else"}
    for path in (f"/v1/payment_intents/{made}", f"/v1/charges?payment_intent={made}"):
        response = httpx.get(f"{server.api_base}{path}", headers=other)
        assert response.status_code == 404 or response.json()["data"] == []
    taken = httpx.post(f"{server.api_base}/v1/refunds", data={"payment_intent": made}, headers=other)
    assert taken.status_code == 400
    assert error(taken)["code"] == "resource_missing"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten"])
def test_a_list_has_one_to_a_hundred_items(http: httpx.Client, limit: str) -> None:
    response = http.get("/v1/charges", params={"limit": limit})
    assert response.status_code == 400
    assert error(response)["param"] == "limit"


def test_both_cursors_at_once_are_refused(http: httpx.Client) -> None:
    response = http.get("/v1/charges", params={"starting_after": "ch_1", "ending_before": "ch_2"})
    assert response.status_code == 400


def test_an_unknown_cursor_is_named(http: httpx.Client) -> None:
    response = http.get("/v1/charges", params={"starting_after": "ch_nothing"})
    assert response.status_code == 400
    assert error(response)["param"] == "starting_after"


@pytest.mark.parametrize(
    "query", ["", "amount>", "nonsense", "amount:abc", "amount>1 OR status:'x' AND amount<2", "(amount>1)", "a" * 9000]
)
def test_a_wrong_search_is_explained(http: httpx.Client, query: str) -> None:
    response = http.get("/v1/charges/search", params={"query": query})
    assert response.status_code == 400
    assert error(response)["message"]


def test_huge_numbers_in_filters_do_not_crash(http: httpx.Client) -> None:
    response = http.get("/v1/charges", params={"created[gte]": "9" * 40})
    assert response.status_code == 400
