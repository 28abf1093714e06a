"""Bulk payout: many payments to other people's bank accounts, sent in files, under one reference and one currency.

It is one merchant's. Its payments are lines: rows of `payment_instruction`, each good for one by its own reference,
not objects of their own, so that a million take minutes. The ledger moves the sum of what is added, of what settles
with a file and of what one answer sends back; the lines say whose it was. More can be added under the same reference
at any time.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.balances import balance_transaction
from nostro.balances.balance_transaction import Line, Type
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, credit, debit, transfer
from nostro.kernel.resource import Filter, Resource, Stored, listing, retrieve
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .outcome import SEPARATOR

IN_FILE = (
    "SELECT coalesce(sum(amount),0) FROM payment_instruction WHERE book=? AND file=? AND source=? AND reference<>''"
)
BACK = (
    "SELECT file, sum(amount), count(*) FROM payment_instruction WHERE book=? AND answer=? AND source=? "
    "GROUP BY file ORDER BY file"
)
Status = Literal["pending", "completed"]


class BulkPayout(Stored, frozen=True, kw_only=True):
    """Amounts in minor units. `amount` is of all `lines`; of it `settled_amount` was paid, `failed_amount` came back,
    and the rest is on its way. What came back after it was paid is in `failed_amount` only."""

    object: Literal["bulk_payout"] = "bulk_payout"
    amount: int = 0
    currency: str
    failed_amount: int = 0
    failed_lines: int = 0
    lines: int = 0
    livemode: bool = False
    reference: str
    settled_amount: int = 0
    status: Status


class Record(BulkPayout, frozen=True, kw_only=True, omit_defaults=True):
    """`step` is what the last move moved. `settled` are the files that have settled, `early` what came back of a file
    that has not."""

    merchant: str
    step: int = 0
    settled: tuple[str, ...] = ()
    early: dict[str, int] = {}

    @property
    def on_its_way(self) -> int:
        return self.amount - self.settled_amount - self.failed_amount


# Money -----------------------------------------------------------------------


def send_out(b: Record) -> tuple[Posting, ...]:
    """What is added leaves the available balance, if there is so much, and is on its way."""
    return (
        debit(chart.available(b.merchant), b.step, b.currency, "balance_insufficient"),
        credit(chart.in_transit(b.merchant), b.step, b.currency),
    )


def reach_bank(b: Record) -> tuple[Posting, ...]:
    """A file's day has come: the banks have what did not come back."""
    return transfer(chart.in_transit(b.merchant), chart.CASH, b.step, b.currency)


def come_back(b: Record) -> tuple[Posting, ...]:
    """It never reached the bank: it is available again."""
    return transfer(chart.in_transit(b.merchant), chart.available(b.merchant), b.step, b.currency)


def return_(b: Record) -> tuple[Posting, ...]:
    """The bank had it and sends it back: it is available again."""
    return transfer(chart.CASH, chart.available(b.merchant), b.step, b.currency)


# Life ------------------------------------------------------------------------

M = Move[Record]
UPDATED, DONE = ("bulk_payout.updated",), ("bulk_payout.completed",)
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move            from                      to           posts       emits
    M("create",        (),                       "pending",   send_out,   ("bulk_payout.created",), "The first lines."),
    M("add",           ("pending", "completed"), "pending",   send_out,   meaning="More lines."),
    M("settle",        ("pending",),             "pending",   reach_bank, UPDATED, "A file of it has settled."),
    M("complete",      ("pending",),             "completed", reach_bank, DONE, "Its last file has settled."),
    M("fail",          ("pending",),             "pending",   come_back,  UPDATED, "Lines never reached the bank."),
    M("fail_all",      ("pending",),             "completed", come_back,  DONE, "The last lines never reached it."),
    M("return",        ("pending",),             "pending",   return_,    UPDATED, "The bank sent lines back."),
    M("return_late",   ("completed",),           "completed", return_,    UPDATED, "The same, when all was paid."),
    rest=("completed",),
)
# fmt: on


