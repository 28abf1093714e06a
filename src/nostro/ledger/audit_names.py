"""The audit of the references of batches: those that the hash chain covers, each found by its hash in the runs."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from nostro.storage.batch import BatchRow, Words
from nostro.storage.columns import Ints, unpacked
from nostro.storage.engine import Engine
from nostro.storage.names import digest_of, hashes_of, may_have

from .named import FAMILY
from .problem import Problem

AT_ONCE = 2**21  # names that are compared at once
ROWS = 64
PAGES = 256
TOP = 2**63
INSIDE = "SELECT first, last, names FROM ledger_name WHERE first>=? AND first<=? ORDER BY first"
# Runs whose scope is negative were merged and wait to be cleared away.
SCOPES = "SELECT DISTINCT scope FROM ledger_name UNION SELECT DISTINCT scope FROM ledger_name_run WHERE scope>0"
NEXT_RUN = "SELECT run, first, last, lines FROM ledger_name_run WHERE scope=? AND first>? ORDER BY first LIMIT 1"
STILL_THERE = "SELECT 1 FROM ledger_name_run WHERE run=? AND scope=?"
NEXT_NAMES = "SELECT first, names FROM ledger_name WHERE scope=? AND first>? AND first<=? ORDER BY first LIMIT ?"
NEXT_PAGES = (
    "SELECT hash, entry, lines FROM ledger_name_page WHERE run=? AND (hash, entry) > (?, ?) "
    "ORDER BY hash, entry LIMIT ?"
)
FILTERS = "SELECT hash, bits FROM ledger_name_filter WHERE run=? ORDER BY hash"


async def named_wrong(engine: Engine, row: BatchRow, words: Words) -> str | None:
    """What is wrong with the references of a batch."""
    sha, next = hashlib.sha256(), row[0]
    rows = await engine.rows(INSIDE, (row[0], row[1]))
    for first, last, said in rows:
        sha.update(said)
        if first != next:
            break
        next = last + 1
    whole = next == row[1] + 1 and sha.hexdigest() == words.names
    return None if (whole if words.names else not rows) else "its references are not those that were booked"


async def check_names(engine: Engine, last: int) -> list[Problem]:
    """The runs of each scope have the names of its batches up to an entry, and nothing else."""
    problems: list[Problem] = []
    for (scope,) in sorted(await engine.rows(SCOPES)):
        covered = 0
        while runs := await engine.rows(NEXT_RUN, (scope, covered)):
            run = runs[0]
            if run[1] > last:
                break
            what = await _wrong(engine, scope, covered, run)
            if what is not None:
                if not await engine.rows(STILL_THERE, (run[0], scope)):
                    continue  # it was merged meanwhile
                problems.append(Problem(f"references of entries {run[1]} to {run[2]}", what))
            covered = max(run[1], run[2])
        left = await engine.rows(NEXT_NAMES, (scope, covered, last, 1))
        if left:
            problems.append(Problem(f"references of entry {left[0][0]} and on", "no run has them"))
    return problems


async def _wrong(engine: Engine, scope: int, covered: int, run: tuple[Any, ...]) -> str | None:
    """Large runs are compared part by part, so that memory stays small."""
    number, _, last, count = run
    parts = count // AT_ONCE + 1
    filters = await engine.rows(FILTERS, (number,))
    seen = 0
    for part in range(parts):
        low, high = TOP * part // parts, TOP * (part + 1) // parts - 1
        try:
            expected = await _expected(engine, scope, covered, last, low, high)
            stored = await _stored(engine, number, low, high)
        except (ValueError, msgspec.DecodeError) as error:
            return f"cannot be read: {error}"
        if any(len(one) != len(other) or (one != other).any() for one, other in zip(stored, expected, strict=True)):
            return "are not those of its batches"
        seen += len(stored[0])
        if not _pass(filters, stored[0]):
            return "has a filter that does not let its own names through"
    return None if seen == count else f"are {seen} and should be {count}"


async def _expected(engine: Engine, scope: int, after: int, last: int, low: int, high: int) -> list[Ints]:
    """Hash and entry of the scope's names, by hash."""
    parts: list[list[Ints]] = [[np.zeros(0, np.int64)] * 2]
    while rows := await engine.rows(NEXT_NAMES, (scope, after, last, ROWS)):
        for first, said in rows:
            named = [(n, text) for n, text in enumerate(msgspec.json.decode(said, type=list[str])) if text]
            if named:
                hashes = hashes_of([digest_of(FAMILY, text) for _, text in named])
                parts.append(_within([hashes, first + np.array([n for n, _ in named], np.int64)], low, high))
        after = rows[-1][0]
    hashes, entries = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(hashes, kind="stable")
    return [hashes[order], entries[order]]


async def _stored(engine: Engine, run: int, low: int, high: int) -> list[Ints]:
    parts: list[list[Ints]] = [[np.zeros(0, np.int64)] * 2]
    hash = entry = -1
    while rows := await engine.rows(NEXT_PAGES, (run, hash, entry, PAGES)):
        for *key, page in rows:
            columns = unpacked(page)
            if len(columns) != 2 or key != [int(column[0]) for column in columns]:
                raise ValueError("a page does not begin where it should")
            parts.append(_within(columns, low, high))
        hash, entry = rows[-1][:2]
    found = [np.concatenate(column) for column in zip(*parts, strict=True)]
    if (np.diff(found[0]) <= 0).any():
        raise ValueError("its pages are not in order")
    return found


def _within(columns: list[Ints], low: int, high: int) -> list[Ints]:
    inside = (columns[0] >= low) & (columns[0] <= high)
    return [column[inside] for column in columns]


def _pass(filters: list[tuple[Any, ...]], hashes: Ints) -> bool:
    if not filters:
        return not len(hashes)
    edges = np.searchsorted(hashes, [hash for hash, _ in filters]).tolist()
    if edges[0] > 0 and int(hashes[0]) < filters[0][0]:
        return False
    return all(
        may_have(np.frombuffer(bits, np.uint8), hashes[begin:end]).all()
        for (_, bits), begin, end in zip(filters, edges, [*edges[1:], len(hashes)], strict=True)
    )
