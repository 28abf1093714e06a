"""What objects an account's balance stands for: the sources of its newest lines that do not cancel out."""

from __future__ import annotations

from nostro.storage.engine import Engine

LINES = (
    "SELECT e.source, p.amount FROM ledger_account a JOIN ledger_posting p ON p.account=a.account "
    "JOIN ledger_entry e ON e.entry=p.entry WHERE a.book=? AND a.code=? AND a.currency=? ORDER BY p.entry DESC LIMIT ?"
)
NEWEST = 200


async def credited(engine: Engine, book: int, code: str, currency: str, most: int) -> list[str]:
    """The objects for which something is still owed on a credit account, oldest first; at most `most` of those among
    the account's newest 200 lines."""
    open_for: dict[str, int] = {}
    for source, amount in await engine.rows(LINES, (book, code, currency, NEWEST)):
        open_for[source] = open_for.get(source, 0) - int(amount)
    return [source for source, amount in open_for.items() if amount > 0][:most][::-1]
