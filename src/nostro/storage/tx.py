"""`tx` builds a unit of work: it reads a snapshot, remembers what changed, and does no other I/O.

A verb that meets a conflict runs again with a new `tx`, so nothing here may have an effect outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError, no_such
from nostro.kernel.lifecycle import Move
from nostro.kernel.posting import Posting, balanced
from nostro.kernel.resource import Resource, Stored, View
from nostro.kernel.search import term

from .body import ROW, kept, whole
from .engine import Row
from .memory import Memory, memory_of
from .runs import ask, balance_upto
from .unit import Entry, Scope, Unit, Write
from .world import World

R = TypeVar("R", bound=Stored)
_encode = msgspec.json.Encoder().encode
PUT_JOB = (
    "INSERT INTO job (scope,kind,ref,due,number) VALUES (?,?,?,?,?) "
    "ON CONFLICT (scope,kind,ref) DO UPDATE SET due=excluded.due, attempts=0, error=NULL, puts=job.puts+1"
)
PUT_SOONER = (
    "INSERT INTO job (scope,kind,ref,due,number) VALUES (?,?,?,?,?) ON CONFLICT (scope,kind,ref) DO UPDATE SET "
    "due=CASE WHEN job.due<excluded.due THEN job.due ELSE excluded.due END, attempts=0, error=NULL, puts=job.puts+1"
)
# What others have put on while the job ran comes first: it is due, and that run will have its own say.
PUT_AGAIN = (
    "INSERT INTO job (scope,kind,ref,due,number) VALUES (?,?,?,?,?) "
    "ON CONFLICT (scope,kind,ref) DO UPDATE SET due=excluded.due WHERE job.number=excluded.number"
)
BALANCE = (
    "SELECT a.account, a.balance, (SELECT max(r.last) FROM ledger_run r WHERE r.book=a.book) FROM ledger_account a "
    "WHERE a.book=? AND a.code=? AND a.currency=?"
)
END_JOB = "DELETE FROM job WHERE scope=? AND kind=? AND ref=?"
CLAIM_JOB = "UPDATE job SET number=number+1 WHERE scope=? AND kind=? AND ref=? AND number=? AND due<=?"
RAN_JOB = "DELETE FROM job WHERE scope=? AND kind=? AND ref=? AND number=? AND puts=?"
PUT_TERM = "INSERT INTO search_term (scope,term,id) VALUES (?,?,?) ON CONFLICT (scope,term,id) DO NOTHING"


class Request(Struct, frozen=True):
    """Who asked: shown in events and logs. `from_browser`: with a publishable key. `key` tells keys apart, `hint` is
    what may be shown of one; jobs have none."""

    id: str | None = None
    idempotency_key: str | None = None
    api_version: str | None = None
    from_browser: bool = False
    key: str = ""
    hint: str = ""


class Happened(Struct, frozen=True):
    """An event to be: the object's stored form at that moment, and the one before for `*.updated`."""

    type: str
    record: Stored
    body: bytes
    before: Stored | None


