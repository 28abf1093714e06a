"""Importing: a file's statements, line by line into the table, and then all of them at once into being.

Lines are written in many units, beyond the account's last statement, where nobody sees them. The last unit makes the
statements and moves that mark; before it, nothing was imported. What an import leaves behind that was killed is
dropped by the next one of the account.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from datetime import date

import msgspec
from msgspec import Struct

from nostro.events.work import perform
from nostro.kernel.clock import EPOCH
from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.money import CURRENCIES, text
from nostro.networks.statement import Closing, Line, Opening, Piece
from nostro.storage.rows import RowWrite
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY, Scope, Unit
from nostro.storage.world import World

from . import account as accounts
from .account import SHIFT, day_of
from .account import Record as Account
from .line import COUNT, DROP, PUT, row_of
from .statement import Record, found, found_by

PART = 8_192  # lines in one unit
MOST = 10**15
BESIDE = "another import into the account ran at the same time. Import the file again"
MOST_LINES = 1 << SHIFT
Tell = Callable[[str, int, int], None]
_encode = msgspec.msgpack.Encoder().encode


class About(Struct, frozen=True, kw_only=True):
    """Of the file: where its money is in the ledger, how it is written, its SHA-256 and its name. `lines` is about how
    many it has, 0 if nobody knows."""

    ledger_account: str
    format: str
    file: str
    file_name: str | None = None
    lines: int = 0


class Imported(Struct, frozen=True):
    """`existing`: it was there before, and nothing was changed."""

    statement: Record
    existing: bool


class Chain(Struct):
    """Where the account's statements end, with those of this file that were read."""

    balance: int
    covered_until: str | None
    first_open_day: int
    last_number: str = ""


class Staged(Struct):
    """One statement of the file. `opening` is None until it is known; `read` counts also lines that are not booked."""

    account: Account
    place: int
    head: Opening
    opening: int | None
    opening_line: bool
    same_as: Record | None
    count: int = 0
    read: int = 0
    total: int = 0
    last: date | None = None
    closing: Closing | None = None
    content: str = ""


async def imported(
    world: World, scope: Scope, pieces: Iterable[Piece], about: About, tell: Tell | None = None
) -> list[Imported]:
    """Raises `ApiError` for whatever is wrong with the file; then nothing was imported."""
    known = await found(Tx(world, scope), 100, file=about.file)
    if known:
        return [Imported(one, True) for one in known]
    work = _Import(world, scope, about, tell or (lambda what, done, total: None))
    try:
        return await work.run(pieces)
    except ValueError as error:
        await work.drop()
        raise bad(str(error)) from error
    except BaseException:
        await work.drop()
        raise


def bad(what: str, code: str = "bank_statement_invalid") -> ApiError:
    return invalid(f"Nothing was imported: {what}.", "file", code)


