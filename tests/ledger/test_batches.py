"""Plain transfers that were booked many at once are entries like any other: every reading and every rule holds."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from application import Books, entry, opened
from nostro.events.job import run_due
from nostro.ledger.audit import verify
from nostro.ledger.audit_runs import NEXT_RUN, check_runs
from nostro.ledger.problem import Problem
from nostro.ledger.verified import Mark, rest, verify_slice
from nostro.storage.engine import Engine, Row
from nostro.storage.runs import ask, balances_upto

ALICE, BOB, BANK = "app:wallets:alice", "app:wallets:bob", "app:bank"
MANY = 200


def transfers(count: int = MANY, debit: str = BANK, credit: str = ALICE, **more: Any) -> str:
    """Amounts 1, 2, 3, ..."""
    one = {"debit": debit, "credit": credit, "currency": "usd", **more}
    return "\n".join(json.dumps({**one, "amount": n}) for n in range(1, count + 1))


def total(count: int) -> int:
    return count * (count + 1) // 2


async def batches(books: Books) -> int:
    return int((await books.world.engine.rows("SELECT count(*) FROM ledger_batch"))[0][0])


async def test_each_reading_shows_them(books: Books) -> None:
    results = await books.lines(transfers(kind="topup", description="Top-up"))
    assert [one["line"] for one in results] == list(range(1, MANY + 1))
    assert {one["status"] for one in results} == {"created"} and await batches(books) == 1
    last = results[-1]["entry"]
    made = await books.get(f"entries/{last}")
    assert made["kind"] == "app:topup" and made["description"] == "Top-up"
    assert made["postings"] == entry(BANK, ALICE, MANY)["postings"] or made["postings"][0]["amount"] == MANY
    for filters in ({}, {"account": ALICE}, {"kind": "app:topup"}, {"account": BANK, "kind": "app:topup"}):
        page = await books.get("entries", **filters, limit=2)
        assert [one["id"] for one in page["data"]] == [last, results[-2]["entry"]] and page["has_more"]
        more = await books.get("entries", **filters, limit=100, starting_after=results[99]["entry"])
        assert [one["id"] for one in more["data"]] == [one["entry"] for one in reversed(results[:99])]
    assert (await books.get("entries", source=last))["data"][0]["id"] == last
    assert (await books.get("entries", kind="app:other"))["data"] == []
    assert (await books.get("entries", account=BOB))["data"] == []
    assert (await books.balance(ALICE))["balance"] == total(MANY)
    assert (await books.get(f"accounts/{BANK}"))["balance"] == total(MANY)
    await books.verified()


async def test_statements_and_past_balances_run_through_both_kinds_of_entries(books: Books) -> None:
    clock: Any = books.world.clock
    start = clock.micros() // 1_000_000
    expected = []
    for _ in range(3):
        await books.move(BANK, ALICE, 1000)
        await books.lines(transfers())
        expected += [1000, *range(1, MANY + 1)]
        clock.advance(10)
    await books.move(ALICE, BOB, 5)
    expected.append(-5)
    lines: list[Any] = []
    while True:
        page = await books.get(
            f"accounts/{ALICE}/statement", limit=150, **({"after": lines[-1]["number"]} if lines else {})
        )
        assert page["opening_balance"] == (lines[-1]["balance"] if lines else 0)
        lines += page["lines"]
        if not page["has_more"]:
            break
    assert [one["amount"] for one in lines] == expected
    assert [one["balance"] for one in lines] == [sum(expected[: n + 1]) for n in range(len(expected))]
    assert page["closing_balance"] == sum(expected)
    each = 1000 + total(MANY)
    for n in range(3):
        at = start + 10 * n + 5
        assert (await books.balance(ALICE, at=at))["balance"] == (n + 1) * each
        assert (await books.balance(ALICE, effective_at=at))["balance"] == (n + 1) * each
    part = await books.get(f"accounts/{ALICE}/statement", since=start + 5, until=start + 15, limit=1000)
    assert part["opening_balance"] == each and part["closing_balance"] == 2 * each and len(part["lines"]) == MANY + 1
    await books.verified()


async def test_limits_are_judged_line_after_line(books: Books) -> None:
    await books.move(BANK, ALICE, total(100))
    results = await books.lines(transfers(MANY, ALICE, BOB))
    assert [one["status"] for one in results] == ["created"] * 100 + ["refused"] * 100
    assert results[150]["error"]["code"] == "ledger_floor_exceeded" and "151 usd" in results[150]["error"]["message"]
    assert (await books.balance(ALICE))["balance"] == 0
    await books.refused("entries", **entry(ALICE, BOB, 1))
    await books.move(BOB, ALICE, 30)
    results = await books.lines(transfers(100, ALICE, BOB))
    assert [one["line"] for one in results if one["status"] == "created"] == [1, 2, 3, 4, 5, 6, 7]
    await books.verified()


async def test_all_or_none(books: Books) -> None:
    back = transfers(MANY, ALICE, BOB)
    error = await books.lines(back, 400, atomic=True)
    assert error["code"] == "ledger_floor_exceeded" and await batches(books) == 0
    results = await books.lines(f"{back}\n{transfers()}", atomic=True)
    assert len(results) == 2 * MANY and await batches(books) == 1
    assert (await books.balance(BOB))["balance"] == total(MANY)
    await books.verified()


async def test_what_is_no_plain_transfer_is_booked_in_its_place(books: Books) -> None:
    odd = [
        {**entry(BANK, BOB, 7), "metadata": {"a": "b"}},
        entry(BANK, "app:nobody", 7),
        {"debit": BANK, "credit": BANK, "amount": 5, "currency": "usd"},
        {"debit": BANK, "credit": BOB, "amount": 0, "currency": "usd"},
        {"debit": BANK, "credit": BOB, "amount": 5, "currency": "usd", "effective_at": 9_999_999_999},
        {"debit": BANK, "credit": BOB, "amount": 5, "currency": "usd", "kind": "NO"},
        {"debit": BANK, "credit": BOB, "amount": "5", "currency": "usd"},
        {"debit": BANK, "credit": BOB, "amount": 5, "currency": "usd", "colour": "red"},
    ]  # fmt: skip
    text = "\n".join([transfers(100), *map(json.dumps, odd), "{", transfers(100)])
    results = await books.lines(text)
    assert [one["status"] for one in results[100:109]] == [
        "created", "refused", "created", "refused", "refused", "refused", "created", "refused", "refused"]  # fmt: skip
    assert {one["status"] for one in results[:100] + results[109:]} == {"created"} and await batches(books) == 2
    numbers = [one["number"] for one in (await books.get(f"accounts/{BANK}/statement", limit=1000))["lines"]]
    assert numbers == sorted(numbers) and len(numbers) == 203
    await books.verified()


async def test_csv_with_quotes(books: Books) -> None:
    rows = "".join(f'{BANK},{ALICE},{n},usd,"one, two ""{n % 3}"""\n' for n in range(1, MANY + 1))
    results = await books.lines(f"debit,credit,amount,currency,description\n{rows}", kind="text/csv")
    assert [one["line"] for one in results] == list(range(2, MANY + 2)) and await batches(books) == 1
    made = await books.get(f"entries/{results[1]['entry']}")
    assert made["description"] == 'one, two "2"' and made["postings"][0]["amount"] == 2
    await books.verified()


