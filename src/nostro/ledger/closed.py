"""Closed: up to when a book is closed. No entry takes effect before that moment; the engines check it at each commit.

The row of a book says one moment, in seconds of the sandbox's time. It is set when a period begins to be closed, so
that nothing can come while its figures are made, and set back if it is not closed after all (reporting/period.py);
0 is a book that is all open.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nostro.kernel.clock import utc_text
from nostro.kernel.errors import invalid
from nostro.storage.engine import Engine
from nostro.storage.tx import Tx

PUT = "INSERT INTO ledger_closed (book,until) VALUES (?,?) ON CONFLICT (book) DO UPDATE SET until=excluded.until"
# The same for who is first: it changes nothing if the book is closed up to another moment than was seen.
TAKE = PUT + " WHERE ledger_closed.until=?"
FIND = "SELECT until FROM ledger_closed WHERE book=?"
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


async def closed_until(engine: Engine, book: int) -> int:
    """The first second that is open; 0 if nothing was ever closed."""
    rows = await engine.rows(FIND, (book,))
    return int(rows[0][0]) if rows else 0


async def check_open(tx: Tx, at: int | None) -> None:
    """The commit checks it as well; here the answer can say from when on the books are open."""
    if at is not None and at < (until := await closed_until(tx.world.engine, tx.scope.book)):
        raise invalid(
            f"The books are closed up to {utc_text(until)} UTC: an entry takes effect then or later. What corrects a "
            "closed period is booked after it, and names it as its period.", "effective_at", "ledger_period_closed",
        )  # fmt: skip


async def check_period(tx: Tx, month: str | None) -> None:
    """That a month which an entry names as its period is closed: what concerns an open one is booked in it."""
    if month is None:
        return
    if not MONTH.fullmatch(month):
        raise invalid("A period is a month: 2026-10.", "period")
    if month_starts(month, 1) > await closed_until(tx.world.engine, tx.scope.book):
        raise invalid(f"{month} is not closed: book in it, with an effective_at of that month.", "period")


def month_starts(month: str, later: int = 0) -> int:
    """When a month begins (UTC, seconds), or one so many months later."""
    year, number = map(int, month.split("-"))
    count = year * 12 + number - 1 + later
    return int(datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC).timestamp())
