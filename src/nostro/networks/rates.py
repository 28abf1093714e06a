"""Files of exchange rates: a CSV of our own, and the daily reference rates as the European Central Bank publishes them.

A file is read whole or refused with one `FileError`. The CSV has a header with `currency` and `rate`, and perhaps
`base` and `date` (YYYY-MM-DD), which are the same in all lines. The bank's XML is against the euro and of one day.
Nothing that it could do harm with is taken: no document type (so no entities), one mebibyte, five levels.
"""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal
from typing import Final
from xml.parsers import expat

from msgspec import Struct

from nostro.kernel.money import CURRENCIES

from .file_error import FileError
from .lines import lines

LARGEST: Final = 1 << 20  # bytes
LONGEST_LINE: Final = 1_000
DEEPEST: Final = 5
ECB: Final = "European Central Bank"
CUBE: Final = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
ENVELOPE: Final = "http://www.gesmes.org/xml/2002-08-01 Envelope"
RATE: Final = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)


class Rates(Struct, frozen=True, kw_only=True):
    """Units of each currency for one of `base`. `passed_over` are the file's currencies that are not known here."""

    base: str
    day: date | None
    rates: dict[str, Decimal]
    provider: str = "operator"
    passed_over: tuple[str, ...] = ()


def read(content: bytes, base: str | None = None) -> Rates:
    """A file in either form. `base` is for a CSV that does not name it."""
    if len(content) > LARGEST:
        raise FileError(0, f"a file of at most {LARGEST} bytes")
    return read_ecb(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else read_csv(content, base)


# ---------------------------------------------------------------- CSV


def read_csv(content: bytes, base: str | None = None) -> Rates:
    found: dict[str, Decimal] = {}
    header: list[str] = []
    said = {"base": base} if base else {}
    for number, line in lines(content, LONGEST_LINE):
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        if not any(cells):
            continue
        if not header:
            header = _header(cells, number)
            continue
        if len(cells) != len(header):
            raise FileError(number, f"{len(header)} columns, as in the header")
        row = dict(zip(header, cells, strict=True))
        for name in ("base", "date"):
            if name in row and said.setdefault(name, row[name].lower()) != row[name].lower():
                raise FileError(number, f"the {name} {said[name]}, as before, not {row[name][:20]!r}")
        currency = _currency(row["currency"], number)
        if currency in found:
            raise FileError(number, f"each currency once, not {currency} again")
        found[currency] = _rate(row["rate"], number)
    if not found:
        raise FileError(0, "a header with currency and rate, and a line for each currency")
    if not said.get("base"):
        raise FileError(0, "a column base, or the base to be named (--base usd)")
    unit = _currency(said["base"], 0)
    if found.pop(unit, Decimal(1)) != 1:
        raise FileError(0, f"a rate of 1 for the base {unit}")
    return Rates(base=unit, day=_day(said["date"], 0) if said.get("date") else None, rates=found)


def _header(cells: list[str], number: int) -> list[str]:
    header = [cell.lower() for cell in cells]
    if not {"currency", "rate"} <= set(header) or len(set(header)) != len(header):
        raise FileError(number, "a header with the columns currency and rate, each once")
    return header


def _currency(text: str, number: int) -> str:
    if text.lower() not in CURRENCIES:
        raise FileError(number, f"a currency of ISO 4217, not {text[:20]!r}")
    return text.lower()


def _rate(text: str, number: int, position: int = 1) -> Decimal:
    if not RATE.fullmatch(text) or not Decimal(text):
        raise FileError(number, f"a decimal number above zero, not {text[:40]!r}", position)
    return Decimal(text)


def _day(text: str, number: int, position: int = 1) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FileError(number, f"a date, YYYY-MM-DD, not {text[:40]!r}", position) from None


# ---------------------------------------------------------------- the European Central Bank's XML


def read_ecb(content: bytes) -> Rates:
    found = _Daily()
    try:
        found.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise FileError(error.lineno, f"well-formed XML ({expat.ErrorString(error.code)})", error.offset + 1) from None
    except FileError:
        raise
    except (LookupError, ValueError):  # an encoding that does not exist
        raise FileError(1, "UTF-8, UTF-16 or an encoding of single bytes") from None
    if found.day is None or not found.rates:
        raise FileError(0, "the reference rates of a day")
    return Rates(
        base="eur", day=found.day, rates=found.rates, provider=ECB, passed_over=tuple(sorted(found.passed_over))
    )


class _Daily:
    """Cubes in a cube in a cube: the day has `time`, and each of its currencies `currency` and `rate`."""

    def __init__(self) -> None:
        self.day: date | None = None
        self.rates: dict[str, Decimal] = {}
        self.passed_over: set[str] = set()
        self._depth = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    @property
    def _at(self) -> tuple[int, int]:
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def _refused(self, expected: str) -> FileError:
        line, position = self._at
        return FileError(line, expected, position)

    def _doctype(self, *_: object) -> None:
        raise self._refused("a file without a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refused(f"elements at most {DEEPEST} deep")
        if self._depth == 1 and name != ENVELOPE:
            raise self._refused("the envelope of the European Central Bank's rates")
        if name != CUBE:
            return
        if "time" in attributes:
            if self.day is not None:
                raise self._refused("the rates of one day: use the daily file")
            self.day = _day(attributes["time"], *self._at)
        if "currency" in attributes:
            self._take(attributes["currency"], attributes.get("rate", ""))

    def _take(self, code: str, rate: str) -> None:
        currency = code.lower()
        if self.day is None:
            raise self._refused("a day before its rates")
        if currency in self.rates or currency == "eur":
            raise self._refused(f"each currency once, not {code[:20]!r} again")
        if currency in CURRENCIES:
            self.rates[currency] = _rate(rate, *self._at)
        else:
            self.passed_over.add(code[:20])

    def _end(self, _: str) -> None:
        self._depth -= 1
