"""Random mixes of batches and single entries, with limits, against the simplest ledger there is: a list."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application import Books, entry, opened
from nostro.events.job import run_due

CODES = ["app:a", "app:b", "app:c", "app:d"]
START = 1_000_000
Line = tuple[str, str, int, int | None]
lines = st.builds(
    lambda pair, amount, back: (*pair, amount, back),
    st.permutations(CODES).map(lambda codes: (codes[0], codes[1])),
    st.integers(1, 60) | st.integers(10**14, 10**15),
    st.none() | st.none() | st.integers(0, 50),
)
steps = st.lists(
    st.tuples(st.sampled_from(["batch", "batch", "together", "single"]), st.lists(lines, min_size=1, max_size=12)),
    min_size=1, max_size=8,
)  # fmt: skip


class Model:
    """Balances are positive on the credit side; `a` may not be overdrawn, `b` not stand above 500, `c` both."""

    def __init__(self) -> None:
        self.booked: list[tuple[str, str, int, int]] = []

    def balance(self, code: str, until: int | None = None) -> int:
        sides = [(c == code) * a - (d == code) * a for d, c, a, at in self.booked if until is None or at <= until]
        return sum(sides)

    def broken(self, line: tuple[str, str, int, int]) -> bool:
        debit, credit = self.balance(line[0]), self.balance(line[1])
        return (line[0] in ("app:a", "app:c") and debit < 0) or (line[1] in ("app:b", "app:c") and credit > 500)

    def add(self, line: tuple[str, str, int, int]) -> bool:
        self.booked.append(line)
        if self.broken(line):
            self.booked.pop()
            return False
        return True

    def add_all(self, made: list[tuple[str, str, int, int]]) -> bool:
        self.booked += made
        if any(map(self.broken, made)):
            del self.booked[-len(made) :]
            return False
        return True


async def check(steps: list[tuple[str, list[Line]]], monkey: Any, database: str) -> None:
    world = await opened(database)
    books, model = Books(world), Model()
    await books.open("app:a", never_negative=True)
    await books.open("app:b", ceiling=500)
    await books.open("app:c", never_negative=True, ceiling=500)
    await books.open("app:d", "debit")
    clock: Any = world.clock
    moments = []
    for kind, asked in steps:
        clock.advance(20)
        now = clock.micros() // 1_000_000
        made = [(d, c, amount, now if back is None else now - back) for d, c, amount, back in asked]
        text = "\n".join(
            json.dumps({"debit": d, "credit": c, "amount": a, "currency": "usd", "effective_at": at})
            for d, c, a, at in made
        )
        if kind == "single":
            for d, c, a, at in made:
                answer = await books.client(
                    "POST", "/v1/ledger/entries", {**entry(d, c, a), "effective_at": at}
                )  # fmt: skip
                assert (answer.status == 200) == model.add((d, c, a, at))
        elif kind == "together":
            answer = await books.client("POST", "/v1/ledger/entries/bulk", {"atomic": True}, lines=text)
            assert (answer.status == 200) == model.add_all(made)
        else:
            results = await books.lines(text)
            assert [one["status"] == "created" for one in results] == [model.add(line) for line in made]
        await run_due(world)
        moments += [now, now - 30]
    await _compare(books, model, moments)
    await books.verified()
    await world.engine.close()


async def _compare(books: Books, model: Model, moments: list[int]) -> None:
    for code in CODES:
        sign = -1 if code == "app:d" else 1
        assert (await books.balance(code))["balance"] == sign * model.balance(code)
        for at in moments:
            assert (await books.balance(code, effective_at=at))["balance"] == sign * model.balance(code, at)
        page = await books.get(f"accounts/{code}/statement", limit=1000)
        own = [sign * (a if c == code else -a) for d, c, a, _ in model.booked if code in (d, c)]
        assert [one["amount"] for one in page["lines"]] == own
        assert page["closing_balance"] == sign * model.balance(code)
        listed = await books.client.all("/v1/ledger/entries", account=code)
        assert len(listed) == len(own)


@settings(max_examples=25)
@given(steps=steps)
def test_books_are_those_of_a_list(steps: list[tuple[str, list[Line]]]) -> None:
    import asyncio
    from unittest.mock import patch

    with tempfile.TemporaryDirectory() as folder, patch("nostro.ledger.bulk.LEAST", 2), \
            patch("nostro.storage.runs.PAGE", 3), patch("nostro.ledger.merging.FAN_IN", 2), \
            patch("nostro.storage.runs.LINES_A_LOOK", 5):  # fmt: skip
        asyncio.run(check(steps, None, f"sqlite:///{Path(folder) / 'books.db'}"))
