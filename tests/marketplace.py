"""A platform and its sellers: accounts that may sell, payments of each kind, and what everybody has."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import stripe

from nostro.testing.sandbox import Sandbox
from seller import ADA, WHOLE
from till import AT_ONCE

BOTH = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
CONTROLLER = {
    "fees": {"payer": "account"}, "losses": {"payments": "application"}, "requirement_collection": "application",
    "stripe_dashboard": {"type": "none"},
}  # fmt: skip


class Marketplace:
    """`client` is the checked SDK in the sandbox `nostro`, whose account is the platform."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.nostro = nostro
        self.client = client

    def open(self, **given: Any) -> str:
        """A seller that may take cards, receive transfers and be paid out."""
        known = {**WHOLE, "individual": {**ADA, "id_number": "000000000"}}
        form: Any = {"controller": CONTROLLER, "country": "US", "capabilities": BOTH, **known, **given}
        account = self.client.v1.accounts.create(form)
        assert account.charges_enabled or "capabilities" in given
        return account.id

    def onboard(self, **given: Any) -> str:
        """A seller that gives what is asked on our page, as the holder of an express account does."""
        account = self.client.v1.accounts.create({"type": "express", "country": "US", "capabilities": BOTH, **given})
        form: Any = {"account": account.id, "type": "account_onboarding", "return_url": "https://shop.example",
                     "refresh_url": "https://shop.example"}  # fmt: skip
        url = urlsplit(self.client.v1.account_links.create(form).url)
        assert self._ask(url.netloc, "POST", self._ask(url.netloc, "GET", f"{url.path}?{url.query}"), do="everything")
        return account.id

    def _ask(self, host: str, method: str, path: str, **form: str) -> str:
        """Where a page leads."""
        page = HTTPConnection(host)
        page.request(method, path, urlencode(form) if form else None)
        answer = page.getresponse()
        page.close()
        assert answer.status == 303, answer.status
        return answer.headers["location"]

    def of(self, account: str | None) -> Any:
        """The options of a request that is made for this account, or for the platform."""
        return {"stripe_account": account} if account else {}

    def pay(self, amount: int = 10_000, card: str = AT_ONCE, account: str | None = None, **more: Any) -> Any:
        """The charge of a payment, once all that comes of it has happened."""
        form: Any = {"amount": amount, "currency": "usd", "payment_method": card, "confirm": True, **more}
        intent = self.client.v1.payment_intents.create(form, self.of(account))
        self.nostro.settle()
        return self.client.v1.charges.retrieve(str(intent.latest_charge), {}, self.of(account))

    def has(self, account: str | None = None) -> tuple[int, int]:
        """(available, pending) in usd."""
        balance = self.client.v1.balance.retrieve({}, self.of(account))
        parts = (balance.available, balance.pending)
        available, pending = (sum(line.amount for line in part if line.currency == "usd") for part in parts)
        return available, pending

    def reserved(self) -> int:
        """What of the platform's balance is held back for its accounts, in usd."""
        balance = self.client.v1.balance.retrieve()
        return sum(line.amount for line in balance.connect_reserved or [] if line.currency == "usd")

    def lines(self, account: str | None = None) -> list[tuple[str, str, int, int]]:
        """Type, category, amount and net of each line of a statement, oldest first."""
        found = self.client.v1.balance_transactions.list({"limit": 100}, self.of(account)).data
        return [(line.type, line.reporting_category, line.amount, line.net) for line in reversed(found)]

    def events(self, account: str | None = None, *types: str) -> list[str]:
        """The types of what happened, oldest first; of those that begin with one of `types`, if any is given."""
        found = self.client.v1.events.list({"limit": 100}, self.of(account)).data
        return [event.type for event in reversed(found) if not types or event.type.startswith(types)]
