"""Payouts as credit transfers of ISO 20022 (pain.001); status reports (pain.002) as answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from nostro.connect.originating_account import Record as Account
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import camt, pain001, pain002
from nostro.networks.iso20022.parties import Account as BankAccount
from nostro.networks.iso20022.parties import Party
from nostro.networks.statement import Line, Piece

from .file_format import BadAnswer, Built, Format, Item, Job
from .instruction import Instruction, Receiver, plain

MOST_SEPA = 99_999_999_999


def _refusal(receiver: Receiver, amount: int) -> str | None:
    if not receiver.name:
        return "A transfer needs the name of the account's holder."
    try:
        IBAN(receiver.number)
    except SchwiftyException as error:
        return f"The account number is not a valid IBAN: {error}."
    return "A transfer carries up to 999,999,999.99." if amount > MOST_SEPA else None


def _message_id(account: Account, number: int) -> str:
    """What a bank's report calls the file by."""
    return f"{account.id.rpartition('_')[2]}-{number:06d}"[-35:]


def _build(job: Job) -> Built:
    account, ids = job.account, job.account.iso20022
    assert ids is not None, f"{account.id} has no ids for ISO 20022"
    own = account.id.rpartition("_")[2][-8:]
    traced = [(f"{own}{job.first_trace + n:012d}", payment) for n, payment in enumerate(job.payments)]
    me, id = Party(name=ids.initiating_party), _message_id(account, job.number)
    payment = pain001.Payment(
        id=id, execution=job.settles, debtor=me, account=BankAccount(iban=ids.iban, bic=ids.bic or ""),
        transfers=tuple(_transfer(trace, one, account.currency) for trace, one in traced),
        service="SEPA" if account.currency == "eur" else "", bearer="SLEV",
    )  # fmt: skip
    made = datetime.fromtimestamp(job.now, UTC)
    return Built(pain001.build(pain001.Message(id=id, created=made, initiator=me, payments=(payment,))), traced)


def _transfer(trace: str, payment: Instruction, currency: str) -> pain001.Transfer:
    receiver = payment.receiver
    said = plain(f"{receiver.descriptor} {payment.reference or payment.source.rpartition('_')[2]}")
    return pain001.Transfer(
        end_to_end=trace, amount=payment.amount, currency=currency, creditor=Party(name=receiver.name),
        account=BankAccount(iban=receiver.number), remittance=said[:140].strip(),
    )  # fmt: skip


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
    """Credits that bring payments back, one by one or inside one sum."""
    for line in (piece for piece in pieces if isinstance(piece, Line)):
        for part in line.parts or (line,):
            if part.return_reason and part.amount > 0:
                yield Item(kind="return", trace=part.end_to_end, code=part.return_reason, amount=part.amount)


# The namespace of a notification, near the beginning of the file.
NOTICE, LOOK = b"tech:xsd:camt.054.", 2000
TAKEN = frozenset(("ACTC", "ACCP", "ACFC", "ACSP", "ACSC", "ACCC", "ACWC", "PART"))


def _refused(single: pain002.Single) -> Item:
    code = single.reasons[0].code if single.reasons else single.status
    text = single.reasons[0].text if single.reasons else ""
    return Item(kind="return", trace=single.end_to_end, code=code, amount=single.amount or None, text=text)


TRANSFERS = Format(suffix="xml", refusal=_refusal, build=_build, corrected=lambda receiver, item: item, read=_read)