def add(tx: Tx, found: Record | None, reference: str, currency: str, amounts: list[int]) -> Record:
    """Lines of these amounts under the reference, whose bulk payout is `found` if there is one."""
    step = sum(amounts)
    before = found or Record(
        id=tx.new_id("bpo"), created=tx.now, livemode=tx.scope.livemode, currency=currency, reference=reference,
        status="pending", merchant=tx.merchant,
    )  # fmt: skip
    _line(tx, before, "payout", -step)
    return tx.move(
        before, LIFE["create" if found is None else "add"], step=step, amount=before.amount + step,
        lines=before.lines + len(amounts),
    )  # fmt: skip


def _line(tx: Tx, bulk: Record, type: Type, amount: int) -> None:
    balance_transaction.write(
        tx, Line(type=type, amount=amount, currency=bulk.currency, source=bulk.id, available_on=tx.now,
                 description=f"BULK PAYOUT ({bulk.id})"),
    )  # fmt: skip


async def settled_job(tx: Tx, ref: str) -> None:
    """Job `bulk_payout.settled`: the banks have what was in a file, but for what came back before."""
    id, file = ref.split(SEPARATOR)
    bulk = await tx.get(BULK_PAYOUT, id)
    if file in bulk.settled:
        return
    rows = await tx.world.engine.rows(IN_FILE, (tx.scope.book, file, id))
    step = int(rows[0][0]) - bulk.early.get(file, 0)
    early = {name: amount for name, amount in bulk.early.items() if name != file}
    bulk = msgspec.structs.replace(bulk, settled=(*bulk.settled, file), early=early)
    if step == 0:
        tx.save(bulk)
    else:
        move = LIFE["complete" if step == bulk.on_its_way else "settle"]
        tx.move(bulk, move, step=step, settled_amount=bulk.settled_amount + step)


async def answered_job(tx: Tx, ref: str) -> None:
    """Job `bulk_payout.answered`: what one answer has sent back, of files that have settled and of those that have
    not."""
    id, answer = ref.split(SEPARATOR)
    bulk = await tx.get(BULK_PAYOUT, id)
    rows = [(file, int(amount), int(count))
            for file, amount, count in await tx.world.engine.rows(BACK, (tx.scope.book, answer, id))]  # fmt: skip
    early = {file: amount for file, amount, _ in rows if file not in bulk.settled}
    before, after = sum(early.values()), sum(amount for file, amount, _ in rows if file in bulk.settled)
    if not rows:
        return
    _line(tx, bulk, "payout_failure", before + after)
    bulk = msgspec.structs.replace(
        bulk, failed_lines=bulk.failed_lines + sum(count for _, _, count in rows),
        early={file: bulk.early.get(file, 0) + early.get(file, 0) for file in {*bulk.early, *early}},
    )  # fmt: skip
    if before:
        move = LIFE["fail_all" if before == bulk.on_its_way else "fail"]
        bulk = tx.move(bulk, move, step=before, failed_amount=bulk.failed_amount + before)
    if after:
        move = LIFE["return" if bulk.status == "pending" else "return_late"]
        tx.move(bulk, move, step=after, failed_amount=bulk.failed_amount + after,
                settled_amount=bulk.settled_amount - after)  # fmt: skip


def example() -> Record:
    return Record(
        id="bpo_1", created=0, amount=2000, currency="usd", lines=2, reference="november", status="pending",
        merchant="acct_1", step=2000,
    )  # fmt: skip


BY_REFERENCE, BY_STATUS = Filter("reference"), Filter("status", wide=True)
BULK_PAYOUT: Resource[Record] = Resource(
    object="bulk_payout",
    noun="bulk payout",
    prefix="bpo",
    record=Record,
    shape=BulkPayout,
    life=LIFE,
    example=example,
    doc="Many payments to other people's bank accounts, under one reference. Beyond Stripe's API.",
    verbs=(
        listing("/v1/bulk_payouts", BY_REFERENCE, BY_STATUS),
        retrieve("/v1/bulk_payouts/{id}"),
    ),
)
RESOURCE: Resource[Any] = BULK_PAYOUT
