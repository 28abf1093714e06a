"""Market: the platform and its sellers, called inside this process as their programs would call it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec

from nostro.api.server import Api
from nostro.app import make_world
from nostro.kernel.clock import SECOND, ManualClock
from nostro.kernel.form import encode
from nostro.kernel.ids import Ids
from nostro.kernel.settings import Settings
from nostro.storage.world import World
from seller import WHOLE

from .plan import FIRST_DAY, Plan

AT_ONCE = 64
KEY = "sk_test_month"
EDGE = "a-part-of-the-form"
SELLS = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
ROUTING = "021000021"
ORIGINATOR = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "110000000"}
DAILY = {"schedule": {"interval": "daily"}, "debit_negative_balances": True}
T = TypeVar("T")


class Refusal(AssertionError):
    """The platform did not expect this answer."""


class Market:
    """`counts` is what has happened so far, for the report."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plan = world, plan
        self.random = Random(plan.seed)
        self.api = Api(world)
        self.sellers: list[str] = []
        self.counts: Counter[str] = Counter()

    @classmethod
    async def open(cls, home: Path, plan: Plan, database: str | None = None) -> Market:
        settings = Settings(
            database=database or f"sqlite:///{home}/books.db", dev=True, durable=False, outbox=str(home / "outbox"),
        )  # fmt: skip
        return cls(await make_world(settings, clock=ManualClock(FIRST_DAY * SECOND), ids=Ids(plan.seed)), plan)

    async def send(
        self, method: str, path: str, form: Mapping[str, Any] | None = None, *, seller: str | None = None,
        expect: tuple[int, ...] = (200,),
    ) -> Any:  # fmt: skip
        """The decoded answer. Raises `Refusal` for a status that is not expected."""
        text = encode(form or {}).encode()
        query, body = (text, b"") if method == "GET" else (b"", text)
        kind = b"application/x-www-form-urlencoded"
        return await self._send(method, path, query, body, kind, seller, expect)

    async def upload(self, path: str, content: bytes, **form: str) -> Any:
        """A file, sent as a form with parts."""
        parts = [f'--{EDGE}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                 for name, value in form.items()]  # fmt: skip
        head = f'--{EDGE}\r\ncontent-disposition: form-data; name="file"; filename="statement"\r\n\r\n'.encode()
        body = b"".join(parts) + head + content + f"\r\n--{EDGE}--\r\n".encode()
        kind = f"multipart/form-data; boundary={EDGE}".encode()
        return await self._send("POST", path, b"", body, kind, None, (200,))

    async def _send(
        self, method: str, path: str, query: bytes, body: bytes, kind: bytes, seller: str | None,
        expect: tuple[int, ...],
    ) -> Any:  # fmt: skip
        headers = [(b"authorization", b"Bearer " + KEY.encode()), (b"content-type", kind)]
        if seller is not None:
            headers.append((b"stripe-account", seller.encode()))
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": query}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def answer(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.api(scope, receive, answer)
        status, said = sent[0]["status"], sent[1]["body"]
        if status not in expect:
            asked = (query or body)[:500].decode(errors="replace")
            raise Refusal(f"{method} {path} {asked} was answered {status}: {said.decode()[:500]}")
        return msgspec.json.decode(said)

    async def all(self, path: str, seller: str | None = None, **filters: Any) -> list[Any]:
        found: list[Any] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = await self.send("GET", path, {"limit": 100, **filters, **after}, seller=seller)
            found += page["data"]
            if not page["has_more"]:
                return found

    async def now(self) -> int:
        return int((await self.send("GET", "/v1/test_helpers/sandbox"))["now"])

    async def until(self, moment: int) -> None:
        """Let time pass, with all that comes due on the way."""
        seconds = moment - await self.now()
        if seconds > 0:
            answer = await self.send("POST", "/v1/test_helpers/sandbox/advance", {"seconds": seconds})
            assert answer["settled"], "not all that was due came to its end"

    # Opening -----------------------------------------------------------------

    async def open_shops(self, told: Callable[[int], None]) -> None:
        async def one(n: int) -> str:
            bank = {**WHOLE["external_account"], "routing_number": ROUTING, "account_number": f"{5_000_000 + n:09d}"}
            account = await self.send("POST", "/v1/accounts", {
                "type": "custom", "country": "US", "capabilities": SELLS, **WHOLE, "external_account": bank,
                "settings": {"payouts": DAILY}, "metadata": {"seller": n},
            })  # fmt: skip
            told(1)
            return str(account["id"])

        await self.send("POST", "/v1/originating_accounts", {
            "format": "nacha", "approval": "none", "delivery": "outbox", "nacha": ORIGINATOR,
        })  # fmt: skip
        self.sellers = await together(one(n) for n in range(self.plan.sellers))
        self.counts["sellers"] = len(self.sellers)


async def together(tasks: Iterable[Awaitable[T]]) -> list[T]:
    """All of them, some at a time, in their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(task: Awaitable[T]) -> T:
        async with room:
            return await task

    return list(await asyncio.gather(*(one(task) for task in tasks)))
