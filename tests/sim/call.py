"""A request of a shop, and what is expected of its answer."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from msgspec import Struct

from asgi import Answer, Client

KEPT = {200, 402}  # these answers were committed with their effects
SAID_NO = {400, 404}  # nothing was written, and nothing will be however often it is asked
LONGEST = 400  # characters of a body in the log
AGAIN = {409, 500, 503}  # the key is in use, or what the server stands on failed: ask again


class Call(Struct, frozen=True):
    """`lines` are a body of that content `kind`. Without a key it is sent as it is and may be done twice. With an
    `account` it is made for that connected account."""

    shop: str
    path: str
    form: dict[str, Any]
    key: str | None = None
    lines: str | None = None
    account: str | None = None
    method: str = "POST"
    kind: str = "application/x-ndjson"

    async def send(self, client: Client) -> Answer:
        return await client(self.method, self.path, self.form, key=self.key, lines=self.lines, kind=self.kind)

    def __str__(self) -> str:
        body = self.lines or ""
        if len(body) > LONGEST:
            body = f"{body[:LONGEST]}... {hashlib.sha256(body.encode()).hexdigest()[:8]}"
        verb = "" if self.method == "POST" else f"{self.method} "
        return f"{self.account or self.shop} {self.key or ''} {verb}{self.path} {self.form} {body}"


def same(one: Answer, two: Answer) -> bool:
    return (one.status, unlogged(one)) == (two.status, unlogged(two))


def unlogged(answer: Answer) -> bytes:
    """The answer without the address of the request's log, which is each request's own."""
    return re.sub(rb'"request_log_url":"[^"]*"', b"", answer.body)
