"""The OpenAPI document: valid, whole, served and printed. `document` holds the answers of every other test to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from typer.testing import CliRunner

import document as held
from application import opened
from asgi import Client
from document import DOCUMENT, EVERY
from nostro.api.openapi import document
from nostro.api.server import Api
from nostro.app import RESOURCES
from nostro.cli.main import app
from nostro.testing.server import Server

OPERATIONS = [(method, path) for path, verbs in DOCUMENT["paths"].items() for method in verbs]


def schemas(node: Any) -> list[dict[str, Any]]:
    """Every schema that stands in the document outside its components."""
    if isinstance(node, list):
        return [schema for item in node for schema in schemas(item)]
    if not isinstance(node, dict):
        return []
    own = [node["schema"]] if isinstance(node.get("schema"), dict) else []
    return own + [schema for value in node.values() for schema in schemas(value)]


def references(node: Any) -> set[str]:
    if isinstance(node, list):
        return {found for item in node for found in references(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own | {found for value in node.values() for found in references(value)}


def test_it_is_an_openapi_3_1_document() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_its_schemas_are_json_schemas() -> None:
    found = [*DOCUMENT["components"]["schemas"].values(), *schemas(DOCUMENT["paths"])]
    assert len(found) > 500
    for schema in found:
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    wanted = references(DOCUMENT)
    present = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in DOCUMENT["components"][kind]
    }
    assert wanted == present


def test_every_route_is_in_it() -> None:
    routed = {(verb.method.lower(), verb.path) for resource in EVERY for verb in resource.verbs}
    assert set(OPERATIONS) == routed
    ids = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part.replace("/", "."))
def test_an_operation_declares_what_its_path_names_once(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    own = [field for field in operation["parameters"] if "name" in field]
    named = [field["name"] for field in own if field["in"] == "path"]
    assert path.split("{")[1:] == [part for part in path.split("{")[1:] if part.split("}")[0] in named]
    names = [field["name"] for field in own]
    assert len(set(names)) == len(names)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        assert not set(media["schema"].get("properties", {})) & set(named)


def test_what_a_form_can_say() -> None:
    fields = DOCUMENT["paths"]["/v1/payment_intents"]["post"]["requestBody"]["content"][
        "application/x-www-form-urlencoded"
    ]
    schema = fields["schema"]
    assert set(schema["required"]) == {"amount", "currency"}
    assert schema["additionalProperties"] is False
    assert fields["encoding"]["metadata"] == {"style": "deepObject", "explode": True}
    valid = jsonschema_rs.validator_for(schema)
    assert valid.is_valid({"amount": 2000, "currency": "usd", "metadata": {"a": "b"}})
    for wrong in ({"amount": 0}, {"amount": 1.5}, {"currency": ""}, {"colour": "red"}, {"metadata": {"": "b"}}):
        assert not valid.is_valid({"amount": 2000, "currency": "usd"} | wrong), wrong


def test_an_answer_that_is_not_as_declared_is_told() -> None:
    """The check that every other test leans on does find something."""
    right = {"id": "cus_1", "object": "customer", "deleted": True}
    assert held.problems("DELETE", "/v1/customers/cus_1", 200, json.dumps(right)) == []
    assert held.problems("DELETE", "/v1/customers/cus_1", 200, json.dumps({**right, "deleted": False}))
    assert held.problems("DELETE", "/v1/customers/cus_1", 200, json.dumps({**right, "colour": "red"}))
    assert held.problems("GET", "/v1/nothing", 200, "{}")
    assert held.problems("GET", "/v1/nothing", 404, '{"error": {"type": "x", "message": ""}}')


async def test_expanded_fields_are_as_declared_too(tmp_path: Path) -> None:
    """`Client` holds each answer against the document."""
    client = Client(Api(await opened(f"sqlite:///{tmp_path}/nostro.db")))
    customer = (await client("POST", "/v1/customers", {"email": "a@b.test"})).json["id"]
    paid = {
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, "customer": customer,
        "expand": ["latest_charge.balance_transaction.source", "customer", "payment_method.customer"],
        "payment_method_types": ["card"],
    }  # fmt: skip
    assert (await client("POST", "/v1/payment_intents", paid)).json["latest_charge"]["object"] == "charge"
    shown = await client("GET", f"/v1/customers/{customer}", {"expand": ["sources", "tax_ids", "cash_balance", "tax"]})
    assert shown.json["tax_ids"]["object"] == "list"


def test_a_server_shows_it_and_says_when_it_is_unchanged(server: Server) -> None:
    first = httpx.get(f"{server.api_base}/openapi.json")
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    assert first.json() == document(RESOURCES, server.api_base)
    again = httpx.get(f"{server.api_base}/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "/openapi.json" in httpx.get(f"{server.api_base}/docs").text


def test_the_command_prints_it_or_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    printed = CliRunner().invoke(app, ["openapi", "--url", "https://pay.test"])
    written = CliRunner().invoke(app, ["openapi", "--url", "https://pay.test", "--output", str(file)])
    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert json.loads(printed.stdout) == json.loads(file.read_text()) == document(RESOURCES, "https://pay.test")
    nowhere = CliRunner().invoke(app, ["openapi", "--output", str(tmp_path / "no" / "file")])
    assert "cannot be written" in str(nowhere.exception)
