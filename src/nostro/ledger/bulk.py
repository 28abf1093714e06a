"""Bulk: many entries in one request, a line each; one line of JSON is answered for each.

The body is newline-delimited JSON (each line the parameters of an entry) or CSV with a header (each line one debit
and one credit). With `atomic` all lines commit as one unit, or none does, and their limits are judged together.
Otherwise each line stands for itself, in order: a refused one changes nothing, and the limits of the next are judged
on what is there then. A `dry_run` among them sees what was committed.

Runs of plain transfers are booked as batches. Other lines are units of their own, given to the engine in their order
without waiting for one another, so they share commits; of those, lines with a `reference` are not booked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from nostro.events.event import publish
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, Conflict, Refused, invalid, refused
from nostro.kernel.resource import Download, Params, Resource, Shape, Verb, Wire
from nostro.storage.batch import Batch, Outcome
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit
from nostro.storage.world import World

from .app_entry import LedgerEntry, create
from .bulk_lines import Made, Slice, read
from .transfers import batch_of, plain

MOST_LINES = 100_000
MOST_AT_ONCE = 8_192  # lines that are read between two turns for other requests, and booked as one batch
LEAST = 64  # plain transfers in a row that are worth a batch
WINDOW = 256  # other lines that are built side by side and share a commit
encode = msgspec.json.Encoder().encode


class BulkParams(Params, frozen=True, kw_only=True):
    """The lines are the request's body, and its content type says the format: application/x-ndjson or text/csv."""

    lines: str
    atomic: bool = False
    format: Literal["ndjson", "csv"] = "ndjson"


class LineResult(Shape, frozen=True, kw_only=True):
    """What came of one line: the entry that it booked or had booked before, or why not."""

    line: int
    status: Literal["created", "existing", "refused", "dry_run"]
    dry_run: dict[str, Any] | None = None
    entry: str | None = None
    error: dict[str, Any] | None = None


async def bulk(world: World, scope: Scope, params: BulkParams) -> Download:
    count = params.lines.count("\n") + (not params.lines.endswith("\n")) - (params.format == "csv")
    if count > MOST_LINES:
        raise invalid(f"Send up to {MOST_LINES} lines at once; these are {count}.", "lines")
    answers: list[bytes] = []
    for part in read(params.lines, params.format, MOST_LINES if params.atomic else MOST_AT_ONCE):
        answers += await (_together(world, scope, part) if params.atomic else _in_order(world, scope, part))
    if not answers:
        raise invalid("There are no lines.", "lines", "parameter_missing")
    return Download(b"".join(answers), "application/x-ndjson", "results.ndjson")


# Batches ------------------------------------------------------------------------------


async def _in_order(world: World, scope: Scope, part: Slice) -> list[bytes]:
    """Line by line in effect: plain transfers in a row as a batch, the lines between them alone."""
    tx = Tx(world, scope)
    known, lines, words, good = await plain(tx, part.columns)
    answers: list[bytes] = []
    for begin, end, many in _stretches(good):
        if not many:
            answers += await _one_by_one(world, scope, [part.line(n) for n in range(begin, end)])
            continue
        tx = Tx(world, scope)
        batch = batch_of(tx, known, lines.only(slice(begin, end)), words)
        await _commit(world, tx)
        answers.append(_told(part.numbers[begin:end], batch))
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


async def _together(world: World, scope: Scope, part: Slice) -> list[bytes]:
    tx = Tx(world, scope)
    known, lines, words, good = await plain(tx, part.columns)
    if len(good) < LEAST or not good.all():
        return [as_line(result) for result in await _as_one_unit(world, scope, part)]
    batch = batch_of(tx, known, lines, words, atomic=True)
    await _commit(world, tx)
    return [_told(part.numbers, batch)]


async def _commit(world: World, tx: Tx) -> None:
    unit = tx.seal()
    await world.engine.commit(unit)
    world.work.set()


