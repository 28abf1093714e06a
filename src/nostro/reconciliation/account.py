"""Account: a ledger account in one currency that stands for one account at a bank or several, and how far it is
reconciled. Each of them has statements of its own; their lines are matched and their days closed together.

It is made by the first statement. Whatever changes lines, matches, breaks or days saves it too, so that of two units
that run side by side one is stale and runs again.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Literal

import msgspec

from nostro.kernel.clock import DAY, EPOCH
from nostro.kernel.errors import ApiError, invalid, no_such
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire, retrieve
from nostro.ledger.chart import CASH
from nostro.ledger.closed import closed_until
from nostro.storage.tx import Tx

SHIFT = 32  # a line's number is its statement's, shifted, and its place there
MOST_ACCOUNTS = 1_000
NEW = (
    "INSERT INTO reconciled_account (number,scope,code,currency,id) VALUES (?,?,?,?,?) ON CONFLICT (number) DO NOTHING"
)
LAST = "SELECT coalesce(max(number),0) FROM reconciled_account"


class BankAccount(Shape, frozen=True, kw_only=True):
    """One account at one bank, whose statements follow one another. `bank_account` is its number there, `balance`
    (minor units) what the bank says stood on it at the end of `covered_until`."""

    balance: int
    bank_account: str
    covered_until: str
    statements: int


class Account(Stored, frozen=True, kw_only=True):
    """`bank_accounts` are the accounts at banks that it stands for, `bank_account` the first one's number; `balance`
    (minor units) is what stands on all of them, `covered_until` the day up to which each has told. `closed_until` is
    the last day that is closed. Days are dates: 2026-11-20."""

    object: Literal["reconciliation.account"] = "reconciliation.account"
    balance: int = 0
    bank_account: str = ""
    bank_accounts: list[BankAccount] = []
    closed_until: str | None = None
    covered_until: str | None = None
    currency: str
    ledger_account: str
    livemode: bool = False
    statements: int = 0


class Record(Account, frozen=True, kw_only=True, omit_defaults=True):
    """`number` stands for it in tables. `reserved` is the last number given to a statement, `last` that of the last
    statement that was imported. Every line up to `lines_done` belongs to a match or a break, every entry up to
    `entries_done` to one or to nothing that is late yet. `matches` were made."""

    number: int
    reserved: int = 0
    last: int = 0
    lines_done: int = 0
    entries_done: int = 0
    matches: int = 0

    @property
    def banks(self) -> list[BankAccount]:
        """Its accounts at banks; records from when there could be one only do not list it."""
        if self.bank_accounts or self.covered_until is None:
            return self.bank_accounts
        return [BankAccount(balance=self.balance, bank_account=self.bank_account, covered_until=self.covered_until,
                            statements=self.statements)]  # fmt: skip

    @property
    def last_line(self) -> int:
        """The highest number that a line of an imported statement can have."""
        return ((self.last + 1) << SHIFT) - 1

    @property
    def first_open_day(self) -> int:
        """Days since 1970; 0 if none was closed."""
        return day_of(self.closed_until) + 1 if self.closed_until else 0


def bank_of(names: list[str], code: str, number: str, another: bool) -> int:
    """The place among the accounts at banks of a ledger account, by their numbers, of the one that a statement with
    this number is of; a new one is added. Raises `ValueError` if it cannot be told which, or if nobody has said that it
    is `another`."""
    said = ", ".join(map(repr, names))
    if not number and len(names) > 1:
        raise ValueError(f"the statement does not say which account it is of: {code} stands for {said}")
    if names and (number in names or not number):
        return names.index(number) if number else 0
    if "" in names:  # it was not told until now
        names[names.index("")] = number
        return names.index(number)
    if names and not another:
        raise ValueError(
            f"the statement is of the account {number[:40]!r}, and {code} stands for {said}; name the ledger account "
            "that stands for it, or say that it is another account at a bank"
        )
    names.append(number)
    return len(names) - 1


def told(account: Record, place: int, number: str, balance: int, until: str) -> Record:
    """The account after a statement of its account at a bank at this place (see `bank_of`)."""
    banks = list(account.banks)
    before = banks[place] if place < len(banks) else None
    banks[place : place + 1] = [
        BankAccount(
            balance=balance, bank_account=before.bank_account or number if before else number, covered_until=until,
            statements=before.statements + 1 if before else 1,
        )
    ]  # fmt: skip
    return msgspec.structs.replace(
        account, balance=sum(one.balance for one in banks), bank_account=banks[0].bank_account, bank_accounts=banks,
        covered_until=min(one.covered_until for one in banks), statements=account.statements + 1,
    )  # fmt: skip


def day_of(text: str) -> int:
    """Days since 1970."""
    return date.fromisoformat(text).toordinal() - EPOCH


def text_of(day: int) -> str:
    return date.fromordinal(day + EPOCH).isoformat()


class Turn:
    """A run's turn at an account: what it writes builds on what it has read, so nobody else may change the account
    meanwhile. Of two runs at once the first one that writes goes on."""

    def __init__(self, tx: Tx, account: Record) -> None:
        self._id = account.id
        self._version = tx.version(account)

    async def account(self, tx: Tx) -> Record:
        """The account, for a unit that saves it. Raises 409 if somebody else has saved it."""
        account = await tx.get(ACCOUNT, self._id)
        if tx.version(account) != self._version:
            raise ApiError(
                "Another run or a change was made to this account at the same time. Match it again: what was done "
                "so far is kept.", status=409, code="lock_timeout",
            )  # fmt: skip
        return account

    def written(self) -> None:
        """The unit was committed."""
        self._version += 1


async def effective_on(tx: Tx, account: Record, day: int) -> int:
    """When an entry takes effect that belongs to this day (seconds): on it, unless it is closed or yet to come."""
    open_from = await closed_until(tx.world.engine, tx.scope.book)
    return min(max(max(day, account.first_open_day) * DAY, open_from), tx.now)


def check_own(tx: Tx) -> None:
    """The bank account is the platform's, and so are its statements."""
    if tx.scope.connected:
        raise invalid("Reconciliation belongs to the platform: leave the Stripe-Account header out.")


