"""Histories of an application's books, and the simplest ledger there is to compare them with: a list."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

from application import Books, entry, opened
from nostro.events.job import run_due
from nostro.ledger.closed import month_starts

START = month_starts("2026-07") + 1_000
KINDS = {
    "app:bank": ("asset", "debit"), "app:wallets:alice": ("liability", "credit"),
    "app:wallets:bob": ("liability", "credit"), "app:fees": ("revenue", "credit"),
    "app:costs:card": ("expense", "debit"), "app:capital": ("equity", "credit"),
    "app:promised": ("memorandum", "credit"),
}  # fmt: skip
CODES = sorted(KINDS)
CURRENCIES = ("usd", "jpy", "kwd")
DAY = 86_400


class Booked(NamedTuple):
    """`recorded` and `effective` are seconds."""

    debit: str
    credit: str
    amount: int
    currency: str
    effective: int
    recorded: int


class Step(NamedTuple):
    """Lines booked together, `days` after the step before. A line's last part is how many days ago it took effect."""

    how: str
    days: int
    currency: str
    lines: list[tuple[str, str, int, int]]


line = st.builds(
    lambda pair, amount, back: (pair[0], pair[1], amount, back),
    st.permutations(CODES), st.integers(1, 100_000), st.sampled_from([0, 0, 0, 1, 20, 45, 100]),
)  # fmt: skip
step = st.builds(
    Step, st.sampled_from(["batch", "single"]), st.integers(0, 40), st.sampled_from(CURRENCIES),
    st.lists(line, min_size=1, max_size=5),
)  # fmt: skip
histories = st.lists(step, min_size=1, max_size=7)


class History:
    """Books that were kept, and what was booked in them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.booked: list[Booked] = []

    async def get(self, path: str, **form: Any) -> Any:
        answer = await self.books.client("GET", f"/v1/reports/{path}", form)
        assert answer.status == 200, answer.body
        return answer.json

    async def live(self, steps: list[Step]) -> None:
        for one in steps:
            clock: Any = self.books.world.clock
            clock.advance(one.days * DAY + 60)
            now = clock.micros() // 1_000_000
            made = [
                Booked(d, c, amount, one.currency, max(0, now - back * DAY), now) for d, c, amount, back in one.lines
            ]
            await (self._together if one.how == "batch" else self._one_by_one)(made)
        await run_due(self.books.world)

    async def _together(self, made: list[Booked]) -> None:
        text = "\n".join(
            json.dumps({"debit": one.debit, "credit": one.credit, "amount": one.amount, "currency": one.currency,
                        "effective_at": one.effective})
            for one in made
        )  # fmt: skip
        answers = await self.books.lines(text)
        self.booked += [one for one, told in zip(made, answers, strict=True) if told["status"] == "created"]

    async def _one_by_one(self, made: list[Booked]) -> None:
        for one in made:
            form = {"effective_at": one.effective, "description": f'{one.debit} "to" {one.credit}; \\ | x'}
            line = entry(one.debit, one.credit, one.amount, one.currency)
            answer = await self.books.client("POST", "/v1/ledger/entries", {**line, **form})
            if answer.status == 200:
                self.booked.append(one)
            else:
                assert answer.json["error"]["code"] == "ledger_period_closed", answer.body

    def moved(self, code: str, currency: str, since: int, until: int, basis: str = "effective") -> tuple[int, int]:
        """Debits and credits from one moment up to another."""
        some = [one for one in self.booked if one.currency == currency and since <= getattr(one, basis) < until]
        return (sum(one.amount for one in some if one.debit == code),
                sum(one.amount for one in some if one.credit == code))  # fmt: skip


async def kept(database: str) -> History:
    """Books with an account of every kind in every currency, nothing booked."""
    history = History(Books(await opened(database)))
    clock: Any = history.books.world.clock
    clock.now = START * 1_000_000
    for code, (kind, side) in KINDS.items():
        for currency in CURRENCIES:
            await history.books.open(code, side, currency, type=kind)
    return history
