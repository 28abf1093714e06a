"""A posting is one line of a ledger entry; these few values are what every room says about money.

Amounts are `int` minor units of the currency; a debit is positive, a credit negative.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Posting(Struct, frozen=True):
    """One line: `amount` minor units on `account`, debit positive.

    `refusal` makes the line conditional: if, after the whole unit, the account would stand farther than `limit` on
    the line's own side, the unit is refused at commit and the API answers with this error code. A debit with the
    limit 0 keeps an account whose normal balance is credit from standing below zero.
    """

    account: str
    amount: int
    currency: str
    refusal: str | None = None
    limit: int = 0

    def beyond(self, after: int) -> int:
        """How far past the limit an account that stands at `after` (debit positive) would be; above 0 is refused."""
        return (after if self.amount > 0 else -after) - self.limit


def debit(account: str, amount: int, currency: str, refusal: str | None = None) -> Posting:
    assert amount >= 0, f"a debit of {amount}"
    return Posting(account, amount, currency, refusal)


def credit(account: str, amount: int, currency: str, refusal: str | None = None) -> Posting:
    assert amount >= 0, f"a credit of {amount}"
    return Posting(account, -amount, currency, refusal)


def transfer(source: str, target: str, amount: int, currency: str, refusal: str | None = None) -> tuple[Posting, ...]:
    """Debit `source`, credit `target`; a negative amount goes the other way; zero is no posting."""
    if amount == 0:
        return ()
    return Posting(source, amount, currency, refusal), Posting(target, -amount, currency)


def balanced(postings: Iterable[Posting]) -> bool:
    """True if the lines sum to zero in every currency."""
    totals: dict[str, int] = {}
    for posting in postings:
        totals[posting.currency] = totals.get(posting.currency, 0) + posting.amount
    return not any(totals.values())
