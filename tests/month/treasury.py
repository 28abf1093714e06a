"""Treasury: the platform's desk for its bank. Files go out at the cut-off, answers and statements come in."""

from __future__ import annotations

import shutil
from pathlib import Path

from nostro.balances import calendar
from nostro.kernel.clock import utc_date
from nostro.networks.bank.account import Account
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Terms
from nostro.networks.statement import Line, Statement
from nostro.payouts.bank_file import BUILD_AFTER

from .market import ORIGINATOR, ROUTING, Market
from .plan import FIRST_DAY

NUMBER = "000900900900"
RETURNS = ".ach"
SENDS_AT = 22 * 3600 + BUILD_AFTER
"""The cut-off is at 17:00 in New York: in UTC, in winter."""


class Treasury:
    """`statements` are those that the bank has closed, oldest first."""

    def __init__(self, market: Market, home: Path) -> None:
        plan = market.plan
        self.market, self.outbox = market, home / "outbox"
        terms = Terms(seed=plan.seed, returns=plan.returned, corrections=plan.corrected, booking="single")
        self.bank = open_bank(FIRST_DAY, terms)
        account = Account(number=NUMBER, currency="usd", name="MARKET INC", originators=(ORIGINATOR["company_id"],))
        open_account(self.bank, calendar, account, 0)
        account.overdraft = 10**15
        self.statements: list[Statement] = []
        self._settled: set[str] = set()

    async def day(self, midnight: int) -> None:
        """The day that begins at `midnight`: after the cut-off its file goes to the bank."""
        await self.market.until(midnight + SENDS_AT)
        await self._send_files()

    async def night(self, midnight: int) -> None:
        """The next day has begun at `midnight`: the card network has paid, and the bank has closed its day."""
        await self._settle_cards()
        letters = []
        for one in advance(self.bank, calendar, midnight):
            if isinstance(one, Letter):
                letters.append(one)
            else:
                self.statements.append(one)
        await self._read(letters)

    async def _send_files(self) -> None:
        for file in await self.market.all("/v1/bank_files", status="built"):
            await self.market.send("POST", f"/v1/bank_files/{file['id']}/send")
        await self.market.send("POST", "/v1/test_helpers/sandbox/settle")
        for path in sorted(self.outbox.glob("*/*")):
            if path.parent.name.startswith("."):
                continue
            receipt, letters = take(self.bank, calendar, path.read_bytes(), path.name)
            assert receipt.status != "rejected", f"the bank refused {path.name}: {receipt.message}"
            self.market.counts["files"] += 1
            await self._read(letters)
            path.unlink()

    async def _settle_cards(self) -> None:
        """What the books say the network has paid, the network pays: it comes on the day on which it was booked."""
        for entry in reversed(await self.market.all("/v1/ledger/entries", kind="network.settle")):
            if entry["id"] in self._settled:
                continue
            self._settled.add(entry["id"])
            [amount] = [one["amount"] for one in entry["postings"] if one["account"] == "bank:cash"]
            day = utc_date(entry["effective_at"])
            line = Line(amount=amount, booked=day, valued=day, end_to_end=entry["id"], code="card_settlement",
                        description="CARD SETTLEMENT", counterparty="CARD NETWORK")  # fmt: skip
            deposit(self.bank, calendar, NUMBER, line)

    async def _read(self, letters: list[Letter]) -> None:
        for letter in letters:
            if not letter.name.endswith(RETURNS):
                continue
            answer = await self.market.send("POST", "/v1/bank_answers", {"content": letter.content.decode()})
            self.market.counts["returned"] += answer["returns"]
            self.market.counts["corrected"] += answer["changes"]
            await self.market.send("POST", "/v1/test_helpers/sandbox/settle")
        if any(letter.name.endswith(RETURNS) for letter in letters):
            await self._replace()

    async def _replace(self) -> None:
        """A seller whose bank has sent a payout back gives another account."""
        for seller in await self.market.all("/v1/accounts"):
            banks = seller["external_accounts"]["data"]
            if any(bank["status"] == "errored" and bank["default_for_currency"] for bank in banks):
                self.market.counts["replaced"] += 1
                number = f"{7_000_000 + self.market.counts['replaced']:09d}"
                bank = {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": ROUTING,
                        "account_number": number}  # fmt: skip
                path = f"/v1/accounts/{seller['id']}/external_accounts"
                await self.market.send("POST", path, {"external_account": bank, "default_for_currency": True})

    def clear(self) -> None:
        shutil.rmtree(self.outbox, ignore_errors=True)
