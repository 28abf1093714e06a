"""A request of `nostro dev` as a page, at the `request_log_url` of an error. It needs no key, so only there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from nostro.controls import request_log
from nostro.controls.request_log import Asker, Detail, Line
from nostro.kernel.clock import SECOND, utc_text
from nostro.kernel.http import Incoming, Reply
from nostro.kernel.ids import made_at
from nostro.storage.world import World

from . import render

PATH = "/logs/"
_ID = re.compile(r"req_[0-9A-Za-z]{9,40}")
MISSING = "Requests are kept for some days. This one was dropped, was made at another server, or was made just now."


def request_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    async def page(incoming: Incoming) -> Reply:
        id = incoming.path.removeprefix(PATH)
        line = await request_log.anywhere(world, id) if world.settings.dev and _ID.fullmatch(id) else None
        if line is None:
            return render.message("Request not found", MISSING, 404)
        asker = (await request_log.askers(world, [line])).get(line.caller, Asker())
        detail = (await request_log.details(world, [line])).get(line.id, Detail())
        return render.show("request.html", **_values(line, asker, detail))

    return page


def _values(line: Line, asker: Asker, detail: Detail) -> dict[str, Any]:
    error: Any = (detail.response or {}).get("error")
    error = error if isinstance(error, dict) else {}
    rows = [
        ("Time", f"{utc_text(made_at(line.id) // SECOND)} UTC"), ("Took", f"{line.micros / 1000:.1f} ms"),
        ("About", line.object), ("Idempotency key", line.idempotency_key), ("Key", asker.key_hint),
        ("API version", asker.api_version), ("From", asker.ip), ("Client", asker.user_agent), ("Request", line.id),
    ]  # fmt: skip
    return {
        "method": line.method, "path": line.path, "answered": line.status, "failed": line.status >= 400,
        "message": error.get("message"), "code": line.code, "doc": error.get("doc_url"), "param": error.get("param"),
        "rows": [(name, value) for name, value in rows if value], "params": _json(detail.params),
        "response": _json(detail.response),
    }  # fmt: skip


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
