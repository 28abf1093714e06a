"""Owner: whose a line is and whose an entry is: a match's, by its number, or a break's, by its id. The tables have one
owner for each, so nothing is both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nostro.storage.tx import Tx

from .account import Record as Account
from .line import line_id

NEW_LINE = "INSERT INTO bank_line_owner (account,line,owner) VALUES (?,?,?)"
NEW_ENTRY = "INSERT INTO cash_entry_owner (account,entry,owner) VALUES (?,?,?)"
SET_LINE = f"{NEW_LINE} ON CONFLICT (account,line) DO UPDATE SET owner=excluded.owner"
SET_ENTRY = f"{NEW_ENTRY} ON CONFLICT (account,entry) DO UPDATE SET owner=excluded.owner"
OF_LINE = "SELECT owner FROM bank_line_owner WHERE account=? AND line=?"
OF_ENTRY = "SELECT owner FROM cash_entry_owner WHERE account=? AND entry=?"
FREE_ENTRY = "DELETE FROM cash_entry_owner WHERE account=? AND entry=?"
Owner = tuple[int | None, str | None]


def own(tx: Tx, account: Account, lines: Iterable[int], entries: Iterable[int], owner: str) -> None:
    """They belong to this match or this break from now on."""
    for line in lines:
        tx.write_row(SET_LINE, (account.number, line, owner))
    for entry in entries:
        tx.write_row(SET_ENTRY, (account.number, entry, owner))


def parts(owner: str | None) -> Owner:
    """The match's number and the break's id, of which one is None, or both."""
    if owner is None:
        return None, None
    return (int(owner), None) if owner.isdecimal() else (None, owner)


async def of_line(tx: Tx, account: Account, line: int) -> Owner:
    return await _owner(tx, OF_LINE, account.number, line)


async def of_entry(tx: Tx, account: Account, entry: int) -> Owner:
    return await _owner(tx, OF_ENTRY, account.number, entry)


async def _owner(tx: Tx, statement: str, account: int, number: int) -> Owner:
    rows: list[Any] = await tx.world.engine.rows(statement, (account, number))
    return parts(rows[0][0] if rows else None)


def line_ids(account: Account, lines: Iterable[int]) -> list[str]:
    return [line_id(account.number, line) for line in lines]


def entry_ids(entries: Iterable[int]) -> list[str]:
    return [f"lent_{entry}" for entry in entries]
