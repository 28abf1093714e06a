"""Delivery: one event on its way to one endpoint, sent until it is accepted or three days have passed.

A delivery waits as `pending`. Whoever sends it claims it first, by making it `sending` and due again a little
later: if the sender dies, it comes due and is sent again, so an event arrives at least once. An answer of 2xx makes
it `delivered`; anything else puts it off, and after the last retry it has `failed`. Every try stays visible for
30 days, as long as Stripe shows an event.
"""

from __future__ import annotations

from typing import Any, Literal
from zlib import crc32

from msgspec import Struct

from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.errors import Conflict, invalid
from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire
from nostro.storage.engine import Row
from nostro.storage.purge import drop_before
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

from .event import EVENT, Event, EventRecord, complete
from .webhook_endpoint import WEBHOOK_ENDPOINT, find_endpoint, listeners
from .webhook_endpoint import Record as Endpoint

# Seconds from each failed try to the next at most, of the machine's time: a little less than three days in all.
RETRIES = (10, 60, 300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200, 43_200, 21_600)
LEASE = 60
KEPT_DAYS = 30

DUE = "SELECT scope, event, endpoint, attempts, tries FROM delivery WHERE due <= ?"
# Every endpoint that something waits for: one step in the index for each, however much waits.
WAITING = (
    "WITH RECURSIVE waiting (endpoint) AS (SELECT min(endpoint) FROM delivery WHERE due IS NOT NULL UNION ALL "
    "SELECT (SELECT min(d.endpoint) FROM delivery d WHERE d.due IS NOT NULL AND d.endpoint > w.endpoint) "
    "FROM waiting w WHERE w.endpoint IS NOT NULL) SELECT endpoint FROM waiting WHERE endpoint IS NOT NULL"
)
NEXT = "SELECT min(due) FROM delivery WHERE due > ?"
# `+scope` keeps the planner on the index of what is still to be sent, instead of all that a scope ever sent.
OPEN = "SELECT count(*) FROM delivery WHERE due IS NOT NULL AND +scope = ? AND (state = 'sending' OR due <= ?)"
CLAIM = (
    "UPDATE delivery SET state='sending', due=?, attempts=attempts+1, tries=tries+1 "
    "WHERE scope=? AND event=? AND endpoint=? AND attempts=? AND tries=? AND due<=?"
)
_SENDING = "WHERE scope=? AND event=? AND endpoint=? AND attempts=? AND state='sending'"
FINISH = f"UPDATE delivery SET state=?, due=? {_SENDING}"
RELEASE = f"UPDATE delivery SET state='pending', due=?, tries=tries-1 {_SENDING}"
RELEASE_ALL = "UPDATE delivery SET state='pending', due=? WHERE due IS NOT NULL AND state='sending'"
DROP = "DELETE FROM delivery WHERE scope=? AND event=? AND endpoint=?"
# A delivery that was dropped with the old ones and queued anew counts from one again: its first try is known already.
ATTEMPT = (
    "INSERT INTO delivery_attempt (scope,event,endpoint,number,at,status,millis,detail) VALUES (?,?,?,?,?,?,?,?) "
    "ON CONFLICT (scope,event,endpoint,number) DO NOTHING"
)
REQUEUE = (
    "INSERT INTO delivery (scope,event,endpoint,state,due) VALUES (?,?,?,'pending',?) "
    "ON CONFLICT (scope,event,endpoint) DO UPDATE SET state='pending', due=excluded.due, tries=0"
)


class Due(Struct, frozen=True):
    """A delivery to send. `attempts` numbers all its tries, `tries` those since it was last queued."""

    scope: int
    event: str
    endpoint: str
    attempts: int
    tries: int


class Outcome(Struct, frozen=True):
    """What came of a try: the HTTP status, or None and why there was no answer. `final` ends the retries."""

    status: int | None
    millis: int
    detail: str
    final: bool = False

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


# What the courier does, each step a unit of its own ----------------------------------------


