"""Hold answers against our own OpenAPI document: `problems` is empty if an answer is as the document says.

It is read more strictly than others read it: a field that it does not declare is a problem too, so that no field can
be forgotten in it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs

from nostro.api.openapi import document
from nostro.api.router import Router
from nostro.app import RESOURCES

DOCUMENT = document(RESOURCES, "http://nostro.test")
EVERY = RESOURCES
_ROUTER = Router(EVERY)
_OPEN = {"expanded", "error"}


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


_COMPONENTS = {
    name: schema if name in _OPEN else _closed(schema) for name, schema in DOCUMENT["components"]["schemas"].items()
}


@cache
def _validator(method: str, path: str) -> jsonschema_rs.Validator | None:
    """Of the good answer of an operation, None where it is not JSON; of errors at no path."""
    schema: Any = {"$ref": "#/components/schemas/error"}
    if path:
        content = DOCUMENT["paths"][path][method.lower()]["responses"]["200"]["content"]
        if "application/json" not in content:
            return None
        schema = _closed(content["application/json"]["schema"])
    return jsonschema_rs.validator_for({**schema, "components": {"schemas": _COMPONENTS}})


def problems(method: str, path: str, status: int, body: bytes | str) -> list[str]:
    """What differs in this answer from the document, a sentence each. What is no operation has nothing to hold to."""
    found = _ROUTER.find(method.upper(), path)
    if found is None and not path.startswith("/v1/"):
        return []
    if status == 200 and found is None:
        return [f"{method} {path} is not in the document"]
    validator = _validator(method, found[0].verb.path) if status == 200 and found else _validator("", "")
    if validator is None:
        return []
    operation = f"{method} {found[0].verb.path if found else path} {status}"
    return [f"{operation}: {_place(error)}: {error.message[:600]}" for error in validator.iter_errors(json.loads(body))]


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error.instance_path) or "the answer"