async def test_a_reversal_names_it_and_is_booked_once(books: Books) -> None:
    results = await books.lines(transfers())
    id = results[9]["entry"]
    done = await asyncio.gather(*(books.client("POST", f"/v1/ledger/entries/{id}/reverse") for _ in range(3)))
    assert sorted(one.status for one in done) == [200, 400, 400]
    reversal = next(one.json for one in done if one.status == 200)
    assert reversal["reverses"] == id and (await books.get(f"entries/{id}"))["reversed_by"] == reversal["id"]
    assert (await books.balance(ALICE))["balance"] == total(MANY) - 10
    await books.refused(f"entries/{reversal['id']}/reverse")
    await books.refused("entries/lent_999999/reverse", status=404)
    await books.verified()


async def test_holds_and_alerts_see_what_batches_booked(books: Books) -> None:
    await books.post(f"accounts/{ALICE}", alert_above=1000)
    await books.lines(transfers())
    await run_due(books.world)
    events = await books.world.engine.rows('SELECT body FROM "event"')
    assert any("ledger.account.balance_above" in body for (body,) in events)
    await books.refused("holds", account=ALICE, amount=total(MANY) + 1)
    hold = await books.post("holds", account=ALICE, amount=total(MANY), destination=BOB)
    assert (await books.balance(ALICE))["held"] == total(MANY)
    await books.post(f"holds/{hold['id']}/post")
    assert (await books.balance(BOB))["balance"] == total(MANY)
    await books.verified()


async def test_new_limits_hold_for_the_next_batch(books: Books) -> None:
    await books.lines(transfers())
    await books.post(f"accounts/{ALICE}", ceiling=total(MANY) + 3)
    assert [one["status"] for one in await books.lines(transfers())][:3] == ["created", "created", "refused"]
    await books.verified()


@pytest.fixture
async def merged(books: Books) -> Books:
    """Runs of all three levels."""
    for _ in range(83):
        await books.lines(transfers(64, BANK, ALICE))
        await run_due(books.world)
    return books


