"""A merchant at the till: takes payments with test cards, lets time pass, and looks at the books."""

from __future__ import annotations

from typing import Any

import stripe

from nostro.testing.sandbox import Sandbox

AT_ONCE = "pm_card_bypassPending"


class Till:
    """`client` is the checked SDK in the sandbox `nostro`."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.nostro = nostro
        self.client = client

    def pay(self, card: str = AT_ONCE, amount: int = 5000, currency: str = "usd", **more: Any) -> Any:
        """The charge of a payment, once all that comes of it has happened."""
        form: Any = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True, **more}
        intent = self.client.v1.payment_intents.create(form)
        self.nostro.settle()
        return self.client.v1.charges.retrieve(str(intent.latest_charge))

    def available(self, currency: str = "usd") -> int:
        return self._amount("available", currency)

    def pending(self, currency: str = "usd") -> int:
        return self._amount("pending", currency)

    def _amount(self, kind: str, currency: str) -> int:
        lines = getattr(self.client.v1.balance.retrieve(), kind)
        return sum(line.amount for line in lines if line.currency == currency)

    def events(self, *types: str) -> list[str]:
        """The types of what happened, oldest first; of those that begin with one of `types`, if any is given."""
        found = self.client.v1.events.list({"limit": 100}).data
        return [event.type for event in reversed(found) if not types or event.type.startswith(types)]

    def lines(self, **filters: Any) -> list[Any]:
        """The balance's statement, oldest first."""
        form: Any = {"limit": 100, **filters}
        return list(reversed(self.client.v1.balance_transactions.list(form).data))
