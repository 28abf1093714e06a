"""Statement: an account's opening balance, its lines with the balance after each, and its closing balance."""

from __future__ import annotations

from msgspec import Struct

from nostro.storage.engine import Engine

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
    ends, values = ("", []) if last is None else (" AND p.entry<=?", [last])
    rows = await engine.rows(
        "SELECT e.entry, e.kind, e.source, e.recorded, e.effective, e.description, p.amount, p.balance "
        "FROM ledger_posting p JOIN ledger_entry e ON e.entry=p.entry "
        f"WHERE p.account=? AND p.entry>?{ends} ORDER BY p.entry LIMIT ?",
        [account.number, first, *values, limit + 1],
    )
    lines = tuple(
        Line(entry=row[0], kind=row[1], source=row[2], recorded=row[3], effective=row[4], description=row[5],
             amount=row[6], balance=row[7])
        for row in rows[:limit]
    )  # fmt: skip
    closing = lines[-1].balance if lines else opening
    return Statement(account=account, opening=opening, lines=lines, closing=closing, more=len(rows) > limit)
