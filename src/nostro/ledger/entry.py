"""Entry: a balanced set of postings under one rule, about one object. Never changed, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.posting import Posting
from nostro.storage.engine import Engine

from . import batches
from .account import Account, find, names, narrowed

COLUMNS = (
    "e.entry, e.book, e.kind, e.source, e.recorded, e.effective, e.reverses, e.description, e.postings, e.effective"
)


class Entry(Struct, frozen=True, kw_only=True):
    """As booked. `recorded` is machine time in microseconds, `effective` the sandbox's time in seconds, and `created`
    when an entry of a batch was booked in that time."""

    number: int
    book: int
    kind: str
    source: str
    recorded: int
    effective: int
    reverses: int | None
    description: str | None
    postings: tuple[Posting, ...]
    created: int


async def entries(
    engine: Engine,
    book: int | None = None,
    *,
    source: str | None = None,
    kind: str | None = None,
    account: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """The newest entries first; `before` is the number of the last entry of the page before."""
    accounts: list[Account] | None = None
    if account is not None:
        accounts = await find(engine, account, book)
    before = batches.END if before is None else before
    rows = await _rows(engine, book, source, kind, accounts, before, limit)
    if source is not None:
        rows += await _of_source(engine, book, source, kind, accounts, before)
    elif accounts is not None:
        for one in accounts:
            rows += await batches.of_account(engine, one.book, one.number, kind, before, limit)
    else:
        rows += await batches.listed(engine, book, kind, before, limit)
    newest = sorted({row[0]: row for row in rows}.values(), reverse=True)
    return await _resolved(engine, newest[:limit])


async def _rows(
    engine: Engine, book: int | None, source: str | None, kind: str | None, accounts: Sequence[Account] | None,
    before: int, limit: int,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Those that were booked one by one."""
    where, values = narrowed("e.entry<?", [before], **{"e.source": source, "e.kind": kind})
    if accounts is not None:
        numbers = await _of_account(engine, accounts, where, values, limit)
        where, values = f"e.entry IN ({','.join('?' * len(numbers)) or 'NULL'})", [*numbers]
    else:
        where, values = narrowed(where, values, **{"e.book": book})
    statement = f"SELECT {COLUMNS} FROM ledger_entry e WHERE {where} ORDER BY e.entry DESC LIMIT ?"
    return await engine.rows(statement, [*values, limit])


async def _of_source(
    engine: Engine, book: int | None, source: str, kind: str | None, accounts: Sequence[Account] | None, before: int
) -> list[tuple[Any, ...]]:
    """An entry of a batch is its own source."""
    number = number_of(source)
    if number is None or number >= before:
        return []
    touched = None if accounts is None else {account.number for account in accounts}
    return [
        row for row in await batches.at(engine, [number])
        if book in (None, row[1]) and kind in (None, row[2])
        and (touched is None or touched & {account for account, _ in _lines(row)})
    ]  # fmt: skip


def number_of(id: str) -> int | None:
    """The journal's number in the id of an entry that has no record of its own."""
    digits = id.removeprefix("lent_")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None


async def _of_account(
    engine: Engine, accounts: Sequence[Account], where: str, values: Sequence[Any], limit: int
) -> list[int]:
    """The numbers of the newest entries, along each account's own postings: one account for each currency."""
    found: set[int] = set()
    for account in accounts:
        statement = (
            "SELECT p.entry FROM ledger_posting p JOIN ledger_entry e ON e.entry=p.entry "
            f"WHERE p.account=? AND {where.replace('e.entry', 'p.entry')} ORDER BY p.entry DESC LIMIT ?"
        )
        found |= {number for (number,) in await engine.rows(statement, [account.number, *values, limit])}
    return sorted(found, reverse=True)[:limit]


async def entry(engine: Engine, number: int) -> Entry | None:
    """One entry by its number."""
    rows = await engine.rows(f"SELECT {COLUMNS} FROM ledger_entry e WHERE e.entry=?", (number,))
    found = await _resolved(engine, rows or await batches.at(engine, [number]))
    return found[0] if found else None


async def _resolved(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[Entry]:
    """Postings are stored by account number; people read codes."""
    booked = [_lines(row) for row in rows]
    known = await names(engine, (account for lines in booked for account, _ in lines))
    return [
        Entry(
            number=row[0], book=row[1], kind=row[2], source=row[3], recorded=row[4], effective=row[5],
            reverses=row[6], description=row[7],
            created=row[9], postings=tuple(_posting(known.get(account), account, amount) for account, amount in lines),
        )
        for row, lines in zip(rows, booked, strict=True)
    ]  # fmt: skip


def _posting(known: tuple[int, str, str] | None, account: int, amount: int) -> Posting:
    return Posting(known[1], amount, known[2]) if known else Posting(f"account {account}, which is missing", amount, "")


def _lines(row: tuple[Any, ...]) -> list[tuple[int, int]]:
    return msgspec.json.decode(row[8], type=list[tuple[int, int]])
