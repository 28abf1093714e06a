"""Whatever is done, and however many do it at once: money is conserved and limits hold."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application import Books, entry, opened
from nostro.events.job import run_due
from nostro.kernel.clock import SECOND, ManualClock


async def test_a_hot_account_never_goes_below_zero(books: Books) -> None:
    await books.move("app:bank", "app:wallets:alice", 1000)

    async def spend(seed: int) -> int:
        random, spent = Random(seed), 0
        for _ in range(40):
            amount = random.randint(1, 60)
            form = entry("app:wallets:alice", "app:wallets:bob", amount)
            answer = await books.client("POST", "/v1/ledger/entries", form)
            assert answer.status == 200 or answer.json["error"]["code"] == "ledger_floor_exceeded"
            spent += amount if answer.status == 200 else 0
        return spent

    spent = sum(await asyncio.gather(*(spend(seed) for seed in range(8))))
    left = (await books.balance("app:wallets:alice"))["balance"]
    assert left == 1000 - spent and 0 <= left < 60
    rows = await books.world.engine.rows(
        "SELECT max(p.balance) FROM ledger_posting p JOIN ledger_account a ON a.account=p.account "
        "WHERE a.code='app:wallets:alice'"
    )
    assert rows[0][0] <= 0


ACCOUNTS = ("app:bank", "app:wallets:alice", "app:wallets:bob")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["entry", "hold", "post", "void", "reverse", "time"]),
        st.permutations(ACCOUNTS), st.integers(1, 500),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=25)
@given(steps=STEPS)
def test_whatever_is_done_money_is_conserved(
    steps: list[tuple[str, tuple[str, ...], int]], tmp_path_factory: Any
) -> None:
    asyncio.run(_walk(steps, tmp_path_factory.mktemp("walk") / "books.db"))


async def _walk(steps: list[tuple[str, tuple[str, ...], int]], file: Path) -> None:
    world = await opened(f"sqlite:///{file}")
    books = Books(world)
    await books.open("app:bank", "debit")
    for code in ACCOUNTS[1:]:
        await books.open(code, floor=-200, ceiling=2000)
    entries: list[str] = []
    holds: list[str] = []
    for what, (one, other, _), amount in steps:
        await _step(books, what, one, other, amount, entries, holds)
        seen = {code: await books.balance(code) for code in ACCOUNTS}
        assert seen["app:bank"]["balance"] + seen["app:bank"]["held"] == sum(
            seen[code]["balance"] + seen[code]["held"] for code in ACCOUNTS[1:]
        )
        assert all(seen[code]["balance"] >= -200 for code in ACCOUNTS[1:])
    await books.verified()
    await world.engine.close()


async def _step(
    books: Books, what: str, one: str, other: str, amount: int, entries: list[str], holds: list[str]
) -> None:
    client = books.client
    if what == "time":
        assert isinstance(books.world.clock, ManualClock)
        books.world.clock.advance(amount)
        await run_due(books.world)
        return
    if what == "entry":
        answer = await client("POST", "/v1/ledger/entries", entry(one, other, amount))
    elif what == "hold":
        due = books.world.clock.micros() // SECOND + 300
        form = {"account": one, "destination": other, "currency": "usd", "amount": amount, "expires_at": due}
        answer = await client("POST", "/v1/ledger/holds", form)
    elif what == "reverse" and entries:
        answer = await client("POST", f"/v1/ledger/entries/{entries[amount % len(entries)]}/reverse")
    elif what in ("post", "void") and holds:
        form = {"amount": amount} if what == "post" else {}
        answer = await client("POST", f"/v1/ledger/holds/{holds[amount % len(holds)]}/{what}", form)
    else:
        return
    assert answer.status in (200, 400), answer.body
    if answer.status == 200:
        {"entry": entries, "hold": holds}.get(what, []).append(answer.json["id"])
