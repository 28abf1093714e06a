"""Names: the references of entries in batches, found by hash in sorted runs (runs.py has those of lines).

Each batch is written with one run of its names, by hash, cut into pages; runs are merged like those of lines. Nearly
every name that is looked for is new, so for each part of a run there is a Bloom filter of two bytes a name: one name in
four hundred that is not there costs a page. In a scope no hash is there twice: a name whose hash is taken is booked
by itself, under a record.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nostro.kernel.pace import Pace

from .batch import Names
from .columns import Ints, packed, unpacked
from .runs import Row, run_number

PAGE = 512
PART = 65_536  # names that share a filter
CHUNK = 512  # names that are stored in one row
PROBES = 4
LEAST_BITS = 1024
AT_ONCE = 64
NONE = ""
REMEMBERED = 64_000_000  # bytes of filters
INSERT = "INSERT INTO ledger_name (first,last,scope,names) VALUES (?,?,?,?)"
INSERT_RUN = "INSERT INTO ledger_name_run (run,scope,level,first,last,lines) VALUES (?,?,?,?,?,?)"
INSERT_PAGE = "INSERT INTO ledger_name_page (run,hash,entry,lines) VALUES (?,?,?,?)"
INSERT_FILTER = "INSERT INTO ledger_name_filter (run,hash,bits) VALUES (?,?,?)"
RUNS = "SELECT run, last, lines FROM ledger_name_run WHERE scope=? ORDER BY first DESC"
FILTERS = "SELECT hash FROM ledger_name_filter WHERE run=? ORDER BY hash"
BITS = "SELECT bits FROM ledger_name_filter WHERE run=? AND hash=?"
AT = "SELECT lines FROM ledger_name_page WHERE run=? AND (hash, entry) <= (?, ?) ORDER BY hash DESC, entry DESC LIMIT 1"
PAGES = (
    "SELECT hash, entry, lines FROM ledger_name_page WHERE run=? AND (hash, entry) > (?, ?) "
    "ORDER BY hash, entry LIMIT ?"
)
# The page of each run that would have a hash.
IN_EACH = (
    "SELECT r.last, (SELECT p.lines FROM ledger_name_page p WHERE p.run=r.run AND (p.hash, p.entry) <= (?, ?) "
    "ORDER BY p.hash DESC, p.entry DESC LIMIT 1) FROM ledger_name_run r WHERE r.scope=? ORDER BY r.first DESC"
)
NEWER = "SELECT last FROM ledger_name_run WHERE scope=? AND last>? LIMIT 1"
"""Finds something if names were booked in batches since the last of them was entry `last`."""
NAMED = "SELECT first, last, names FROM ledger_name WHERE first<=? ORDER BY first DESC LIMIT 1"
END = 2**63 - 1
Rows = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
RowWrite = tuple[str, tuple[Any, ...]]


class Found(NamedTuple):
    """For each hash the entry that may have that name, 0 for none; `upto` is the last entry that was looked at."""

    entries: Ints
    upto: int


class Filters:
    """Those that were used last, so that they need not be read each time. A run never changes."""

    def __init__(self) -> None:
        self._parts: dict[int, list[int]] = {}
        self._bits: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()
        self._size = 0

    async def of(self, rows: Rows, run: int, part: int) -> NDArray[np.uint8] | None:
        key = (run, part)
        if key not in self._bits:
            found = await rows(BITS, key)
            if not found:
                return None
            self._bits[key] = np.frombuffer(found[0][0], np.uint8)
            self._size += len(found[0][0])
            while self._size > REMEMBERED:
                self._size -= len(self._bits.popitem(last=False)[1])
        self._bits.move_to_end(key)
        return self._bits[key]

    async def parts(self, rows: Rows, run: int) -> list[int]:
        """The hashes that the parts of a run begin with."""
        if run not in self._parts:
            if len(self._parts) > 1000:
                self._parts.clear()
            parts = [hash for (hash,) in await rows(FILTERS, (run,))]
            if not parts:
                return []  # the run is gone
            self._parts[run] = parts
        return self._parts[run]


# Making ---------------------------------------------------------------------------------


def digest_of(family: str, name: str) -> bytes:
    return hashlib.sha256(f"{family}\0{name}".encode()).digest()


def hashes_of(digests: Sequence[bytes]) -> Ints:
    """63 bits of each."""
    first: Ints = np.frombuffer(b"".join([one[:8] for one in digests]), ">i8").astype(np.int64)
    return first & np.int64(END)


def rows_of(first: int, names: Names) -> tuple[str, list[RowWrite]]:
    """The rows of a batch's names, and SHA-256 over what they say."""
    sha = hashlib.sha256()
    rows: list[RowWrite] = []
    for at in range(0, len(names.texts), CHUNK):
        texts = names.texts[at : at + CHUNK]
        said = msgspec.json.encode(texts)
        sha.update(said)
        rows.append((INSERT, (first + at, first + at + len(texts) - 1, names.scope, said)))
    named = np.flatnonzero(names.hashes)
    order = named[np.argsort(names.hashes[named])]
    run, columns = run_number(first, 0), [names.hashes[order], first + order]
    last = first + len(names.texts) - 1
    rows.append((INSERT_RUN, (run, names.scope, 0, first, last, len(order))))
    rows += [(INSERT_PAGE, row) for row in pages(run, columns)]
    rows += [(INSERT_FILTER, row) for row in filters(run, columns[0])]
    return sha.hexdigest(), rows


