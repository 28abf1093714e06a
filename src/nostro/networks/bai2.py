"""BAI2: balances and bookings as US banks report them, built and read.

A file (01 ... 99) has groups (02 ... 98) of accounts (03 ... 49) with their bookings (16); 88 continues a record. Each
end states a control total and how many records there were, and all of them are compared. Amounts are minor units; the
sign of a booking is that of its type code. `read` is a stream (see `statement`): keep nothing before the `Closing`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Generator, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import BinaryIO, Final

from nostro.kernel.money import CURRENCIES
from nostro.networks.file_error import FileError
from nostro.networks.iso20022.characters import latin
from nostro.networks.lines import lines
from nostro.networks.statement import Closing, Line, Opening, Piece, Statement

LONGEST_LINE: Final = 4_000
LONGEST_RECORD: Final = 40_000
AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
NAME: Final = re.compile(r"[^,/ ](?:[^,/]{0,74}[^,/ ])?")
WIDTH: Final = 80
# Summaries of an account that are balances of the day's end.
OPENS, CLOSES, AVAILABLE = "010", "015", "045"
# The fields that follow a funds type: a day and a time; amounts of today, tomorrow, later.
FUNDS: Final = {"": 0, "Z": 0, "0": 0, "1": 0, "2": 0, "V": 2, "S": 3}


def way(code: str) -> int:
    """1 for the type code of a credit, -1 of a debit, 0 for one that moves no money."""
    number = int(code)
    if 100 <= number <= 399 or 920 <= number <= 959:
        return 1
    return -1 if 400 <= number <= 699 or 960 <= number <= 999 else 0


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> Iterator[Piece]:
    """The accounts of a file, piece by piece. Raises FileError."""
    records = _Records(source)
    fields = records.expect("01", 8)
    if fields[7] != "2":
        raise records.refused("version 2")
    _day(records, fields[2])
    number, groups, total = fields[4], 0, 0
    if not number:
        raise records.refused("a file identification number")
    seen: set[tuple[str, date]] = set()
    records.take()
    while records.code == "02":
        total += yield from _group(records, number, seen)
        groups += 1
    _control(records, "99", total, groups)
    if records.take():
        raise records.refused("the end of the file")


def _group(records: _Records, number: str, seen: set[tuple[str, date]]) -> Generator[Piece, None, int]:
    began = records.count
    fields = records.expect("02", 4)
    if fields[2] != "1":
        raise records.refused("an update (1), as deletions, corrections and tests are no bookings")
    day = _day(records, fields[3])
    currency = _currency(records, fields[5] if len(fields) > 5 else "", "usd")
    accounts = total = 0
    records.take()
    while records.code == "03":
        total += yield from _account(records, number, day, currency, seen)
        accounts += 1
    _control(records, "98", total, accounts, began)
    records.take()
    return total


def _account(
    records: _Records, number: str, day: date, currency: str, seen: set[tuple[str, date]]
) -> Generator[Piece, None, int]:
    began = records.count
    fields = records.expect("03", 2)
    account, currency = fields[0], _currency(records, fields[1], currency)
    if not account or (account, day) in seen:
        raise records.refused(f"an account that is in the file once a day, not {account!r}")
    seen.add((account, day))
    balances, total = _summaries(records, fields[2:])
    opening, closing = balances.get(OPENS), balances.get(CLOSES)
    yield Opening(account=account, currency=currency, number=number, balance=opening, date=day)
    booked = count = 0
    while records.take() and records.code == "16":
        amount, line = _booking(records, day)
        total += abs(amount)
        if line is not None:
            booked += amount
            count += 1
            yield line
    if opening is not None and closing is not None and opening + booked != closing:
        raise records.refused(f"a closing balance of {opening + booked}, the opening and all bookings, not {closing}")
    _control(records, "49", total, None, began)
    records.take()
    yield Closing(balance=closing, date=day, lines=count, available=balances.get(AVAILABLE))
    return total


def _summaries(records: _Records, fields: list[str]) -> tuple[dict[str, int], int]:
    """The balances by type code, and the sum of all amounts."""
    balances: dict[str, int] = {}
    total = at = 0
    while at < len(fields):
        code, amount, _, kind = (*fields[at : at + 4], "", "", "", "")[:4]
        at += 4 + _funds(records, kind, fields, at + 4)
        if not code and not amount:
            continue
        if not re.fullmatch(r"[0-9]{3}", code, re.ASCII) or (amount and not AMOUNT.fullmatch(amount)):
            raise records.refused(f"a type code and an amount, not {code!r} and {amount!r}")
        if code in balances and code in (OPENS, CLOSES, AVAILABLE):
            raise records.refused(f"one {code}")
        if amount:
            balances[code] = int(amount)
            total += int(amount)
    return balances, total


def _funds(records: _Records, kind: str, fields: list[str], at: int) -> int:
    """How many fields follow the funds type, which are there."""
    more = FUNDS.get(kind)
    if kind == "D" and at < len(fields) and re.fullmatch(r"[0-9]{1,3}", fields[at], re.ASCII):
        more = 1 + 2 * int(fields[at])
    if more is None or (more and at + more > len(fields)):
        raise records.refused(f"a funds type (Z 0 1 2 V S D) and its fields, not {kind!r}")
    return more


def _booking(records: _Records, day: date) -> tuple[int, Line | None]:
    fields = records.fields
    if len(fields) < 2 or not re.fullmatch(r"[0-9]{3}", fields[0], re.ASCII):
        raise records.refused("a type code and an amount")
    code, amount, kind = fields[0], fields[1], fields[2] if len(fields) > 2 else ""
    more = 0 if kind in ("", "Z", "0", "1", "2") else _funds(records, kind, fields, 3)
    if code == "890" and not amount:
        return 0, None
    sign = way(code)
    if not sign or not amount.isascii() or not amount.isdigit() or len(amount) > 18:
        raise records.refused(f"the type code of a credit or debit and an amount, not {code!r} and {amount[:20]!r}")
    rest = fields[3 + more :]
    units = sign * int(amount)
    return units, Line(
        amount=units,
        booked=day,
        valued=_day(records, fields[3]) if kind == "V" and fields[3] else day,
        code=code,
        reference=rest[0].strip() if rest else "",
        end_to_end=rest[1].strip() if len(rest) > 1 else "",
        description=",".join(rest[2:]).strip() if len(rest) > 2 else "",
    )


def _control(records: _Records, code: str, total: int, parts: int | None, began: int = 1) -> None:
    """The end of an account, group or file: its sum, how many parts it had, and how many records with itself."""
    fields = records.expect(code, 2 if parts is None else 3)
    if not all(AMOUNT.fullmatch(each) for each in fields[:3]):
        raise records.refused("a control total and counts")
    if int(fields[0]) != total:
        raise records.refused(f"a control total of {total}, not {fields[0]}")
    if parts is not None and int(fields[1]) != parts:
        raise records.refused(f"{parts}, as many as there are, not {fields[1]}")
    count = records.counted - began + 1
    if int(fields[1 if parts is None else 2]) != count:
        raise records.refused(f"{count} records, not {fields[1 if parts is None else 2]}")


def _currency(records: _Records, code: str, default: str) -> str:
    if code and (code.lower() not in CURRENCIES or not code.isupper()):
        raise records.refused(f"a currency of ISO 4217, not {code!r}")
    return code.lower() or default


def _day(records: _Records, text: str) -> date:
    found = _date(text)
    if found is None:
        raise records.refused(f"a date, YYMMDD, not {text[:20]!r}")
    return found


@lru_cache(maxsize=1000)
def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%y%m%d").date() if re.fullmatch(r"[0-9]{6}", text, re.ASCII) else None
    except ValueError:
        return None


class _Records:
    """One record at a time, with what continues it. `count` says the how-manieth it is, `counted` the same of the last
    that continues it, `line` where that stands."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self.lines = ((number, text) for number, text in lines(source, LONGEST_LINE) if text.strip())
        self.code = ""
        self.fields: list[str] = []
        self.line = self.count = self.counted = 0
        self.next = next(self.lines, None)
        self.take()

    def take(self) -> bool:
        """Whether there is another record."""
        if self.next is None:
            self.code = ""
            return False
        text = self.advance()
        self.count = self.counted
        self.code, body = text[:2], text[3:].rstrip().removesuffix("/")
        if text[2:3] != ",":
            raise self.refused("a record: two digits and a comma")
        in_text = False
        while self.continues():
            more = self.advance()[3:].rstrip().removesuffix("/")
            in_text = in_text or (self.code == "16" and self.in_text(body))
            body += (" " if in_text else ",") + more
            if len(body) > LONGEST_RECORD:
                raise self.refused(f"a record of at most {LONGEST_RECORD} characters")
        self.fields = body.split(",")
        return True

    def continues(self) -> bool:
        return self.next is not None and self.next[1].startswith("88,")

    def advance(self) -> str:
        assert self.next is not None
        self.line, text = self.next
        self.counted += 1
        self.next = next(self.lines, None)
        return text

    def in_text(self, body: str) -> bool:
        """Whether a booking has come to its text, which is last."""
        fields = body.split(",")
        more = FUNDS.get(fields[2] if len(fields) > 2 else "", 0)
        if len(fields) > 3 and fields[2] == "D" and fields[3].isascii() and fields[3].isdigit():
            more = 1 + 2 * int(fields[3][:3])
        return len(fields) > 5 + more

    def expect(self, code: str, most: int) -> list[str]:
        """The fields of the record, at least so many, if it is the one."""
        if self.code != code:
            raise self.refused(f"record {code}, not {self.code or 'the end'}")
        if len(self.fields) < most:
            raise self.refused(f"{most} fields at least")
        return self.fields

    def refused(self, expected: str) -> FileError:
        return FileError(max(self.line, 1), expected)


