"""Names: what accounts are called in other people's bookkeeping programs, and how amounts and times are written there.

hledger takes a code as it is, below the root of its kind. Beancount wants steps that begin with a capital or a digit
and have letters, digits and hyphens: `merchant:acct_1:available` is `Liabilities:Merchant:Acct-1:Available`. A step
that cannot be told apart so (capitals first, signs, hyphens) ends in eight digits of its hash. Memorandum accounts
stand off the balance sheet; both programs have no such place, so they are a branch of equity, which adds up to zero.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache

from nostro.kernel.clock import DAY, utc_date
from nostro.kernel.money import exponent
from nostro.ledger.chart import Kind

Namer = Callable[[str, Kind], str]
HLEDGER: dict[Kind, str] = {
    "asset": "assets", "liability": "liabilities", "equity": "equity", "revenue": "revenues", "expense": "expenses",
    "memorandum": "equity:memorandum",
}  # fmt: skip
BEANCOUNT: dict[Kind, str] = {
    "asset": "Assets", "liability": "Liabilities", "equity": "Equity", "revenue": "Income", "expense": "Expenses",
    "memorandum": "Equity:Memorandum",
}  # fmt: skip
_PLAIN = re.compile(r"[a-z][A-Za-z0-9_]*|[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ODD = re.compile(r"[^A-Za-z0-9-]")


def hledger(code: str, kind: Kind) -> str:
    return f"{HLEDGER[kind]}:{code}"


def beancount(code: str, kind: Kind) -> str:
    return ":".join([BEANCOUNT[kind], *map(_step, code.split(":"))])


@lru_cache(maxsize=100_000)
def _step(step: str) -> str:
    name = _ODD.sub("-", step)
    name = name[0].upper() + name[1:] if name[0].isalnum() else f"X{name}"
    if _PLAIN.fullmatch(step):
        return name
    return f"{name}-{hashlib.sha256(step.encode()).hexdigest()[:8]}"


@lru_cache
def _places(currency: str) -> tuple[int, str]:
    return exponent(currency), currency.upper()


def amount(minor: int, currency: str) -> str:
    """Exact, with the currency's decimals: `-12.34 USD`, `500 JPY`."""
    places, unit = _places(currency)
    return f"{digits(minor, places)} {unit}"


def digits(minor: int, places: int) -> str:
    """Minor units in major ones, exact."""
    if not places:
        return str(minor)
    text = f"{minor:0{places + 1 + (minor < 0)}}"
    return f"{text[:-places]}.{text[-places:]}"


@lru_cache(maxsize=10_000)
def day(number: int) -> str:
    """The day so many days after 1970-01-01. Journals have many entries a day."""
    return utc_date(number * DAY).isoformat()


def moment(seconds: int) -> str:
    """`2026-11-21 06:49:40`, many times a second."""
    number, rest = divmod(seconds, DAY)
    return f"{day(number)} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
