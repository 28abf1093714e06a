"""Payouts as credit transfers of ISO 20022 (pain.001), debits as SEPA's direct debits (pain.008); status reports
(pain.002) and notifications (camt.054) as answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from nostro.connect.originating_account import Record as Account
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import camt, pain001, pain002, pain008
from nostro.networks.iso20022.parties import Account as BankAccount
from nostro.networks.iso20022.parties import Party
from nostro.networks.statement import Line, Piece

from .file_format import BadAnswer, Built, Format, Item, Job, Refusal, too_much, wrong_name, wrong_number
from .instruction import Instruction, Receiver, plain

MOST_SEPA = 99_999_999_999


def _refusal(receiver: Receiver, amount: int) -> Refusal | None:
    if not receiver.name:
        return wrong_name("A transfer needs the name of the account's holder, in letters that SEPA carries.")
    try:
        IBAN(receiver.number)
    except SchwiftyException as error:
        return wrong_number(f"The account number is not a valid IBAN: {error}.")
    return too_much("A transfer carries up to 999,999,999.99.") if amount > MOST_SEPA else None


def _message_id(account: Account, number: int) -> str:
    """What a bank's report calls the file by."""
    return f"{account.id.rpartition('_')[2]}-{number:06d}"[-35:]


def _traced(job: Job) -> list[tuple[str, Instruction]]:
    own = job.account.id.rpartition("_")[2][-8:]
    return [(f"{own}{job.first_trace + n:012d}", payment) for n, payment in enumerate(job.payments)]


def _build(job: Job) -> Built:
    account, ids = job.account, job.account.iso20022
    assert ids is not None, f"{account.id} has no ids for ISO 20022"
    traced = _traced(job)
    me, id = Party(name=ids.initiating_party), _message_id(account, job.number)
    payment = pain001.Payment(
        id=id, execution=job.settles, debtor=me, account=BankAccount(iban=ids.iban, bic=ids.bic or ""),
        transfers=tuple(_transfer(trace, one, account.currency) for trace, one in traced),
        service="SEPA" if account.currency == "eur" else "", bearer="SLEV",
    )  # fmt: skip
    made = datetime.fromtimestamp(job.now, UTC)
    return Built(pain001.build(pain001.Message(id=id, created=made, initiator=me, payments=(payment,))), traced)


def _transfer(trace: str, payment: Instruction, currency: str) -> pain001.Transfer:
    return pain001.Transfer(
        end_to_end=trace, amount=payment.amount, currency=currency, creditor=Party(name=payment.receiver.name),
        account=BankAccount(iban=payment.receiver.number), remittance=_remittance(payment),
    )  # fmt: skip


def _remittance(payment: Instruction) -> str:
    said = plain(f"{payment.receiver.descriptor} {payment.reference or payment.source.rpartition('_')[2]}")
    return said[:140].strip()


# Direct debits ---------------------------------------------------------------


def _refusal_to_debit(receiver: Receiver, amount: int) -> Refusal | None:
    if not (receiver.mandate and receiver.signed):
        return Refusal("debit_not_authorized", "A direct debit needs a mandate, and the day on which it was given.")
    return _refusal(receiver, amount)


def _build_debits(job: Job) -> Built:
    """All as recurrent: since November 2016 a first debit need not say that it is one (SDD core rulebook)."""
    account, ids = job.account, job.account.iso20022
    assert ids is not None and ids.creditor_id is not None, f"{account.id} has no creditor id"
    traced = _traced(job)
    me, id = Party(name=ids.initiating_party), _message_id(account, job.number)
    collection = pain008.Collection(
        id=id, due=job.settles, sequence="RCUR", creditor=me, creditor_id=ids.creditor_id,
        account=BankAccount(iban=ids.iban, bic=ids.bic or ""),
        debits=tuple(_debit(trace, one) for trace, one in traced),
    )  # fmt: skip
    made = datetime.fromtimestamp(job.now, UTC)
    return Built(pain008.build(pain008.Message(id=id, created=made, initiator=me, collections=(collection,))), traced)


def _debit(trace: str, payment: Instruction) -> pain008.Debit:
    receiver = payment.receiver
    return pain008.Debit(
        end_to_end=trace, amount=payment.amount, currency="eur", debtor=Party(name=receiver.name),
        account=BankAccount(iban=receiver.number), remittance=_remittance(payment),
        mandate=pain008.Mandate(id=receiver.mandate, signed=date.fromisoformat(receiver.signed)),
    )  # fmt: skip


# Answers ---------------------------------------------------------------------


def _read(content: bytes) -> list[Item]:
    """A pain.002: each payment that was refused, or the file that was, or was taken. A camt.054: what came back."""
    try:
        if NOTICE in content[:LOOK]:
            return [*_returned(camt.read(content))]
        report = pain002.read(content)
    except FileError as error:
        raise BadAnswer(str(error)) from None
    items = []
    for payment in report.payments:
        items += [_refused(single) for single in payment.singles if single.status in pain002.REFUSED]
    statuses = {report.status, *(payment.status for payment in report.payments)} - {""}
    if statuses & pain002.REFUSED:
        reasons = [*report.reasons, *(reason for payment in report.payments for reason in payment.reasons)]
        code, text = (reasons[0].code, reasons[0].text) if reasons else ("RJCT", "")
        items = [Item(kind="reject", trace=report.message, code=code, text=text)]
    elif statuses & TAKEN:
        items.append(Item(kind="accept", trace=report.message, code=report.status or min(statuses)))
    return items


def _returned(pieces: Iterator[Piece]) -> Iterator[Item]:
    """What brings payments back, one by one or inside one sum: credits that do, and debits that take collected money
    away again."""
    for line in (piece for piece in pieces if isinstance(piece, Line)):
        for part in line.parts or (line,):
            if part.return_reason:
                yield Item(kind="return", trace=part.end_to_end, code=part.return_reason, amount=abs(part.amount))


# The namespace of a notification, near the beginning of the file.
NOTICE, LOOK = b"tech:xsd:camt.054.", 2000
TAKEN = frozenset(("ACTC", "ACCP", "ACFC", "ACSP", "ACSC", "ACCC", "ACWC", "PART"))


def _refused(single: pain002.Single) -> Item:
    code = single.reasons[0].code if single.reasons else single.status
    text = single.reasons[0].text if single.reasons else ""
    return Item(kind="return", trace=single.end_to_end, code=code, amount=single.amount or None, text=text)


def _corrected(receiver: Receiver, item: Item) -> Item:
    return item  # there is no such answer


PROBE = Receiver(number="DE89370400440532013000", name="PROBE", mandate="PROBE", signed="2000-01-01")
TRANSFERS = Format(suffix="xml", probe=PROBE, refusal=_refusal, build=_build, corrected=_corrected, read=_read)
DEBITS = Format(
    suffix="xml", probe=PROBE, refusal=_refusal_to_debit, build=_build_debits, corrected=_corrected, read=_read
)
