"""What the simulated bank did and has, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from nostro.kernel.clock import DAY, utc_text
from nostro.kernel.money import text

from .progress import Counting
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.networks.bank.account import Account
    from nostro.networks.bank.answer import Receipt
    from nostro.networks.statement import Statement

    from .bank_folder import BankFolder

SHOWN = 8  # refused payments that are shown to people


def advance(folder: BankFolder, until: int, *, quiet: bool) -> None:
    """Let time pass, with a bar of the days."""
    first = folder.bank.now
    with Counting(quiet or until - first < 7 * DAY) as tell:
        for now in folder.advance(until):
            tell("days at the bank", (now - first) // DAY, (until - first) // DAY)


def chosen(folder: BankFolder, number: str | None) -> Account:
    accounts = folder.bank.books.accounts
    if number is None:
        return next(iter(accounts.values()))
    if number not in accounts:
        raise Trouble(f"The bank has no account {number}.", f"It has: {', '.join(accounts)}")
    return accounts[number]


def listed(folder: BankFolder) -> list[dict[str, Any]]:
    """The accounts as plain values, without the lines of today."""
    names = ("number", "bank", "currency", "balance", "committed", "overdraft", "statements", "originators")
    return [{name: getattr(each, name) for name in names} for each in folder.bank.books.accounts.values()]


def told(folder: BankFolder) -> dict[str, Any]:
    """What has happened since the folder was opened."""
    return {
        "object": "bank_news", "now": folder.bank.now, "receipts": folder.receipts,
        "files": [str(file) for file in folder.letters],
        "statements": [{"account": opening.account, "number": opening.number, "date": closing.date,
                        "lines": closing.lines, "balance": closing.balance} for opening, closing in folder.closed],
    }  # fmt: skip


def tell(folder: BankFolder) -> None:
    """The same for people, but for the receipts."""
    for opening, closing in folder.closed:
        if closing.lines:
            balance = text(closing.balance or 0, opening.currency)
            lines = "1 line" if closing.lines == 1 else f"{closing.lines:,} lines"
            typer.echo(f"{closing.date}  {opening.account}  {lines}, balance {balance}")
    for file in folder.letters:
        typer.echo(f"answered  {file}")


def tell_receipt(receipt: Receipt) -> None:
    typer.echo(f"{receipt.file or receipt.message_id}: {receipt.status.replace('_', ' ')}"
               f"{f' ({receipt.code}: {receipt.message})' if receipt.reason else ''}")  # fmt: skip
    for order in receipt.orders:
        if order.accepted:
            typer.echo(f"  {order.id}: {order.accepted:,} payments, {text(order.amount, order.currency)}, "
                       f"booked on {order.settles} in {order.account}")  # fmt: skip
        for one in order.refused[:SHOWN] if order.accepted else ():
            typer.echo(f"  {one.id}: refused, {one.code} {one.reason.replace('_', ' ')}")
        if order.accepted and len(order.refused) > SHOWN:
            typer.echo(f"  ... and {len(order.refused) - SHOWN:,} more, all in the receipt")


def clock(folder: BankFolder) -> str:
    return f"{utc_text(folder.bank.now)} UTC at the bank"


def written(format: str, statements: Iterable[Statement], now: int) -> bytes:
    """Statements in one of the formats that banks send."""
    from nostro.networks.bank.paper import WRITERS
    from nostro.networks.file_error import FileError

    if format not in WRITERS:
        raise Trouble(f"The bank writes no {format}.", f"Ask for one of: {', '.join(WRITERS)}.")
    try:
        return WRITERS[format](statements, now)
    except FileError as error:
        raise Trouble(f"The bank cannot write this as {format}: {error}.",
                      "Ask for one statement (--number), or for another format.") from None  # fmt: skip