# ---------------------------------------------------------------- building


def build(
    statements: Iterable[Statement], *, sender: str, receiver: str, created: datetime, width: int = WIDTH
) -> bytes:
    """The file: a group for each day and currency. The statements have one number, which is the file's; a text that
    does not fit in `width` goes on in further records."""
    every = list(statements)
    if not every:
        raise FileError(0, "at least one statement", path="02")
    number = _name("01", every[0].opening.number)
    if not re.fullmatch(r"[0-9]{6}", f"{created:%y%m%d}") or {each.opening.number for each in every} != {number}:
        raise FileError(0, "one number for all statements, as it is the file's", path="01")
    sender, receiver = _name("01", sender), _name("01", receiver)
    written = [f"01,{sender},{receiver},{created:%y%m%d},{created:%H%M},{number},,,2/"]
    groups: dict[tuple[date, str], list[Statement]] = {}
    for each in every:
        groups.setdefault((each.opening.date, each.opening.currency), []).append(each)
    total = 0
    for (day, currency), members in groups.items():
        began = len(written)
        written.append(f"02,{receiver},{sender},1,{day:%y%m%d},,{currency.upper()},2/")
        sums = [_write_account(each, written, width) for each in members]
        written.append(f"98,{sum(sums)},{len(members)},{len(written) - began + 1}/")
        total += sum(sums)
    written.append(f"99,{total},{len(groups)},{len(written) + 1}/")
    if len({(each.opening.account, each.opening.date) for each in every}) < len(every):
        raise FileError(0, "each account once a day", path="03")
    return ("\n".join(written) + "\n").encode("ascii")


