"""MT940 and MT942 read: SWIFT's statements at the end of a day, and reports within it.

`read` is a stream (see `statement`), with or without SWIFT's envelope. `:86:` is read as German banks structure it
(`?20`...), as others do (`/EREF/`...), or as plain text. Balances, and the counts and sums of MT942, are compared;
a page must begin with the balance that the one before it ended with. Keep nothing before the `Closing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, BinaryIO, Final

from nostro.kernel.money import CURRENCIES, exponent
from nostro.networks.file_error import FileError
from nostro.networks.lines import lines
from nostro.networks.mt940_text import text_fields
from nostro.networks.statement import Closing, Line, Opening, Piece

LONGEST_LINE: Final = 2_000  # SWIFT says 65 characters; banks that send files do not all wrap
LONGEST_FIELD: Final = 8_000
TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
ENVELOPE: Final = re.compile(r"(\{1:[^{}]*\})?(\{2:[^{}]*\})?(\{3:(\{[^{}]*\})*\})?\{4:")
BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,14},[0-9]{0,3})", re.ASCII)
ENTRY: Final = re.compile(
    r"([0-9]{6})([0-9]{4})?(R[CD]|E[CD]|[CD])([A-Z])?([0-9]{1,14},[0-9]{0,3})([A-Z][A-Z0-9]{3})(.{0,16}?)(?://(.{0,16}))?",
    re.ASCII,
)
COUNT: Final = re.compile(r"([0-9]{1,5})([A-Z]{3})([0-9]{1,14},[0-9]{0,3})", re.ASCII)
NUMBER: Final = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?", re.ASCII)
WAYS: Final = {"C": 1, "D": -1, "RC": -1, "RD": 1, "EC": 1, "ED": -1}
OTHER_AMOUNT: Final = re.compile(r"/OCMT/([A-Z]{3})([0-9]{1,14},[0-9]{0,3})")
CHARGES: Final = re.compile(r"/CHGS/([A-Z]{3})([0-9]{1,14},[0-9]{0,3})")
# What may stand in a message and says nothing of its money.
UNREAD: Final = frozenset({"21", "65", "NS"})


def read(source: bytes | BinaryIO) -> Iterator[Piece]:
    """The statements of a file, piece by piece. Raises FileError."""
    state: _Statement | None = None
    known = _Known()
    for number, tag, text in _fields(source):
        if tag == "20" or tag == "-":
            if state is not None:
                yield from state.end(number, known)
            elif tag == "-":
                raise FileError(number, "a message, :20:")
            state = _Statement(number) if tag == "20" else None
        elif state is None:
            raise FileError(number, "a message, :20:")
        else:
            yield from state.take(number, tag, text)
    if state is not None:
        yield from state.end(number, known)
    if not known.closed:
        raise FileError(1, "a message, :20:")


def _fields(source: bytes | BinaryIO) -> Iterator[tuple[int, str, str]]:
    """(line, tag, text with line feeds) of each field; the tag "-" ends a message."""
    number = began = length = 0
    tag, parts, in_envelope = "", [""], False
    for number, line in lines(source, LONGEST_LINE):
        if not tag and line.startswith("{"):
            found = ENVELOPE.match(line)
            if found is None or in_envelope:
                raise FileError(number, "the blocks of a message, {1: to {4:, and one at a time")
            in_envelope, line = True, line[found.end() :]
        start = TAG.match(line) if line.startswith(":") else None
        ends = line == "-" or line.startswith("-}")
        if start is None and not ends:
            if tag:
                parts.append(line)
                length += len(line)
                if length > LONGEST_FIELD or len(parts) > 100:
                    raise FileError(number, f"a field of at most {LONGEST_FIELD} characters")
            elif line:
                raise FileError(number, "a field, :NN:")
            continue
        if tag:
            yield began, tag, "\n".join(parts)
        if start is not None:
            tag, began, parts, length = start[1], number, [line[start.end() :]], len(line)
            continue
        if in_envelope != line.startswith("-}"):
            raise FileError(number, "-} at the end of an envelope, and - without one")
        tag, in_envelope = "", False
        yield number, "-", ""
    if in_envelope:
        raise FileError(number + 1, "-}, the end of the envelope")
    if tag:
        yield began, tag, "\n".join(parts)


class _Known:
    """What is remembered from one message to the next: which statements there were, and how the last page ended."""

    def __init__(self) -> None:
        self.closed: set[tuple[str, str, int]] = set()
        self.page: tuple[str, str, int, int] | None = None


class _Statement:
    """The message that is open."""

    def __init__(self, number: int) -> None:
        self.began = number
        self.account = self.currency = self.number = ""
        self.page = 0
        self.opening: Opening | None = None
        self.closing: tuple[str, int, date] | None = None  # field, balance, day
        self.available: int | None = None
        self.entry: dict[str, Any] | None = None
        self.total = self.count = 0
        self.ways = {"90C": [0, 0], "90D": [0, 0]}  # count and sum of credits and debits

    def take(self, number: int, tag: str, text: str) -> Iterator[Piece]:
        if tag == "61" or tag == "86":
            if self.opening is None or (tag == "61" and self.closing is not None):
                raise FileError(number, "the balance that opens the statement before its lines, and none after it")
            if tag == "86":
                if self.entry is not None:
                    self.entry |= text_fields(text)
                    yield self.line()
                return
            yield from self.flush()
            self.entry = self.read_entry(number, text)
            return
        yield from self.flush()
        if tag in ("25", "25P", "28C", "28"):
            self.head(number, tag, text)
        elif tag in ("60F", "60M") and self.opening is None:
            amount, day = self.balance(number, text)
            yield self.open(number, amount, day)
        elif tag in ("62F", "62M") and self.opening is not None and self.closing is None:
            amount, day = self.balance(number, text)
            if amount != self.total:
                raise FileError(number, f"{self.total} in minor units, the opening balance and all lines, not {amount}")
            self.closing = (tag, amount, day)
        elif tag == "64" and self.closing is not None:
            self.available = self.balance(number, text)[0]
        elif tag in ("34F", "13D", "90C", "90D"):
            yield from self.report(number, tag, text)
        elif tag not in UNREAD:
            raise FileError(number, f"the fields of a statement in their order, not :{tag}: here")

    def head(self, number: int, tag: str, text: str) -> None:
        if self.opening is not None:
            raise FileError(number, f":{tag}: before the balance")
        if tag.startswith("25"):
            self.account = text.partition("\n")[0].strip()
            return
        found = NUMBER.fullmatch(text.strip())
        if found is None:
            raise FileError(number, "a statement's number and page, 5n/5n")
        self.number, self.page = found[1], int(found[2] or 0)

    def open(self, number: int, balance: int | None, day: date) -> Opening:
        if not self.account or not self.number:
            raise FileError(number, "an account (:25:) and a number (:28C:) before the balance")
        self.total = balance or 0
        self.opening = Opening(
            account=self.account, currency=self.currency, number=self.number, balance=balance, date=day, page=self.page
        )
        return self.opening

    def balance(self, number: int, text: str) -> tuple[int, date]:
        found = BALANCE.fullmatch(text)
        if found is None:
            raise FileError(number, "a balance: C or D, YYMMDD, currency, amount with a comma")
        self.money(number, found[3])
        amount = _minor(number, found[4], self.currency)
        return (amount if found[1] == "C" else -amount), _day(number, found[2])

    def money(self, number: int, code: str) -> None:
        if code.lower() not in CURRENCIES or (self.currency and code.lower() != self.currency):
            raise FileError(number, f"{self.currency.upper() or 'a currency of ISO 4217'}, not {code}")
        self.currency = code.lower()

    def read_entry(self, number: int, text: str) -> dict[str, Any]:
        first, _, more = text.partition("\n")
        found = ENTRY.fullmatch(first)
        if found is None:
            raise FileError(number, "a line: YYMMDD, MMDD, C D RC RD, amount with a comma, code, reference//reference")
        valued = _day(number, found[1])
        booked = _entry_day(valued, found[2]) if found[2] else valued
        if booked is None:
            raise FileError(number, f"a date, MMDD, not {found[2]}")
        units = _minor(number, found[5], self.currency)
        amount = units * WAYS[found[3]]
        way = self.ways["90C" if amount > 0 else "90D"]
        way[0] += 1
        way[1] += units
        self.total += amount
        self.count += 1
        fields: dict[str, Any] = {
            "amount": amount,
            "valued": valued,
            "booked": booked,
            "reversal": found[3] in ("RC", "RD"),
            "pending": found[3] in ("EC", "ED"),
            "code": found[6],
            "end_to_end": "" if found[7] == "NONREF" else found[7],
            "reference": found[8] or "",
            "description": more.replace("\n", " ").strip(),
        }
        if fields["pending"]:
            self.total -= amount
        if more.startswith("/"):
            fields |= _other_amounts(number, more, self.currency)
        return fields

    def flush(self) -> Iterator[Line]:
        if self.entry is not None:
            yield self.line()

    def line(self) -> Line:
        assert self.entry is not None
        fields, self.entry = self.entry, None
        return Line(**fields)

    def report(self, number: int, tag: str, text: str) -> Iterator[Piece]:
        """The fields of MT942: the smallest amounts reported, the moment, counts and sums."""
        if tag == "34F":
            self.money(number, text[:3])
        elif tag == "13D":
            if not re.fullmatch(r"[0-9]{10}[+-][0-9]{4}", text, re.ASCII) or self.opening is not None:
                raise FileError(number, "one moment, YYMMDDhhmm+hhmm")
            if not self.currency:
                raise FileError(number, ":34F: before :13D:")
            yield self.open(number, None, _day(number, text[:6]))
        else:
            found = COUNT.fullmatch(text)
            if found is None:
                raise FileError(number, "a count, a currency and a sum")
            self.money(number, found[2])
            stated = [int(found[1]), _minor(number, found[3], self.currency)]
            if stated != self.ways[tag]:
                raise FileError(number, f"{self.ways[tag]}, the count and sum of the lines, not {stated}")

    def end(self, number: int, known: _Known) -> Iterator[Piece]:
        """The message has ended; `number` is the line that says so."""
        yield from self.flush()
        opening = self.opening
        if opening is None or (opening.balance is not None and self.closing is None):
            raise FileError(
                number, "a balance that opens and one that closes the statement", path=f":20: line {self.began}"
            )
        key = (self.account, self.number, self.page)
        if key in known.closed:
            raise FileError(number, f"a statement that is in the file once, not {self.number}/{self.page} again")
        known.closed.add(key)
        if known.page is not None and opening.balance is not None:
            account, name, page, balance = known.page
            if (account, name, page + 1) == key and balance != opening.balance:
                raise FileError(number, f"a page that begins with {balance}, as the one before it ended")
        if self.closing is None:
            yield Closing(balance=None, date=opening.date, lines=self.count)
            return
        field, balance, day = self.closing
        known.page = (*key, balance)
        yield Closing(balance=balance, date=day, lines=self.count, available=self.available, is_last=field == "62F")


def _minor(number: int, text: str, currency: str) -> int:
    whole, _, cents = text.partition(",")
    places = exponent(currency)
    cents = cents.rstrip("0") if len(cents) > places else cents
    if len(cents) > places or len(text) > 15:
        raise FileError(number, f"an amount of at most 15 characters and {places} decimals, not {text}")
    return int(whole + cents.ljust(places, "0"))


def _day(number: int, text: str) -> date:
    """YYMMDD, of the years 1980 to 2079."""
    found = _date(text)
    if found is None:
        raise FileError(number, f"a date, YYMMDD, not {text}")
    return found


@lru_cache(maxsize=1000)
def _date(text: str) -> date | None:
    year = int(text[:2])
    try:
        return date(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


@lru_cache(maxsize=1000)
def _entry_day(valued: date, text: str) -> date | None:
    """MMDD, in the year that is nearest to the value date."""
    found = []
    for year in (valued.year - 1, valued.year, valued.year + 1):
        try:
            found.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    return min(found, key=lambda day: abs(day - valued)) if found else None


def _other_amounts(number: int, text: str, currency: str) -> dict[str, Any]:
    """The original amount and the charges, in the second line of an entry."""
    fields: dict[str, Any] = {}
    original, charges = OTHER_AMOUNT.search(text), CHARGES.search(text)
    if original is not None and original[1].lower() in CURRENCIES and original[1].lower() != currency:
        code = original[1].lower()
        fields |= {"instructed": _minor(number, original[2], code), "instructed_currency": code}
    if charges is not None and charges[1].lower() == currency:
        fields["charges"] = _minor(number, charges[2], currency)
    if fields or original or charges:
        fields["description"] = ""
    return fields
