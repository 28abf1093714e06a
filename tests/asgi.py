"""The API called inside the test's own process: no sockets, one call a request.

Every answer is held against our own OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from document import problems
from nostro.kernel.form import encode


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def replayed(self) -> bool:
        return b"idempotent-replayed" in self.headers


class Client:
    """Calls an ASGI application as one API key: `await client("POST", "/v1/refunds", {...}, key="k1")`.

    With `account` it is called for that connected account.
    """

    def __init__(self, app: Any, secret: str = "sk_test_client", account: str | None = None) -> None:
        self.app = app
        self.secret = secret
        self.account = account

    async def __call__(
        self, method: str, path: str, form: Mapping[str, Any] | None = None, *, key: str | None = None,
        lines: str | None = None, kind: str = "application/x-ndjson",
    ) -> Answer:  # fmt: skip
        """`lines` are a body of that content type; the form then stands in the query."""
        text = encode(form or {}).encode()
        query = method == "GET" or lines is not None
        body = b"" if method == "GET" else text if lines is None else lines.encode()
        headers = [(b"authorization", b"Bearer " + self.secret.encode())]
        if lines is not None:
            headers.append((b"content-type", kind.encode()))
        if key is not None:
            headers.append((b"idempotency-key", key.encode()))
        if self.account is not None:
            headers.append((b"stripe-account", self.account.encode()))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": text if query else b"",
            "headers": headers,
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        found = problems(method, path, sent[0]["status"], sent[1]["body"])
        assert not found, "\n".join(found)
        return Answer(sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"])

    async def all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        """Every object of a list, page after page."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = await self("GET", path, {"limit": 100, **filters, **after})
            assert answer.status == 200, answer.body
            page = answer.json
            found += page["data"]
            if not page["has_more"]:
                return found
