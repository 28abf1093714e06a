"""Plain-text accounting: a span of a book as a journal that beancount or hledger reads.

    opening balances, one entry an account      what was earned before stands in equity, as on the balance sheet
    the entries that took effect in the span    with number, rule, object, recorded time
    balance assertions at its end               the programs check each account's closing balance

The text is made as it is read, so memory grows with the number of accounts only. What revenue and expense accounts
had earned before the span stands in equity, so their balances are those of the span.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date, timedelta
from typing import Literal, NamedTuple

from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.money import exponent
from nostro.storage.engine import Engine

from . import names
from .journal import Booked, Told, journal
from .span import Span
from .turnover import Cuts, Turnover, cuts, turnovers

Format = Literal["beancount", "hledger"]
Account = tuple[str, str]
OPENING = "opening-balances"
EARNED = "earnings-before"


class Style(NamedTuple):
    """How one program writes things. `entry` and `assertion` answer whole lines."""

    name: names.Namer
    equity: Callable[[str], str]
    head: Callable[[Span, list[str]], str]
    opened: Callable[[str, Iterable[str], date, str], str]
    entry: Callable[[Booked, dict[int, Account]], str]
    opening: Callable[[date, str, str], str]
    assertion: Callable[[Span, str, str], str]


async def text(
    engine: Engine, book: int, span: Span, format: Format, told: Told = lambda what, done, total: None
) -> AsyncIterator[str]:
    """Pieces of the journal. Raises `ValueError` if the span does not begin and end at midnight (UTC)."""
    if span.starts % DAY or span.ends % DAY:
        raise ValueError("A journal is of whole days.")
    style = STYLES[format]
    at = await cuts(engine, book, span)
    known: dict[int, Account] = {}
    async for piece in _accounts(engine, at, span, style, known):
        yield piece
    async for part in journal(engine, at, told):
        yield "".join([style.entry(one, known) for one in part])
    async for one in turnovers(engine, at):
        if not one.idle:
            yield style.assertion(span, style.name(one.code, one.kind), names.amount(_closing(one), one.currency))


async def _accounts(
    engine: Engine, at: Cuts, span: Span, style: Style, known: dict[int, Account]
) -> AsyncIterator[str]:
    """Every account that is used, and what stood on it. Learns the accounts' names by their numbers."""
    first, _ = span.days
    taken: dict[str, tuple[str, str]] = {}
    of_name: dict[str, list[str]] = {}
    openings: list[Turnover] = []
    async for one in turnovers(engine, at):
        name = style.name(one.code, one.kind)
        assert taken.setdefault(name, (one.code, one.kind)) == (one.code, one.kind), f"two accounts are called {name}"
        known[one.number] = (name, one.currency)
        if one.idle:
            continue
        of_name.setdefault(name, []).append(one.currency)
        if one.opening:
            openings.append(one)
    yield style.head(span, sorted({unit for units in of_name.values() for unit in units}))
    for own in (OPENING, EARNED):
        yield style.opened(style.equity(own), (), first, own)
    for name, currencies in of_name.items():
        yield style.opened(name, currencies, first, taken[name][0])
    for one in openings:
        name = style.equity(EARNED) if one.kind in ("revenue", "expense") else known[one.number][0]
        there, against = names.amount(one.opening, one.currency), names.amount(-one.opening, one.currency)
        lines = f"  {name}  {there}\n  {style.equity(OPENING)}  {against}\n"
        yield style.opening(first, f"Opening balance of {one.code}", lines)


def _closing(one: Turnover) -> int:
    """What was earned before the span is not on the account any more."""
    return one.debits - one.credits if one.kind in ("revenue", "expense") else one.closing


def _lines(booked: Booked, known: dict[int, Account]) -> str:
    made = []
    for number, minor in booked.lines:
        name, currency = known[number]
        made.append(f"  {name}  {names.amount(minor, currency)}\n")
    return "".join(made)


def _plain(text: str) -> str:
    """One line, without what ends it."""
    return " ".join(text.split())


# Beancount ------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _beancount_entry(one: Booked, known: dict[int, Account]) -> str:
    day, kind = names.day(one.effective // DAY), one.kind.replace(":", "/")
    reverses = f"  reverses: {one.reverses}\n" if one.reverses else ""
    return (
        f"\n{day} * {_quoted(one.description or one.kind)} #{kind}\n  entry: {one.number}\n"
        f'  source: {_quoted(one.source)}\n  recorded: "{names.moment(one.recorded // SECOND)}"\n{reverses}'
        f"{_lines(one, known)}"
    )


def _beancount_head(span: Span, currencies: list[str]) -> str:
    first, last = span.days
    units = "".join(f'option "operating_currency" "{unit.upper()}"\n' for unit in currencies)
    return f'option "title" "Nostro, {first} to {last}"\n{units}'


def _beancount_opened(name: str, currencies: Iterable[str], first: date, code: str) -> str:
    units = ",".join(sorted(unit.upper() for unit in currencies))
    return f"{first} open {name}{' ' if units else ''}{units}\n  code: {_quoted(code)}\n"


def _beancount_assertion(span: Span, name: str, amount: str) -> str:
    """At the beginning of the day after; to the last digit, not to the program's own tolerance."""
    return f"{span.days[1] + timedelta(1)} balance {name}  {amount.replace(' ', ' ~ 0 ')}\n"


# hledger --------------------------------------------------------------------------------


def _hledger_text(text: str) -> str:
    """A semicolon begins a comment, a bar ends a payee."""
    return _plain(text).replace(";", ",").replace("|", "/")


def _hledger_entry(one: Booked, known: dict[int, Account]) -> str:
    reverses = f", reverses:{one.reverses}" if one.reverses else ""
    return (
        f"\n{names.day(one.effective // DAY)} * ({one.number}) {_hledger_text(one.description or one.kind)}"
        f"  ; kind:{one.kind}, source:{_hledger_text(one.source)}, "
        f"recorded:{names.moment(one.recorded // SECOND)}{reverses}\n{_lines(one, known)}"
    )


def _hledger_head(span: Span, currencies: list[str]) -> str:
    """With the decimals of each currency, which would else be guessed from the amounts."""
    first, last = span.days
    styles = (f"1.{'0' * exponent(unit)} {unit.upper()}" for unit in currencies)
    return f"; Nostro, {first} to {last}\n" + "".join(f"commodity {style}\n" for style in styles)


STYLES: dict[Format, Style] = {
    "beancount": Style(
        name=names.beancount, equity=lambda own: f"Equity:{own.title()}", head=_beancount_head,
        opened=_beancount_opened, entry=_beancount_entry,
        opening=lambda day, said, lines: f"\n{day} * {_quoted(said)} #opening\n{lines}",
        assertion=_beancount_assertion,
    ),
    "hledger": Style(
        name=names.hledger, equity=lambda own: f"equity:{own}", head=_hledger_head,
        opened=lambda name, currencies, first, code: f"account {name}\n", entry=_hledger_entry,
        opening=lambda day, said, lines: f"\n{day} * {_hledger_text(said)}\n{lines}",
        assertion=lambda span, name, text: f"\n{span.days[1]} * closing balance\n  {name}  0 = {text}\n",
    ),
}  # fmt: skip
