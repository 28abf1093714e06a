"""The last requests, kept in memory for `nostro logs tail`: no bodies, no keys."""

from __future__ import annotations

from collections import deque

from msgspec import Struct


class Line(Struct, frozen=True):
    """One request. `at` is microseconds since 1970, `micros` how long it took."""

    number: int
    at: int
    request: str
    merchant: str | None
    method: str
    path: str
    status: int
    micros: int
    code: str | None


class RequestLog:
    def __init__(self, size: int = 10_000) -> None:
        self._lines: deque[Line] = deque(maxlen=size)
        self.count = 0

    def add(
        self, at: int, request: str, merchant: str | None, method: str, path: str, status: int, micros: int,
        code: str | None,
    ) -> None:  # fmt: skip
        self.count += 1
        self._lines.append(Line(self.count, at, request, merchant, method, path, status, micros, code))

    def after(self, number: int, merchant: str, limit: int = 100) -> list[Line]:
        """The oldest `limit` lines of a merchant that came after line `number`."""
        found = [line for line in self._lines if line.number > number and line.merchant == merchant]
        return found[:limit]
