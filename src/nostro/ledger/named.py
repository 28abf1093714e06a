"""References of entries that are booked in batches: found many at once, and kept as the batch's names.

What was looked for and not found is taken for granted until the batch commits: it is stale if a batch has brought new
names to the scope since, or if an entry that was booked by itself since has one of its references.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from nostro.kernel.pace import Pace
from nostro.storage.batch import Names
from nostro.storage.names import NEWER, digest_of, find_many, hashes_of, name_of, names_of
from nostro.storage.names import find as find_one
from nostro.storage.tx import Tx
from nostro.storage.unit import Unless

from . import batches
from .account import names as accounts_of

FAMILY = "entry"
RECORDS = "ledger_reference"
ENTRIES = "ledger_app_entry"
LAST = "SELECT coalesce(max(last),0) FROM ledger_chain"
AT_ONCE = 500
IN_TURN = 1_024  # names that are hashed and looked up between two turns for other requests
RECORD = 0  # stands for the number of an entry that has a record


class Named(NamedTuple):
    """An entry of a batch, by its id, and what its caller said, as app_entry.py sums it up."""

    target: str
    said: Any


class Looked(Struct):
    """`names` are those of all lines. `there` are the lines whose reference is in use, by the entry's number, or
    `RECORD`; `twice` those that repeat one. `last` was the last entry then, `upto` the last of a batch with names."""

    names: Names
    there: dict[int, int]
    twice: list[int]
    singles: str
    book: int
    last: int
    upto: int

    def unless(self, names: Names) -> list[Unless]:
        """What a batch with these names of them takes for granted."""
        among = frozenset(text for text in names.texts if text)
        newer = Unless(NEWER, (names.scope, self.upto))
        return [newer, Unless(self.singles, (names.scope, self.last, self.book), among)] if among else []


def record_id(digest: bytes) -> str:
    return "lref_" + digest.hex()[:40]


async def find(tx: Tx, reference: str, digest: bytes) -> Named | None:
    """The entry of a batch that has this reference. Else the unit is stale if one gets it before it commits."""
    rows, scope = tx.world.engine.rows, tx.scope.number
    entry, upto = await find_one(rows, scope, int(hashes_of([digest])[0]))
    if entry and await name_of(rows, entry) == reference:
        return Named(batches.entry_id(entry), (await said_of(tx, [entry]))[entry])
    tx.unit.unless.append(Unless(NEWER, (scope, upto)))
    return None


async def said_of(tx: Tx, numbers: Sequence[int]) -> dict[int, Any]:
    """Of entries of batches, by number: the content that their references stand for."""
    engine = tx.world.engine
    rows = await batches.at(engine, numbers)
    lines = {row[0]: msgspec.json.decode(row[8], type=list[tuple[int, int]]) for row in rows}
    known = await accounts_of(engine, {account for one in lines.values() for account, _ in one})
    said: dict[int, Any] = {}
    for row in rows:
        shown = [
            {"account": known[account][1], "amount": abs(amount), "currency": known[account][2],
             "direction": "debit" if amount > 0 else "credit"}
            for account, amount in lines[row[0]]
        ]  # fmt: skip
        said[row[0]] = (shown, None, row[5] if row[10] else None, row[7], {}, row[2], None)
    return said


async def look(tx: Tx, references: Sequence[str | None], pace: Pace) -> Looked:
    """References of lines, each perhaps None."""
    rows, scope = tx.world.engine.rows, tx.scope.number
    last = (await rows(LAST))[0][0]
    texts = [reference or "" for reference in references]
    lines = [n for n, text in enumerate(texts) if text]
    hashes = np.zeros(len(texts), np.int64)
    there: dict[int, int] = {}
    for start in range(0, len(lines), IN_TURN):
        part = lines[start : start + IN_TURN]
        digests = [digest_of(FAMILY, texts[n]) for n in part]
        hashes[part] = hashes_of(digests)
        for n in await _recorded(tx, part, digests):
            there[n] = RECORD
        await pace.give_way()
    order = np.array(lines, np.int64)[np.argsort(hashes[lines], kind="stable")]
    found = await find_many(rows, tx.world.filters, scope, hashes[order], pace)
    booked = {n: entry for n, entry in zip(order.tolist(), found.entries.tolist(), strict=True) if entry}
    said = await names_of(rows, booked.values())
    there |= {n: entry if said.get(entry) == texts[n] else RECORD for n, entry in booked.items()}
    alike = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])  # one hash, whatever the texts: only one is a name
    twice = order[alike + 1].tolist()
    return Looked(Names(scope, texts, hashes), there, twice, _singles(tx), tx.scope.book, last, found.upto)


async def _recorded(tx: Tx, lines: Sequence[int], digests: Sequence[bytes]) -> list[int]:
    """Those of the lines whose reference has a record."""
    ids: dict[str, list[int]] = {}
    for n, digest in zip(lines, digests, strict=True):
        ids.setdefault(record_id(digest), []).append(n)
    wanted, found = list(ids), []
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        statement = f'SELECT id FROM "{RECORDS}" WHERE scope=? AND id IN ({",".join("?" * len(part))})'
        found += [n for (id,) in await tx.world.engine.rows(statement, (tx.scope.number, *part)) for n in ids[id]]
    return found


def _singles(tx: Tx) -> str:
    """The references of entries that were booked by themselves since one."""
    reference = tx.world.engine.path("reference")
    return (
        f'SELECT {reference} FROM ledger_entry e JOIN "{ENTRIES}" a ON a.id=e.source '
        f"WHERE a.scope=? AND e.entry>? AND e.book=? AND {reference} IS NOT NULL"
    )
