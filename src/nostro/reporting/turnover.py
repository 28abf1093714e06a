"""Turnover: what stood on each account when a span began, what was debited and credited in it, and what stood at its
end. This is the trial balance of a span; every other report is made of it.

Read in the order of codes, some hundreds of accounts at a time, so memory grows with the number of accounts that
batches have booked on, not with that of entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from nostro.kernel.clock import SECOND
from nostro.ledger import chart
from nostro.ledger.balance import LAST, last_effective, last_entry
from nostro.ledger.batches import BATCH
from nostro.storage.batch import BatchRow, transfers_of
from nostro.storage.columns import Ints
from nostro.storage.engine import Engine
from nostro.storage.runs import all_balances_upto, ask

from .span import Span

Basis = Literal["effective", "recorded"]
PAGE = 250
_ROWS = (
    "coalesce((SELECT p.balance FROM ledger_posting p WHERE p.account=a.account AND p.entry<=? "
    "ORDER BY p.entry DESC LIMIT 1),0)"
)
_LATE = (
    "coalesce((SELECT sum(l.amount) FROM ledger_late l "
    "WHERE l.account=a.account AND l.entry>? AND l.entry<=? AND l.effective<?),0)"
)
_GROSS = "coalesce((SELECT sum(abs({0}.amount)) FROM {1} {0} WHERE {0}.account=a.account AND {2}),0)"
ACCOUNTS = (
    f"SELECT a.account, a.code, a.currency, o.kind, o.normal, {_ROWS}, {_LATE}, {_ROWS}, {_LATE}, "
    + _GROSS.format("p", "ledger_posting", "p.entry>? AND p.entry<=?") + ", "
    + _GROSS.format("l", "ledger_late", "l.entry>? AND l.entry<=? AND l.effective<?") + ", "
    + _GROSS.format("l", "ledger_late", "l.entry>? AND l.entry<=? AND l.effective>=? AND l.effective<?")
    + " FROM ledger_account a LEFT JOIN ledger_opened o ON o.book=a.book AND o.code=a.code AND o.currency=a.currency "
    "WHERE a.book=? AND (a.code, a.currency) > (?, ?) ORDER BY a.code, a.currency LIMIT ?"
)  # fmt: skip
BATCHES = f"SELECT {BATCH} FROM ledger_batch WHERE book=? AND first>? AND first<=? ORDER BY first LIMIT 1"
LAST_ACCOUNT = "SELECT coalesce(max(account),0) FROM ledger_account"


class Turnover(Struct, frozen=True, kw_only=True):
    """One account. Minor units; `opening` and `closing` are debit positive, `debits` and `credits` positive both."""

    number: int
    code: str
    currency: str
    kind: chart.Kind
    normal: chart.Side
    line: str
    opening: int
    debits: int
    credits: int

    @property
    def closing(self) -> int:
        return self.opening + self.debits - self.credits

    @property
    def idle(self) -> bool:
        """Nothing stood there and nothing moved."""
        return not (self.opening or self.debits or self.credits)


class Cut(NamedTuple):
    """Where a moment ends in the journal: entries up to `last` count, and the late ones behind it that took effect
    before `moment` (seconds)."""

    last: int
    moment: int


class Cuts(NamedTuple):
    """Where a span begins and ends in a book's journal, as it is up to entry `newest`."""

    book: int
    begin: Cut
    end: Cut
    newest: int


async def cuts(engine: Engine, book: int, span: Span, basis: Basis = "effective") -> Cuts:
    rows = await engine.rows(LAST)
    begin, end = await _cut(engine, book, span.starts, basis), await _cut(engine, book, span.ends, basis)
    newest = int(rows[0][0]) if rows else 0
    return Cuts(book, begin, end, max(newest, end.last))


async def _cut(engine: Engine, book: int, moment: int, basis: Basis) -> Cut:
    if basis == "recorded":  # then nothing is late
        return Cut(await last_entry(engine, moment * SECOND - 1), 0)
    return Cut(await last_effective(engine, book, moment - 1), moment)


async def turnovers(engine: Engine, at: Cuts, after: tuple[str, str] = ("", "")) -> AsyncIterator[Turnover]:
    """Every account of the book behind this code and currency, idle ones too."""
    batched = await Batched.read(engine, at)
    (first, since), (last, until), newest = at.begin, at.end, at.newest
    while True:
        values = (
            first, first, newest, since, last, last, newest, until, first, last, first, last, since,
            last, newest, since, until, at.book, *after, PAGE,
        )  # fmt: skip
        rows = await engine.rows(ACCOUNTS, values)
        for row in rows:
            yield _turnover(row, batched)
        if len(rows) < PAGE:
            return
        after = rows[-1][1], rows[-1][2]
        await asyncio.sleep(0)  # others have their turn


def _turnover(row: tuple[Any, ...], batched: Batched) -> Turnover:
    number, code, currency, kind, normal = row[:5]
    opening, late, closing, late_closing, gross, too_early, late_gross = map(int, row[5:])
    opening += late
    moved = gross - too_early + late_gross
    net = closing + late_closing - opening
    before, debits, credits = batched.of(number)
    on_chart = account_of(code)
    return Turnover(
        number=number, code=code, currency=currency, kind=kind or on_chart.kind, normal=normal or on_chart.normal,
        line=line_of(code, on_chart), opening=opening + before, debits=(moved + net) // 2 + debits,
        credits=(moved - net) // 2 + credits,
    )  # fmt: skip


class Batched:
    """What batches have booked on each account: up to where the span begins, and in it. Lines that came late are not
    in it where they do not count, for `ledger_late` has them: see `_turnover`."""

    def __init__(self, opening: dict[int, int], debits: Ints, credits: Ints) -> None:
        self._opening = opening
        self._debits = debits
        self._credits = credits

    @classmethod
    async def read(cls, engine: Engine, at: Cuts) -> Batched:
        size = int((await engine.rows(LAST_ACCOUNT))[0][0]) + 1
        debits, credits = np.zeros(size, np.int64), np.zeros(size, np.int64)
        opening = await ask(engine.rows, all_balances_upto(at.book, at.begin.last)) if at.begin.last else {}
        after = at.begin.last
        while rows := await engine.rows(BATCHES, (at.book, after, at.end.last)):
            batch: BatchRow = rows[0]
            lines = transfers_of(batch)
            np.add.at(debits, lines.debit, lines.amount)
            np.add.at(credits, lines.credit, lines.amount)
            after = batch[0]
            await asyncio.sleep(0)
        return cls(opening, debits, credits)

    def of(self, number: int) -> tuple[int, int, int]:
        """What stood there before, what was debited, what was credited."""
        if number >= len(self._debits):
            return self._opening.get(number, 0), 0, 0
        return self._opening.get(number, 0), int(self._debits[number]), int(self._credits[number])


def account_of(code: str) -> chart.Account:
    try:
        return chart.account_of(code)
    except KeyError:  # `verify` complains of it; here it must still be seen
        return chart.Account(code, "memorandum", "Not on the chart of accounts.")


def line_of(code: str, on_chart: chart.Account) -> str:
    """The line of a statement that an account is part of: its row of the chart, or of a caller's own accounts the
    first step of their code."""
    if not code.startswith((chart.APP, chart.held(chart.APP))):
        return on_chart.pattern
    steps = code.split(":")
    return ":".join(steps[: 3 if steps[0] == "held" else 2])