class Tx:
    """One attempt at one unit of work. A unit that touches several scopes has a part for each: `beside`."""

    def __init__(self, world: World, scope: Scope, request: Request | None = None, *, of: Tx | None = None) -> None:
        self.world = world
        self.registry = world.registry
        self.scope = scope
        self.request = request or Request()
        self.unit: Unit = of.unit if of else Unit(scope=scope, micros=world.clock.micros())
        self._first = of
        self._others: list[Tx] = []
        self.micros = self.unit.micros + scope.offset * SECOND
        self.now = self.micros // SECOND
        self.happened: list[Happened] = []
        self.outcome: ApiError | None = None
        self._read: dict[tuple[str, str], tuple[int, Stored]] = {}
        self._written: dict[tuple[str, str], Stored | None] = {}
        self._bodies: dict[int, tuple[Stored, bytes]] = {}
        self._runs: tuple[int, str, str] | None = None
        self._again = 0

    @property
    def merchant(self) -> str:
        return self.scope.merchant

    @property
    def view(self) -> View:
        return self.world.view(self.now)

    def enter(self, scope: Scope) -> None:
        """Act in another scope of the same book from here on. Only before anything was read or written."""
        assert scope.book == self.scope.book, "another book"
        assert not (self._read or self._written or self.unit.rows or self._others), "too late to change the scope"
        self.scope = self.unit.scope = scope
        self.micros = self.unit.micros + scope.offset * SECOND
        self.now = self.micros // SECOND
        self.rely_on_time()

    def beside(self, scope: Scope) -> Tx:
        """The same unit's part in another scope of the book: through it, that scope's records are read and written.

        What a part posts, schedules and emits is committed with the rest; its events are told in its scope.
        """
        assert scope.book == self.scope.book, "another book"
        known = next((part for part in self.parts if part.scope.number == scope.number), None)
        if known is None:
            first = self._first or self
            known = Tx(self.world, scope, self.request, of=first)
            first._others.append(known)
            known.rely_on_time()
        return known

    @property
    def parts(self) -> list[Tx]:
        """The unit's parts, the first one first."""
        first = self._first or self
        return [first, *first._others]

    def close(self) -> None:
        """Let the parts go: they name each other, and would wait for the collector of garbage."""
        self._others.clear()

    def new_id(self, prefix: str) -> str:
        return self.world.ids.new(prefix, self.micros, self.scope.number)

    # Reading -------------------------------------------------------------------

    async def find(self, resource: Resource[R], id: str) -> R | None:
        """The record as this unit sees it, or None."""
        key = (resource.table, id)
        if key in self._written:
            return self._written[key]  # type: ignore[return-value]
        if key in self._read:
            return self._read[key][1]  # type: ignore[return-value]
        if not (id.isascii() and id.isprintable()) or len(id) > 255:
            return None
        found = await self.world.engine.rows(
            f'SELECT {ROW} FROM "{resource.table}" WHERE scope=? AND id=?', (self.scope.number, id)
        )
        return self.loaded(resource, found[0]) if found else None

    async def get(self, resource: Resource[R], id: str, param: str = "id") -> R:
        """The record, or the API's resource_missing error about `param`."""
        record = await self.find(resource, id)
        if record is None or (resource.visible and not resource.visible(record)):
            raise no_such(resource.noun or resource.object, id, param)
        return record

    async def recall(self, resource: Resource[R], id: str) -> R | None:
        """What `find` answers, from memory if it is there. If it was changed since, the unit runs again."""
        key, memory = (resource.table, id), self._memory(resource)
        if memory is None or key in self._written:
            return await self.find(resource, id)
        if key not in memory.records:
            found = await self.find(resource, id)
            if found is not None or resource.remembered == "all":
                memory.keep(*key, self._read.get(key))
            return found
        known = memory.records[key]
        return None if known is None else self._seen(resource, known)

    async def recall_one(self, resource: Resource[R], where: Mapping[str, str]) -> R | None:
        """The same for the one record whose declared filters equal `where`, if those never change."""
        key, memory = "\0".join(where.values()), self._memory(resource)
        if memory is not None and (known := memory.records.get((resource.table, key))) is not None:
            return self._seen(resource, known)
        found = await self.all(resource, where, limit=1)
        if found and memory is not None:
            memory.keep(resource.table, key, self._read[resource.table, found[0].id])
        return found[0] if found else None

    async def recall_all(self, resource: Resource[R], limit: int) -> list[R]:
        """The same for all of the scope's records, newest first."""
        assert resource.remembered == "all", f"of {resource.name} there may be more by now"
        memory = self._memory(resource)
        if memory is None:
            return await self.all(resource, {}, limit)
        if resource.table not in memory.lists:
            found = await self.all(resource, {}, limit)
            memory.lists[resource.table] = [self._read[resource.table, record.id] for record in found]
        return [self._seen(resource, known) for known in memory.lists[resource.table]]

    def _memory(self, resource: Resource[R]) -> Memory | None:
        assert resource.remembered, f"{resource.name} is not remembered"
        return self.memory()

    def memory(self) -> Memory | None:
        """What is remembered of the scope, for this unit to act on; None if it is to read."""
        self.rely()
        return memory_of(self.world, self.scope)

    def rely_on_time(self) -> None:
        """The same where time can be moved, and perhaps was."""
        if self.scope.dev:
            self.rely()

    def rely(self) -> None:
        """The commit checks that the scope is as it is known here: its time, and what is remembered of it."""
        if self.scope.edition is not None:
            self.unit.recalled[self.scope.number] = self.scope

    async def all(
        self, resource: Resource[R], where: Mapping[str, str], limit: int = 100, newest_first: bool = True
    ) -> list[R]:
        """Committed records whose declared filters equal `where`, with this unit's own changes shown."""
        engine = self.world.engine
        condition = "".join(f" AND {engine.path(field)}=?" for field in where)
        rows = await engine.rows(
            f'SELECT {ROW} FROM "{resource.table}" WHERE scope=?{condition} '
            f"ORDER BY id {'DESC' if newest_first else 'ASC'} LIMIT ?",
            (self.scope.number, *where.values(), limit),
        )
        return [self.loaded(resource, row) for row in rows]

    async def outdated(self) -> bool:
        """Whether another unit has changed what this one has read."""
        for part in self.parts:
            for (table, id), (version, _) in part._read.items():
                statement = f'SELECT version FROM "{table}" WHERE scope=? AND id=?'
                found = await self.world.engine.rows(statement, (part.scope.number, id))
                if not found or found[0][0] != version:
                    return True
        return False

    def loaded(self, resource: Resource[R], row: Row) -> R:
        """A record from its version, id, moment and body; what this unit has read or written before stays as it was."""
        version, id, created, body = row
        record = msgspec.json.decode(whole(id, created, body), type=resource.record)
        return self._seen(resource, (version, record))

    def _seen(self, resource: Resource[R], known: tuple[int, Stored]) -> R:
        key = (resource.table, known[1].id)
        self._read.setdefault(key, known)
        return self._written.get(key) or self._read[key][1]  # type: ignore[return-value]

    async def every(self, resource: Resource[R], limit: int) -> list[R]:
        """The scope's records as this unit leaves them, with what it made and without what it deleted."""
        found = {record.id: record for record in await self.all(resource, {}, limit, newest_first=False)}
        for (table, id), record in self._written.items():
            if table == resource.table:
                found.pop(id, None)
                if record is not None:
                    found[id] = record  # type: ignore[assignment]
        return [found[id] for id in sorted(found)]

    def version(self, record: Stored) -> int:
        """The version at which this unit has read a record; each commit that keeps it adds one."""
        return self._read[self.registry.of(record).table, record.id][0]

    async def balance(self, account: str, currency: str) -> int:
        """The committed balance of an account in this book, debit positive, in minor units."""
        rows = self.world.engine.rows
        found = await rows(BALANCE, (self.scope.book, account, currency))
        if not found:
            return 0
        number, balance, last = found[0]
        return (
            int(balance)
            if last is None
            else int(balance) + await ask(rows, balance_upto(self.scope.book, number, last))
        )

    async def pinned_balance(self, account: str, currency: str) -> int:
        """The same, of an account that is not busy: if it is another when this unit commits, the unit runs again."""
        balance = self.unit.pinned[account, currency] = await self.balance(account, currency)
        return balance

    # Writing -------------------------------------------------------------------

    def save(self, record: R, *events: str) -> R:
        """Keep a new or changed record, and emit events about it as it now is."""
        resource = self.registry.of(record)
        key = (resource.table, record.id)
        before = self._written.get(key) or (self._read[key][1] if key in self._read else None)
        self._written[key] = record
        for type in events:
            self.happened.append(Happened(type, record, self._body(record), before))
        return record

    def delete(self, record: Stored, *events: str) -> None:
        for type in events:
            self.emit(type, record)
        self._written[(self.registry.of(record).table, record.id)] = None

    def move(self, record: R, move: Move[R], *, effective: int | None = None, **changes: Any) -> R:
        """The only way a status changes: the new state, its postings and its events, together. The postings count from
        `effective` on (seconds), or from now."""
        resource = self.registry.of(record)
        life = resource.life
        assert life is not None, f"{type(record).__name__} has no life"
        assert life.moves.get(move.name) is move, f"{move.name} is not a move of {type(record).__name__}"
        if move.source:
            state = getattr(record, life.field)
            assert state in move.source, f"{record.id} cannot {move.name} from {state}"
        moved: R = msgspec.structs.replace(record, **{life.field: move.target}, **changes)
        self.post(f"{resource.object}.{move.name}", record.id, move.posts(moved), effective=effective)
        return self.save(moved, *move.emits)

    def emit(self, type: str, record: Stored, before: Stored | None = None) -> None:
        """An event about a record that this unit does not change, or that has no table and was `before`."""
        self.happened.append(Happened(type, record, self._body(record), before))

    def post(
        self, kind: str, source: str, postings: Iterable[Posting], *, effective: int | None = None,
        reverses: int | None = None, description: str | None = None,
    ) -> None:  # fmt: skip
        """Book a balanced entry under the posting rule `kind`; no postings, no entry."""
        lines = tuple(postings)
        if not lines:
            return
        assert balanced(lines), f"{kind} for {source} is out of balance: {lines}"
        at = self.now if effective is None else effective
        self.unit.entries.append(Entry(kind, source, at, lines, reverses, description))

    def schedule(
        self, kind: str, ref: str, due: int, *, scope: int | None = None, sooner: bool = False
    ) -> None:  # fmt: skip
        """Run the job `kind` about `ref` at `due` (seconds, sandbox time); a later call moves it, with `sooner` only
        to before. At least one run begins after this unit. `scope` is another one's number."""
        assert kind in self.world.jobs, f"no job is called {kind}"
        job = (self.scope.number if scope is None else scope, kind, ref)
        if job == self._runs:
            self.write_row(PUT_AGAIN, (*job, due, self._again))
        else:
            self.write_row(PUT_SOONER if sooner else PUT_JOB, (*job, due, self.world.ids.number()))
        self.unit.due = due if self.unit.due is None else min(due, self.unit.due)

    def unschedule(self, kind: str, ref: str) -> None:
        self.write_row(END_JOB, (self.scope.number, kind, ref))

    def run_job(self, kind: str, ref: str, number: int, puts: int, until: int) -> None:
        """This unit is the job's run, and the only one under this number; what it was put on since is left."""
        self._runs, self._again = (self.scope.number, kind, ref), self.world.ids.number()
        self.claim(CLAIM_JOB, (*self._runs, number, until))
        self.write_row(RAN_JOB, (*self._runs, number + 1, puts))

    def claim(self, statement: str, values: tuple[Any, ...]) -> None:
        """Take one row for this unit alone: if the statement does not change exactly one, the unit is stale."""
        assert self.unit.claim is None, "a unit claims one thing"
        self.unit.claim = (statement, values)

    def write_row(self, statement: str, values: tuple[Any, ...]) -> None:
        """A row of a hand-written table, committed with the rest."""
        self.unit.rows.append((statement, values))

    def decline(self, error: ApiError) -> None:
        """Answer with this error, but keep what the unit did: a decline is an outcome, not a failure."""
        self.outcome = error

    def seal(self) -> Unit:
        """The finished unit: every changed record as a write with the version it was read at."""
        for part in self.parts:
            part._seal_own()
        return self.unit

    def _seal_own(self) -> None:
        scope = self.scope.number
        for (table, id), record in self._written.items():
            read = self._read[(table, id)][0] if (table, id) in self._read else 0
            if (kind := self.registry.remembered.get(table)) and (read or kind == "all"):
                self.unit.renewed.add(scope)
            if record is not None:
                self._put_terms(table, record)
                body = kept(self._body(record), id, record.created)
                self.unit.writes.append(Write(table, id, read, record.created, body, scope))
            elif read:
                self.unit.writes.append(Write(table, id, read, 0, None, scope))

    def _put_terms(self, table: str, record: Stored) -> None:
        """What a record's metadata is found by, where its resource can be searched."""
        metadata = getattr(record, "metadata", None)
        if not metadata or not self.registry.of(record).search:
            return
        before = self._read.get((table, record.id))
        was = before[1].metadata if before else {}  # type: ignore[attr-defined]
        for key, value in metadata.items():
            if was.get(key) != value:
                self.write_row(PUT_TERM, (self.scope.number, term(table, key, value), record.id))

    def _body(self, record: Stored) -> bytes:
        """Encoded once for each value; the record is kept beside it so that its identity stays its own."""
        known = self._bodies.get(id(record))
        if known is None:
            known = self._bodies[id(record)] = (record, _encode(record))
        return known[1]
