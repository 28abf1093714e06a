"""The lines of a bulk request: what each asks for, as parameters of an entry, and which of them are plain transfers.

A plain transfer has one debit and one credit, an amount and a currency, and perhaps a kind, a description, an
effective time and a reference. Those are booked many at once; any other line, a wrong one too, takes the way of a
single entry.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from io import StringIO
from itertools import islice
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from nostro.kernel.errors import invalid
from nostro.kernel.pace import Pace
from nostro.kernel.params import convert

from .app_entry import CreateParams

COLUMNS = {"amount", "credit", "currency", "debit", "description", "effective_at", "kind", "reference"}
MOST_COLUMNS = 100
IN_TURN = 1_024  # lines that are read between two turns for other requests
NUL = "\\u0000"  # as JSON writes it; texts with NUL bytes cannot be compared by every database
Made = Callable[[], CreateParams]
T = TypeVar("T")


class Leg(Struct, forbid_unknown_fields=True):
    account: str
    amount: int
    direction: str
    currency: str = ""


class Transfer(Struct, forbid_unknown_fields=True):
    """A plain transfer as a line of JSON says it, its values not yet checked; with `postings` or without."""

    amount: int = 0
    debit: str = ""
    credit: str = ""
    currency: str = ""
    kind: str | None = None
    description: str | None = None
    effective_at: int | None = None
    reference: str | None = None
    postings: list[Leg] | None = None


class Columns(Struct):
    """What the lines say, by what it is. A line that is no plain transfer has the amount 0; `kind`, `description`,
    `effective` and `reference` are None if no line has one."""

    debit: Sequence[str]
    credit: Sequence[str]
    amount: Sequence[int]
    currency: Sequence[str]
    kind: Sequence[str | None] | None
    description: Sequence[str | None] | None
    effective: Sequence[int | None] | None
    reference: Sequence[str | None] | None

    def only(self, chosen: Sequence[int]) -> Columns:
        columns: list[Any] = [
            None if column is None else [column[n] for n in chosen] for column in msgspec.structs.astuple(self)
        ]
        return Columns(*columns)


class Slice(Struct):
    """Some lines in a row, by their numbers in the body, and the parameters that each one makes of its own."""

    numbers: list[int]
    columns: Columns
    made: Callable[[int], Made]

    def line(self, n: int) -> tuple[int, Made]:
        return self.numbers[n], self.made(n)

    def only(self, chosen: Sequence[int]) -> Slice:
        made = self.made
        return Slice([self.numbers[n] for n in chosen], self.columns.only(chosen), lambda n: made(chosen[n]))


NOTHING = Transfer()
_decode = msgspec.json.Decoder(Transfer).decode


def read(text: str, format: str, size: int, pace: Pace) -> AsyncIterator[Slice]:
    """Slices of `size` lines at most; empty lines are passed over. Raises what is wrong with a CSV."""
    return _read_csv(text, size, pace) if format == "csv" else _read_json(text, size, pace)


# Newline-delimited JSON -----------------------------------------------------------------


async def _read_json(text: str, size: int, pace: Pace) -> AsyncIterator[Slice]:
    lines = text.split("\n")
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        numbers = [n for n, line in enumerate(part, start + 1) if line and not line.isspace()]
        if len(numbers) < len(part):
            part = [lines[n - 1] for n in numbers]
        if part:
            found: list[Transfer] = []
            for at in range(0, len(part), IN_TURN):
                found += _transfers(part[at : at + IN_TURN])
                await pace.give_way()
            columns = _json_columns(found)
            await pace.give_way()
            yield Slice(numbers, columns, _json_lines(part))


def _transfers(lines: Sequence[str]) -> list[Transfer]:
    try:
        found = [_decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        found = [_transfer(line) for line in lines]
    if any(NUL in line for line in lines):
        found = [NOTHING if NUL in line else one for line, one in zip(lines, found, strict=True)]
    return [one if one.postings is None else _two_legs(one) for one in found]


def _json_columns(found: Sequence[Transfer]) -> Columns:
    return Columns(
        debit=[one.debit for one in found], credit=[one.credit for one in found],
        amount=[one.amount for one in found], currency=[one.currency for one in found],
        kind=_given([one.kind for one in found]), description=_given([one.description for one in found]),
        effective=_given([one.effective_at for one in found]), reference=_given([one.reference for one in found]),
    )  # fmt: skip


def _given(cells: list[T | None]) -> list[T | None] | None:
    return None if cells.count(None) == len(cells) else cells


def _transfer(line: str) -> Transfer:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return NOTHING


def _two_legs(one: Transfer) -> Transfer:
    legs = one.postings or []
    if len(legs) != 2 or one.amount or one.debit or one.credit:
        return NOTHING
    if legs[0].direction != "debit" and one.reference is not None:
        return NOTHING  # under a reference the order of the postings counts
    debit, credit = legs if legs[0].direction == "debit" else reversed(legs)
    if debit.direction != "debit" or credit.direction != "credit" or debit.amount != credit.amount:
        return NOTHING
    currency = debit.currency or one.currency
    if currency != (credit.currency or one.currency):
        return NOTHING
    one.amount, one.debit, one.credit, one.currency = debit.amount, debit.account, credit.account, currency
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
    if NUL in line and _has_nul(form):
        raise invalid("Invalid NUL byte in the line.")
    return _params(form)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    return any(map(_has_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


# CSV ------------------------------------------------------------------------------------


async def _read_csv(text: str, size: int, pace: Pace) -> AsyncIterator[Slice]:
    rows = csv.reader(StringIO(text))
    try:
        head = [name.strip() for name in next(rows, [])]
        _check_head(head)
        several = '"' in text  # then a row may go over more than one line
        before = rows.line_num
        numbered = _numbered(rows) if several else enumerate(rows, before + 1)
        while part := list(islice(numbered, min(size, IN_TURN))):
            while len(part) < size and (more := list(islice(numbered, min(size - len(part), IN_TURN)))):
                await pace.give_way()
                part += more
            await pace.give_way()
            numbers, cells = [n for n, row in part if row], [row for _, row in part if row]
            if cells:
                columns = _csv_columns(head, cells)
                await pace.give_way()
                yield Slice(numbers, columns, _csv_lines(head, cells))
    except csv.Error as error:
        raise invalid(f"The CSV cannot be read: {error}.", "lines") from None


def _numbered(rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its last line."""
    for row in rows:
        yield rows.line_num, row


