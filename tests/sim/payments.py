"""What a shop asks of the payments side: everything at once, mostly about the latest few objects."""

from __future__ import annotations

from random import Random
from typing import Any

CURRENCIES = ("usd", "usd", "eur", "jpy", "kwd")
CARDS = (
    "visa", "visa", "mastercard", "bypassPending", "bypassPending", "chargeDeclined", "pendingRefund", "refundFail",
    "authenticationRequired", "createDispute", "createDisputeInquiry",
)  # fmt: skip
Request = tuple[str, dict[str, Any]]
INTENTS = "/v1/payment_intents"


class Payments:
    """`seen` is every object that was ever shown to this shop: kind, id and last status."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.seen: dict[str, dict[str, str]] = {}

    def know(self, object: dict[str, Any]) -> None:
        self.seen.setdefault(object.get("object", ""), {})[object["id"]] = object.get("status") or ""

    def request(self) -> Request:
        makers = [self._pay] * (2 if len(self.seen.get("payment_intent", ())) > 8 else 12)
        makers += [self._capture, self._refund, self._refund, self._act, self._raise, self._dispute, self._payout]
        makers += [self._customer, self._credit, self._save_card]
        return self.random.choice(makers)()

    def _pay(self) -> Request:
        form = {
            "amount": self.random.choice((50, 100, 1_010, 12_340, 999_990)),
            "currency": self.random.choice(CURRENCIES),
            "payment_method": self._card(),
            "confirm": self.random.random() < 0.9,
            "capture_method": self.random.choice(("automatic", "manual")),
            "payment_method_options": {"card": {"request_incremental_authorization": "if_available"}},
        }
        if self.random.random() < 0.3 and self.seen.get("customer"):
            form["customer"] = self._any("customer")
        return INTENTS, form

    def _capture(self) -> Request:
        part = {} if self.random.random() < 0.4 else {"amount_to_capture": self.random.choice((10, 40, 50, 1_000))}
        return f"{INTENTS}/{self._intent('requires_capture')}/capture", part

    def _raise(self) -> Request:
        amount = self.random.choice((1_500, 20_000, 50_000))
        return f"{INTENTS}/{self._intent('requires_capture')}/increment_authorization", {"amount": amount}

    def _act(self) -> Request:
        act = self.random.choice(("cancel", "cancel", "confirm", "authenticate"))
        if act == "authenticate":
            outcome = {"outcome": self.random.choice(("succeed", "fail"))}
            return f"/v1/test_helpers/payment_intents/{self._intent('requires_action')}/authenticate", outcome
        form = {"payment_method": self._card()} if act == "confirm" else {}
        return f"{INTENTS}/{self._intent('requires_')}/{act}", form

    def _refund(self) -> Request:
        part = {} if self.random.random() < 0.4 else {"amount": self.random.choice((10, 20, 40, 50, 600))}
        return "/v1/refunds", {"payment_intent": self._intent("succeeded"), **part}

    def _dispute(self) -> Request:
        path = f"/v1/disputes/{self._any('dispute')}"
        if self.random.random() < 0.3:
            return f"{path}/close", {}
        text = self.random.choice(("winning_evidence", "losing_evidence"))
        return path, {"evidence": {"uncategorized_text": text}, "submit": True}

    def _payout(self) -> Request:
        if self.random.random() < 0.3:
            return f"/v1/payouts/{self._any('payout')}/{self.random.choice(('cancel', 'reverse'))}", {}
        amount = self.random.choice((1, 50, 1_000, 10_000))
        return "/v1/payouts", {"amount": amount, "currency": self.random.choice(CURRENCIES)}

    def _customer(self) -> Request:
        if self.random.random() < 0.5 and self.seen.get("customer"):
            return f"/v1/customers/{self._any('customer')}", {"description": f"regular {self.random.randint(1, 99)}"}
        return "/v1/customers", {"name": "Ada"}

    def _credit(self) -> Request:
        amount = self.random.choice((-500, -20, 20, 500))
        return f"/v1/customers/{self._any('customer')}/balance_transactions", {"amount": amount, "currency": "usd"}

    def _save_card(self) -> Request:
        if self.random.random() < 0.3:
            return f"/v1/setup_intents/{self._any('setup_intent')}/cancel", {}
        form = {"payment_method": self._card(), "confirm": True, "payment_method_types": ["card"]}
        return "/v1/setup_intents", form

    def _card(self) -> str:
        return f"pm_card_{self.random.choice(CARDS)}"

    def _intent(self, status: str) -> str:
        """Mostly one of the latest that were last seen so, so that several requests meet at one intent."""
        intents = self.seen.get("payment_intent", {})
        fit = [id for id, seen in intents.items() if seen.startswith(status)]
        ids = fit if fit and self.random.random() < 0.9 else list(intents)
        latest = ids[-3:] if self.random.random() < 0.7 else ids
        return self.random.choice(latest) if latest else "pi_none"

    def _any(self, kind: str) -> str:
        return self.random.choice(list(self.seen[kind])) if self.seen.get(kind) else "none"
