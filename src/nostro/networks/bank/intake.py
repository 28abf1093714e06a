"""Intake: files of any format, as orders to the simulated bank.

Reading checks what the format lets one check, and a file that is wrong anywhere is wrong as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from itertools import count

from msgspec.structs import replace

from nostro.networks import nacha
from nostro.networks.bacs import standard18
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import pain001, pain008
from nostro.networks.iso20022.parties import Account

from .fate import Way
from .order import BACS, NACHA, PAIN_001, PAIN_008, Head, Instruction, Order, Received

# The message that an XML file's namespace names, which stands near its beginning.
MESSAGE = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:((pain\.00[18])\.\d{3}\.\d{2})")
LOOK = 2000


def receive(content: bytes) -> Received:
    """The file's format is told by how it begins. Never raises: what cannot be read has an `error`."""
    hash = sha256(content).hexdigest()
    if content[:3] == b"101":
        return _nacha(content, hash)
    if content[:4] == b"VOL1":
        return _bacs(content, hash)
    if found := MESSAGE.search(content[:LOOK]):
        return replace(XML[found[2]](content, hash), kind=found[1].decode())
    taken = ", ".join((NACHA, BACS, *(name.decode() for name in XML)))
    return Received(format="unknown", hash=hash, error=f"this is no file of a format that the bank takes: {taken}")


# ACH -------------------------------------------------------------------------


def _nacha(content: bytes, hash: str) -> Received:
    try:
        file = nacha.read(content)
    except FileError as error:
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


# Bacs ------------------------------------------------------------------------


def _bacs(content: bytes, hash: str) -> Received:
    """Instructions (0N, 0C, 0S) are left out: they set mandates up and move nothing."""
    try:
        file = standard18.read(content)
    except FileError as error:
        return Received(format=BACS, hash=hash, error=str(error))
    name = f"{file.user}-{file.serial}-{file.number}-{file.created:%y%m%d}"
    split: dict[tuple[date, Way], list[Instruction]] = {}
    for index, item in enumerate(file.items):
        if item.code not in standard18.INSTRUCTIONS:
            way: Way = "credit" if item.is_credit else "debit"
            split.setdefault((item.day, way), []).append(
                Instruction(id=item.reference, index=index, amount=item.amount, name=item.account.name,
                            account=item.account.number, bank=item.account.sort_code, code=item.code)
            )  # fmt: skip
    orders = tuple(
        Order(head=_submission(file, name, number, way, day), instructions=tuple(found))
        for number, ((day, way), found) in enumerate(split.items(), 1)
    )
    return Received(format=BACS, hash=hash, message_id=name, orders=orders)


def _submission(file: standard18.File, name: str, number: int, way: Way, day: date) -> Head:
    return Head(
        format=BACS, message_id=name, id=f"{name}-{number}", way=way, currency=standard18.CURRENCY, day=day,
        account=f"{file.account.sort_code}{file.account.number}", originator=file.user, name=file.name,
        sender=file.user, description=file.name,
    )  # fmt: skip


# ISO 20022 -------------------------------------------------------------------


def _pain_001(content: bytes, hash: str) -> Received:
    try:
        message = pain001.read(content)
    except FileError as error:
        return Received(format=PAIN_001, hash=hash, error=str(error))
    numbers = count()
    groups = [(payment, [_transfer(each, next(numbers)) for each in payment.transfers]) for payment in message.payments]
    orders = [
        Order(head=_payment(message, payment, currency), instructions=found)
        for payment, group in groups
        for currency, found in _by_currency(group)
    ]
    return Received(format=PAIN_001, hash=hash, message_id=message.id, orders=tuple(orders))


def _pain_008(content: bytes, hash: str) -> Received:
    try:
        message = pain008.read(content)
    except FileError as error:
        return Received(format=PAIN_008, hash=hash, error=str(error))
    numbers = count()
    groups = [(each, [_debit(debit, next(numbers)) for debit in each.debits]) for each in message.collections]
    orders = [
        Order(head=_collection(message, collection, currency), instructions=found)
        for collection, group in groups
        for currency, found in _by_currency(group)
    ]
    return Received(format=PAIN_008, hash=hash, message_id=message.id, orders=tuple(orders))


def _by_currency(group: list[tuple[str, Instruction]]) -> Iterator[tuple[str, tuple[Instruction, ...]]]:
    """An order has one currency; a payment of ISO 20022 may have several."""
    split: dict[str, list[Instruction]] = {}
    for currency, one in group:
        split.setdefault(currency, []).append(one)
    return ((currency, tuple(found)) for currency, found in split.items())


def _payment(message: pain001.Message, payment: pain001.Payment, currency: str) -> Head:
    return Head(
        format=PAIN_001, message_id=message.id, id=payment.id, way="credit", currency=currency, day=payment.execution,
        account=_number(payment.account), name=payment.debtor.name, sender=message.initiator.name,
        one_booking=payment.one_booking,
    )  # fmt: skip


def _transfer(transfer: pain001.Transfer, index: int) -> tuple[str, Instruction]:
    return transfer.currency, Instruction(
        id=transfer.end_to_end, index=index, amount=transfer.amount, name=transfer.creditor.name,
        account=_number(transfer.account), bank=transfer.account.bic or transfer.account.member,
        reference=transfer.remittance or transfer.creditor_reference, instruction=transfer.instruction,
        uetr=transfer.uetr,
    )  # fmt: skip


def _collection(message: pain008.Message, collection: pain008.Collection, currency: str) -> Head:
    return Head(
        format=PAIN_008, message_id=message.id, id=collection.id, way="debit", currency=currency, day=collection.due,
        account=_number(collection.account), originator=collection.creditor_id, name=collection.creditor.name,
        sender=message.initiator.name, one_booking=collection.one_booking,
    )  # fmt: skip


def _debit(debit: pain008.Debit, index: int) -> tuple[str, Instruction]:
    return debit.currency, Instruction(
        id=debit.end_to_end, index=index, amount=debit.amount, name=debit.debtor.name, account=_number(debit.account),
        bank=debit.account.bic or debit.account.member, reference=debit.remittance or debit.creditor_reference,
        instruction=debit.instruction, uetr=debit.uetr, mandate=debit.mandate.id,
    )  # fmt: skip


def _number(account: Account) -> str:
    return account.iban or account.number


XML: dict[bytes, Callable[[bytes, str], Received]] = {b"pain.001": _pain_001, b"pain.008": _pain_008}
