"""The request log over the API: a merchant's own requests, newest first, and one of them in full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from nostro.controls import request_log as log
from nostro.controls.request_log import PREFIX, Asker, Detail, Line, Query
from nostro.kernel.clock import SECOND
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.ids import TIME_LENGTH, created_bounds, made_at
from nostro.kernel.resource import Params, Range, Registry, Resource, Shape, Stored, Unset, Verb, Wire
from nostro.storage.tx import Tx

from .filters import bounds_of

PATH = "/v1/request_logs"
_STATUS = re.compile(r"[1-5](?:\d\d|xx)")
_ID = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{TIME_LENGTH},40}}")


class ListParams(Params, frozen=True, kw_only=True):
    """`status` is 402, or 4xx for all of a class; `path` is how it begins; `object` is the id of an object."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: int | Range | None = None
    error_code: str | None = None
    method: Literal["GET", "POST", "DELETE"] | None = None
    object: str | None = None
    path: str | None = None
    status: str | None = None


class RetrieveParams(Params, frozen=True, kw_only=True):
    request: str


class RequestLog(Shape, frozen=True, kw_only=True):
    """`micros` is how long the answer took. `about` is the object that a write or a failure was about."""

    id: str
    object: Literal["request_log"] = "request_log"
    about: str | None
    api_version: str | None
    created: int
    error_code: str | None
    error_param: str | None
    error_type: str | None
    idempotency_key: str | None
    ip_address: str | None
    key: str | None
    key_kind: str | None
    method: str
    micros: int
    params: dict[str, Any] | None
    path: str
    response: dict[str, Any] | None
    route: str | None
    status: int
    user_agent: str | None


class Page(Shape, frozen=True, kw_only=True):
    """`looked_until` is there where the look ended before the page was full: it is the next `starting_after`."""

    object: Literal["list"] = "list"
    data: list[RequestLog]
    has_more: bool
    looked_until: str | Unset = UNSET
    url: str


async def list_(tx: Tx, params: ListParams) -> Wire:
    query = _query(tx.scope.number, params)
    found = await log.find(tx.world, query)
    lines = found.lines[::-1] if query.oldest_first else found.lines
    wire: Wire = {"object": "list", "data": await shown(tx, lines), "has_more": found.more, "url": PATH}
    return wire | ({"looked_until": found.looked_until} if found.looked_until else {})


async def retrieve(tx: Tx, params: RetrieveParams) -> Wire:
    line = await log.one(tx.world, tx.scope.number, params.request)
    if line is None:
        raise no_such("request_log", params.request)
    return (await shown(tx, [line]))[0]


async def shown(tx: Tx, lines: Sequence[Line]) -> list[Wire]:
    """Lines of one scope as the API answers them."""
    details = await log.details(tx.world, lines)
    askers = await log.askers(tx.world, lines)
    nobody, nothing = Asker(), Detail()
    return [_wire(tx.registry, line, askers.get(line.caller, nobody), details.get(line.id, nothing)) for line in lines]


def _wire(registry: Registry, line: Line, asker: Asker, detail: Detail) -> Wire:
    error: Any = (detail.response or {}).get("error")
    error = error if isinstance(error, dict) else {}
    return {
        "id": line.id, "object": "request_log", "about": line.object or None, "api_version": asker.api_version or None,
        "created": made_at(line.id) // SECOND, "error_code": line.code or None, "error_param": error.get("param"),
        "error_type": error.get("type"), "idempotency_key": line.idempotency_key or None,
        "ip_address": asker.ip or None, "key": asker.key_hint or None, "key_kind": asker.key_kind or None,
        "method": line.method, "micros": line.micros, "params": detail.params, "path": line.path,
        "response": detail.response, "route": _route(registry, line), "status": line.status,
        "user_agent": asker.user_agent or None,
    }  # fmt: skip


def _route(registry: Registry, line: Line) -> str | None:
    """The path with the names of what is in it: `/v1/refunds/{id}`."""
    segments = line.path.strip("/").split("/")
    best: tuple[int, str] | None = None
    for resource in registry.resources:
        for verb in resource.verbs:
            parts = verb.path.strip("/").split("/")
            if verb.method != line.method or len(parts) != len(segments):
                continue
            named = [part for part, segment in zip(parts, segments, strict=True) if part != segment]
            if all(part[0] == "{" for part in named) and (best is None or len(named) < best[0]):
                best = len(named), verb.path
    return best[1] if best else None


def _query(scope: int, params: ListParams) -> Query:
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    lowest, highest = _cursor(params.ending_before, "ending_before"), _cursor(params.starting_after, "starting_after")
    for sign, bound in bounds_of(params.created):
        at = created_bounds("req", bound + (1 if sign in (">", "<=") else 0)).removeprefix(PREFIX)
        if sign in (">", ">="):
            lowest = max(lowest or "", at)
        else:
            highest = min(highest or "~", at)
    status = params.status
    if status is not None and not _STATUS.fullmatch(status):
        raise invalid(f"Invalid status: {status[:20]}. Write it like 402, or 4xx for all of a class.", "status")
    return Query(
        scope=scope, limit=params.limit, status=int(status) if status and status.isdigit() else None,
        status_class=int(status[0]) if status and not status.isdigit() else None, method=params.method,
        path=params.path, code=params.error_code, object=params.object, lowest=lowest or "", highest=highest or "~",
        oldest_first=params.ending_before is not None,
    )  # fmt: skip


def _cursor(id: str | None, param: str) -> str | None:
    """The id without its prefix. It need not be there still: it says where in time the page begins."""
    if id is None:
        return None
    if not _ID.fullmatch(id):
        raise no_such("request_log", id, param)
    return id.removeprefix(PREFIX)


REQUEST_LOG: Resource[Stored] = Resource(
    object="request_log",
    prefix="req",
    record=Stored,
    shape=RequestLog,
    stored=False,
    doc="A request to the API, and what came of it; kept for some days. Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path=PATH, run=list_, params=ListParams, answers=Page,
             summary="List your requests, newest first."),
        Verb(name="retrieve", method="GET", path=PATH + "/{request}", run=retrieve, params=RetrieveParams,
             answers=RequestLog,
             summary="Retrieve a request, with its parameters and its error where they are kept."),
    ),
)  # fmt: skip
RESOURCE = REQUEST_LOG
