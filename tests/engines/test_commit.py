"""A unit of work is applied whole or not at all, whatever stands beside it in its group."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from counter import PUT_JOB, deposit, entry, unit, withdrawal, write
from nostro.kernel.errors import Conflict, Refused
from nostro.kernel.posting import credit, debit
from nostro.storage.postgres import PostgresEngine
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.unit import Scope, Unit, Write
from nostro.storage.world import World

SCHEMA = {
    SqliteEngine: "SELECT name, sql FROM sqlite_master ORDER BY name",
    PostgresEngine: "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname='public' ORDER BY 1, 2",
}
Open = Callable[[], Awaitable[World]]


async def together(world: World, *units: Unit) -> list[BaseException | None]:
    """Commit side by side, so that they share a group; what became of each."""
    return await asyncio.gather(*(world.engine.commit(one) for one in units), return_exceptions=True)


async def values(world: World) -> dict[str, int]:
    path = world.engine.path("value", kind="number")
    rows = await world.engine.rows(f"SELECT id, coalesce({path}, 0) FROM counter ORDER BY id")
    return dict(rows)


async def balances(world: World) -> dict[str, int]:
    return dict(await world.engine.rows("SELECT code, balance FROM ledger_account"))


async def count(world: World, table: str) -> int:
    found: int = (await world.engine.rows(f"SELECT count(*) FROM {table}"))[0][0]
    return found


async def test_everything_in_a_unit_is_there_afterwards(world: World, scope: Scope) -> None:
    whole = unit(scope, write("cnt_1", 7), deposit("a", 100))
    whole.rows.append((PUT_JOB, (scope.number, "tick", "cnt_1", 5)))
    await world.engine.commit(whole)
    assert await values(world) == {"cnt_1": 7}
    assert await balances(world) == {"bank": 100, "a": -100}
    assert await world.engine.rows("SELECT kind, ref, due FROM job") == [("tick", "cnt_1", 5)]


async def test_a_refused_unit_leaves_nothing(world: World, scope: Scope) -> None:
    poor = unit(scope, write("cnt_1", 7), deposit("b", 5), withdrawal("a", 1))
    poor.rows.append((PUT_JOB, (scope.number, "tick", "cnt_1", 5)))
    with pytest.raises(Refused) as refused:
        await world.engine.commit(poor)
    assert (refused.value.account, refused.value.refusal, refused.value.short_by) == ("a", "too_little", 1)
    assert [await count(world, table) for table in ("counter", "ledger_entry", "ledger_account", "job")] == [0] * 4


async def test_a_stale_unit_alone_is_refused(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, write("cnt_1", 1)))
    await world.engine.commit(unit(scope, write("cnt_1", 2, read=1)))
    stale, fresh, other = await together(
        world,
        unit(scope, write("cnt_1", 99, read=1), deposit("a", 1)),
        unit(scope, write("cnt_1", 3, read=2)),
        unit(scope, write("cnt_2", 4)),
    )
    assert isinstance(stale, Conflict) and fresh is None and other is None
    assert await values(world) == {"cnt_1": 3, "cnt_2": 4}
    assert await count(world, "ledger_entry") == 0


async def test_of_two_writers_in_one_group_the_second_is_stale(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, write("cnt_1", 1)))
    results = await together(world, *(unit(scope, write("cnt_1", 10 + n, read=1)) for n in range(3)))
    assert [type(result) for result in results] == [type(None), Conflict, Conflict]
    assert await values(world) == {"cnt_1": 10}


async def test_a_record_that_was_deleted_is_stale(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, write("cnt_1", 1)))
    gone = unit(scope)
    gone.writes.append(Write("counter", "cnt_1", 1, 0, None))
    await world.engine.commit(gone)
    with pytest.raises(Conflict):
        await world.engine.commit(unit(scope, write("cnt_1", 2, read=1)))
    assert await values(world) == {}


async def test_many_units_share_a_commit(world: World, scope: Scope) -> None:
    many = 600
    results = await together(world, *(unit(scope, write(f"cnt_{n}", n), deposit("a", 1)) for n in range(many)))
    assert results == [None] * many
    assert len(await values(world)) == many
    assert (await balances(world))["a"] == -many
    assert await count(world, "ledger_chain") < many / 20


async def test_who_makes_what_is_already_there_runs_again(world: World, scope: Scope) -> None:
    """Two requests that both make the sandbox's default something: the second finds it."""
    results = await together(world, *(unit(scope, write("cnt_1", n), deposit("a", 1)) for n in range(3)))
    assert [type(result) for result in results] == [type(None), Conflict, Conflict]
    with pytest.raises(Conflict):
        await world.engine.commit(unit(scope, write("cnt_1", 9), deposit("a", 1)))
    assert await values(world) == {"cnt_1": 0}
    assert (await balances(world))["a"] == -1


