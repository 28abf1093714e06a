"""The lines of a bulk payout as they come: newline-delimited JSON, or CSV with a header. What each says, or what is
wrong with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

import msgspec
from msgspec import Struct

from nostro.connect.originating_account import Record as Account
from nostro.connect.originating_account import largest_payment
from nostro.kernel.errors import ApiError, invalid, missing
from nostro.kernel.money import CURRENCIES, text

from .bank_formats import refusal
from .file_format import TOO_MUCH
from .instruction import Receiver, holder, plain

COLUMNS = (
    "reference", "amount", "currency", "account_holder_name", "account_holder_type", "routing_number",
    "account_number", "iban", "sort_code", "account_type", "statement_descriptor", "merchant",
)  # fmt: skip
NEEDED = ("reference", "amount", "currency")
LONGEST_REFERENCE = 100
MOST_AMOUNT = 99_999_999_999
NUL = "\\u0000"  # as JSON writes it


class Row(Struct, forbid_unknown_fields=True):
    """One line, its values not yet checked. `amount` in minor units."""

    reference: str = ""
    amount: int = 0
    currency: str = ""
    account_holder_name: str = ""
    account_holder_type: str = ""
    routing_number: str = ""
    account_number: str = ""
    iban: str = ""
    sort_code: str = ""
    account_type: str = ""
    statement_descriptor: str = ""
    merchant: str = ""


Read = tuple[int, Row | ApiError]
_decode = msgspec.json.Decoder(Row).decode


def read(body: str, format: str) -> list[Read]:
    """Each line with its number in the body. Raises what is wrong with a CSV as a whole."""
    return list(_read_csv(body) if format == "csv" else _read_json(body))


def _read_json(body: str) -> Iterator[Read]:
    for number, line in enumerate(body.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            yield number, invalid("Invalid NUL byte in the line.") if NUL in line else _decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            yield number, invalid(f"The line cannot be read: {error}.")


def _read_csv(body: str) -> Iterator[Read]:
    rows = csv.reader(StringIO(body))
    try:
        head = [name.strip() for name in next(rows, [])]
        unknown = sorted({name[:40] for name in head} - set(COLUMNS))
        if unknown or len(set(head)) < len(head) or not set(NEEDED) <= set(head):
            raise invalid(
                f"The first line names the columns, each once: {', '.join(NEEDED)}, and what is needed of "
                f"{', '.join(COLUMNS[3:])}.{' Unknown: ' + ', '.join(unknown) + '.' if unknown else ''}", "lines",
            )  # fmt: skip
        for cells in rows:
            if cells:
                yield rows.line_num, _cells(head, cells)
    except csv.Error as error:
        raise invalid(f"The CSV cannot be read: {error}.", "lines") from None


def _cells(head: Sequence[str], cells: Sequence[str]) -> Row | ApiError:
    if len(cells) != len(head):
        return invalid(f"The line has {len(cells)} fields, the header {len(head)}.")
    found: dict[str, Any] = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    amount = found["amount"]
    if not (amount.isascii() and amount.isdigit() and len(amount) < 16):
        return invalid("The amount is a whole number of minor units, such as 1050 for 10.50.", "amount")
    found["amount"] = int(amount)
    return Row(**found)


# Checking --------------------------------------------------------------------


def checked(row: Row, account: Account | None) -> Receiver:
    """The receiver that the line names, or the error that says what is wrong with which field."""
    for name in NEEDED:
        if not getattr(row, name):
            raise missing(name)
    if len(row.reference) > LONGEST_REFERENCE or not row.reference.isprintable():
        raise invalid(f"A reference has up to {LONGEST_REFERENCE} printable characters.", "reference")
    if row.currency.lower() not in CURRENCIES or account is None:
        raise invalid(f"No originating account carries {row.currency[:20]}.", "currency")
    most = min(largest_payment(account) or MOST_AMOUNT, MOST_AMOUNT)
    if not 1 <= row.amount <= most:
        raise invalid(f"The amount can be {text(most, account.currency)} at most, and is above zero.", "amount")
    if row.account_type not in ("", "checking", "savings"):
        raise invalid("The account type is checking or savings.", "account_type")
    receiver = _receiver(row)
    why = refusal(account, receiver, row.amount)
    if why is not None:
        raise invalid(why.text, "amount" if why.code == TOO_MUCH else "iban" if row.iban else "account_number")
    return receiver


def _receiver(row: Row) -> Receiver:
    if row.account_holder_type not in ("", "company", "individual"):
        raise invalid("The holder is a company or an individual.", "account_holder_type")
    return Receiver(
        number=(row.iban or row.account_number).replace(" ", "").replace("-", "").upper(),
        routing=(row.routing_number or row.sort_code).replace("-", ""), name=holder(row.account_holder_name),
        descriptor=plain(row.statement_descriptor),
        kind="company" if row.account_holder_type == "company" else
        "individual" if row.account_holder_type == "individual" else "",
        savings=row.account_type == "savings",
    )  # fmt: skip
