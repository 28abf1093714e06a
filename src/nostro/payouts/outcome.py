"""What a file or an answer means for each payment, told to the payment by a job in its own scope.

The payments of one file belong to many accounts, and a unit of work has one scope. So the platform's unit records
what was said, beside the instruction, and puts on a job for each payment; the job is the payment's own unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from nostro.storage.tx import PUT_JOB, Tx

from .instruction import ANSWERED, Instruction

What = Literal["sent", "answered", "changed"]
# The object by its id's prefix; each has the jobs `payout.sent`, `payout.answered` and `payout.changed`.
KINDS = {"po": "payout", "tu": "topup", "bpo": "bulk_payout"}
SEPARATOR = "/"


async def tell_all(tx: Tx, payments: Iterable[Instruction], what: What, code: str | None = None) -> None:
    """Of a bulk payout each line is told what came back, and that it was sent only once for all."""
    for payment in payments:
        if code is not None:
            tx.write_row(ANSWERED, (code, None, tx.scope.book, payment.source, payment.reference))
        tell(tx, payment, what)


def tell(tx: Tx, payment: Instruction, what: What) -> None:
    kind = KINDS[payment.source.rpartition("_")[0]]
    ref = payment.source
    if payment.reference and what != "sent":
        ref = f"{ref}{SEPARATOR}{payment.reference}"
    tx.write_row(PUT_JOB, (payment.scope, f"{kind}.{what}", ref, tx.now))
    tx.unit.due = tx.now
