"""Bacs Standard 18: a file of credits, debits and debit instructions, built and read. Amounts are pence.

Labels of 80 characters (VOL1 HDR1 HDR2 UHL1, at the end EOF1 EOF2 UTL1) stand around records of 100, or of 106 where
the file has more than one processing day. Contra records balance the items on the originating account, one a day and
direction: `build` makes them, `read` compares and drops them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO, Final

from msgspec import Struct

from nostro.networks.file_error import FileError
from nostro.networks.iso20022.characters import latin
from nostro.networks.lines import lines

CURRENCY: Final = "gbp"
CREDIT: Final = "99"
# Debits: the first, a regular one, one presented again, the last.
DEBITS: Final = frozenset({"01", "17", "18", "19"})
# Instructions: a new one, a cancelled one, one converted from paper. They move no money.
INSTRUCTIONS: Final = frozenset({"0N", "0C", "0S"})
CONTRA: Final = "CONTRA"
LARGEST: Final = 10**11
TEXT: Final = re.compile(r"[A-Z0-9.&/ -]*", re.ASCII)
DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class Account(Struct, frozen=True, kw_only=True):
    """`type` is 0 but for banks that say otherwise; `name` at most 18 characters."""

    sort_code: str
    number: str
    name: str
    type: str = "0"


class Item(Struct, frozen=True, kw_only=True):
    """A credit (99), a debit (01 17 18 19) or an instruction (0N 0C 0S, amount zero). `reference` is what the other
    side knows the payer or the payment by, `day` the processing day, on which Bacs takes the item in."""

    code: str
    account: Account
    amount: int
    reference: str
    day: date

    @property
    def is_credit(self) -> bool:
        return self.code == CREDIT


class File(Struct, frozen=True, kw_only=True):
    """`user` is the service user number (six digits), `name` what its items are from, `serial` the number of the
    submission and `number` that of the file in it, `expires` when it may be overwritten."""

    user: str
    name: str
    serial: str
    account: Account
    created: date
    expires: date
    items: tuple[Item, ...]
    number: int = 1

    @property
    def days(self) -> list[date]:
        return sorted({item.day for item in self.items})


def totals(items: tuple[Item, ...]) -> dict[tuple[date, bool], int]:
    """What the items move, by day and whether they are credits: the contra records, the other way."""
    found: dict[tuple[date, bool], int] = {}
    for item in items:
        if item.code not in INSTRUCTIONS:
            key = (item.day, item.is_credit)
            found[key] = found.get(key, 0) + item.amount
    return found


# ---------------------------------------------------------------- building


def build(file: File) -> bytes:
    """The file's bytes, names and references in Bacs's characters (capital letters, digits and `.&/-`)."""
    if not file.items:
        raise FileError(0, "at least one item", path="data")
    user, serial = _digits("user", file.user, 6), file.serial
    if not re.fullmatch(r"[A-Z0-9]{6}", serial, re.ASCII) or serial == "000000":
        raise FileError(0, f"a serial of six letters or digits, not {serial!r}", path="VOL1")
    if not 1 <= file.number <= 999:
        raise FileError(0, f"a file number of 1 to 999, not {file.number}", path="UHL1")
    many = len(file.days) > 1
    first = f"A{user}S   {user}{serial}00010001      {_julian(file.created)}{_julian(file.expires)} 000000"
    second = f"F02000{'00106' if many else '00100'}{'':35}00"
    written = [f"VOL1{serial}{'':31}{user}{'':32}1", f"HDR1{first:76}", f"HDR2{second:76}"]
    work = "4 MULTI  " if many else "1 DAILY  "
    written.append(f"{f'UHL1{_julian(file.days[0])}999999    00000000{work}{file.number:03}':80}")
    if any(item.reference.strip().upper() == CONTRA for item in file.items):
        raise FileError(0, f"references other than {CONTRA}", path="data")
    written += [_record(file, item, many) for item in file.items]
    for (day, credits), amount in sorted(totals(file.items).items()):
        contra = Item(code="17" if credits else CREDIT, account=file.account, amount=amount, reference=CONTRA, day=day)
        written.append(_record(file, contra, many))
    written += [f"EOF1{first:76}", f"EOF2{second:76}", f"{_trailer(file):80}"]
    return "".join(f"{line}\r\n" for line in written).encode("ascii")


def _trailer(file: File) -> str:
    sums = totals(file.items)
    credits = sum(amount for (_, is_credit), amount in sums.items() if is_credit)
    debits = sum(sums.values()) - credits
    count = {True: 0, False: 0}
    for item in file.items:
        if item.code not in INSTRUCTIONS:
            count[item.is_credit] += 1
    for _, is_credit in sums:
        count[not is_credit] += 1
    instructions = sum(item.code in INSTRUCTIONS for item in file.items)
    # Both directions with their contra records, so both are the sum of all.
    both = f"{_amount(debits + credits, 13)}" * 2
    return f"UTL1{both}{count[False]:07}{count[True]:07}{'':8}{f'{instructions:07}' if instructions else '':7}"


def _record(file: File, item: Item, many: bool) -> str:
    account = item.account
    if item.code not in DEBITS | INSTRUCTIONS | {CREDIT}:
        raise FileError(0, f"a transaction code (99, 01 17 18 19, 0N 0C 0S), not {item.code!r}", path="data")
    if bool(item.amount) == (item.code in INSTRUCTIONS) or not 0 <= item.amount < LARGEST:
        raise FileError(0, f"an amount above zero, and zero in an instruction, not {item.amount}", path="data")
    text = "".join((
        _digits("sort code", account.sort_code, 6), _digits("account number", account.number, 8),
        _digits("type of account", account.type, 1), item.code,
        _digits("sort code", file.account.sort_code, 6), _digits("account number", file.account.number, 8), "    ",
        _amount(item.amount, 11), _text("name", file.name), _text("reference", item.reference),
        _text("account name", account.name), _julian(item.day) if many else "",
    ))  # fmt: skip
    assert len(text) == (106 if many else 100)
    return text


def _digits(field: str, text: str, width: int) -> str:
    if len(text) != width or not DIGITS.fullmatch(text):
        raise FileError(0, f"{field}, {width} digits, not {text!r}", path="data")
    return text


def _text(field: str, text: str) -> str:
    plain = text
    if not TEXT.fullmatch(text):
        words = ("&".join(map(latin, word.split("&"))) for word in text.split())
        plain = re.sub(r"[^A-Z0-9.&/ -]", " ", " ".join(words).upper())
    if not plain or plain != plain.strip() or len(plain) > 18:
        raise FileError(0, f"{field} of at most 18 characters, not {text!r}", path="data")
    return f"{plain:18}"


def _amount(amount: int, width: int) -> str:
    if amount >= 10**width:
        raise FileError(0, f"a sum of at most {width} digits, not {amount}", path="UTL1")
    return f"{amount:0{width}}"


def _julian(day: date) -> str:
    if not 2000 <= day.year <= 2099:
        raise FileError(0, f"a day of this century, not {day}", path="date")
    return f"{day: %y%j}"


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> File:
    """The whole file, or a FileError."""
    labels = _Labels(source)
    volume = labels.take("VOL1")
    first, second, header = labels.take("HDR1"), labels.take("HDR2"), labels.take("UHL1")
    many = second[10:15] == "00106"
    if not many and second[10:15] != "00100":
        raise labels.refused("records of 100 or 106 characters", 11)
    user, serial = first[5:11], volume[4:10]
    if volume[41:47] != user or not DIGITS.fullmatch(user):
        raise labels.refused(f"a service user number that is that of the volume, {volume[41:47]!r}")
    day = None if many else labels.day(header, 4)
    records = [_read_record(labels, text, day) for text in labels.records(106 if many else 100)]
    for label, text in (("EOF1", first), ("EOF2", second)):
        if labels.line[:4] != label or labels.line[4:54] != text[4:54]:
            raise labels.refused(f"{label}, which repeats {label.replace('EOF', 'HDR')}")
        labels.take()
    if labels.line[:4] != "UTL1":
        raise labels.refused("UTL1")
    trailer = labels.line
    labels.finish()
    if not records:
        raise labels.refused("at least one item")
    _, name, account = records[0]
    items = tuple(found for found, _, _ in records if found.reference != CONTRA)
    contras = [found for found, _, _ in records if found.reference == CONTRA]
    holder = next((found.account.name for found in contras), name)
    file = File(
        user=user,
        name=name,
        serial=serial,
        account=Account(sort_code=account[:6], number=account[6:], name=holder),
        created=labels.day(first, 41),
        expires=labels.day(first, 47),
        items=items,
        number=int(header[37:40]) if DIGITS.fullmatch(header[37:40]) else 1,
    )
    if any(found[1:] != (name, account) for found in records):
        raise labels.refused("items of one name and account")
    _check(labels, file, contras, trailer)
    return file


def _check(labels: _Labels, file: File, contras: list[Item], trailer: str) -> None:
    expected = {(day, "17" if credits else CREDIT): amount for (day, credits), amount in totals(file.items).items()}
    found = {(contra.day, contra.code): contra.amount for contra in contras}
    own = (file.account.sort_code, file.account.number)
    if found != expected or len(found) != len(contras):
        raise labels.refused("a contra record for each day and direction, with the sum of the items")
    if any((contra.account.sort_code, contra.account.number) != own for contra in contras):
        raise labels.refused("contra records on the originating account")
    expected_trailer = f"{_trailer(file):80}"
    for field, start, end in (("debits", 4, 17), ("credits", 17, 30), ("count of debits", 30, 37),
                              ("count of credits", 37, 44), ("count of instructions", 52, 59)):  # fmt: skip
        stated, right = trailer[start:end], expected_trailer[start:end]
        if stated.strip().lstrip("0") != right.strip().lstrip("0"):
            raise labels.refused(f"{field} {right}, not {stated}", start + 1)


def _read_record(labels: _Labels, text: str, day: date | None) -> tuple[Item, str, str]:
    """The item, the name it is from, and the account it is booked on."""
    code, amount = text[15:17], text[35:46]
    if code not in DEBITS | INSTRUCTIONS | {CREDIT}:
        raise labels.refused("a transaction code, 99, 01 17 18 19, 0N 0C 0S", 16)
    for start, end in ((0, 15), (17, 31), (35, 46)):
        if not DIGITS.fullmatch(text[start:end]):
            raise labels.refused(f"{end - start} digits", start + 1)
    if not TEXT.fullmatch(text[46:100]):
        raise labels.refused("capital letters, digits and .&/-", 47)
    if bool(int(amount)) == (code in INSTRUCTIONS):
        raise labels.refused("an amount above zero, and zero in an instruction", 36)
    account = Account(sort_code=text[:6], number=text[6:14], type=text[14], name=text[82:100].strip())
    item = Item(
        code=code, account=account, amount=int(amount), reference=text[64:82].strip(), day=day or labels.day(text, 100)
    )  # fmt: skip
    return item, text[46:64].strip(), text[17:31]


class _Labels:
    """One line at a time, filled with the blanks that programs cut off."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self.lines: Iterator[tuple[int, str]] = lines(source, 106)
        self.number, self.line = 0, ""

    def take(self, label: str = "") -> str:
        self.number, line = next(self.lines, (self.number + 1, ""))
        self.line = f"{line:80}"
        if not line or not line.startswith(label) or (label and len(line) > 80):
            raise self.refused(f"{label or 'a label'}, 80 characters")
        return self.line

    def records(self, width: int) -> Iterator[str]:
        """Up to EOF1, which is then the line."""
        while self.take()[:4] != "EOF1":
            if len(self.line.rstrip()) > width:
                raise self.refused(f"a record of {width} characters", width + 1)
            yield f"{self.line:{width}}"

    def finish(self) -> None:
        for number, line in self.lines:
            if line.strip():
                raise FileError(number, "the end of the file")

    def day(self, text: str, at: int) -> date:
        found = text[at : at + 6]
        try:
            if re.fullmatch(r" [0-9]{5}", found, re.ASCII):
                return datetime.strptime(found, " %y%j").date()
        except ValueError:
            pass
        raise self.refused(f"a day, a blank and YYDDD, not {found!r}", at + 1)

    def refused(self, expected: str, position: int = 1) -> FileError:
        return FileError(self.number, expected, position)
