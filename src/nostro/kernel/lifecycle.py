"""A life is a table of moves: the only way a status changes.

A move says from which states it may start, where it ends, what it posts to the ledger and which
events it emits about its own object. At rest (a resting state) the resource's clearing accounts are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from msgspec import Struct

from .posting import Posting

R = TypeVar("R")


def nothing(_: Any) -> tuple[Posting, ...]:
    """A move that moves no money."""
    return ()


class Move(Struct, Generic[R], frozen=True):
    """One row of a life. No `source` means that the move creates the record."""

    name: str
    source: tuple[str, ...]
    target: str
    posts: Callable[[R], tuple[Posting, ...]] = nothing
    emits: tuple[str, ...] = ()
    meaning: str = ""


class Lifecycle(Generic[R]):
    """The table. `field` names the record's attribute that holds the state."""

    def __init__(self, *moves: Move[R], rest: tuple[str, ...], field: str = "status") -> None:
        self.moves = {move.name: move for move in moves}
        self.rest = rest
        self.field = field
        assert len(self.moves) == len(moves), "two moves share a name"
        assert any(not move.source for move in moves), "no move creates the record"
        reached = {move.target for move in moves}
        assert set(rest) <= reached, "a resting state is never reached"
        for move in moves:
            assert set(move.source) <= reached, f"{move.name} starts from a state that nothing reaches"

    def __getitem__(self, name: str) -> Move[R]:
        return self.moves[name]

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the table."""
        return tuple(dict.fromkeys(move.target for move in self.moves.values()))

    def paths(self, limit: int = 6) -> Iterator[tuple[Move[R], ...]]:
        """Every walk from creation up to `limit` moves long, so that a test can replay all of them."""

        def walk(path: tuple[Move[R], ...]) -> Iterator[tuple[Move[R], ...]]:
            yield path
            if len(path) < limit:
                for move in self.moves.values():
                    if path[-1].target in move.source:
                        yield from walk((*path, move))

        for move in self.moves.values():
            if not move.source:
                yield from walk((move,))
