"""Tables: a span of a book as rows for other programs: entries, postings, balances and balance transactions.

Money stands in two columns: `..._minor` is the whole number of minor units, the other an exact decimal in major units.
Rows come some thousands at a time, so memory does not grow with the journal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import msgspec
from msgspec import Struct

from nostro.balances.balance_transaction import BALANCE_TRANSACTION
from nostro.kernel.clock import SECOND
from nostro.kernel.ids import time_code
from nostro.ledger.account import names
from nostro.ledger.batches import entry_id
from nostro.storage.body import whole
from nostro.storage.engine import Engine

from .journal import Booked, Told, journal
from .span import Span, month_of
from .turnover import Cuts, turnovers

Type = Literal["int", "text", "moment", "micros", "money"]
AT_ONCE = 1_000
SCOPES = "SELECT scope, merchant FROM scope WHERE book=? ORDER BY scope"
LINES = (
    f'SELECT id, created, body FROM "{BALANCE_TRANSACTION.table}" WHERE scope=? AND id>? AND created>=? AND created<? '
    "ORDER BY id LIMIT ?"
)
AMOUNT = "In the account's currency, debit positive."


class Column(Struct, frozen=True):
    """`moment` is seconds, `micros` microseconds, both since 1970 UTC. A column of money takes its decimals from the
    row's `currency`, and is written twice."""

    name: str
    type: Type
    meaning: str


class Table(Struct, frozen=True):
    """`dated` is the column by whose month it is parted."""

    name: str
    columns: tuple[Column, ...]
    dated: str | None = None

    def place(self, name: str) -> int:
        return next(n for n, column in enumerate(self.columns) if column.name == name)


Rows = list[tuple[Any, ...]]
ENTRIES = Table("entries", (
    Column("number", "int", "The entry's place in the journal."),
    Column("id", "text", "As the API calls it."),
    Column("kind", "text", "The rule that booked it."),
    Column("source", "text", "The object it is about."),
    Column("effective_at", "moment", "When it counts from."),
    Column("recorded_at", "micros", "When it was committed."),
    Column("reverses", "int", "The number of the entry that it takes back."),
    Column("description", "text", "What the caller said of it."),
), "effective_at")  # fmt: skip
POSTINGS = Table("postings", (
    Column("entry", "int", "The entry's number."),
    Column("line", "int", "The line's place in it, from 0."),
    Column("effective_at", "moment", "When the entry counts from."),
    Column("account", "text", "The account's code."),
    Column("currency", "text", "ISO 4217, lower case."),
    Column("amount", "money", AMOUNT),
), "effective_at")  # fmt: skip
BALANCES = Table("balances", (
    Column("account", "text", "The account's code."),
    Column("currency", "text", "ISO 4217, lower case."),
    Column("type", "text", "Asset, liability, equity, revenue, expense or memorandum."),
    Column("normal_balance", "text", "Debit or credit."),
    Column("line", "text", "Its line in the statements."),
    Column("opening", "money", AMOUNT),
    Column("debits", "money", "What was debited in the period."),
    Column("credits", "money", "What was credited in it."),
    Column("closing", "money", AMOUNT),
))  # fmt: skip
BALANCE_TRANSACTIONS = Table("balance_transactions", (
    Column("id", "text", "As the API calls it."),
    Column("merchant", "text", "Whose balance it changed."),
    Column("created", "moment", "When."),
    Column("available_on", "moment", "From when on the money is available."),
    Column("type", "text", "What changed it."),
    Column("reporting_category", "text", "Stripe's category for it."),
    Column("currency", "text", "ISO 4217, lower case."),
    Column("amount", "money", "Before fees."),
    Column("fee", "money", "Fees taken."),
    Column("net", "money", "What the balance changed by."),
    Column("source", "text", "The object it is about."),
    Column("payout", "text", "The payout that carried it away."),
    Column("description", "text", "What was said of it."),
), "created")  # fmt: skip
TABLES = (ENTRIES, POSTINGS, BALANCES, BALANCE_TRANSACTIONS)
Put = Callable[[Table, Rows], None]


async def read(engine: Engine, at: Cuts, span: Span, put: Put, told: Told = lambda what, done, total: None) -> None:
    """Give every row of every table to `put`, some at a time."""
    known: dict[int, tuple[int, str, str]] = {}
    async for part in journal(engine, at, told):
        missing = {account for one in part for account, _ in one.lines} - known.keys()
        known |= await names(engine, missing)
        put(ENTRIES, [_entry(one) for one in part])
        put(POSTINGS, [row for one in part for row in _postings(one, known)])
    balances: Rows = []
    async for one in turnovers(engine, at):
        if not one.idle:
            balances.append((one.code, one.currency, one.kind, one.normal, one.line, one.opening, one.debits,
                             one.credits, one.closing))  # fmt: skip
        if len(balances) >= AT_ONCE:
            put(BALANCES, balances)
            balances = []
    put(BALANCES, balances)
    async for rows in _balance_transactions(engine, at.book, span):
        put(BALANCE_TRANSACTIONS, rows)


def _entry(one: Booked) -> tuple[Any, ...]:
    id = one.source if one.source.startswith("lent_") else entry_id(one.number)
    return one.number, id, one.kind, one.source, one.effective, one.recorded, one.reverses, one.description


def _postings(one: Booked, known: dict[int, tuple[int, str, str]]) -> Rows:
    return [
        (one.number, n, one.effective, known[account][1], known[account][2], amount)
        for n, (account, amount) in enumerate(one.lines)
    ]


async def _balance_transactions(engine: Engine, book: int, span: Span) -> AsyncIterator[Rows]:
    """Those of the platform and its connected accounts. Ids begin with the time, so they lead to the span."""
    decode = msgspec.json.Decoder(BALANCE_TRANSACTION.record).decode
    for scope, merchant in await engine.rows(SCOPES, (book,)):
        after = f"{BALANCE_TRANSACTION.prefix}_{time_code(max(0, span.starts - 1) * SECOND)}"
        while rows := await engine.rows(LINES, (scope, after, span.starts, span.ends, AT_ONCE)):
            yield [_statement_line(merchant, decode(whole(*row))) for row in rows]
            after = rows[-1][0]


def _statement_line(merchant: str, one: Any) -> tuple[Any, ...]:
    return (
        one.id, merchant, one.created, one.available_on, one.type, one.reporting_category, one.currency, one.amount,
        one.fee, one.net, one.source, one.payout, one.description,
    )  # fmt: skip


def by_month(table: Table, rows: Rows) -> dict[str, Rows]:
    """The rows by the month of their date; all under "" for a table that has none."""
    if table.dated is None:
        return {"": rows}
    place = table.place(table.dated)
    parts: dict[str, Rows] = {}
    for row in rows:
        parts.setdefault(month_of(row[place]), []).append(row)
    return parts
