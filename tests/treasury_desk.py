"""The treasury's desk: payouts through the platform's own bank, in this process, and what that bank sends back."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from asgi import Client
from nostro.api.server import Api
from nostro.app import make_world
from nostro.connect.originating_account import next_cut_off, originating
from nostro.controls.api_key import issue
from nostro.events.job import run_due
from nostro.kernel.clock import SECOND, ManualClock
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.networks import nacha
from nostro.payouts.bank_file import BUILD_AFTER
from nostro.storage.scope import load_scope
from nostro.storage.tx import Tx
from nostro.storage.world import World

IDS = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "110000000"}
ROUTING, NUMBER = "021000021", "5551234567"
DAY = 86_400


class Desk:
    """`world` has a manual clock. Calls answer the object, `refused` the error; every answer is as documented."""

    def __init__(self, world: World, secret: str = "sk_test_desk") -> None:
        self.world = world
        self.client = Client(Api(world), secret)

    async def post(self, path: str, **form: Any) -> Any:
        answer = await self.client("POST", f"/v1/{path}", form)
        assert answer.status == 200, answer.body
        return answer.json

    async def get(self, path: str, **form: Any) -> Any:
        answer = await self.client("GET", f"/v1/{path}", form)
        assert answer.status == 200, answer.body
        return answer.json

    async def refused(self, path: str, **form: Any) -> dict[str, Any]:
        answer = await self.client("POST", f"/v1/{path}", form)
        assert 400 <= answer.status < 500, answer.body
        error: dict[str, Any] = answer.json["error"]
        return error

    async def open(self, **more: Any) -> Any:
        return await self.post("originating_accounts", **{"format": "nacha", "nacha": IDS, "approval": "none", **more})

    async def earn(self, amount: int = 1_000_000, currency: str = "usd") -> None:
        """Money that is available at once."""
        form = {"amount": amount, "currency": currency, "payment_method": "pm_card_bypassPending", "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}  # fmt: skip
        await self.post("payment_intents", **form)
        await self.settle()

    async def bank(self, number: str = NUMBER, **more: Any) -> Any:
        me = await self.get("account")
        form = {"object": "bank_account", "account_number": number, "country": "US", "routing_number": ROUTING, **more}
        return await self.post(f"accounts/{me['id']}/external_accounts", external_account=form)

    async def pay_out(self, amount: int = 4000, **more: Any) -> Any:
        return await self.post("payouts", amount=amount, currency="usd", **more)

    async def lines(self, body: str, reference: str = "november", kind: str = "text/csv", **form: Any) -> list[Any]:
        answer = await self.client("POST", "/v1/bulk_payouts", {"reference": reference, **form}, lines=body, kind=kind)
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.splitlines()]

    async def available(self) -> int:
        balance = await self.get("balance")
        return sum(one["amount"] for one in balance["available"] if one["currency"] == "usd")

    async def settle(self) -> None:
        await run_due(self.world)

    async def pass_(self, seconds: int) -> None:
        """Time passes, an hour at a time, so that what falls due does so near its own moment."""
        assert isinstance(self.world.clock, ManualClock)
        while seconds > 0:
            self.world.clock.advance(min(seconds, 3600))
            seconds -= 3600
            await self.settle()

    async def cut_off(self) -> None:
        """The next cut-off of the newest account, and its files are built."""
        await self.until_cut_off()
        await self.pass_(BUILD_AFTER)

    async def until_cut_off(self) -> None:
        account = (await self.get("originating_accounts"))["data"][0]
        tx = Tx(self.world, await self.scope())
        found = await originating(tx, account["currency"])
        assert found is not None
        await self.pass_(next_cut_off(found, tx.now)[0] - tx.now)

    async def scope(self) -> Any:
        rows = await self.world.engine.rows("SELECT scope FROM scope WHERE scope=book ORDER BY scope")
        return await load_scope(self.world, rows[0][0])

    async def files(self, **form: Any) -> list[Any]:
        """The newest first."""
        return list((await self.get("bank_files", limit=100, **form))["data"])

    async def contents(self, file: Any) -> bytes:
        answer = await self.client("GET", f"/v1/bank_files/{file['id']}/contents")
        assert answer.status == 200, answer.body
        return answer.body

    async def file(self) -> Any:
        """The file of the next cut-off."""
        await self.cut_off()
        return (await self.files())[0]

    async def sent(self) -> Any:
        file = await self.post(f"bank_files/{(await self.file())['id']}/send")
        await self.settle()
        return file

    async def answer(self, content: bytes) -> Any:
        made = await self.post("bank_answers", content=content.decode())
        await self.settle()
        return made

    async def second_key(self) -> Desk:
        """The same merchant with another key."""
        return Desk(self.world, await issue(self.world, await self.scope(), "secret", "second"))

    async def close(self) -> None:
        """The books are right to the end."""
        problems = await verify(self.world.engine, self.world.registry)
        await self.world.engine.close()
        assert problems == []

    async def moment(self) -> int:
        return self.world.clock.micros() // SECOND


async def opened(database: str, **settings: Any) -> Desk:
    """The whole product on this database, with a clock that stands still."""
    world = await make_world(
        Settings(database=database, dev=True, durable=False, **settings), clock=ManualClock()
    )  # fmt: skip
    return Desk(world)


def returned(
    file: bytes, code: str = "R02", *, data: str | None = None, number: int = 1, only: set[str] | None = None,
    amount: int | None = None,
) -> bytes:  # fmt: skip
    """What the bank sends back for a file's payments: returns, or with `data` notifications of change."""
    found = nacha.read(file)
    entries = []
    for entry in [entry for batch in found.batches for entry in batch.entries]:
        trace, rdfi = entry.trace_number, entry.routing_number[:8]
        if only is not None and trace not in only:
            continue
        said: Any = nacha.Return(code=code, original_trace=trace, original_rdfi=rdfi)
        if data is not None:
            said = nacha.Change(code=code, original_trace=trace, original_rdfi=rdfi, corrected_data=data)
        back = 0 if data is not None else entry.amount if amount is None else amount
        entries.append(
            nacha.Entry(
                code=entry.code - 1, routing_number="110000000", account_number=entry.account_number, amount=back,
                name=entry.name, trace_number=f"02100002{len(entries) + number:07d}", addenda=(said,),
            )
        )  # fmt: skip
    batch = nacha.Batch(
        entry_class="PPD" if data is None else "COR", company_name="MARKET INC", company_id="1234567890",
        description="PAYOUT", effective_date=date(2026, 12, 1), odfi="02100002", number=1, entries=tuple(entries),
    )  # fmt: skip
    return nacha.build(nacha.File(destination="110000000", origin="021000021", created=found.created,
                                  batches=(batch,)))  # fmt: skip


def on_behalf(client: Client, account: str) -> Client:
    """The same key with the header Stripe-Account."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await client.app(
            {**scope, "headers": [*scope["headers"], (b"stripe-account", account.encode())]}, receive, send
        )

    return Client(app, client.secret)
