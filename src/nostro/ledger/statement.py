"""Statement: an account's opening balance, its lines with the balance after each, and its closing balance."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from nostro.storage.engine import Engine
from nostro.storage.runs import ask, oldest

from . import batches
from .account import Account
from .balance import balance_after, last_entry


class Line(Struct, frozen=True, kw_only=True):
    """One entry's effect on the account. Minor units, debit positive."""

    entry: int
    kind: str
    source: str
    recorded: int
    effective: int
    description: str | None
    amount: int
    balance: int


class Statement(Struct, frozen=True, kw_only=True):
    """`more` is True if lines were left out: then `closing` is the balance after the last line shown."""

    account: Account
    opening: int
    lines: tuple[Line, ...]
    closing: int
    more: bool


async def statement(
    engine: Engine, account: Account, since: int | None = None, until: int | None = None, limit: int = 1000,
    *, after: int | None = None,
) -> Statement:  # fmt: skip
    """The lines recorded after `since` up to and with `until` (microseconds), oldest first.

    `after` goes on behind an entry's number: the last line of the page before.
    """
    first = after if after is not None else 0 if since is None else await last_entry(engine, since)
    last = None if until is None else await last_entry(engine, until)
    opening = await balance_after(engine, account.code, account.currency, first, account.book) if first else 0
    rows = await _rows(engine, account, first, last, limit + 1)
    batched = await ask(engine.rows, oldest(account.book, account.number, first, limit + 1))
    rows += [(line.entry, line.amount) for line in batched if last is None or line.entry <= last]
    rows.sort()
    about = await batches.about(engine, (line.entry for line in batched))
    lines, stands = [], opening
    for entry, amount, *more in rows[:limit]:
        kind, source, recorded, effective, description = more or about[entry]
        stands += amount
        lines.append(Line(entry=entry, kind=kind, source=source, recorded=recorded, effective=effective,
                          description=description, amount=amount, balance=stands))  # fmt: skip
    return Statement(account=account, opening=opening, lines=tuple(lines), closing=stands, more=len(rows) > limit)


async def _rows(engine: Engine, account: Account, first: int, last: int | None, limit: int) -> list[tuple[Any, ...]]:
    """The lines of entries that were booked one by one."""
    ends, values = ("", []) if last is None else (" AND p.entry<=?", [last])
    return await engine.rows(
        "SELECT e.entry, p.amount, e.kind, e.source, e.recorded, e.effective, e.description "
        "FROM ledger_posting p JOIN ledger_entry e ON e.entry=p.entry "
        f"WHERE p.account=? AND p.entry>?{ends} ORDER BY p.entry LIMIT ?",
        [account.number, first, *values, limit],
    )