class _Import:
    def __init__(self, world: World, scope: Scope, about: About, tell: Tell) -> None:
        self.world, self.scope, self.about, self.tell = world, scope, about, tell
        self.staged: list[Staged] = []
        self.chains: dict[int, Chain] = {}
        self.buffer: list[Line] = []
        self.digest = hashlib.sha256()
        self.done = 0

    async def run(self, pieces: Iterable[Piece]) -> list[Imported]:
        current: Staged | None = None
        for piece in pieces:
            if isinstance(piece, Line):
                assert current is not None
                self.buffer.append(piece)
                if len(self.buffer) == PART:
                    await self._flush(current)
            elif isinstance(piece, Opening):
                current = await self._open(piece)
            else:
                assert current is not None
                await self._flush(current)
                self._close(current, piece)
        if not self.staged:
            raise ValueError("there is no statement in the file")
        return await perform(self.world, self.scope, self._make)

    # One statement ---------------------------------------------------------------------

    async def _open(self, head: Opening) -> Staged:
        currency = head.currency.lower()
        if currency not in CURRENCIES:
            raise ValueError(f"the statement is in {head.currency[:20]!r}, which is no currency")
        account = await perform(self.world, self.scope, lambda tx: self._reserve(tx, currency, head.account))
        if account.number not in self.chains:
            self.chains[account.number] = Chain(account.balance, account.covered_until, account.first_open_day)
        self.digest = hashlib.sha256(_encode((head.account, currency, head.number)))
        chain = self.chains[account.number]
        staged = Staged(account, account.reserved, head, head.balance, False, await self._same(account, head))
        if staged.same_as is None and head.balance is not None:
            self._check_chain(chain, head.balance, head.date, currency)
            staged.opening_line = chain.covered_until is None and head.balance != 0
        self.staged.append(staged)
        return staged

    async def _reserve(self, tx: Tx, currency: str, bank_account: str) -> Account:
        """A place for a statement. With it this import begins in the account: whatever another one has left there, or
        is writing still, is dropped in the same unit."""
        accounts.check_own(tx)
        account = await accounts.opened(tx, self.about.ledger_account, currency)
        if account.bank_account and bank_account and account.bank_account != bank_account:
            raise ValueError(
                f"the statement is of the account {bank_account[:40]!r}, and {account.ledger_account} stands for "
                f"{account.bank_account!r}; name the ledger account that stands for it"
            )
        account = tx.save(msgspec.structs.replace(account, reserved=account.reserved + 1))
        if account.number not in self.chains:
            tx.write_row(DROP, (account.number, account.last_line, account.reserved << SHIFT))
        return account

    async def _same(self, account: Account, head: Opening) -> Record | None:
        """A statement that is there already and begins as this one does."""
        if head.balance is None or not head.number:
            return None
        same = await found(Tx(self.world, self.scope), numbered=_numbered(account, head))
        return same[0] if same and same[0].opening_balance == head.balance else None

    def _check_chain(self, chain: Chain, opening: int, day: date, currency: str) -> None:
        if chain.covered_until is None or opening == chain.balance:
            return
        stands = (
            f"it opens with {text(opening, currency)}, and the account closed with {text(chain.balance, currency)} on "
            f"{chain.covered_until}"
        )
        if day.isoformat() < chain.covered_until:
            raise bad(
                f"the statement begins on {day}, and the bank's word is known up to {chain.covered_until}: {stands}. "
                "Import a statement that begins where the last one ends", "bank_statement_overlap",
            )  # fmt: skip
        raise bad(f"{stands}. A statement is missing between them: import it first", "bank_statement_gap")

    async def _flush(self, staged: Staged) -> None:
        """Write the lines that were read; of a statement that is there already, only look whether it is the same."""
        lines, self.buffer = self.buffer, []
        if not lines:
            return
        self.digest.update(_encode(lines))
        staged.read += len(lines)
        lines = [line for line in lines if not line.pending]  # what is pending is in no balance
        if not lines:
            return
        self._look_at(staged, lines)
        first = (staged.place << SHIFT) + staged.count + 1
        staged.count += len(lines)
        self.done += len(lines)
        if staged.same_as is None:
            number, least = staged.account.number, self._least_day(staged)
            rows = [
                (PUT, row_of(number, first + n, max(line.booked.toordinal() - EPOCH, least), line))
                for n, line in enumerate(lines)
            ]
            await perform(self.world, self.scope, lambda tx: self._put(tx, staged, rows))
        self.tell("import", self.done, max(self.about.lines, self.done))
        await asyncio.sleep(0)  # others have their turn

    async def _put(self, tx: Tx, staged: Staged, rows: list[RowWrite]) -> None:
        """Lines are written as long as no other import has begun: that one would not know of them."""
        account = await tx.get(accounts.ACCOUNT, staged.account.id)
        if account.reserved != staged.place:
            raise bad(BESIDE, "bank_statement_overlap")
        tx.unit.rows += rows
        tx.save(account)

    def _least_day(self, staged: Staged) -> int:
        """A line that the bank dates back counts on a day whose balance was not told yet."""
        chain = self.chains[staged.account.number]
        return max(chain.first_open_day, day_of(chain.covered_until) if chain.covered_until else 0)

    def _look_at(self, staged: Staged, lines: list[Line]) -> None:
        covered = self.chains[staged.account.number].covered_until
        total = sum(line.amount for line in lines)
        last = max(line.booked for line in lines)
        if max(abs(line.amount) for line in lines) > MOST or abs(staged.total + total) > MOST:
            raise ValueError(f"the lines from {staged.count + 1} on hold an amount that is too large")
        if staged.count + len(lines) >= MOST_LINES:
            raise ValueError("the statement has too many lines")
        if staged.head.balance is None and covered is not None:
            first = min(line.booked for line in lines)
            if first.isoformat() <= covered and staged.same_as is None:
                raise bad(
                    f"the file has a booking of {first} and tells no balances, and what the bank said is known up to "
                    f"{covered}. Import what was booked later, or name the opening balance", "bank_statement_overlap",
                )  # fmt: skip
        staged.total += total
        staged.last = last if staged.last is None else max(last, staged.last)

    def _close(self, staged: Staged, end: Closing) -> None:
        chain, currency = self.chains[staged.account.number], staged.account.currency
        staged.closing, staged.content = end, self.digest.hexdigest()
        if staged.opening is None:
            staged.opening = chain.balance if end.balance is None else end.balance - staged.total
            if end.balance is not None:
                self._check_chain(chain, staged.opening, staged.head.date, currency)
                staged.opening_line = chain.covered_until is None and staged.opening != 0
        stands = staged.opening + staged.total
        if end.lines != staged.read:
            raise ValueError(f"the statement says that it has {end.lines} lines, and {staged.read} were read")
        if end.balance is not None and stands != end.balance:
            raise ValueError(
                f"the statement does not add up: {text(staged.opening, currency)} and its lines are "
                f"{text(stands, currency)}, and it closes with {text(end.balance, currency)}"
            )
        if staged.last is not None and staged.last > end.date:
            raise ValueError(f"a line is dated {staged.last}, and the statement ends on {end.date}")
        if staged.same_as is not None:
            if staged.same_as.content != staged.content:
                raise bad(
                    f"the statement {staged.head.number!r} of {staged.head.date} is there already and says something "
                    "else. Ask the bank which one is right", "bank_statement_overlap",
                )  # fmt: skip
            return
        if chain.covered_until is not None and end.date.isoformat() < chain.covered_until:
            raise bad(f"the statement ends on {end.date}, and what the bank said is known up to {chain.covered_until}",
                      "bank_statement_overlap")  # fmt: skip
        chain.balance, chain.covered_until, chain.last_number = stands, end.date.isoformat(), staged.head.number

    # All of them -----------------------------------------------------------------------

    async def _make(self, tx: Tx) -> list[Imported]:
        """The unit that imports: the statements come into being, and their accounts' marks move."""
        made: list[Imported] = []
        current: dict[str, Account] = {}
        for staged in self.staged:
            if staged.same_as is not None:
                made.append(Imported(staged.same_as, True))
                continue
            id = staged.account.id
            account = current.get(id) or await tx.get(accounts.ACCOUNT, id)
            made.append(Imported(await self._made(tx, staged, account), False))
            current[id] = tx.save(self._moved(staged, account))
        return made

    async def _made(self, tx: Tx, staged: Staged, account: Account) -> Record:
        assert staged.opening is not None and staged.closing is not None
        await self._check_alone(tx, staged, account)
        head, start = staged.head, staged.place << SHIFT
        if staged.opening_line:
            line = Line(amount=staged.opening, booked=head.date, valued=head.date, description="Opening balance")
            tx.write_row(PUT, row_of(account.number, start, head.date.toordinal() - EPOCH, line))
        record = Record(
            id=tx.new_id("bst"), created=tx.now, account=account.id, closed_on=staged.closing.date.isoformat(),
            closing_balance=staged.opening + staged.total, content=staged.content, currency=account.currency,
            file=self.about.file, file_name=self.about.file_name, format=self.about.format, lines=staged.count,
            livemode=tx.scope.livemode, number=head.number, opened_on=head.date.isoformat(),
            opening_balance=staged.opening, place=staged.place, found_by=found_by(account.number, staged.place),
            numbered=_numbered(account, head),
        )  # fmt: skip
        return tx.save(record, "reconciliation.statement.imported")

    async def _check_alone(self, tx: Tx, staged: Staged, account: Account) -> None:
        """That nobody else has imported into the account meanwhile."""
        start = staged.place << SHIFT
        rows = await tx.world.engine.rows(COUNT, (account.number, start, start + (1 << SHIFT)))
        before = account.balance if account.covered_until is not None else staged.opening
        if account.last > staged.place or before != staged.opening or rows[0][0] != staged.count:
            raise bad(BESIDE, "bank_statement_overlap")

    def _moved(self, staged: Staged, account: Account) -> Account:
        assert staged.opening is not None and staged.closing is not None
        return msgspec.structs.replace(
            account, balance=staged.opening + staged.total, bank_account=account.bank_account or staged.head.account,
            covered_until=staged.closing.date.isoformat(), last=staged.place, statements=account.statements + 1,
        )  # fmt: skip

    async def drop(self) -> None:
        """What was written is not wanted."""
        rows = [(DROP, (one.account.number, (one.place << SHIFT) - 1, (one.place + 1) << SHIFT)) for one in self.staged]
        if rows:
            await self.world.engine.commit(Unit(scope=NOBODY, micros=self.world.clock.micros(), rows=rows))


def _numbered(account: Account, head: Opening) -> str:
    """What the bank calls a statement, which it may do again in another year."""
    return f"{account.number}:{head.date}:{head.number}"
