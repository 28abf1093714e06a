"""Bulk: many entries in one request, a line each; one line of JSON is answered for each.

The body is newline-delimited JSON (each line the parameters of an entry) or CSV with a header (each line one debit
and one credit). With `atomic` all lines commit as one unit, or none does, and their limits are judged together.
Otherwise each line stands for itself, in order: a refused one changes nothing, and the limits of the next are judged
on what is there then. A `dry_run` among them sees what was committed.

Runs of plain transfers are booked as batches. Other lines are units of their own, given to the engine in their order
without waiting for one another, so they share commits. Lines with a `reference` are not booked twice, whichever way
they take. With a `reference` for the whole stream nothing of it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nostro.kernel.errors import Conflict, invalid
from nostro.kernel.pace import Pace
from nostro.kernel.resource import Download, Params, Resource, Shape, Verb
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .bulk_again import told_again
from .bulk_lines import Slice, read
from .bulk_once import once
from .bulk_results import told
from .bulk_single import as_one_unit, one_by_one
from .reference import ReferenceParam
from .transfers import batch_of, commit, plain

MOST_LINES = 100_000
MOST_AT_ONCE = 8_192  # lines that are read between two turns for other requests, and booked as one batch
LEAST = 64  # plain transfers in a row that are worth a batch
ATTEMPTS = 5


class BulkParams(Params, frozen=True, kw_only=True):
    """The lines are the request's body, and its content type says the format: application/x-ndjson or text/csv."""

    lines: str
    atomic: bool = False
    format: Literal["ndjson", "csv"] = "ndjson"
    reference: ReferenceParam | None = None


class LineResult(Shape, frozen=True, kw_only=True):
    """What came of one line: the entry that it booked or had booked before, or why not."""

    line: int
    status: Literal["created", "existing", "refused", "dry_run"]
    dry_run: dict[str, Any] | None = None
    entry: str | None = None
    error: dict[str, Any] | None = None


async def bulk(world: World, scope: Scope, params: BulkParams) -> Download:
    if "\0" in params.lines:
        raise invalid("Invalid NUL byte in the lines.", "lines")
    count = params.lines.count("\n") + (not params.lines.endswith("\n")) - (params.format == "csv")
    if count > MOST_LINES:
        raise invalid(f"Send up to {MOST_LINES} lines at once; these are {count}.", "lines")
    answers: list[str] = []
    size = MOST_LINES if params.atomic else MOST_AT_ONCE
    n, pace = 0, Pace()
    async for part in read(params.lines, params.format, size, pace):
        if params.reference is not None:
            answers += await once(world, scope, part, f"{n}:{params.reference}", params.atomic, pace)
        else:
            answers += await (_together if params.atomic else _in_order)(world, scope, part, pace)
        await pace.give_way()
        n += 1
    if not answers:
        raise invalid("There are no lines.", "lines", "parameter_missing")
    return Download("".join(answers).encode(), "application/x-ndjson", "results.ndjson")


async def _in_order(world: World, scope: Scope, part: Slice, pace: Pace) -> list[str]:
    """Line by line in effect: plain transfers in a row as a batch, the lines between them alone."""
    answers: dict[int, str] = {}
    left = part
    for _ in range(ATTEMPTS):
        left = await _go_on(world, scope, left, answers, pace)
        if not left.numbers:
            break
    await _alone(world, scope, left, range(len(left.numbers)), answers)
    return [answers[number] for number in part.numbers]


async def _go_on(world: World, scope: Scope, part: Slice, answers: dict[int, str], pace: Pace) -> Slice:
    """Answer the lines, by their numbers, and return those that are left if another unit was first. A line whose
    reference is in use changes nothing, so it need not wait for its turn."""
    tx = Tx(world, scope)
    found = await plain(tx, part.columns, pace)
    order = np.arange(len(found.good))
    if there := found.there:
        again = await told_again(tx, part, found, pace)
        answers |= {part.numbers[n]: answer for n, answer in again.items()}
        await _alone(world, scope, part, [n for n in there if n not in again], answers)
        order = np.delete(order, list(there))
    for begin, end, many in _stretches(found.good[order]):
        places = order[begin:end]
        if not many:
            await _alone(world, scope, part, places.tolist(), answers)
            continue
        await pace.give_way()
        tx = Tx(world, scope)
        batch = batch_of(tx, found, places)
        await pace.give_way()
        try:
            await commit(tx, found)
        except Conflict:  # a reference came into use, or a period was closed meanwhile
            return part.only(order[begin:].tolist())
        await pace.give_way()
        numbers = [part.numbers[n] for n in places.tolist()]
        answers |= zip(numbers, told(numbers, batch.outcome), strict=True)
    return part.only([])


async def _alone(
    world: World, scope: Scope, part: Slice, places: Sequence[int], answers: dict[int, str]
) -> None:  # fmt: skip
    lines = [part.line(n) for n in places]
    answers |= zip((number for number, _ in lines), await one_by_one(world, scope, lines), strict=True)


def _stretches(good: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of each stretch, and whether its lines are good and enough for a batch."""
    if not len(good):
        return
    edges = [0, *(np.flatnonzero(good[1:] != good[:-1]) + 1).tolist(), len(good)]
    last = 0
    for begin, end in pairwise(edges):
        if good[begin] and end - begin >= LEAST:
            if last < begin:
                yield last, begin, False
            yield begin, end, True
            last = end
    if last < len(good):
        yield last, len(good), False


async def _together(world: World, scope: Scope, part: Slice, pace: Pace) -> list[str]:
    tx = Tx(world, scope)
    found = await plain(tx, part.columns, pace)
    again = await told_again(tx, part, found, pace)
    if len(again) == len(found.good):
        return [again[n] for n in range(len(again))]
    if len(found.good) < LEAST or found.there or not found.good.all():
        return await as_one_unit(world, scope, part)
    batch = batch_of(tx, found, slice(None), atomic=True)
    try:
        await commit(tx, found)
    except Conflict:  # a reference came into use, or a period was closed meanwhile
        return await as_one_unit(world, scope, part)
    return told(part.numbers, batch.outcome)


BULK: Resource[Any] = Resource(
    object="ledger.bulk",
    prefix="lbulk",
    record=LineResult,
    shape=LineResult,
    stored=False,
    doc="Many entries at once: newline-delimited JSON or CSV in, one line of JSON out for each. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/ledger/entries/bulk", run=bulk, params=BulkParams, kind="system",
             answers=Download, body="lines",
             summary="Book a stream of entries; `atomic` in the query for all or nothing."),
    ),
)  # fmt: skip
RESOURCE = BULK
