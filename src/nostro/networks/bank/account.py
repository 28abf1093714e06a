"""Account at the simulated bank, and the bank's own books around it.

Every booking has two sides: the account, and either `outside` (other banks) or `income` (fees and interest). So all
balances of a currency, with those two, always sum to nothing. An account's lines of one banking day are its statement;
it opens where the one before closed.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct, structs

from nostro.networks.statement import Closing, Line, Opening, Statement

Other = Literal["outside", "income"]


class Account(Struct, kw_only=True):
    """Amounts in minor units of `currency`. `committed` is what accepted orders will take. `originators` are the
    names under which files come (ACH company ids, service user numbers); without any, who names the account may."""

    number: str
    currency: str
    name: str = ""
    bank: str = ""
    originators: tuple[str, ...] = ()
    overdraft: int = 0
    balance: int = 0
    committed: int = 0
    opened: int = 0
    statements: int = 0
    interest: int = 0
    lines: list[Line] = []

    @property
    def free(self) -> int:
        """What new orders may take."""
        return self.balance + self.overdraft - self.committed


class Books(Struct, kw_only=True):
    """The bank's accounts, and its side against the rest of the world by currency."""

    accounts: dict[str, Account] = {}
    outside: dict[str, int] = {}
    income: dict[str, int] = {}
    bookings: int = 0

    def open(self, account: Account, balance: int) -> None:
        """A new account, whose first money came from elsewhere."""
        assert account.number not in self.accounts, f"the account {account.number} is there already"
        self.accounts[account.number] = account
        account.balance = account.opened = balance
        self.outside[account.currency] = self.outside.get(account.currency, 0) - balance

    def book(self, account: Account, line: Line, other: Other = "outside") -> Line:
        """`line` without a reference: the bank gives it its own."""
        self.bookings += 1
        reference = f"NB{line.booked:%y%m%d}{self.bookings:08d}"  # 16 characters, as many as SWIFT takes
        account.balance += line.amount
        against = self.outside if other == "outside" else self.income
        against[account.currency] = against.get(account.currency, 0) - line.amount
        account.lines.append(structs.replace(line, reference=reference))
        return account.lines[-1]

    def close(self, account: Account, day: date) -> Statement:
        """The statement of `day`; the next begins with its closing balance."""
        statement = current(account, day)
        assert statement.closing.balance == account.opened + sum(line.amount for line in account.lines)
        account.statements += 1
        account.opened, account.lines = account.balance, []
        return statement

    def off_by(self, currency: str) -> int:
        """Zero, or money came from nowhere."""
        held = sum(account.balance for account in self.accounts.values() if account.currency == currency)
        return held + self.outside.get(currency, 0) + self.income.get(currency, 0)


def current(account: Account, day: date) -> Statement:
    """What stands on the account's statement of `day` so far."""
    return Statement(
        opening=Opening(account=account.number, currency=account.currency, number=str(account.statements + 1),
                        balance=account.opened, date=day),
        lines=tuple(account.lines),
        closing=Closing(balance=account.balance, date=day, lines=len(account.lines)),
    )  # fmt: skip
