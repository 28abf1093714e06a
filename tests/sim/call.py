"""A request of a shop, and what is expected of its answer."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from asgi import Answer, Client

KEPT = {200, 402}  # these answers were committed with their effects
SAID_NO = {400, 404}  # nothing was written, and nothing will be however often it is asked
AGAIN = {409, 500, 503}  # the key is in use, or what the server stands on failed: ask again


class Call(Struct, frozen=True):
    """`lines` are a bulk body. Without a key it is sent as it is and may be done twice."""

    shop: str
    path: str
    form: dict[str, Any]
    key: str | None = None
    lines: str | None = None

    async def send(self, client: Client) -> Answer:
        return await client("POST", self.path, self.form, key=self.key, lines=self.lines)

    def __str__(self) -> str:
        return f"{self.shop} {self.key or ''} {self.path} {self.form} {self.lines or ''}"


def same(one: Answer, two: Answer) -> bool:
    return (one.status, unlogged(one)) == (two.status, unlogged(two))


def unlogged(answer: Answer) -> bytes:
    """The answer without the address of the request's log, which is each request's own."""
    return re.sub(rb'"request_log_url":"[^"]*"', b"", answer.body)
