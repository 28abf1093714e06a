"""The unit of work: everything that one request or job changes, as a value.

An engine applies a unit whole, durably, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from nostro.kernel.errors import Conflict
from nostro.kernel.posting import Posting

from .batch import Batch

Key = tuple[int, str, str]
"""A record by the number of its scope, its table and its id."""


class Scope(Struct, frozen=True):
    """Whose data a unit touches: one merchant in one mode, within one book of the ledger.

    `number` stands for the pair in every table, so another sandbox's ids do not exist here by construction.
    `offset` is how many seconds this sandbox's time has been moved ahead of the machine's. `edition` rises with every
    change of what may be remembered of the scope; nothing is remembered of one without.
    """

    number: int
    merchant: str
    livemode: bool
    book: int
    offset: int = 0
    dev: bool = False
    edition: int | None = None

    @property
    def connected(self) -> bool:
        """True for an account of a platform, in whose book it stands."""
        return self.number != self.book


NOBODY = Scope(0, "", False, 0)
"""For units that only write rows of hand-written tables: those name their scope themselves."""


class Write(Struct, frozen=True):
    """One record as it is to be: `read` is the version it was read at, 0 for a new one. No body deletes.

    `scope` is for a record of another scope in the unit's book; 0 stands for the unit's own.
    """

    table: str
    id: str
    read: int
    created: int
    body: bytes | None
    scope: int = 0


class Entry(Struct, frozen=True):
    """A balanced set of postings, with the rule that made it and the object it is about."""

    kind: str
    source: str
    effective: int
    postings: tuple[Posting, ...]
    reverses: int | None = None
    description: str | None = None


class Unless(Struct, frozen=True):
    """What a unit took for granted that there is none of: if the statement finds a row when the unit commits, the unit
    is stale. With `among`, only a row whose one column is one of these."""

    statement: str
    values: tuple[Any, ...]
    among: frozenset[str] | None = None

    def holds(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        return not rows if self.among is None else self.among.isdisjoint(row[0] for row in rows)


class Unit(Struct):
    """What `engine.commit` applies. `rows` are (statement, values) for the hand-written tables, run in this order.

    `claim` is a statement that must change exactly one row, or the unit is stale: it takes a job or a delivery
    for this unit alone. It runs before the rows, so a job may put itself on again. `pinned` are balances by account
    and currency: if one is another at commit, the unit is stale; `unless` says what else must not be there. `recalled`
    are scopes as they were remembered: if one has another edition at commit, or its time was moved on, the unit is
    stale; `renewed` are scopes, by number, whose edition rises with it. A unit with a `batch` has no entries beside it
    and is committed by itself.
    """

    scope: Scope
    micros: int
    writes: list[Write] = []
    entries: list[Entry] = []
    batch: Batch | None = None
    rows: list[tuple[str, tuple[Any, ...]]] = []
    claim: tuple[str, tuple[Any, ...]] | None = None
    pinned: dict[tuple[str, str], int] = {}
    unless: list[Unless] = []
    recalled: dict[int, Scope] = {}
    renewed: set[int] = set()
    due: int | None = None
    deliveries: bool = False

    def whose(self, write: Write) -> int:
        """The number of the scope that a record belongs to."""
        return write.scope or self.scope.number

    @property
    def touches(self) -> set[Key]:
        """The records that are another afterwards, and the scopes, which have no table and id of their own."""
        written = {(self.whose(write), write.table, write.id) for write in self.writes}
        return written | {(number, "", "") for number in self.renewed} if self.renewed else written

    def forgetful(self, touched: set[Key], now: Mapping[int, tuple[int, int]]) -> Conflict | None:
        """What it recalled and is no longer so: `now` are edition and offset of scopes, `touched` what units
        of the same commit touch before it."""
        for number, known in self.recalled.items():
            edition, offset = now.get(number, (-1, 0))
            if edition != known.edition or offset > known.offset or (number, "", "") in touched:
                return Conflict(f"scope {number}")
        return None


def together(units: Sequence[Unit], most: int) -> int:
    """How many of the first ones share the next commit."""
    alone = (n for n, unit in enumerate(units[:most]) if unit.batch is not None)
    return max(1, next(alone, min(most, len(units))))
