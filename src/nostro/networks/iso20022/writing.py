"""XML for a bank: elements as strings, put together in the order of the schema.

An element with nothing in it is not written, so an absent value needs no `if` where it is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import escape

from nostro.kernel.money import CURRENCIES, exponent
from nostro.networks.file_error import FileError
from nostro.networks.iso20022.reading import NAMESPACE

LARGEST: Final = 10**18  # the schemas' amounts have at most 18 digits


def tag(name: str, *parts: str) -> str:
    inner = "".join(parts)
    return f"<{name}>{inner}</{name}>" if inner else ""


def leaf(name: str, text: str, most: int = 35) -> str:
    """A text of at most `most` characters, each of which XML can hold; nothing for ""."""
    if not text:
        return ""
    if len(text) > most:
        raise FileError(0, f"at most {most} characters, not {text!r}", path=name)
    if not text.isprintable() or text != text.strip():
        raise FileError(0, f"printable characters, and no space at either end, not {text!r}", path=name)
    return f"<{name}>{escape(text)}</{name}>"


def required(name: str, text: str, most: int = 35) -> str:
    if not text:
        raise FileError(0, "a text, not nothing", path=name)
    return leaf(name, text, most)


def expected(name: str, written: str) -> str:
    """What the schema asks for, and which had nothing in it if it was not written."""
    if not written:
        raise FileError(0, "something, not nothing", path=name)
    return written


def decimal(amount: int, currency: str) -> str:
    places = exponent(currency)
    if currency not in CURRENCIES or not 0 <= amount < LARGEST:
        raise FileError(0, f"from 0 to 18 digits of a known currency, not {amount} {currency}", path="Amt")
    if not places:
        return str(amount)
    return f"{amount // 10**places}.{amount % 10**places:0{places}}"


def money(name: str, amount: int, currency: str) -> str:
    return f'<{name} Ccy="{currency.upper()}">{decimal(amount, currency)}</{name}>'


def day(name: str, value: date) -> str:
    return f"<{name}>{value.isoformat()[:10]}</{name}>"


def moment(name: str, value: datetime) -> str:
    return f"<{name}>{value.isoformat()}</{name}>"


def code_or_own(name: str, code: str, own: str = "", *, codes: int = 4) -> str:
    """The choice between a code of ISO and one of one's own; a code that is too long to be ISO's is one's own."""
    if len(code) > codes:
        code, own = "", code
    return tag(name, leaf("Cd", code, codes) or leaf("Prtry", own))


def document(message: str, parts: Iterable[str]) -> Iterator[bytes]:
    """The file in pieces. `message` is such as `pain.001.001.09`."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}{message}">'.encode()
    for part in parts:
        yield part.encode()
    yield b"</Document>\n"
