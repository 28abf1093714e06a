"""What is seen on the wire, held against the tables of lives: no object may go where no move leads."""

from __future__ import annotations

from typing import Any

from nostro.app import RESOURCES
from nostro.kernel.lifecycle import Lifecycle


def _reached(life: Lifecycle[Any]) -> dict[str, set[str]]:
    """From each state, where moves lead, one after another; several may pass between two looks."""
    reached = {state: {state} for state in life.states}
    for _ in life.states:
        for move in life.moves.values():
            for source, ends in reached.items():
                if any(state in ends for state in move.source):
                    reached[source].add(move.target)
    return reached


REACHED = {r.object: _reached(r.life) for r in RESOURCES if r.life is not None and r.life.field == "status"}
ONCE = {"charge": ("paid", "captured")}  # what becomes true and stays so


class Lives:
    """Every object as it was last seen."""

    def __init__(self) -> None:
        self.last: dict[str, dict[str, Any]] = {}

    def see(self, object: dict[str, Any]) -> None:
        """Raises `AssertionError` for a status that no moves lead to from the last one that was seen."""
        kind, id = object.get("object", ""), object.get("id")
        before = self.last.get(id) if id else None
        if id and (kind in REACHED or kind in ONCE):
            self.last[id] = object
        if before is None:
            return
        if kind in REACHED:
            old, new = before["status"], object["status"]
            assert new in REACHED[kind][old], f"{id} was {old} and is now {new}: no move leads there"
        for field in ONCE.get(kind, ()):
            assert object[field] or not before[field], f"{id} was {field} and no longer is"
