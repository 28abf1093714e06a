"""Bulk payouts: lines of a file, each paid once, with what is wrong told line by line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nostro.connect.originating_account import ORIGINATING_ACCOUNT, next_cut_off
from nostro.networks import nacha
from nostro.payouts.bank_file import BUILD_AFTER
from nostro.storage.tx import Tx
from seller import WHOLE
from treasury_desk import DAY, Desk, on_behalf, returned

HEAD = "reference,amount,currency,account_holder_name,routing_number,account_number"


def csv(*rows: tuple[str, int], account: str = "5550001", currency: str = "usd", routing: str = "021000021") -> str:
    lines = [f"{reference},{amount},{currency},Ann Example,{routing},{account}" for reference, amount in rows]
    return "\n".join((HEAD, *lines)) + "\n"


async def one(desk: Desk) -> Any:
    [bulk] = (await desk.get("bulk_payouts"))["data"]
    return bulk


def said(results: list[Any]) -> list[str]:
    return [line["status"] for line in results]


async def test_lines_become_payments_in_a_file_and_settle_with_it(desk: Desk) -> None:
    await desk.open()
    before = await desk.available()
    results = await desk.lines(csv(("a", 100), ("b", 250)))
    assert [(line["line"], line["status"], line["reference"]) for line in results] == [
        (2, "created", "a"), (3, "created", "b"),
    ]  # fmt: skip
    assert await desk.available() == before - 350
    bulk = await one(desk)
    assert (bulk["id"], bulk["status"], bulk["lines"], bulk["amount"]) == (results[0]["bulk_payout"], "pending", 2, 350)
    file = await desk.sent()
    [batch] = nacha.read(await desk.contents(file)).batches
    assert [(entry.individual_id, entry.amount, entry.name) for entry in batch.entries] == [
        ("a", 100, "Ann Example"), ("b", 250, "Ann Example"),
    ]  # fmt: skip
    await desk.pass_(5 * DAY)
    bulk = await one(desk)
    assert (bulk["status"], bulk["settled_amount"], bulk["failed_amount"]) == ("completed", 350, 0)
    lines = (await desk.get("balance_transactions", source=bulk["id"]))["data"]
    assert [(line["type"], line["net"]) for line in lines] == [("payout", -350)]


async def test_the_same_lines_again_are_there_already_and_more_can_follow(desk: Desk) -> None:
    await desk.open()
    await desk.lines(csv(("a", 100), ("b", 250)))
    left = await desk.available()
    again = await desk.lines(csv(("b", 250), ("c", 5), ("a", 101), ("c", 5), ("c", 6)))
    assert said(again) == ["existing", "created", "refused", "existing", "refused"]
    assert again[2]["error"]["code"] == "ledger_reference_in_use"
    assert await desk.available() == left - 5
    assert ((await one(desk))["lines"], (await one(desk))["amount"]) == (3, 355)
    other = await desk.lines(csv(("a", 100)), "december")
    assert said(other) == ["created"]  # a reference is good within its bulk payout
    await desk.cut_off()
    rest = await desk.lines(csv(("a", 100), ("d", 7)))
    assert said(rest) == ["existing", "created"]


async def test_lines_for_tomorrow_do_not_keep_back_those_of_today(desk: Desk) -> None:
    """They come after the cut-off, and before its file is built."""
    account = await desk.open()
    await desk.lines(csv(("today", 100)))
    tx = Tx(desk.world, await desk.scope())
    cut_off = next_cut_off(await tx.get(ORIGINATING_ACCOUNT, account["id"]), tx.now)[0]
    await desk.pass_(cut_off - tx.now + BUILD_AFTER // 2)
    await desk.lines(csv(("tomorrow", 250)))
    await desk.pass_(BUILD_AFTER // 2)
    assert [file["amount"] for file in await desk.files()] == [100]
    await desk.cut_off()
    assert [file["amount"] for file in await desk.files()] == [250, 100]


async def test_streams_that_are_sent_twice_at_once_pay_once(desk: Desk) -> None:
    await desk.open()
    before = await desk.available()
    body = csv(*((f"r{n}", 10 + n) for n in range(300)))
    parts = [body, body, csv(*((f"r{n}", 10 + n) for n in range(100, 300))), body]
    found = await asyncio.gather(*(desk.lines(part) for part in parts))
    assert sum(said(results).count("created") for results in found) == 300
    assert all(set(said(results)) <= {"created", "existing"} for results in found)
    total = sum(10 + n for n in range(300))
    assert (await desk.available(), (await one(desk))["amount"]) == (before - total, total)


async def test_what_is_wrong_is_told_line_by_line(desk: Desk) -> None:
    await desk.open(largest_payment=5000)
    good = {"reference": "x", "amount": 100, "currency": "usd", "routing_number": "021000021", "account_number": "55"}
    wrong: list[tuple[Any, str | None]] = [
        ({**good, "reference": ""}, "reference"),
        ({**good, "amount": 0}, "amount"),
        ({**good, "amount": 5001}, "amount"),
        ({**good, "currency": "jpy"}, "currency"),
        ({**good, "routing_number": "021000022"}, "account_number"),
        ({**good, "account_number": "1" * 18}, "account_number"),
        ({**good, "account_type": "gold"}, "account_type"),
        ({**good, "merchant": "acct_other"}, None),
        ({**good, "iban": 5}, None),
        ({**good, "colour": "red"}, None),
        ([], None),
    ]
    body = "\n".join([*(json.dumps(line) for line, _ in wrong), "{", "", json.dumps(good)])
    checked = await desk.lines(body, kind="application/x-ndjson", dry_run=True)
    assert said(checked) == ["refused"] * 12 + ["valid"]
    assert [line["line"] for line in checked] == [*range(1, 13), 14]
    assert [line["error"].get("param") for line in checked[:11]] == [param for _, param in wrong]
    assert ((await desk.get("bulk_payouts"))["data"], await desk.files()) == ([], [])
    results = await desk.lines(body, kind="application/x-ndjson")
    assert said(results) == ["refused"] * 12 + ["created"]
    answer = await desk.client("POST", "/v1/bulk_payouts", {"reference": "x"}, lines="amount\n5\n", kind="text/csv")
    assert (answer.status, answer.json["error"]["param"]) == (400, "lines")


async def test_a_balance_that_is_short_pays_the_lines_that_it_covers(desk: Desk) -> None:
    await desk.open()
    left = await desk.available()
    results = await desk.lines(csv(("a", left - 500), ("b", 600), ("c", 300), ("d", 200), ("e", 1)))
    assert said(results) == ["created", "refused", "created", "created", "refused"]
    assert (results[1]["error"]["code"], await desk.available()) == ("balance_insufficient", 0)


async def test_lines_that_come_back_before_and_after_they_were_paid(desk: Desk) -> None:
    await desk.open(most_payments=2)
    before = await desk.available()
    await desk.lines(csv(("a", 100), ("b", 200), ("c", 400), ("d", 800)))
    await desk.cut_off()
    first, second = (await desk.files())[::-1]
    for file in (first, second):
        await desk.post(f"bank_files/{file['id']}/send")
    told = (await desk.get("payment_instructions", bank_file=first["id"]))["data"]
    content = await desk.contents(first)
    await desk.answer(returned(content, only={told[0]["trace"]}))
    bulk = await one(desk)
    assert (bulk["failed_amount"], bulk["failed_lines"], bulk["status"]) == (100, 1, "pending")
    assert await desk.available() == before - 1400
    await desk.pass_(5 * DAY)
    bulk = await one(desk)
    assert (bulk["status"], bulk["settled_amount"]) == ("completed", 1400)
    await desk.answer(returned(content, number=7))  # says the first again
    await desk.answer(returned(await desk.contents(second), "R03"))
    bulk = await one(desk)
    assert (bulk["settled_amount"], bulk["failed_amount"], bulk["failed_lines"]) == (0, 1500, 4)
    assert await desk.available() == before
    line = (await desk.get("payment_instructions", source=bulk["id"], limit=2))["data"]
    assert [(one["reference"], one["returned"]) for one in line] == [("a", "R02"), ("b", "R02")]
    after = (await desk.get("payment_instructions", source=bulk["id"], after="b"))["data"]
    assert [one["reference"] for one in after] == ["c", "d"]


async def test_each_line_is_paid_from_the_balance_of_its_merchant(desk: Desk) -> None:
    await desk.open()
    seller = await desk.post("accounts", type="custom", country="US", **WHOLE,
                             capabilities={"transfers": {"requested": True}})  # fmt: skip
    client = on_behalf(desk.client, seller["id"])
    await desk.post("transfers", amount=5000, currency="usd", destination=seller["id"])
    before = await desk.available()
    body = f"{HEAD},merchant\na,100,usd,Ann,021000021,5550001,\nb,300,usd,Bob,021000021,5550002,{seller['id']}\n"
    results = await desk.lines(body)
    assert said(results) == ["created", "created"]
    assert await desk.available() == before - 100
    file = await desk.sent()
    assert (file["payments"], file["amount"]) == (2, 400)
    await desk.pass_(5 * DAY)
    own = (await client("GET", "/v1/bulk_payouts")).json["data"]
    assert [(bulk["id"], bulk["amount"], bulk["status"]) for bulk in own] == [
        (results[1]["bulk_payout"], 300, "completed")
    ]  # fmt: skip