async def due(world: World, limit: int, scope: int | None = None, endpoint: str | None = None) -> list[Due]:
    """What is to be sent now, oldest first; of one sandbox or to one endpoint, if that is given."""
    statement = DUE
    values: list[Any] = [_now(world)]
    for column, value in (("+scope", scope), ("endpoint", endpoint)):
        if value is not None:
            statement, values = f"{statement} AND {column} = ?", [*values, value]
    rows = await world.engine.rows(f"{statement} ORDER BY due, scope, event LIMIT ?", (*values, limit))
    return [Due(*row) for row in rows]


async def waiting(world: World) -> list[str]:
    """Every endpoint that a delivery waits for, also those that wait for a retry."""
    return [endpoint for (endpoint,) in await world.engine.rows(WAITING)]


async def next_due(world: World) -> int | None:
    """The machine's second at which the next delivery that still waits comes due."""
    rows = await world.engine.rows(NEXT, (_now(world),))
    return None if not rows else rows[0][0]


async def claim(world: World, found: Due) -> Due | None:
    """Take the delivery for this sender alone; None if another took it or it is gone."""
    now = _now(world)
    values = (now + LEASE, found.scope, found.event, found.endpoint, found.attempts, found.tries, now)
    try:
        await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), claim=(CLAIM, values)))
    except Conflict:
        return None
    return Due(found.scope, found.event, found.endpoint, found.attempts + 1, found.tries + 1)


async def finish(world: World, sent: Due, outcome: Outcome) -> str:
    """Note the try, and what happens next: the state from now on. What was queued anew meanwhile stays queued."""
    now = _now(world)
    if outcome.accepted:
        state, due = "delivered", None
    elif outcome.final or sent.tries > len(RETRIES):
        state, due = "failed", None
    else:
        state, due = "pending", now + pause(sent)
    key = (sent.scope, sent.event, sent.endpoint, sent.attempts)
    tried = (*key, now, outcome.status, outcome.millis, outcome.detail)
    await _write(world, (FINISH, (state, due, *key)), (ATTEMPT, tried))
    return state


def pause(failed: Due) -> int:
    """Seconds to the next try: up to a fifth less than the table says, so that what failed together, because the
    receiver was down, does not come back together. Read from the delivery's identity, so that a simulation repeats.
    """
    longest = RETRIES[failed.tries - 1]
    chance = crc32(f"{failed.event}:{failed.endpoint}:{failed.tries}".encode())
    return longest - chance % (longest // 5 + 1)


async def release(world: World, claimed: Due) -> None:
    """Give back what was claimed and not sent."""
    key = (claimed.scope, claimed.event, claimed.endpoint, claimed.attempts)
    await _write(world, (RELEASE, (_now(world), *key)))


async def release_all(world: World) -> None:
    """Send again at once what was being sent when the last worker ended. Only where there is one worker."""
    await _write(world, (RELEASE_ALL, (_now(world),)))


async def drop(world: World, claimed: Due) -> None:
    """Forget a delivery whose endpoint is gone."""
    await _write(world, (DROP, (claimed.scope, claimed.event, claimed.endpoint)))


async def purge(world: World) -> None:
    """Forget the deliveries of events past `KEPT_DAYS` and their tries; what is still to be sent stays."""
    end = created_bounds("evt", _now(world) - KEPT_DAYS * DAY)
    await drop_before(world, "delivery", "event", end, unless="due IS NOT NULL")
    same = "d.scope=delivery_attempt.scope AND d.event=delivery_attempt.event AND d.endpoint=delivery_attempt.endpoint"
    await drop_before(world, "delivery_attempt", "event", end, unless=f"EXISTS (SELECT 1 FROM delivery d WHERE {same})")


async def _write(world: World, *rows: tuple[str, tuple[Any, ...]]) -> None:
    await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=list(rows)))


def _now(world: World) -> int:
    return world.clock.micros() // SECOND


