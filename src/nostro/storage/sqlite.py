"""The embedded engine: SQLite through apsw, one file, WAL, synchronous=FULL.

Units that arrive while a commit is being synced wait and are applied together in the next one
(group commit). Rows are written on the event loop's own thread and only the COMMIT, which waits for
the disk, runs on another: apsw gives up the interpreter's lock at every row, and a second thread would
lose it to the loop each time (docs/decisions/0002 has the measurement).

The log is carried over into the file (a checkpoint) on a third connection, beside the commits; what they add meanwhile
is little, and is carried over after one of them, which lets the log begin anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import apsw

from nostro.kernel.clock import elapsed
from nostro.kernel.errors import ApiError, Conflict, unavailable
from nostro.kernel.resource import Resource

from .batch import AccountKey
from .body import COLUMNS
from .booking import Booking, booked
from .books import Books, Head, Standing
from .columns import Ints
from .engine import PathKind, Row, Watch, unwatched
from .indexes import indexes
from .rows import RowWrite, grouped
from .runs import Ask, balances_upto
from .schema import migrations
from .sqlite_accounts import look_up, meet
from .standings import Standings
from .unit import Key, Unit, together

logger = logging.getLogger("nostro.storage")
GROUP = 256
LONG_LOG = 4000  # pages in the log, 8 KiB each, from which on it is carried over
CARRY_OVER = "PRAGMA wal_checkpoint(PASSIVE)"
PART = 65_536  # less than the 128 KB that SQLite writes at a time
# The disk is full, fails, or is kept by another program: the caller may come back, and so may the disk.
DISK = (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.BusyError)
TAKEN = (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID)
INSERT_ENTRY = "INSERT INTO ledger_entry VALUES (?,?,?,?,?,?,?,?,?,?)"
INSERT_POSTING = "INSERT INTO ledger_posting VALUES (?,?,?,?)"
INSERT_ACCOUNT = "INSERT INTO ledger_account (account,book,code,currency,balance) VALUES (?,?,?,?,0)"
INSERT_LINK = "INSERT INTO ledger_chain VALUES (?,?,?,?,?)"
INSERT_LATE = "INSERT INTO ledger_late VALUES (?,?,?,?)"
LATEST = (
    "SELECT coalesce((SELECT latest FROM ledger_entry WHERE book=? ORDER BY entry DESC LIMIT 1),0), "
    "coalesce((SELECT latest FROM ledger_batch WHERE book=? ORDER BY first DESC LIMIT 1),0)"
)
CLOSED = "SELECT until FROM ledger_closed WHERE book=?"
SCOPE_NOW = "SELECT edition, clock_offset FROM scope WHERE scope=?"
RENEW = "UPDATE scope SET edition=edition+1 WHERE scope=?"
INSERT_BATCH = "INSERT INTO ledger_batch VALUES (?,?,?,?,?,?,?,?,?)"
INSERT_KIND = "INSERT INTO ledger_batch_kind VALUES (?,?,?)"
INSERT_RUN = "INSERT INTO ledger_run VALUES (?,?,?,?,?,?)"
INSERT_PAGE = "INSERT INTO ledger_page VALUES (?,?,?,?)"
ALL = 2**63 - 1
T = TypeVar("T")
Waiting = tuple[Unit, "asyncio.Future[None]"]


class SqliteEngine:
    """One file. `durable=False` skips the sync to disk, for tests that may lose everything."""

    exclusive = True
    vfs = ""
    """What SQLite reads and writes files with, by its name there; the system's own if it is empty."""
    long_log = LONG_LOG

    def __init__(self, path: str | Path, *, durable: bool = True) -> None:
        self.watch: Watch = unwatched
        self.file = Path(path)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._open(durable)
        self._reader = self._open(durable)
        self._carrier = self._open(durable)
        self._thread = ThreadPoolExecutor(1, "nostro-commit")
        self._beside = ThreadPoolExecutor(1, "nostro-checkpoint")
        self._carrying: Future[Any] | None = None
        self._log_pages = 0
        self._writer.set_wal_hook(self._grown)
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None
        self._standings = Standings()
        self._link = 0
        self._latest: dict[int, int] = {}
        self._statements: dict[str, tuple[str, str, str, str]] = {}

    def _open(self, durable: bool) -> apsw.Connection:
        db = apsw.Connection(str(self.file), vfs=self.vfs or None, statementcachesize=500)
        db.set_busy_timeout(10_000)
        for pragma in ("page_size=8192", "journal_mode=WAL", f"synchronous={'FULL' if durable else 'OFF'}",
                       "cache_size=-65536", "mmap_size=1073741824", "temp_store=MEMORY",
                       "wal_autocheckpoint=0"):  # fmt: skip
            db.execute(f"PRAGMA {pragma}").fetchall()
        return db

    # Reading -------------------------------------------------------------------

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        try:
            return _all(self._reader, statement, tuple(values))
        except DISK as error:
            raise _out_of_order(error) from error

    async def version(self) -> int:
        number: int = _all(self._reader, "PRAGMA user_version")[0][0]
        return number

    async def size(self) -> int:
        parts = (self.file, self.file.with_name(self.file.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    @staticmethod
    def path(*field: str, kind: PathKind = "text") -> str:
        return _extract(field)

    # Setting up ----------------------------------------------------------------

    async def prepare(self, resources: Sequence[Resource[Any]]) -> None:
        try:
            self._renew_log()
            with self._writer:
                self._migrate()
                for resource in resources:
                    if resource.stored:
                        for statement in self.table(resource):
                            self._writer.execute(statement)
        except DISK as error:
            raise _out_of_order(error) from error

    def _renew_log(self) -> None:
        """Write the log again as it stands, and sync it, before anybody is told what is in it.

        After a sync that failed, the system's cache can show a commit that the disk does not have and that no later
        sync writes (docs/decisions/0020). Nobody else can write to the log while our transaction is open.
        """
        log = Path(f"{self.file}-wal")
        if not log.exists():
            return
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            file = apsw.VFSFile(self.vfs, str(log), [apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_READWRITE, 0])
            try:
                for offset in range(0, size := file.xFileSize(), PART):
                    file.xWrite(file.xRead(min(PART, size - offset), offset), offset)
                file.xSync(apsw.SQLITE_SYNC_FULL)
            finally:
                file.xClose()
        finally:
            self._writer.execute("ROLLBACK")

    async def build_indexes(self, resources: Sequence[Resource[Any]], told: Callable[[str], None]) -> None:
        """`prepare` has built them all: there is one writer, and it was not writing yet."""

    def _migrate(self) -> None:
        version = _all(self._writer, "PRAGMA user_version")[0][0]
        for number, script in migrations(after=version):
            self._writer.execute(script)
            self._writer.execute(f"PRAGMA user_version={number}")

    @classmethod
    def table(cls, resource: Resource[Any]) -> list[str]:
        """The resource's table and its indexes."""
        name = resource.table
        statements = record_table(name)
        for index in indexes(resource, cls.path):
            where = f" WHERE {index.where}" if index.where else ""
            statements.append(
                f'CREATE INDEX IF NOT EXISTS "{name}__{index.name}" ON "{name}" ({index.columns()}){where}'
            )
        return statements

    # Committing ----------------------------------------------------------------

    async def commit(self, unit: Unit) -> None:
        if unit.batch is not None:
            try:
                await meet(self._reader, self._standings, unit.batch.accounts)
            except DISK as error:
                raise _out_of_order(error) from error
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        while self._waiting:
            count = together([unit for unit, _ in self._waiting[: GROUP + 1]], GROUP)
            group, self._waiting = self._waiting[:count], self._waiting[count:]
            try:
                await self._commit_group(group)
            except DISK as error:
                for _, done in group:
                    _answer(done, _out_of_order(error))
            except Exception as error:
                if len(group) == 1:
                    _answer(group[0][1], _taken(error) or error)
                    continue
                for one in group:  # one bad unit must not take the others with it
                    try:
                        await self._commit_group([one])
                    except DISK as disk_error:
                        _answer(one[1], _out_of_order(disk_error))
                    except Exception as own_error:
                        _answer(one[1], _taken(own_error) or own_error)

    async def _commit_group(self, group: list[Waiting]) -> None:
        started = elapsed()
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            batch = group[0][0].batch is not None
            verdicts, learn = self._apply_batch(group[0][0]) if batch else self._apply([unit for unit, _ in group])
            await asyncio.get_running_loop().run_in_executor(self._thread, self._sync)
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        learn()
        self.watch(
            [unit for (unit, _), verdict in zip(group, verdicts, strict=True) if not verdict], elapsed() - started
        )
        for (_, done), verdict in zip(group, verdicts, strict=True):
            _answer(done, verdict)

    def _sync(self) -> None:
        self._writer.execute("COMMIT")
        if self._log_pages >= self.long_log:
            self._carry_over()

    def _carry_over(self) -> None:
        """What cannot be carried over now is safe where it is: the next commit tries again."""
        if self._carrying is None:
            self._carrying = self._beside.submit(_all, self._carrier, CARRY_OVER)
        elif self._carrying.done():
            self._carrying = None
            with contextlib.suppress(apsw.Error):
                _all(self._writer, CARRY_OVER)

    def _grown(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _apply(self, units: list[Unit]) -> tuple[list[Exception | None], Callable[[], None]]:
        """Check each unit and write the good ones. Answers each unit's refusal or None, and what is to be remembered
        once it is committed."""
        books = Books(self._head(units), self._standing)
        touched: set[Key] = set()
        now = self._scopes(units)
        staged: dict[str, list[tuple[Any, ...]]] = {}
        rows: list[RowWrite] = []
        verdicts: list[Exception | None] = []
        for unit in units:
            stale = unit.forgetful(touched, now) or self._stale(unit, touched) or self._outdated(unit)
            verdict = stale or books.refusal(unit) or self._too_late(unit)
            verdicts.append(verdict)
            if verdict is None:
                books.book(unit)
                self._stage(unit, touched, staged)
                rows += _rows(unit)
        self._write_rows(staged, rows)
        self._write_books(books)
        return verdicts, lambda: self._learn(books)

    def _apply_batch(self, unit: Unit) -> tuple[list[Exception | None], Callable[[], None]]:
        """The same for a unit with a batch. What the batch's limits say is raised."""
        assert unit.batch is not None and not unit.entries, "a batch is booked by itself"
        stale = unit.forgetful(set(), self._scopes([unit])) or self._stale(unit, set()) or self._outdated(unit)
        if verdict := stale or self._too_late(unit):
            return [verdict], lambda: None
        head, known = self._head([unit]), self._standings
        places = self._load(unit.batch.accounts)
        booking = booked(head, unit.batch, unit.micros, known.at(places))
        staged: dict[str, list[tuple[Any, ...]]] = {}
        self._stage(unit, set(), staged)
        self._write_rows(staged, _rows(unit))
        if booking is None:
            return [None], lambda: None
        self._write_batch(booking)
        return [None], lambda: self._learn_batch(places, booking)

    def _learn(self, books: Books) -> None:
        self._link = books.head.link
        self._latest.update(books.head.latest)
        self._standings.learn(books)

    def _learn_batch(self, places: Ints, booking: Booking) -> None:
        self._link = booking.head.link
        self._latest.update(booking.head.latest)
        self._standings.learn_batch(places, booking)

    def _write_rows(self, staged: dict[str, list[tuple[Any, ...]]], rows: Sequence[RowWrite]) -> None:
        for statement, records in staged.items():
            self._writer.executemany(statement, records)
        for statement, many in grouped(rows):
            self._writer.executemany(statement, many)

    def _scopes(self, units: Sequence[Unit]) -> dict[int, tuple[int, int]]:
        """Edition and offset of the scopes that the units recalled, as they are."""
        numbers = {number for unit in units for number in unit.recalled}
        return {number: row for number in numbers for row in _all(self._writer, SCOPE_NOW, (number,))}

    def _stale(self, unit: Unit, touched: set[Key]) -> Conflict | None:
        for write in unit.writes:
            scope = unit.whose(write)
            if (scope, write.table, write.id) in touched:
                return Conflict(write.id)
            if write.read == 0:
                continue
            found = _all(self._writer, self._sql(write.table)[0], (scope, write.id))
            if not found or found[0][0] != write.read:
                return Conflict(write.id)
        return None

    def _outdated(self, unit: Unit) -> Conflict | None:
        for one in unit.unless:
            if not one.holds(_all(self._writer, one.statement, one.values)):
                return Conflict(one.statement)
        return None

    def _too_late(self, unit: Unit) -> Conflict | None:
        """The last check, because a claim that succeeds has already written."""
        if unit.claim is None:
            return None
        self._writer.execute(*unit.claim)
        return None if self._writer.changes() == 1 else Conflict(unit.claim[0])

    def _stage(self, unit: Unit, touched: set[Key], staged: dict[str, list[tuple[Any, ...]]]) -> None:
        touched |= unit.touches
        for write in unit.writes:
            scope = unit.whose(write)
            _, insert, update, delete = self._sql(write.table)
            if write.body is None:
                staged.setdefault(delete, []).append((scope, write.id))
            elif write.read == 0:
                staged.setdefault(insert, []).append((scope, write.id, write.created, write.body.decode()))
            else:
                staged.setdefault(update, []).append((write.read + 1, write.body.decode(), scope, write.id))

    def _sql(self, table: str) -> tuple[str, str, str, str]:
        if table not in self._statements:
            self._statements[table] = (
                f'SELECT version FROM "{table}" WHERE scope=? AND id=?',
                f'INSERT INTO "{table}" (scope,id,version,created,body) VALUES (?,?,1,?,?)',
                f'UPDATE "{table}" SET version=?, body=? WHERE scope=? AND id=?',
                f'DELETE FROM "{table}" WHERE scope=? AND id=?',
            )
        return self._statements[table]

    # The ledger ----------------------------------------------------------------

    def _head(self, units: Sequence[Unit]) -> Head:
        """What is remembered of accounts is forgotten here if another process has booked since."""
        links = _all(self._writer, "SELECT link,last,recorded,hash FROM ledger_chain ORDER BY link DESC LIMIT 1")
        link, entry, recorded, hash = (links or [(0, 0, 0, "")])[0]
        account = _all(self._writer, "SELECT coalesce(max(account),0) FROM ledger_account")[0][0]
        if link != self._link:
            self._standings, self._latest, self._link = Standings(), {}, link
        self._standings.make_room()
        books = {unit.scope.book for unit in units if unit.entries or unit.batch}
        latest = {book: self._latest.get(book) or max(_all(self._writer, LATEST, (book, book))[0]) for book in books}
        closed = {book: until for book in books for (until,) in _all(self._writer, CLOSED, (book,))}
        return Head(link=link, entry=entry, account=account, recorded=recorded, hash=hash, latest=latest, closed=closed)

    def _standing(self, key: AccountKey) -> Standing | None:
        if (known := self._standings.find(key)) is None:
            self._load((key,))
            known = self._standings.find(key)
        return known

    def _load(self, keys: Sequence[AccountKey]) -> Ints:
        """Have the standing of these accounts remembered, as far as they were ever booked on. Answers where."""
        known = self._standings
        places = known.places(keys)
        look_up(self._writer, known, keys, places)
        for book, numbers in known.cold(keys, places).items():
            known.warm(book, *self._ask(balances_upto(book, numbers, ALL)))
            known.cold(keys, places)
        return places

    def _ask(self, asked: Ask[T]) -> T:
        try:
            statement, values = next(asked)
            while True:
                statement, values = asked.send(_all(self._writer, statement, values))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _write_batch(self, booking: Booking) -> None:
        self._writer.executemany(INSERT_ACCOUNT, booking.accounts)
        self._writer.execute(INSERT_BATCH, booking.batch)
        self._writer.executemany(INSERT_KIND, booking.kinds)
        self._writer.execute(INSERT_RUN, booking.run)
        self._writer.executemany(INSERT_PAGE, booking.pages)
        self._writer.executemany(INSERT_LATE, booking.late)
        self._write_rows({}, booking.named)
        self._writer.execute(INSERT_LINK, booking.link)

    def _write_books(self, books: Books) -> None:
        link = books.close()
        if link is None:
            return
        self._writer.executemany(INSERT_ACCOUNT, books.new_accounts)
        self._writer.executemany(
            INSERT_ENTRY, [(*entry, latest) for entry, latest in zip(books.entries, books.latest, strict=True)]
        )
        self._writer.executemany(INSERT_LATE, books.late)
        self._writer.executemany(INSERT_POSTING, books.postings)
        totals = [(balance, account) for account, _, balance in books.moved()]
        self._writer.executemany("UPDATE ledger_account SET balance=? WHERE account=?", totals)
        self._writer.execute(INSERT_LINK, link)

    async def close(self) -> None:
        if self._draining is not None:
            await asyncio.gather(self._draining, return_exceptions=True)
        self._thread.shutdown()
        self._beside.shutdown()
        self._carrier.close()
        self._reader.close()
        self._writer.close()


def record_table(name: str) -> list[str]:
    """A table of records, and the index that names each."""
    return [
        f'CREATE TABLE IF NOT EXISTS "{name}" (scope INTEGER NOT NULL, id TEXT NOT NULL, '
        "version INTEGER NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL)",
        f'CREATE UNIQUE INDEX IF NOT EXISTS "{name}__id" ON "{name}" (scope, id)',
    ]


def _all(db: apsw.Connection, statement: str, values: tuple[Any, ...] = ()) -> list[Row]:
    return db.execute(statement, values).fetchall()


def _rows(unit: Unit) -> list[RowWrite]:
    """The rows of hand-written tables, scopes included."""
    return [*unit.rows, *((RENEW, (number,)) for number in unit.renewed)]


def _taken(error: Exception) -> Conflict | None:
    """Another unit made a record or a row that this one makes too: it runs again, and finds it."""
    if isinstance(error, apsw.ConstraintError) and error.extendedresult in TAKEN:  # type: ignore[attr-defined]
        return Conflict(str(error))
    return None


def _out_of_order(error: Exception) -> ApiError:
    """503. Whether a commit whose sync failed is there after a crash is open, so nobody is told that it is."""
    logger.error("the disk does not do what it should: %s", error)
    return unavailable()


def _answer(done: asyncio.Future[None], verdict: Exception | None) -> None:
    if done.done():
        return
    if verdict is None:
        done.set_result(None)
    else:
        done.set_exception(verdict)


@lru_cache(maxsize=1_000)
def _extract(field: tuple[str, ...]) -> str:
    """`card.last4`, or the steps one by one, read from the body; every step is quoted, so any key is safe."""
    if field in COLUMNS:
        return field[0]
    steps = field[0].split(".") if len(field) == 1 else field
    path = "$" + "".join('."' + step.replace('"', "").replace("'", "''") + '"' for step in steps)
    return f"json_extract(body, '{path}')"
