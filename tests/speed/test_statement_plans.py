"""No statement that the product runs reads more, the more there is: whatever it does, its plan is along an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from bench.inside import Inside
from bench.stories import STORIES

from nostro.api.idempotency import purge
from nostro.api.server import Api
from nostro.app import make_world
from nostro.events import delivery, job
from nostro.events.courier import Courier
from nostro.kernel.clock import ManualClock
from nostro.kernel.settings import Settings
from nostro.storage.unit import Unit
from nostro.storage.world import World
from plans import plan
from postgresql import database

# Sorted, but only what is due in sandboxes whose time was moved ahead, of which there are few.
SORTED = (
    job.DUE_AHEAD,
    job.DUE_CONNECTED,
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def world(request: Any, tmp_path: Any) -> Any:
    if request.param == "sqlite":
        made = await opened(f"sqlite:///{tmp_path / 'books.db'}")
        yield made
        await made.engine.close()
        return
    with database(request.getfixturevalue("postgresql")) as url:
        made = await opened(url)
        yield made
        await made.engine.close()


async def opened(url: str) -> World:
    settings = Settings(database=url, dev=True, durable=False, private_webhooks=True)
    return await make_world(settings, clock=ManualClock())


def watch(world: World) -> dict[str, Sequence[Any]]:
    """Every statement that is read by or written with, and the values of its last use."""
    seen: dict[str, Sequence[Any]] = {}
    rows, commit = world.engine.rows, world.engine.commit

    async def watched(statement: str, values: Sequence[Any] = ()) -> Any:
        seen[statement] = values
        return await rows(statement, values)

    async def noted(unit: Unit) -> None:
        for statement, values in [*unit.rows, *([unit.claim] if unit.claim else [])]:
            seen[statement] = values
        await commit(unit)

    world.engine.rows, world.engine.commit = watched, noted  # type: ignore[method-assign]
    return seen


async def test_every_statement_has_its_index(world: World) -> None:
    seen = watch(world)
    inside = Inside(Api(world), "sk_test_plans")
    await inside("GET", "/v1/balance")
    status, _ = await inside("POST", "/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    assert status == 200
    for story in STORIES:
        await Inside(Api(world), "sk_test_plans").play(story.steps)
    await look(world, inside)
    faults = []
    for statement, values in [*seen.items()]:
        if statement.startswith("INSERT") or statement in SORTED:
            continue
        found = await plan(world.engine, statement, values)
        if found.faults:
            faults.append(f"{statement}\n{found.text}")
    assert not faults, "\n\n".join(faults)
    assert len(seen) > 100, "the stories were not watched"


async def look(world: World, inside: Inside) -> None:
    """What the worker asks for, and what people ask of an event and an account."""
    scope = next(iter(world.scopes))
    for one in (None, scope):
        await job.next_wave(world, one)
        await delivery.due(world, 5, one)
    await delivery.due(world, 5, endpoint="we_1")
    await delivery.waiting(world)
    await delivery.release_all(world)
    await delivery.open_count(world, scope)
    await job.next_due(world)
    await delivery.next_due(world)
    await purge(world)
    courier = Courier(world)
    await courier.start_due()
    await courier.close()
    event = (await inside("GET", "/v1/events", {"limit": 1}))[1]["data"][0]["id"]
    account = (await inside("GET", "/v1/ledger/accounts", {"limit": 1}))[1]["data"][0]["code"]
    for path in (f"/v1/events/{event}/deliveries", f"/v1/ledger/accounts/{account}/statement",
                 f"/v1/ledger/entries?account={account}", f"/v1/ledger/balances?account={account}"):  # fmt: skip
        await inside("GET", path)
