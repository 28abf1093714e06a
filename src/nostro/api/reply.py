"""Answers: a status, headers and a JSON body; errors in Stripe's form."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.errors import ApiError
from nostro.kernel.resource import Registry, Wire

JSON = (b"content-type", b"application/json")
encode = msgspec.json.Encoder(decimal_format="number").encode


class Reply(Struct):
    """What goes back. `replayed` marks the stored answer of an earlier request with the same key."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = []
    replayed: bool = False


def error_reply(error: ApiError, registry: Registry, request_id: str, docs: str, log_url: str | None = None) -> Reply:
    """`{"error": {...}}` with the objects that the error is about."""
    wire: Wire = {"type": error.type, "message": error.message}
    if error.code:
        wire["code"] = error.code
        wire["doc_url"] = f"{docs}/docs/error-codes#{error.code}"
    for name in ("param", "decline_code"):
        if value := getattr(error, name):
            wire[name] = value
    wire.update(error.fields)
    for name, value in error.objects.items():
        wire[name] = value if isinstance(value, str) else registry.render(value)
    if log_url:
        wire["request_log_url"] = log_url
    return Reply(error.status, encode({"error": wire}))


def internal_error(request_id: str) -> ApiError:
    return ApiError(
        "Something went wrong on our side and nothing was written. "
        f"The server's log has the details under the request id {request_id}.",
        status=500, type="api_error",
    )  # fmt: skip


def rendered(registry: Registry, answer: Any) -> Any:
    """A verb's answer as wire values; the records in a list are rendered one by one."""
    wire = registry.render(answer)
    if isinstance(wire, dict) and wire.get("object") in ("list", "search_result"):
        wire = {**wire, "data": [registry.render(item) for item in wire["data"]]}
    return wire
