"""The table of contents: every resource, rail and job, as plain values, and the world they stand in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nostro.api.versions import CURRENT
from nostro.events import event, webhook_endpoint
from nostro.kernel.clock import Clock, SystemClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry, Resource
from nostro.kernel.settings import Settings
from nostro.storage.engine import Engine
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.world import World

RESOURCES: tuple[Resource[Any], ...] = (
    event.RESOURCE,
    webhook_endpoint.RESOURCE,
)
RAILS: dict[str, Any] = {}
JOBS: dict[str, Any] = {}


def engine_of(settings: Settings) -> Engine:
    """The engine that a database URL names. Raises `ValueError` with what is accepted."""
    kind, _, path = settings.database.partition(":///")
    if kind == "sqlite" and path:
        return SqliteEngine(Path(path), durable=settings.durable)
    raise ValueError(f"unknown database {settings.database!r}: use sqlite:///FILE")


async def make_world(
    settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None, engine: Engine | None = None
) -> World:
    """Open the engine, make what is missing in it, and put the parts together."""
    engine = engine or engine_of(settings)
    await engine.prepare(RESOURCES)
    return World(
        engine=engine,
        registry=Registry(RESOURCES),
        clock=clock or SystemClock(),
        ids=ids or Ids(),
        settings=settings,
        rails=RAILS,
        jobs=JOBS,
        api_version=CURRENT,
        work=asyncio.Event(),
    )
