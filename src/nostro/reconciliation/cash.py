"""Cash: what the ledger has booked on an account that stands for one at a bank, read as columns.

Amounts are minor units, debit positive, so that they have the sign of the bank's lines. An entry is found by its
source (po_...), its description, the caller's reference of it, and what its object tells the bank (a trace id). What
reconciliation itself has booked is left out: it belongs to its match or break.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from nostro.kernel.clock import DAY
from nostro.ledger import account as ledger
from nostro.ledger import batches
from nostro.ledger.entry import number_of
from nostro.storage.batch import transfers_of, words_of
from nostro.storage.columns import Ints
from nostro.storage.engine import Engine, Row
from nostro.storage.world import World

from .account import Record as Account
from .keys import key, plain

PAGE = 20_000
BATCHES = 16
AT_ONCE = 2_000
OWN = "reconciliation."
ONE_BY_ONE = (
    "SELECT p.entry, p.amount, e.kind, e.source, e.effective, e.description FROM ledger_posting p "
    "JOIN ledger_entry e ON e.entry=p.entry WHERE p.account=? AND p.entry>? AND p.entry<=? ORDER BY p.entry LIMIT ?"
)
IN_BATCHES = (
    "SELECT first,last,book,recorded,created,latest,reference,words,columns FROM ledger_batch "
    "WHERE book=? AND first>=? AND first<=? ORDER BY first LIMIT ?"
)
OWNED = "SELECT entry FROM cash_entry_owner WHERE account=? AND entry>? AND entry<=? ORDER BY entry"
# What an object tells the bank, by the prefix of its id: the table and the fields of its record.
TOLD: dict[str, tuple[str, tuple[str, ...]]] = {
    "po": ("payout", ("trace_id.value", "statement_descriptor")),
    "tu": ("topup", ("statement_descriptor",)),
    "lent": ("ledger_app_entry", ("reference",)),
}
# The bank file that a payment went out in, by its source and that of a payment of many.
FILES = (
    "SELECT DISTINCT i.source, {name} FROM payment_instruction i JOIN scope s ON s.scope=i.book "
    "JOIN bank_file f ON f.scope=s.scope AND f.id=i.file WHERE i.book=? AND i.source IN ({marks})"
)
ORIGINATING = "SELECT id FROM originating_account WHERE scope=? ORDER BY id"
TRACED = (
    "SELECT i.trace, {name} FROM payment_instruction i JOIN bank_file f ON f.scope=i.book AND f.id=i.file "
    "WHERE i.book=? AND i.account=? AND i.trace IN ({marks})"
)


class Entry(Struct, frozen=True):
    """`day` is the one on which it takes effect, in days since 1970."""

    entry: int
    amount: int
    kind: str
    source: str
    day: int
    description: str


class Entries(NamedTuple):
    """Columns of one length, by entry; `at` and `key` are of another: where in them an entry stands, and a key of
    it."""

    entry: Ints
    amount: Ints
    day: Ints
    at: Ints
    key: Ints


def none() -> Entries:
    empty = np.empty(0, np.int64)
    return Entries(empty, empty, empty, empty, empty)


async def ledger_number(engine: Engine, book: int, account: Account) -> int | None:
    """The ledger's number of the account, None if nothing was ever booked on it."""
    found = await ledger.find(engine, account.ledger_account, book, account.currency)
    return found[0].number if found else None


async def read(world: World, book: int, account: Account, after: int, upto: int) -> AsyncIterator[Entries]:
    """The entries behind `after` up to `upto` that belong to nothing yet, in some order, a part at a time."""
    number = await ledger_number(world.engine, book, account)
    if number is None:
        return
    at = after
    while rows := await world.engine.rows(ONE_BY_ONE, (number, at, upto, PAGE)):
        last = rows[-1][0]
        found = [_entry(row) for row in rows if not row[2].startswith(OWN)]
        yield await _unowned(world.engine, account, at, last, await columns(world.engine, book, found))
        at = last
    async for part in _batched(world.engine, book, account, number, after, upto):
        yield part