def _check_head(head: list[str]) -> None:
    if len(head) > MOST_COLUMNS:
        raise invalid(f"The first line names more than {MOST_COLUMNS} columns.", "lines")
    if twice := sorted({name[:40] for name in head if head.count(name) > 1}):
        raise invalid(f"The first line names a column twice: {', '.join(twice)}.", "lines")
    unknown = sorted({name[:40] for name in head if not name.startswith("metadata.")} - COLUMNS)
    if unknown or not {"debit", "credit", "amount"} <= set(head):
        raise invalid(
            f"The first line names the columns: debit, credit and amount, and of {', '.join(sorted(COLUMNS))} and "
            f"metadata.KEY what is needed.{' Unknown: ' + ', '.join(unknown) + '.' if unknown else ''}", "lines",
        )  # fmt: skip


def _csv_columns(head: list[str], rows: list[list[str]]) -> Columns:
    count = len(rows)
    if not set(head) <= COLUMNS or len(set(head)) < len(head):
        rows = []
    elif {*map(len, rows)} != {len(head)}:
        rows = [row if len(row) == len(head) else [""] * len(head) for row in rows]
    none = [""] * count
    cells = (
        {name: _stripped(column) for name, column in zip(head, zip(*rows, strict=True), strict=True)} if rows else {}
    )
    return Columns(
        debit=cells.get("debit", none), credit=cells.get("credit", none), amount=_numbers(cells.get("amount", none)),
        currency=cells.get("currency", none), kind=_filled(cells.get("kind")),
        description=_filled(cells.get("description")), effective=_moments(cells.get("effective_at")),
        reference=_filled(cells.get("reference")),
    )  # fmt: skip


def _stripped(column: Sequence[str]) -> Sequence[str]:
    return [cell.strip() for cell in column] if " " in "".join(column) else column


def _filled(column: Sequence[str] | None) -> list[str | None] | None:
    return None if column is None else _given([cell or None for cell in column])


def _numbers(column: Sequence[str]) -> list[int]:
    """0 for what is no plain whole number."""
    together = "".join(column)
    if together.isascii() and together.isdigit() and all(column):
        return list(map(int, column))
    return [int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 20 else 0 for cell in column]


def _moments(column: Sequence[str] | None) -> list[int | None] | None:
    """Seconds; None for an empty cell, -1 for what is no moment."""
    if column is None:
        return None
    return _given([
        None if not cell else int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 20 else -1
        for cell in column
    ])  # fmt: skip


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
