"""Entries of the API: what is booked, refused, said twice, exchanged, reversed, and only rehearsed."""

from __future__ import annotations

import asyncio
import json

from application import Books, entry
from nostro.ledger.trial_balance import trial_balance


async def test_an_entry_moves_money_and_is_listed(books: Books) -> None:
    made = await books.move(
        "app:bank", "app:wallets:alice", 1000, kind="topup", description="First", metadata={"a": "b"}
    )
    assert made["kind"] == "app:topup" and made["metadata"] == {"a": "b"}
    assert made["postings"][0] == {"account": "app:bank", "amount": 1000, "currency": "usd", "direction": "debit"}
    moved = await books.move("app:wallets:alice", "app:wallets:bob", 300)
    assert (await books.balance("app:wallets:alice"))["balance"] == 700
    assert (await books.get("accounts/app:bank"))["balance"] == 1000
    assert await books.get(f"entries/{made['id']}") == made
    assert [one["id"] for one in (await books.get("entries"))["data"]] == [moved["id"], made["id"]]
    assert [one["id"] for one in (await books.get("entries", account="app:bank"))["data"]] == [made["id"]]
    assert [one["id"] for one in (await books.get("entries", kind="app:topup"))["data"]] == [made["id"]]
    kind = moved["kind"]
    assert (await books.get("entries", kind=kind, limit=1))["data"] == [moved]
    assert (await books.get("entries", kind=kind, starting_after=moved["id"]))["data"] == []
    page = await books.get("entries", limit=1)
    assert page["has_more"]
    assert (await books.get("entries", starting_after=moved["id"]))["data"] == [made]
    sheets = await trial_balance(books.world.engine)
    assert [(row.code, row.debit, row.credit) for row in sheets[0].rows] == [
        ("app:bank", 1000, 0), ("app:wallets:alice", 0, 700), ("app:wallets:bob", 0, 300)]  # fmt: skip
    assert sheets[0].balanced and sheets[0].rows[0].kind == "asset"


async def test_what_does_not_balance_is_refused(books: Books) -> None:
    wrong = entry("app:bank", "app:wallets:bob", 7)
    wrong["postings"][1]["amount"] = 6
    error = await books.refused("entries", **wrong)
    assert error["code"] == "ledger_entry_unbalanced" and "usd by 1 (debits are more)" in error["message"]
    assert (await books.refused("entries", postings=wrong["postings"][:1]))["param"] == "postings"
    error = await books.refused("entries", **entry("app:bank", "app:nobody", 7))
    assert (error["code"], error["param"]) == ("resource_missing", "postings[1][account]")
    error = await books.refused("entries", **entry("app:bank", "app:wallets:bob", 7), effective_at=2_000_000_000)
    assert error["param"] == "effective_at"
    error = await books.refused("entries", **entry("app:bank", "app:wallets:bob", 0))
    assert error["param"] == "postings[0][amount]"


async def test_a_reference_is_good_for_one_entry(books: Books) -> None:
    made = await books.move("app:bank", "app:wallets:bob", 5, reference="order-1")
    assert await books.move("app:bank", "app:wallets:bob", 5, reference="order-1") == made
    error = await books.refused("entries", **entry("app:bank", "app:wallets:bob", 6), reference="order-1")
    assert (error["code"], error["param"]) == ("ledger_reference_in_use", "reference")
    assert (await books.get("entries", reference="order-1"))["data"] == [made]
    assert (await books.get("entries", reference="order-2"))["data"] == []
    form = {**entry("app:bank", "app:wallets:bob", 9), "reference": "order-3"}
    made_twice = await asyncio.gather(*(books.post("entries", **form) for _ in range(6)))
    assert len({one["id"] for one in made_twice}) == 1
    assert (await books.balance("app:wallets:bob"))["balance"] == 14


