"""Problem: one thing that is wrong with the books."""

from __future__ import annotations

from msgspec import Struct


class Problem(Struct, frozen=True):
    """`where` names the row (`entry 12`), `what` says what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
