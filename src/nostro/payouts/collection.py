"""Top-ups that a bank file collects: a debit to the merchant's own bank account, in a file of the platform's.

The money counts when the banks can no longer send the debit back for want of funds, two days after it has settled. It
can still be returned later: then it is taken back.
"""

from __future__ import annotations

import msgspec

from nostro.balances.calendar import business_midnight
from nostro.connect.external_account import EXTERNAL_ACCOUNT
from nostro.connect.originating_account import file_day, of_platform
from nostro.storage.tx import Tx

from . import topup
from .bank_file import expect_build
from .instruction import find, instruct, receiver_of
from .origination import correct, failure, message
from .payout import BANK_DAYS
from .topup import LIFE, TOPUP


async def send_job(tx: Tx, id: str) -> None:
    """Job `topup.send`: the cut-off. Its debit goes into the next file; without its account it fails."""
    found = await tx.get(TOPUP, id)
    if found.status != "pending" or found.instructed:
        return
    bank = await tx.find(EXTERNAL_ACCOUNT, found.bank or "")
    receiver = None if bank is None else receiver_of(bank, found.merchant, found.statement_descriptor)
    if receiver is None:
        tx.move(found, LIFE["fail"], failure_code="no_account", failure_message=topup.MESSAGES["no_account"])
        return
    origin = await of_platform(tx, found.through or "")
    instruct(tx, id, origin.id, tx.now, found.amount, receiver, debit=True)
    expect_build(tx, origin, tx.now)
    tx.save(msgspec.structs.replace(found, instructed=True))


async def sent_job(tx: Tx, id: str) -> None:
    """Job `topup.sent`: its file was handed over."""
    found = await tx.get(TOPUP, id)
    if found.status == "pending":
        origin = await of_platform(tx, found.through or "")
        days = origin.settlement_days + BANK_DAYS
        arrives = business_midnight(found.currency, file_day(origin, tx.now), days)
        tx.save(msgspec.structs.replace(found, expected_availability_date=arrives))
        tx.schedule(topup.ARRIVE, id, arrives)


async def answered_job(tx: Tx, id: str) -> None:
    """Job `topup.answered`: the debit came back, before it was counted or after."""
    found, instruction = await tx.get(TOPUP, id), await find(tx, id)
    if instruction is None or instruction.code is None or found.status not in ("pending", "succeeded"):
        return
    code, why = failure(instruction.code), message(instruction.code)
    tx.unschedule(topup.ARRIVE, id)
    if found.status == "pending":
        tx.move(found, LIFE["fail"], failure_code=code, failure_message=why)
    else:
        topup.take_back(tx, found, code, why)


async def changed_job(tx: Tx, id: str) -> None:
    """Job `topup.changed`: the bank says how the account is to be named from now on."""
    await correct(tx, id, (await tx.get(TOPUP, id)).bank)
