"""MT940 and MT942 built: what a bank would send for these statements.

What `mt940.read` gives for the file is what went in, of what the format has a place for: no parts of a line, no ids of
messages, batches or UETRs. Texts are written in SWIFT's characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, Literal

from nostro.kernel.money import CURRENCIES, exponent
from nostro.networks.file_error import FileError
from nostro.networks.iso20022.characters import latin
from nostro.networks.mt940_text import NOT_PROVIDED, PURPOSE
from nostro.networks.statement import Line, Statement

WIDTH: Final = 65
MOST_LINES: Final = 6
CODE: Final = re.compile(r"[A-Z][A-Z0-9]{3}", re.ASCII)

Text = Literal["numbered", "plain"]


def build(statements: Iterable[Statement], *, reference: str, text: Text = "numbered", envelope: str = "") -> bytes:
    """The file. `reference` is that of the messages; `text` how `:86:` is written: as German banks do (`numbered`, by
    the line's `own_code`) or plain, which has only the description. `envelope` is the BIC of the receiver, to write
    SWIFT's blocks around each message. A statement without balances becomes an MT942."""
    return "".join(pieces(statements, reference=reference, text=text, envelope=envelope)).encode("ascii")


def pieces(
    statements: Iterable[Statement], *, reference: str, text: Text = "numbered", envelope: str = ""
) -> Iterator[str]:
    seen: set[tuple[str, str, int]] = set()
    for statement in statements:
        opening, closing = statement.opening, statement.closing
        key = (opening.account, opening.number, opening.page)
        if key in seen:
            raise FileError(0, f"a statement that is in the file once, not {key}", path=":28C:")
        seen.add(key)
        if closing.lines != len(statement.lines):
            raise FileError(0, f"{len(statement.lines)} lines in the closing, not {closing.lines}", path=":62F:")
        kind = "940" if opening.balance is not None else "942"
        if envelope:
            yield f"{{1:F01{envelope:X<12.12}0000000000}}{{2:I{kind}{envelope:X<12.12}N}}{{4:\r\n"
        yield _field("20", _fit("20", reference, 16))
        yield _field("25", _fit("25", opening.account, 35))
        yield _field("28C", _number(opening.number, opening.page))
        yield from _end_of_day(statement, text) if opening.balance is not None else _within_day(statement, text)
        yield "-}\r\n" if envelope else "-\r\n"


def _end_of_day(statement: Statement, text: Text) -> Iterator[str]:
    opening, closing = statement.opening, statement.closing
    total = sum(line.amount for line in statement.lines if not line.pending)
    if opening.balance is None or closing.balance != opening.balance + total:
        raise FileError(0, "a closing balance that is the opening one and all lines", path=":62F:")
    yield _field("60M" if opening.page > 1 else "60F", _balance(opening.balance, opening.currency, opening.date))
    for line in statement.lines:
        yield from _line(line, opening.currency, text)
    yield _field("62F" if closing.is_last else "62M", _balance(closing.balance, opening.currency, closing.date))
    if closing.available is not None:
        yield _field("64", _balance(closing.available, opening.currency, closing.date))


def _within_day(statement: Statement, text: Text) -> Iterator[str]:
    opening = statement.opening
    code = opening.currency.upper()
    yield _field("34F", f"{code}0,")
    yield _field("13D", f"{opening.date:%y%m%d}0000+0000")
    for line in statement.lines:
        yield from _line(line, opening.currency, text)
    for tag, sign in (("90D", -1), ("90C", 1)):
        amounts = [line.amount * sign for line in statement.lines if (line.amount > 0) == (sign > 0)]
        yield _field(tag, f"{len(amounts)}{code}{_amount(sum(amounts), opening.currency)}")


def _line(line: Line, currency: str, text: Text) -> Iterator[str]:
    if line.parts:
        raise FileError(0, "lines without parts", path=":61:")
    if not CODE.fullmatch(line.code):
        raise FileError(0, f"a code of a letter and three letters or digits, not {line.code!r}", path=":61:")
    credit = line.amount > 0
    way = f"R{'D' if credit else 'C'}" if line.reversal else "C" if credit else "D"
    if line.pending:
        way = f"E{'C' if credit else 'D'}"
    if line.pending and line.reversal:
        raise FileError(0, "a line that is pending or a reversal, not both", path=":61:")
    if abs((line.booked - line.valued).days) > 180:
        raise FileError(0, "a value date within half a year of the booking", path=":61:")
    reference = line.end_to_end if 0 < len(line.end_to_end) <= 16 and "//" not in line.end_to_end else "NONREF"
    if line.end_to_end and text == "plain" and reference == "NONREF":
        raise FileError(
            0, f"at most 16 characters, as plain text has no place for more: {line.end_to_end!r}", path=":61:"
        )
    bank = f"//{_fit('61', line.reference, 16)}" if line.reference else ""
    first = f"{_day(line.valued)}{line.booked:%m%d}{way}{_amount(abs(line.amount), currency)}{line.code}"
    yield _field("61", f"{first}{_fit('61', reference, 16)}{bank}", *_other_amounts(line, currency))
    written = _numbered(line) if text == "numbered" and line.own_code else _plain(line)
    if written:
        yield _field("86", *written)


def _other_amounts(line: Line, currency: str) -> Iterator[str]:
    code = line.instructed_currency
    original = f"/OCMT/{code.upper()}{_amount(line.instructed, code)}" if code else ""
    charges = f"/CHGS/{currency.upper()}{_amount(line.charges, currency)}" if line.charges else ""
    if original or charges:
        yield _fit("61", f"{original}{charges}/", 40)


def _plain(line: Line) -> list[str]:
    return _wrapped(_characters(line.description))


def _numbered(line: Line) -> list[str]:
    """Three digits that say what it is, then parts of at most 27 characters."""
    if not re.fullmatch(r"[0-9]{3}", line.own_code, re.ASCII):
        raise FileError(0, f"an own code of three digits, not {line.own_code!r}", path=":86:")
    purpose = ""
    for tag, value in (("EREF", line.end_to_end or NOT_PROVIDED), ("KREF", line.instruction), ("MREF", line.mandate)):
        purpose += f"{tag}+{_characters(value)} " if value else ""
    description = _characters(line.description)
    if line.return_reason:
        description = f"{description} Rueckgabegrund: {line.return_reason}".strip()
    purpose += f"SVWZ+{description}"
    chunks = [purpose[at : at + 27] for at in range(0, len(purpose), 27)]
    if len(chunks) > len(PURPOSE):
        raise FileError(0, f"a purpose of at most {27 * len(PURPOSE)} characters", path=":86:")
    name, number = _characters(line.counterparty), _characters(line.counterparty_account)
    text = line.own_code + "".join(f"?{part}{chunk}" for part, chunk in zip(PURPOSE, chunks, strict=False))
    text += f"?31{_fit('86', number, 34)}" if number else ""
    text += "".join(f"?{part}{name[at : at + 27]}" for part, at in ((32, 0), (33, 27)) if name[at:])
    if len(name) > 54:
        raise FileError(0, f"a name of at most 54 characters, not {name!r}", path=":86:")
    return _wrapped(text)


def _characters(text: str) -> str:
    return latin(text).replace("?", ".")


def _wrapped(text: str) -> list[str]:
    """Full lines. One that would begin as a field or an end does is not to be had."""
    found = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    if len(found) > MOST_LINES:
        raise FileError(0, f"a text of at most {WIDTH * MOST_LINES} characters", path=":86:")
    return [line if n == 0 or line[0] not in ":-" else f".{line[1:]}" for n, line in enumerate(found)]


def _field(tag: str, *text: str) -> str:
    return f":{tag}:" + "\r\n".join(text) + "\r\n"


def _fit(tag: str, text: str, most: int) -> str:
    if not text or len(text) > most or latin(text) != text or text != text.strip() or "?" in text:
        raise FileError(0, f"at most {most} of SWIFT's characters, not {text!r}", path=f":{tag}:")
    return text


def _number(number: str, page: int) -> str:
    if not re.fullmatch(r"[0-9]{1,5}", number, re.ASCII) or not 0 <= page < 100_000:
        raise FileError(0, f"a statement number of at most five digits, not {number!r}", path=":28C:")
    return f"{number}/{page}" if page else number


def _balance(amount: int, currency: str, day: date) -> str:
    return f"{'C' if amount >= 0 else 'D'}{_day(day)}{currency.upper()}{_amount(abs(amount), currency)}"


def _day(day: date) -> str:
    if not 1980 <= day.year <= 2079:
        raise FileError(0, f"a day of 1980 to 2079, not {day}", path="date")
    return f"{day:%y%m%d}"


def _amount(amount: int, currency: str) -> str:
    places = exponent(currency)
    whole, cents = divmod(amount, 10**places)
    text = f"{whole},{cents:0{places}}" if places else f"{whole},"
    if currency not in CURRENCIES or len(text) > 15:
        raise FileError(
            0, f"an amount of at most 15 characters in a known currency, not {text} {currency}", path=":61:"
        )
    return text
