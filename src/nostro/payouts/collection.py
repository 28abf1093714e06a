"""Top-ups that a bank file collects: a debit to the merchant's own bank account, in a file of the platform's.

The money counts when the banks can no longer send the debit back for want of funds, two to five days after it has
settled, as the scheme says. It can still be returned later: then it is taken back.
"""

from __future__ import annotations

import msgspec

from nostro.balances.calendar import business_midnight
from nostro.connect.external_account import EXTERNAL_ACCOUNT
from nostro.connect.originating_account import file_day, of_platform
from nostro.storage.tx import Tx

from . import topup
from .bank_file import expect_build
from .bank_formats import days_more, refusal
from .instruction import debited, find, instruct_debit
from .origination import correct, failure, forget_debit
from .topup import LIFE, TOPUP, days_to_count


async def send_job(tx: Tx, id: str) -> None:
    """Job `topup.send`: the cut-off. Its debit goes into the next file; without its account it fails."""
    found = await tx.get(TOPUP, id)
    if found.status != "pending" or found.instructed:
        return
    bank = await tx.find(EXTERNAL_ACCOUNT, found.bank or "")
    receiver = None if bank is None else debited(bank, found.merchant, found.statement_descriptor)
    if bank is None or receiver is None:
        tx.move(found, LIFE["fail"], failure_code="no_account", failure_message=topup.MESSAGES["no_account"])
        return
    origin = await of_platform(tx, found.through or "")
    why = refusal(origin, receiver, found.amount, debit=True)
    if why is not None:
        tx.move(found, LIFE["fail"], failure_code=why.code, failure_message=why.text)
        return
    instruct_debit(tx, id, origin.id, tx.now, found.amount, receiver, bank)
    expect_build(tx, origin, tx.now)
    tx.save(msgspec.structs.replace(found, instructed=True))


async def sent_job(tx: Tx, id: str) -> None:
    """Job `topup.sent`: its file was handed over."""
    found, instruction = await tx.get(TOPUP, id), await find(tx, id)
    if found.status == "pending" and instruction is not None:
        origin = await of_platform(tx, found.through or "")
        days = days_to_count(origin) + days_more(origin, instruction.receiver)
        arrives = business_midnight(found.currency, file_day(origin, tx.now), days)
        tx.save(msgspec.structs.replace(found, expected_availability_date=arrives))
        tx.schedule(topup.ARRIVE, id, arrives)


async def answered_job(tx: Tx, id: str) -> None:
    """Job `topup.answered`: the debit came back, before it was counted or after."""
    found, instruction = await tx.get(TOPUP, id), await find(tx, id)
    if instruction is None or instruction.code is None or found.status not in ("pending", "succeeded"):
        return
    code, why = failure(instruction)
    tx.unschedule(topup.ARRIVE, id)
    await forget_debit(tx, instruction, found.bank)
    if found.status == "pending":
        tx.move(found, LIFE["fail"], failure_code=code, failure_message=why)
    else:
        topup.take_back(tx, found, code, why)


async def changed_job(tx: Tx, id: str) -> None:
    """Job `topup.changed`: the bank says how the account is to be named from now on."""
    await correct(tx, id, (await tx.get(TOPUP, id)).bank)
