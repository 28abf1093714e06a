"""A shop: one sandbox, what it asks, what it was answered, and what it therefore knows."""

from __future__ import annotations

from random import Random
from typing import Any

from asgi import Answer, Client

from .call import KEPT, Call
from .lives import Lives
from .payments import Payments
from .receiver import HOST
from .wallets import Wallets, openings

KEY_LIVES = 86_400 - 120


class Shop:
    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.random = random
        self.payments = Payments(random)
        self.wallets = Wallets(random)
        self.lives = Lives()
        self.answers: dict[str, tuple[Call, Answer, int]] = {}
        self.acknowledged: dict[str, str] = {}  # id and the path that shows it
        self.ahead = 0
        self._keys = 0

    @property
    def secret(self) -> str:
        return f"sk_test_{self.name}"

    def client(self, app: Any) -> Client:
        return Client(app, self.secret)

    # Asking ----------------------------------------------------------------------

    def first_calls(self) -> list[Call]:
        hook = {"url": f"{HOST}/{self.name}", "enabled_events": ["*"]}
        return [self._call(*one) for one in (("/v1/webhook_endpoints", hook), *openings())]

    def call(self, now: int) -> Call:
        """Something that this shop wants now; `now` is the machine's second."""
        if self.random.random() < 0.35:
            path, form, lines = self.wallets.request(now + self.ahead)
            return self._call(path, form, lines)
        return self._call(*self.payments.request())

    def advance(self, seconds: int) -> Call:
        return Call(self.name, "/v1/test_helpers/sandbox/advance", {"seconds": seconds})

    def settle(self) -> Call:
        return Call(self.name, "/v1/test_helpers/sandbox/settle", {})

    def _call(self, path: str, form: dict[str, Any], lines: str | None = None) -> Call:
        self._keys += 1
        key = f"{self.name}-{self._keys}"
        if lines is None and path in ("/v1/payment_intents", "/v1/refunds", "/v1/payouts", "/v1/ledger/entries"):
            form = {**form, "metadata": {"key": key}}  # so that two of one key would show
        return Call(self.name, path, form, key, lines)

    # Learning --------------------------------------------------------------------

    def learn(self, call: Call, answer: Answer, now: int) -> None:
        if answer.status not in KEPT:
            return
        if call.key is not None:
            self.answers[call.key] = call, answer, now
        if call.lines is not None:
            return
        object = answer.json.get("error", {}).get("payment_intent") or answer.json
        if object.get("object") == "sandbox":
            self.ahead = object["offset"]
        if "id" in object and not answer.replayed:
            self.know(object)
            self.acknowledged.setdefault(object["id"], call.path)

    def see(self, object: dict[str, Any]) -> None:
        """As a list shows it now. Answers are no such look: they may arrive in another order than they were made."""
        self.lives.see(object)
        self.know(object)

    def know(self, object: dict[str, Any]) -> None:
        kind, id = object.get("object", ""), object["id"]
        if kind == "ledger.entry" and id not in self.wallets.entries and id.startswith("lent_"):
            self.wallets.entries.append(id)
        elif kind == "ledger.hold" and id not in self.wallets.holds:
            self.wallets.holds.append(id)
        else:
            self.payments.seen.setdefault(kind, {})[id] = object.get("status") or ""

    def answered(self, now: int) -> list[tuple[Call, Answer]]:
        """What was answered and is still remembered by its key."""
        self.answers = {key: one for key, one in self.answers.items() if now - one[2] < KEY_LIVES}
        return [(call, answer) for call, answer, _ in self.answers.values()]
