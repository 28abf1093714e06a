"""CSV: a bank's list of bookings, read by a mapping that says which column is what and how it is written.

There is no standard for such files, so nothing is guessed: what the mapping does not allow is refused with the line
and the column. Memory does not grow with the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, BinaryIO, Literal

from msgspec import Meta, Struct

from nostro.kernel.money import exponent

from .statement import Closing, Line, Opening, Piece

LONGEST_LINE = 65_536  # characters
MOST_DIGITS = 18
Encoding = Literal["utf-8", "iso-8859-1", "windows-1252", "utf-16"]
Names = tuple[str, ...]
_PARTS = re.compile("YYYY|YY|MM|DD")
_PATTERNS = {"YYYY": r"(?P<YYYY>\d{4})", "YY": r"(?P<YY>\d{2})", "MM": r"(?P<MM>\d{1,2})", "DD": r"(?P<DD>\d{1,2})"}


class BadStatement(ValueError):
    """What is wrong, with the line of the file and the column."""


class Columns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which column holds what, each by the name in the header, or by its number from 1 where there is none. The amount
    stands in `amount` (with its sign, or with `sign` naming a column that tells debits), or in `debit` and `credit`.
    `balance` is the balance after the booking. Several columns may make up the description."""

    date: str
    amount: str = ""
    sign: str = ""
    debit: str = ""
    credit: str = ""
    value_date: str = ""
    balance: str = ""
    reference: str = ""
    end_to_end: str = ""
    code: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    description: Names = ()


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a bank writes its CSV. `date_format` is made of YYYY (or YY), MM and DD. `debits` are the words in the
    column `sign` that say that money left the account. `skip` lines come before the header. `newest_first` says the
    order where a balance is read. What the file does not tell is given here: `account`, `currency`, and perhaps
    `opening_balance` and `closing_balance`, written as the file writes amounts."""

    columns: Columns
    currency: str
    account: str = ""
    number: str = ""
    date_format: Annotated[str, Meta(max_length=20)] = "YYYY-MM-DD"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    encoding: Encoding = "utf-8"
    header: bool = True
    skip: Annotated[int, Meta(ge=0, le=100)] = 0
    newest_first: bool = False
    debits: Names = ("D", "DR", "DBIT", "DEBIT", "-")
    opening_balance: str = ""
    closing_balance: str = ""


def read(stream: BinaryIO, mapping: Mapping) -> Iterator[Piece]:
    """The pieces of the one statement that a file is. Where nothing tells a balance it is None, at both ends.

    Raises `BadStatement` for the first thing that is wrong, also with the mapping.
    """
    try:
        rows = csv.reader(_lines(stream, mapping), delimiter=mapping.delimiter, strict=True)
        reader = _Reader(rows, mapping)
        yield from reader.pieces()
    except csv.Error as error:
        raise BadStatement(f"this is no CSV with the delimiter {mapping.delimiter!r}: {error}") from None
    except UnicodeError:
        raise BadStatement(f"the file is not written in {mapping.encoding}; name its encoding in the mapping") from None


def _lines(stream: BinaryIO, mapping: Mapping) -> Iterator[str]:
    """Decoded, and none longer than a line can be."""
    name = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    text = io.TextIOWrapper(stream, name, newline="")
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise BadStatement(f"line {number} is longer than {LONGEST_LINE} characters")
        if "\0" in line:
            raise BadStatement(f"line {number} holds a NUL character; is the file written in {mapping.encoding}?")
        if number > mapping.skip:
            yield line
    text.detach()


class _Reader:
    def __init__(self, rows: Iterator[list[str]], mapping: Mapping) -> None:
        self.rows, self.mapping = rows, mapping
        self.places = _places(mapping, next(rows, []) if mapping.header else None)
        self.scale = exponent(mapping.currency)
        self.dates = _Dates(mapping.date_format)
        self.number = mapping.skip + mapping.header

    def pieces(self) -> Iterator[Piece]:
        mapping, total, count, before = self.mapping, 0, 0, 0
        opening = self._given("opening_balance", mapping.opening_balance)
        closing = self._given("closing_balance", mapping.closing_balance)
        last: date | None = None
        stands: int | None = None
        for row in self.rows:
            self.number += 1
            if not any(row):
                continue
            line = self._line(row)
            balance = self._amount(row, "balance") if mapping.columns.balance else None
            if not count:
                if balance is not None and not mapping.newest_first and opening is None:
                    opening = balance - line.amount
                if balance is not None and mapping.newest_first and closing is None:
                    closing = balance
                yield Opening(
                    account=mapping.account, currency=mapping.currency, number=mapping.number, balance=opening,
                    date=line.booked,
                )  # fmt: skip
            elif balance is not None:
                self._check(balance, before if mapping.newest_first else line.amount, stands)
            stands, before = balance, line.amount
            total, count = total + line.amount, count + 1
            last = max(last or line.booked, line.booked)
            yield line
        if last is None:
            raise BadStatement("there is no booking in the file")
        yield Closing(balance=self._closing(opening, closing, total), date=last, lines=count)

    def _closing(self, opening: int | None, closing: int | None, total: int) -> int | None:
        if opening is None:
            return closing
        if closing is not None and opening + total != closing:
            raise BadStatement(
                f"the bookings do not add up: {opening} + {total} is {opening + total}, and the closing balance is "
                f"{closing} (minor units of {self.mapping.currency})"
            )
        return opening + total

    def _check(self, balance: int, amount: int, stands: int | None) -> None:
        newest = self.mapping.newest_first
        if stands is not None and balance != (stands - amount if newest else stands + amount):
            raise BadStatement(
                f"line {self.number}, column {self.mapping.columns.balance!r}: the balance does not follow from the "
                "booking before; is a line missing, or the other order meant (newest_first)?"
            )

    def _given(self, name: str, text: str) -> int | None:
        return _minor(text, self.mapping, self.scale, name) if text else None

    def _line(self, row: list[str]) -> Line:
        booked = self._date(row, "date")
        return Line(
            amount=self._signed(row),
            booked=booked,
            valued=self._date(row, "value_date") if self._cell(row, "value_date") else booked,
            reference=self._cell(row, "reference"),
            end_to_end=self._cell(row, "end_to_end"),
            code=self._cell(row, "code"),
            description=" ".join(filter(None, (self._at(row, n) for n in self.places["description"]))),
            counterparty=self._cell(row, "counterparty"),
            counterparty_account=self._cell(row, "counterparty_account"),
        )

    def _signed(self, row: list[str]) -> int:
        columns = self.mapping.columns
        if columns.amount:
            amount = self._amount(row, "amount")
            return -abs(amount) if columns.sign and self._cell(row, "sign") in self.mapping.debits else amount
        debit, credit = self._cell(row, "debit"), self._cell(row, "credit")
        amounts = [abs(self._amount(row, name)) if text else 0 for name, text in (("debit", debit), ("credit", credit))]
        if all(amounts) or not (debit or credit):
            raise BadStatement(f"line {self.number} has {'both a' if debit else 'neither'} debit and a credit")
        return amounts[1] - amounts[0]

    def _amount(self, row: list[str], name: str) -> int:
        where = f"line {self.number}, column {getattr(self.mapping.columns, name)!r}"
        return _minor(self._cell(row, name), self.mapping, self.scale, where)

    def _date(self, row: list[str], name: str) -> date:
        found = self.dates.read(text := self._cell(row, name))
        if found is None:
            column = getattr(self.mapping.columns, name)
            raise BadStatement(
                f"line {self.number}, column {column!r}: {text[:40]!r} is no date like {self.mapping.date_format}"
            )
        return found

    def _cell(self, row: list[str], name: str) -> str:
        places = self.places[name]
        return self._at(row, places[0]) if places else ""

    def _at(self, row: list[str], place: int) -> str:
        if place >= len(row):
            raise BadStatement(f"line {self.number} has {len(row)} columns, and column {place + 1} is meant")
        return row[place].strip()


def _places(mapping: Mapping, header: list[str] | None) -> dict[str, list[int]]:
    """The columns' places by what they hold."""
    columns = mapping.columns
    if bool(columns.amount) == bool(columns.debit and columns.credit):
        raise BadStatement("the mapping names either the column `amount`, or both `debit` and `credit`")
    names = None if header is None else [name.strip() for name in header]
    return {
        field: [_place(name, names) for name in _listed(getattr(columns, field)) if name]
        for field in Columns.__struct_fields__
    }


