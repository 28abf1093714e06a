"""The API's OpenAPI 3.1 document, made from the `RESOURCE` values alone; `/openapi.json` serves it.

Parameters are sent as forms with brackets: `deepObject` in OpenAPI's words, to any depth. What a path names is no
other parameter. Errors are one schema, whatever the operation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from nostro import __version__
from nostro.kernel.codes import CODES
from nostro.kernel.http import Incoming, Reply
from nostro.kernel.resource import Download, Registry, Resource, Verb

from .expand import MOST_PATHS
from .idempotency import LONGEST_KEY
from .pagination import SearchParams, list_params
from .schemas import Answers, Schema, either, found, page, parameters, reached, ref
from .versions import CURRENT

FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
TEXT: Schema = {"type": "string"}
CALLERS = {
    "secret": "",
    "publishable": "Publishable keys may call it too.",
    "client_secret": "Publishable keys may call it too, with the object's `client_secret`.",
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer sk_...`"},
    "basic": {"type": "http", "scheme": "basic", "description": "The API key is the user; no password."},
}
MORE_TEXTS = ("advice_code", "charge", "doc_url", "network_advice_code", "network_decline_code",
              "payment_method_type", "request_log_url")  # fmt: skip
ABOUT = ("payment_intent", "payment_method", "setup_intent", "source")
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"enum": ["api_error", "card_error", "idempotency_error", "invalid_request_error"]},
                "message": {**TEXT, "description": "For people. Its wording may change."},
                "code": {"enum": sorted(CODES), "description": "For programs; `doc_url` explains it."},
                "decline_code": {**TEXT, "description": "Why the issuer refused."},
                "param": {**TEXT, "description": "The parameter at fault, with its brackets."},
                **dict.fromkeys(MORE_TEXTS, TEXT),
                **dict.fromkeys(ABOUT, ref("expanded")),
            },
        },
    },
}  # fmt: skip
HEADERS = {
    "idempotency_key": {
        "name": "Idempotency-Key", "in": "header", "schema": {**TEXT, "minLength": 1, "maxLength": LONGEST_KEY},
        "description": "Makes a retry safe: the same key answers the first answer again, for a day.",
    },
    "stripe_version": {
        "name": "Stripe-Version", "in": "header", "schema": {"enum": [CURRENT]},
        "description": "The API version that you speak. This server speaks one.",
    },
    "stripe_account": {
        "name": "Stripe-Account", "in": "header", "schema": TEXT,
        "description": "The account that you act for; your own or one of yours.",
    },
}  # fmt: skip
SENT_BACK = {
    "Request-Id": {"schema": TEXT, "description": "Name it when you ask for help."},
    "Stripe-Version": {"schema": TEXT},
}


def document(resources: Sequence[Resource[Any]], url: str) -> Schema:
    """The whole document as JSON values. `url` is where the server is reached."""
    answers = Answers(resources)
    paths: dict[str, Schema] = {}
    for resource in resources:
        for verb in resource.verbs:
            paths.setdefault(verb.path, {})[verb.method.lower()] = _operation(resource, verb, answers)
    shown = {resource.object: resource.doc for resource in resources if resource.verbs}
    schemas = {"error": ERROR} | reached(paths, answers.components, {}) | reached(ERROR, answers.components, {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nostro", "version": __version__,
            "description": f"Payments and their ledger behind the Stripe API, version {CURRENT}. "
                           f"For people: {url}/docs.",
        },
        "servers": [{"url": url}],
        "security": [{name: []} for name in SECURITY],
        "tags": [{"name": name, "description": doc} for name, doc in shown.items()],
        "paths": paths,
        "webhooks": {"event": {"post": {
            "summary": "What is sent to webhook endpoints: an event, signed in the header Stripe-Signature.",
            "requestBody": {"required": True, "content": _json(ref("event"))},
            "responses": {"2XX": {"description": "Taken. Anything else is tried again."}},
        }}},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": HEADERS,
            "responses": {
                "refused": {"description": "The request was refused; `error` says why. Nothing was done, but a card "
                                           "that was declined (402) is remembered.",
                            "headers": SENT_BACK, "content": _json(ref("error"))},
                "unavailable": {"description": "Nothing was done. Try again, with the same Idempotency-Key.",
                                "headers": {**SENT_BACK, "Retry-After": {"schema": {"type": "integer"}}},
                                "content": _json(ref("error"))},
            },
            "securitySchemes": SECURITY,
        },
    }  # fmt: skip


def openapi_page(registry: Registry, url: str) -> Callable[[Incoming], Awaitable[Reply]]:
    """What answers at /openapi.json. Made when it is first asked for."""
    made: list[tuple[bytes, bytes]] = []

    async def answer(incoming: Incoming) -> Reply:
        if not made:
            body = msgspec.json.encode(document(registry.resources, url))
            made.append((body, b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'))
        body, tag = made[0]
        headers = [(b"etag", tag), (b"cache-control", b"no-cache"), (b"access-control-allow-origin", b"*")]
        if tag in incoming.headers.get(b"if-none-match", b""):
            return Reply(304, b"", headers)
        return Reply(200, body, headers)

    return answer


# Operations --------------------------------------------------------------------


def _operation(resource: Resource[Any], verb: Verb, answers: Answers) -> Schema:
    named = [part[1:-1] for part in verb.path.split("/") if part.startswith("{")]
    taken = parameters(_params(verb), named)
    if verb.access == "client_secret":
        taken["properties"]["client_secret"] = TEXT
    if verb.answers is not Download:
        taken["properties"]["expand"] = _expand(resource)
    if verb.body == "lines":
        taken["properties"] = {k: v for k, v in taken["properties"].items() if k not in ("lines", "format", "expand")}
    posts = verb.method == "POST"
    headers = HEADERS if posts else {name: header for name, header in HEADERS.items() if name != "idempotency_key"}
    queries = [] if posts and verb.body != "lines" else _queries(taken)
    told = (verb.summary or verb.name.replace("_", " ").capitalize() + ".",
            CALLERS[verb.access], "Only in `nostro dev`." if verb.dev_only else "")  # fmt: skip
    out: Schema = {
        "operationId": f"{resource.name}.{verb.name}",
        "tags": [resource.object],
        "summary": told[0],
        "description": " ".join(part for part in told if part),
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}} for name in named),
            *queries,
            *({"$ref": f"#/components/parameters/{name}"} for name in headers),
        ],
        "responses": {
            "200": {"description": "Done.", "headers": SENT_BACK, "content": _content(resource, verb, answers)},
            "4XX": {"$ref": "#/components/responses/refused"},
            "503": {"$ref": "#/components/responses/unavailable"},
        },
    }
    if posts:
        out["requestBody"] = _body(verb, taken)
    return out


def _params(verb: Verb) -> Any:
    if verb.kind == "search":
        return SearchParams
    return list_params(verb) if verb.kind == "list" and verb.run is None else verb.params


def _expand(resource: Resource[Any]) -> Schema:
    names = [*resource.expands, *resource.nested, *resource.on_demand]
    shown = f" Here: {', '.join(f'`{name}`' for name in names)}; in a list behind `data.`." if names else ""
    return {
        "type": "array", "items": TEXT, "minItems": 1, "maxItems": MOST_PATHS,
        "description": f"Fields to answer as whole objects in the place of ids.{shown}",
    }  # fmt: skip


def _queries(taken: Schema) -> list[Schema]:
    out = []
    for name, schema in taken["properties"].items():
        field: Schema = {"name": name, "in": "query", "schema": schema}
        if name in taken["required"]:
            field["required"] = True
        if _nests(schema):
            field |= {"style": "deepObject", "explode": True}
        out.append(field)
    return out


def _body(verb: Verb, taken: Schema) -> Schema:
    if verb.body == "lines":
        return {"required": True, "content": {
            NDJSON: {"schema": {**TEXT, "description": "Each line is the JSON of what one call would be sent."}},
            "text/csv": {"schema": {**TEXT, "description": "The first line names the columns."}},
        }}  # fmt: skip
    nested = [name for name, schema in taken["properties"].items() if _nests(schema)]
    content: Schema = {"schema": taken}
    if nested and verb.body == "form":
        content["encoding"] = {name: {"style": "deepObject", "explode": True} for name in nested}
    return {
        "required": bool(taken["required"]),
        "content": {"multipart/form-data" if verb.body == "multipart" else FORM: content},
    }


def _nests(schema: Schema) -> bool:
    options = schema.get("anyOf", [schema])
    return any(option.get("type") in ("object", "array") for option in options)


def _content(resource: Resource[Any], verb: Verb, answers: Answers) -> Schema:
    if verb.body == "lines":
        return {NDJSON: {"schema": {**TEXT, "description": f"Each line is a `{resource.object}`, in their order."}}}
    if verb.answers is Download:
        return {"*/*": {"schema": {**TEXT, "format": "binary"}}}
    if verb.answers is not None:
        return _json(answers.of(verb.answers))
    if verb.kind == "delete":
        return _json(ref("deleted"))
    whole = answers.whole(resource)
    if verb.kind == "list":
        return _json(page(whole))
    if verb.kind == "search":
        return _json(found(whole))
    options = [whole]
    if resource.browser and verb.access != "secret":
        options.append(answers.narrowed(resource))
    if resource.visible and verb.kind == "retrieve":
        options.append(ref("deleted"))
    return _json(either(options))


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
