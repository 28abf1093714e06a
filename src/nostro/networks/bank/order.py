"""Order: what the simulated bank is asked to do, the same value whichever format the file came in.

A file holds orders; an order has one account, one day and one way, and many instructions. Reading checks what the
format lets one check and refuses the file whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from hashlib import sha256

from msgspec import Struct

from nostro.networks import nacha
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import pain001
from nostro.networks.iso20022.parties import Account

from .fate import Way

NACHA, PAIN_001 = "nacha", "pain.001"
# The message that an XML file's namespace names, which stands near its beginning.
MESSAGE = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:(pain\.001)\.")
LOOK = 2000


class Instruction(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One payment. `amount` in minor units, never negative: the order says which way it goes. `id` is the originator's
    own name for it (trace number, end-to-end id), `code` the format's kind of it. `index` is its place in the file.
    `instruction` and `uetr` are more of its names, `reference` is what it says to the receiver."""

    id: str
    index: int
    amount: int
    name: str
    account: str
    bank: str = ""
    code: str = ""
    reference: str = ""
    instruction: str = ""
    uetr: str = ""


class Head(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an order besides its instructions. `day` is the one that was asked for.

    `account` names the originator's account, or is "" and `originator` is known by another name. `sender` and `bank`
    are the two ends of the file itself. `entry_class`, `description` and `odfi` are those of an ACH batch.
    `one_booking` asks for one line for all, or one for each; None leaves it to the bank.
    """

    format: str
    file: int = 0
    message_id: str
    id: str
    way: Way
    currency: str
    day: date
    account: str = ""
    originator: str = ""
    name: str = ""
    entry_class: str = ""
    description: str = ""
    odfi: str = ""
    sender: str = ""
    bank: str = ""
    one_booking: bool | None = None


class Order(Struct, frozen=True, kw_only=True):
    head: Head
    instructions: tuple[Instruction, ...]

    @property
    def amount(self) -> int:
        return sum(instruction.amount for instruction in self.instructions)


class Received(Struct, frozen=True, kw_only=True):
    """A file. `error` says what is wrong with it; then there are no orders."""

    format: str
    hash: str
    message_id: str = ""
    orders: tuple[Order, ...] = ()
    error: str = ""


def receive(content: bytes) -> Received:
    """The file's format is told by how it begins. Never raises: what cannot be read has an `error`."""
    hash = sha256(content).hexdigest()
    if content[:3] == b"101":
        return _nacha(content, hash)
    if found := MESSAGE.search(content[:LOOK]):
        return XML[found[1]](content, hash)
    taken = ", ".join((NACHA, *(name.decode() for name in XML)))
    return Received(format="unknown", hash=hash, error=f"this is no file of a format that the bank takes: {taken}")


# ---------------------------------------------------------------- ACH


def _nacha(content: bytes, hash: str) -> Received:
    try:
        file = nacha.read(content)
    except nacha.NachaError as error:
        return Received(format=NACHA, hash=hash, error=str(error))
    name = f"{file.origin}-{file.created:%y%m%d%H%M}-{file.modifier}"
    orders: list[Order] = []
    index = 0
    for batch in file.batches:
        split: dict[Way, list[Instruction]] = {"credit": [], "debit": []}
        for entry in batch.entries:
            way: Way = "credit" if entry.code in nacha.CREDITS else "debit"
            split[way].append(_instruction(entry, index))
            index += 1
        orders += [
            Order(head=_head(file, batch, way, name), instructions=tuple(found))
            for way, found in split.items()
            if found
        ]
    return Received(format=NACHA, hash=hash, message_id=name, orders=tuple(orders))


def _head(file: nacha.File, batch: nacha.Batch, way: Way, name: str) -> Head:
    return Head(
        format=NACHA, message_id=name, id=f"{name}-{batch.number}", way=way, currency=nacha.CURRENCY,
        day=batch.effective_date, originator=batch.company_id, name=batch.company_name, entry_class=batch.entry_class,
        description=batch.description, odfi=batch.odfi, sender=file.origin, bank=file.destination,
    )  # fmt: skip


def _instruction(entry: nacha.Entry, index: int) -> Instruction:
    return Instruction(
        id=entry.trace_number, index=index, amount=entry.amount, name=entry.name, account=entry.account_number,
        bank=entry.routing_number, code=str(entry.code), reference=entry.individual_id,
    )  # fmt: skip


# ---------------------------------------------------------------- ISO 20022


def _pain_001(content: bytes, hash: str) -> Received:
    try:
        message = pain001.read(content)
    except FileError as error:
        return Received(format=PAIN_001, hash=hash, error=str(error))
    orders: list[Order] = []
    index = 0
    for payment in message.payments:
        split: dict[str, list[Instruction]] = {}
        for transfer in payment.transfers:
            split.setdefault(transfer.currency, []).append(_transfer(transfer, index))
            index += 1
        orders += [Order(head=_payment(message, payment, currency), instructions=tuple(found))
                   for currency, found in split.items()]  # fmt: skip
    return Received(format=PAIN_001, hash=hash, message_id=message.id, orders=tuple(orders))


def _payment(message: pain001.Message, payment: pain001.Payment, currency: str) -> Head:
    return Head(
        format=PAIN_001, message_id=message.id, id=payment.id, way="credit", currency=currency, day=payment.execution,
        account=_number(payment.account), name=payment.debtor.name, sender=message.initiator.name,
        one_booking=payment.one_booking,
    )  # fmt: skip


def _transfer(transfer: pain001.Transfer, index: int) -> Instruction:
    return Instruction(
        id=transfer.end_to_end, index=index, amount=transfer.amount, name=transfer.creditor.name,
        account=_number(transfer.account), bank=transfer.account.bic or transfer.account.member,
        reference=transfer.remittance or transfer.creditor_reference, instruction=transfer.instruction,
        uetr=transfer.uetr,
    )  # fmt: skip


def _number(account: Account) -> str:
    return account.iban or account.number


XML: dict[bytes, Callable[[bytes, str], Received]] = {b"pain.001": _pain_001}
