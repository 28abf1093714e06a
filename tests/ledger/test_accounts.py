"""Accounts of the API: codes, limits, what stands on them now and then, and what the product's own let one do."""

from __future__ import annotations

import asyncio

import pytest

from application import Books, entry
from nostro.events.work import perform
from nostro.kernel.clock import SECOND, ManualClock
from nostro.ledger.audit import verify
from nostro.storage.scope import load_scope
from nostro.storage.tx import Tx


async def test_an_account_is_opened_once_and_found_by_id_and_code(books: Books) -> None:
    made = await books.open("app:fees", type="revenue", metadata={"team": "growth"}, description="What we earn")
    assert made["object"] == "ledger.account" and made["id"].startswith("lacct_") and made["type"] == "revenue"
    assert await books.get("accounts/app:fees") == made == await books.get(f"accounts/{made['id']}")
    error = await books.refused("accounts", code="app:fees", currency="usd", normal_balance="credit")
    assert error["code"] == "ledger_account_exists"
    await books.open("app:fees", currency="eur")
    error = await books.refused("accounts/app:fees", "GET")
    assert "several currencies" in error["message"]
    assert (await books.get("accounts/app:fees", currency="eur"))["currency"] == "eur"
    listed = await books.get("accounts", type="revenue")
    assert [one["id"] for one in listed["data"]] == [made["id"]]


