"""The last requests, kept in memory for `nostro logs tail`: no bodies, no keys."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from nostro.kernel.clock import SECOND
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire
from nostro.storage.tx import Tx

PATH = "/v1/request_logs"
POLL = b"nostro-poll"  # a request with this header asks what there is to see, and is not itself worth seeing


class Line(Struct, frozen=True):
    """One request. `at` is microseconds since 1970, `micros` how long it took."""

    number: int
    at: int
    request: str
    merchant: str | None
    method: str
    path: str
    status: int
    micros: int
    code: str | None


class RequestLog:
    def __init__(self, size: int = 10_000) -> None:
        self._lines: deque[Line] = deque(maxlen=size)
        self.count = 0

    def add(
        self, at: int, request: str, merchant: str | None, method: str, path: str, status: int, micros: int,
        code: str | None,
    ) -> None:  # fmt: skip
        self.count += 1
        self._lines.append(Line(self.count, at, request, merchant, method, path, status, micros, code))

    def after(self, number: int, merchant: str, limit: int = 100) -> list[Line]:
        """The oldest `limit` lines of a merchant that came after line `number`."""
        recent = islice(reversed(self._lines), max(self.count - number, 0))
        found = [line for line in recent if line.merchant == merchant]
        return found[::-1][:limit]

    def latest(self, merchant: str, limit: int = 100) -> list[Line]:
        """The newest `limit` lines of a merchant, oldest first."""
        return list(islice((line for line in reversed(self._lines) if line.merchant == merchant), limit))[::-1]


class LogParams(Params, frozen=True, kw_only=True):
    """`after` is the number of the last line seen; without it, the newest lines."""

    after: int | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


class RequestLine(Shape, frozen=True, kw_only=True):
    id: str
    object: Literal["request_log"] = "request_log"
    created: int
    error_code: str | None = None
    method: str
    micros: int
    number: int
    path: str
    status: int


def resource(log: RequestLog) -> Resource[Stored]:
    """The route that shows a merchant the log. Not stored: it begins anew with each start of the server."""

    async def show(tx: Tx, params: LogParams) -> Wire:
        """Oldest first, so that the last line's number is the next `after`."""
        if params.after is None:
            lines = log.latest(tx.merchant, params.limit)
        else:
            lines = log.after(params.after, tx.merchant, params.limit)
        return {"object": "list", "data": [_wire(line) for line in lines], "has_more": False, "url": PATH}

    verb = Verb(name="list", method="GET", path=PATH, run=show, params=LogParams, answers=list[RequestLine],
                summary="List the requests that this server has answered you since it started.")  # fmt: skip
    return Resource(
        object="request_log", prefix="req", record=Stored, shape=RequestLine, verbs=(verb,), stored=False,
        doc="A request that this server has answered: what was asked, and the status it got.",
    )  # fmt: skip


def _wire(line: Line) -> dict[str, Any]:
    return {
        "id": line.request, "object": "request_log", "created": line.at // SECOND, "error_code": line.code,
        "method": line.method, "micros": line.micros, "number": line.number, "path": line.path, "status": line.status,
    }  # fmt: skip
