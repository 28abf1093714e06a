"""A shop: one sandbox, what it asks, what it was answered, and what it therefore knows."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec.structs import replace

from asgi import Answer, Client

from .call import KEPT, Call
from .lives import Lives
from .payments import Payments
from .receiver import HOST
from .wallets import Wallets, openings

# What is made by these carries the key of its request.
MARKED = {
    "/v1/payment_intents", "/v1/refunds", "/v1/payouts", "/v1/ledger/entries", "/v1/transfers", "/v1/topups",
    "/v1/balance/adjustments", "/v1/balance/advances", "/v1/balance/conversions",
}  # fmt: skip
KEY_LIVES = 86_400 - 120


class Shop:
    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.random = random
        self.payments = Payments(random)
        self.wallets = Wallets(random)
        self.lives = Lives()
        self.answers: dict[str, tuple[Call, Answer, int]] = {}
        self.acknowledged: dict[str, str] = {}  # id and the path that shows it, behind whose it is
        self.ahead = 0
        self._keys = 0

    @property
    def secret(self) -> str:
        return f"sk_test_{self.name}"

    def client(self, app: Any, account: str | None = None) -> Client:
        return Client(app, self.secret, account)

    # Asking ----------------------------------------------------------------------

    def first_calls(self) -> Iterator[Call]:
        """Each is made when the one before was answered."""
        hook = {"url": f"{HOST}/{self.name}", "enabled_events": ["*"]}
        for one in (("/v1/webhook_endpoints", hook), *openings()):
            yield self._call(*one)

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
        return self._keyed(Call(self.name, path, form, lines=lines))

    def _keyed(self, call: Call) -> Call:
        """With a key of its own, which stands in what is made too, so that two of one key would show."""
        if call.method != "POST":
            return replace(call, shop=self.name)
        self._keys += 1
        key, form = f"{self.name}-{self._keys}", call.form
        if call.lines is None and call.path in MARKED:
            form = {**form, "metadata": {"key": key}}
        return replace(call, shop=self.name, key=key, form=form)

    # Learning --------------------------------------------------------------------

    def learn(self, call: Call, answer: Answer, now: int) -> None:
        if answer.status not in KEPT:
            return
        if call.key is not None:
            self.answers[call.key] = call, answer, now
        if call.lines is not None and not call.kind.startswith("multipart/"):
            return
        if call.path.endswith("/contents"):
            return
        object = answer.json.get("error", {}).get("payment_intent") or answer.json
        if object.get("object") == "sandbox":
            self.ahead = object["offset"]
        made = object["data"] if object.get("object") == "list" else [object]
        for one in made:
            if "id" in one and not answer.replayed:
                self.know(one, call.account)
                self.acknowledged.setdefault(one["id"], f"{call.account or ''}{call.path}")

    def see(self, object: dict[str, Any], account: str | None = None) -> None:
        """As a list shows it now. Answers are no such look: they may arrive in another order than they were made."""
        self.lives.see(object)
        self.know(object, account)

    def ears(self) -> list[tuple[str | None, str]]:
        """Whose events are told, a connected account's or its own, and who listens."""
        return [(None, self.name)]

    def know(self, object: dict[str, Any], account: str | None = None) -> None:
        kind, id = object.get("object", ""), object["id"]
        if kind == "ledger.entry" and id not in self.wallets.entries and id.startswith("lent_"):
            self.wallets.entries.append(id)
        elif kind == "ledger.hold" and id not in self.wallets.holds:
            self.wallets.holds.append(id)
        else:
            self.payments.know(object)

    def answered(self, now: int) -> list[tuple[Call, Answer]]:
        """What was answered and is still remembered by its key."""
        self.answers = {key: one for key, one in self.answers.items() if now - one[2] < KEY_LIVES}
        return [(call, answer) for call, answer, _ in self.answers.values()]
