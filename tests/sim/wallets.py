"""What a shop asks of the ledger: wallets that may not be overdrawn, holds that expire, reversals, bulk."""

from __future__ import annotations

import json
from random import Random
from typing import Any

BANK = "app:bank"
WALLETS = ("app:w:1", "app:w:2", "app:w:3")
ENTRIES, HOLDS = "/v1/ledger/entries", "/v1/ledger/holds"
Request = tuple[str, dict[str, Any], str | None]


def openings() -> list[tuple[str, dict[str, Any]]]:
    """The accounts, as requests."""
    base = {"currency": "usd", "normal_balance": "credit", "never_negative": True, "alert_below": 500}
    wallets = [{"code": code, **base} for code in WALLETS]
    return [("/v1/ledger/accounts", form) for form in ({**base, "code": BANK, "normal_balance": "debit",
            "never_negative": False}, *wallets)]  # fmt: skip


class Wallets:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.entries: list[str] = []
        self.holds: list[str] = []
        self.references = 0

    def request(self, now: int) -> Request:
        """`now` is the sandbox's time, in seconds."""
        makers = (self._entry, self._entry, self._reverse, lambda: self._hold(now), self._end_hold, self._bulk)
        return self.random.choice(makers)()

    def _entry(self) -> Request:
        return ENTRIES, self._posted(), None

    def _posted(self) -> dict[str, Any]:
        """A top-up, a withdrawal, or a transfer of more than is there."""
        giver, taker = self.random.choice(
            ((BANK, self._wallet()), (BANK, self._wallet()), (self._wallet(), BANK), self.random.sample(WALLETS, 2))
        )
        amount = self.random.choice((1, 70, 400, 3_000))
        form: dict[str, Any] = {
            "currency": "usd",
            "postings": [
                {"account": giver, "direction": "debit", "amount": amount},
                {"account": taker, "direction": "credit", "amount": amount},
            ],
        }
        if self.random.random() < 0.5:
            form["reference"] = self._reference()
        return form

    def _reverse(self) -> Request:
        id = self.random.choice(self.entries[-5:]) if self.entries else "lent_none"
        return f"{ENTRIES}/{id}/reverse", {}, None

    def _hold(self, now: int) -> Request:
        form = {"account": self._wallet(), "amount": self.random.choice((5, 50, 900)), "currency": "usd"}
        if self.random.random() < 0.7:
            form["expires_at"] = now + self.random.choice((1, 60, 4_000, 100_000))
        return HOLDS, {**form, "destination": BANK}, None

    def _end_hold(self) -> Request:
        id = self.random.choice(self.holds[-5:]) if self.holds else "lhold_none"
        act = self.random.choice(("post", "post", "void"))
        part = {"amount": 5} if act == "post" and self.random.random() < 0.5 else {}
        return f"{HOLDS}/{id}/{act}", part, None

    def _bulk(self) -> Request:
        """Each line with a reference, as the guide says, so that the whole can be sent again."""
        lines = [{**self._posted(), "reference": self._reference(new=True)} for _ in range(self.random.randint(1, 5))]
        atomic = {"atomic": "true"} if self.random.random() < 0.5 else {}
        return f"{ENTRIES}/bulk", atomic, "\n".join(json.dumps(line) for line in lines)

    def _reference(self, new: bool = False) -> str:
        """Sometimes one that was used before, mostly for other content."""
        if not new and self.references and self.random.random() < 0.1:
            return f"ref-{self.random.randint(1, self.references)}"
        if not new and self.references and self.random.random() < 0.2:
            return f"ref-{self.references}"  # the one that may be under way just now
        self.references += 1
        return f"ref-{self.references}"

    def _wallet(self) -> str:
        return self.random.choice(WALLETS)
