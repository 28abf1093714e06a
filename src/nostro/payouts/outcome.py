"""What a file or an answer means for each payment, told to the payment by a job in its own scope.

The payments of one file belong to many accounts, and a unit of work has one scope. So the platform's unit records
what was said, beside the instruction, and puts on a job for each payment; the job is the payment's own unit. The
lines of one bulk payout share a job, because they share a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from nostro.storage.tx import Tx

from .instruction import ANSWERED, Instruction

What = Literal["sent", "settled", "answered", "changed"]
# The object by its id's prefix. Each has the jobs that it needs: `payout.sent`, `bulk_payout.settled` ...
KINDS = {"po": "payout", "tu": "topup", "bpo": "bulk_payout"}
WHOLE = ("sent", "changed")
"""What a bulk payout is not told: its lines are where their file is, and have no external account to correct."""
SEPARATOR = "/"


def tell(tx: Tx, payments: Iterable[Instruction], what: What, by: str) -> None:
    """`by` is the file or the answer."""
    for scope, source, bulk in dict.fromkeys((one.scope, one.source, bool(one.reference)) for one in payments):
        if bulk and what in WHOLE:
            continue
        kind, ref = KINDS[source.rpartition("_")[0]], f"{source}{SEPARATOR}{by}" if bulk else source
        tx.schedule(f"{kind}.{what}", ref, tx.now, scope=scope)


def fail(tx: Tx, payments: Iterable[Instruction], code: str, by: str) -> None:
    """None of these was paid, and each is told."""
    failing = [one for one in payments if one.code is None]
    for one in failing:
        tx.write_row(ANSWERED, (code, by, tx.scope.book, one.source, one.reference))
    tell(tx, failing, "answered", by)
