"""Every list, by every filter (on SQLite any two), is read along an index: its cost is the page's, not the table's."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from nostro.api import walk as walking
from nostro.api.filters import way_of
from nostro.api.pagination import list_params
from nostro.api.walk import walk
from nostro.app import RESOURCES, make_world
from nostro.controls.api_key import sandbox
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Filter, Resource, Verb
from nostro.kernel.settings import Settings
from nostro.storage.body import whole
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit, Write
from nostro.storage.world import World
from plans import plan
from postgresql import database

START = 1_790_000_000
RECORDS = 40
LISTS = [
    (resource, verb)
    for resource in RESOURCES
    for verb in resource.verbs
    if resource.stored and verb.kind == "list" and verb.run is None
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('plans') / 'books.db'}"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
async def world(url: str) -> AsyncIterator[World]:
    world = await make_world(Settings(database=url, dev=True, durable=False))
    yield world
    await world.engine.close()


def value_of(filter: Filter, n: int) -> Any:
    if filter.kind == "range":
        return START + n
    return bool(n % 2) if filter.kind == "bool" else f"{filter.field}.{n % 3}"


def given(filter: Filter) -> list[Any]:
    """What a caller may ask for."""
    if filter.kind == "range":
        return [{"gte": str(START + 5), "lt": str(START + 20)}]
    if filter.kind == "any":
        return [[f"{filter.field}.0", f"{filter.field}.2"]]
    if filter.kind == "pattern":
        return [f"{filter.field}.1", f"{filter.field}.*", "*.1"]
    if filter.kind in ("bool", "lacks"):
        return ["true", "false"]
    return [f"{filter.field}.1", *([filter.common] if filter.common else [])]


async def filled(world: World, resource: Resource[Any]) -> Scope:
    """A sandbox with some records, made the first time that it is asked for."""
    scope = await sandbox(world, resource.table)
    if await world.engine.rows(f'SELECT id FROM "{resource.table}" WHERE scope=? LIMIT 1', (scope.number,)):
        return scope
    ids, writes, rows = Ids(seed=1), [], []
    for n in range(RECORDS):
        id = ids.new(resource.prefix, (START + n) * 1_000_000, scope.number)
        body: dict[str, Any] = {"id": id}
        for filter in resource.asked:
            *inner, last = filter.field.split(".")
            at = body
            for step in inner:
                at = at.setdefault(step, {})
            at[last] = filter.common if filter.common and n % 2 else value_of(filter, n)
        if resource.visible and n % 5 == 0:
            body["deleted"] = True
        writes.append(Write(resource.table, id, 0, START + n, json.dumps(body).encode()))
        state = "delivered" if n % 3 else "pending"
        rows.append(
            ("INSERT INTO delivery (scope,event,endpoint,state) VALUES (?,?,?,?)", (scope.number, id, "we", state))
        )
    await world.engine.commit(Unit(scope=scope, micros=START * 1_000_000, writes=writes, rows=rows))
    return scope


async def asked(
    world: World, resource: Resource[Any], verb: Verb, form: dict[str, Any], cursor: tuple[str, str] | None
) -> list[tuple[str, Sequence[Any]]]:
    scope = await filled(world, resource)
    seen: list[tuple[str, Sequence[Any]]] = []
    rows = world.engine.rows

    async def watched(statement: str, values: Sequence[Any] = ()) -> Any:
        seen.append((statement, values))
        return await rows(statement, values)

    world.engine.rows = watched  # type: ignore[method-assign]
    try:
        params = msgspec.convert(form, list_params(verb), strict=False)
        tx = Tx(world, scope)
        way = await way_of(tx, resource, verb.filters, params, cursor)
        page = await walk(tx, way, 5)
    finally:
        world.engine.rows = rows  # type: ignore[method-assign]
    expected = await by_hand(world, resource, verb, params, cursor, scope)
    assert [id for _, id, _, _ in page.rows] == expected, (resource.name, form, cursor)
    return seen


async def by_hand(
    world: World, resource: Resource[Any], verb: Verb, params: Any, cursor: tuple[str, str] | None, scope: Scope
) -> list[str]:
    """The page as a program would pick it that reads everything."""
    rows = await world.engine.rows(f'SELECT id, created, body FROM "{resource.table}" WHERE scope=?', (scope.number,))
    undelivered = {
        id for (id,) in await world.engine.rows(
            "SELECT event FROM delivery WHERE scope=? AND state <> 'delivered'", (scope.number,))
    }  # fmt: skip
    kept = []
    for id, created, text in rows:
        body = json.loads(whole(id, created, text))
        if not body.get("deleted") and all(holds(one, params, body, id, undelivered) for one in verb.filters):
            kept.append(id)
    if cursor:
        kept = [id for id in kept if (id < cursor[1] if cursor[0] == "<" else id > cursor[1])]
    return sorted(kept, reverse=cursor is None or cursor[0] == "<")[:5]


def holds(filter: Filter, params: Any, body: dict[str, Any], id: str, undelivered: set[str]) -> bool:
    wanted = filter.always if filter.always is not None else getattr(params, filter.name)
    if wanted is None:
        return True
    if filter.among:
        return (id not in undelivered) is wanted
    value: Any = body
    for step in filter.field.split("."):
        value = value[step]
    if filter.kind == "range":
        return bool(wanted.gte <= value < wanted.lt)
    if filter.kind == "any":
        return value in wanted
    if filter.kind == "pattern":
        start, star, end = wanted.partition("*")
        return bool(value.startswith(start) and value.endswith(end)) if star else value == wanted
    return bool(value == wanted)


@pytest.mark.parametrize(("resource", "verb"), LISTS, ids=[verb.path for _, verb in LISTS])
async def test_lists_are_read_along_an_index(
    world: World, resource: Resource[Any], verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "SLICE", 7)
    filters = [filter for filter in verb.filters if filter.always is None]
    required = [filter for filter in filters if filter.required]
    planned: set[str] = set()
    middle = Ids(seed=2).new(resource.prefix, (START + 20) * 1_000_000)
    pairs = itertools.combinations(filters, 2) if isinstance(world.engine, SqliteEngine) else ()
    for some in [*itertools.combinations(filters, 1), *pairs, ()]:
        if any(filter not in some for filter in required):
            continue
        for values in itertools.product(*(given(filter) for filter in some)):
            form = {filter.name: value for filter, value in zip(some, values, strict=True)}
            for cursor in (None, ("<", middle), (">", middle)):
                for statement, bound in await asked(world, resource, verb, form, cursor):
                    if statement in planned:
                        continue
                    planned.add(statement)
                    found = await plan(world.engine, statement, bound)
                    assert not found.faults, f"{form}\n{statement}\n{found.text}"
                    alone = len(some) == 1 and not found_by_time(some[0], values[0])
                    if alone and statement.startswith("SELECT") and "LIMIT" in statement:
                        assert found.ranged(world.engine, statement.count(" = ?") + 1), f"{statement}\n{found.text}"


def found_by_time(filter: Filter, value: Any) -> bool:
    """What no index answers alone: a range is near the creation, a common value is met on any page."""
    return filter.kind in ("range", "lacks") or (filter.common != "" and value == filter.common)
