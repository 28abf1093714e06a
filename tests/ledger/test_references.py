"""References of lines that are booked many at once: good for one entry each, whichever way they come."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application import Books, entry, opened
from nostro.controls.api_key import sandbox
from nostro.events.job import run_due
from nostro.events.work import perform
from nostro.kernel.pace import Pace
from nostro.ledger.audit import verify
from nostro.ledger.merging import merge_names_job
from nostro.ledger.named import FAMILY
from nostro.storage.names import Filters, digest_of, find_many, hashes_of

ALICE, BOB, BANK = "app:wallets:alice", "app:wallets:bob", "app:bank"
MANY = 100


def line(reference: str, amount: int = 5, debit: str = BANK, credit: str = ALICE, **more: Any) -> dict[str, Any]:
    return {"debit": debit, "credit": credit, "currency": "usd", "amount": amount, "reference": reference, **more}


def many(first: int = 0, count: int = MANY, **more: Any) -> list[dict[str, Any]]:
    return [line(f"order-{n}", n + 1, **more) for n in range(first, first + count)]


async def send(books: Books, lines: Sequence[Any], **form: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await books.lines("\n".join(map(json.dumps, lines)), **form)
    return found


def statuses(answers: Sequence[dict[str, Any]]) -> set[str]:
    return {one["status"] for one in answers}


async def single(books: Books, made: dict[str, Any]) -> Any:
    """The same line by the way of one entry a request."""
    form = entry(made["debit"], made["credit"], made["amount"], made["currency"])
    more = {name: made[name] for name in ("reference", "kind", "description", "effective_at") if name in made}
    return await books.client("POST", "/v1/ledger/entries", {**form, **more})


async def in_batches(books: Books) -> int:
    return int((await books.world.engine.rows("SELECT coalesce(sum(last-first+1),0) FROM ledger_batch"))[0][0])


async def test_each_is_booked_once(books: Books) -> None:
    first = await send(books, many())
    assert statuses(first) == {"created"} and await in_batches(books) == MANY
    again = await send(books, many())
    assert again == [{**one, "status": "existing"} for one in first]
    assert (await books.balance(ALICE))["balance"] == MANY * (MANY + 1) // 2
    shown = await books.get(f"entries/{first[7]['entry']}")
    assert shown["reference"] == "order-7" and shown["postings"][0]["amount"] == 8
    assert (await books.get("entries", reference="order-7"))["data"] == [shown]
    assert (await books.get("entries", reference="order-7x"))["data"] == []
    assert {one["reference"] for one in await books.client.all("/v1/ledger/entries")} == {
        f"order-{n}" for n in range(MANY)
    }


async def test_old_and_new_lines_in_one_stream(books: Books) -> None:
    first = await send(books, many(0, MANY))
    both = await send(books, many(MANY // 2, 2 * MANY))
    assert both[:50] == [{**one, "line": n, "status": "existing"} for n, one in enumerate(first[50:], 1)]
    assert statuses(both[50:]) == {"created"} and await in_batches(books) == 250
    assert (await books.balance(ALICE))["balance"] == 250 * 251 // 2


async def test_another_content_is_refused_as_a_single_entry_is(books: Books) -> None:
    await send(books, many(kind="topup", description="Top-up"))
    others = [
        line("order-0", 2, kind="topup", description="Top-up"),
        line("order-0", 1, kind="topup"),
        line("order-0", 1, description="Top-up"),
        line("order-0", 1, credit=BOB, kind="topup", description="Top-up"),
        line("order-0", 1, kind="topup", description="Top-up", effective_at=7),
    ]
    answers = await send(books, [*many(MANY), *others])
    assert statuses(answers[:MANY]) == {"created"}
    for other, answer in zip(others, answers[MANY:], strict=True):
        alone = await single(books, other)
        assert alone.status == 400 and alone.json["error"]["code"] == "ledger_reference_in_use"
        assert answer["error"]["code"] == "ledger_reference_in_use"
        assert answer["error"]["message"] == alone.json["error"]["message"]


async def test_one_by_one_and_many_at_once_share_references(books: Books) -> None:
    alone = await single(books, line("order-3", 4))
    first = await send(books, many())
    assert first[3] == {"line": 4, "status": "existing", "entry": alone.json["id"]}
    assert await in_batches(books) == MANY - 1
    for n in (2, 3, 4):
        again = await single(books, line(f"order-{n}", n + 1))
        assert again.status == 200 and again.json["id"] == first[n]["entry"]
        assert again.json["reference"] == f"order-{n}"
    assert (await single(books, line("order-4", 6))).status == 400
    assert (await send(books, [line("order-4", 6)]))[0]["error"]["code"] == "ledger_reference_in_use"
    await books.refused(f"entries/{first[9]['entry']}/reverse", reference="order-1")
    reversal = await books.post(f"entries/{first[9]['entry']}/reverse", reference="undo-9")
    assert (await send(books, [line("undo-9")]))[0]["status"] == "refused" and reversal["reference"] == "undo-9"


async def test_twice_in_one_stream(books: Books) -> None:
    lines = [*many(), line("order-5", 6), line("order-5", 7), *many(MANY)]
    answers = await send(books, lines)
    assert [one["status"] for one in answers[MANY : MANY + 2]] == ["existing", "refused"]
    assert answers[MANY]["entry"] == answers[5]["entry"]
    assert statuses(answers[MANY + 2 :]) == {"created"} and await in_batches(books) == 2 * MANY
    alone = await single(books, line("alone"))
    answers = await send(books, [*many(2 * MANY), line("alone"), line("alone"), line("alone")])
    assert [one["entry"] for one in answers[MANY:]] == [alone.json["id"]] * 3


async def test_what_a_limit_refused_may_come_again(books: Books) -> None:
    await books.move(BANK, ALICE, 60)
    lines = [line(f"pay-{n}", 1, ALICE, BOB) for n in range(MANY)]
    assert [one["status"] for one in await send(books, lines)] == ["created"] * 60 + ["refused"] * 40
    await books.move(BANK, ALICE, 40)
    assert [one["status"] for one in await send(books, lines)] == ["existing"] * 60 + ["created"] * 40
    assert (await books.balance(BOB))["balance"] == MANY


async def test_the_moment_is_part_of_what_is_said(books: Books) -> None:
    clock: Any = books.world.clock
    now = clock.micros() // 1_000_000
    dated = many(effective_at=now)
    first = await send(books, dated)
    clock.advance(10)
    assert statuses(await send(books, dated)) == {"existing"}
    assert {one["error"]["code"] for one in await send(books, many())} == {"ledger_reference_in_use"}
    assert (await single(books, dated[4])).json["id"] == first[4]["entry"]
    other = await send(books, [line("x-1"), *many(MANY, effective_at=now), line("x-2", effective_at=now)])
    assert statuses(other) == {"created"}
    assert statuses(await send(books, [line("x-1")])) == {"existing"}
    assert statuses(await send(books, [line("x-1", effective_at=now)])) == {"refused"}


async def test_together_and_in_named_streams(books: Books) -> None:
    first = await send(books, many(), atomic=True)
    assert statuses(first) == {"created"} and await in_batches(books) == MANY
    assert await send(books, many(), atomic=True) == [{**one, "status": "existing"} for one in first]
    mixed = await send(books, many(50), atomic=True)
    assert [one["status"] for one in mixed] == ["existing"] * 50 + ["created"] * 50
    text = "\n".join(map(json.dumps, many(60, 200)))
    named = await books.lines(text, reference="file")
    assert [one["status"] for one in named] == ["existing"] * 90 + ["created"] * 110
    again = await books.lines(text, reference="file")
    assert again == [{**one, "status": "existing"} for one in named]
    other = await books.lines("\n".join(map(json.dumps, many(0, 300))), reference="other file")
    assert [one["status"] for one in other] == ["existing"] * 260 + ["created"] * 40


async def test_csv(books: Books) -> None:
    rows = "".join(f"{BANK},{ALICE},{n + 1},usd,order-{n}\n" for n in range(MANY))
    text = f"debit,credit,amount,currency,reference\n{rows}{BANK},{BOB},1,usd,\n"
    first = await books.lines(text, kind="text/csv")
    assert statuses(first) == {"created"} and await in_batches(books) == MANY + 1
    assert "reference" in (await books.get(f"entries/{first[-1]['entry']}"))
    assert (await books.get(f"entries/{first[-1]['entry']}"))["reference"] is None
    again = await books.lines(text, kind="text/csv")
    assert [one["status"] for one in again] == ["existing"] * MANY + ["created"]


async def test_they_are_found_in_merged_runs(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.storage.names.PAGE", 16)
    monkeypatch.setattr("nostro.storage.names.PART", 64)
    monkeypatch.setattr("nostro.ledger.merging.CLEARED", 3)
    monkeypatch.setattr("nostro.ledger.merging.PAGES", 2)
    monkeypatch.setattr("nostro.ledger.merging.FAN_IN", 3)
    first = []
    for n in range(12):
        first += await send(books, many(n * MANY))
        await run_due(books.world)
        await books.verified()
    levels = await books.world.engine.rows("SELECT level FROM ledger_name_run ORDER BY first")
    assert levels == [(2,), (1,)]
    again = await send(books, many(0, 12 * MANY + 70))
    assert [one["entry"] for one in again[: 12 * MANY]] == [one["entry"] for one in first]
    assert statuses(again[: 12 * MANY]) == {"existing"} and statuses(again[12 * MANY :]) == {"created"}
    assert (await single(books, line("order-777", 778))).json["id"] == first[777]["entry"]


@pytest.mark.parametrize("every", [2, 10, 14, 16, 18])
async def test_a_merge_may_come_between_two_reads(
    books: Books, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:  # fmt: skip
    for what, size in (("storage.names.PAGE", 4), ("storage.names.PART", 1024), ("storage.names.AT_ONCE", 1),
                       ("ledger.merging.CLEARED", 60), ("ledger.merging.FAN_IN", 2)):  # fmt: skip
        monkeypatch.setattr(f"nostro.{what}", size)
    world, first = books.world, []
    for n in range(2):
        first += await send(books, many(n * 3 * MANY, 3 * MANY))
    scope = await sandbox(world, "client")
    hashes = np.sort(hashes_of([digest_of(FAMILY, f"order-{n}") for n in range(6 * MANY)]))
    reads = 0

    async def rows(statement: str, values: Sequence[Any]) -> list[Any]:
        nonlocal reads
        reads += 1
        if reads % every == 0:
            await perform(world, scope, lambda tx: merge_names_job(tx, str(scope.number)))
        return await world.engine.rows(statement, values)

    found = await find_many(rows, Filters(), scope.number, hashes, Pace())
    assert sorted(f"lent_{entry}" for entry in found.entries.tolist()) == sorted(one["entry"] for one in first)
    assert len(await world.engine.rows("SELECT run FROM ledger_name_run WHERE scope>0")) == 1


CORRUPTIONS = {
    "a reference": (
        "UPDATE ledger_name SET names=CAST(replace(CAST(names AS TEXT),'order-7\"','order-x\"') AS BLOB)",
        "batch of entries", "references"),
    "references, deleted": ("DELETE FROM ledger_name", "batch of entries", "references"),
    "a run": ("DELETE FROM ledger_name_run", "references of", "no run"),
    "a run's count": ("UPDATE ledger_name_run SET lines=lines+1", "references of", "should be 101"),
    "a page, deleted": ("DELETE FROM ledger_name_page", "references of", "not those"),
    "a page": (
        "UPDATE ledger_name_page SET lines=CAST(substr(lines,1,length(lines)-1)||X'63' AS BLOB)",
        "references of", "not those"),
    "a page's key": ("UPDATE ledger_name_page SET entry=entry+1", "references of", "begin where"),
    "a filter": ("UPDATE ledger_name_filter SET bits=zeroblob(length(bits))", "references of", "filter"),
    "a filter, deleted": ("DELETE FROM ledger_name_filter", "references of", "filter"),
}  # fmt: skip


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_the_audit_names_what_was_changed(tmp_path: Path, what: str) -> None:
    file = tmp_path / "books.db"
    books = Books(await opened(f"sqlite:///{file}"))
    await books.open(BANK, "debit")
    await books.open(ALICE)
    await send(books, many())
    await books.verified()
    statement, where, complaint = CORRUPTIONS[what]
    with sqlite3.connect(file) as db:
        db.execute(statement)
    db.close()
    problems = await verify(books.world.engine, books.world.registry)
    assert [p for p in problems if p.where.startswith(where) and complaint in p.what], "\n".join(map(str, problems))
    await books.world.engine.close()
