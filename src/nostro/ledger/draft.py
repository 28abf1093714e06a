"""Draft: an entry as the caller wrote it, its accounts found, its postings checked, nothing booked yet.

Each currency balances by itself. Where two meet, the caller names an exchange: an account that is open in both
takes the other side of each, and the amounts must agree with the rate to within one minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated

from msgspec import Meta, Struct

from nostro.kernel.errors import invalid
from nostro.kernel.money import exponent
from nostro.kernel.posting import Posting
from nostro.kernel.resource import Params, Shape
from nostro.storage.tx import Tx

from .app_account import Record as Account
from .app_account import limited, locate
from .chart import Side

MOST_AMOUNT = 10**15
LedgerAmount = Annotated[int, Meta(ge=1, le=MOST_AMOUNT, description="In minor units of the currency.")]
MOST_POSTINGS = 500


class LineParams(Params, frozen=True, kw_only=True):
    """`account` is an id or a code; a code takes its currency from here or from the entry."""

    account: str
    amount: LedgerAmount
    direction: Side
    currency: str | None = None


class ExchangeParams(Params, frozen=True, kw_only=True):
    """`rate` is how many units of `quote` one unit of `base` is worth: a decimal string."""

    account: str
    base: str
    quote: str
    rate: str


class Line(Shape, frozen=True, kw_only=True):
    """One posting as the API shows it."""

    account: str
    amount: int
    currency: str
    direction: Side


class Exchange(Shape, frozen=True, kw_only=True):
    account: str
    base: str
    quote: str
    rate: str


class Draft(Struct, frozen=True, kw_only=True):
    """`accounts` are those of the postings, one each, in the order of the lines."""

    lines: list[Line]
    accounts: list[Account]
    exchange: Exchange | None = None

    @property
    def postings(self) -> tuple[Posting, ...]:
        pairs = zip(self.accounts, self.lines, strict=True)
        return tuple(limited(account, signed(line)) for account, line in pairs)


def signed(line: Line) -> int:
    return line.amount if line.direction == "debit" else -line.amount


def line(account: Account, amount: int) -> Line:
    """`amount` is debit positive."""
    direction: Side = "debit" if amount > 0 else "credit"
    return Line(account=account.code, amount=abs(amount), currency=account.currency, direction=direction)


async def drafted(tx: Tx, lines: Sequence[LineParams], currency: str | None, exchange: ExchangeParams | None) -> Draft:
    """Raises what is wrong with it, naming the parameter."""
    if not 2 <= len(lines) <= MOST_POSTINGS:
        raise invalid(f"An entry has 2 to {MOST_POSTINGS} postings.", "postings")
    accounts = []
    for n, one in enumerate(lines):
        unit = one.currency or (None if one.account.startswith("lacct_") else currency)
        accounts.append(await locate(tx, one.account, unit, f"postings[{n}][account]"))
    shown = [
        Line(account=account.code, amount=one.amount, currency=account.currency, direction=one.direction)
        for account, one in zip(accounts, lines, strict=True)
    ]
    if exchange is None:
        _check_balanced(_off(shown))
        return Draft(lines=shown, accounts=accounts)
    more, made = await _exchanged(tx, _off(shown), exchange)
    shown += [line(account, amount) for account, amount in more]
    return Draft(lines=shown, accounts=[*accounts, *(account for account, _ in more)], exchange=made)


async def again(tx: Tx, lines: Sequence[Line], sign: int = 1) -> Draft:
    """Lines that were booked before, or with `sign` -1 their opposite, on the accounts as they are now."""
    accounts = [await locate(tx, one.account, one.currency) for one in lines]
    return Draft(
        lines=[line(account, sign * signed(one)) for account, one in zip(accounts, lines, strict=True)],
        accounts=accounts,
    )


def _off(lines: Sequence[Line]) -> dict[str, int]:
    """What is missing to balance, by currency: debits less credits, zeros left out."""
    totals: dict[str, int] = {}
    for one in lines:
        totals[one.currency] = totals.get(one.currency, 0) + signed(one)
    return {currency: amount for currency, amount in totals.items() if amount}


def _check_balanced(off: dict[str, int]) -> None:
    if not off:
        return
    shown = ", ".join(
        f"{currency} by {abs(amount)} ({'debits' if amount > 0 else 'credits'} are more)"
        for currency, amount in sorted(off.items())
    )
    hint = " Name an exchange if one currency was changed into the other." if len(off) == 2 else ""
    raise invalid(f"The postings do not balance: {shown}.{hint}", "postings", "ledger_entry_unbalanced")


async def _exchanged(tx: Tx, off: dict[str, int], params: ExchangeParams) -> tuple[list[tuple[Account, int]], Exchange]:
    base, quote = params.base.lower(), params.quote.lower()
    given, taken = off.get(base, 0), off.get(quote, 0)
    if set(off) != {base, quote} or given * taken >= 0:
        raise invalid(
            f"An exchange of {base} and {quote} needs postings that leave one of them over and want the other.",
            "exchange", "ledger_entry_unbalanced",
        )  # fmt: skip
    rate = _rate(params.rate)
    worth = abs(given) * rate.scaleb(exponent(quote) - exponent(base))
    if abs(abs(taken) - worth) >= 1:
        raise invalid(
            f"{abs(given)} {base} at {rate} are {worth.normalize():f} {quote} (minor units), not {abs(taken)}.",
            "exchange[rate]", "ledger_entry_unbalanced",
        )  # fmt: skip
    sides = [(await locate(tx, params.account, unit, "exchange[account]"), -off[unit]) for unit in (base, quote)]
    return sides, Exchange(account=sides[0][0].code, base=base, quote=quote, rate=params.rate)


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if len(text) > 30 or not rate.is_finite() or not 0 < rate < 10**12:
        raise invalid("A rate is a decimal above zero, such as 0.9214.", "exchange[rate]")
    return rate