async def find(tx: Tx, code: str, currency: str) -> Record | None:
    return await tx.find(ACCOUNT, _id(code, currency))


async def named(tx: Tx, id: str, param: str = "account") -> Record:
    """By its id, or the code of a ledger account that is reconciled in one currency only."""
    if ":" not in id:
        return await tx.get(ACCOUNT, id, param)
    found = [one for one in await tx.every(ACCOUNT, MOST_ACCOUNTS) if one.ledger_account == id]
    if len(found) != 1:
        raise (
            invalid(f"{id} is reconciled in several currencies: name the account by its id.", param)
            if found
            else no_such("reconciliation account", id, param)
        )
    return found[0]


async def opened(tx: Tx, code: str, currency: str) -> Record:
    """The account that stands for this ledger account, made if there is none."""
    found = await find(tx, code, currency)
    if found is not None:
        return found
    number = (await tx.world.engine.rows(LAST))[0][0] + 1
    id = _id(code, currency)
    tx.claim(NEW, (number, tx.scope.number, code, currency, id))
    return tx.save(
        Record(id=id, created=tx.now, currency=currency, ledger_account=code, livemode=tx.scope.livemode, number=number)
    )


def _id(code: str, currency: str) -> str:
    """Two units that make the account of one code make the same record, so that the engine lets one commit."""
    return "racct_" + hashlib.sha256(f"{code}\0{currency}".encode()).hexdigest()[:24]


class ListParams(Params, frozen=True, kw_only=True):
    pass


async def listed(tx: Tx, params: ListParams) -> Wire:
    found = sorted(await tx.every(ACCOUNT, MOST_ACCOUNTS), key=lambda one: (one.ledger_account, one.currency))
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/reconciliation/accounts"}


def example() -> Record:
    return Record(id="racct_1", created=0, currency="usd", ledger_account=CASH, number=1)


ACCOUNT: Resource[Record] = Resource(
    object="reconciliation.account",
    noun="reconciliation account",
    prefix="racct",
    record=Record,
    shape=Account,
    example=example,
    doc="A ledger account that stands for an account at a bank, and how far it is reconciled. Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/reconciliation/accounts", run=listed, params=ListParams, kind="list",
             summary="List the accounts that have had a statement."),
        retrieve("/v1/reconciliation/accounts/{id}"),
    ),
)  # fmt: skip
RESOURCE = ACCOUNT
