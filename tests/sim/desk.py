"""Desk: one side of a platform's work. It asks for something that fits what was seen, and often for what does not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from .call import Call

Seen = dict[str, dict[str, str]]


class Desk:
    """`seen` is every object that was ever shown: kind, id and last status."""

    def __init__(self, random: Random, seen: Seen) -> None:
        self.random = random
        self.seen = seen

    def one_of(self, makers: Sequence[Callable[[], Call]]) -> Call:
        """What one of them asks for, another one if there is nothing yet that it could be about."""
        while True:
            with contextlib.suppress(LookupError):
                return self.random.choice(makers)()

    def any(self, kind: str, *statuses: str) -> str:
        """Mostly one of the latest that were last seen so. Raises `LookupError` if none was ever seen, mostly."""
        objects = self.seen.get(kind, {})
        fit = [id for id, seen in objects.items() if not statuses or seen in statuses]
        ids = fit if fit and self.random.random() < 0.9 else list(objects)
        latest = ids[-3:] if self.random.random() < 0.6 else ids
        if not latest and self.chance(0.95):
            raise LookupError(kind)
        return self.random.choice(latest) if latest else f"{kind}_none"

    def chance(self, part: float) -> bool:
        return self.random.random() < part


def ask(path: str, form: dict[str, Any] | None = None, **more: Any) -> Call:
    """A request, before its shop gives it a key."""
    return Call("", path, form or {}, **more)
