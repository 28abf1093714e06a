"""The courier sends deliveries: many at once, not too many to one endpoint, few to one that does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import msgspec

from nostro import __version__
from nostro.kernel.clock import SECOND, elapsed
from nostro.storage.scope import load_scope
from nostro.storage.tx import Tx
from nostro.storage.world import World

from . import delivery, signature
from .connection import Connections
from .delivery import Due, Outcome
from .event import EVENT, EventRecord, complete
from .webhook_endpoint import Record, find_endpoint

logger = logging.getLogger("nostro.webhooks")

MOST = 50
MOST_TO_ONE = 10
MOST_TO_SILENT = 1
WINDOW = 200
TIMEOUT = 20
SHOWN = 500
USER_AGENT = f"Nostro/{__version__} (webhooks)"
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Courier:
    """One for each worker, or for one sandbox. `start_due` starts what it has room for; `idle` waits for the rest."""

    def __init__(self, world: World, scope: int | None = None) -> None:
        self._world = world
        self._scope = scope
        self._underway: dict[asyncio.Task[None], Due] = {}
        self._busy: Counter[str] = Counter()
        self._silent: set[str] = set()
        self._connections = Connections(world.settings.private_webhooks)

    async def start_due(self) -> int:
        """Claim due deliveries and start to send them. Answers how many; raises what a claim failed of, after that."""
        chosen = await self._choose(MOST - len(self._underway))
        claims = (delivery.claim(self._world, due) for due in chosen)
        claimed = await asyncio.gather(*claims, return_exceptions=True)
        for due, mine in zip(chosen, claimed, strict=True):
            if isinstance(mine, Due):
                task = asyncio.create_task(self._deliver(mine))
                self._underway[task] = mine
                task.add_done_callback(self._done)
            else:
                self._let_go(due.endpoint)
        for failure in claimed:
            if isinstance(failure, BaseException):
                raise failure
        return sum(mine is not None for mine in claimed)

    async def idle(self) -> None:
        """Wait until everything that was started has ended."""
        if self._underway:
            await asyncio.wait(set(self._underway))

    async def close(self, grace: float = 5) -> None:
        """Wait `grace` seconds for what is under way; give the rest back, to be sent after the restart."""
        if self._underway:
            await asyncio.wait(set(self._underway), timeout=grace)
        left = dict(self._underway)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(*(delivery.release(self._world, due) for due in left.values()))
        await self._connections.close()

    async def _choose(self, room: int) -> list[Due]:
        """At most `room` due deliveries, oldest first, for endpoints that take more. Each now counts as busy."""
        if room <= 0:
            return []
        found = await delivery.due(self._world, WINDOW, self._scope)
        chosen = [due for due in found if self._takes(due.endpoint)]
        if len(found) == WINDOW and len(chosen) < room:
            # The oldest all go to endpoints that are busy: look behind them, for others.
            for endpoint in await delivery.waiting(self._world):
                more = self._most(endpoint) - self._busy[endpoint]
                if more > 0:
                    behind = await delivery.due(self._world, more, self._scope, endpoint)
                    known = {(due.event, due.endpoint) for due in chosen}
                    chosen += [d for d in behind if (d.event, d.endpoint) not in known and self._takes(endpoint)]
        for due in chosen[room:]:
            self._let_go(due.endpoint)
        return chosen[:room]

    def _most(self, endpoint: str) -> int:
        return MOST_TO_SILENT if endpoint in self._silent else MOST_TO_ONE

    def _takes(self, endpoint: str) -> bool:
        if self._busy[endpoint] >= self._most(endpoint):
            return False
        self._busy[endpoint] += 1
        return True

    def _let_go(self, endpoint: str) -> None:
        self._busy[endpoint] -= 1
        if not self._busy[endpoint]:
            del self._busy[endpoint]

    def _done(self, task: asyncio.Task[None]) -> None:
        due = self._underway.pop(task)
        self._let_go(due.endpoint)
        self._world.work.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("delivery of %s to %s was not noted", due.event, due.endpoint, exc_info=error)

    async def _deliver(self, due: Due) -> None:
        tx = Tx(self._world, await load_scope(self._world, due.scope))
        event, endpoint = await tx.find(EVENT, due.event), await find_endpoint(tx, due.endpoint)
        if event is None or endpoint is None:
            await delivery.drop(self._world, due)
            return
        if endpoint.status != "enabled":
            outcome = Outcome(None, 0, "The endpoint is disabled.", final=True)
        else:
            with self._world.trace("webhook", event=event.id, endpoint=endpoint.id, type=event.type) as span:
                outcome = await self._try(tx, event, endpoint)
                span.set(status=outcome.status or 0, request=event.request_id or "")
        if outcome.status is None:
            self._silent.add(endpoint.id)
        else:
            self._silent.discard(endpoint.id)
        state = await delivery.finish(self._world, due, outcome)
        self._world.meter.deliveries.labels("put_off" if state == "pending" else state).inc()
        self._world.meter.delivery_seconds.observe(outcome.millis / 1000)

    async def _try(self, tx: Tx, event: EventRecord, endpoint: Record) -> Outcome:
        started = elapsed()
        try:
            body = _encode(tx.view.render((await complete(tx, [event]))[0]))
            secrets = signature.alive(endpoint.secrets, tx.now)
            signed = signature.header(body, secrets, self._world.clock.micros() // SECOND)
            async with asyncio.timeout(TIMEOUT):
                status, answer = await self._post(endpoint.url, body, signed)
        except TimeoutError:
            return Outcome(None, _millis(started), f"No answer within {TIMEOUT} seconds.")
        except Exception as error:
            return Outcome(None, _millis(started), f"{type(error).__name__}: {error}"[:SHOWN])
        return Outcome(status, _millis(started), answer.decode(errors="replace")[:SHOWN])

    async def _post(self, url: str, body: bytes, signed: str) -> tuple[int, bytes]:
        """The status, and the start of the answer; a redirect is an answer like any other and is not followed."""
        headers = [
            ("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Cache-Control", "no-cache"),
            ("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body))),
            (signature.HEADER, signed),
        ]  # fmt: skip
        return await self._connections.post(url, headers, body, 4 * SHOWN)


def _millis(started: int) -> int:
    return (elapsed() - started) // 1000