def _told(numbers: list[int], batch: Batch) -> bytes:
    """What came of the lines of a batch."""
    outcome = batch.outcome
    assert isinstance(outcome, Outcome), "the batch was committed"
    entry, said = outcome.first, outcome.refused
    if not said:
        cells = zip(numbers, range(entry, entry + len(numbers)), strict=True)
        return "".join([f'{{"line":{n},"status":"created","entry":"lent_{at}"}}\n' for n, at in cells]).encode()
    answers = []
    for n, number in enumerate(numbers):
        if n in said:
            answers.append(as_line(_refusal(number, refused(said[n]))))
        else:
            answers.append(as_line({"line": number, "status": "created", "entry": f"lent_{entry}"}))
            entry += 1
    return b"".join(answers)


def as_line(result: Wire) -> bytes:
    return encode(result) + b"\n"


# Other lines --------------------------------------------------------------------------


async def _as_one_unit(world: World, scope: Scope, part: Slice) -> list[Wire]:
    async def run(tx: Tx) -> list[Wire]:
        results = []
        for n, number in enumerate(part.numbers):
            try:
                results.append(await _book(tx, number, part.made(n)))
            except ApiError as error:
                error.message = f"Line {number}: {error.message.rstrip('.')}. Nothing was booked."
                raise
        return results

    return await perform(world, scope, run)


async def _one_by_one(world: World, scope: Scope, made: list[tuple[int, Made]]) -> list[bytes]:
    """Window after window: each window's units are built side by side and given to the engine in the lines' order."""
    results: list[bytes] = []
    for start in range(0, len(made), WINDOW):
        window = made[start : start + WINDOW]
        built = await asyncio.gather(*(_built(world, scope, *line) for line in window))
        tasks = [_committed(world, scope, *line, *one) for line, one in zip(window, built, strict=True)]
        results += [as_line(result) for result in await asyncio.gather(*tasks)]
    return results


async def _built(world: World, scope: Scope, number: int, line: Made) -> tuple[Wire, Unit | None]:
    tx = Tx(world, scope)
    try:
        wire = await _book(tx, number, line)
    except ApiError as error:
        return _refusal(number, error), None
    await publish(tx)
    unit = tx.seal()
    return wire, unit if unit.entries else None


async def _committed(world: World, scope: Scope, number: int, line: Made, wire: Wire, unit: Unit | None) -> Wire:
    """A unit that was built on what another has changed since is built again: a line that says what one before said."""
    if unit is None:
        return wire
    try:
        await world.engine.commit(unit)
    except Refused as refusal:
        return _refusal(number, refused(refusal))
    except Conflict:
        return await _again(world, scope, number, line)
    if unit.due is not None:
        world.work.set()
    return wire


async def _again(world: World, scope: Scope, number: int, line: Made) -> Wire:
    try:
        return await perform(world, scope, lambda tx: _book(tx, number, line))
    except ApiError as error:
        return _refusal(number, error)
    except Refused as refusal:
        return _refusal(number, refused(refusal))


async def _book(tx: Tx, number: int, line: Made) -> Wire:
    before = len(tx.unit.entries)
    made = await create(tx, line())
    if not isinstance(made, LedgerEntry):
        return {"line": number, "status": "dry_run", "dry_run": made}
    new = len(tx.unit.entries) > before
    return {"line": number, "status": "created" if new else "existing", "entry": made.id}


def _refusal(number: int, error: ApiError) -> Wire:
    said = {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
    return {
        "line": number, "status": "refused", "error": {name: value for name, value in said.items() if value},
    }  # fmt: skip


BULK: Resource[Any] = Resource(
    object="ledger.bulk",
    prefix="lbulk",
    record=LineResult,
    shape=LineResult,
    stored=False,
    doc="Many entries at once: newline-delimited JSON or CSV in, one line of JSON out for each. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/ledger/entries/bulk", run=bulk, params=BulkParams, kind="system",
             summary="Book a stream of entries; `atomic` in the query for all or nothing."),
    ),
)  # fmt: skip
RESOURCE = BULK
