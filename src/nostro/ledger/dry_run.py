"""Dry run: what postings would do to the balances, and which limits would refuse them. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nostro.kernel.errors import Refused, refused
from nostro.kernel.posting import Posting
from nostro.kernel.resource import Shape, Wire
from nostro.storage.tx import Tx

from .app_account import Record as Account
from .chart import Side


class DryRunBalance(Shape, frozen=True, kw_only=True):
    account: str
    after: int
    before: int
    currency: str
    normal_balance: Side


class DryRunRefusal(Shape, frozen=True, kw_only=True):
    """`short_by` is how far beyond the limit the account would stand, in minor units."""

    account: str
    code: str
    currency: str
    message: str
    short_by: int


class DryRun(Shape, frozen=True, kw_only=True):
    """What would have been answered; `existing` is what the reference names already."""

    object: Literal["ledger.dry_run"] = "ledger.dry_run"
    balances: list[DryRunBalance]
    existing: str | None
    livemode: bool
    refusals: list[DryRunRefusal]
    would_succeed: bool


async def rehearsed(tx: Tx, accounts: Sequence[Account], postings: Sequence[Posting], existing: str | None) -> Wire:
    """Balances are minor units on each account's normal side. `existing` is what the reference names already."""
    balances, refusals, change = [], [], _changes(postings)
    for account in {(one.code, one.currency): one for one in accounts}.values():
        key = (account.code, account.currency)
        before = await tx.balance(*key)
        after = before + (0 if existing else change[key])
        balances.append({
            "account": account.code, "after": account.natural(after), "before": account.natural(before),
            "currency": account.currency, "normal_balance": account.normal_balance,
        })  # fmt: skip
        # One line on each side at most: of several with one limit the first speaks for all.
        lines = {line.amount > 0: line for line in reversed(postings) if (line.account, line.currency) == key}
        for line in () if existing else lines.values():
            if line.refusal is not None and (beyond := line.beyond(after)) > 0:
                said = refused(Refused(line.account, line.currency, line.refusal, beyond)).message
                refusals.append({
                    "account": account.code, "code": line.refusal, "currency": account.currency, "message": said,
                    "short_by": beyond,
                })  # fmt: skip
    return {
        "object": "ledger.dry_run", "balances": balances, "existing": existing, "livemode": tx.scope.livemode,
        "refusals": refusals, "would_succeed": not refusals,
    }  # fmt: skip


def _changes(postings: Sequence[Posting]) -> dict[tuple[str, str], int]:
    totals: dict[tuple[str, str], int] = {}
    for posting in postings:
        key = (posting.account, posting.currency)
        totals[key] = totals.get(key, 0) + posting.amount
    return totals
