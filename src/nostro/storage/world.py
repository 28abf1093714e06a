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
from .meter import Meter
from .unit import Scope


class World(Struct, kw_only=True):
    """`rails` by payment method type, `jobs` by kind; `work` is set when a commit left jobs or deliveries to do.

    `scopes` are those seen so far, `last_scope` is the highest number that this process gave to a new one, and
    `moving` has a lock for each whose time was moved, `importing` for each book that took a bank's statement.
    `listeners` are the webhook endpoints by scope and `terms` what holds for its payments, remembered only where one
    process has the database to itself; `directories` are the ledger accounts that bulk has met, by scope.
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
    listeners: dict[int, list[Any]] = {}
    terms: dict[int, Any] = {}
    directories: dict[int, Any] = {}
    leaving: bool = False
    last_scope: int = 0
    trace: Trace = untraced
    meter: Meter = field(default_factory=Meter)

    def view(self, now: int) -> View:
        """How answers are rendered at that moment, in seconds of the sandbox's time."""
        return View(self.registry, now, self.rails, self.settings.public_url)

    def __post_init__(self) -> None:
        self.engine.watch = self.meter.committed
