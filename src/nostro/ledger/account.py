"""Account: one place where money stands, in one currency, within one book. Its balance is a running total, of what was
booked on it one by one and of what batches have booked.

Amounts are minor units, debit positive; `natural` shows them as an accountant reads them: positive on the normal side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from nostro.storage.engine import Engine
from nostro.storage.runs import all_balances_upto, ask, balance_upto

from . import chart
from .chart import Kind, Side, account_of

COLUMNS = (
    "SELECT a.account, a.book, a.code, a.currency, a.balance, o.kind, o.normal FROM ledger_account a "
    "LEFT JOIN ledger_opened o ON o.book=a.book AND o.code=a.code AND o.currency=a.currency WHERE "
)
NAMES = "SELECT account, book, code, currency FROM ledger_account WHERE "
ALL = 2**63 - 1  # up to the last entry
NOT_ON_CHART = chart.Account("", "memorandum", "Not on the chart of accounts.")


class Account(Struct, frozen=True, kw_only=True):
    """An account as stored, with what the chart says of it."""

    number: int
    book: int
    code: str
    currency: str
    kind: Kind
    normal: Side
    meaning: str
    clearing: bool
    balance: int

    @property
    def natural(self) -> int:
        return self.balance if self.normal == "debit" else -self.balance


async def accounts(
    engine: Engine, book: int | None = None, prefix: str = "", currency: str | None = None
) -> list[Account]:
    """Every account of a book (or of all), whose code starts with `prefix`, by code and currency."""
    where, values = "substr(a.code,1,?)=?", [len(prefix), prefix]
    where, values = narrowed(where, values, **{"a.book": book, "a.currency": currency})
    rows = await engine.rows(f"{COLUMNS}{where} ORDER BY a.code, a.currency, a.book", values)
    batched: dict[int, int] = {}
    for one in {row[1] for row in rows}:
        batched |= await ask(engine.rows, all_balances_upto(one, ALL))
    return [_account(row, batched.get(row[0], 0)) for row in rows]


async def find(engine: Engine, code: str, book: int | None = None, currency: str | None = None) -> list[Account]:
    """The accounts of this code: one for each currency and book asked for."""
    where, values = narrowed("a.code=?", [code], **{"a.book": book, "a.currency": currency})
    rows = await engine.rows(f"{COLUMNS}{where} ORDER BY a.currency, a.book", values)
    return [_account(row, await ask(engine.rows, balance_upto(row[1], row[0], ALL))) for row in rows]


async def names(engine: Engine, numbers: Iterable[int]) -> dict[int, tuple[int, str, str]]:
    """Book, code and currency of accounts by their numbers; a number that names none is left out."""
    wanted = sorted(set(numbers))
    found: dict[int, tuple[int, str, str]] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        for row in await engine.rows(f"{NAMES}account IN ({marks})", part):
            found[row[0]] = (row[1], row[2], row[3])
    return found


def is_code(text: str) -> bool:
    """True if the text names an account rather than an object: codes are paths."""
    return ":" in text


def narrowed(where: str, values: list[Any], **equal: Any) -> tuple[str, list[Any]]:
    """A condition with one more `AND name=?` for each value that is given."""
    for name, value in equal.items():
        if value is not None:
            where += f" AND {name}=?"
            values = [*values, value]
    return where, values


def _account(row: tuple[Any, ...], batched: int) -> Account:
    number, book, code, currency, balance, kind, normal = row
    try:
        on_chart = account_of(code)
    except KeyError:  # `verify` complains of it; here it must still be seen
        on_chart = NOT_ON_CHART
    return Account(
        number=number, book=book, code=code, currency=currency, kind=kind or on_chart.kind,
        normal=normal or on_chart.normal, meaning=on_chart.meaning, clearing=on_chart.clearing,
        balance=balance + batched,
    )  # fmt: skip
