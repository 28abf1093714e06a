"""The platform's bank: takes its files, keeps its accounts, and writes letters and statements with faults of its own.

It is the product's simulated bank (nostro.networks.bank) in the sandbox's time. Here every payment is remembered that
any file has ever named, so that one which comes a second time in another file is seen.
"""

from __future__ import annotations

import hashlib
from datetime import date
from random import Random

from msgspec.structs import replace

from nostro.balances import calendar
from nostro.networks.bank import paper
from nostro.networks.bank.account import Account
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.intake import receive
from nostro.networks.bank.post import Faults as Post
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Terms
from nostro.networks.statement import Line, Statement

from .faults import Faults

COMPANY = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "110000000"}
IBAN = "DE89370400440532013000"
NUMBERS = {"usd": "000900900900", "eur": IBAN}
FORMATS = {"usd": "camt.053", "eur": "camt.053"}
POST = Post(late=150_000, duplicate=150_000, partial=100_000, reorder=150_000)
SPOILED = 0.06


class House:
    """`letters` and `statements` are what it has written and nobody has carried yet, oldest first."""

    def __init__(self, random: Random, faults: Faults, now: int) -> None:
        self.random = random
        self.faults = faults
        terms = Terms(
            seed=random.randrange(10**6), returns=120_000, corrections=60_000, faults=POST, fee=250,
            booking=random.choice(("single", "batch")),
        )  # fmt: skip
        self.bank = open_bank(now, terms)
        for currency, number in NUMBERS.items():
            names = (COMPANY["company_id"],) if currency == "usd" else ()
            account = Account(number=number, currency=currency, name="MARKET INC", originators=names, overdraft=10**15)
            open_account(self.bank, calendar, account, 0)
        self.letters: list[Letter] = []
        self.statements: list[tuple[str, str]] = []  # format and content
        self.paid: dict[tuple[str, str], str] = {}  # each payment, and the bytes that named it
        self._wrong = dict.fromkeys(NUMBERS, 0)

    def until(self, now: int) -> None:
        """Its days pass up to `now`, the sandbox's second."""
        for one in advance(self.bank, calendar, now):
            if isinstance(one, Letter):
                self.letters.append(one)
            else:
                currency = one.opening.currency
                content = paper.write(FORMATS[currency], [self._said(one)], self.bank.now)
                self.statements.append((FORMATS[currency], content.decode()))

    def take(self, content: bytes, name: str) -> None:
        """A file comes. Raises `AssertionError` if it names a payment that another file has named."""
        hash = hashlib.sha256(content).hexdigest()
        received = receive(content)
        assert not received.error, f"the bank cannot read {name}: {received.error}"
        for order in received.orders:
            for one in order.instructions:
                first = self.paid.setdefault((order.head.currency, one.id), hash)
                assert first == hash, f"{one.id} is in two files"
        receipt, letters = take(self.bank, calendar, content, name)
        if receipt.reason != "duplicate":
            assert receipt.status != "rejected", f"the bank refused {name}: {receipt.reason} {receipt.message}"
        self.letters += letters

    def settle_cards(self, entry: int, currency: str, amount: int, day: date) -> None:
        """The card network pays what the books say it has paid."""
        line = Line(amount=amount, booked=day, valued=day, end_to_end=f"lent_{entry}", code="card_settlement",
                    description="CARD SETTLEMENT", counterparty="CARD NETWORK")  # fmt: skip
        deposit(self.bank, calendar, NUMBERS[currency], line)

    def _said(self, statement: Statement) -> Statement:
        """The statement as it comes: now and then a line is wrong, missing, there twice or a stranger's, and every
        later balance says so too."""
        currency, lines = statement.opening.currency, list[Line]()
        before = self._wrong[currency]
        for line in statement.lines:
            made = self._spoiled(line) if self.random.random() < SPOILED else [line]
            self._wrong[currency] += sum(one.amount for one in made) - line.amount
            lines += made
        assert statement.opening.balance is not None and statement.closing.balance is not None
        return Statement(
            opening=replace(statement.opening, balance=statement.opening.balance + before),
            lines=tuple(lines),
            closing=replace(
                statement.closing, balance=statement.closing.balance + self._wrong[currency], lines=len(lines)
            ),
        )  # fmt: skip

    def _spoiled(self, line: Line) -> list[Line]:
        self.faults.note("statement line spoiled")
        match self.random.choice(("typo", "missing", "twice", "unknown")):
            case "typo" if not line.parts:
                return [replace(line, amount=line.amount + 90)]
            case "missing":
                return []
            case "twice":
                return [line, replace(line, reference=f"{line.reference}X")]
            case _:
                stranger = Line(amount=777, booked=line.booked, valued=line.booked, reference=f"{line.reference}U",
                                code="transfer", description="WHO IS THIS")  # fmt: skip
                return [line, stranger]
