"""Bulk: many entries in one request, a line each; one line of JSON is answered for each.

The body is newline-delimited JSON (each line the parameters of an entry) or CSV with a header (each line one debit
and one credit). With `atomic` all lines commit as one unit, or none does, and their limits are judged together.
Otherwise each line stands for itself: lines are given to the engine in their order without waiting for one another,
so they share commits, and the limits are judged line after line. A `dry_run` among them sees what was committed.

After a lost answer the same lines can be sent again: those with a `reference` are not booked twice.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from io import StringIO
from itertools import islice
from typing import Any, Literal

import msgspec

from nostro.events.event import publish
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, Conflict, Refused, invalid, refused
from nostro.kernel.params import convert
from nostro.kernel.resource import Download, Params, Resource, Shape, Verb, Wire
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit
from nostro.storage.world import World

from .app_entry import CreateParams, LedgerEntry, create

MOST_LINES = 50_000
MOST_COLUMNS = 100
WINDOW = 256  # lines that are built side by side and share a commit
COLUMNS = {"amount", "credit", "currency", "debit", "description", "effective_at", "kind", "reference"}
Made = Callable[[], CreateParams]
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
    if "\0" in params.lines:
        raise invalid("Invalid NUL byte in the lines.", "lines")
    made = _read_csv(params.lines) if params.format == "csv" else _read_json(params.lines)
    if not made:
        raise invalid("There are no lines.", "lines", "parameter_missing")
    if len(made) > MOST_LINES:
        raise invalid(f"Send up to {MOST_LINES} lines at once.", "lines")
    results = await (_together(world, scope, made) if params.atomic else _one_by_one(world, scope, made))
    return Download(b"".join(encode(result) + b"\n" for result in results), "application/x-ndjson", "results.ndjson")


# Booking ------------------------------------------------------------------------------


async def _together(world: World, scope: Scope, made: list[tuple[int, Made]]) -> list[Wire]:
    async def run(tx: Tx) -> list[Wire]:
        results = []
        for number, line in made:
            try:
                results.append(await _book(tx, number, line))
            except ApiError as error:
                error.message = f"Line {number}: {error.message.rstrip('.')}. Nothing was booked."
                raise
        return results

    return await perform(world, scope, run)


async def _one_by_one(world: World, scope: Scope, made: list[tuple[int, Made]]) -> list[Wire]:
    """Window after window: each window's units are built side by side and given to the engine in the lines' order."""
    results: list[Wire] = []
    for start in range(0, len(made), WINDOW):
        window = made[start : start + WINDOW]
        built = await asyncio.gather(*(_built(world, scope, *line) for line in window))
        tasks = [_committed(world, scope, *line, *one) for line, one in zip(window, built, strict=True)]
        results += await asyncio.gather(*tasks)
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


# Reading the lines --------------------------------------------------------------------


def _read_json(text: str) -> list[tuple[int, Made]]:
    """Numbers are those of the body's lines, from 1; empty lines are passed over. No more are read than may be sent."""
    lines = ((number, line) for number, line in enumerate(StringIO(text, newline="\n"), 1) if not line.isspace())
    return [(number, _json_line(line)) for number, line in islice(lines, MOST_LINES + 1)]


def _json_line(line: str) -> Made:
    def made() -> CreateParams:
        try:
            form = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            raise invalid("The line is not JSON.") from None
        if not isinstance(form, dict):
            raise invalid("The line is not a JSON object.")
        if "\\u0000" in line and _has_nul(form):
            raise invalid("Invalid NUL byte in the line.")
        return convert(form, CreateParams)

    return made


def _has_nul(value: Any) -> bool:
    """Texts with NUL bytes cannot be compared by every database."""
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    return any(map(_has_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


def _read_csv(text: str) -> list[tuple[int, Made]]:
    rows = csv.reader(StringIO(text))
    try:
        head = [name.strip() for name in next(rows, [])]
        if len(head) > MOST_COLUMNS:
            raise invalid(f"The first line names more than {MOST_COLUMNS} columns.", "lines")
        if twice := sorted({name[:40] for name in head if head.count(name) > 1}):
            raise invalid(f"The first line names a column twice: {', '.join(twice)}.", "lines")
        unknown = sorted({name[:40] for name in head if not name.startswith("metadata.")} - COLUMNS)
        if unknown or not {"debit", "credit", "amount"} <= set(head):
            raise invalid(
                f"The first line names the columns: debit, credit and amount, and of {', '.join(sorted(COLUMNS))} and "
                f"metadata.KEY what is needed.{' Unknown: ' + ', '.join(unknown) + '.' if unknown else ''}", "lines",
            )  # fmt: skip
        lines = ((rows.line_num, row) for row in rows if row)
        return [(number, _csv_line(head, row)) for number, row in islice(lines, MOST_LINES + 1)]
    except csv.Error as error:
        raise invalid(f"The CSV cannot be read: {error}.", "lines") from None


def _csv_line(head: list[str], row: list[str]) -> Made:
    def made() -> CreateParams:
        if len(row) != len(head):
            raise invalid(f"The line has {len(row)} fields, the header {len(head)}.")
        cells = {name: value.strip() for name, value in zip(head, row, strict=True) if value.strip()}
        sides = {side: cells.pop(side, None) for side in ("debit", "credit")}
        amount = cells.pop("amount", None)
        postings = [{"account": account, "amount": amount, "direction": side} for side, account in sides.items()]
        prefix = "metadata."
        metadata = {name.removeprefix(prefix): cells.pop(name) for name in [*cells] if name.startswith(prefix)}
        form: dict[str, Any] = {**cells, "postings": postings, "metadata": metadata or None}
        return convert(form, CreateParams)

    return made


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
