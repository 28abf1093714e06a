"""Platform: a shop with sellers of its own, balances to look after, and a bank.

The months of its books are closed while all this goes on, so whatever takes effect must do so after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from asgi import Answer
from nostro.kernel.clock import utc_date
from nostro.storage.world import World

from .bank import NUMBERS, House
from .call import KEPT, Call
from .clock import START
from .desk import ask
from .faults import Faults
from .funds import Funds, openings
from .market import DAILY, Market, bank, seller
from .payments import INTENTS, Payments
from .receiver import HOST
from .shop import Shop
from .treasury import Treasury

SETTLED = (
    "SELECT e.entry, a.currency, p.amount, e.effective FROM ledger_entry e JOIN ledger_posting p ON p.entry=e.entry "
    "JOIN ledger_account a ON a.account=p.account WHERE e.kind='network.settle' AND a.code='bank:cash' "
    "AND a.book=(SELECT scope FROM scope WHERE merchant=?) AND e.entry>? ORDER BY e.entry"
)
EUROS = {"object": "bank_account", "country": "DE", "currency": "eur", "account_number": "DE02120300000000202051"}
FIRST_MONEY = [
    ask(INTENTS, {"amount": amount, "currency": currency, "payment_method": "pm_card_bypassPending", "confirm": True,
                  "payment_method_types": ["card"]})
    for currency, amount in (("usd", 500_000), ("eur", 100_000))
]  # fmt: skip


class Platform(Shop):
    def __init__(self, name: str, random: Random, faults: Faults) -> None:
        super().__init__(name, random)
        self.id = ""
        seen = self.payments.seen
        self.market = Market(random, seen)
        self.funds = Funds(random, seen, self.market.sellers)
        self.treasury = Treasury(random, seen, self.market.sellers, House(Random(random.random()), faults, START))
        self._settled = 0

    @property
    def sellers(self) -> dict[str, Payments]:
        return self.market.sellers

    def first_calls(self) -> Iterator[Call]:
        for name, connect in ((self.name, False), (f"{self.name}-sellers", True)):
            hook = {"url": f"{HOST}/{name}", "enabled_events": ["*"], "connect": connect}
            yield self._keyed(ask("/v1/webhook_endpoints", hook))
        yield self._keyed(ask("/v1/account", method="GET"))
        banks = [
            ask(f"/v1/accounts/{self.id}/external_accounts", {"external_account": form})
            for form in (bank(5_000_000), EUROS)
        ]
        sellers = seller(1, settings={"payouts": DAILY}), seller(2)
        for call in (*self.treasury.openings(), *banks, *sellers, *openings(), *FIRST_MONEY):
            yield self._keyed(call)

    def call(self, now: int) -> Call:
        draw = self.random.random()
        if draw < 0.15:
            return self._keyed(ask(*self.payments.request()))
        if draw < 0.45:
            return self._keyed(self.market.call())
        if draw < 0.65:
            return self._keyed(self.funds.call(now + self.ahead))
        return self._keyed(self.treasury.call(now + self.ahead))

    def _named(self, call: Call) -> Call:
        return self._keyed(call)

    def errands(self, now: int) -> list[Call]:
        return [self._keyed(call) for call in self.treasury.errands(now + self.ahead)]

    # Learning --------------------------------------------------------------------

    def learn(self, call: Call, answer: Answer, now: int) -> None:
        if answer.status in KEPT and call.path == "/v1/account":
            self.id = answer.json["id"]
        super().learn(call, answer, now)
        self.treasury.learn(call, answer)

    def know(self, object: dict[str, Any], account: str | None = None) -> None:
        kind, id = object.get("object", ""), object["id"]
        if account is not None:
            self.sellers.setdefault(account, Payments(self.random)).know(object)
            return
        if kind == "account":
            if id != self.id:
                self.sellers.setdefault(id, Payments(self.random))
            return
        self.payments.know(object)
        if kind == "bank_file":
            self.treasury.files[id] = object
        elif kind == "report.period" and object["status"] == "closed":
            self.treasury.closed_months.append(object["month"])
        elif kind == "reconciliation.statement":
            self.payments.seen.setdefault("reconciliation.account", {})[object["account"]] = ""

    def ears(self) -> list[tuple[str | None, str]]:
        return [(None, self.name), *((account, f"{self.name}-sellers") for account in self.sellers)]

    # The bank --------------------------------------------------------------------

    async def look_at_bank(self, world: World, now: int, outbox: Path) -> None:
        """Before a step, when all is quiet: what the card network has paid stands at the bank, and its time passes."""
        for entry, currency, amount, effective in await world.engine.rows(SETTLED, (self.id, self._settled)):
            self._settled = entry
            if currency in NUMBERS:
                self.treasury.house.settle_cards(entry, currency, int(amount), utc_date(effective))
        self.treasury.look(now + self.ahead, outbox)
