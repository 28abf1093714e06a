"""What stands on an account, what its holds keep, and both for all accounts below it: one reading each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import invalid
from nostro.storage.runs import ask, balances_upto
from nostro.storage.tx import Tx

from .account import ALL
from .app_account import ACCOUNT, LedgerAccount
from .balance import last_effective, last_entry
from .chart import held

MOST_BELOW = 20_000
ROWS_UPTO = (
    "coalesce((SELECT p.balance FROM ledger_posting p WHERE p.account=a.account AND p.entry<=? "
    "ORDER BY p.entry DESC LIMIT 1),0)"
)
LATE = (
    "coalesce((SELECT sum(l.amount) FROM ledger_late l WHERE l.account=a.account AND l.entry>? AND l.effective<=?),0)"
)
OWN = "ledger_account a WHERE a.book=? AND a.currency=? AND a.code IN (?,?)"


class Moment(NamedTuple):
    """Lines up to entry `last` count; at an effective moment (seconds) also the late ones behind it."""

    last: int = ALL
    effective: int | None = None


class Sum(NamedTuple):
    """Minor units, debit positive."""

    balance: int
    held: int


async def moment_of(tx: Tx, at: int | None, effective_at: int | None) -> Moment:
    if at is not None:
        return Moment(await last_entry(tx.world.engine, (at + 1) * SECOND - 1))
    if effective_at is not None:
        return Moment(await last_effective(tx.world.engine, tx.scope.book, effective_at), effective_at)
    return Moment()


async def own(tx: Tx, account: LedgerAccount, moment: Moment) -> Sum:
    values = (tx.scope.book, account.currency, account.code, held(account.code))
    return await _sum(tx, moment, "", (), OWN, values)


async def below(tx: Tx, account: LedgerAccount, moment: Moment) -> Sum:
    """A parent is there before its child and never changes, so there is no circle."""
    path, table, scope = tx.world.engine.path, f'"{ACCOUNT.table}"', tx.scope.number
    children = (
        f"WITH RECURSIVE below (id) AS (SELECT id FROM {table} WHERE scope=? AND {path('parent')}=? UNION ALL "
        f"SELECT c.id FROM below b JOIN {table} c ON c.scope=? AND {path('parent')}=b.id) "
    )
    accounts = (
        f"below b JOIN {table} r ON r.scope=? AND r.id=b.id JOIN ledger_account a ON a.book=? AND a.currency=? "
        f"AND a.code IN ({path('code')}, '{held('')}' || {path('code')}) LIMIT {MOST_BELOW + 1}"
    )
    values = (scope, tx.scope.book, account.currency)
    return await _sum(tx, moment, children, (scope, account.id, scope), accounts, values)


async def under(tx: Tx, prefix: str, moment: Moment) -> list[tuple[str, str, int]]:
    """Code, currency and balance (debit positive) of each of the product's own accounts whose code begins so, as of a
    moment. No batch books on these."""
    amount, between = _amount(moment)
    statement = f"SELECT a.code, a.currency, {amount} FROM ledger_account a WHERE a.book=? AND a.code>=? AND a.code<?"
    rows = await tx.world.engine.rows(statement, (*between, tx.scope.book, prefix, prefix + "~"))
    return [(code, currency, int(balance)) for code, currency, balance in rows]


def _amount(moment: Moment) -> tuple[str, list[int]]:
    """What was booked on account `a` one by one, in SQL, and its values."""
    amount, between = "a.balance", list[int]()
    if moment.last != ALL:
        amount, between = ROWS_UPTO, [moment.last]
    if moment.effective is not None:
        amount, between = f"{amount} + {LATE}", [*between, moment.last, moment.effective]
    return amount, between


async def _sum(
    tx: Tx, moment: Moment, before: str, first: Sequence[Any], accounts: str, values: Sequence[Any]
) -> Sum:  # fmt: skip
    amount, between = _amount(moment)
    rows = await tx.world.engine.rows(
        f"{before}SELECT a.account, a.code, {amount} FROM {accounts}", (*first, *between, *values)
    )
    if len(rows) > MOST_BELOW:
        raise invalid(f"More than {MOST_BELOW} accounts stand below this one, those of holds included.", "account")
    kept = [(number, amount) for number, code, amount in rows if code.startswith(held(""))]
    free = [(number, amount) for number, code, amount in rows if not code.startswith(held(""))]
    numbers = [number for number, _ in free]
    batched, _ = await ask(tx.world.engine.rows, balances_upto(tx.scope.book, numbers, moment.last))
    return Sum(
        balance=sum(int(amount) + batched.get(number, 0) for number, amount in free),
        held=sum(int(amount) for _, amount in kept),
    )