def _breaks_a_constraint(scope: Scope) -> Unit:
    return unit(scope, write("cnt_taken", 2), deposit("a", 1))  # new, it says


def _has_a_bad_row(scope: Scope) -> Unit:
    bad = unit(scope, write("cnt_bad", 2), deposit("a", 1))
    bad.rows.append(("INSERT INTO job (scope) VALUES (?)", (None,)))
    return bad


def _is_out_of_balance(scope: Scope) -> Unit:
    return unit(scope, write("cnt_bad", 2), entry(debit("bank", 2, "usd"), credit("a", 1, "usd")))


def _balances_only_across_currencies(scope: Scope) -> Unit:
    return unit(scope, write("cnt_bad", 2), entry(debit("bank", 2, "usd"), credit("a", 2, "eur")))


def _writes_to_no_table(scope: Scope) -> Unit:
    bad = unit(scope, deposit("a", 1))
    bad.rows.append(("INSERT INTO nowhere VALUES (1)", ()))
    return bad


BAD = (
    _breaks_a_constraint, _has_a_bad_row, _is_out_of_balance, _balances_only_across_currencies, _writes_to_no_table,
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__[1:])
async def test_a_bad_unit_does_not_take_the_others_with_it(
    world: World, scope: Scope, bad: Callable[[Scope], Unit]
) -> None:
    await world.engine.commit(unit(scope, write("cnt_taken", 1)))
    good = [unit(scope, write(f"cnt_{n}", n), deposit("a", 10)) for n in range(6)]
    results = await together(world, *good[:3], bad(scope), *good[3:])
    assert isinstance(results.pop(3), Exception)
    assert results == [None] * 6
    assert await values(world) == {"cnt_taken": 1, **{f"cnt_{n}": n for n in range(6)}}
    assert await balances(world) == {"bank": 60, "a": -60}
    await world.engine.commit(unit(scope, write("cnt_after", 1), deposit("a", 10)))
    assert (await balances(world))["a"] == -70


async def test_a_caller_that_gave_up_holds_nobody_up(world: World, scope: Scope) -> None:
    leaver = asyncio.create_task(world.engine.commit(unit(scope, write("cnt_1", 1))))
    stayer = asyncio.create_task(world.engine.commit(unit(scope, write("cnt_2", 2))))
    await asyncio.sleep(0)
    leaver.cancel()
    await stayer
    assert (await values(world))["cnt_2"] == 2
    await world.engine.commit(unit(scope, write("cnt_3", 3)))


# Limits -----------------------------------------------------------------------


async def test_limits_are_held_in_the_order_of_arrival(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, deposit("a", 100)))
    amounts = (60, 60, 30, 20, 10)
    results = await together(world, *(unit(scope, withdrawal("a", amount)) for amount in amounts))
    assert [result is None for result in results] == [True, False, True, False, True]
    assert [result.short_by for result in results if isinstance(result, Refused)] == [20, 10]
    assert await balances(world) == {"bank": 0, "a": 0}


async def test_what_arrived_before_in_the_same_group_counts(world: World, scope: Scope) -> None:
    results = await together(
        world,
        unit(scope, withdrawal("a", 50)),
        unit(scope, deposit("a", 50)),
        unit(scope, withdrawal("a", 50)),
    )
    assert [result is None for result in results] == [False, True, True]


async def test_a_limit_is_checked_after_the_whole_unit(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, withdrawal("a", 50), deposit("a", 50)))
    with pytest.raises(Refused):
        await world.engine.commit(unit(scope, deposit("a", 50), withdrawal("a", 51)))


