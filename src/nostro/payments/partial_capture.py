"""Partial capture: less is captured than was authorized. Two lines of the statement, and a refund that shows the rest.

The first line tells of all that was authorized, with the fee of that; the second takes back what was not captured, with
its part of the fee. Together they are what the charge's entry has moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nostro.balances import balance_transaction
from nostro.balances.balance_transaction import FeeDetail, Line
from nostro.storage.tx import Tx

from . import refund
from .processing_fee import processing_fee

if TYPE_CHECKING:
    from .charge import Record as Charge


def write(tx: Tx, charge: Charge, line: Line, fee: FeeDetail) -> balance_transaction.Record:
    """`line` is of what was captured, `fee` our own part of it, which somebody else may pay. Answers the first line's
    record with what both say together."""
    rest, id = charge.amount - line.amount, tx.new_id("re")
    whole = processing_fee(tx.world.settings.fees, charge.amount, charge.currency)
    fees = tuple(whole if one is fee else one for one in line.fees)
    first = balance_transaction.write(tx, msgspec.structs.replace(line, amount=charge.amount, fees=fees))
    back = (msgspec.structs.replace(fee, amount=fee.amount - whole.amount),) if fees != line.fees else ()
    second = balance_transaction.write(
        tx,
        msgspec.structs.replace(
            line, type="refund", reporting_category="partial_capture_reversal", amount=-rest, fees=back, source=id,
            booked=charge.id, before=line.amount, description=f"REFUND FOR CHARGE ({charge.description or charge.id})",
        ),
    )  # fmt: skip
    refund.release(tx, charge, rest, id=id, balance_transaction=second.id)
    tx.save(msgspec.structs.replace(first, taken_back=-second.net))
    return msgspec.structs.replace(
        first, amount=first.amount + second.amount, fee=first.fee + second.fee, net=first.net + second.net
    )
