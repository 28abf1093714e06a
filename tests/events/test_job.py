"""Jobs run exactly once, in due order, whatever else happens."""

import asyncio
from pathlib import Path

from nostro.controls.api_key import sandbox
from nostro.events import job
from nostro.events.job import BACKOFF, next_due, run_due
from nostro.events.work import perform
from nostro.kernel.clock import ManualClock
from nostro.storage.tx import Tx
from workbench import Bench, note, open_bench


async def test_a_job_runs_when_it_is_due_and_not_before(bench: Bench) -> None:
    due = bench.now + 100
    await bench.schedule("note", "a", due)
    assert await run_due(bench.world) == 0
    assert await next_due(bench.world) == due
    bench.clock.advance(100)
    assert await run_due(bench.world) == 1
    assert await bench.pages() == [("a", due)]
    assert await run_due(bench.world) == 0
    assert await next_due(bench.world) is None


async def test_two_runners_run_each_job_once(bench: Bench) -> None:
    refs = [f"n{n:03}" for n in range(300)]
    for ref in refs:
        await bench.schedule("note", ref, bench.now)
    await asyncio.gather(*(run_due(bench.world) for _ in range(4)))
    assert sorted(text for text, _ in await bench.pages()) == refs


async def test_two_units_that_claim_the_same_job_in_one_commit(bench: Bench) -> None:
    """Both have read the job before either committed: the engine lets one through."""
    await bench.schedule("note", "a", bench.now)
    wave = await job.next_wave(bench.world)
    await asyncio.gather(job.run_wave(bench.world, wave), job.run_wave(bench.world, wave))
    assert len(await bench.pages()) == 1


async def test_jobs_run_in_due_order_also_those_put_on_meanwhile(bench: Bench) -> None:
    async def more(tx: Tx, ref: str) -> None:
        await note(tx, ref)
        tx.schedule("note", "between", start + 15)

    bench.jobs["more"] = more
    start = bench.now
    for ref, due in (("late", 30), ("middle", 20)):
        await bench.schedule("note", ref, start + due)
    await bench.schedule("more", "early", start + 10)
    bench.clock.advance(60)
    await run_due(bench.world)
    assert [text for text, _ in await bench.pages()] == ["early", "between", "middle", "late"]


async def test_a_job_that_puts_itself_on_again_stays(bench: Bench) -> None:
    async def hourly(tx: Tx, ref: str) -> None:
        await note(tx, ref)
        tx.schedule("hourly", ref, tx.now + 3600)

    bench.jobs["hourly"] = hourly
    start = bench.now
    await bench.schedule("hourly", "h", start)
    for _ in range(3):
        await run_due(bench.world)
        bench.clock.advance(3600)
    assert [at - start for _, at in await bench.pages()] == [0, 3600, 7200]


async def test_the_last_word_on_a_job_counts(bench: Bench) -> None:
    """Statements about one job keep their order within a unit, and units theirs within a shared commit."""

    async def off_and_on(tx: Tx) -> None:
        tx.unschedule("note", "kept")
        tx.schedule("note", "kept", tx.now)

    async def on_and_off(tx: Tx) -> None:
        tx.schedule("note", "gone", tx.now)
        tx.unschedule("note", "gone")

    async def on(tx: Tx) -> None:
        tx.schedule("note", "other", tx.now)

    await asyncio.gather(*(bench.do(run) for run in (on, off_and_on, on_and_off)))
    assert {ref for (ref,) in await bench.rows("SELECT ref FROM job")} == {"other", "kept"}


async def test_a_job_that_was_moved_is_not_run_by_who_saw_it_before(bench: Bench) -> None:
    await bench.schedule("note", "a", bench.now)
    wave = await job.next_wave(bench.world)
    await bench.schedule("note", "a", bench.now + 50)
    await job.run_wave(bench.world, wave)
    assert await bench.pages() == []
    bench.clock.advance(50)
    await run_due(bench.world)
    assert len(await bench.pages()) == 1


async def test_a_failing_job_is_kept_with_its_error_and_tried_again(bench: Bench) -> None:
    fails = True

    async def fragile(tx: Tx, ref: str) -> None:
        await note(tx, ref)
        if fails:
            raise RuntimeError("no luck")

    bench.jobs["fragile"] = fragile
    start = bench.now
    await bench.schedule("fragile", "f", start)
    waits = (*BACKOFF, BACKOFF[-1])
    for number, wait in enumerate(waits, 1):
        assert await run_due(bench.world) == 1
        found = await bench.rows("SELECT due, attempts, error FROM job")
        assert found == [(bench.now + wait, number, "RuntimeError: no luck")]
        bench.clock.advance(wait)
    assert await bench.pages() == []  # a unit that failed wrote nothing
    fails = False
    await run_due(bench.world)
    assert await bench.pages() == [("f", start + sum(waits))]


async def test_a_failing_job_does_not_hold_up_the_others(bench: Bench) -> None:
    async def broken(tx: Tx, ref: str) -> None:
        raise AssertionError("a bug of ours")

    bench.jobs["broken"] = broken
    await bench.schedule("broken", "b", bench.now - 5)
    await bench.schedule("note", "a", bench.now)
    del bench.jobs["broken"]  # nor does one that this release no longer knows
    await run_due(bench.world)
    assert [text for text, _ in await bench.pages()] == ["a"]
    assert (await bench.rows("SELECT error FROM job"))[0][0].startswith("AssertionError: no job is called broken")


async def test_jobs_of_many_sandboxes_run_each_in_its_own(bench: Bench) -> None:
    async def plan(tx: Tx) -> None:
        tx.schedule("note", "a", tx.now)

    scopes = [await sandbox(bench.world, f"s{n}") for n in range(5)]
    for scope in scopes:
        await perform(bench.world, scope, plan)
    assert await run_due(bench.world) == 5
    assert [row[0] for row in await bench.rows("SELECT scope FROM diary ORDER BY scope")] == [s.number for s in scopes]


async def test_jobs_outlive_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    before = await open_bench(tmp_path / "b.db", clock)
    await before.schedule("note", "a", before.now + 10)
    await before.world.engine.close()
    after = await open_bench(tmp_path / "b.db", clock)
    clock.advance(10)
    assert await run_due(after.world) == 1
    assert [text for text, _ in await after.pages()] == ["a"]
    await after.world.engine.close()


async def test_looking_for_due_jobs_reads_an_index(bench: Bench) -> None:
    """However many jobs wait, those that are due are found without a look at the others."""
    for statement, values in (
        (job.DUE, (0, 1)), (job.DUE_AHEAD, (0, 1)), (job.DUE_IN, (1, 0, 1)), (job.NEXT, ()), (job.NEXT_AHEAD, ()),
    ):  # fmt: skip
        plan = " / ".join(row[3] for row in await bench.rows(f"EXPLAIN QUERY PLAN {statement}", *values))
        assert "SEARCH j" in plan, plan
        assert "SCAN" not in plan.replace("SCAN s USING INDEX scope__ahead", "").replace("SCAN s USING COVERING", ""), (
            plan
        )
