"""Event: something happened to an object, told as Stripe tells it.

The object's snapshot is kept in its stored form, which leaves out every field at its default, and packed; it is
rendered when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from nostro.kernel.resource import Among, Filter, Resource, Shape, Stored, Unset, View, Wire, listing, retrieve
from nostro.storage.pack import pack, unpack
from nostro.storage.tx import Happened, Tx

from .webhook_endpoint import PUT_DELIVERY, listeners

# The events that say what changed: updates, and the steps of a charge that its owner acts on.
TELLS_BEFORE = ("updated", "charge.captured", "charge.refunded", "charge.dispute.closed")

UNDELIVERED = Among("delivery", "event", "state <> 'delivered'")


class EventRequest(Shape, frozen=True, kw_only=True):
    id: str | None = None
    idempotency_key: str | None = None


class Event(Shape, frozen=True, kw_only=True):
    """The public fields. `data.object` is what it happened to, `data.previous_attributes` what an update changed."""

    id: str
    object: str = "event"
    account: str | Unset = UNSET
    api_version: str | None = None
    created: int
    data: dict[str, Any]
    livemode: bool
    pending_webhooks: int
    request: EventRequest | None = None
    type: str


class EventRecord(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """`account` is the connected account that it happened in.

    `object_type` is kept where the id's prefix does not tell it.

    `copy` is the object's record at that moment, packed; `before` the changed public fields' old values.

    `pending` is not stored: `complete` counts it when an event is read.
    """

    account: str | None = None
    livemode: bool = False
    type: str
    api_version: str
    object_type: str | None = None
    object_id: str
    copy: bytes
    before: dict[str, Any] | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    pending: int = 0

    @property
    def snapshot(self) -> bytes:
        """The object's record as JSON."""
        return unpack(self.copy)


def render(view: View, event: EventRecord) -> Wire:
    """The public event, its object in full."""
    resource = view.registry.by_object[event.object_type] if event.object_type else view.registry.of_id(event.object_id)
    assert resource is not None, f"{event.id} is about an object of no kind"
    data: Wire = {"object": view.render(msgspec.json.decode(event.snapshot, type=resource.record))}
    if event.before is not None:
        data["previous_attributes"] = event.before
    return {
        "id": event.id,
        "object": "event",
        **({"account": event.account} if event.account else {}),
        "api_version": event.api_version,
        "created": event.created,
        "data": data,
        "livemode": event.livemode,
        "pending_webhooks": event.pending,
        "request": {"id": event.request_id, "idempotency_key": event.idempotency_key},
        "type": event.type,
    }


async def publish(tx: Tx) -> None:
    """Turn what happened in each part of `tx` into events, and one delivery for each endpoint that listens."""
    for part in tx.parts:
        if part.happened:
            await _publish(part)


async def _publish(tx: Tx) -> None:
    endpoints = await listeners(tx)
    for happened in tx.happened:
        listening = [e for e in endpoints if e.hears(happened.type)]
        event = _event(tx, happened)
        tx.save(event)
        for endpoint in listening:
            tx.unit.deliveries = True
            due = tx.unit.micros // 1_000_000
            tx.write_row(PUT_DELIVERY, (tx.scope.number, event.id, endpoint.id, "pending", due))


def _event(tx: Tx, happened: Happened) -> EventRecord:
    resource = tx.registry.of(happened.record)
    before = None
    if happened.before is not None and happened.type.endswith(TELLS_BEFORE):
        before = _changed(*(msgspec.to_builtins(tx.view.render(r)) for r in (happened.before, happened.record)))
    return EventRecord(
        id=tx.new_id("evt"),
        created=tx.now,
        account=tx.merchant if tx.scope.connected else None,
        livemode=tx.scope.livemode,
        type=happened.type,
        api_version=tx.world.api_version,
        object_type=None if tx.registry.of_id(happened.record.id) is resource else resource.name,
        object_id=happened.record.id,
        copy=pack(happened.body),
        before=before,
        request_id=tx.request.id,
        idempotency_key=tx.request.idempotency_key,
    )


async def complete(tx: Tx, events: Sequence[EventRecord]) -> list[EventRecord]:
    """The events with `pending` counted: how many endpoints have not accepted each of them."""
    if not events:
        return []
    counts = await tx.world.engine.rows(
        f"SELECT event, count(*) FROM delivery WHERE scope=? AND event IN ({','.join('?' * len(events))}) "
        "AND state <> 'delivered' GROUP BY event", (tx.scope.number, *(event.id for event in events)),
    )  # fmt: skip
    pending: dict[str, int] = dict(counts)
    return [msgspec.structs.replace(event, pending=pending.get(event.id, 0)) for event in events]


def _changed(old: Wire, new: Wire) -> Wire:
    """The old values of what differs; inside an object only of the fields that do, null for those that came anew."""
    out: Wire = {}
    for name in [*old, *(name for name in new if name not in old)]:
        was, value = old.get(name), new.get(name)
        if was == value:
            continue
        out[name] = _changed(was, value) if isinstance(was, dict) and isinstance(value, dict) else was
    return out


EVENT: Resource[EventRecord] = Resource(
    object="event",
    prefix="evt",
    record=EventRecord,
    shape=Event,
    present=render,
    complete=complete,
    doc="Something that happened to an object. Kept with the object as it was at that moment.",
    verbs=(
        listing(
            "/v1/events",
            Filter("type", kind="pattern", wide=True),
            Filter("types", "type", "any"),
            Filter("delivery_success", kind="lacks", among=UNDELIVERED),
            summary="List events, newest first.",
        ),
        retrieve("/v1/events/{id}"),
    ),
)
RESOURCE = EVENT
