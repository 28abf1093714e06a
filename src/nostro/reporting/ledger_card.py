"""Ledger card: one account's lines in a span, with the balance after each, in the order in which they were booked."""

from __future__ import annotations

from typing import Any, NamedTuple

from nostro.ledger import batches
from nostro.ledger.account import Account
from nostro.ledger.balance import balance_after
from nostro.ledger.statement import Line
from nostro.storage.engine import Engine
from nostro.storage.runs import ask, oldest

from .turnover import Cut, Cuts

LATE = "SELECT coalesce(sum(amount),0) FROM ledger_late WHERE account=? AND entry>? AND entry<=? AND effective<?"
# What is behind the cut counts only if it came late; what is before it only if it did not come too late for it.
ROWS = (
    "SELECT e.entry, p.amount, e.kind, e.source, e.recorded, e.effective, e.description "
    "FROM ledger_posting p JOIN ledger_entry e ON e.entry=p.entry "
    "WHERE p.account=? AND p.entry>? AND p.entry<=? AND (p.entry<=? OR e.effective<?) AND e.effective>=? "
    "ORDER BY p.entry LIMIT ?"
)
UP_TO = (
    "SELECT coalesce(sum(l.amount),0) FROM ledger_late l WHERE l.account=? AND l.entry>? AND l.entry<=? "
    "AND l.effective>=? AND l.effective<?"
)


class Card(NamedTuple):
    """Minor units, debit positive. `more` is True if lines were left out: then `closing` is what the last one left."""

    opening: int
    lines: list[Line]
    closing: int
    more: bool


async def read(engine: Engine, at: Cuts, account: Account, after: int, limit: int) -> Card:
    """`after` goes on behind an entry's number: the last line of the page before."""
    opening = stands = await standing(engine, account, at.begin, at.newest)
    if after > at.begin.last:
        stands = await _standing_after(engine, account, at, after)
        opening = stands
    rows = await _lines(engine, account, at, max(after, at.begin.last), limit + 1)
    lines = []
    for entry, amount, kind, source, recorded, effective, description in rows[:limit]:
        stands += amount
        lines.append(Line(entry=entry, kind=kind, source=source, recorded=recorded, effective=effective,
                          description=description, amount=amount, balance=stands))  # fmt: skip
    return Card(opening, lines, stands, len(rows) > limit)


async def standing(engine: Engine, account: Account, cut: Cut, newest: int) -> int:
    booked = await balance_after(engine, account.code, account.currency, cut.last, account.book)
    late = await engine.rows(LATE, (account.number, cut.last, newest, cut.moment))
    return booked + int(late[0][0])


async def _standing_after(engine: Engine, account: Account, at: Cuts, after: int) -> int:
    """What the lines up to this entry have left, of those that count."""
    stands = await standing(engine, account, at.begin, at.newest)
    upto = min(after, at.end.last)
    first = await balance_after(engine, account.code, account.currency, at.begin.last, account.book)
    last = await balance_after(engine, account.code, account.currency, upto, account.book)
    early = await engine.rows(LATE, (account.number, at.begin.last, upto, at.begin.moment))
    late = await engine.rows(
        UP_TO, (account.number, at.end.last, max(after, at.end.last), at.begin.moment, at.end.moment)
    )
    return stands + last - first - int(early[0][0]) + int(late[0][0])


async def _lines(engine: Engine, account: Account, at: Cuts, after: int, limit: int) -> list[tuple[Any, ...]]:
    since, until = at.begin.moment, at.end.moment
    rows = await engine.rows(ROWS, (account.number, after, at.newest, at.end.last, until, since if until else 0, limit))
    found = [*rows]
    while len(found) < len(rows) + limit:
        batched = await ask(engine.rows, oldest(account.book, account.number, after, limit))
        batched = [line for line in batched if line.entry <= at.newest]
        if not batched:
            break
        about = await batches.about(engine, (line.entry for line in batched))
        for line in batched:
            kind, source, recorded, effective, description = about[line.entry]
            if effective >= since and (line.entry <= at.end.last or effective < until):
                found.append((line.entry, line.amount, kind, source, recorded, effective, description))
        after = batched[-1].entry
    return sorted(found)[:limit]
