"""Entry: a balanced set of postings under one rule, about one object. Never changed, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.posting import Posting
from nostro.storage.engine import Engine

from .account import Account, find, names, narrowed

COLUMNS = "e.entry, e.book, e.kind, e.source, e.recorded, e.effective, e.reverses, e.description, e.postings"


class Entry(Struct, frozen=True, kw_only=True):
    """As booked. `recorded` is machine time in microseconds, `effective` the sandbox's time in seconds."""

    number: int
    book: int
    kind: str
    source: str
    recorded: int
    effective: int
    reverses: int | None
    description: str | None
    postings: tuple[Posting, ...]


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
    where, values = narrowed("1=1", [], **{"e.source": source, "e.kind": kind})
    if before is not None:
        where, values = f"{where} AND e.entry<?", [*values, before]
    if account is not None:
        numbers = await _of_account(engine, await find(engine, account, book), where, values, limit)
        where, values = f"e.entry IN ({','.join('?' * len(numbers)) or 'NULL'})", [*numbers]
    else:
        where, values = narrowed(where, values, **{"e.book": book})
    statement = f"SELECT {COLUMNS} FROM ledger_entry e WHERE {where} ORDER BY e.entry DESC LIMIT ?"
    return await _resolved(engine, await engine.rows(statement, [*values, limit]))


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
    found = await _resolved(engine, rows)
    return found[0] if found else None


async def _resolved(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[Entry]:
    """Postings are stored by account number; people read codes."""
    booked: list[list[tuple[int, int]]] = [msgspec.json.decode(row[8], type=list[tuple[int, int]]) for row in rows]
    known = await names(engine, (account for lines in booked for account, _ in lines))
    return [
        Entry(
            number=row[0], book=row[1], kind=row[2], source=row[3], recorded=row[4], effective=row[5],
            reverses=row[6], description=row[7],
            postings=tuple(_posting(known.get(account), account, amount) for account, amount in lines),
        )
        for row, lines in zip(rows, booked, strict=True)
    ]  # fmt: skip


def _posting(known: tuple[int, str, str] | None, account: int, amount: int) -> Posting:
    return Posting(known[1], amount, known[2]) if known else Posting(f"account {account}, which is missing", amount, "")
