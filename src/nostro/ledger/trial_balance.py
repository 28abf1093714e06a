"""Trial balance: every account with its balance in the debit or the credit column; the columns' totals are equal."""

from __future__ import annotations

from msgspec import Struct

from nostro.storage.engine import Engine

from .account import accounts
from .chart import Kind


class Row(Struct, frozen=True, kw_only=True):
    """One code, its books added up. One of the two columns is zero. Minor units."""

    code: str
    kind: Kind
    debit: int
    credit: int


class TrialBalance(Struct, frozen=True, kw_only=True):
    """One currency's columns."""

    currency: str
    rows: tuple[Row, ...]

    @property
    def debits(self) -> int:
        return sum(row.debit for row in self.rows)

    @property
    def credits(self) -> int:
        return sum(row.credit for row in self.rows)

    @property
    def balanced(self) -> bool:
        return self.debits == self.credits


async def trial_balance(engine: Engine, book: int | None = None, zero: bool = False) -> list[TrialBalance]:
    """One for each currency; accounts that stand at zero are left out unless `zero`."""
    totals: dict[str, dict[str, int]] = {}
    kinds: dict[str, Kind] = {}
    for account in await accounts(engine, book):
        kinds[account.code] = account.kind
        column = totals.setdefault(account.currency, {})
        column[account.code] = column.get(account.code, 0) + account.balance
    return [
        TrialBalance(
            currency=currency,
            rows=tuple(
                Row(code=code, kind=kinds[code], debit=max(balance, 0), credit=max(-balance, 0))
                for code, balance in sorted(column.items())
                if balance or zero
            ),
        )
        for currency, column in sorted(totals.items())
    ]
