"""Answers: a status, headers and a JSON body; errors in Stripe's form."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from nostro.kernel.errors import ApiError
from nostro.kernel.http import Reply
from nostro.kernel.resource import Download, View, Wire

JSON = (b"content-type", b"application/json")
encode = msgspec.json.Encoder(decimal_format="number").encode


def success(wire: Any) -> Reply:
    """200: JSON, or a file's content as it was uploaded. A browser is to save it, never to run it."""
    if not isinstance(wire, Download):
        return Reply(200, encode(wire))
    name = quote(wire.name, safe="")
    headers = [
        (b"content-type", wire.content_type.encode()),
        (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Reply(200, wire.content, headers)


def error_wire(error: ApiError, view: View, docs: str) -> Wire:
    """The error object, with the objects that the error is about."""
    wire: Wire = {"type": error.type, "message": error.message}
    if error.code:
        wire["code"] = error.code
        wire["doc_url"] = f"{docs}/docs/error-codes#{error.code}"
    for name in ("param", "decline_code"):
        if value := getattr(error, name):
            wire[name] = value
    wire.update(error.fields)
    for name, value in error.objects.items():
        wire[name] = value if isinstance(value, str) else view.render(value)
    return wire


def internal_error(request_id: str) -> ApiError:
    return ApiError(
        "Something went wrong on our side and nothing was written. "
        f"The server's log has the details under the request id {request_id}.",
        status=500, type="api_error",
    )  # fmt: skip


def rendered(view: View, answer: Any) -> Any:
    """A verb's answer as wire values; the records in a list are rendered one by one."""
    wire = view.render(answer)
    if isinstance(wire, dict) and wire.get("object") in ("list", "search_result"):
        wire = {**wire, "data": [view.render(item) for item in wire["data"]]}
    return wire
