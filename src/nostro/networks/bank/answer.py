"""What the simulated bank answers, as values, and those values as files in the format of what was asked.

A receipt says at once what was taken; returns and changes come on a later morning. A scheme without a message for
something (ACH has none for acceptance) gets the bank's own, in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.networks import nacha
from nostro.networks.ach_codes import RETURNS
from nostro.networks.bacs import codes as bacs_codes
from nostro.networks.bacs import reports
from nostro.networks.iso20022 import pain002

from .order import BACS, NACHA, Head, Instruction
from .reason import REASONS

RETURN_CODE = {22: 21, 23: 21, 27: 26, 28: 26, 32: 31, 33: 31, 37: 36, 38: 36}
CORRECT_ROUTING, CORRECT_NUMBER = "110000000", "000123456789"
RIGHT_SORT_CODE, RIGHT_NUMBER, WRONG_ACCOUNT = "108800", "00012345", "0"
# The kinds of answers that tell what became of payments and files, and those that are statements, with their format.
ANSWERS = ("returns.ach", "changes.ach", "status.pain002.xml", "returns.camt054.xml", "returns.arucs.xml",
           "returns.arudd.xml", "changes.awacs.xml")  # fmt: skip
STATEMENTS: dict[str, Literal["camt.053"]] = {"statement.camt053.xml": "camt.053"}
MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


# In a report of ISO 20022: accepted by the customer's profile, in part, rejected.
STATUSES = {"accepted": "ACCP", "partly_accepted": "PART", "rejected": "RJCT"}


class Refused(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instruction that was refused when the file was taken. `code` is the scheme's."""

    id: str
    instruction: str = ""
    uetr: str = ""
    amount: int
    code: str
    reason: str


class Taken(Struct, frozen=True, kw_only=True):
    """What became of one order of a file. `settles` is the day on which its accepted instructions are booked. Which
    ones were refused is only said where others were accepted."""

    id: str
    status: Literal["accepted", "partly_accepted", "rejected"]
    account: str = ""
    currency: str
    payments: int
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
    return {NACHA: row.ach, BACS: row.bacs}.get(format, row.iso)


def receipt(value: Receipt) -> Named:
    return Named("receipt.json", msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def status(value: Receipt, kind: str, number: int) -> Named:
    """The same as a report of ISO 20022 on a file of `kind` (pain.001.001.09), which repeats only what was refused."""
    payments: dict[str, pain002.Payment] = {}
    for order in value.orders:
        before = payments.get(order.id)  # a payment in several currencies is several orders to us
        payments[order.id] = pain002.Payment(
            id=order.id, status=_merged(before, order), reasons=_reasons(order),
            singles=(*(before.singles if before else ()), *map(_single, order.refused)),
        )  # fmt: skip
    report = pain002.Report(
        id=f"NB-S{number}", created=value.received, message=value.message_id, kind=kind,
        status=STATUSES[value.status], reasons=_reasons(value), payments=tuple(payments.values()),
    )  # fmt: skip
    return Named("status.pain002.xml", pain002.build(report))


def _merged(before: pain002.Payment | None, order: Taken) -> str:
    status = STATUSES[order.status]
    return status if before is None or before.status == status else "PART"


def _reasons(value: Receipt | Taken) -> tuple[pain002.Reason, ...]:
    return (pain002.Reason(code=value.code, text=REASONS[value.reason].meaning),) if value.reason else ()


def _single(one: Refused) -> pain002.Single:
    reasons = (pain002.Reason(code=one.code, text=REASONS[one.reason].meaning),)
    return pain002.Single(end_to_end=one.id, instruction=one.instruction, uetr=one.uetr, status="RJCT", reasons=reasons)


def returns(groups: Sequence[Group], now: int, number: int) -> Named:
    """The morning's returns to one sender."""
    if groups[0].head.format == BACS:
        return bacs_returns(groups)
    return Named("returns.ach", nacha.build(_file(groups, now, number, changes=False)))


def together(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Those that go into one file: by format and sender, and in Bacs by way and processing day too."""
    found: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        head = group.head
        key = (head.format, head.sender) if head.format != BACS else (head.format, head.sender, head.way, head.day)
        found.setdefault(key, []).append(group)
    return iter(found.values())


def changes(groups: Sequence[Group], now: int, number: int) -> Named:
    """The morning's notifications of change to one sender."""
    if groups[0].head.format == BACS:
        return bacs_changes(groups, datetime.fromtimestamp(now, UTC).date())
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
    meaning = RETURNS[item.code].meaning if item.code in RETURNS else REASONS[item.reason].meaning
    text = meaning.upper()[:44].rstrip()
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


# Bacs ------------------------------------------------------------------------


def bacs_returns(groups: Sequence[Group]) -> Named:
    """ARUCS or ARUDD, of one service user, way and processing day."""
    head = groups[0].head
    report: Literal["ARUCS", "ARUDD"] = "ARUCS" if head.way == "credit" else "ARUDD"
    items = tuple(_bacs_item(item, report, head.day) for group in groups for item in group.items)
    made = reports.Returns(report=report, user=head.originator, day=head.day, items=items)
    return Named(f"returns.{report.lower()}.xml", reports.build(made))


def bacs_changes(groups: Sequence[Group], day: date) -> Named:
    """AWACS: each credit was applied to the account that it names, which is the one whose payments arrive."""
    items = tuple(
        reports.Advice(reference=item.instruction.id, reason=WRONG_ACCOUNT, day=day, sort_code=item.instruction.bank,
                       number=item.instruction.account, name=item.instruction.name, new_sort_code=RIGHT_SORT_CODE,
                       new_number=RIGHT_NUMBER)
        for group in groups for item in group.items
    )  # fmt: skip
    made = reports.Advices(report="AWACS", user=groups[0].head.originator, day=day, items=items)
    return Named("changes.awacs.xml", reports.build(made))


def _bacs_item(item: Item, report: Literal["ARUCS", "ARUDD"], day: date) -> reports.Returned:
    """A reason that the report has no code for is told as its most general one."""
    one = item.instruction
    reason = item.code if item.code in bacs_codes.REASONS[report] else "0"
    return reports.Returned(reference=one.id, code=one.code, reason=reason, amount=one.amount, day=day,
                            sort_code=one.bank, number=one.account, name=one.name)  # fmt: skip
