"""The folder in which a simulated bank lives: its state, what it received, its statements.

    bank.msgpack                     the bank, between two commands
    received/000007-payouts.ach      every file that it took, as it took it
    statements/NUMBER/000012.json    every day that it closed
    inbox/0000031-returns.ach        what it answers, unless another place was named

The state is written last, in one rename. Before that only files are written whose names and bytes the state decides,
so a command that was killed is done again by the next one, to the same end. A file is moved into `received` before it
is looked at, under the number that it will have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from nostro.balances import calendar
from nostro.networks.bank.account import Account, current
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.statement import Closing, Line, Opening, Statement

from .lock import locked
from .trouble import Trouble

DEFAULT = Path(".nostro/bank")
STATE, LOCK = "bank.msgpack", "bank.lock"
PATIENCE = 60  # seconds that a command waits for another one
# What a bank that nobody set up begins with: number, currency, bank, balance in minor units.
FIRST = (
    ("000900900900", "usd", "091000019", 100_000_000),
    ("DE75512108001245126199", "eur", "SOGEDEFF", 100_000_000),
    ("GB33BUKB20201555555555", "gbp", "BUKBGB22", 100_000_000),
)


class Kept(Struct, kw_only=True):
    """What a folder holds of its bank. `inbox` is where its answers go, in the folder if it is relative; `carried` is
    the number of the last answer that was carried to a server."""

    bank: Bank
    inbox: str = "inbox"
    carried: int = 0


class BankFolder:
    """One at a time has it: see `opened`. `receipts`, `letters` and `closed` are what happened since it was opened."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self.path, self.kept = path, kept
        self.receipts: list[Receipt] = []
        self.letters: list[Path] = []
        self.closed: list[tuple[Opening, Closing]] = []

    @property
    def bank(self) -> Bank:
        return self.kept.bank

    @property
    def inbox(self) -> Path:
        return self.path / self.kept.inbox

    def receive(self, file: Path, *, keep: bool) -> None:
        """Take a file, and take it away from where it is unless it is to be kept there."""
        mine = self._place(file.name)
        if keep:
            _put(mine, file.read_bytes())
        else:
            _move(file, mine)
        self._take(mine.read_bytes(), file.name)

    def keep(self, content: bytes, name: str) -> None:
        """Take a file that came without one."""
        name = re.sub(r"[^A-Za-z0-9._-]", "-", name)[-80:]
        _put(self._place(name), content)
        self._take(content, name)

    def _place(self, name: str) -> Path:
        return self.path / "received" / f"{self.bank.files + 1:06d}-{name}"

    def _take(self, content: bytes, name: str) -> None:
        receipt, letters = take(self.bank, calendar, content, name)
        self.receipts.append(receipt)
        self._write(letters)

    def finish(self) -> None:
        """Take what a command that was killed had received."""
        for file in sorted((self.path / "received").glob("[0-9]*-*")):
            number, _, name = file.name.partition("-")
            if int(number) > self.bank.files:
                self._take(file.read_bytes(), name)

    def advance(self, until: int) -> Iterator[int]:
        """Each moment at which something arrived or a day closed, in seconds since 1970."""
        for each in advance(self.bank, calendar, until):
            if isinstance(each, Letter):
                self._write([each])
            else:
                self.closed.append((each.opening, each.closing))
                _put(self._statement(each.opening.account, int(each.opening.number)), msgspec.json.encode(each))
            yield self.bank.now

    def deposit(
        self, account: Account, amount: int, kind: str, on: date | None, payer: str, reference: str, description: str
    ) -> None:
        day = on or self.bank.days[account.currency].day
        line = Line(amount=amount, booked=day, valued=day, end_to_end=reference, code=kind, description=description,
                    counterparty=payer)  # fmt: skip
        deposit(self.bank, calendar, account.number, line)

    def statement(self, account: Account, number: int) -> Statement:
        """A closed day's by its number; the one of today, as far as it has come, has the next number."""
        if number == account.statements + 1:
            return current(account, self.bank.days[account.currency].day)
        try:
            return msgspec.json.decode(self._statement(account.number, number).read_bytes(), type=Statement)
        except FileNotFoundError:
            raise Trouble(f"The account {account.number} has no statement {number}.",
                          f"It has 1 to {account.statements}, and {account.statements + 1} of today."
                          ) from None  # fmt: skip

    def save(self) -> None:
        _put(self.path / STATE, msgspec.msgpack.encode(self.kept))

    def _statement(self, account: str, number: int) -> Path:
        return self.path / "statements" / account / f"{number:06d}.json"

    def _write(self, letters: list[Letter]) -> None:
        for letter in letters:
            _put(self.inbox / letter.name, letter.content)
            self.letters.append(self.inbox / letter.name)


def make(path: Path, terms: Terms, accounts: list[tuple[Account, int]], now: int, inbox: Path | None) -> None:
    """A new bank in a folder of its own. Raises `Trouble` if there is one."""
    _prepare(path)
    with locked(path / LOCK, PATIENCE):
        if (path / STATE).exists():
            raise Trouble(f"There is a bank in {path} already.", "Name another folder with --bank, or delete this one.")
        _new(path, terms, accounts, now, inbox).save()


@contextmanager
def opened(path: Path, now: int) -> Iterator[BankFolder]:
    """The folder's bank, saved in the end if all went well. A folder without one gets one, whose clock says `now`."""
    _prepare(path)
    with locked(path / LOCK, PATIENCE):
        folder = _loaded(path) if (path / STATE).exists() else _new(path, Terms(), _first(), now, None)
        folder.finish()
        yield folder
        folder.save()


def _loaded(path: Path) -> BankFolder:
    try:
        return BankFolder(path, msgspec.msgpack.decode((path / STATE).read_bytes(), type=Kept))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Trouble(f"The bank in {path} cannot be read: {error}", "It is of another version. Begin with a new one: "
                      "delete the folder, or name another with --bank.") from None  # fmt: skip


def _new(path: Path, terms: Terms, accounts: list[tuple[Account, int]], now: int, inbox: Path | None) -> BankFolder:
    bank = open_bank(now, terms)
    for account, balance in accounts or _first():
        open_account(bank, calendar, account, balance)
    return BankFolder(path, Kept(bank=bank, inbox=str(inbox.resolve()) if inbox else "inbox"))


def _first() -> list[tuple[Account, int]]:
    return [
        (Account(number=number, currency=currency, bank=bank), balance) for number, currency, bank, balance in FIRST
    ]


def _prepare(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if path == DEFAULT:
        (path.parent / ".gitignore").write_text("*\n")


def _put(file: Path, content: bytes) -> None:
    """Whole or not at all, for whoever looks at the folder meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)


def _move(file: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    try:
        file.replace(to)
    except OSError:  # from another file system
        _put(to, file.read_bytes())
        file.unlink()
