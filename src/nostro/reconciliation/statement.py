"""Statement: what a bank has said of an account for some days, imported whole or not at all.

Statements of an account chain: each opens with the balance that the one before closed with. The same one again
changes nothing; one that overlaps or leaves a gap is refused, and the error says what to import instead. What stood on
the account before its first statement is a line of its own, at place 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nostro.kernel.resource import Stored
from nostro.storage.tx import Tx

from .account import Record as Account

MOST = 10_000


class Statement(Stored, frozen=True, kw_only=True):
    """Balances are minor units; `closing_balance` is `opening_balance` plus its lines. `number` is the bank's name for
    it, `bank_account` what it calls the account. `file` and `content` are SHA-256 of the file that it came in, and of
    what it says."""

    object: Literal["reconciliation.statement"] = "reconciliation.statement"
    account: str
    bank_account: str = ""
    closed_on: str
    closing_balance: int
    content: str
    currency: str
    file: str
    file_name: str | None = None
    format: str
    lines: int
    livemode: bool = False
    number: str
    opened_on: str
    opening_balance: int


class Record(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """`place` leads the numbers of its lines; `found_by` is account and place, `numbered` account, day and number."""

    place: int
    found_by: str
    numbered: str


def found_by(account: int, place: int) -> str:
    return f"{account}-{place}"


async def found(tx: Tx, limit: int = 1, **where: str) -> list[Record]:
    """The statements of which these filters are true, the first first."""
    return await tx.all(tx.registry.by_record[Record], where, limit, newest_first=False)


async def banks_of(tx: Tx, account: Account) -> dict[int, int]:
    """The places of an account's accounts at banks by those of their statements; empty if it has one."""
    names = [one.bank_account for one in account.banks]
    if len(names) < 2:
        return {}
    every = await found(tx, MOST, account=account.id)
    return {one.place: names.index(one.bank_account) if one.bank_account in names else 0 for one in every}


async def ids_of(tx: Tx, account: int, places: Sequence[int]) -> dict[int, str]:
    """The ids of an account's statements by their places."""
    made: dict[int, str] = {}
    for place in set(places):
        made |= {one.place: one.id for one in await found(tx, found_by=found_by(account, place))}
    return made
