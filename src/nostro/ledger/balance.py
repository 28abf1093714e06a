"""Balance: what stands on an account now, as it was recorded at a past moment, or as of a past effective moment.

All are sums over the accounts of one code and currency, in minor units, debit positive.
"""

from __future__ import annotations

from nostro.storage.engine import Engine
from nostro.storage.runs import ask, balance_upto

from .account import find

LATE = "SELECT coalesce(sum(amount),0) FROM ledger_late WHERE account=? AND entry>? AND effective<=?"
LAST = "SELECT last FROM ledger_chain ORDER BY link DESC LIMIT 1"


async def balance(engine: Engine, code: str, currency: str, book: int | None = None) -> int:
    """Now."""
    return sum(account.balance for account in await find(engine, code, book, currency))


async def balance_recorded(engine: Engine, code: str, currency: str, micros: int, book: int | None = None) -> int:
    """What the books said at this machine time (microseconds), corrections made since left out."""
    return await balance_after(engine, code, currency, await last_entry(engine, micros), book)


async def balance_after(engine: Engine, code: str, currency: str, entry: int, book: int | None = None) -> int:
    """What the books said when this entry was the last."""
    total = 0
    for account in await find(engine, code, book, currency):
        rows = await engine.rows(
            "SELECT balance FROM ledger_posting WHERE account=? AND entry<=? ORDER BY entry DESC LIMIT 1",
            (account.number, entry),
        )
        batched = await ask(engine.rows, balance_upto(account.book, account.number, entry))
        total += (rows[0][0] if rows else 0) + batched
    return total


async def balance_effective(engine: Engine, code: str, currency: str, seconds: int, book: int | None = None) -> int:
    """What we now know that stood there at this moment of the sandbox's time (seconds)."""
    total = 0
    for account in await find(engine, code, book, currency):
        last = await last_effective(engine, account.book, seconds)
        total += await balance_after(engine, code, currency, last, account.book)
        rows = await engine.rows(LATE, (account.number, last, seconds))
        total += int(rows[0][0])
    return total


async def last_effective(engine: Engine, book: int, seconds: int) -> int:
    """The number of the book's entry behind which only entries that are late (ledger_late) count at this moment.

    The latest effective time never falls as the number grows, so that a bisection finds it.
    """
    return max([
        await _bisected(engine, "ledger_entry", "entry", "entry", book, seconds),
        await _bisected(engine, "ledger_batch", "first", "last", book, seconds),
    ])  # fmt: skip


async def _bisected(engine: Engine, table: str, key: str, last: str, book: int, seconds: int) -> int:
    ends = await engine.rows(
        f"SELECT {key}, {last}, latest FROM {table} WHERE book=? ORDER BY {key} DESC LIMIT 1", (book,)
    )
    if not ends or ends[0][2] <= seconds:
        return int(ends[0][1]) if ends else 0
    low, high, found = 0, ends[0][0] - 1, 0
    while low < high:
        middle = (low + high + 1) // 2
        rows = await engine.rows(
            f"SELECT {key}, {last}, latest FROM {table} WHERE book=? AND {key}>=? ORDER BY {key} LIMIT 1",
            (book, middle),
        )
        if rows[0][2] <= seconds:
            low, found = rows[0][0], rows[0][1]
        else:
            high = middle - 1
    return int(found)


async def last_entry(engine: Engine, micros: int) -> int:
    """The number of the last entry recorded at or before this moment, 0 if there is none.

    Recorded time never falls as the number grows, so a bisection over the links of the chain finds the commit in
    which it passes the moment; within it only entries that were booked one by one differ.
    """
    low, high = 0, (await engine.rows("SELECT coalesce(max(link),0) FROM ledger_chain"))[0][0]
    passed = high + 1
    while low < high:
        middle = (low + high + 1) // 2
        recorded = (await engine.rows("SELECT recorded FROM ledger_chain WHERE link=?", (middle,)))[0][0]
        if recorded <= micros:
            low = middle
        else:
            high, passed = middle - 1, middle
    links = await engine.rows("SELECT first, last FROM ledger_chain WHERE link=?", (passed,))
    if not links:
        return next((int(last) for (last,) in await engine.rows(LAST)), 0)
    first, last = links[0]
    rows = await engine.rows(
        "SELECT coalesce(max(entry),0) FROM ledger_entry WHERE entry>=? AND entry<=? AND recorded<=?",
        (first, last, micros),
    )
    return max(int(rows[0][0]), int(first) - 1)
