"""The table of contents: every resource, rail and job, as plain values, and the world they stand in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nostro.api.serve import Application
from nostro.api.versions import CURRENT
from nostro.balances import availability, balance, balance_transaction
from nostro.events import event, webhook_endpoint
from nostro.kernel.clock import Clock, SystemClock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry, Resource
from nostro.kernel.settings import Settings
from nostro.payments import charge, payment_intent, payment_method, refund
from nostro.rails import card
from nostro.storage.engine import Engine
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.world import World

RESOURCES: tuple[Resource[Any], ...] = (
    event.RESOURCE,
    webhook_endpoint.RESOURCE,
    balance.RESOURCE,
    balance_transaction.RESOURCE,
    payment_method.RESOURCE,
    payment_intent.RESOURCE,
    charge.RESOURCE,
    refund.RESOURCE,
)
RAILS: dict[str, Any] = {rail.type: rail for rail in (card.RAIL,)}
JOBS: dict[str, Any] = {
    "balance.release": availability.release_job,
    "charge.expire": charge.expire_job,
    "payment_intent.expire": payment_intent.expire_job,
    "refund.settle": refund.settle_job,
    "refund.bounce": refund.bounce_job,
}


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


def application(settings: Settings, *, clock: Clock | None = None) -> Application:
    """The whole product as one ASGI application; its world opens when the server starts."""
    return Application(lambda: make_world(settings, clock=clock), work=None)
