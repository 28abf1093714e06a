"""Payouts through a bank file: handed over at the cut-off, told what became of them, failed, returned, corrected.

Each function is the unit of one payout, in its own scope: what the platform's file or the bank's answer said stands in
its instruction.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from nostro.balances.calendar import business_midnight
from nostro.connect.bank import Record as BankAccount
from nostro.connect.external_account import EXTERNAL_ACCOUNT
from nostro.connect.external_form import fingerprint
from nostro.connect.originating_account import file_day, of_platform
from nostro.networks.ach_codes import RETURNS
from nostro.networks.bacs.codes import REASONS as BACS_REASONS
from nostro.networks.bacs.codes import Reason
from nostro.networks.iso20022.reasons import REASONS
from nostro.storage.tx import Tx

from . import payout
from .bank_file import expect_build
from .bank_formats import days_more, refusal
from .file_format import Refusal
from .instruction import Instruction, Receiver, debited, find, instruct, instruct_debit, receiver_of
from .payout import LIFE, PAYOUT, TraceId

# What Stripe calls the reasons for which banks send payments back. Those of the files' own are here too.
FAILURE_CODES = {
    "R01": "insufficient_funds", "R02": "account_closed", "R03": "no_account", "R04": "invalid_account_number",
    "R05": "debit_not_authorized", "R07": "debit_not_authorized", "R08": "declined",
    "R10": "debit_not_authorized", "R12": "bank_ownership_changed", "R13": "invalid_account_number",
    "R16": "account_frozen", "R17": "invalid_account_number", "R20": "bank_account_restricted",
    "R23": "declined", "R29": "debit_not_authorized",
    "AC01": "invalid_account_number", "AC03": "invalid_account_number", "AC04": "account_closed",
    "AC06": "account_frozen", "AG01": "bank_account_restricted", "AM04": "insufficient_funds",
    "BE01": "incorrect_account_holder_name", "MD01": "debit_not_authorized", "MS03": "declined",
    "RC01": "invalid_account_number",
    "ARUCS 0": "invalid_account_number", "ARUCS 3": "bank_ownership_changed", "ARUCS 5": "no_account",
    "ARUCS B": "account_closed", "ARUCS C": "declined",
    "ARUDD 0": "insufficient_funds", "ARUDD 1": "debit_not_authorized", "ARUDD 3": "bank_ownership_changed",
    "ARUDD 5": "no_account", "ARUDD 6": "debit_not_authorized", "ARUDD A": "debit_not_authorized",
    "ARUDD B": "account_closed",
}  # fmt: skip
WRONG_NUMBER = "invalid_account_number"
BACS: Mapping[str, Mapping[str, Reason]] = dict(BACS_REASONS.items())
OTHER = "could_not_process"
OWN = {
    "rejected": "The bank refused the file that the payment was in.",
    "withdrawn": "The file that the payment was in was withdrawn before it was sent.",
}


async def send_job(tx: Tx, id: str) -> None:
    """Job `payout.send`: the cut-off. With a file the bank is instructed, and the payout waits for it to be sent."""
    found = await tx.get(PAYOUT, id)
    if found.through is None:
        await payout.send_job(tx, id)
        return
    if found.status != "pending" or found.instructed:
        return
    origin = await of_platform(tx, found.through)
    bank = await tx.find(EXTERNAL_ACCOUNT, found.destination or "")
    receiver = None if bank is None else _receiver(found, bank)
    why = refusal(origin, receiver, abs(found.amount), debit=found.amount < 0)
    if why is not None:
        await payout.fail(tx, found, *why, TraceId(status="unsupported"), errored=why.code == WRONG_NUMBER)
        return
    assert receiver is not None and bank is not None, "a payout to nobody was let through"
    if found.amount < 0:
        instruct_debit(tx, id, origin.id, tx.now, -found.amount, receiver, bank)
    else:
        instruct(tx, id, origin.id, tx.now, found.amount, receiver)
    expect_build(tx, origin, tx.now)
    tx.save(msgspec.structs.replace(found, instructed=True))


def _receiver(found: payout.Record, bank: BankAccount) -> Receiver | None:
    if found.amount < 0:
        return debited(bank, found.merchant, "REVERSAL")
    return receiver_of(bank, found.merchant, found.statement_descriptor)


async def sent_job(tx: Tx, id: str) -> None:
    """Job `payout.sent`: its file was handed over. It arrives when the banks settle, later if the file was late."""
    found = await tx.get(PAYOUT, id)
    instruction = await find(tx, id)
    if found.status != "pending" or instruction is None:
        return
    origin = await of_platform(tx, instruction.account)
    days = origin.settlement_days + days_more(origin, instruction.receiver)
    settles = business_midnight(found.currency, file_day(origin, tx.now), days)
    arrives = max(found.arrival_date, settles)
    trace = TraceId(status="supported", value=instruction.trace)
    tx.move(found, LIFE["send"], trace_id=trace, arrival_date=arrives)
    tx.schedule("payout.arrive", id, arrives)


async def answered_job(tx: Tx, id: str) -> None:
    """Job `payout.answered`: the bank has sent it back, whether it was paid already or not."""
    found = await tx.get(PAYOUT, id)
    instruction = await find(tx, id)
    code = None if instruction is None else instruction.code
    if found.status in ("failed", "canceled") or instruction is None or code is None:
        return
    sent = not never_sent(instruction)
    trace = TraceId(status="supported", value=instruction.trace) if sent else TraceId(status="unsupported")
    tx.unschedule("payout.arrive", id)
    await forget_debit(tx, instruction, found.destination)
    why = failure(instruction)
    await payout.fail(tx, found, *why, trace, errored=sent or why.code == WRONG_NUMBER)


def failure(instruction: Instruction) -> Refusal:
    """What the API calls the reason for which it came back or was never sent, and a sentence for people."""
    code = instruction.code or ""
    if instruction.reason is not None:
        return Refusal(code, instruction.reason)
    report, _, bacs = code.partition(" ")
    reason = RETURNS.get(code) or REASONS.get(code) or BACS.get(report, {}).get(bacs)
    said = f"The bank sent it back: {reason.meaning} ({code})." if reason else f"The bank sent it back ({code})."
    return Refusal(FAILURE_CODES.get(code, OTHER), OWN.get(code, said))


def never_sent(instruction: Instruction) -> bool:
    """No file could carry it, or its file did not go."""
    return instruction.reason is not None or instruction.code in OWN


async def forget_debit(tx: Tx, instruction: Instruction, account: str | None) -> None:
    """A first debit that was never sent: the bank has heard of no mandate, so that the next one is the first."""
    bank = await tx.find(EXTERNAL_ACCOUNT, account or "")
    if bank is not None and instruction.receiver.first and never_sent(instruction):
        tx.save(msgspec.structs.replace(bank, debited=False))


async def changed_job(tx: Tx, id: str) -> None:
    """Job `payout.changed`: the bank has paid, and says how the account is to be named from now on."""
    await correct(tx, id, (await tx.get(PAYOUT, id)).destination)


async def correct(tx: Tx, id: str, account: str | None) -> None:
    """The external account is named as the bank asks for the payment `id`. One whose mandate has ended is `errored`."""
    instruction, bank = await find(tx, id), await tx.find(EXTERNAL_ACCOUNT, account or "")
    if bank is None or instruction is None or instruction.change is None:
        return
    told = msgspec.json.decode(instruction.change, type=Receiver)
    if instruction.receiver.mandate and not told.mandate:
        tx.save(msgspec.structs.replace(bank, status="errored"), "account.external_account.updated")
        return
    routing = told.routing or bank.routing_number
    corrected = msgspec.structs.replace(
        bank, number=told.number, last4=told.number[-4:], routing_number=routing,
        fingerprint=fingerprint(bank.country, routing, told.number),
        account_type="savings" if told.savings else bank.account_type,
    )  # fmt: skip
    tx.save(corrected, "account.external_account.updated")
