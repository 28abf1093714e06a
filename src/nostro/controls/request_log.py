"""Request log: what was asked of the API and what came of it, kept for a time. Logs are not books.

A worker writes its lines in the background, many at once, so the last moment before a crash is missing; see
`Recorder` in api/log.py. Here is what a line is, how lines are written, found and dropped.

A list looks along one index (all lines of the merchant, its failures, an error code, an object) and at most at
`MOST_LOOKED_AT` lines of it, however large the table is. Where the other filters leave fewer than were asked for, the
page says how far it looked, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.ids import created_bounds
from nostro.storage.engine import Row
from nostro.storage.pack import pack, unpack
from nostro.storage.purge import drop_before
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

MOST_LOOKED_AT = 5_000
HOUR = 3_600
AT_ONCE = 500
Written = list[tuple[str, tuple[Any, ...]]]
PREFIX = "req_"
PUT_LINE = (
    "INSERT INTO request_log (scope,id,caller,method,path,status,failed,micros,code,object,idempotency_key) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)
PUT_DETAIL = "INSERT INTO request_detail (scope,id,packed) VALUES (?,?,?)"
PUT_CALLER = (
    "INSERT INTO request_caller (caller,seen,key_hint,key_kind,api_version,ip,user_agent) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (caller) DO UPDATE SET seen=excluded.seen"
)
PUT_HOUR = (
    "INSERT INTO request_hour (hour,lines) VALUES (?,?) "
    "ON CONFLICT (hour) DO UPDATE SET lines=request_hour.lines+excluded.lines"
)
COLUMNS = "id, caller, method, path, status, micros, code, object, idempotency_key"


class Asker(Struct, frozen=True):
    """Who sent a request: `key_hint` is what may be shown of the key."""

    key_hint: str = ""
    key_kind: str = ""
    api_version: str = ""
    ip: str = ""
    user_agent: str = ""

    @property
    def number(self) -> int:
        """The same in every worker, so none has to ask another."""
        return int.from_bytes(blake2b(repr(self).encode(), digest_size=6).digest()) >> 1


class Line(Struct, frozen=True, kw_only=True):
    """One request. `scope` is 0 where no key was accepted; `micros` is how long it took."""

    scope: int
    id: str
    caller: int
    method: str
    path: str
    status: int
    micros: int
    code: str = ""
    object: str = ""
    idempotency_key: str = ""

    def row(self) -> tuple[Any, ...]:
        failed = self.status // 100 if self.status >= 400 else 0
        return (self.scope, self.id.removeprefix(PREFIX), self.caller, self.method, self.path, self.status, failed,
                self.micros, self.code, self.object, self.idempotency_key)  # fmt: skip


class Detail(Struct, frozen=True, omit_defaults=True):
    """What was sent and answered, redacted before it gets here."""

    params: dict[str, Any] | None = None
    response: dict[str, Any] | None = None


class Query(Struct, frozen=True, kw_only=True):
    """Which lines, newest first; `since` and `before` are seconds, `after_id` and `before_id` ids, neither included."""

    scope: int
    limit: int = 10
    status: int | None = None
    status_class: int | None = None
    method: str | None = None
    path: str | None = None
    code: str | None = None
    object: str | None = None
    lowest: str = ""
    highest: str = "~"
    oldest_first: bool = False


class Found(Struct, frozen=True):
    """`looked_until` is the id of the last line looked at, where the look ended before the page was full."""

    lines: list[Line]
    more: bool
    looked_until: str | None


def put_asker(asker: Asker, seconds: int) -> Written:
    return [(PUT_CALLER, (asker.number, seconds - seconds % DAY, *msgspec.structs.astuple(asker)))]


def put_lines(lines: Sequence[tuple[Line, Detail | None]], seconds: int) -> Written:
    """The rows of these lines, and their count to the hour that it is."""
    rows: Written = [(PUT_LINE, line.row()) for line, _ in lines]
    for line, detail in lines:
        if detail is not None:
            packed = pack(msgspec.json.encode(detail))
            rows.append((PUT_DETAIL, (line.scope, line.id.removeprefix(PREFIX), packed)))
    rows.append((PUT_HOUR, (seconds - seconds % HOUR, len(lines))))
    return rows


async def find(world: World, query: Query) -> Found:
    where, rest, values, later = _conditions(query)
    order = "ASC" if query.oldest_first else "DESC"
    # The ids alone are in the index, so that every planner sees that it is the short way.
    ids = f"SELECT id FROM request_log WHERE {where} ORDER BY id {order} LIMIT ?"
    rows = await world.engine.rows(
        f"SELECT {COLUMNS} FROM request_log WHERE scope=? AND id IN ({ids}){rest} ORDER BY id {order} LIMIT ?",
        (query.scope, *values, MOST_LOOKED_AT if rest else query.limit + 1, *later, query.limit + 1),
    )
    lines = [_line(query.scope, row) for row in rows]
    if len(lines) > query.limit:
        return Found(lines[: query.limit], True, None)
    last = await world.engine.rows(f"{ids} OFFSET ?", (*values, 1, MOST_LOOKED_AT - 1)) if rest else []
    return Found(lines, bool(last), PREFIX + last[0][0] if last else None)


def _conditions(query: Query) -> tuple[str, str, list[Any], list[Any]]:
    """What an index answers, and what is looked at line by line, each with its values."""
    where, values = "scope=? AND id>? AND id<?", [query.scope, query.lowest, query.highest]
    rest = ""
    later: list[Any] = []
    failed = query.status_class or (query.status or 0) // 100
    if query.object is not None:
        where, values = f"{where} AND object=? AND object<>''", [*values, query.object]
    elif query.code is not None:
        where, values = f"{where} AND code=? AND code<>''", [*values, query.code]
    elif failed >= 4:
        where, values = f"{where} AND failed=? AND failed>0", [*values, failed]
    if query.code is not None and query.object is not None:
        rest, later = f"{rest} AND code=?", [*later, query.code]
    if query.status is not None:
        rest, later = f"{rest} AND status=?", [*later, query.status]
    if query.status_class is not None and "failed" not in where:
        low = query.status_class * 100
        rest, later = f"{rest} AND status>=? AND status<?", [*later, low, low + 100]
    if query.method is not None:
        rest, later = f"{rest} AND method=?", [*later, query.method]
    if query.path is not None:
        rest, later = f"{rest} AND path>=? AND path<?", [*later, query.path, query.path + "\U0010ffff"]
    return where, rest, values, later


async def one(world: World, scope: int, id: str) -> Line | None:
    own = id.removeprefix(PREFIX)
    rows = await world.engine.rows(f"SELECT {COLUMNS} FROM request_log WHERE scope=? AND id=?", (scope, own))
    return _line(scope, rows[0]) if rows else None


async def anywhere(world: World, id: str) -> Line | None:
    """The line in whichever sandbox it is: for a page whose URL holds nothing but the id."""
    rows = await world.engine.rows(
        "SELECT r.scope FROM scope s JOIN request_log r ON r.scope=s.scope AND r.id=?", (id.removeprefix(PREFIX),)
    )
    return await one(world, rows[0][0], id) if rows else None


async def details(world: World, lines: Sequence[Line]) -> dict[str, Detail]:
    """What is kept of these lines of one scope beside themselves, by id."""
    if not lines:
        return {}
    marks = ",".join("?" * len(lines))
    rows = await world.engine.rows(
        f"SELECT id, packed FROM request_detail WHERE scope=? AND id IN ({marks})",
        (lines[0].scope, *(line.id.removeprefix(PREFIX) for line in lines)),
    )
    return {PREFIX + id: msgspec.json.decode(unpack(bytes(packed)), type=Detail) for id, packed in rows}


async def askers(world: World, lines: Sequence[Line]) -> dict[int, Asker]:
    numbers = {line.caller for line in lines}
    if not numbers:
        return {}
    rows = await world.engine.rows(
        "SELECT caller, key_hint, key_kind, api_version, ip, user_agent FROM request_caller "
        f"WHERE caller IN ({','.join('?' * len(numbers))})", tuple(numbers),
    )  # fmt: skip
    return {row[0]: Asker(*row[1:]) for row in rows}


async def purge(world: World) -> None:
    """Drop what is past `log_days`, and the hours before the newest `log_rows` lines."""
    oldest = await _oldest_kept(world)
    end = created_bounds(PREFIX[:-1], oldest).removeprefix(PREFIX)
    await drop_before(world, "request_log", "id", end)
    await drop_before(world, "request_detail", "id", end)
    rows: Written = [("DELETE FROM request_hour WHERE hour<?", (oldest - HOUR,))]
    while True:
        found = await world.engine.rows(
            "SELECT seen FROM request_caller WHERE seen<? ORDER BY seen LIMIT 1 OFFSET ?", (oldest - DAY, AT_ONCE)
        )
        rows.append(("DELETE FROM request_caller WHERE seen<?", (found[0][0] + 1 if found else oldest - DAY,)))
        await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=rows))
        if not found:
            return
        rows = []


async def _oldest_kept(world: World) -> int:
    """The second from which on lines are kept."""
    oldest: int = world.clock.micros() // SECOND - world.settings.log_days * DAY
    total = 0
    for hour, lines in await world.engine.rows("SELECT hour, lines FROM request_hour ORDER BY hour DESC"):
        total += lines
        if total > world.settings.log_rows:
            return max(oldest, int(hour))
    return oldest


def _line(scope: int, row: Row) -> Line:
    id, caller, method, path, status, micros, code, object, key = row
    return Line(
        scope=scope, id=PREFIX + id, caller=caller, method=method, path=path, status=status, micros=micros, code=code,
        object=object, idempotency_key=key,
    )  # fmt: skip
