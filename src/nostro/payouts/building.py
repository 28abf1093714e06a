"""Writing a file of payments, without those that no file can carry: one bad payment does not hold up the others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from nostro.storage.tx import Tx

from .bank_formats import refusal
from .file_format import Built, Format, Job, Refusal
from .instruction import SET_ASIDE, Instruction
from .outcome import tell

Aside = tuple[Instruction, Refusal]


class Written(Struct, frozen=True):
    """`built` is None if no payment could be written. `left` of them are for another file: together with these they are
    more than one can carry."""

    built: Built | None
    aside: Sequence[Aside] = ()
    left: int = 0


def written(format: Format | None, job: Job) -> Written:
    """Raises ValueError if it is not the payments that cannot be written, but the account's own names."""
    known = {n: why for n, one in enumerate(job.payments) if (why := _refusal(job, one)) is not None}
    aside = [(job.payments[n], why) for n, why in known.items()]
    good = [one for n, one in enumerate(job.payments) if n not in known]
    if format is None or not good:
        return Written(None, aside)
    if built := _attempt(format, _with(job, good)):
        return Written(built, aside)
    tried = [(one, _alone(format, job, one)) for one in good]
    aside += [(one, why) for one, why in tried if why is not None]
    good = [one for one, why in tried if why is None]
    if not good:
        format.build(_with(job, [msgspec.structs.replace(job.payments[0], amount=1, receiver=format.probe)]))
    some = len(good)
    while some:
        if built := _attempt(format, _with(job, good[:some])):
            return Written(built, aside, len(good) - some)
        some //= 2
    assert not good, f"{good[0].source} can be written alone, and not as the first of a file"
    return Written(None, aside)


def _refusal(job: Job, payment: Instruction) -> Refusal | None:
    return refusal(job.account, payment.receiver, payment.amount, debit=payment.debit)


def _attempt(format: Format, job: Job) -> Built | None:
    try:
        return format.build(job)
    except ValueError:
        return None


def _alone(format: Format, job: Job, payment: Instruction) -> Refusal | None:
    """Why it cannot be written even alone."""
    try:
        format.build(_with(job, [payment]))
    except ValueError as error:
        return Refusal("could_not_process", f"No file of the bank's format can carry it: {error}.")
    return None


def _with(job: Job, payments: Sequence[Instruction]) -> Job:
    return msgspec.structs.replace(job, payments=payments)


def set_aside(tx: Tx, payments: Sequence[Aside]) -> None:
    """They are in no file and will be in none: each is told, and fails with the reason."""
    by = tx.new_id("aside")
    for n, (one, why) in enumerate(payments):
        where = (tx.scope.book, one.source, one.reference)
        tx.write_row(SET_ASIDE, (f"{by}-{n:06d}", why.code, why.text, by, *where))
    tell(tx, [one for one, _ in payments], "answered", by)
