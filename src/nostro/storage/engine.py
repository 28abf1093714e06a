"""What a storage engine is. Nothing above this room knows which one is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from nostro.kernel.resource import Resource

from .unit import Unit

Row = tuple[Any, ...]
PathKind = Literal["text", "number", "bool"]
Watch = Callable[[Sequence[Unit], int], None]
"""Told of each group commit: the units that were written, and the microseconds it took."""


def unwatched(units: Sequence[Unit], micros: int) -> None:
    """Nobody counts."""


class Engine(Protocol):
    watch: Watch

    @property
    def exclusive(self) -> bool:
        """True if no other process works on this database, so what was claimed at the start is nobody's."""
        ...

    async def prepare(self, resources: Sequence[Resource[Any]]) -> None:
        """Create or migrate what is missing: the hand-written tables, one table a resource, its indexes."""
        ...

    async def version(self) -> int:
        """The newest migration that the database has had."""
        ...

    async def build_indexes(self, resources: Sequence[Resource[Any]], told: Callable[[str], None]) -> None:
        """Build the indexes that `prepare` left, because writers of a large table would have waited for them."""
        ...

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Read. `?` marks a value; the SQL is the portable subset (docs/decisions/0004)."""
        ...

    async def commit(self, unit: Unit) -> None:
        """Apply the unit, atomically and durably.

        Raises `Conflict` if a record changed since it was read or the unit's claim took nothing, and
        `Refused` if an account limit says no; then nothing of the unit was written.
        """
        ...

    def path(self, *field: str, kind: PathKind = "text") -> str:
        """The SQL that reads a field of a record's body: `path("card.last4")`, `path("metadata", "a.b")`.

        `kind` says how it compares. True and false are 1 and 0.
        """
        ...

    async def size(self) -> int:
        """Bytes of the database on disk."""
        ...

    async def close(self) -> None: ...