async def _batched(
    engine: Engine, book: int, account: Account, number: int, after: int, upto: int
) -> AsyncIterator[Entries]:
    """Those that were booked many at once."""
    begins = await engine.rows(
        "SELECT first FROM ledger_batch WHERE book=? AND first<=? ORDER BY first DESC LIMIT 1", (book, after + 1)
    )
    start = begins[0][0] if begins else 0
    while rows := await engine.rows(IN_BATCHES, (book, start, upto, BATCHES)):
        for row in rows:
            part = _of_batch(row, number, after)
            if len(part.entry):
                yield await _unowned(engine, account, row[0] - 1, row[1], part)
        start = rows[-1][0] + 1


def _of_batch(row: Row, number: int, after: int) -> Entries:
    lines, names = transfers_of(row), words_of(row).descriptions
    entry = np.arange(row[0], row[1] + 1, dtype=np.int64)
    chosen = np.flatnonzero(((lines.debit == number) | (lines.credit == number)) & (entry > after))
    amount = np.where(lines.debit[chosen] == number, lines.amount[chosen], -lines.amount[chosen])
    used, place = np.unique(lines.description[chosen], return_inverse=True)
    keys = np.array([key(names[n] or "") for n in used.tolist()], np.int64)[place]
    at = np.flatnonzero(keys)
    return Entries(entry[chosen], amount, lines.effective[chosen] // DAY, at, keys[at])


async def _unowned(engine: Engine, account: Account, after: int, upto: int, found: Entries) -> Entries:
    owned = await engine.rows(OWNED, (account.number, after, upto))
    if not owned:
        return found
    return only(found, ~np.isin(found.entry, np.array([row[0] for row in owned], np.int64)))


def only(found: Entries, chosen: Any) -> Entries:
    """Those that a mask chooses."""
    place = np.cumsum(chosen) - 1
    kept = chosen[found.at]
    return Entries(found.entry[chosen], found.amount[chosen], found.day[chosen], place[found.at[kept]], found.key[kept])


def joined(parts: Sequence[Entries]) -> Entries:
    """One behind another."""
    if not parts:
        return none()
    start = np.cumsum([0, *(len(part.entry) for part in parts)])[:-1]
    return Entries(
        np.concatenate([part.entry for part in parts]), np.concatenate([part.amount for part in parts]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.at + n for part, n in zip(parts, start.tolist(), strict=True)]),
        np.concatenate([part.key for part in parts]),
    )  # fmt: skip


async def columns(engine: Engine, book: int, found: Sequence[Entry]) -> Entries:
    texts = await references(engine, book, found)
    keys = [sorted({key(text) for text in texts[one.entry]} - {0}) for one in found]
    return Entries(
        np.array([one.entry for one in found], np.int64), np.array([one.amount for one in found], np.int64),
        np.array([one.day for one in found], np.int64),
        np.array([n for n, some in enumerate(keys) for _ in some], np.int64),
        np.array([one for some in keys for one in some], np.int64),
    )  # fmt: skip


async def by_number(engine: Engine, book: int, account: Account, numbers: Iterable[int]) -> dict[int, Entry]:
    """These entries as they touch the account; those that do not are left out."""
    number = await ledger_number(engine, book, account)
    wanted, found = sorted(set(numbers)), dict[int, Entry]()
    for start in range(0, len(wanted) if number is not None else 0, 500):
        part = wanted[start : start + 500]
        rows = await engine.rows(
            "SELECT p.entry, p.amount, e.kind, e.source, e.effective, e.description FROM ledger_posting p "
            f"JOIN ledger_entry e ON e.entry=p.entry WHERE p.account=? AND p.entry IN ({','.join('?' * len(part))})",
            (number, *part),
        )
        found |= {row[0]: _entry(row) for row in rows}
    missing = [one for one in wanted if one not in found]
    for start in range(0, len(missing) if number is not None else 0, AT_ONCE):
        found |= await _in_batches(engine, book, number or 0, missing[start : start + AT_ONCE])
    return {one: found[one] for one in wanted if one in found}


