"""Journal: the entries of a span in the order of their numbers, read as a stream, those of batches too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nostro.ledger.batches import BATCH, entry_id
from nostro.storage.batch import BatchRow, transfers_of, words_of
from nostro.storage.engine import Engine

from .turnover import Cuts

AT_ONCE = 2_000
ENTRIES = (
    "SELECT entry, kind, source, recorded, effective, reverses, description, postings FROM ledger_entry "
    "WHERE book=? AND entry>? AND entry<=? AND effective>=? AND effective<? ORDER BY entry LIMIT ?"
)
NEXT_BATCH = f"SELECT {BATCH} FROM ledger_batch WHERE book=? AND first>? AND first<=? ORDER BY first LIMIT 1"
ANY_LATE = "SELECT 1 FROM ledger_late WHERE entry>? AND entry<=? AND effective>=? AND effective<? LIMIT 1"
FAR = 2**62
Told = Callable[[str, int, int], None]
decode = msgspec.json.Decoder(list[tuple[int, int]]).decode


class Booked(NamedTuple):
    """One entry. `recorded` is machine time in microseconds, `effective` the sandbox's in seconds; `lines` are account
    numbers and minor units, debit positive."""

    number: int
    kind: str
    source: str
    recorded: int
    effective: int
    reverses: int | None
    description: str | None
    lines: list[tuple[int, int]]


async def journal(engine: Engine, at: Cuts, told: Told = lambda what, done, total: None) -> AsyncIterator[list[Booked]]:
    """Some at a time. What came late stands behind the rest, where its number is. `told` hears how far it is."""
    since, until = (at.begin.moment, at.end.moment) if at.end.moment else (-FAR, FAR)
    async for part in _between(engine, at, at.begin.last, at.end.last, since, until):
        told("entries", part[-1].number - at.begin.last, at.newest - at.begin.last)
        yield part
    if await engine.rows(ANY_LATE, (at.end.last, at.newest, since, until)):
        async for part in _between(engine, at, at.end.last, at.newest, since, until):
            told("entries", part[-1].number - at.begin.last, at.newest - at.begin.last)
            yield part
    told("entries", at.newest - at.begin.last, at.newest - at.begin.last)


async def _between(
    engine: Engine, at: Cuts, after: int, last: int, since: int, until: int
) -> AsyncIterator[list[Booked]]:
    while True:
        batches = await engine.rows(NEXT_BATCH, (at.book, after, last))
        end = batches[0][0] if batches else last
        while rows := await engine.rows(ENTRIES, (at.book, after, end, since, until, AT_ONCE)):
            yield [Booked._make((*row[:7], decode(row[7]))) for row in rows]
            after = rows[-1][0]
            await asyncio.sleep(0)
        if not batches:
            return
        batch: BatchRow = batches[0]
        if part := _of_batch(batch, since, until):
            yield part
        after = batch[0]
        await asyncio.sleep(0)


def _of_batch(batch: BatchRow, since: int, until: int) -> list[Booked]:
    lines, words = transfers_of(batch), words_of(batch)
    at = np.flatnonzero((lines.effective >= since) & (lines.effective < until))
    columns: Any = [column.tolist() for column in (batch[0] + at, *lines.only(at))]
    return [
        Booked(number, words.kinds[kind], entry_id(number), batch[3], effective, None, words.descriptions[described],
               [(debit, amount), (credit, -amount)])
        for number, debit, credit, amount, effective, kind, described in zip(*columns, strict=True)
    ]  # fmt: skip