async def test_two_currencies_meet_in_an_exchange(books: Books) -> None:
    await books.open("app:wallets:alice", currency="jpy")
    for currency in ("usd", "jpy"):
        await books.open("app:fx", currency=currency)
    await books.move("app:bank", "app:wallets:alice", 10_000)
    legs = [
        {"account": "app:wallets:alice", "amount": 10_000, "direction": "debit", "currency": "usd"},
        {"account": "app:wallets:alice", "amount": 14_950, "direction": "credit", "currency": "jpy"},
    ]
    exchange = {"account": "app:fx", "base": "usd", "quote": "jpy", "rate": "149.5"}
    assert "Name an exchange" in (await books.refused("entries", postings=legs))["message"]
    made = await books.post("entries", postings=legs, exchange=exchange)
    assert made["exchange"] == exchange and len(made["postings"]) == 4
    assert (await books.balance("app:fx", currency="usd"))["balance"] == 10_000
    assert (await books.balance("app:fx", currency="jpy"))["balance"] == -14_950
    error = await books.refused("entries", postings=legs, exchange={**exchange, "rate": "150"})
    assert error["param"] == "exchange[rate]" and "15000 jpy" in error["message"]
    for rate in ("x", "0", "-1", "NaN", "1e99"):
        error = await books.refused("entries", postings=legs, exchange={**exchange, "rate": rate})
        assert error["param"] == "exchange[rate]"
    error = await books.refused("entries", postings=legs, exchange={**exchange, "quote": "eur"})
    assert error["param"] == "exchange"
    back = await books.post(f"entries/{made['id']}/reverse")
    assert back["exchange"] == exchange
    assert (await books.balance("app:fx", currency="jpy"))["balance"] == 0


async def test_an_entry_is_reversed_once(books: Books) -> None:
    made = await books.move("app:bank", "app:wallets:alice", 500)
    back = await books.post(f"entries/{made['id']}/reverse", description="Typed wrongly", reference="undo-1")
    assert back["reverses"] == made["id"] and back["postings"][0]["direction"] == "credit"
    assert (await books.get(f"entries/{made['id']}"))["reversed_by"] == back["id"]
    seen = await books.get(f"entries/{back['id']}", expand=["reverses"])
    assert seen["reverses"]["reversed_by"] == back["id"]
    assert (await books.balance("app:wallets:alice"))["balance"] == 0
    assert await books.post(f"entries/{made['id']}/reverse", description="Typed wrongly", reference="undo-1") == back
    for id in (made["id"], back["id"]):
        assert (await books.refused(f"entries/{id}/reverse"))["code"] == "ledger_entry_not_reversible"
    rows = await books.world.engine.rows("SELECT reverses, description FROM ledger_entry ORDER BY entry")
    assert rows == [(None, None), (1, "Typed wrongly")]
    spent = await books.move("app:bank", "app:wallets:alice", 500)
    await books.move("app:wallets:alice", "app:wallets:bob", 400)
    error = await books.refused(f"entries/{spent['id']}/reverse")
    assert error["code"] == "ledger_floor_exceeded"


async def test_a_reversal_side_by_side_happens_once(books: Books) -> None:
    made = await books.move("app:bank", "app:wallets:alice", 500)
    path = f"/v1/ledger/entries/{made['id']}/reverse"
    answers = await asyncio.gather(*(books.client("POST", path) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400]
    assert (await books.balance("app:bank"))["balance"] == 0


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(books: Books) -> None:
    await books.move("app:bank", "app:wallets:alice", 500, reference="r")
    before = await books.world.engine.rows("SELECT count(*) FROM ledger_entry")
    seen = await books.move("app:wallets:alice", "app:wallets:bob", 200, dry_run=True, reference="s")
    assert seen["would_succeed"] and seen["refusals"] == []
    assert [(b["account"], b["before"], b["after"]) for b in seen["balances"]] == [
        ("app:wallets:alice", 500, 300), ("app:wallets:bob", 0, 200)]  # fmt: skip
    seen = await books.move("app:wallets:alice", "app:wallets:bob", 700, dry_run=True)
    assert not seen["would_succeed"]
    assert (seen["refusals"][0]["code"], seen["refusals"][0]["short_by"]) == ("ledger_floor_exceeded", 200)
    error = await books.refused("entries", **entry("app:wallets:alice", "app:wallets:bob", 700))
    assert error["message"] == seen["refusals"][0]["message"]
    assert (await books.move("app:bank", "app:wallets:alice", 500, reference="r", dry_run=True))["existing"]
    assert not (await books.post("holds", account="app:wallets:bob", currency="usd", amount=5, dry_run=True))[
        "would_succeed"
    ]
    assert await books.world.engine.rows("SELECT count(*) FROM ledger_entry") == before
    assert (await books.get("entries", reference="s"))["data"] == []


async def test_no_balance_leaves_64_bits(books: Books) -> None:
    await books.open("app:vault")
    big = 10**15
    for _ in range(3):
        await books.move("app:bank", "app:vault", big)
    rows = "\n".join(json.dumps(entry("app:bank", "app:vault", big)) for _ in range(4000))
    results = await books.lines(rows)
    assert results[-1]["error"]["code"] == "ledger_ceiling_exceeded"
    assert (await books.balance("app:vault"))["balance"] == 4 * 10**18
    assert (await books.refused("entries", **entry("app:bank", "app:vault", big + 1)))["code"] == "amount_too_large"
