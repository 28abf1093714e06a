"""The lines of a bulk request: what each asks for, as parameters of an entry, and which of them are plain transfers.

A plain transfer has one debit and one credit, an amount and a currency, and perhaps a kind, a description and an
effective time. Those are booked many at once; any other line, a wrong one too, takes the way of a single entry.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from nostro.kernel.errors import invalid
from nostro.kernel.params import convert

from .app_entry import CreateParams

COLUMNS = {"amount", "credit", "currency", "debit", "description", "effective_at", "kind", "reference"}
PLAIN_COLUMNS = COLUMNS - {"reference"}
Made = Callable[[], CreateParams]


class Leg(Struct, forbid_unknown_fields=True):
    account: str
    amount: int
    direction: str


class Transfer(Struct, forbid_unknown_fields=True):
    """A plain transfer as a line says it, its values not yet checked; either with `postings` or without."""

    amount: int = 0
    debit: str = ""
    credit: str = ""
    currency: str = ""
    kind: str | None = None
    description: str | None = None
    effective_at: int | None = None
    postings: list[Leg] | None = None


class Slice(Struct):
    """Some lines in a row, by their numbers in the body; `plain` has None for what is no plain transfer."""

    numbers: list[int]
    plain: list[Transfer | None]
    made: Callable[[int], Made]

    def line(self, n: int) -> tuple[int, Made]:
        return self.numbers[n], self.made(n)


_decode = msgspec.json.Decoder(Transfer).decode


def read(text: str, format: str, size: int) -> Iterator[Slice]:
    """Slices of `size` lines at most; empty lines are passed over. Raises what is wrong with a CSV."""
    return _read_csv(text, size) if format == "csv" else _read_json(text, size)


# Newline-delimited JSON -----------------------------------------------------------------


def _read_json(text: str, size: int) -> Iterator[Slice]:
    lines = text.split("\n")
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        numbers = [n for n, line in enumerate(part, start + 1) if line and not line.isspace()]
        if len(numbers) < len(part):
            part = [lines[n - 1] for n in numbers]
        if part:
            yield Slice(numbers, _transfers(part), _json_lines(part))


def _transfers(lines: Sequence[str]) -> list[Transfer | None]:
    try:
        found: list[Transfer | None] = [_decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        found = [_transfer(line) for line in lines]
    return [one if one is None or one.postings is None else _two_legs(one) for one in found]


def _transfer(line: str) -> Transfer | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _two_legs(one: Transfer) -> Transfer | None:
    legs = one.postings or []
    if len(legs) != 2 or legs[0].amount != legs[1].amount or one.amount or one.debit or one.credit:
        return None
    sides = {leg.direction: leg.account for leg in legs}
    if sides.keys() != {"debit", "credit"}:
        return None
    one.amount, one.debit, one.credit = legs[0].amount, sides["debit"], sides["credit"]
    return one


def _json_lines(lines: Sequence[str]) -> Callable[[int], Made]:
    return lambda n: lambda: _json_line(lines[n])


def _json_line(line: str) -> CreateParams:
    try:
        form = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise invalid("The line is not JSON.") from None
    if not isinstance(form, dict):
        raise invalid("The line is not a JSON object.")
    return _params(form)


# CSV ------------------------------------------------------------------------------------


def _read_csv(text: str, size: int) -> Iterator[Slice]:
    rows = csv.reader(StringIO(text))
    try:
        head = [name.strip() for name in next(rows, [])]
        _check_head(head)
        while part := list(islice(((rows.line_num, row) for row in rows if row), size)):
            cells = [row for _, row in part]
            yield Slice([number for number, _ in part], _csv_transfers(head, cells), _csv_lines(head, cells))
    except csv.Error as error:
        raise invalid(f"The CSV cannot be read: {error}.", "lines") from None


def _check_head(head: list[str]) -> None:
    unknown = sorted({name for name in head if not name.startswith("metadata.")} - COLUMNS)
    if unknown or not {"debit", "credit", "amount"} <= set(head):
        raise invalid(
            f"The first line names the columns: debit, credit and amount, and of {', '.join(sorted(COLUMNS))} and "
            f"metadata.KEY what is needed.{' Unknown: ' + ', '.join(unknown) + '.' if unknown else ''}", "lines",
        )  # fmt: skip


def _csv_transfers(head: list[str], rows: list[list[str]]) -> list[Transfer | None]:
    if not set(head) <= PLAIN_COLUMNS or len(set(head)) < len(head):
        return [None] * len(rows)
    at = {name: n for n, name in enumerate(head)}
    found: list[Transfer | None] = []
    for row in rows:
        try:
            found.append(_csv_transfer(at, row) if len(row) == len(head) else None)
        except ValueError:
            found.append(None)
    return found


def _csv_transfer(at: dict[str, int], row: list[str]) -> Transfer | None:
    amount = row[at["amount"]].strip()
    effective = row[at["effective_at"]].strip() if "effective_at" in at else ""
    if not (amount.isascii() and amount.isdigit()) or (effective and not (effective.isascii() and effective.isdigit())):
        return None
    return Transfer(
        int(amount), row[at["debit"]].strip(), row[at["credit"]].strip(),
        row[at["currency"]].strip() if "currency" in at else "",
        row[at["kind"]].strip() or None if "kind" in at else None,
        row[at["description"]].strip() or None if "description" in at else None,
        int(effective) if effective else None,
    )  # fmt: skip


def _csv_lines(head: list[str], rows: Sequence[list[str]]) -> Callable[[int], Made]:
    return lambda n: lambda: _csv_line(head, rows[n])


def _csv_line(head: list[str], row: list[str]) -> CreateParams:
    if len(row) != len(head):
        raise invalid(f"The line has {len(row)} fields, the header {len(head)}.")
    cells: dict[str, Any] = {name: value.strip() for name, value in zip(head, row, strict=True) if value.strip()}
    prefix = "metadata."
    metadata = {name.removeprefix(prefix): cells.pop(name) for name in [*cells] if name.startswith(prefix)}
    return _params({"debit": None, "credit": None, **cells, "metadata": metadata or None})


def _params(form: dict[str, Any]) -> CreateParams:
    """`debit`, `credit` and `amount` stand for two postings."""
    if "postings" not in form and {"debit", "credit"} & form.keys():
        amount = form.pop("amount", None)
        sides = {side: form.pop(side, None) for side in ("debit", "credit")}
        form["postings"] = [
            {"account": account, "amount": amount, "direction": side} for side, account in sides.items()
        ]
    return convert(form, CreateParams)
