"""Where accounts stand, looked up in SQLite: those of a batch may be many, and are met before its turn to commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import apsw
import msgspec

from .batch import AccountKey, BatchRow
from .columns import Ints
from .engine import Row
from .runs import ask, balances_upto
from .standings import Standings, moved

FIND = (
    "SELECT a.code, a.currency, a.account, a.balance FROM json_each(?) j CROSS JOIN ledger_account a "
    "WHERE a.book=? AND a.code=j.value"
)
LAST_BATCH = "SELECT last FROM ledger_batch ORDER BY first DESC LIMIT 1"
NEW_BATCHES = (
    "SELECT first,last,book,recorded,created,latest,reference,words,columns FROM ledger_batch "
    "WHERE book=? AND first>? ORDER BY first"
)
IN_TURN = 1_000  # accounts that are looked up between two turns for others


def look_up(db: apsw.Connection, known: Standings, keys: Sequence[AccountKey], places: Ints) -> bool:
    """Have those remembered that are not, as far as they were ever booked on. True if any had to be looked for."""
    wanted = {keys[n] for n in known.unknown(places).tolist()}
    for book in {book for book, _, _ in wanted}:
        codes = msgspec.json.encode([code for one, code, _ in wanted if one == book]).decode()
        for code, currency, account, balance in _all(db, FIND, (codes, book)):
            if (book, code, currency) in wanted:
                known.put((book, code, currency), account, balance)
    return bool(wanted)


async def meet(db: apsw.Connection, known: Standings, keys: Sequence[AccountKey]) -> None:
    """The same, some at a time so that nobody waits for it, and what batches have booked on them. What is booked
    meanwhile is learned on the way; if another process books, all of it is forgotten, and looked up in the commit."""
    for start in range(0, len(keys), IN_TURN):
        part = keys[start : start + IN_TURN]
        if look_up(db, known, part, known.places(part)):
            await asyncio.sleep(0)

    async def rows(statement: str, values: Sequence[Any]) -> list[Row]:
        await asyncio.sleep(0)
        return _all(db, statement, values)

    for book, numbers in known.cold(keys, known.places(keys)).items():
        last = _all(db, LAST_BATCH, ())
        upto = last[0][0] if last else 0
        batched, whole = await ask(rows, balances_upto(book, numbers, upto))
        for row in _all(db, NEW_BATCHES, (book, upto)):
            for account, total in moved(cast(BatchRow, row)):
                if whole or account in batched:
                    batched[account] = batched.get(account, 0) + total
        known.warm(book, batched, whole)


def _all(db: apsw.Connection, statement: str, values: Sequence[Any]) -> list[Row]:
    return db.execute(statement, tuple(values)).fetchall()
