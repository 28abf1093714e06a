"""Payouts and debits as Bacs submissions (Standard 18); ARUCS, ARUDD, ADDACS, AUDDIS and AWACS reports as answers.

Bacs knows a payment by a reference of 18 characters, which the other side sees on its statement. Ours end in a number
of seven characters that counts the account's payments, so each is one payment's; what stands before it is the line's
own reference, the statement descriptor, or the payment's id. Of a debit it is the reference of the mandate: the new
instruction (0N) that goes out with its first debit has it alone, and what banks say of the mandate names it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from nostro.balances.calendar import add_business_days, business_day_before
from nostro.connect.originating_scheme import SCHEMES
from nostro.networks.bacs import reports, standard18
from nostro.networks.bacs.codes import Report
from nostro.networks.file_error import FileError

from .file_format import BadAnswer, Built, Format, Item, Job, Refusal, too_much, wrong_name, wrong_number
from .instruction import Instruction, Receiver, plain

MOST_PENCE = 2_000_000_000  # twenty million pounds: the most that Bacs takes as one item
WORDS, COUNTED = 10, 7
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEPT = timedelta(days=31)  # until the file may be overwritten
NEW_INSTRUCTION, FIRST_DEBIT, DEBIT = "0N", "01", "17"
# Advices that name another account, and those that end a mandate. A reinstated one (R) was ended by mistake.
MOVED = {"AWACS": "03", "ADDACS": "3CE", "AUDDIS": "3C"}
REINSTATED = "R"


def _account(receiver: Receiver) -> tuple[str, str]:
    """Sort code and number, of which an IBAN has both."""
    if re.fullmatch(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}", receiver.number, re.ASCII):
        return receiver.number[8:14], receiver.number[14:]
    return receiver.routing, receiver.number.rjust(8, "0")


def _refusal(receiver: Receiver, amount: int) -> Refusal | None:
    sort_code, number = _account(receiver)
    if not re.fullmatch(r"[0-9]{6}", sort_code, re.ASCII):
        return wrong_number("Bacs needs a sort code of six digits.")
    if not re.fullmatch(r"[0-9]{8}", number, re.ASCII):
        return wrong_number("Bacs takes account numbers of up to eight digits.")
    if not _text(receiver.name):
        return wrong_name("Bacs needs the name of the account's holder, in letters and digits.")
    return too_much("A Bacs item carries up to 20,000,000.00.") if amount > MOST_PENCE else None


def _text(said: str, most: int = 18) -> str:
    """In Bacs's characters, cut to the room that there is."""
    return " ".join(re.sub(r"[^A-Z0-9.&/-]", " ", plain(said).upper()).split())[:most].strip()


def _counted(number: int) -> str:
    digits = ""
    for _ in range(COUNTED):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def _reference(payment: Instruction, number: int) -> str:
    said = payment.reference or payment.receiver.descriptor or payment.source[-WORDS:]
    words = _mandate(payment.receiver) if payment.debit else _text(said, WORDS)
    return f"{words or 'PAYOUT'}-{_counted(number)}"


def _mandate(receiver: Receiver) -> str:
    return receiver.mandate[-WORDS:].upper()


def _build(job: Job) -> Built:
    ids = job.account.bacs
    assert ids is not None, f"{job.account.id} has no ids for Bacs"
    made = datetime.fromtimestamp(job.now, UTC).date()
    traced = [(_reference(one, job.first_trace + n), one) for n, one in enumerate(job.payments)]
    own = standard18.Account(sort_code=ids.sort_code, number=ids.account_number, name=ids.name)
    items = [item for reference, one in traced for item in _items(job, one, reference)]
    file = standard18.File(
        user=ids.service_user_number, name=ids.name, serial=_counted(job.number)[1:], account=own, created=made,
        expires=made + KEPT, items=tuple(items), number=job.of_day % 999 + 1,
    )  # fmt: skip
    return Built(standard18.build(file), traced)


def _items(job: Job, payment: Instruction, reference: str) -> list[standard18.Item]:
    """The payment, on the day before the money moves; the first debit of a mandate later, behind the mandate."""
    receiver, day = payment.receiver, business_day_before("gbp", job.settles)
    sort_code, number = _account(receiver)
    to = standard18.Account(sort_code=sort_code, number=number, name=_text(receiver.name))
    code = DEBIT if payment.debit else standard18.CREDIT
    item = standard18.Item(code=code, account=to, amount=payment.amount, reference=reference, day=day)
    if not (payment.debit and receiver.first):
        return [item]
    instruction = replace(item, code=NEW_INSTRUCTION, amount=0, reference=_mandate(receiver))
    return [instruction, replace(item, code=FIRST_DEBIT, day=add_business_days("gbp", day, SCHEMES["bacs"].notice))]


def _read(content: bytes) -> list[Item]:
    try:
        report = reports.read(content)
    except FileError as error:
        raise BadAnswer(str(error)) from None
    if isinstance(report, reports.Returns):
        return [
            Item(kind="return", trace=one.reference, code=f"{report.report} {one.reason}", amount=one.amount)
            for one in report.items
        ]
    return [_advised(report.report, one) for one in report.items if one.reason != REINSTATED]


def _advised(report: Report, advice: reports.Advice) -> Item:
    """Where it names a new account, that is what `text` says: sort code and number."""
    moved = advice.reason in MOVED.get(report, "") and (advice.new_sort_code or advice.new_number)
    return Item(
        kind="change", trace=advice.reference, code=f"{report} {advice.reason}", of_mandate=report != "AWACS",
        text=f"{advice.new_sort_code:6}{advice.new_number}" if moved else "",
    )  # fmt: skip


def _corrected(receiver: Receiver, item: Item) -> Item:
    """At the account that the advice names; of a mandate that has ended, without it."""
    sort_code, number = _account(receiver)
    changed = replace(receiver, mandate="")
    if item.text:
        changed = replace(receiver, routing=item.text[:6].strip() or sort_code, number=item.text[6:].strip() or number)
    usable = changed != receiver and _refusal(changed, 0) is None
    return replace(item, receiver=changed if usable else None)


BACS = Format(
    suffix="txt", probe=Receiver(number="00000001", routing="000000", name="PROBE"), refusal=_refusal, build=_build,
    corrected=_corrected, read=_read,
)  # fmt: skip
