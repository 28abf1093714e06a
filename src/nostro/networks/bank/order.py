"""Order: what the simulated bank is asked to do, the same value whichever format the file came in.

A file holds orders; an order has one account, one day and one way, and many instructions. Reading checks what the
format lets one check and refuses the file whole.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256

from msgspec import Struct

from nostro.networks import nacha

from .fate import Way

NACHA = "nacha"


class Instruction(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One payment. `amount` in minor units, never negative: the order says which way it goes. `id` is the originator's
    own name for it (trace number, end-to-end id), `code` the format's kind of it. `index` is its place in the file."""

    id: str
    index: int
    amount: int
    name: str
    account: str
    bank: str = ""
    code: str = ""
    reference: str = ""


class Head(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an order besides its instructions. `day` is the one that was asked for.

    `account` names the originator's account, or is "" and `originator` is known by another name. `sender` and `bank`
    are the two ends of the file itself. `entry_class`, `description` and `odfi` are those of an ACH batch.
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
    return Received(format="unknown", hash=hash, error="this is no file of a format that the bank takes: NACHA")


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