async def open_count(world: World, scope: int) -> int:
    """How many of a sandbox's deliveries are due or being sent; those that wait for a retry are not."""
    rows = await world.engine.rows(OPEN, (scope, _now(world)))
    count: int = rows[0][0]
    return count


# What callers see and may do ----------------------------------------------------------------


class Attempt(Shape, frozen=True, kw_only=True):
    """One try: `http_status` is null if there was no answer, and `detail` says why; else it is the answer's start."""

    number: int
    created: int
    http_status: int | None
    millis: int
    detail: str


class Delivery(Stored, frozen=True, kw_only=True):
    """`next_attempt` is the machine's time in seconds, while the delivery is pending."""

    object: Literal["webhook_delivery"] = "webhook_delivery"
    attempts: list[Attempt]
    event: str
    next_attempt: int | None
    status: str
    webhook_endpoint: str


class ListParams(Params, frozen=True, kw_only=True):
    event: str


class ResendParams(Params, frozen=True, kw_only=True):
    event: str
    webhook_endpoint: str | None = None


async def deliveries(tx: Tx, params: ListParams) -> Wire:
    """Where an event went, and every try. An endpoint that was deleted leaves no trace here."""
    event = await tx.get(EVENT, params.event)
    key = (tx.scope.number, event.id)
    rows = await tx.world.engine.rows(
        "SELECT endpoint, state, due FROM delivery WHERE scope=? AND event=? ORDER BY endpoint", key
    )
    tries = await tx.world.engine.rows(
        "SELECT endpoint, number, at, status, millis, detail FROM delivery_attempt "
        "WHERE scope=? AND event=? ORDER BY endpoint, number", key,
    )  # fmt: skip
    data = [_delivery(event, row, [t for t in tries if t[0] == row[0]]) for row in rows]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/events/{event.id}/deliveries"}


def _delivery(event: EventRecord, row: Row, tries: list[Row]) -> Delivery:
    endpoint, state, due = row
    return Delivery(
        id=f"{event.id}:{endpoint}",
        created=event.created,
        attempts=[
            Attempt(number=number, created=at, http_status=status, millis=millis, detail=detail)
            for _, number, at, status, millis, detail in tries
        ],
        event=event.id,
        next_attempt=due if state == "pending" else None,
        status=state,
        webhook_endpoint=endpoint,
    )


async def resend(tx: Tx, params: ResendParams) -> EventRecord:
    """Send an event again: to the endpoint that is named, whatever it listens to, or to all that listen."""
    event = await tx.get(EVENT, params.event)
    if params.webhook_endpoint is None:
        targets = [e for e in await listeners(tx) if e.hears(event.type)]
    else:
        targets = [await _enabled(tx, params.webhook_endpoint)]
    for target in targets:
        tx.write_row(REQUEUE, (tx.scope.number, event.id, target.id, tx.unit.micros // SECOND))
        tx.unit.deliveries = True
    return (await complete(tx, [event]))[0]


async def _enabled(tx: Tx, id: str) -> Endpoint:
    endpoint = await find_endpoint(tx, id) or await tx.get(WEBHOOK_ENDPOINT, id, "webhook_endpoint")
    if endpoint.status != "enabled":
        raise invalid(f"The webhook endpoint {id} is disabled. Enable it first.", "webhook_endpoint")
    return endpoint


DELIVERY: Resource[Delivery] = Resource(
    object="webhook_delivery",
    prefix="webhook_delivery",
    record=Delivery,
    shape=Delivery,
    stored=False,
    doc="One event on its way to one endpoint, with every try. Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/events/{event}/deliveries", run=deliveries, params=ListParams,
             answers=list[Delivery],
             summary="Where an event was sent, each try, and what was answered."),
        Verb(name="resend", method="POST", path="/v1/events/{event}/resend", run=resend, params=ResendParams,
             answers=Event,
             summary="Send an event again, to one endpoint or to all that listen to it."),
    ),
)  # fmt: skip
RESOURCE = DELIVERY
