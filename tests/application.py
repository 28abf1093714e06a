"""An application that keeps books of its own in the ledger, over the API and in the test's own process."""

from __future__ import annotations

import json
from typing import Any

from asgi import Answer, Client
from nostro.api.server import Api
from nostro.app import make_world
from nostro.kernel.clock import ManualClock
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.storage.world import World


class Books:
    """An application with books of its own. Calls that must succeed answer the object, `refused` the error."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(Api(world))

    async def post(self, path: str, **form: Any) -> Any:
        return _good(await self.client("POST", f"/v1/ledger/{path}", form))

    async def get(self, path: str, **form: Any) -> Any:
        return _good(await self.client("GET", f"/v1/ledger/{path}", form))

    async def refused(self, path: str, method: str = "POST", status: int = 400, **form: Any) -> dict[str, Any]:
        answer = await self.client(method, f"/v1/ledger/{path}", form)
        assert answer.status == status, answer.body
        error: dict[str, Any] = answer.json["error"]
        return error

    async def lines(self, text: str, status: int = 200, kind: str = "application/x-ndjson", **form: Any) -> Any:
        answer = await self.client("POST", "/v1/ledger/entries/bulk", form, lines=text, kind=kind)
        assert answer.status == status, answer.body
        return [json.loads(line) for line in answer.body.splitlines()] if status == 200 else answer.json["error"]

    async def open(self, code: str, side: str = "credit", currency: str = "usd", **more: Any) -> Any:
        return await self.post("accounts", code=code, currency=currency, normal_balance=side, **more)

    async def move(self, debit: str, credit: str, amount: int, currency: str = "usd", **more: Any) -> Any:
        return await self.post("entries", **entry(debit, credit, amount, currency), **more)

    async def balance(self, account: str, **form: Any) -> Any:
        found = await self.get("balances", account=account, **form)
        assert len(found["data"]) == 1, found
        return found["data"][0]

    async def verified(self) -> None:
        assert await verify(self.world.engine, self.world.registry) == []


def _good(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.json


def entry(debit: str, credit: str, amount: int, currency: str = "usd") -> dict[str, Any]:
    return {
        "currency": currency,
        "postings": [
            {"account": debit, "amount": amount, "direction": "debit"},
            {"account": credit, "amount": amount, "direction": "credit"},
        ],
    }


async def opened(database: str) -> World:
    """The whole product on this database, with a clock that stands still."""
    return await make_world(Settings(database=database, dev=True, durable=False), clock=ManualClock())
