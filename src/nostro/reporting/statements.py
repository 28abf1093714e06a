"""Balance sheet and income statement of a span, in each currency: arithmetic on its turnovers.

The books are never closed into equity by an entry: what was earned is revenue less expense, and the balance sheet
shows it as two lines of equity, earned before the span and in it. Memorandum accounts (authorizations, credit that
merchants grant) stand below the sheet. They balance by themselves; what an entry of a caller has put between them and
other accounts is a line of equity too, so that the sheet always balances and shows why.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from nostro.ledger.chart import CHART, Kind
from nostro.storage.engine import Engine

from .span import Span
from .turnover import Basis, Turnover, cuts, turnovers

Section = Literal["assets", "liabilities", "equity", "memorandum", "revenue", "expenses"]
SECTIONS: dict[Kind, Section] = {
    "asset": "assets", "liability": "liabilities", "equity": "equity", "memorandum": "memorandum",
    "revenue": "revenue", "expense": "expenses",
}  # fmt: skip
DEBIT = ("asset", "expense", "memorandum")
EARNED_BEFORE, EARNED, CONTRA = "earnings:before", "earnings:period", "memorandum:contra"
MEANINGS = {row.pattern: row.meaning for row in CHART} | {
    EARNED_BEFORE: "Revenue less expenses up to the period.",
    EARNED: "Revenue less expenses of the period.",
    CONTRA: "What stands between memorandum accounts and the others.",
}


class Line(Struct, frozen=True, kw_only=True):
    """Minor units, positive on the side that is normal for the section. `previous` is the figure to compare with."""

    line: str
    meaning: str
    amount: int
    previous: int


class Part(Struct, frozen=True, kw_only=True):
    section: Section
    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def previous(self) -> int:
        return sum(line.previous for line in self.lines)


class Sheet(Struct, frozen=True, kw_only=True):
    """A balance sheet in one currency at a span's end; `previous` are the figures at its beginning."""

    currency: str
    assets: Part
    liabilities: Part
    equity: Part
    memorandum: Part

    @property
    def balanced(self) -> bool:
        now = self.assets.total == self.liabilities.total + self.equity.total
        return now and self.assets.previous == self.liabilities.previous + self.equity.previous


class Result(Struct, frozen=True, kw_only=True):
    """Profit and loss of a span in one currency; `previous` are the figures of the span before."""

    currency: str
    revenue: Part
    expenses: Part

    @property
    def total(self) -> int:
        return self.revenue.total - self.expenses.total

    @property
    def previous(self) -> int:
        return self.revenue.previous - self.expenses.previous


class Figures(Struct):
    """What a statement needs of a span: for each currency, kind and line what stood there before it and what was
    moved in it. Minor units, debit positive; and how many accounts each line has."""

    opening: dict[tuple[str, Kind, str], int] = {}
    moved: dict[tuple[str, Kind, str], int] = {}

    def add(self, one: Turnover) -> None:
        key = one.currency, one.kind, one.line
        self.opening[key] = self.opening.get(key, 0) + one.opening
        self.moved[key] = self.moved.get(key, 0) + one.debits - one.credits

    @property
    def currencies(self) -> list[str]:
        return sorted({currency for currency, _, _ in self.opening})


async def figures(
    engine: Engine, book: int, span: Span, basis: Basis = "effective", currency: str | None = None
) -> Figures:
    made = Figures()
    async for one in turnovers(engine, await cuts(engine, book, span, basis)):
        if not one.idle and currency in (None, one.currency):  # what comes later must not change what is told
            made.add(one)
    return made


def balance_sheets(of: Figures) -> list[Sheet]:
    return [_sheet(of, currency) for currency in of.currencies]


def _sheet(of: Figures, currency: str) -> Sheet:
    opening = {key[1:]: amount for key, amount in of.opening.items() if key[0] == currency}
    closing = {key: amount + of.moved[currency, *key] for key, amount in opening.items()}
    parts = {kind: _part(kind, closing, opening) for kind in ("asset", "liability", "equity", "memorandum")}
    before = -sum(amount for (kind, _), amount in opening.items() if kind in ("revenue", "expense"))
    after = -sum(amount for (kind, _), amount in closing.items() if kind in ("revenue", "expense"))
    owned = [_line(EARNED_BEFORE, before, before), _line(EARNED, after - before, 0)]
    beside = parts["memorandum"]
    if beside.total or beside.previous:
        owned.append(_line(CONTRA, -beside.total, -beside.previous))
    equity = Part(
        section="equity", lines=(*parts["equity"].lines, *(one for one in owned if one.amount or one.previous))
    )
    return Sheet(
        currency=currency, assets=parts["asset"], liabilities=parts["liability"], equity=equity, memorandum=beside
    )


def income_statements(of: Figures, before: Figures) -> list[Result]:
    """`before` are the figures of the span to compare with."""
    return [
        Result(currency=currency, revenue=_moved("revenue", currency, of, before),
               expenses=_moved("expense", currency, of, before))
        for currency in sorted({*of.currencies, *before.currencies})
    ]  # fmt: skip


def _moved(kind: Kind, currency: str, of: Figures, before: Figures) -> Part:
    now, then = ({key[1:]: amount for key, amount in one.moved.items() if key[0] == currency} for one in (of, before))
    return _part(kind, now, then)


def _part(kind: Kind, now: dict[tuple[Kind, str], int], then: dict[tuple[Kind, str], int]) -> Part:
    sign = 1 if kind in DEBIT else -1
    names = sorted({line for of, line in (*now, *then) if of == kind})
    lines = (_line(name, sign * now.get((kind, name), 0), sign * then.get((kind, name), 0)) for name in names)
    return Part(section=SECTIONS[kind], lines=tuple(line for line in lines if line.amount or line.previous))


def _line(name: str, amount: int, previous: int) -> Line:
    return Line(line=name, meaning=MEANINGS.get(name, ""), amount=amount, previous=previous)
