"""Payouts and debits as ACH files (NACHA); returns and notifications of change as answers."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

import msgspec

from nostro.networks import nacha
from nostro.networks.file_error import FileError

from .file_format import BadAnswer, Built, Format, Item, Job, Refusal, too_much, wrong_number
from .instruction import Instruction, Receiver, plain

DESCRIPTION = 10  # characters that an ACH batch says about itself
MOST_CENTS = 9_999_999_999
LONGEST_NUMBER = 17


def _refusal(receiver: Receiver, amount: int) -> Refusal | None:
    routing, number = receiver.routing, receiver.number
    if len(routing) != 9 or not routing.isascii() or not routing.isdigit():
        return wrong_number("ACH needs a routing number of nine digits.")
    if int(routing[8]) != nacha.check_digit(routing):
        return wrong_number("The last digit of the routing number does not check the others.")
    if not number or len(number) > LONGEST_NUMBER or not number.isascii() or not number.isalnum():
        return wrong_number(f"ACH takes account numbers of up to {LONGEST_NUMBER} letters and digits.")
    return too_much("An ACH entry carries up to 99,999,999.99.") if amount > MOST_CENTS else None


def _build(job: Job) -> Built:
    ids = job.account.nacha
    assert ids is not None, f"{job.account.id} has no ids for ACH"
    ordered = sorted(job.payments, key=_batch_of)
    odfi = ids.routing_number[:8]
    traces = [f"{odfi}{(job.first_trace + n) % 10**7:07d}" for n in range(len(ordered))]
    traced = list(zip(traces, ordered, strict=True))
    batches = []
    for number, (key, members) in enumerate(groupby(traced, key=lambda pair: _batch_of(pair[1])), 1):
        entry_class, description, _ = key
        batches.append(
            nacha.Batch(
                entry_class="CCD" if entry_class == "CCD" else "PPD", company_name=ids.company_name,
                company_id=ids.company_id, description=description, effective_date=job.settles, odfi=odfi,
                number=number, entries=tuple(_entry(trace, payment) for trace, payment in members),
            )
        )  # fmt: skip
    made = datetime.fromtimestamp(job.now, UTC).replace(second=0, tzinfo=None)
    file = nacha.File(
        destination=ids.destination or ids.routing_number, origin=ids.company_id, created=made,
        batches=tuple(batches), modifier=_modifier(job.of_day), destination_name=ids.destination_name or "",
        origin_name=ids.company_name, reference=str(job.number)[-8:],
    )  # fmt: skip
    return Built(nacha.build(file), traced)


def _batch_of(payment: Instruction) -> tuple[str, str, bool]:
    """Class, description and direction: what an ACH batch has once for all its entries."""
    standard = "COLLECT" if payment.debit else "PAYOUT"
    description = payment.receiver.descriptor[:DESCRIPTION].strip() or standard
    return "CCD" if payment.receiver.kind == "company" else "PPD", description, payment.debit


def _entry(trace: str, payment: Instruction) -> nacha.Entry:
    receiver = payment.receiver
    return nacha.Entry(
        code=(27 if payment.debit else 22) + 10 * receiver.savings,
        routing_number=receiver.routing, account_number=receiver.number, amount=payment.amount,
        name=receiver.name[:22].strip(), trace_number=trace,
        individual_id=plain(payment.reference or payment.source.rpartition("_")[2])[-15:].strip(),
    )  # fmt: skip


def _modifier(of_day: int) -> str:
    """A to Z, then 0 to 9: what tells the files of one day apart; the 37th begins again, with another minute."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[of_day % 36]


def _read(content: bytes) -> list[Item]:
    try:
        file = nacha.read(content)
    except FileError as error:
        raise BadAnswer(str(error)) from None
    items = []
    for batch in file.batches:
        for entry in batch.entries:
            said = [addenda for addenda in entry.addenda if not isinstance(addenda, nacha.Addenda)]
            if not said:
                raise BadAnswer(f"the entry {entry.trace_number} is neither a return nor a notification of change")
            items += [_item(entry, addenda) for addenda in said]
    return items


def _item(entry: nacha.Entry, said: nacha.Return | nacha.Change) -> Item:
    if isinstance(said, nacha.Return):
        return Item(kind="return", trace=said.original_trace, code=said.code, amount=entry.amount, text=said.text)
    return Item(kind="change", trace=said.original_trace, code=said.code, text=said.corrected_data)


# Where a notification of change has what (from, to): routing number, account number, transaction code.
Place = tuple[int, int] | None
CORRECTED: dict[str, tuple[Place, Place, Place]] = {
    "C01": (None, (0, 17), None),
    "C02": ((0, 9), None, None),
    "C03": ((0, 9), (12, 29), None),
    "C05": (None, None, (0, 2)),
    "C06": (None, (0, 17), (20, 22)),
    "C07": ((0, 9), (9, 26), (26, 28)),
}


def _corrected(receiver: Receiver, item: Item) -> Item:
    """The item with the receiver as it is to be named from now on; without one if nothing usable is said."""
    places = CORRECTED.get(item.code)
    if places is None:
        return item
    routing, number, code = (item.text[slice(*place)].strip() if place else "" for place in places)
    changed = msgspec.structs.replace(
        receiver, routing=routing or receiver.routing, number=number or receiver.number,
        savings=code.startswith("3") if code else receiver.savings,
    )  # fmt: skip
    usable = any((routing, number, code)) and _refusal(changed, 0) is None
    return msgspec.structs.replace(item, receiver=changed if usable else None)


ACH = Format(
    suffix="ach", probe=Receiver(number="1", routing="000000000", name="PROBE"), refusal=_refusal, build=_build,
    corrected=_corrected, read=_read,
)  # fmt: skip
