"""Everything that a unit of work stands on, made once in `app.py` and passed down. No globals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from nostro.kernel.clock import Clock
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry, View
from nostro.kernel.settings import Settings
from nostro.kernel.trace import Trace, untraced

from .engine import Engine
from .memory import Memory
from .meter import Meter
from .names import Filters
from .redis import Redis
from .unit import Scope


class World(Struct, kw_only=True):
    """`rails` by payment method type, `jobs` by kind; `work` is set when a commit left jobs or deliveries to do.

    `scopes` are those seen so far, `last_scope` is the highest number that this process gave to a new one, and
    `moving` has a lock for each whose time was moved, `importing` for each book that took a bank's statement. `memory`
    is what is remembered of each scope; `directories` are the ledger accounts that bulk has met, by scope, and
    `filters` say which references are new. `redis` is there where a setting names one and workers have something to
    share.
    `leaving` is true from the moment that the server is told to stop.
    """

    engine: Engine
    registry: Registry
    clock: Clock
    ids: Ids
    settings: Settings
    rails: Mapping[str, Any]
    jobs: Mapping[str, Any]
    api_version: str
    work: asyncio.Event
    scopes: dict[int, Scope] = {}
    moving: dict[int, asyncio.Lock] = {}
    importing: dict[int, asyncio.Lock] = {}
    memory: dict[int, Memory] = {}
    redis: Redis | None = None
    directories: dict[int, Any] = {}
    filters: Filters = field(default_factory=Filters)
    leaving: bool = False
    last_scope: int = 0
    trace: Trace = untraced
    meter: Meter = field(default_factory=Meter)

    async def close(self) -> None:
        await self.engine.close()
        if self.redis is not None:
            await self.redis.close()

    def view(self, now: int) -> View:
        """How answers are rendered at that moment, in seconds of the sandbox's time."""
        return View(self.registry, now, self.rails, self.settings.public_url)

    def __post_init__(self) -> None:
        self.engine.watch = self.meter.committed
