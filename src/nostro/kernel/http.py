"""A request as it came and what goes back: the two values that the API and the pages share."""

from __future__ import annotations

from msgspec import Struct


class Incoming(Struct):
    """A request as it came. `route` is the path's pattern, once it is known."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes = b""
    route: str = ""

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Reply(Struct):
    """What goes back. `replayed` marks the stored answer of an earlier request with the same key.

    `code` is the error's, for the request log.
    """

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = []
    replayed: bool = False
    code: str | None = None
