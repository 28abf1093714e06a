"""Entries that were booked in batches, as the journal shows them: each is an entry like any other.

They have no row of their own; the numbers of a batch's entries run on, so a number says which batch and which line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from nostro.storage.batch import BatchRow, Transfers, words_of
from nostro.storage.columns import head_size, row_of, same_of
from nostro.storage.engine import Engine
from nostro.storage.runs import ask, newest

BATCH = "first, last, book, recorded, created, latest, reference, words, columns"
HOLDS = f"SELECT {BATCH} FROM ledger_batch WHERE first<=? ORDER BY first DESC LIMIT 1"
HEAD = HOLDS.replace("columns FROM", f"substr(columns,1,{head_size(len(Transfers._fields))}) FROM")
EntryRow = tuple[Any, ...]
END = 2**63 - 1


def entry_id(number: int) -> str:
    """Entries without a record, of batches and of the product's own, are called by their number."""
    return f"lent_{number}"


async def at(engine: Engine, numbers: Iterable[int]) -> list[EntryRow]:
    """Those of these entries that are in batches, the newest first, as rows of `ledger_entry`, when they were made
    (seconds, the sandbox's time), and whether their caller said when they take effect (for those with a reference)."""
    found: list[EntryRow] = []
    wanted = sorted(set(numbers))
    while wanted:
        batches = await engine.rows(HOLDS, (wanted[-1],))
        if not batches:
            break
        batch: BatchRow = batches[0]
        inside = [number for number in wanted if batch[0] <= number <= batch[1]]
        found += _rows(batch, reversed(inside))
        wanted = [number for number in wanted if number < batch[0]]
    return found


async def about(engine: Engine, numbers: Iterable[int]) -> dict[int, tuple[str, str, int, int, str | None]]:
    """Kind, source, recorded and effective time and description of entries of batches. Most batches have the same
    of each in every line: then their columns are not read."""
    found: dict[int, tuple[str, str, int, int, str | None]] = {}
    wanted = list(numbers)
    heads = await asyncio.gather(*(engine.rows(HEAD, (number,)) for number in wanted))
    differ = []
    for number, rows in zip(wanted, heads, strict=True):
        batch: BatchRow = rows[0]
        *_, effective, kind, description = same_of(batch[8], len(Transfers._fields))
        if effective is None or kind is None or description is None:
            differ.append(number)
            continue
        words = words_of(batch)
        found[number] = words.kinds[kind], entry_id(number), batch[3], effective, words.descriptions[description]
    found |= {row[0]: (row[2], row[3], row[4], row[5], row[7]) for row in await at(engine, differ)}
    return found


async def named(engine: Engine, book: int, reference: str) -> BatchRow | None:
    """The batch of a part of a stream that its caller has named."""
    rows = await engine.rows(f"SELECT {BATCH} FROM ledger_batch WHERE book=? AND reference=?", (book, reference))
    return rows[0] if rows else None


async def listed(engine: Engine, book: int | None, kind: str | None, before: int, limit: int) -> list[EntryRow]:
    """The newest entries of batches with a lower number, of a kind if one is given."""
    found: list[EntryRow] = []
    while len(found) < limit:
        values: list[Any] = [before]
        table, where = "ledger_batch b", "b.first<?"
        if kind is not None:
            table += " JOIN ledger_batch_kind k ON k.first=b.first AND k.book=b.book"
            where, values = f"{where} AND k.first<? AND k.kind=?", [*values, before, kind]
        if book is not None:
            where, values = f"{where} AND {'k' if kind else 'b'}.book=?", [*values, book]
        columns = ", ".join(f"b.{name}" for name in BATCH.split(", "))
        order = "k.first" if kind and book is not None else "b.first"
        rows = await engine.rows(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order} DESC LIMIT 1", values)
        if not rows:
            break
        batch: BatchRow = rows[0]
        numbers = range(min(before - 1, batch[1]), batch[0] - 1, -1)
        found += _rows(batch, numbers, kind, limit - len(found))
        before = batch[0]
    return found


async def of_account(
    engine: Engine, book: int, account: int, kind: str | None, before: int, limit: int
) -> list[EntryRow]:
    """The same for those that touch an account."""
    found: list[EntryRow] = []
    while len(found) < limit:
        lines = await ask(engine.rows, newest(book, account, before - 1, limit))
        if not lines:
            break
        rows = await at(engine, (line.entry for line in lines))
        found += [row for row in rows if kind is None or row[2] == kind]
        before = lines[-1].entry
    return found[:limit]


def _rows(
    batch: BatchRow, numbers: Iterable[int], kind: str | None = None, limit: int | None = None
) -> Sequence[EntryRow]:
    words = words_of(batch)
    found: list[EntryRow] = []
    for number in numbers:
        if limit is not None and len(found) >= limit:
            break
        debit, credit, amount, effective, kinds, description = row_of(batch[8], number - batch[0])
        if kind is None or words.kinds[kinds] == kind:
            found.append((
                number, batch[2], words.kinds[kinds], entry_id(number), batch[3], effective, None,
                words.descriptions[description], f"[[{debit},{amount}],[{credit},{-amount}]]", batch[4], words.dated,
            ))  # fmt: skip
    return found
