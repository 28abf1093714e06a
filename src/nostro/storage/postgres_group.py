"""One group commit on PostgreSQL, as the statements to send: a look under the lock, and everything that is written.

Every commit of every worker takes the one row of `commit_order` first, and nothing takes a lock before it. So commits
are one after another, as on SQLite: entry numbers and the hash chain have no gaps, versions and balances that were
looked at stay as they are, and no deadlock can arise, in whatever order units touch rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from nostro.kernel.errors import Conflict, Refused

from .batch import AccountKey, Batch
from .booking import Booking, booked
from .books import Books, Head
from .columns import Ints
from .pipe import NONE, Answer, CellKind, Column, Encoded, Statement, encoded
from .postgres_unless import guard, unless_of
from .rows import RowWrite, grouped
from .standings import Standings
from .unit import Key, Unit

BEGIN: Statement = ("BEGIN ISOLATION LEVEL READ COMMITTED", NONE)
LOCK: Statement = ("SELECT one FROM commit_order WHERE one=1 FOR UPDATE", NONE)
COMMIT: Statement = ("COMMIT", NONE)
ROLLBACK: Statement = ("ROLLBACK", NONE)
HEAD = "SELECT link,last,recorded,hash FROM ledger_chain ORDER BY link DESC LIMIT 1"
LAST_ACCOUNT = "SELECT coalesce(max(account),0) FROM ledger_account"
# What `Lost` leaves open: whether this commit, the newest of its worker, was made.
MARK = (
    "INSERT INTO committer (worker,number,seen) VALUES ($1,$2,$3) "
    "ON CONFLICT (worker) DO UPDATE SET number=excluded.number, seen=excluded.seen"
)
BALANCES = (
    "SELECT a.book,a.code,a.currency,a.account,a.balance FROM "
    "unnest($1::bigint[],$2::text[],$3::text[]) AS r(book,code,currency) "
    "JOIN ledger_account a ON a.book=r.book AND a.code=r.code AND a.currency=r.currency"
)
INSERT_ACCOUNTS = (
    "INSERT INTO ledger_account (account,book,code,currency,balance) "
    "SELECT r.account,r.book,r.code,r.currency,0 "
    "FROM unnest($1::bigint[],$2::bigint[],$3::text[],$4::text[]) AS r(account,book,code,currency)"
)
INSERT_ENTRIES = (
    "INSERT INTO ledger_entry (entry,book,kind,source,recorded,effective,reverses,description,postings,latest) "
    "SELECT * FROM unnest($1::bigint[],$2::bigint[],$3::text[],$4::text[],$5::bigint[],$6::bigint[],$7::bigint[],"
    "$8::text[],$9::text[],$10::bigint[])"
)
ENTRY_TYPES: tuple[CellKind, ...] = (int, int, str, str, int, int, int, str, str, int)
INSERT_LATE = (
    "INSERT INTO ledger_late (account,entry,effective,amount) "
    "SELECT * FROM unnest($1::bigint[],$2::bigint[],$3::bigint[],$4::bigint[])"
)
LATEST = (
    "SELECT b.book, coalesce((SELECT latest FROM ledger_entry WHERE book=b.book ORDER BY entry DESC LIMIT 1),0), "
    "coalesce((SELECT latest FROM ledger_batch WHERE book=b.book ORDER BY first DESC LIMIT 1),0), "
    "coalesce((SELECT until FROM ledger_closed WHERE book=b.book),0) "
    "FROM unnest($1::bigint[]) AS b(book)"
)
INSERT_POSTINGS = (
    "INSERT INTO ledger_posting (account,entry,amount,balance) "
    "SELECT * FROM unnest($1::bigint[],$2::bigint[],$3::bigint[],$4::bigint[])"
)
# A guard divides by zero where it does not hold: the one way to fail that every database has.
# No balance is written that does not follow from the one that stands there.
UPDATE_BALANCES = (
    "WITH moved AS (UPDATE ledger_account a SET balance=r.balance "
    "FROM unnest($1::bigint[],$2::bigint[],$3::bigint[]) AS r(account,before,balance) "
    "WHERE a.account=r.account AND a.balance=r.before RETURNING 1) "
    "SELECT 1/(CASE WHEN count(*)=$4 THEN 1 ELSE 0 END) FROM moved"
)
# The chain is as it was, and no entry takes effect in a closed period: each book's earliest is after it.
GUARD_HEAD = (
    "SELECT 1/(CASE WHEN coalesce(max(link),0)=$1 AND NOT EXISTS ("
    "SELECT 1 FROM unnest($2::bigint[],$3::bigint[]) AS e(book,earliest) JOIN ledger_closed c ON c.book=e.book "
    "WHERE c.until>e.earliest) THEN 1 ELSE 0 END) FROM ledger_chain"
)
# What the units recalled of scopes is still so: each has that edition, and its time is not later.
GUARD_SCOPES = (
    "SELECT 1/(CASE WHEN count(*)=$4 THEN 1 ELSE 0 END) "
    "FROM unnest($1::bigint[],$2::bigint[],$3::bigint[]) AS r(scope,edition,clock_offset) "
    "JOIN scope s ON s.scope=r.scope AND s.edition=r.edition AND s.clock_offset<=r.clock_offset"
)
SCOPES = "SELECT s.scope,s.edition,s.clock_offset FROM unnest($1::bigint[]) AS r(scope) JOIN scope s ON s.scope=r.scope"
RENEW = "UPDATE scope s SET edition=s.edition+1 FROM unnest($1::bigint[]) AS r(scope) WHERE s.scope=r.scope"
GUARD_CLAIM = "WITH claimed AS ({} RETURNING 1) SELECT 1/(CASE WHEN count(*)={} THEN 1 ELSE 0 END) FROM claimed"
# The batches that other workers have booked since; if they are many, it is quicker to look anew.
LAST_BATCH = "SELECT last FROM ledger_batch ORDER BY first DESC LIMIT 1"
NEW_BATCHES = (
    "SELECT first,last,book,recorded,created,latest,reference,words,columns FROM ledger_batch "
    "WHERE first>$1 ORDER BY first LIMIT $2"
)
MANY = 32
INSERT_BATCH = (
    "INSERT INTO ledger_batch (first,last,book,recorded,created,latest,reference,words,columns) "
    "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)"
)
INSERT_KINDS = (
    "INSERT INTO ledger_batch_kind (book,kind,first) SELECT * FROM unnest($1::bigint[],$2::text[],$3::bigint[])"
)
INSERT_RUN = "INSERT INTO ledger_run (run,book,level,first,last,lines) VALUES ($1,$2,$3,$4,$5,$6)"
INSERT_PAGES = (
    "INSERT INTO ledger_page (run,account,entry,lines) "
    "SELECT * FROM unnest($1::bigint[],$2::bigint[],$3::bigint[],$4::bytea[])"
)
INSERT_LINK = "INSERT INTO ledger_chain (link,first,last,recorded,hash) VALUES ($1,$2,$3,$4,$5)"
_KEYS = "FROM unnest($1::bigint[],$2::text[]) AS r(scope,id)"
_MARK = re.compile(r"""'[^']*'|"[^"]*"|\?""")


