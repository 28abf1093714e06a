"""What the simulated bank did and has, for people and for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO
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

COLUMNS = ("account", "statement", "booked", "valued", "amount", "currency", "reference", "end_to_end", "code",
           "description", "counterparty", "counterparty_account", "balance")  # fmt: skip
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


def written(format: str, statements: Iterable[Statement]) -> bytes:
    """Statements in one of the formats that banks send."""
    if format != "csv":
        raise Trouble(f"The bank writes no {format}.", "Ask for csv.")
    return "".join(_csv(statements)).encode()


def _csv(statements: Iterable[Statement]) -> Iterable[str]:
    """Amounts in minor units, as everywhere in Nostro; `balance` is the one after the line."""
    out = StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for each in statements:
        opening = each.opening
        balance = opening.balance or 0
        for line in each.lines:
            balance += line.amount
            rows.writerow((opening.account, opening.number, line.booked, line.valued, line.amount, opening.currency,
                           line.reference, line.end_to_end, line.code, line.description, line.counterparty,
                           line.counterparty_account, balance))  # fmt: skip
            if out.tell() > 1 << 16:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
    yield out.getvalue()