def _write_account(statement: Statement, written: list[str], width: int) -> int:
    """Adds the account's records, and gives its control total."""
    opening, closing = statement.opening, statement.closing
    if opening.date != closing.date or _date(f"{opening.date:%y%m%d}") != opening.date:
        raise FileError(0, f"a statement of one day of 1969 to 2068, not {opening.date}", path="02")
    if closing.lines != len(statement.lines) or not closing.is_last or opening.page:
        raise FileError(0, "a whole statement, with its number of lines", path="03")
    booked = sum(line.amount for line in statement.lines)
    if None not in (opening.balance, closing.balance) and opening.balance != (closing.balance or 0) - booked:
        raise FileError(0, "a closing balance that is the opening one and all lines", path="03")
    began = len(written)
    summaries = [
        f"{code},{balance},,"
        for code, balance in ((OPENS, opening.balance), (CLOSES, closing.balance), (AVAILABLE, closing.available))
        if balance is not None
    ]
    total = (opening.balance or 0) + (closing.balance or 0) + (closing.available or 0)
    account = _name("03", opening.account)
    written.append(f"03,{account},{opening.currency.upper()},{','.join(summaries) or ',,,'}/")
    for line in statement.lines:
        written += _write_booking(line, opening.date, width)
        total += abs(line.amount)
    written.append(f"49,{total},{len(written) - began + 1}/")
    return total


def _write_booking(line: Line, day: date, width: int) -> list[str]:
    if line.parts or line.pending or line.booked != day:
        raise FileError(0, "a line without parts, booked on the statement's day", path="16")
    if not re.fullmatch(r"[0-9]{3}", line.code, re.ASCII) or way(line.code) * line.amount < 0 or not way(line.code):
        raise FileError(0, f"a type code that goes the way of {line.amount}, not {line.code!r}", path="16")
    if abs(line.amount) >= 10**18:
        raise FileError(0, "an amount of at most 18 digits", path="16")
    funds = "Z" if line.valued == day else f"V,{line.valued:%y%m%d},"
    names = ",".join(_name("16", each) if each else "" for each in (line.reference, line.end_to_end))
    head = f"16,{line.code},{abs(line.amount)},{funds},{names}"
    text = latin(line.description).strip(" /")
    if not text:
        return [f"{head}/"]
    first, *more = textwrap.wrap(text, max(20, width - 4), break_long_words=False, break_on_hyphens=False)
    if len(head) + 1 + len(first) <= width:
        return [f"{head},{first}", *(f"88,{each}" for each in more)]
    return [f"{head}/", *(f"88,{each}" for each in (first, *more))]


def _name(record: str, text: str) -> str:
    """An id of the file: no commas and slashes, as they end fields and records."""
    if not NAME.fullmatch(text) or not text.isascii() or not text.isprintable():
        raise FileError(0, f"at most 76 characters without commas and slashes, not {text!r}", path=record)
    return text
