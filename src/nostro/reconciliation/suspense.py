"""Suspense: where the money of a break stands until somebody knows whose it is.

What the bank has more than the ledger comes into the ledger's cash account from suspense, so that the two agree at
once; what it has less goes there. Amounts are minor units and signed: positive where the bank has more.
"""

from __future__ import annotations

from nostro.kernel.posting import Posting, transfer
from nostro.ledger import chart


def suspend(account: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """The ledger's cash account follows the bank; whose the money is, is open."""
    return transfer(account, chart.SUSPENSE, amount, currency)


def release(account: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """What it belongs to was found: the ledger has booked it elsewhere."""
    return transfer(chart.SUSPENSE, account, amount, currency)


def settle(booked: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """Nothing will be found: it is a cost, or income."""
    return transfer(chart.SUSPENSE, booked, amount, currency)


def book_difference(account: str, booked: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """A match whose amounts differ: the difference is a cost, or income."""
    return transfer(account, booked, amount, currency)