def pages(run: int, columns: Sequence[Ints]) -> list[tuple[int, int, int, bytes]]:
    """The rows of `ledger_name_page`."""
    hashes, entries = columns
    cuts = range(0, len(hashes), PAGE)
    return [(run, int(hashes[at]), int(entries[at]), packed([one[at : at + PAGE] for one in columns])) for at in cuts]


def filters(run: int, hashes: Ints) -> list[tuple[int, int, bytes]]:
    """The rows of `ledger_name_filter`."""
    return [(run, int(hashes[at]), _filter(hashes[at : at + PART])) for at in range(0, len(hashes), PART)]


def _filter(hashes: Ints) -> bytes:
    size = max(LEAST_BITS, 1 << (16 * len(hashes) - 1).bit_length())
    there = np.zeros(size, np.bool_)
    for probe in range(PROBES):
        there[_place(hashes, probe, size)] = True
    return np.packbits(there).tobytes()


def _place(hashes: Ints, probe: int, size: int) -> Ints:
    """Names of one part are near in their upper bits, so the places come from the lower ones."""
    spread: Ints = (hashes & 0x3FFFFFFF) + probe * ((hashes >> 30) & 0x3FFFFFFF | 1)
    return (spread ^ (spread >> 17)) & np.int64(size - 1)


def may_have(bits: NDArray[np.uint8], hashes: Ints) -> NDArray[np.bool_]:
    found = np.ones(len(hashes), np.bool_)
    for probe in range(PROBES):
        place = _place(hashes, probe, 8 * len(bits))
        found &= (bits[place >> 3] >> (7 - (place & 7)).astype(np.uint8)) & 1 > 0
    return found


# Reading --------------------------------------------------------------------------------


async def find(rows: Rows, scope: int, hash: int) -> tuple[int, int]:
    """The entry of a batch that may have this name, 0 for none, and the last entry that was looked at."""
    upto = 0
    for last, page in await rows(IN_EACH, (hash, END, scope)):
        upto = max(upto, last)
        if page is not None and (entry := _in(page, hash)):
            return entry, upto
    return 0, upto


async def find_many(rows: Rows, filters: Filters, scope: int, hashes: Ints, pace: Pace) -> Found:
    """`hashes` are sorted. A run that was merged meanwhile may have lost pages that were not read yet: then it is
    looked for anew."""
    while True:
        found, upto = np.zeros(len(hashes), np.int64), 0
        runs = await rows(RUNS, (scope,))
        for run, last, lines in runs:
            upto = max(upto, last)
            await pace.give_way()
            if not await _find_in(rows, filters, run, lines, hashes, found):
                break
        else:
            if {run[0] for run in runs} <= {run[0] for run in await rows(RUNS, (scope,))}:
                return Found(found, upto)


async def _find_in(rows: Rows, filters: Filters, run: int, lines: int, hashes: Ints, found: Ints) -> bool:
    parts = await filters.parts(rows, run)
    if not parts:
        return False
    edges = np.searchsorted(hashes, parts).tolist()
    for part, begin, end in zip(parts, edges, [*edges[1:], len(hashes)], strict=True):
        if begin == end:
            continue
        bits = await filters.of(rows, run, part)
        if bits is None:
            return False
        asked = begin + np.flatnonzero(may_have(bits, hashes[begin:end]))
        there = _find_each if len(asked) * 4 * PAGE < min(lines, PART) else _find_all
        if len(asked) and not await there(rows, run, part, hashes, asked, found):
            return False
    return True


async def _find_each(rows: Rows, run: int, part: int, hashes: Ints, asked: Ints, found: Ints) -> bool:
    """A page for each. False if the run is gone."""
    for place in asked.tolist():
        hash = int(hashes[place])
        page = await rows(AT, (run, hash, END))
        if not page:
            return False
        found[place] = found[place] or _in(page[0][0], hash)
    return True


async def _find_all(rows: Rows, run: int, part: int, hashes: Ints, asked: Ints, found: Ints) -> bool:
    """All pages of the part. False if the run is gone."""
    hash, entry, most = part, -1, int(hashes[asked[-1]])
    while hash <= most:
        read = await rows(PAGES, (run, hash, entry, AT_ONCE))
        if not read:
            break
        if entry < 0 and read[0][0] != part:
            return False
        there, entries = (np.concatenate(column) for column in zip(*(unpacked(one) for *_, one in read), strict=True))
        place = np.minimum(np.searchsorted(there, hashes[asked]), len(there) - 1)
        same = there[place] == hashes[asked]
        found[asked[same]] = entries[place[same]]
        hash, entry = read[-1][0], read[-1][1]
    return entry >= 0


def _in(page: bytes, hash: int) -> int:
    there, entries = unpacked(page)
    place = int(np.searchsorted(there, hash))
    return int(entries[place]) if place < len(there) and there[place] == hash else 0


async def name_of(rows: Rows, entry: int) -> str:
    """The name of an entry of a batch, empty for none."""
    return (await names_of(rows, [entry])).get(entry, NONE)


async def names_of(rows: Rows, entries: Iterable[int]) -> dict[int, str]:
    """The names of those that have one."""
    wanted = sorted(set(entries))
    named: dict[int, str] = {}
    while wanted:
        found = await rows(NAMED, (wanted[-1],))
        if not found:
            break
        first, last, said = found[0]
        texts = msgspec.json.decode(said, type=list[str])
        named |= {entry: text for entry in wanted if first <= entry <= last and (text := texts[entry - first])}
        wanted = wanted[: bisect_left(wanted, first)]
    return named