async def _in_batches(engine: Engine, book: int, number: int, wanted: Sequence[int]) -> dict[int, Entry]:
    found = {}
    for row in await batches.at(engine, wanted):
        amount = sum(amount for account, amount in _postings(row[8]) if account == number)
        if row[1] == book and amount:
            found[row[0]] = Entry(row[0], amount, row[2], row[3], row[5] // DAY, row[7] or "")
    return found


def _postings(text: str) -> list[list[int]]:
    import msgspec

    return msgspec.json.decode(text, type=list[list[int]])


def _entry(row: Row) -> Entry:
    return Entry(row[0], row[1], row[2], row[3], row[4] // DAY, row[5] or "")


async def references(engine: Engine, book: int, found: Sequence[Entry]) -> dict[int, list[str]]:
    """What each entry can be found by, as texts."""
    told = await _told(engine, book, {one.source for one in found})
    made: dict[int, list[str]] = {}
    for one in found:
        texts = told.get(one.source, [])
        named = [one.source] if plain(one.source) and number_of(one.source) is None and "_" in one.source else []
        made[one.entry] = [*named, *texts, *([one.description] if one.description else [])]
    return made


async def _told(engine: Engine, book: int, sources: Iterable[str]) -> dict[str, list[str]]:
    """What objects have told the bank, by their ids."""
    by_prefix: dict[str, list[str]] = {}
    for source in sources:
        prefix = source.partition("_")[0]
        if prefix in TOLD and number_of(source) is None:
            by_prefix.setdefault(prefix, []).append(source)
    made: dict[str, list[str]] = {}
    for prefix, ids in by_prefix.items():
        table, fields = TOLD[prefix]
        paths = ", ".join(engine.path(field) for field in fields)
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            rows = await engine.rows(
                f'SELECT id, {paths} FROM scope s JOIN "{table}" r ON r.scope=s.scope '
                f"WHERE s.book=? AND r.id IN ({','.join('?' * len(part))})",
                (book, *part),
            )
            made |= {row[0]: [text for text in row[1:] if text] for row in rows}
    return made


def file_name(name: str) -> str:
    """What a file's name and a bank's name for it have in common: `oa_x-000001.ach` is x000001."""
    return plain(name.partition(".")[0].rpartition("_")[2])


async def files_by_trace(engine: Engine, book: int, traces: Iterable[str]) -> dict[str, str]:
    """The names of the bank files that payments with these traces went out in."""
    wanted = sorted({trace for trace in traces if trace})
    made: dict[str, str] = {}
    for (account,) in await engine.rows(ORIGINATING, (book,)) if wanted else ():
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            statement = TRACED.format(name=engine.path("filename"), marks=",".join("?" * len(part)))
            rows = await engine.rows(statement, (book, account, *part))
            made |= {trace: file_name(name) for trace, name in rows}
    return made


async def filed(engine: Engine, book: int, numbers: Sequence[int]) -> dict[int, str]:
    """The names of the bank files that entries went out in, of those that did; of payments of many only where that is
    one file. Entries of batches are in none."""
    made: dict[int, str] = {}
    if not await engine.rows("SELECT 1 FROM payment_instruction WHERE book=? LIMIT 1", (book,)):
        return made
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500]
        rows = await engine.rows(
            f"SELECT e.entry, e.source FROM ledger_entry e WHERE e.entry IN ({','.join('?' * len(part))})", part
        )
        named = await files(engine, book, {source for _, source in rows})
        made |= {entry: named[source] for entry, source in rows if source in named}
    return made


async def files(engine: Engine, book: int, sources: Iterable[str]) -> dict[str, str]:
    """The names of the bank files that payouts and debits went out in, by their ids; of many at once only where that
    is one file."""
    ids = sorted(one for one in set(sources) if one.startswith(("po_", "tu_", "bpo_")))
    made: dict[str, str] = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        statement = FILES.format(name=engine.path("filename"), marks=",".join("?" * len(part)))
        rows = await engine.rows(statement, (book, *part))
        every = Counter(source for source, _ in rows)
        made |= {source: file_name(name) for source, name in rows if every[source] == 1}
    return made
