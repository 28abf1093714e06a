"""A month is closed: locked, checked, its figures written and proven again later; and nothing changes it afterwards."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings

from history import DAY, History, histories, kept
from nostro.events.job import run_due
from nostro.events.work import perform
from nostro.ledger.audit import verify
from nostro.ledger.closed import month_starts
from nostro.ledger.verified import mark
from nostro.reporting import checks
from nostro.reporting.period import closer
from nostro.storage.scope import load_scope

JULY, AUGUST = month_starts("2026-07"), month_starts("2026-08")


@pytest.fixture
async def history(tmp_path: Any, request: Any) -> AsyncIterator[History]:
    from postgresql import database

    if request.config.getoption("--engine") == "sqlite":
        made = await kept(f"sqlite:///{tmp_path / 'books.db'}")
        yield made
        await made.books.world.engine.close()
        return
    with database(request.getfixturevalue("postgresql")) as url:
        made = await kept(url)
        yield made
        await made.books.world.engine.close()


def to(history: History, moment: int) -> None:
    clock: Any = history.books.world.clock
    clock.now = moment * 1_000_000


async def post(history: History, path: str, status: int = 200, **form: Any) -> Any:
    answer = await history.books.client("POST", f"/v1/reports/{path}", form)
    assert answer.status == status, answer.body
    return answer.json if status == 200 else answer.json["error"]


async def close(history: History, month: str = "2026-07") -> Any:
    begun = await post(history, "periods", month=month)
    assert begun["status"] == "closing"
    await run_due(history.books.world)
    return await history.get(f"periods/{begun['id']}")


async def fill(history: History) -> None:
    books = history.books
    await books.move("app:bank", "app:capital", 100_000)
    await books.move("app:bank", "app:wallets:alice", 5_000)
    await books.move("app:wallets:alice", "app:fees", 120)
    await books.move("app:costs:card", "app:bank", 30, "jpy")
    line = {"debit": "app:bank", "credit": "app:wallets:bob", "amount": 7, "currency": "usd"}
    await books.lines("\n".join(json.dumps(line) for _ in range(70)))


async def test_a_month_is_closed_and_proven(history: History) -> None:
    await fill(history)
    to(history, AUGUST + 60)
    period = await close(history)
    assert period["status"] == "closed" and period["closed_at"] == AUGUST + 60
    assert {one["name"]: one["outcome"] for one in period["checks"]} == dict.fromkeys(
        ["books_verified", "trial_balance", "clearing_accounts", "suspense", "failed_jobs", "breaks"], "passed"
    )
    figures = period["figures"]
    assert {"currency": "usd", "assets": 105_490, "liabilities": 5_370, "equity": 100_120, "result": 120} in figures[
        "totals"
    ]
    assert figures["entry"] == 74
    proof = await history.get(f"periods/{period['id']}/proof")
    assert proof["holds"] and proof["chain_holds"] and proof["hash"] == figures["hash"]
    assert (await history.get("balance_sheet", period="2026-07"))["closed"]
    told = await history.books.client.all("/v1/events", type="report.period.*")
    assert [event["type"] for event in reversed(told)] == ["report.period.closing", "report.period.closed"]


async def test_what_concerns_a_closed_month_is_booked_later_and_says_so(history: History) -> None:
    await fill(history)
    to(history, AUGUST + DAY)
    before = await history.get("income_statement", period="2026-07")
    await close(history)
    early = {"effective_at": AUGUST - 1}
    for path, form in (("entries", early), ("entries", {**early, "dry_run": True})):
        form = {**_entry(), **form}
        error = await history.books.refused(path, **form)
        assert error["code"] == "ledger_period_closed" and "2026-08-01 00:00:00" in error["message"]
    made = await history.books.post("entries", **_entry(), period="2026-07")
    assert made["period"] == "2026-07" and made["effective_at"] == AUGUST + DAY
    assert (await history.books.refused("entries", **_entry(), period="2026-08"))["param"] == "period"
    assert (await history.books.refused("entries", **_entry(), period="July"))["param"] == "period"
    undone = await history.books.post(f"entries/{made['id']}/reverse", period="2026-07")
    assert undone["period"] == "2026-07"
    after = await history.get("income_statement", period="2026-07")
    assert {**before, "closed": True} == after


async def test_lines_of_a_stream_are_refused_one_by_one(history: History) -> None:
    to(history, AUGUST + DAY)
    await close(history)
    moments = [AUGUST - 1, AUGUST, None] * 30
    lines = [
        {"debit": "app:bank", "credit": "app:wallets:bob", "amount": 7, "currency": "usd"}
        | ({"effective_at": at} if at else {})
        for at in moments
    ]
    text = "\n".join(map(json.dumps, lines))
    for form in ({}, {"reference": "stream-1"}, {"reference": "stream-1"}):
        told = await history.books.lines(text, **form)
        codes = [one["error"]["code"] if one["status"] == "refused" else None for one in told]
        assert codes == ["ledger_period_closed" if at == AUGUST - 1 else None for at in moments]
    error = await history.books.lines(text, status=400, atomic=True)
    assert error["code"] == "ledger_period_closed"
    short = "\n".join(map(json.dumps, lines[:3]))
    assert [one["status"] for one in await history.books.lines(short)] == ["refused", "created", "created"]


async def test_holds_from_before_go_on(history: History) -> None:
    """They end when they end: after the close, in the open."""
    await fill(history)
    hold = await history.books.post(
        "holds", account="app:wallets:alice", currency="usd", amount=50, expires_at=AUGUST - 5
    )
    to(history, AUGUST + 5)
    begun = await post(history, "periods", month="2026-07")
    await run_due(history.books.world)
    assert (await history.books.get(f"holds/{hold['id']}"))["status"] == "expired"
    period = await history.get(f"periods/{begun['id']}")
    assert period["status"] == "closed"
    listed = {one["name"]: one for one in period["checks"]}["clearing_accounts"]
    assert listed["outcome"] == "listed" and listed["findings"] == ["held:app:wallets:alice: 0.50 usd"]
    lines = await history.get("account_lines", account="held:app:wallets:alice", currency="usd", period="2026-08")
    assert [line["amount"] for line in lines["lines"]] == [50]


async def test_months_are_closed_when_they_are_over_and_in_their_order(history: History) -> None:
    await fill(history)
    to(history, AUGUST - 1)
    assert "not over yet" in (await post(history, "periods", 400, month="2026-07"))["message"]
    assert (await post(history, "periods", 400, month="2026-7"))["param"] == "month"
    to(history, month_starts("2026-11") + 5)
    period = await close(history, "2026-07")
    error = await post(history, "periods", 400, month="2026-07")
    assert error["code"] == "report_period_closed"
    for wrong in ("2026-06", "2026-09"):
        assert "the next one is 2026-08" in (await post(history, "periods", 400, month=wrong))["message"]
    error = await post(history, f"periods/{period['id']}/release", 400)
    assert error["code"] == "report_period_closed"
    assert (await close(history, "2026-08"))["status"] == "closed"
    listed = await history.books.client.all("/v1/reports/periods", status="closed")
    assert [one["month"] for one in listed] == ["2026-08", "2026-07"]


async def test_a_check_that_fails_opens_the_month_again(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(history)
    to(history, AUGUST + 5)
    found = ["a bank statement of 2026-07-31 is missing"] * 150

    async def look(tx: Any, span: Any) -> list[str]:
        assert span.name == "2026-07"
        return found

    world = history.books.world
    jobs = {**world.jobs, "report.period.close": closer((*checks.CHECKS, checks.Check("bank", look, blocks=True)))}
    monkeypatch.setattr(world, "jobs", jobs)
    period = await close(history)
    assert period["status"] == "open" and period["figures"] is None
    failed = period["checks"][-1]
    assert (failed["name"], failed["outcome"], failed["count"]) == ("bank", "failed", 150)
    assert len(failed["findings"]) == 100
    await history.books.move("app:bank", "app:wallets:bob", 1, effective_at=AUGUST - 1)
    found.clear()
    again = await close(history)
    assert again["id"] == period["id"] and again["status"] == "closed"


async def test_closing_can_be_given_up(history: History) -> None:
    to(history, AUGUST + 5)
    begun = await post(history, "periods", month="2026-07")
    assert (await post(history, "periods", month="2026-07"))["id"] == begun["id"]
    error = await history.books.refused("entries", **_entry(), effective_at=AUGUST - 1)
    assert error["code"] == "ledger_period_closed"
    assert (await post(history, f"periods/{begun['id']}/release"))["status"] == "open"
    await history.books.post("entries", **_entry(), effective_at=AUGUST - 1)
    assert (
        "only a closed one"
        in (await history.books.client("GET", f"/v1/reports/periods/{begun['id']}/proof")).json["error"]["message"]
    )


async def test_two_who_close_at_once_close_one_period(history: History) -> None:
    to(history, AUGUST + 5)
    begun = await asyncio.gather(*(post(history, "periods", month="2026-07") for _ in range(5)))
    assert len({one["id"] for one in begun}) == 1
    assert len(await history.books.client.all("/v1/reports/periods")) == 1


async def test_a_change_shows_in_the_proof(history: History) -> None:
    await fill(history)
    to(history, AUGUST + 5)
    period = await close(history)
    await history.books.world.engine.commit(_spoil("UPDATE ledger_posting SET amount=amount+1 WHERE entry=2"))
    proof = await history.get(f"periods/{period['id']}/proof")
    assert not proof["holds"] and proof["chain_holds"]
    await history.books.world.engine.commit(_spoil("UPDATE ledger_chain SET hash='x' WHERE link=?", proof_link(period)))
    assert not (await history.get(f"periods/{period['id']}/proof"))["chain_holds"]


async def test_spoiled_books_are_not_closed(history: History) -> None:
    await fill(history)
    await history.books.world.engine.commit(_spoil("UPDATE ledger_posting SET amount=amount+1 WHERE entry=2"))
    to(history, AUGUST + 5)
    period = await close(history)
    assert period["status"] == "open"
    assert "books_verified" in [one["name"] for one in period["checks"] if one["outcome"] == "failed"]


async def test_other_jobs_run_between_the_slices_of_a_close(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(history)
    to(history, AUGUST + 5)
    monkeypatch.setattr("nostro.reporting.period.SLICE", 1)
    world, ran = history.books.world, list[str]()
    close_job = world.jobs["report.period.close"]

    async def slow(tx: Any, ref: str) -> None:
        ran.append("close")
        to(history, AUGUST + 5 + len(ran))  # a second has gone by
        await close_job(tx, ref)

    async def other(tx: Any, ref: str) -> None:
        ran.append("other")

    async def put(tx: Any) -> None:
        tx.schedule("test.other", "x", AUGUST + 6)

    monkeypatch.setattr(world, "jobs", {**world.jobs, "report.period.close": slow, "test.other": other})
    [(scope,)] = await world.engine.rows("SELECT scope FROM scope WHERE scope=book")
    await perform(world, await load_scope(world, scope), put)
    assert (await close(history))["status"] == "closed"
    assert ran.count("close") == 5 and ran.index("other") < 5 == len(ran) - 1


async def test_the_next_close_verifies_what_came_since(history: History) -> None:
    await fill(history)
    to(history, AUGUST + 5)
    assert (await close(history))["status"] == "closed"
    before = await mark(history.books.world.engine)
    assert before.entry == 74
    await history.books.move("app:bank", "app:wallets:bob", 1)
    await history.books.world.engine.commit(_spoil("UPDATE ledger_entry SET kind='x' WHERE entry=2"))
    to(history, month_starts("2026-09") + 5)
    assert (await close(history, "2026-08"))["status"] == "closed"  # what was verified before was right then
    assert (await mark(history.books.world.engine)).entry == 75
    assert [str(one) for one in await verify(history.books.world.engine, history.books.world.registry)]
    await history.books.move("app:bank", "app:wallets:bob", 1)
    await history.books.world.engine.commit(_spoil("UPDATE ledger_entry SET kind='x' WHERE entry=76"))
    to(history, month_starts("2026-10") + 5)
    assert (await close(history, "2026-09"))["status"] == "open"


def proof_link(period: Any) -> int:
    return int(period["figures"]["chain_link"])


def _spoil(statement: str, *values: Any) -> Any:
    from nostro.storage.unit import NOBODY, Unit

    return Unit(scope=NOBODY, micros=1, rows=[(statement, values)])


def _entry() -> dict[str, Any]:
    from application import entry

    return entry("app:bank", "app:wallets:bob", 3)


@settings(max_examples=10)
@given(histories, histories)
def test_reports_of_a_closed_month_never_change(before: Any, after: Any) -> None:
    """Whatever is tried afterwards: byte for byte."""

    async def run(folder: str) -> None:
        history = await kept(f"sqlite:///{folder}/books.db")
        await history.live(before)
        clock: Any = history.books.world.clock
        to(history, max(clock.micros() // 1_000_000, AUGUST + 5))
        assert (await close(history))["status"] == "closed"
        told = [await report(history, name, period) for name, period in reports]
        await history.live(after)
        assert [await report(history, name, period) for name, period in reports] == told
        await history.books.verified()
        await history.books.world.engine.close()

    reports = [(name, period) for name in ("balance_sheet", "income_statement", "trial_balance")
               for period in ("2026-07", "2026-06", "2026-07-05/2026-07-20")]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("nostro.ledger.bulk.LEAST", 1)
        asyncio.run(run(folder))


async def report(history: History, name: str, period: str) -> bytes:
    answer = await history.books.client("GET", f"/v1/reports/{name}", {"period": period})
    assert answer.status == 200
    return answer.body
