"""A small shop to audit: charges that fill pending and available, refunds that pass through a clearing account."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

from nostro.balances import balance_transaction
from nostro.balances.balance_transaction import Line
from nostro.events.work import perform
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, transfer
from nostro.kernel.resource import Resource, Stored
from nostro.ledger import chart
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

MERCHANT = "acct_shop"


class Giveback(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """A refund in miniature."""

    object: Literal["giveback"] = "giveback"
    status: Literal["pending", "succeeded"] = "pending"
    amount: int


def take(record: Giveback) -> tuple[Posting, ...]:
    return transfer(chart.available(MERCHANT), chart.refunds_payable("card"), record.amount, "usd")


def settle(record: Giveback) -> tuple[Posting, ...]:
    return transfer(chart.refunds_payable("card"), chart.receivable("card"), record.amount, "usd")


LIFE: Lifecycle[Giveback] = Lifecycle(
    Move("start", (), "pending", take), Move("settle", ("pending",), "succeeded", settle), rest=("succeeded",)
)
GIVEBACK: Resource[Giveback] = Resource(
    object="giveback", prefix="gb", record=Giveback, shape=Giveback, verbs=(), life=LIFE
)


class Shop:
    """What the tests do to the books. Each call is one unit."""

    def __init__(self, world: World, scope: Scope) -> None:
        self.world = world
        self.scope = scope
        self.charges = 0

    @property
    def engine(self) -> SqliteEngine:
        assert isinstance(self.world.engine, SqliteEngine)
        return self.world.engine

    @property
    def file(self) -> Path:
        return self.engine.file

    async def do(self, run: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await perform(self.world, self.scope, run)

    async def charge(self, amount: int, currency: str = "usd", fee: int = 30) -> str:
        """Take a payment that is available at once."""
        self.charges += 1
        id = f"ch_{self.charges}"

        async def run(tx: Tx) -> None:
            net = transfer(chart.receivable("card"), chart.available(MERCHANT), amount, currency)
            cost = transfer(chart.available(MERCHANT), chart.FEES, fee, currency)
            tx.post("charge.capture", id, (*net, *cost))
            fees = (balance_transaction.FeeDetail(amount=fee, currency=currency),)
            line = Line(type="charge", amount=amount, currency=currency, source=id, available_on=tx.now, fees=fees)
            balance_transaction.write(tx, line)

        await self.do(run)
        return id

    async def refund(self, amount: int) -> str:
        async def run(tx: Tx) -> str:
            record = tx.move(Giveback(id=tx.new_id("gb"), created=tx.now, amount=amount), LIFE["start"])
            line = Line(type="refund", amount=-amount, currency="usd", source=record.id, available_on=tx.now)
            balance_transaction.write(tx, line)
            return record.id

        id: str = await self.do(run)
        return id

    async def settle(self, id: str) -> None:
        async def run(tx: Tx) -> None:
            tx.move(await tx.get(GIVEBACK, id), LIFE["settle"])

        await self.do(run)