async def test_merges_change_nothing(merged: Books) -> None:
    levels = [level for (level,) in await merged.world.engine.rows("SELECT level FROM ledger_run ORDER BY first")]
    assert levels == [2, 1, 1, 0, 0, 0]
    await merged.verified()
    assert (await merged.balance(ALICE))["balance"] == 83 * total(64)
    lines = (await merged.get(f"accounts/{ALICE}/statement", limit=1000, after=4000))["lines"]
    assert [one["number"] for one in lines] == list(range(4001, 5001))
    listed = await merged.client.all("/v1/ledger/entries", account=ALICE)
    assert len(listed) == 83 * 64


class MergingMeanwhile:
    """An engine that merges what there is to merge as soon as the audit has looked at the first run."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._looks = 0

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        if statement == NEXT_RUN:
            self._looks += 1
            if self._looks == 2:
                await run_due(self._books.world)
        return await self._books.world.engine.rows(statement, values)


async def test_runs_are_merged_while_the_audit_looks_at_them(books: Books) -> None:
    for _ in range(8):
        await books.lines(transfers(64, BANK, ALICE))
    assert await check_runs(cast(Engine, MergingMeanwhile(books)), 8 * 64) == []
    assert await books.world.engine.rows("SELECT count(*) FROM ledger_run WHERE book>0") == [(1,)]


async def test_another_opening_of_the_database_goes_on(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'books.db'}"
    for turn in range(1, 4):
        books = Books(await opened(database))
        if turn == 1:
            await books.open(BANK, "debit")
            await books.open(ALICE, never_negative=True)
            await books.open(BOB)
        await books.lines(transfers())
        await books.move(ALICE, BOB, total(MANY))
        assert (await books.balance(BOB))["balance"] == turn * total(MANY)
        await books.refused("entries", **entry(ALICE, BOB, 1))
        await books.verified()
        await books.world.engine.close()


CORRUPTIONS = {
    "a batch's columns": (
        "UPDATE ledger_batch SET columns=CAST(substr(columns,1,length(columns)-1)||X'99' AS BLOB) WHERE first=1",
        "link 1", "hash"),
    "a batch, cut": ("UPDATE ledger_batch SET columns=X'0102' WHERE first=1", "batch of entries 1 to", "read"),
    "a batch's words": ("UPDATE ledger_batch SET words=replace(words,'create','x') WHERE first=1", "link 1", "hash"),
    "a batch, deleted": ("DELETE FROM ledger_batch WHERE first=1", "entry 1", "missing"),
    "a batch's last": ("UPDATE ledger_batch SET last=last+1 WHERE first=1", "batch of entries 1 to", "not those"),
    "a batch's time": ("UPDATE ledger_batch SET recorded=recorded-1 WHERE first=1", "link 1", "hash"),
    "a batch's book": ("UPDATE ledger_batch SET book=book+1 WHERE first=1", "entry 1", "another book"),
    "a kind": ("UPDATE ledger_batch_kind SET kind='app:x' WHERE first=1", "batch of entries 1 to", "list of kinds"),
    "a kind, deleted": ("DELETE FROM ledger_batch_kind", "batch of entries 1 to", "list of kinds"),
    "a run, deleted": ("DELETE FROM ledger_run", "batch of entries 1 to", "no run"),
    "a run's end": ("UPDATE ledger_run SET last=last-1", "run of entries 1 to", "whole batches"),
    "a run's lines": ("UPDATE ledger_run SET lines=lines-1", "run of entries 1 to", "has 400 lines"),
    "a page": (
        "UPDATE ledger_page SET lines=CAST(substr(lines,1,length(lines)-1)||X'99' AS BLOB)",
        "run of entries 1 to", "a line says"),
    "a batch's latest time": ("UPDATE ledger_batch SET latest=latest+1 WHERE first=1", "entry 1", "latest"),
    "a late line, added": ("INSERT INTO ledger_late VALUES (1, 1, 1, 1)", "account app:bank", "backdated"),
    "a late line's amount": (
        "UPDATE ledger_late SET amount=amount+1 WHERE account=1", "account app:bank", "backdated"),
    "a late line, deleted": ("DELETE FROM ledger_late WHERE entry=9", "account app:bank", "backdated"),
    "a page, deleted": ("DELETE FROM ledger_page", "run of entries 1 to", ""),
    "a page's key": ("UPDATE ledger_page SET entry=entry+1", "run of entries 1 to", "begin where it should"),
    "a reversal": ("UPDATE ledger_reversal SET entry=entry+1", "entry 6", "does not reverse"),
    "a link": ("UPDATE ledger_chain SET hash='00' WHERE link=1", "link 1", "hash"),
    "an account, deleted": ("DELETE FROM ledger_account WHERE code LIKE 'app:bank'", "entry 1", "missing"),
    "an account's total": ("UPDATE ledger_account SET balance=balance+1 WHERE code='app:bank'", "account app", "total"),
}  # fmt: skip


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_names_what_was_changed(tmp_path: Path, what: str) -> None:
    file = tmp_path / "books.db"
    books = Books(await opened(f"sqlite:///{file}"))
    await books.open(BANK, "debit")
    await books.open(ALICE)
    early = json.dumps({"debit": BANK, "credit": ALICE, "currency": "usd", "amount": 5, "effective_at": 7})
    results = await books.lines("\n".join([transfers(8), early, transfers(MANY - 9)]))
    await books.move(BANK, ALICE, 5, effective_at=8)
    await books.post(f"entries/{results[4]['entry']}/reverse")
    await books.verified()
    statement, where, complaint = CORRUPTIONS[what]
    with sqlite3.connect(file) as db:
        db.execute(statement)
    db.close()
    problems = await verify(books.world.engine, books.world.registry)
    assert [p for p in problems if p.where.startswith(where) and complaint in p.what], "\n".join(map(str, problems))
    assert (await sliced(books, Mark()))[1], "slices do not notice it"
    await books.world.engine.close()


async def sliced(books: Books, since: Mark) -> tuple[Mark, list[Problem]]:
    """The books verified a slice after another, from a mark on."""
    begun = since.entry
    while True:
        reached, problems = await verify_slice(books.world.engine, books.world.registry, since, 100)
        if problems or reached == since:
            return reached, problems or await rest(books.world.engine, reached, begun)
        since = reached


async def test_what_came_behind_verified_batches_is_verified_by_itself(books: Books) -> None:
    """Also when its lines were merged with those of batches before it."""
    since = Mark()
    for n in range(10):
        await books.lines(transfers(MANY, BANK, ALICE if n % 2 else BOB))
        await books.move(BANK, ALICE, 5, effective_at=8)
        reached, problems = await sliced(books, since)
        assert problems == [] and reached.entry > since.entry
        since = reached
        await run_due(books.world)
    assert (await sliced(books, Mark()))[0] == since


async def test_a_named_stream_is_booked_once(books: Books) -> None:
    await books.move(BANK, ALICE, total(100))
    odd = json.dumps({**entry(BANK, BOB, 7), "metadata": {"a": "b"}})
    text = f"{transfers(90, ALICE, BOB)}\n{odd}\n{transfers(MANY, ALICE, BOB)}\n{{"
    first = await books.lines(text, reference="file-1")
    assert {one["status"] for one in first[:91]} == {"created"} and await batches(books) == 1
    booked = [one["entry"] for one in first if one["status"] == "created"]
    await books.move(BANK, ALICE, 100_000)
    again = await books.lines(text, reference="file-1")
    assert [one["entry"] for one in again if one["status"] == "existing"] == booked
    assert [one for one in again if one["status"] == "refused"] == [one for one in first if one["status"] == "refused"]
    error = await books.lines(transfers(), 400, reference="file-1")
    assert error["code"] == "ledger_reference_in_use"
    assert {one["status"] for one in await books.lines(transfers(), reference="file-2")} == {"created"}
    at_once = await asyncio.gather(*(books.lines(transfers(), reference="file-3") for _ in range(3)))
    assert sorted(answer[0]["status"] for answer in at_once) == ["created", "existing", "existing"]
    assert len({answer[0]["entry"] for answer in at_once}) == 1
    mixed = f"{transfers(80)}\n{odd}"
    first = await books.lines(mixed, reference="file-5", atomic=True)
    again = await books.lines(mixed, reference="file-5", atomic=True)
    assert again == [{**one, "status": "existing"} for one in first]
    both = await books.lines(transfers(), reference="file-4", atomic=True)
    assert both == [
        {**one, "status": "created"} for one in await books.lines(transfers(), reference="file-4", atomic=True)
    ]
    await books.verified()


async def test_a_past_moment_may_lie_within_a_merged_run(merged: Books) -> None:
    first = (await merged.get(f"accounts/{ALICE}/statement", limit=1))["lines"][0]
    for number, looks in ((5, 1), (5, 10**9), (64, 10**9), (4000, 1), (4000, 10**9)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("nostro.storage.runs.LINES_A_LOOK", looks)
            accounts = await merged.world.engine.rows("SELECT account FROM ledger_account WHERE code=?", (ALICE,))
            asked = balances_upto(1, [accounts[0][0]], first["number"] + number - 1)
            balances, _ = await ask(merged.world.engine.rows, asked)
        whole, part = divmod(number, 64)
        assert balances[accounts[0][0]] == -(whole * total(64) + total(part))