async def test_a_stale_unit_does_not_use_up_the_limit(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, write("cnt_1", 1), deposit("a", 50)))
    await world.engine.commit(unit(scope, write("cnt_1", 2, read=1)))
    results = await together(
        world,
        unit(scope, write("cnt_1", 3, read=1), withdrawal("a", 50)),
        unit(scope, withdrawal("a", 50)),
    )
    assert isinstance(results[0], Conflict) and results[1] is None


async def test_accounts_of_other_books_and_currencies_are_others(world: World, scope: Scope) -> None:
    other = Scope(number=99, merchant="acct_other", livemode=False, book=99)
    await world.engine.commit(unit(other, deposit("a", 100)))
    await world.engine.commit(unit(scope, entry(debit("bank", 100, "eur"), credit("a", 100, "eur"))))
    with pytest.raises(Refused):
        await world.engine.commit(unit(scope, withdrawal("a", 1)))


# Claims ------------------------------------------------------------------------


async def test_one_of_many_takes_a_claim(world: World, scope: Scope) -> None:
    put = unit(scope)
    put.rows.append((PUT_JOB, (scope.number, "tick", "x", 5)))
    await world.engine.commit(put)

    def claimer(n: int) -> Unit:
        taker = unit(scope, write(f"cnt_{n}", n), deposit("a", 1))
        taker.claim = ("DELETE FROM job WHERE scope=? AND kind=? AND ref=?", (scope.number, "tick", "x"))
        return taker

    results = await together(world, *(claimer(n) for n in range(5)))
    assert [type(result) for result in results] == [type(None)] + [Conflict] * 4
    assert await values(world) == {"cnt_0": 0}
    assert await balances(world) == {"bank": 1, "a": -1}


async def test_a_claim_whose_group_failed_is_taken_once(world: World, scope: Scope) -> None:
    put = unit(scope, write("cnt_taken", 1))
    put.rows.append((PUT_JOB, (scope.number, "tick", "x", 5)))
    await world.engine.commit(put)
    taker = unit(scope, write("cnt_1", 1))
    taker.claim = ("DELETE FROM job WHERE scope=? AND kind=? AND ref=?", (scope.number, "tick", "x"))
    taken, bad = await together(world, taker, _breaks_a_constraint(scope))
    assert taken is None and isinstance(bad, Exception)
    assert await values(world) == {"cnt_1": 1, "cnt_taken": 1}


# Opening again -------------------------------------------------------------------


async def test_another_opening_sees_all_and_goes_on(open_world: Open) -> None:
    first = await open_world()
    one = Scope(number=1, merchant="acct_1", livemode=False, book=1)
    await first.engine.commit(unit(one, write("cnt_1", 1), deposit("a", 10)))
    await first.engine.close()
    second = await open_world()
    assert await values(second) == {"cnt_1": 1}
    await second.engine.commit(unit(one, write("cnt_1", 2, read=1), withdrawal("a", 4)))
    assert await values(second) == {"cnt_1": 2}
    assert await balances(second) == {"bank": 6, "a": -6}
    assert [row[0] for row in await second.engine.rows("SELECT entry FROM ledger_entry ORDER BY entry")] == [1, 2]


async def test_preparing_twice_changes_nothing(world: World, scope: Scope) -> None:
    await world.engine.commit(unit(scope, write("cnt_1", 1, colour="red")))
    schema = SCHEMA[type(world.engine)]
    before = await world.engine.rows(schema)
    await world.engine.prepare(world.registry.resources)
    assert len(before) > 10 and await world.engine.rows(schema) == before


async def test_a_filter_is_an_index(world: World) -> None:
    path: Any = world.engine.path("colour")
    explain = "EXPLAIN QUERY PLAN" if isinstance(world.engine, SqliteEngine) else "EXPLAIN"
    rows = await world.engine.rows(
        f"{explain} SELECT id FROM counter WHERE scope=? AND {path}=? ORDER BY id DESC LIMIT 10", (1, "red")
    )
    plan = " ".join(str(row[-1]) for row in rows)
    assert "counter__colour" in plan and "SCAN" not in plan and "Sort" not in plan, plan