class Known:
    """Where this worker's last commit left the books. The head, and what was booked one by one on the accounts, is
    true until another worker commits."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.standings = Standings()

    def learn(self, made: Books | Booking, places: Ints | None) -> None:
        """`places` are those of a batch's accounts. Unless the link before was ours too, others may have booked since
        we looked, also on accounts that only a refused unit looked at."""
        if isinstance(made, Books) and not made.entries:
            return
        if self.head is not None and self.head.link + 1 == made.head.link:
            made.head.latest = self.head.latest | made.head.latest
        else:
            self.standings.forget_rows()
        self.head = made.head
        if isinstance(made, Books):
            self.standings.learn(made)
        elif places is not None:
            self.standings.learn_batch(places, made)

    def forget(self) -> None:
        self.head = None
        self.standings.forget_rows()


class Group:
    """Either `guess`, which is the whole transaction; or `look` and `weigh`, repeated until nothing was claimed in
    vain, and then `write`.
    """

    def __init__(self, units: Sequence[Unit], worker: str, number: int, known: Known) -> None:
        self.verdicts: list[Exception | None] = [None] * len(units)
        self.made: Books | Booking = Books(Head(), _nothing)
        self.places: Ints | None = None
        self._units = units
        self._known = known
        self._mark: Statement = (MARK, encoded((worker, number, max(unit.micros for unit in units))))
        self._tables: list[str] = []
        self._accounts = _accounts(units)
        self._scopes = {number for unit in units for number in unit.recalled}
        self._books = {units[0].scope.book} if units[0].batch else {book for book, _, _ in self._accounts}

    @property
    def good(self) -> list[Unit]:
        return [unit for unit, verdict in zip(self._units, self.verdicts, strict=True) if verdict is None]

    @property
    def _batch(self) -> Batch | None:
        """A unit with a batch is a group of its own."""
        return self._units[0].batch

    def guess(self) -> list[Statement] | None:
        """The transaction as it must be if nobody else has booked, and a guard before each thing that it takes for
        granted: a guard that does not hold fails, and with it everything. None if there is no guessing.
        """
        head, standings = self._known.head, self._known.standings
        if self._accounts and (head is None or not standings.knows(standings.places(self._accounts))):
            return None
        head = msgspec.structs.replace(head, latest=dict(head.latest), closed={}) if head else Head()
        if not self._books <= head.latest.keys():
            return None
        link = head.link
        if not self._book_all(head):
            return None
        statements = [BEGIN, LOCK]
        if self._accounts:
            earliest = _cells([*_earliest(self._units).items()], (int, int))
            statements.append((GUARD_HEAD, encoded((link, *earliest))))
        for table, rows in _read(self._units).items():
            statements.append((_guard(table), encoded((*_cells(rows, (int, str, int)), len(rows)))))
        if self._scopes:
            recalled = {(n, scope.edition, scope.offset) for unit in self._units for n, scope in unit.recalled.items()}
            statements.append((GUARD_SCOPES, encoded((*_cells([*recalled], (int, int, int)), len(recalled)))))
        statements += [guard(one, dollars(one.statement)) for one in unless_of(self._units)]
        return [*statements, *_claimed(self._units), *self.write()]

    def _book_all(self, head: Head) -> bool:
        """Book every unit; False if one cannot be."""
        if self._batch is not None:
            try:
                self._book_batch(self._batch, head)
            except (Refused, Conflict):
                return False
            return isinstance(self.made, Booking)
        self.made = books = Books(head, self._known.standings.find)
        touched: set[Key] = set()
        for unit in self._units:
            keys = unit.touches
            recalled = ((number, "", "") for number in unit.recalled)
            if not (touched.isdisjoint(keys) and touched.isdisjoint(recalled)) or books.refusal(unit):
                return False
            touched |= keys
            books.book(unit)
        return True

    def _book_batch(self, batch: Batch, head: Head) -> None:
        standings = self._known.standings
        self.places = standings.places(batch.accounts)
        booking = booked(head, batch, self._units[0].micros, standings.at(self.places))
        self.made = booking or Books(head, _nothing)  # not what a guess had made of it

    def look(self) -> list[Statement]:
        """Take the lock, read what the units depend on, and make their claims."""
        units = self.good
        read = _read(units)
        self._tables = list(read)
        statements = [BEGIN, LOCK]
        for table, rows in read.items():
            statements.append((_sql(table)[0], _columns([row[:2] for row in rows], (int, str))))
        if self._scopes:
            statements.append((SCOPES, encoded([Column(self._scopes, int)])))
        if self._accounts:
            since = encoded((self._known.standings.upto or 0, MANY))
            keys = _columns(list(self._accounts), (int, str, str))
            books = encoded([Column(self._books, int)])
            statements += [(HEAD, NONE), (LAST_ACCOUNT, NONE), (LATEST, books), (NEW_BATCHES, since), (BALANCES, keys)]
        statements += [(dollars(one.statement), encoded(one.values)) for one in unless_of(units)]
        return statements + [(dollars(unit.claim[0]), encoded(unit.claim[1])) for unit in units if unit.claim]

    def weigh(self, answers: Sequence[Answer]) -> bool:
        """Decide on each unit in order. False if it must be rolled back and looked at again: one that is not good has
        made its claim, `cold` says of which accounts it is not known what batches have booked on them, or others have
        booked so many that none is known.
        """
        answer = iter(answers[2:])
        versions = {
            (scope, table, id): version
            for table in self._tables
            for scope, id, version in rows_of(next(answer))
        }  # fmt: skip
        now = {number: (edition, offset) for number, edition, offset in rows_of(next(answer))} if self._scopes else {}
        head = self._learn_head(answer) if self._accounts else Head()
        if self._accounts and (self._known.standings.upto is None or self.cold):
            return False
        there = {id(one) for one in unless_of(self.good) if not one.holds(rows_of(next(answer)))}
        books = Books(head, self._known.standings.find)
        if self._batch is None:
            self.made = books
        touched: set[Key] = set()
        in_vain = False
        for n, unit in enumerate(self._units):
            if self.verdicts[n] is not None:
                continue
            claimed = next(answer) == 1 if unit.claim else None
            verdict: Exception | None = unit.forgetful(touched, now) or _stale(unit, touched, versions, there)
            if verdict is None and claimed is False:
                verdict = Conflict("another was first to claim this")
            verdict = verdict or books.refusal(unit)
            in_vain = in_vain or bool(verdict and claimed)
            if verdict is None and unit.batch is not None:
                try:
                    self._book_batch(unit.batch, head)
                except (Refused, Conflict) as refusal:
                    verdict = refusal
                    in_vain = in_vain or bool(claimed)
            self.verdicts[n] = verdict
            if verdict is None:
                touched |= unit.touches
                books.book(unit)
        return not in_vain

    @property
    def cold(self) -> dict[int, list[int]]:
        return self._known.standings.cold(self._accounts, self._known.standings.places(self._accounts))

    def _learn_head(self, answer: Iterator[Answer]) -> Head:
        """Under the lock all of it is true, and stays so until this group is committed."""
        links, last, latest, batches, balances = (rows_of(next(answer)) for _ in range(5))
        standings = self._known.standings
        if len(batches) == MANY:
            standings.forget_batches()
        else:
            standings.catch_up(batches)
        for book, code, currency, account, balance in balances:
            standings.put((book, code, currency), account, balance)
        if standings.upto == 0:  # there are no batches at all
            for book in {book for book, *_ in balances}:
                standings.warm(book, {}, whole=True)
        link, entry, recorded, hash = (links or [(0, 0, 0, "")])[0]
        return Head(
            link=link, entry=entry, account=last[0][0], recorded=recorded, hash=hash,
            latest={book: max(ends) for book, *ends, _ in latest},
            closed={book: until for book, *_, until in latest},
        )  # fmt: skip

    def write(self) -> list[Statement]:
        """Everything that the good units change, and COMMIT."""
        units = self.good
        rows = [row for unit in units for row in unit.rows]
        ledger = _ledger(self.made) if isinstance(self.made, Books) else _booking(self.made)
        renewed = {number for unit in units for number in unit.renewed}
        renew: list[Statement] = [(RENEW, encoded([Column(renewed, int)]))] if renewed else []
        return [*_records(units), *_ordered(rows), *renew, *ledger, self._mark, COMMIT]


def _read(units: Sequence[Unit]) -> dict[str, list[tuple[int, str, int]]]:
    """The records that the units change, by table, each with the version it was read at."""
    read: dict[str, list[tuple[int, str, int]]] = {}
    for unit in units:
        for write in unit.writes:
            if write.read:
                read.setdefault(write.table, []).append((unit.whose(write), write.id, write.read))
    return read


def _accounts(units: Sequence[Unit]) -> Sequence[AccountKey]:
    if units[0].batch is not None:
        return units[0].batch.accounts
    booked = (
        (unit.scope.book, posting.account, posting.currency)
        for unit in units
        for entry in unit.entries
        for posting in entry.postings
    )
    pinned = ((unit.scope.book, *key) for unit in units for key in unit.pinned)
    return list(dict.fromkeys((*booked, *pinned)))


def _earliest(units: Sequence[Unit]) -> dict[int, int]:
    """The earliest effective time that each book is booked at."""
    if units[0].batch is not None:
        return {units[0].scope.book: int(units[0].batch.transfers.effective.min())}
    earliest: dict[int, int] = {}
    for unit in units:
        for entry in unit.entries:
            earliest[unit.scope.book] = min(entry.effective, earliest.get(unit.scope.book, entry.effective))
    return earliest


def _nothing(key: AccountKey) -> None:
    return None


def _stale(unit: Unit, touched: set[Key], versions: dict[Key, int], there: set[int]) -> Conflict | None:
    """`there` are those of what must not be there that are."""
    if found := next((one for one in unit.unless if id(one) in there), None):
        return Conflict(found.statement)
    for write in unit.writes:
        key = (unit.whose(write), write.table, write.id)
        if key in touched or (write.read and versions.get(key) != write.read):
            return Conflict(write.id)
    return None


def _records(units: Sequence[Unit]) -> Iterator[Statement]:
    """One statement for each table and kind of change, however many records."""
    made: dict[str, list[tuple[Any, ...]]] = {}
    changed: dict[str, list[tuple[Any, ...]]] = {}
    deleted: dict[str, list[tuple[Any, ...]]] = {}
    for unit in units:
        for write in unit.writes:
            scope = unit.whose(write)
            if write.body is None:
                deleted.setdefault(write.table, []).append((scope, write.id))
            else:
                kind, number = (changed, write.read + 1) if write.read else (made, write.created)
                kind.setdefault(write.table, []).append((scope, write.id, number, write.body))
    for n, (kind, types) in enumerate(
        ((made, (int, str, int, str)), (changed, (int, str, int, str)), (deleted, (int, str)))
    ):
        for table, rows in kind.items():
            yield _sql(table)[n + 1], _columns(rows, types)


def _claimed(units: Sequence[Unit]) -> Iterator[Statement]:
    """The claims, those that are plain inserts together."""
    for statement, many in grouped([unit.claim for unit in units if unit.claim]):
        sent, values = _said(statement, many)
        data, formats = values
        yield GUARD_CLAIM.format(sent, f"${len(data) + 1}"), ([*data, b"%d" % len(many)], [*formats, 0])


def _ordered(rows: Sequence[RowWrite]) -> Iterator[Statement]:
    return (_said(statement, many) for statement, many in grouped(rows))


def _said(statement: str, many: Sequence[Sequence[Any]]) -> Statement:
    """One statement for all of these values."""
    if len(many) == 1:
        return dollars(statement), encoded(many[0])
    types = [_type(column) for column in zip(*many, strict=True)]
    return _unnested(statement, tuple(name for name, _ in types)), _columns(many, [type for _, type in types])


def _type(column: Sequence[Any]) -> tuple[str, CellKind]:
    sample = next((value for value in column if value is not None), 0)
    if isinstance(sample, int):
        return "bigint[]", int
    return ("bytea[]", bytes) if isinstance(sample, bytes) else ("text[]", str)


@lru_cache
def _unnested(insert: str, types: tuple[str, ...]) -> str:
    into, _, values = insert.partition(" VALUES ")
    arrays = ",".join(f"${n}::{type}" for n, type in enumerate(types, 1))
    return f"{into} SELECT * FROM unnest({arrays}){values[values.index(')') + 1 :]}"


def _ledger(books: Books) -> Iterator[Statement]:
    link = books.close()
    if link is None:
        return
    if books.new_accounts:
        yield INSERT_ACCOUNTS, _columns(books.new_accounts, (int, int, str, str))
    entries = [(*entry, latest) for entry, latest in zip(books.entries, books.latest, strict=True)]
    yield INSERT_ENTRIES, _columns(entries, ENTRY_TYPES)
    if books.late:
        yield INSERT_LATE, _columns(books.late, (int, int, int, int))
    yield INSERT_POSTINGS, _columns(books.postings, (int, int, int, int))
    moved = books.moved()
    yield UPDATE_BALANCES, encoded((*_cells(moved, (int, int, int)), len(moved)))
    yield INSERT_LINK, encoded(link)


def _booking(made: Booking) -> Iterator[Statement]:
    if made.accounts:
        yield INSERT_ACCOUNTS, _columns(made.accounts, (int, int, str, str))
    yield INSERT_BATCH, encoded(made.batch)
    yield INSERT_KINDS, _columns(made.kinds, (int, str, int))
    yield INSERT_RUN, encoded(made.run)
    yield INSERT_PAGES, _columns(made.pages, (int, int, int, bytes))
    if made.late:
        yield INSERT_LATE, _columns(made.late, (int, int, int, int))
    yield from _ordered(made.named)
    yield INSERT_LINK, encoded(made.link)


def _columns(rows: Sequence[Sequence[Any]], types: Sequence[CellKind]) -> Encoded:
    return encoded(_cells(rows, types))


def _cells(rows: Sequence[Sequence[Any]], types: Sequence[CellKind]) -> list[Column]:
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    return [Column(column, type) for column, type in zip(columns, types, strict=True)]


def rows_of(answer: Answer) -> list[tuple[Any, ...]]:
    assert isinstance(answer, list), "this statement answers with rows"
    return answer


@lru_cache(maxsize=4_096)
def dollars(statement: str) -> str:
    """The statement as PostgreSQL numbers its values: `?` becomes $1, $2, ... outside of quotes."""
    count = iter(range(1, 100_000))
    return _MARK.sub(lambda found: f"${next(count)}" if found[0] == "?" else found[0], statement)


@lru_cache
def _guard(table: str) -> str:
    return (
        "SELECT 1/(CASE WHEN count(*)=$4 THEN 1 ELSE 0 END) "
        f'FROM unnest($1::bigint[],$2::text[],$3::bigint[]) AS r(scope,id,version) JOIN "{table}" t '
        "ON t.scope=r.scope AND t.id=r.id AND t.version=r.version"
    )


@lru_cache
def _sql(table: str) -> tuple[str, str, str, str]:
    cells = "FROM unnest($1::bigint[],$2::text[],$3::bigint[],$4::text[]) AS r"
    same = "t.scope=r.scope AND t.id=r.id"
    return (
        f'SELECT t.scope,t.id,t.version {_KEYS} JOIN "{table}" t ON {same}',
        f'INSERT INTO "{table}" (scope,id,version,created,body) '
        f"SELECT r.scope,r.id,1,r.created,r.body::json {cells}(scope,id,created,body)",
        f'UPDATE "{table}" t SET version=r.version, body=r.body::json {cells}(scope,id,version,body) WHERE {same}',
        f'DELETE FROM "{table}" t USING {_KEYS.removeprefix("FROM ")} WHERE {same}',
    )
