"""Bulk: many entries in one request, a line each; one line of JSON is answered for each.

The body is newline-delimited JSON (each line the parameters of an entry) or CSV with a header (each line one debit
and one credit). With `atomic` all lines commit as one unit, or none does, and their limits are judged together.
Otherwise each line stands for itself, in order: a refused one changes nothing, and the limits of the next are judged
on what is there then. A `dry_run` among them sees what was committed.

Runs of plain transfers are booked as batches. Other lines are units of their own, given to the engine in their order
without waiting for one another, so they share commits; of those, lines with a `reference` are not booked twice. With
a `reference` for the whole stream nothing of it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nostro.kernel.errors import Conflict, invalid
from nostro.kernel.resource import Download, Params, Resource, Shape, Verb
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .bulk_lines import Slice, read
from .bulk_once import once
from .bulk_results import told
from .bulk_single import as_one_unit, one_by_one
from .reference import ReferenceParam
from .transfers import batch_of, commit, plain

MOST_LINES = 100_000
MOST_AT_ONCE = 8_192  # lines that are read between two turns for other requests, and booked as one batch
LEAST = 64  # plain transfers in a row that are worth a batch


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
    for n, part in enumerate(read(params.lines, params.format, size)):
        await asyncio.sleep(0)  # others have their turn
        if params.reference is not None:
            answers += await once(world, scope, part, f"{n}:{params.reference}", params.atomic)
        else:
            answers += await (_together if params.atomic else _in_order)(world, scope, part)
    if not answers:
        raise invalid("There are no lines.", "lines", "parameter_missing")
    return Download("".join(answers).encode(), "application/x-ndjson", "results.ndjson")


async def _in_order(world: World, scope: Scope, part: Slice) -> list[str]:
    """Line by line in effect: plain transfers in a row as a batch, the lines between them alone."""
    found = await plain(Tx(world, scope), part.columns)
    answers: list[str] = []
    for begin, end, many in _stretches(found.good):
        if not many:
            answers += await one_by_one(world, scope, [part.line(n) for n in range(begin, end)])
            continue
        await asyncio.sleep(0)
        tx = Tx(world, scope)
        batch = batch_of(tx, found.known, found.lines.only(slice(begin, end)), found.words)
        try:
            await commit(tx)
        except Conflict:  # a period was closed meanwhile
            answers += await one_by_one(world, scope, [part.line(n) for n in range(begin, end)])
            continue
        answers += told(part.numbers[begin:end], batch.outcome)
        await asyncio.sleep(0)
    return answers


def _stretches(good: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of each stretch, and whether its lines are good and enough for a batch."""
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


async def _together(world: World, scope: Scope, part: Slice) -> list[str]:
    tx = Tx(world, scope)
    found = await plain(tx, part.columns)
    if len(found.good) < LEAST or not found.good.all():
        return await as_one_unit(world, scope, part)
    batch = batch_of(tx, found.known, found.lines, found.words, atomic=True)
    try:
        await commit(tx)
    except Conflict:  # a period was closed meanwhile
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
