"""What people write to the simulated bank: rates, amounts, times, accounts. What it cannot read is a `Trouble`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from nostro.kernel.clock import SECOND, SystemClock
from nostro.kernel.money import CURRENCIES, exponent

from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.networks.bank.account import Account

MILLION = 1_000_000
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
OPENS = time(8)  # UTC, of a bank that begins on a day


def rate(text: str) -> int:
    """Millionths: `2%` is 20,000, and so is `0.02`."""
    share = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= share <= 1 or share * MILLION % 1:
        raise Trouble(f"{text!r} is no rate.", "Write 2% or 0.02, to a ten-thousandth of a percent.")
    return int(share * MILLION)


def basis_points(text: str) -> int:
    """`1.5%` is 150."""
    found = rate(text)
    if found % 100:
        raise Trouble(f"{text!r} is too fine a rate.", "Write it to a hundredth of a percent: 1.25%")
    return found // 100


def amount(text: str, currency: str) -> int:
    """Minor units of `129.90`."""
    units = _number(text.replace(",", "")).scaleb(exponent(currency))
    if units < 0 or units % 1:
        raise Trouble(f"{text!r} is no amount of {currency}.",
                      f"Write it with a point and at most {exponent(currency)} decimals.")  # fmt: skip
    return int(units)


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        raise Trouble(f"{text!r} is no number.", "Write it as 129.90, a rate as 2%") from None
    if not found.is_finite() or abs(found.adjusted()) > 18:
        raise Trouble(f"{text!r} is no number that a bank knows.")
    return found


def account(text: str) -> tuple[Account, int]:
    """`NUMBER:CURRENCY:BALANCE`, and after another colon the names under which its files come."""
    from nostro.networks.bank.account import Account

    number, currency, balance, *names = text.split(":") if text.count(":") in (2, 3) else ("", "", "")
    if currency.lower() not in CURRENCIES or not re.fullmatch(r"[A-Za-z0-9-]{4,34}", number):
        raise Trouble(f"{text!r} is no account.", "Write NUMBER:CURRENCY:BALANCE, for example 000900900900:usd:5000.00")
    originators = tuple(names[0].split(",")) if names else ()
    return (
        Account(number=number, currency=currency.lower(), originators=originators), amount(balance, currency.lower())
    )  # fmt: skip


def formats(text: str) -> tuple[str, ...]:
    """`camt.053,csv`."""
    from nostro.networks.bank.paper import WRITERS

    found = tuple(each.strip() for each in text.split(",") if each.strip())
    for each in found:
        if each not in WRITERS:
            raise Trouble(f"The bank writes no {each}.", f"It writes {', '.join(WRITERS)}.")
    return found


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Trouble(f"{text!r} is no day.", "Write 2026-12-01") from None


def start(text: str | None) -> int:
    """The bank's first moment, in seconds since 1970: the morning of a day, or now."""
    if text is None:
        return SystemClock().micros() // SECOND
    return int(datetime.combine(day(text), OPENS, UTC).timestamp())


def later(now: int, text: str) -> int:
    """The moment after `now` that `2d` or `2026-12-01` means."""
    if found := re.fullmatch(r"(\d{1,6})([smhdw])", text):
        return now + int(found[1]) * SECONDS[found[2]]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise Trouble(f"{text!r} is no time.", "Write 2d, 12h, 1w, or a day: 2026-12-01")
    until = start(text)
    if until < now:
        raise Trouble(f"{text} has passed at the bank.", "Its clock never goes back.")
    return until
