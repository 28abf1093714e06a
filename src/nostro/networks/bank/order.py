"""Order: what the simulated bank is asked to do, the same value whichever format the file came in.

A file holds orders; an order has one account, one day and one way, and many instructions.
"""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from .fate import Way

NACHA, BACS, PAIN_001, PAIN_008 = "nacha", "bacs", "pain.001", "pain.008"


class Instruction(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One payment. `amount` in minor units, never negative: the order says which way it goes. `id` is the originator's
    own name for it (trace number, end-to-end id), `code` the format's kind of it. `index` is its place in the file.
    `instruction` and `uetr` are more of its names, `reference` is what it says to the receiver, `mandate` what allows
    a debit."""

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
    mandate: str = ""


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
    """A file. `error` says what is wrong with it; then there are no orders. `kind` is the message and version of ISO
    20022 that it is."""

    format: str
    hash: str
    kind: str = ""
    message_id: str = ""
    orders: tuple[Order, ...] = ()
    error: str = ""
