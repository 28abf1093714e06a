"""A bulk stream that its caller has named: it can be sent again, in the same parts, and nothing is booked twice.

The plain transfers of a part are one batch that carries the name; whatever was refused stays refused. The part's other
lines follow them, each under a reference that follows from the name.
"""

from __future__ import annotations

import msgspec
import numpy as np

from nostro.kernel.errors import ApiError, Conflict, Refused
from nostro.kernel.pace import Pace
from nostro.storage.batch import Outcome, words_of
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import batches
from .app_entry import CreateParams
from .bulk_again import told_again
from .bulk_lines import Made, Slice
from .bulk_results import told
from .bulk_single import as_one_unit, one_by_one
from .reference import content_of, keep, known
from .transfers import batch_of, commit, plain

FAMILY = "bulk"
ATTEMPTS = 20
Told = dict[int, str]


async def once(world: World, scope: Scope, part: Slice, name: str, atomic: bool, pace: Pace) -> list[str]:
    answers = await _batched(world, scope, part, name, atomic, pace)
    if atomic and len(answers) < len(part.numbers):  # then there is no batch, see below
        made = part.made
        part.made = lambda n: _named(made(n), f"{name}:{part.numbers[n]}")
        return await as_one_unit(world, scope, part)
    if part.columns.reference is not None:
        answers |= await _again(world, scope, part, answers, pace)
    other = [
        (number, _named(part.made(n), f"{name}:{number}"))
        for n, number in enumerate(part.numbers)
        if number not in answers
    ]
    answers |= dict(zip((number for number, _ in other), await one_by_one(world, scope, other), strict=True))
    return [answers[number] for number in part.numbers]


async def _batched(world: World, scope: Scope, part: Slice, name: str, atomic: bool, pace: Pace) -> Told:
    """What came of the plain transfers, now or before."""
    columns = msgspec.structs.asdict(part.columns)
    if columns["reference"] is None:
        del columns["reference"]  # it was not there when the first streams were booked
    content = content_of([columns, atomic])
    for _ in range(ATTEMPTS):
        tx = Tx(world, scope)
        existing = await known(tx, FAMILY, name, content)
        answers = None if existing is None else await _before(world, scope, part, name)
        if answers is not None:
            return answers
        if existing is None:
            keep(tx, FAMILY, name, name, content)
        try:
            return await _booked(tx, part, name, atomic, pace)
        except Conflict:
            continue  # the same part was sent twice at once
    raise ApiError("This part of the stream is being booked by another request.", status=409, code="lock_timeout")


async def _again(world: World, scope: Scope, part: Slice, answers: Told, pace: Pace) -> Told:
    """Of the lines that have no answer yet, what came of those that were booked under their own references."""
    left = part.only([n for n, number in enumerate(part.numbers) if number not in answers])
    if not left.numbers:
        return {}
    tx = Tx(world, scope)
    told_of = await told_again(tx, left, await plain(tx, left.columns, pace), pace)
    return {left.numbers[n]: answer for n, answer in told_of.items()}


async def _before(world: World, scope: Scope, part: Slice, name: str) -> Told | None:
    row = await batches.named(world.engine, scope.book, name)
    if row is None:
        return None  # none of its lines could be booked
    words = words_of(row)
    left = set(words.left_out)
    numbers = [number for n, number in enumerate(part.numbers) if n not in left]
    refused = {n: Refused(*said) for n, said in words.refused.items()}
    return dict(zip(numbers, told(numbers, Outcome(row[0], refused), "existing"), strict=True))


async def _booked(tx: Tx, part: Slice, name: str, atomic: bool, pace: Pace) -> Told:
    found = await plain(tx, part.columns, pace)
    await pace.give_way()
    new = found.good.copy()
    new[list(found.there)] = False
    if not new.any() or (atomic and not new.all()):
        return {}
    words = msgspec.structs.replace(found.words, left_out=np.flatnonzero(~new).tolist())
    batch = batch_of(tx, found._replace(words=words), new, atomic)
    batch.reference = name
    await pace.give_way()
    await commit(tx, found)
    await pace.give_way()
    numbers = [part.numbers[n] for n in np.flatnonzero(new).tolist()]
    return dict(zip(numbers, told(numbers, batch.outcome), strict=True))


def _named(made: Made, reference: str) -> Made:
    def named() -> CreateParams:
        params = made()
        return params if params.reference else msgspec.structs.replace(params, reference=reference)

    return named