async def test_one_code_opened_side_by_side_is_one_account(books: Books) -> None:
    form = {"code": "app:hot", "currency": "usd", "normal_balance": "credit"}
    answers = await asyncio.gather(*(books.client("POST", "/v1/ledger/accounts", form) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7


@pytest.mark.parametrize("code", ["bank:cash", "app", "app:", "app::x", "App:x", "held:app:x", "app:a b", "app:x:"])
async def test_a_code_outside_the_applications_own_is_refused(books: Books, code: str) -> None:
    error = await books.refused("accounts", code=code, currency="usd", normal_balance="debit")
    assert error["param"] == "code" and "begins with app:" in error["message"]


async def test_the_products_accounts_can_be_read_and_not_touched(books: Books) -> None:
    paid = await books.client(
        "POST", "/v1/payment_intents",
        {"amount": 5000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
         "payment_method_types": ["card"]},
    )  # fmt: skip
    assert paid.status == 200
    fees = await books.get("accounts/platform:fees")
    assert (fees["owner"], fees["balance"], fees["type"]) == ("product", 175, "revenue")
    assert (await books.balance("platform:fees"))["total"] == 175
    assert "platform:fees" in [one["code"] for one in (await books.get("product_accounts"))["data"]]
    assert (await books.get("accounts/platform:fees/statement"))["closing_balance"] == 175
    for account in ("platform:fees", "merchant:acct_1:available", "held:app:wallets:alice"):
        error = await books.refused("entries", **entry("app:bank", account, 5))
        assert error["param"] == "postings[1][account]"
        assert (await books.refused("holds", account=account, amount=1, currency="usd"))["param"] == "account"
    assert (await books.refused("accounts/platform:fees", description="mine"))["param"] == "id"
    found = (await books.get("entries", account="platform:fees"))["data"]
    assert len(found) == 1 and found[0]["source"].startswith("ch_")
    assert await books.get(f"entries/{found[0]['id']}") == found[0]
    await books.refused(f"entries/{found[0]['id']}/reverse", status=404)


async def test_other_sandboxes_see_nothing(books: Books) -> None:
    made = await books.move("app:bank", "app:wallets:alice", 500)
    other = Books(books.world)
    other.client.secret = "sk_test_other"
    await other.refused("accounts/app:bank", "GET", status=404)
    await other.refused(f"entries/{made['id']}", "GET", status=404)
    await other.refused("entries/lent_1", "GET", status=404)
    assert (await other.get("entries"))["data"] == []
    assert (await other.open("app:bank", "credit"))["balance"] == 0


async def test_limits_and_metadata_are_updated(books: Books) -> None:
    changed = await books.post(
        "accounts/app:wallets:alice", floor=-100, never_negative=False, metadata={"tier": "gold"}
    )
    assert (changed["floor"], changed["never_negative"], changed["metadata"]) == (-100, False, {"tier": "gold"})
    await books.move("app:wallets:alice", "app:bank", 100)
    error = await books.refused("entries", **entry("app:wallets:alice", "app:bank", 1))
    assert error["code"] == "ledger_floor_exceeded" and "1 usd" in error["message"]
    changed = await books.post("accounts/app:wallets:alice", floor="", metadata="")
    assert (changed["floor"], changed["metadata"], changed["balance"]) == (None, {}, -100)
    await books.move("app:wallets:alice", "app:bank", 1)
    error = await books.refused("accounts/app:wallets:bob", ceiling=-1)
    assert error["param"] == "ceiling"


async def test_balances_at_past_moments(books: Books) -> None:
    clock = books.world.clock
    assert isinstance(clock, ManualClock)
    start = clock.micros() // SECOND
    await books.move("app:bank", "app:wallets:alice", 100)
    clock.advance(1000)
    await books.move("app:bank", "app:wallets:alice", 10, effective_at=start - 50)
    code = "app:wallets:alice"
    assert (await books.balance(code, at=start))["balance"] == 100
    assert (await books.balance(code, at=start - 1))["balance"] == 0
    assert (await books.balance(code, at=start + 1000))["balance"] == 110
    assert (await books.balance(code, effective_at=start - 51))["balance"] == 0
    assert (await books.balance(code, effective_at=start - 50))["balance"] == 10
    assert (await books.balance(code, effective_at=start))["balance"] == 110
    assert (await books.refused("balances", "GET", account=code, at=1, effective_at=1))["param"] == "at"
    sheet = await books.get(f"accounts/{code}/statement", since=start + 1)
    assert (sheet["opening_balance"], sheet["closing_balance"]) == (100, 110)
    assert [(line["amount"], line["balance"]) for line in sheet["lines"]] == [(10, 110)]
    page = await books.get(f"accounts/{code}/statement", limit=1)
    assert page["has_more"] and page["closing_balance"] == 100
    rest = await books.get(f"accounts/{code}/statement", after=page["lines"][-1]["number"])
    assert (rest["opening_balance"], rest["closing_balance"], rest["has_more"]) == (100, 110, False)


async def test_balances_roll_up(books: Books) -> None:
    top = await books.open("app:customers")
    await books.open("app:customers:vip", parent="app:customers")
    await books.open("app:customers:vip:eve", parent="app:customers:vip")
    await books.open("app:customers:owed", "debit", parent=top["id"])
    await books.move("app:bank", "app:customers", 1)
    await books.move("app:bank", "app:customers:vip:eve", 40)
    await books.move("app:customers:owed", "app:bank", 5)
    await books.post("holds", account="app:customers:vip:eve", currency="usd", amount=30)
    seen = await books.balance("app:customers")
    assert (seen["balance"], seen["total"], seen["held"], seen["total_held"]) == (1, 6, 0, 30)
    assert (await books.balance("app:customers:vip"))["total"] == 10
    assert len((await books.get("accounts", parent=top["id"]))["data"]) == 2
    error = await books.refused(
        "accounts", code="app:e", currency="eur", normal_balance="debit", parent="app:customers"
    )
    assert error["param"] == "parent"


async def test_the_audit_knows_what_was_opened(books: Books) -> None:
    await books.move("app:bank", "app:wallets:alice", 1)
    scope = (await books.world.engine.rows("SELECT scope FROM scope"))[0][0]
    row = ("app:wallets:alice",)
    forget = "DELETE FROM ledger_opened WHERE code=?"
    recall = (
        "INSERT INTO ledger_opened (book,code,currency,kind,normal) "
        "SELECT book,?,currency,kind,normal FROM ledger_opened WHERE code='app:wallets:bob'"
    )

    async def write(statement: str) -> None:
        async def run(tx: Tx) -> None:
            tx.write_row(statement, row)

        await perform(books.world, await load_scope(books.world, scope), run)

    await write(forget)
    problems = await verify(books.world.engine, books.world.registry)
    assert [problem.what for problem in problems] == ["app:wallets:alice usd was never opened"]
    await write(recall)
