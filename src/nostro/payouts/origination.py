"""Payouts through a bank file: handed over at the cut-off, told what became of them, failed, returned, corrected.

Each function is the unit of one payout, in its own scope: what the platform's file or the bank's answer said stands in
its instruction.
"""

from __future__ import annotations

import msgspec

from nostro.balances.calendar import business_midnight
from nostro.connect.external_account import EXTERNAL_ACCOUNT
from nostro.connect.external_form import fingerprint
from nostro.connect.originating_account import file_day, of_platform
from nostro.networks.ach_codes import RETURNS
from nostro.networks.iso20022.reasons import REASONS
from nostro.storage.tx import Tx

from . import payout
from .bank_file import expect_build
from .bank_formats import format_of
from .instruction import Receiver, find, instruct, receiver_of
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
}  # fmt: skip
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
    receiver = await _receiver(tx, found)
    refusal = "The bank account's number is not known." if receiver is None else format_of(origin).refusal(
        receiver, abs(found.amount)
    )  # fmt: skip
    if receiver is None or refusal is not None:
        await payout.fail(tx, found, "invalid_account_number", refusal or "", TraceId(status="unsupported"))
        return
    instruct(tx, id, origin.id, tx.now, abs(found.amount), receiver, debit=found.amount < 0)
    expect_build(tx, origin, tx.now)
    tx.save(msgspec.structs.replace(found, instructed=True))


async def _receiver(tx: Tx, found: payout.Record) -> Receiver | None:
    bank = await tx.find(EXTERNAL_ACCOUNT, found.destination or "")
    descriptor = "REVERSAL" if found.amount < 0 else found.statement_descriptor
    return None if bank is None else receiver_of(bank, found.merchant, descriptor)


async def sent_job(tx: Tx, id: str) -> None:
    """Job `payout.sent`: its file was handed over. It arrives when the banks settle, later if the file was late."""
    found = await tx.get(PAYOUT, id)
    instruction = await find(tx, id)
    if found.status != "pending" or instruction is None:
        return
    origin = await of_platform(tx, instruction.account)
    settles = business_midnight(found.currency, file_day(origin, tx.now), origin.settlement_days)
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
    trace = TraceId(status="supported", value=instruction.trace) if code not in OWN else TraceId(status="unsupported")
    tx.unschedule("payout.arrive", id)
    await payout.fail(tx, found, failure(code), message(code), trace, errored=code not in OWN)


def failure(code: str) -> str:
    """What the API calls the bank's reason."""
    return FAILURE_CODES.get(code, OTHER)


def message(code: str) -> str:
    reason = RETURNS.get(code) or REASONS.get(code)
    if reason is not None:
        return f"The bank sent it back: {reason.meaning} ({code})."
    return OWN.get(code, f"The bank sent it back ({code}).")


async def changed_job(tx: Tx, id: str) -> None:
    """Job `payout.changed`: the bank has paid, and says how the account is to be named from now on."""
    await correct(tx, id, (await tx.get(PAYOUT, id)).destination)


async def correct(tx: Tx, id: str, account: str | None) -> None:
    """The external account is named as the bank asks for the payment `id`."""
    instruction, bank = await find(tx, id), await tx.find(EXTERNAL_ACCOUNT, account or "")
    if bank is None or instruction is None or instruction.change is None:
        return
    told = msgspec.json.decode(instruction.change, type=Receiver)
    routing = told.routing or bank.routing_number
    corrected = msgspec.structs.replace(
        bank, number=told.number, last4=told.number[-4:], routing_number=routing,
        fingerprint=fingerprint(bank.country, routing, told.number),
        account_type="savings" if told.savings else bank.account_type,
    )  # fmt: skip
    tx.save(corrected, "account.external_account.updated")