def _listed(named: str | Sequence[str]) -> Sequence[str]:
    return (named,) if isinstance(named, str) else named


def _place(name: str, names: list[str] | None) -> int:
    if names is None:
        if not name.isdecimal() or not 1 <= int(name) <= 1_000:
            raise BadStatement(f"without a header a column is named by its number from 1, not {name[:60]!r}")
        return int(name) - 1
    if names.count(name) != 1:
        said = "more than one" if name in names else "no"
        raise BadStatement(f"there is {said} column {name[:60]!r}; the header has {', '.join(names)[:300]!r}")
    return names.index(name)


def _minor(text: str, mapping: Mapping, scale: int, where: str) -> int:
    """The amount in minor units. Exact: more decimals than the currency has must be zeros."""
    plain = text.replace("\u2212", "-").replace("\u00a0", " ")
    if mapping.thousands:
        plain = plain.replace(mapping.thousands, "")
    plain = plain.strip()
    negative = plain[:1] == "-" or plain[-1:] == "-" or (plain[:1] == "(" and plain[-1:] == ")")
    digits = plain.strip("+-()").strip()
    whole, _, part = digits.partition(mapping.decimal)
    extra = part[scale:]
    good = (whole + part).isdecimal() and (whole + part).isascii() and len(whole) <= MOST_DIGITS - scale
    if not good or extra.strip("0") or len(part) > MOST_DIGITS:
        raise BadStatement(f"{where}: {text[:40]!r} is no amount in {mapping.currency} with the decimal sign "
                           f"{mapping.decimal!r}")  # fmt: skip
    amount = int((whole or "0") + part[:scale].ljust(scale, "0"))
    return -amount if negative else amount


class _Dates:
    """Few days come up again and again, so each is read once."""

    def __init__(self, format: str) -> None:
        found = _PARTS.findall(format)
        if sorted(part[:1] for part in found) != ["D", "M", "Y"]:
            raise BadStatement(f"the date format {format!r} does not name YYYY (or YY), MM and DD once each")
        pieces = re.split("(YYYY|YY|MM|DD)", format)
        self._pattern = re.compile("".join(_PATTERNS.get(piece, re.escape(piece)) for piece in pieces), re.ASCII)
        self._known: dict[str, date] = {}

    def read(self, text: str) -> date | None:
        if (known := self._known.get(text)) is not None:
            return known
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        parts = {name: int(number) for name, number in found.groupdict().items()}
        try:
            day = date(parts.get("YYYY") or 2000 + parts["YY"], parts["MM"], parts["DD"])
        except ValueError:
            return None
        if len(self._known) < 10_000:
            self._known[text] = day
        return day
