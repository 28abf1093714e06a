"""Idempotency keys: the first answer is committed with its effects and given again, byte for byte.

Keys live for a day. A key used with another path or other parameters is an error; a key whose first
request is still running answers 409.

A key is nearly always new, so nobody looks first: the unit claims it, and only one that claims in vain, or is refused,
looks whether there is an answer. Keys that this worker has just seen are looked for at once.
"""

from __future__ import annotations

import hashlib

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError
from nostro.kernel.http import Reply
from nostro.storage.pack import pack, unpacked
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY, Scope, Unit
from nostro.storage.world import World

LIFETIME = 86_400
LONGEST_KEY = 255
PUT = "INSERT INTO idempotency (scope,key,fingerprint,status,request,body,created) VALUES (?,?,?,?,?,?,?)"
CLAIM = PUT + " ON CONFLICT (scope,key) DO NOTHING"
MOST_SEEN = 20_000
PURGE = "DELETE FROM idempotency WHERE created < ?"


PURGED_AT_ONCE = 500
OLDEST = "SELECT created FROM idempotency WHERE created < ? ORDER BY created LIMIT 1 OFFSET ?"


async def purge(world: World) -> None:
    """Drop the keys that are past their day, a few at a time so that nothing waits for it."""
    micros = world.clock.micros()
    end = micros // SECOND - LIFETIME
    while True:
        rows = await world.engine.rows(OLDEST, (end, PURGED_AT_ONCE))
        before = rows[0][0] + 1 if rows else end
        await world.engine.commit(Unit(scope=NOBODY, micros=micros, rows=[(PURGE, (before,))]))
        if not rows:
            return


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> str:
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), *([query] if query else ()), body))).hexdigest()[
        :32
    ]


def reference_of(scope: Scope, key: str) -> str:
    """The name under which a stream is booked that has a key and no reference of its own."""
    return "key:" + hashlib.sha256(f"{scope.number}:{key}".encode()).hexdigest()[:32]


class Answered(Exception):
    """Another worker ran the same request at the same moment and was first: this is its answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("answered before")
        self.reply = reply


class Idempotency:
    """The keys of requests that run in this worker, and the store of those that ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[tuple[int, str]] = set()
        self._seen: dict[tuple[int, str], None] = {}

    async def begin(self, scope: Scope, key: str, print: str, sure: bool) -> Reply | None:
        """The stored answer, or None: then the caller runs the request and calls `end`. Unless the caller must be
        `sure`, a key that was not seen here is taken for new."""
        if len(key) > LONGEST_KEY:
            raise ApiError(f"Idempotency keys can be up to {LONGEST_KEY} characters long.", type="idempotency_error")
        if (scope.number, key) in self._running:
            raise in_use(key)
        self._running.add((scope.number, key))
        if not (sure or (scope.number, key) in self._seen):
            return None
        try:
            stored = await self.stored(scope, key, print)
        except BaseException:
            self.end(scope, key)
            raise
        if stored is not None:
            self.end(scope, key)
        return stored

    async def stored(self, scope: Scope, key: str, print: str) -> Reply | None:
        """The first answer, if there is one. Another worker may have been given the same request meanwhile."""
        found = await self._world.engine.rows(
            "SELECT fingerprint, status, body, request FROM idempotency WHERE scope=? AND key=?",
            (scope.number, key),
        )
        if not found:
            return None
        if found[0][0] != print:
            raise ApiError(
                f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        headers = [(b"original-request", found[0][3].encode()), (b"idempotent-replayed", b"true")]
        return Reply(found[0][1], unpacked(bytes(found[0][2])), headers, replayed=True)

    def end(self, scope: Scope, key: str) -> None:
        self._running.discard((scope.number, key))
        self._seen[scope.number, key] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]


def keep(tx: Tx, scope: Scope, key: str, print: str, reply: Reply) -> None:
    """Commit the answer with what it answers, under the scope that asked; once."""
    row = (scope.number, key, print, reply.status, tx.request.id, pack(reply.body), tx.unit.micros // 1_000_000)
    if tx.unit.claim is None:
        tx.claim(CLAIM, row)
    else:
        tx.write_row(PUT, row)


def in_use(key: str) -> ApiError:
    return ApiError(
        f"There is currently another in-progress request using this Idempotent Key: {key}. Please try again later.",
        status=409, type="idempotency_error", code="idempotency_key_in_use",
    )  # fmt: skip
