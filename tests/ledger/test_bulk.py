"""Many entries at once, as newline-delimited JSON and as CSV."""

from __future__ import annotations

import json

from application import Books, entry


async def test_lines_stand_for_themselves_and_in_order(books: Books) -> None:
    rows = [
        {**entry("app:bank", "app:wallets:alice", 100), "reference": "a"},
        entry("app:wallets:alice", "app:wallets:bob", 60),
        entry("app:wallets:alice", "app:wallets:bob", 60),
        {**entry("app:bank", "app:wallets:alice", 100), "reference": "a"},
        {"postings": "x"},
        {**entry("app:bank", "app:wallets:alice", 1), "dry_run": True},
    ]
    results = await books.lines("\n".join(map(json.dumps, rows)) + "\n\n{\n[]\n")
    assert [(one["line"], one["status"]) for one in results] == [
        (1, "created"), (2, "created"), (3, "refused"), (4, "existing"), (5, "refused"), (6, "dry_run"),
        (8, "refused"), (9, "refused")]  # fmt: skip
    assert results[2]["error"]["code"] == "ledger_floor_exceeded" and results[3]["entry"] == results[0]["entry"]
    assert (await books.balance("app:wallets:bob"))["balance"] == 60


async def test_all_lines_or_none(books: Books) -> None:
    good = json.dumps(entry("app:bank", "app:wallets:alice", 100))
    error = await books.lines(f"{good}\n{good}\nnothing", status=400, atomic=True)
    assert "Line 3: The line is not JSON. Nothing was booked." in error["message"]
    spend = json.dumps(entry("app:wallets:alice", "app:wallets:bob", 250))
    error = await books.lines(f"{good}\n{good}\n{spend}", status=400, atomic=True)
    assert error["code"] == "ledger_floor_exceeded"
    assert (await books.get("entries"))["data"] == []
    results = await books.lines(f"{spend}\n{good}\n{good}\n{good}", atomic=True)
    assert [one["status"] for one in results] == ["created"] * 4
    assert (await books.balance("app:wallets:alice"))["balance"] == 50


async def test_csv(books: Books) -> None:
    text = (
        "debit,credit,amount,currency,reference,description,metadata.order\n"
        'app:bank,app:wallets:alice,100,usd,c1,"Top-up, first",6735\n'
        "app:bank,app:wallets:bob,50,usd,c2,,\n"
        "app:bank,app:wallets:bob,x,usd,c3,,\n"
        "app:bank,app:wallets:bob\n"
    )
    results = await books.lines(text, kind="text/csv; charset=utf-8")
    assert [(one["line"], one["status"]) for one in results] == [
        (2, "created"), (3, "created"), (4, "refused"), (5, "refused")]  # fmt: skip
    made = await books.get(f"entries/{results[0]['entry']}")
    assert made["description"] == "Top-up, first" and made["metadata"] == {"order": "6735"}
    assert [one["status"] for one in await books.lines(text, kind="text/csv")][:2] == ["existing", "existing"]
    assert "Unknown: colour" in (await books.lines("colour,debit\n", 400, "text/csv"))["message"]
    assert (await books.lines("", 400))["param"] == "lines"
