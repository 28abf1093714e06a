"""Closing checks: what is looked at before a period is closed. Each says what it found, in words.

Before these the books are verified (ledger/verified.py). What a blocking check finds must be put right first; what
another finds is listed with the period. `app.py` says which
checks there are, so that other rooms can add theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from nostro.kernel.money import text
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .span import Span
from .turnover import Turnover, account_of, cuts, turnovers

OVERDUE = (
    "SELECT j.kind, count(*) FROM scope s JOIN job j ON j.scope=s.scope AND j.due<? "
    "WHERE s.book=? AND j.attempts>0 GROUP BY j.kind ORDER BY j.kind"
)


class Check(Struct, frozen=True):
    """`look(tx, span)` answers what it found; nothing is good."""

    name: str
    look: Callable[[Tx, Span], Awaitable[list[str]]]
    blocks: bool = False


async def trial_balance_balances(tx: Tx, span: Span) -> list[str]:
    totals: dict[str, tuple[int, int]] = {}
    async for one in _accounts(tx, span):
        opening, moved = totals.get(one.currency, (0, 0))
        totals[one.currency] = opening + one.opening, moved + one.debits - one.credits
    return [
        f"{unit}: the opening balances are off by {opening}, the movements by {moved}"
        for unit, (opening, moved) in sorted(totals.items())
        if opening or moved
    ]


async def clearing_empty(tx: Tx, span: Span) -> list[str]:
    """What was under way when the period ended: disputes, payouts, refunds, holds."""
    return [
        f"{one.code}: {text(_natural(one), one.currency)}"
        async for one in _accounts(tx, span)
        if one.closing and account_of(one.code).clearing
    ]


async def suspense_empty(tx: Tx, span: Span) -> list[str]:
    return [
        f"{one.code}: {text(_natural(one), one.currency)}"
        async for one in _accounts(tx, span)
        if one.closing and one.code == chart.SUSPENSE
    ]


async def no_failed_jobs(tx: Tx, span: Span) -> list[str]:
    """Work that was due in the period, has failed and is to be tried again: it would have booked in it."""
    rows = await tx.world.engine.rows(OVERDUE, (span.ends, tx.scope.book))
    return [f"{kind}: {count} failed, to be tried again" for kind, count in rows]


CHECKS = (
    Check("trial_balance", trial_balance_balances, blocks=True),
    Check("clearing_accounts", clearing_empty),
    Check("suspense", suspense_empty),
    Check("failed_jobs", no_failed_jobs),
)


async def _accounts(tx: Tx, span: Span) -> Any:
    at = await cuts(tx.world.engine, tx.scope.book, span)
    async for one in turnovers(tx.world.engine, at):
        yield one


def _natural(one: Turnover) -> int:
    return one.closing if one.normal == "debit" else -one.closing
