"""What a platform asks about balances: money held back, given early, adjusted, exchanged, topped up, booked late."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

from .call import Call
from .desk import Desk, Seen, ask

DAY = 86_400
PAIRS = (("usd", "eur"), ("usd", "eur"), ("eur", "usd"), ("usd", "jpy"), ("jpy", "kwd"))
LEFT, RIGHT = "app:left", "app:right"
CONVERTS = {"convert": True, "currency": "usd"}


def openings() -> list[Call]:
    """The accounts of its own, for entries that are booked into the past."""
    form = {"currency": "usd", "normal_balance": "credit"}
    return [ask("/v1/ledger/accounts", {**form, "code": code}) for code in (LEFT, RIGHT)]


class Funds(Desk):
    """`sellers` are the ids of connected accounts: what is asked can be about one of them."""

    def __init__(self, random: Random, seen: Seen, sellers: Collection[str]) -> None:
        super().__init__(random, seen)
        self.sellers = sellers

    def call(self, now: int) -> Call:
        """`now` is the sandbox's time, in seconds."""
        makers = (
            self._adjust, self._adjust, lambda: self._hold(now), self._release, lambda: self._plan(now), self._quote,
            self._quote, self._convert, self._convert, self._convert, self._advance, self._top_up, self._top_up,
            self._rates, lambda: self._late(now), lambda: self._late(now), self._policy,
        )  # fmt: skip
        return self.one_of(makers)

    def _whose(self) -> str | None:
        return self.random.choice(list(self.sellers)) if self.sellers and self.chance(0.4) else None

    def _adjust(self) -> Call:
        if self.chance(0.3):
            return ask(f"/v1/balance/adjustments/{self.any('balance.adjustment')}/reverse")
        form: dict[str, Any] = {
            "amount": self.random.choice((-20_000, -300, -1, 50, 4_000)), "currency": "usd", "reason": "Simulated",
        }  # fmt: skip
        if self.chance(0.3):
            form["allow_negative_balance"] = True
        return ask("/v1/balance/adjustments", form, account=self._whose())

    def _hold(self, now: int) -> Call:
        form: dict[str, Any] = {"amount": self.random.choice((10, 700, 5_000)), "currency": "usd"}
        if self.chance(0.4):
            form["source_charge"] = self.any("charge", "succeeded")
        if self.chance(0.7):
            form["release_schedule"] = {"release_after": now + self.random.choice((60, DAY, 9 * DAY))}
        return ask("/v1/reserve/holds", form)

    def _release(self) -> Call:
        part = {} if self.chance(0.5) else {"amount": self.random.choice((1, 10, 300))}
        return ask(f"/v1/reserve/holds/{self.any('reserve.hold')}/release", part)

    def _plan(self, now: int) -> Call:
        if self.chance(0.5):
            form: dict[str, Any] = {"release_holds": self.chance(0.5)}
            return ask(f"/v1/reserve/plans/{self.any('reserve.plan')}/disable", form)
        form = {"percent": self.random.choice((5, 33))}
        match self.random.choice(("rolling_release", "fixed_release", "manual_release")):
            case "rolling_release":
                form |= {"type": "rolling_release", "rolling_release": {"days_after_charge": 3}}
            case "fixed_release":
                form |= {"type": "fixed_release", "fixed_release": {"release_after": now + 5 * DAY}}
            case kind:
                form["type"] = kind
        return ask("/v1/reserve/plans", form, account=self._whose())

    def _quote(self) -> Call:
        sold, bought = self.random.choice(PAIRS)
        lock = self.random.choice(("five_minutes", "hour", "day"))
        return ask("/v1/fx_quotes", {"from_currencies": [sold], "to_currency": bought, "lock_duration": lock})

    def _convert(self) -> Call:
        sold, bought = self.random.choice(PAIRS)
        amount = self.random.choice((1, 777, 5_000))
        form: dict[str, Any] = {"amount": amount, "from_currency": sold, "to_currency": bought}
        if self.chance(0.6):
            form["fx_quote"] = self.any("fx_quote", "active")
        return ask("/v1/balance/conversions", form)

    def _advance(self) -> Call:
        form = {"amount": self.random.choice((100, 2_000, 20_000)), "currency": "usd"}
        return ask("/v1/balance/advances", form, account=self._whose())

    def _top_up(self) -> Call:
        if self.chance(0.2):
            return ask(f"/v1/topups/{self.any('topup', 'pending')}/cancel")
        form: dict[str, Any] = {"amount": self.random.choice((5_000, 300_000)), "currency": "usd"}
        if self.chance(0.6):
            form["source"] = self.any("bank_account")
        return ask("/v1/topups", form)

    def _rates(self) -> Call:
        rate = self.random.choice(("0.8", "0.92", "1.0731", "0.333333"))
        return ask("/v1/exchange_rates/usd", {"rates": {"eur": rate, "jpy": "150.25", "kwd": "0.307"}})

    def _late(self, now: int) -> Call:
        """An entry that takes effect in the past, as far back as books may be closed."""
        amount = self.random.choice((1, 250))
        postings = [
            {"account": LEFT, "direction": "debit", "amount": amount},
            {"account": RIGHT, "direction": "credit", "amount": amount},
        ]
        back = self.random.choice((0, 60, DAY, 10 * DAY, 40 * DAY))
        form = {"currency": "usd", "postings": postings, "effective_at": now - back}
        return ask("/v1/ledger/entries", form)

    def _policy(self) -> Call:
        if self.chance(0.5):
            return ask("/v1/balance/policy", {"risk_holds": {"review": True, "early_fraud_warning": self.chance(0.5)}})
        convert = CONVERTS if self.chance(0.3) else {"convert": False}
        return ask("/v1/balance/policy", {"settlement": convert})
