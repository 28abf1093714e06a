"""Random histories of two bank accounts: entries, statements, runs, what people do; and what must be true after each.

Lines tell entries truly, late, twice, with a typo, in parts, together, or not at all; and some tell what the ledger
does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from nostro.app import make_world
from nostro.controls.api_key import sandbox
from nostro.events.work import perform
from nostro.kernel.clock import DAY, SECOND, ManualClock, utc_date
from nostro.kernel.errors import ApiError
from nostro.kernel.ids import Ids
from nostro.kernel.posting import transfer
from nostro.kernel.resource import NoParams
from nostro.kernel.settings import Settings
from nostro.ledger import chart
from nostro.ledger.audit import verify
from nostro.networks.statement import Closing, Line, Opening, Piece
from nostro.reconciliation import break_, day, importing, match, run
from nostro.reconciliation.account import Record, day_of, find, text_of
from nostro.reconciliation.line import line_id
from nostro.storage.engine import Engine
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

START = 1_790_035_200 - 1_790_035_200 % DAY


class History:
    """One sandbox and its accounts at two banks. `told` is what each bank has still to book: day, amount, reference;
    `owed` what the ledger has. `balance` and `covered` are what each has said last."""

    def __init__(self, world: World, scope: Scope, clock: ManualClock, random: Random) -> None:
        self.world, self.scope, self.clock, self.random = world, scope, clock, random
        self.told: tuple[list[tuple[date, int, str]], ...] = ([], [])
        self.balance = [random.choice([0, 0, 12_345]), random.choice([0, 700])]
        self.covered = [self.today - timedelta(days=1)] * 2
        self.numbers = [0, 0]
        self.second = random.random() < 0.6
        self.owed: list[tuple[int, str]] = []
        self.statements = self.entries = 0

    @property
    def today(self) -> date:
        return utc_date(self.clock.micros() // SECOND)

    async def do(self, verb: Any) -> Any:
        return await perform(self.world, self.scope, verb)

    async def account(self) -> Record | None:
        return await find(Tx(self.world, self.scope), chart.CASH, "usd")

    # What happens -------------------------------------------------------------------------

    async def book(self) -> None:
        """The ledger books cash, and the bank will tell of it in one way or another."""
        random = self.random
        self.entries += 1
        reference = f"REF-{self.entries:05}" if random.random() < 0.8 else ""
        amount = random.choice([-1, 1]) * random.randint(100, 9_999)
        if random.random() < 0.15:  # the bank is first
            self.told[self.bank].append((self.today, amount, reference))
            self.owed.append((amount, reference))
            return
        known = bool(self.owed) and random.random() < 0.3
        if known:
            amount, reference = self.owed.pop(0)
        back = random.choice([0, 0, 0, 1, 3]) * DAY
        effective = self.clock.micros() // SECOND - back

        async def post(tx: Tx) -> None:
            lines = transfer(chart.CASH, chart.FEES, amount, "usd")
            tx.post("test.cash", f"thing{self.entries}", lines, description=reference or None, effective=effective)

        await self.do(post)
        if not known:
            self.tell_of(amount, reference)

    async def move(self) -> None:
        """Money goes from one bank to the other; the ledger has nothing of it."""
        amount, days = self.random.randint(100, 999), self.random.choice([0, 1, 2])
        if self.second:
            self.told[0].append((self.today, -amount, ""))
            self.told[1].append((self.today + timedelta(days=days), amount, ""))

    def tell_of(self, amount: int, reference: str) -> None:
        random = self.random
        on = self.today + timedelta(days=random.choice([0, 0, 1, 2, 14]))
        tell = self.told[self.bank].append
        match random.randrange(12):
            case 0:
                pass
            case 1:
                tell((on, amount, reference)), tell((on, amount, reference))
            case 2:
                tell((on, amount + 90, reference))
            case 3:
                tell((on, amount // 3, reference)), tell((on, amount - amount // 3, reference))
            case 4:
                tell((on, amount, reference[:-1] + "X"))
            case 5:
                (
                    tell((on, random.randint(-999, 999) or 5, random.choice(["", "STRANGE-77"]))),
                    tell((on, amount, reference)),
                )
            case _:
                tell((on, amount, reference))

    @property
    def bank(self) -> int:
        """The one that the next thing happens at."""
        return self.random.randrange(2) if self.second else 0

    def pieces(self, bank: int) -> Iterator[Piece]:
        due = [one for one in self.told[bank] if one[0] <= self.today]
        self.told[bank][:] = [one for one in self.told[bank] if one[0] > self.today]
        self.statements += 1
        self.numbers[bank] += 1
        number = str(self.numbers[bank])  # the banks number their statements alike
        yield Opening(
            account=f"{bank + 1}", currency="usd", number=number, balance=self.balance[bank], date=self.covered[bank]
        )
        for on, amount, reference in due:
            booked = on if self.random.random() < 0.9 else on - timedelta(days=2)
            self.balance[bank] += amount
            yield Line(amount=amount, booked=booked, valued=on, end_to_end=reference, description="x")
        yield Closing(balance=self.balance[bank], date=self.today, lines=len(due))

    async def statement(self) -> None:
        """Of one bank; not of a day that is closed."""
        account, bank = await self.account(), self.bank
        if account and account.closed_until and account.closed_until >= self.today.isoformat():
            return
        pieces = list(self.pieces(bank))
        about = importing.About(
            ledger_account=chart.CASH, format="test", file=f"file{self.statements}", another=self.second
        )
        made = await importing.imported(self.world, self.scope, pieces, about)
        assert [one.existing for one in made] == [False]
        again = await importing.imported(self.world, self.scope, pieces, about)
        assert again[0].existing and again[0].statement == made[0].statement
        self.covered[bank] = self.today

    async def run(self) -> None:
        if account := await self.account():
            await run.matched(self.world, self.scope, account.id)

    async def wait(self) -> None:
        self.clock.advance(self.random.choice([3600, DAY, DAY, 3 * DAY]))

    async def undo(self) -> None:
        account = await self.account()
        if account and account.matches:
            id = f"bmt_{account.number}-{self.random.randint(max(1, account.matches - 4), account.matches)}"
            await self.perhaps(lambda tx: match.undo(tx, match.UndoParams(match=id, by="ada", reason="wrong")))

    async def by_hand(self) -> None:
        """Two breaks are matched with one another, whatever they are."""
        found = await self.open_breaks()
        chosen = self.random.sample(found, min(len(found), self.random.randint(1, 3)))
        account = await self.account()
        if account and chosen:
            params = match.CreateParams(
                account=account.id, lines=[one for b in chosen for one in b.lines], by="ada", reason="same",
                entries=[one for b in chosen for one in b.entries], book_as="write_off",
            )  # fmt: skip
            await self.perhaps(lambda tx: match.create(tx, params))

    async def resolve(self) -> None:
        found = await self.open_breaks()
        if found:
            id = self.random.choice(found).id
            params = break_.ResolveParams(book_as="bank_fee", by="ada", reason="a fee")

            async def verb(tx: Tx) -> Any:
                return await break_.resolve(tx, await tx.get(break_.BREAK, id), params)

            await self.perhaps(verb)

    async def close(self) -> None:
        account = await self.account()
        if account is None or account.covered_until is None:
            return
        on = date.fromisoformat(account.covered_until) - timedelta(days=self.random.randint(0, 3))

        async def verb(tx: Tx) -> Any:
            drawn = await day.create(tx, day.CreateParams(account=account.id, date=on.isoformat()))
            return drawn.id

        id = await self.perhaps(verb)

        async def end(tx: Tx) -> Any:
            return await day.close(tx, await tx.get(day.DAY_RESOURCE, id), day.CloseParams(by="ada"))

        if id:
            await self.perhaps(end)

    async def perhaps(self, verb: Any) -> Any:
        """A refusal is an answer; nothing else is."""
        try:
            return await self.do(verb)
        except ApiError as error:
            if error.code is None:
                raise
            return None

    async def open_breaks(self) -> list[break_.Record]:
        return await Tx(self.world, self.scope).all(break_.BREAK, {"status": "open"}, 1000)

    # What is true ---------------------------------------------------------------------------

    async def check(self) -> None:
        account = await self.account()
        if account is None:
            return
        await self._check_owners(account)
        await self._check_days(account)

    async def _check_owners(self, account: Record) -> None:
        """What a run has seen belongs to the one match or break that names it; and to no other."""
        rows = self.world.engine.rows
        lines = dict(await rows("SELECT line, owner FROM bank_line_owner WHERE account=?", (account.number,)))
        entries = dict(await rows("SELECT entry, owner FROM cash_entry_owner WHERE account=?", (account.number,)))
        every = {line for (line,) in await rows("SELECT line FROM bank_line WHERE account=?", (account.number,))}
        assert {line for line in every if line <= account.lines_done} <= set(lines) <= every, "a line is nobody's"
        named: tuple[dict[int, list[str]], ...] = ({}, {})
        for owner, *members in await self._owners(account):
            for kind, numbers in zip(named, members, strict=True):
                for number in numbers:
                    kind.setdefault(number, []).append(owner)
        assert named == tuple({number: [owner] for number, owner in kind.items()} for kind in (lines, entries))

    async def _owners(self, account: Record) -> list[tuple[str, list[int], list[int]]]:
        """Matches that hold and breaks that no match has ended, with their lines and entries."""
        tx = Tx(self.world, self.scope)
        found: list[tuple[str, list[int], list[int]]] = []
        for number in range(1, account.matches + 1):
            row = await match.by_number(tx, account, number)
            record = await tx.find(match.MATCH, f"bmt_{account.number}-{number}")
            assert row is not None
            if record is None or record.status == "matched":
                found.append((str(number), row.members.lines, row.members.entries))
        for b in await tx.all(break_.BREAK, {}, 10_000):
            if b.status in ("open", "resolved"):
                assert b.lines == [line_id(account.number, line) for line in b.line_numbers]
                found.append((b.id, b.line_numbers, b.entry_numbers))
        return found

    async def _check_days(self, account: Record) -> None:
        """Whatever day is drawn up, the bank's balance is the ledger's but for the differences that are named."""
        assert account.covered_until is not None
        last, first = day_of(account.covered_until), max(account.first_open_day, day_of(account.covered_until) - 6)
        for on in range(first, last + 1):
            tx = Tx(self.world, self.scope)
            text = text_of(on)
            drawn = await day._drawn(tx, account, text, "rday_x")
            if not drawn.unmatched_lines:
                assert drawn.balanced, drawn
            if on == last and len({one.covered_until for one in account.banks}) == 1:
                assert drawn.closing_balance == account.balance
        for one in account.banks:
            assert one.balance == self.balance[int(one.bank_account) - 1]
        assert account.balance == sum(one.balance for one in account.banks)
        for closed in await Tx(self.world, self.scope).all(day.DAY_RESOURCE, {"status": "closed"}, 100):
            verdict = await day.verify(Tx(self.world, self.scope), closed, NoParams())
            assert verdict.ok, verdict
            later = "SELECT entry FROM ledger_entry WHERE entry>? AND effective<? AND kind LIKE 'reconciliation.%'"
            assert not await self.world.engine.rows(later, (closed.last_entry, (day_of(closed.date) + 1) * DAY))

    async def check_books(self) -> None:
        assert await verify(self.world.engine, self.world.registry) == []


async def history(seed: int, file: Path, engine: Engine | None = None) -> History:
    clock = ManualClock(START * SECOND)
    settings = Settings(dev=True, durable=False, database=f"sqlite:///{file}")
    world = await make_world(settings, clock=clock, ids=Ids(seed=seed), engine=engine)
    return History(world, await sandbox(world, f"history{seed}"), clock, Random(seed))
