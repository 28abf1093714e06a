"""A sandbox's time moves, and what comes due on the way runs at its own moment."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from asgi import Client
from nostro.api.server import Api
from nostro.controls.api_key import Keys, issue, make_scope, sandbox
from nostro.events.job import run_due
from nostro.events.sandbox import advance, settle
from nostro.kernel.clock import DAY, ManualClock
from nostro.storage.scope import FIND_SCOPE
from nostro.storage.tx import Tx
from receiver import Receiver, answer
from workbench import Bench, Diary, note, open_bench


async def test_each_job_runs_at_its_own_moment_in_due_order(bench: Bench) -> None:
    async def chain(tx: Tx, ref: str) -> None:
        await note(tx, f"{ref} links")
        tx.schedule("note", f"{ref} follows", tx.now + 2 * DAY)

    bench.jobs["chain"] = chain
    start = bench.now
    await bench.schedule("note", "third day", start + 3 * DAY)
    await bench.schedule("chain", "a", start + 2 * DAY)
    await bench.schedule("note", "next year", start + 400 * DAY)
    assert await advance(bench.world, bench.scope, 30 * DAY)
    assert [(text, (at - start) / DAY) for text, at in await bench.pages()] == [
        ("a links", 2), ("third day", 3), ("a follows", 4),
    ]  # fmt: skip
    assert bench.now == start + 30 * DAY


async def test_a_job_knows_its_moment_though_the_store_is_slow_to_tell_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where other workers may move the time too, it is read for each job, while it is being moved."""
    rows, reads = bench.world.engine.rows, itertools.count()

    async def slow(statement: str, values: Any = ()) -> Any:
        found = await rows(statement, values)
        if statement.startswith(FIND_SCOPE):
            await asyncio.sleep(0.02 / (1 + next(reads)))  # what was asked later is answered earlier
        return found

    start = bench.now
    await bench.schedule("note", "third day", start + 3 * DAY)
    monkeypatch.setattr(type(bench.world.engine), "exclusive", False)
    monkeypatch.setattr(bench.world.engine, "rows", slow)
    assert await advance(bench.world, bench.scope, 30 * DAY)
    assert await bench.pages() == [("third day", start + 3 * DAY)]


async def test_time_moved_stays_moved_and_adds_up(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = await open_bench(tmp_path / "b.db", clock)
    await asyncio.gather(*(advance(bench.world, bench.scope, DAY) for _ in range(3)))
    assert bench.scope.offset == 3 * DAY
    await bench.world.engine.close()
    again = await open_bench(tmp_path / "b.db", clock)
    assert again.scope.offset == 3 * DAY
    await again.world.engine.close()


async def test_only_one_sandbox_moves(bench: Bench) -> None:
    other = await sandbox(bench.world, "other")

    async def plan(tx: Tx) -> None:
        tx.schedule("note", "a", tx.now + DAY)

    await bench.do(plan)
    await advance(bench.world, other, 10 * DAY)
    assert await bench.pages() == []
    assert await run_due(bench.world) == 0
    caller = await Keys(bench.world).accept("sk_test_other")
    assert caller.scope.offset == 10 * DAY
    mine, theirs = (Tx(bench.world, bench.world.scopes[n]).new_id("x") for n in (other.number, bench.number))
    assert theirs < mine  # an id tells its own sandbox's time
    late = Tx(bench.world, bench.scope).new_id("x")
    assert late < mine


async def test_a_job_that_fails_on_the_way_is_tried_again_on_the_way(bench: Bench) -> None:
    tries: list[int] = []

    async def fragile(tx: Tx, ref: str) -> None:
        tries.append(tx.now - start)
        if len(tries) < 3:
            raise RuntimeError("not yet")
        await note(tx, ref)

    bench.jobs["fragile"] = fragile
    start = bench.now
    await bench.schedule("fragile", "f", start + 100)
    await advance(bench.world, bench.scope, DAY)
    assert tries == [100, 110, 170]
    assert await bench.pages() == [("f", start + 170)]


async def test_the_background_runner_and_a_move_of_time_do_each_job_once(bench: Bench) -> None:
    start = bench.now
    for n in range(50):
        await bench.schedule("note", f"n{n:02}", start + n * 100)

    async def runner() -> None:
        for _ in range(300):
            await run_due(bench.world)
            await asyncio.sleep(0)

    await asyncio.gather(advance(bench.world, bench.scope, DAY), runner())
    assert await bench.pages() == [(f"n{n:02}", start + n * 100) for n in range(50)]


async def test_settle_waits_for_jobs_and_deliveries_but_not_for_retries(bench: Bench, receiver: Receiver) -> None:
    async def telling(tx: Tx, ref: str) -> None:
        await note(tx, ref)
        tx.emit("customer.updated", tx.save(Diary(id=tx.new_id("dry"), created=tx.now, text="told")))

    bench.jobs["telling"] = telling
    receiver.answers = [answer(500)]
    await bench.listen(receiver.url)
    await bench.emit("customer.created")
    await bench.schedule("telling", "t", bench.now)
    assert await settle(bench.world, bench.scope)
    assert [r.event["type"] for r in receiver.requests] == ["customer.created", "customer.updated"]
    assert sorted(await bench.rows("SELECT state FROM delivery")) == [("delivered",), ("pending",)]


async def test_settle_gives_up_after_a_while(bench: Bench, receiver: Receiver) -> None:
    receiver.delay = 30
    await bench.listen(receiver.url)
    await bench.emit()
    settled = settle(bench.world, bench.scope, patience=0)
    assert not await asyncio.wait_for(settled, 10)


async def test_by_the_api(tmp_path: Path) -> None:
    bench = await open_bench(tmp_path / "b.db", ManualClock())
    client = Client(Api(bench.world), "sk_test_bench")
    path = "/v1/test_helpers/sandbox"
    start = bench.now
    seen = (await client("GET", path)).json
    assert (seen["object"], seen["now"], seen["offset"], seen["settled"]) == ("sandbox", start, 0, True)
    await bench.schedule("note", "a", start + DAY)
    for _ in range(2):  # a request that was sent again moves time once
        moved = await client("POST", f"{path}/advance", {"seconds": 2 * DAY}, key="once")
        assert moved.status == 200, moved.body
        assert (moved.json["now"], moved.json["offset"]) == (start + 2 * DAY, 2 * DAY)
    assert await bench.pages() == [("a", start + DAY)]
    assert (await client("POST", f"{path}/settle")).json["settled"]
    for form in ({}, {"seconds": "0"}, {"seconds": "-5"}, {"seconds": "x"}, {"seconds": "9" * 15}, {"days": "1"}):
        refused = await client("POST", f"{path}/advance", form)
        assert (refused.status, refused.json["error"]["type"]) == (400, "invalid_request_error"), form
    assert (await client("GET", path)).json["offset"] == 2 * DAY
    await bench.world.engine.close()


async def test_time_moves_only_in_dev(bench: Bench) -> None:
    scope = await make_scope(bench.world, "acct_real", livemode=False, dev=False)
    key = await issue(bench.world, scope, "secret", "a key")
    refused = await Client(Api(bench.world), key)("POST", "/v1/test_helpers/sandbox/advance", {"seconds": 5})
    assert (refused.status, refused.json["error"]["code"]) == (403, "sandbox_required")
