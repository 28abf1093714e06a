"""What the simulated bank answers, as values, and those values as files in the format of what was asked.

A receipt says at once what was taken; returns and changes come on a later morning. A scheme without a message for
something (ACH has none for acceptance) gets the bank's own, in JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.networks import nacha

from .order import NACHA, Head, Instruction
from .reason import REASONS

RETURN_CODE = {22: 21, 23: 21, 27: 26, 28: 26, 32: 31, 33: 31, 37: 36, 38: 36}
CORRECT_ROUTING, CORRECT_NUMBER = "110000000", "000123456789"
MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Refused(Struct, frozen=True, kw_only=True):
    """An instruction that was refused when the file was taken. `code` is the scheme's."""

    id: str
    amount: int
    code: str
    reason: str


class Taken(Struct, frozen=True, kw_only=True):
    """What became of one order of a file. `settles` is the day on which its accepted instructions are booked."""

    id: str
    status: Literal["accepted", "partly_accepted", "rejected"]
    account: str = ""
    currency: str
    accepted: int = 0
    amount: int = 0
    settles: date | None = None
    reason: str = ""
    code: str = ""
    refused: tuple[Refused, ...] = ()


class Receipt(Struct, frozen=True, kw_only=True):
    """The bank's word on a file. `reason` is of the table in `reason`; `message` is for people."""

    object: Literal["bank_receipt"] = "bank_receipt"
    file: str = ""
    format: str
    hash: str
    message_id: str
    received: datetime
    status: Literal["accepted", "partly_accepted", "rejected"]
    reason: str = ""
    code: str = ""
    message: str = ""
    orders: tuple[Taken, ...] = ()


class Item(Struct, frozen=True, kw_only=True):
    """An instruction that came back, or whose data are corrected, and why. `code` is the scheme's."""

    instruction: Instruction
    code: str
    reason: str = ""


class Group(Struct, frozen=True, kw_only=True):
    """What is answered of one order on one day."""

    head: Head
    items: tuple[Item, ...]


class Named(Struct, frozen=True):
    """A file's content, and how its name ends."""

    name: str
    content: bytes


def scheme_code(format: str, reason: str) -> str:
    """How the scheme of a format calls a reason."""
    row = REASONS[reason]
    return row.ach if format == NACHA else row.iso


def receipt(value: Receipt) -> Named:
    return Named("receipt.json", msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def returns(groups: Sequence[Group], now: int, number: int) -> Named:
    """The day's returns to one sender."""
    return Named("returns.ach", nacha.build(_file(groups, now, number, changes=False)))


def changes(groups: Sequence[Group], now: int, number: int) -> Named:
    """The day's notifications of change to one sender."""
    return Named("changes.ach", nacha.build(_file(groups, now, number, changes=True)))


# ---------------------------------------------------------------- ACH


def _file(groups: Sequence[Group], now: int, number: int, changes: bool) -> nacha.File:
    head = groups[0].head
    created = datetime.fromtimestamp(now, UTC).replace(second=0, tzinfo=None)
    batches = []
    sequence = 0
    for n, group in enumerate(groups, 1):
        entries = []
        for item in group.items:
            sequence += 1
            entries.append(_change(item, sequence) if changes else _return(item, sequence))
        batches.append(_batch(group.head, entries, n, created.date(), changes))
    return nacha.File(
        destination=head.sender, origin=head.bank, created=created, batches=tuple(batches),
        modifier=MODIFIERS[number % len(MODIFIERS)], reference=f"{number % 10**8:08d}",
    )  # fmt: skip


def _batch(head: Head, entries: list[nacha.Entry], number: int, day: date, changes: bool) -> nacha.Batch:
    return nacha.Batch(
        entry_class="COR" if changes else msgspec.convert(head.entry_class, Literal["PPD", "CCD", "WEB", "COR"]),
        company_name=head.name, company_id=head.originator, description=head.description, effective_date=day,
        odfi=head.odfi, number=number, entries=tuple(entries),
    )  # fmt: skip


def _return(item: Item, sequence: int) -> nacha.Entry:
    one = item.instruction
    text = REASONS[item.reason].meaning.upper()[:44].rstrip()
    addenda = nacha.Return(code=item.code, original_trace=one.id, original_rdfi=one.bank[:8], text=text)
    return _entry(one, sequence, one.amount, addenda)


def _change(item: Item, sequence: int) -> nacha.Entry:
    one = item.instruction
    addenda = nacha.Change(
        code=item.code, original_trace=one.id, original_rdfi=one.bank[:8], corrected_data=corrected(item.code, one)
    )
    return _entry(one, sequence, 0, addenda)


def _entry(one: Instruction, sequence: int, amount: int, addenda: nacha.Return | nacha.Change) -> nacha.Entry:
    return nacha.Entry(
        code=RETURN_CODE.get(int(one.code), int(one.code)), routing_number=one.bank, account_number=one.account,
        amount=amount, name=one.name, individual_id=one.reference, trace_number=f"{one.bank[:8]}{sequence:07d}",
        addenda=(addenda,),
    )  # fmt: skip


def corrected(code: str, one: Instruction) -> str:
    """What is right, laid out as the Nacha rules say for each code. The right account is the one whose payments arrive.

    A corrected kind of account is the other kind: savings where checking was named.
    """
    other = int(one.code) + (10 if int(one.code) < 30 else -10)
    return {
        "C01": CORRECT_NUMBER,
        "C02": CORRECT_ROUTING,
        "C03": f"{CORRECT_ROUTING}   {CORRECT_NUMBER}",
        "C05": f"{other}",
        "C06": f"{CORRECT_NUMBER:17}   {other}",
        "C07": f"{CORRECT_ROUTING}{CORRECT_NUMBER:17}{other}",
        "C09": f"{one.id[-7:]}",
    }[code]
