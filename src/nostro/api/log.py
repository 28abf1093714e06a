"""The request log's writer: a request leaves a few values behind, and a task writes them a moment later, many at once.

Nothing of it is on a request's path but an append to a list. What was not yet written when the machine or the worker
is killed, up to `PAUSE` of requests, is missing from the log; a graceful stop writes everything. If the database does
not answer, lines wait, `MOST_WAITING` at most: what comes then is counted and dropped, never waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from nostro.controls.api_key import Caller, hint
from nostro.controls.redaction import clean, redacted
from nostro.controls.request_log import Asker, Detail, Line, Written, put_asker, put_lines
from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.errors import ApiError
from nostro.kernel.http import Incoming, Reply
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

from .credentials import given_key

logger = logging.getLogger("nostro.api")
POLL = b"nostro-poll"  # a request with this header asks what there is to see, and is not itself worth seeing
PAUSE = 0.2
AT_ONCE = 250
MOST_WAITING = 10_000
MOST_KEPT = 16_000
MOST_REMEMBERED = 10_000
LONGEST = 255
FORM = b"application/x-www-form-urlencoded"


class Answered(NamedTuple):
    """What a request leaves behind. `body` is None unless it is to be kept, `size` how long it was; `start` is the
    answer's beginning, `answer` all of an error's.
    """

    id: str
    scope: int
    kind: str
    method: str
    path: str
    headers: dict[bytes, bytes]
    ip: str
    status: int
    micros: int
    query: bytes
    body: bytes | None
    size: int
    start: bytes
    answer: bytes


class Recorder:
    """One for each worker. `read` decodes a request's parameters as the API itself does."""

    def __init__(self, world: World, read: Callable[[Incoming], dict[str, Any]]) -> None:
        self._world = world
        self._read = read
        self._waiting: list[Answered] = []
        self._dropped = 0
        self._full = asyncio.Event()
        self._writing = asyncio.Lock()
        self._known: dict[tuple[bytes, bytes, bytes, str, str], tuple[int, int]] = {}

    def add(self, incoming: Incoming, client: Any, reply: Reply, caller: Caller | None, id: str, took: int) -> None:
        waiting = self._waiting
        if len(waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        method, body, failed = incoming.method, incoming.body, reply.status >= 400
        kept = failed or (method == "POST" and self._world.settings.dev)
        number, kind = (caller.scope.number, caller.kind) if caller else (0, "")
        waiting.append(
            Answered(
                id, number, kind, method, incoming.path, incoming.headers, client[0] if client else "", reply.status,
                took, incoming.query, (body if len(body) <= MOST_KEPT else b"") if kept else None, len(body),
                reply.body[:80], reply.body if failed else b"",
            )
        )  # fmt: skip
        if len(waiting) >= AT_ONCE:
            self._full.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop` is set, and then what is left."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                full = asyncio.create_task(self._full.wait())
                await asyncio.wait({full, stopping}, timeout=PAUSE, return_when=asyncio.FIRST_COMPLETED)
                full.cancel()
                await self.flush()
        finally:
            stopping.cancel()
        await self.flush()

    async def flush(self) -> None:
        """Write what waits. What the database refuses is dropped; while it cannot be reached, lines go on waiting."""
        async with self._writing:
            self._full.clear()
            if self._dropped:
                logger.warning("%d requests are missing from the request log: too many were waiting", self._dropped)
                self._dropped = 0
            while self._waiting:
                part = self._waiting[:AT_ONCE]
                try:
                    rows = self._rows(part)
                    await self._world.engine.commit(Unit(scope=NOBODY, micros=self._world.clock.micros(), rows=rows))
                except ApiError:
                    return
                except Exception:
                    logger.exception("%d requests are missing from the request log", len(part))
                del self._waiting[: len(part)]

    def _rows(self, part: list[Answered]) -> Written:
        seconds = self._world.clock.micros() // SECOND
        asked: Written = []
        lines = [self._line(one, seconds, asked) for one in part]
        return asked + put_lines(lines, seconds)

    def _line(self, one: Answered, seconds: int, asked: Written) -> tuple[Line, Detail | None]:
        code, detail = "", None
        if one.body is not None:
            response = _response(one.answer)
            error = response.get("error") if response else None
            if isinstance(error, dict):
                code = error.get("decline_code") or error.get("code") or ""
            detail = Detail(self._params(one), redacted(_shortened(response)) if response else None)
        about = _object(one) if one.method != "GET" or one.status >= 400 else ""
        key = one.headers.get(b"idempotency-key")
        line = Line(
            scope=one.scope, id=one.id, caller=self._asker(one, seconds, asked), method=one.method,
            path=clean(one.path, LONGEST), status=one.status, micros=one.micros, code=code, object=about,
            idempotency_key=clean(key.decode("latin-1"), LONGEST) if key else "",
        )  # fmt: skip
        return line, detail

    def _params(self, one: Answered) -> dict[str, Any] | None:
        """What was sent, by name; of lines, of what is too long and of what is no form, only how much it was."""
        if not one.query and not one.size:
            return None
        readable = one.headers.get(b"content-type", FORM).startswith((FORM, b"multipart/form-data"))
        body = one.body if one.body and readable else b""
        incoming = Incoming(one.method, one.path, one.query, one.headers if body else {}, body)
        try:
            params: dict[str, Any] = redacted(self._read(incoming))
        except ApiError:
            params, body = {}, b""
        return params if body or not one.size else {**params, "body": f"[{one.size} bytes]"}

    def _asker(self, one: Answered, seconds: int, asked: Written) -> int:
        get = one.headers.get
        authorization = get(b"authorization", b"")
        seen = (authorization, get(b"stripe-version", b""), get(b"user-agent", b""), one.ip, one.kind)
        known = self._known.get(seen)
        if known is not None and known[1] == seconds // DAY:
            return known[0]
        asker = Asker(
            key_hint=_hint(authorization), key_kind=one.kind, api_version=clean(seen[1].decode("latin-1"), 64),
            ip=one.ip[:64], user_agent=clean(seen[2].decode("latin-1"), 120),
        )  # fmt: skip
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[seen] = asker.number, seconds // DAY
        asked += put_asker(asker, seconds)
        return asker.number


def _hint(authorization: bytes) -> str:
    """What may be shown of the key; of what is no key of ours, nothing."""
    with contextlib.suppress(ApiError):
        key = given_key(authorization.decode("latin-1"))
        if key[:3] in ("sk_", "pk_", "rk_") and len(key) >= 12:
            return clean(hint(key), 40)
    return ""


def _response(answer: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(msgspec.DecodeError):
        decoded = msgspec.json.decode(answer)
        return decoded if isinstance(decoded, dict) else None
    return None


def _shortened(response: dict[str, Any]) -> dict[str, Any]:
    """The error without the objects in it: their ids are enough, and they can be read."""
    error = response.get("error")
    if not isinstance(error, dict):
        return response
    short = {
        name: {"id": value["id"], "object": value["object"]}
        if isinstance(value, dict) and "id" in value and "object" in value
        else value
        for name, value in error.items()
    }
    return {**response, "error": short}


def _object(one: Answered) -> str:
    """The object that a request was about: the one that its path names, else the one that was answered."""
    for segment in one.path.split("/")[3:]:
        prefix, _, rest = segment.rpartition("_")
        if prefix and len(rest) >= 8 and any(letter.isdigit() for letter in rest):
            return clean(segment, LONGEST)
    if one.status < 400 and one.start.startswith(b'{"id":"'):
        return one.start[7:].partition(b'"')[0].decode()
    return ""
