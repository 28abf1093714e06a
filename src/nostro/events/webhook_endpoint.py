"""Webhook endpoint: a URL that hears of events, signed with a secret that is shown once.

Its life is two states, enabled and disabled, and moves no money.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import invalid
from nostro.kernel.resource import (
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    View,
    Wire,
    changes,
    listing,
    merge_metadata,
    public,
    retrieve,
)  # fmt: skip
from nostro.storage.scope import load_scope, recall_scope
from nostro.storage.tx import Tx

from .catalog import EVENT_TYPES
from .destination import is_private

PUT_DELIVERY = "INSERT INTO delivery (scope,event,endpoint,state,due) VALUES (?,?,?,?,?)"
# `+scope` keeps the planner on the index of what is still to be sent.
DROP_DELIVERIES = "DELETE FROM delivery WHERE +scope = ? AND endpoint = ? AND due IS NOT NULL"
MOST_ENDPOINTS = 16


class Secret(Shape, frozen=True):
    value: str
    until: int | None = None


class WebhookEndpoint(Stored, frozen=True, kw_only=True):
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    api_version: str | None = None
    application: str | None = None
    description: str | None = None
    enabled_events: list[str]
    livemode: bool = False
    metadata: Metadata = {}
    status: Literal["enabled", "disabled"] = "enabled"
    url: str


class Record(WebhookEndpoint, frozen=True, kw_only=True, omit_defaults=True):
    """`secrets` sign every delivery, newest first; an older one is dropped at its `until` (seconds).

    With `connect` it hears what happens in the platform's connected accounts, and nothing of its own.
    """

    secrets: list[Secret]
    show_secret: bool = False
    connect: bool = False

    def hears(self, type: str) -> bool:
        return self.status == "enabled" and any(fnmatchcase(type, pattern) for pattern in self.enabled_events)


class CreateParams(Params, frozen=True, kw_only=True):
    enabled_events: list[str]
    url: str
    api_version: str | None = None
    connect: bool = False
    description: str | None = None
    metadata: dict[str, str | None] | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    description: str | Unset | None = UNSET
    disabled: bool | Unset = UNSET
    enabled_events: list[str] | Unset = UNSET
    metadata: MetadataParam = UNSET
    url: str | Unset = UNSET


class RollParams(Params, frozen=True, kw_only=True):
    expires_in: int = 86_400


def render(_: View, endpoint: Record) -> Wire:
    """The signing secret appears only in the answer that made it."""
    wire = public(WebhookEndpoint, endpoint)
    if endpoint.show_secret:
        wire["secret"] = endpoint.secrets[0].value
    return wire


async def subscribers(tx: Tx) -> list[Record]:
    return await tx.all(WEBHOOK_ENDPOINT, {}, limit=MOST_ENDPOINTS)


async def listeners(tx: Tx) -> list[Record]:
    """Who may hear what happens here: the scope's own endpoints, and its platform's for connected accounts."""
    own = [endpoint for endpoint in await tx.recall_all(WEBHOOK_ENDPOINT, MOST_ENDPOINTS) if not endpoint.connect]
    if not tx.scope.connected:
        return own
    platform = await tx.beside(await recall_scope(tx.world, tx.scope.book)).recall_all(WEBHOOK_ENDPOINT, MOST_ENDPOINTS)
    return [*own, *(endpoint for endpoint in platform if endpoint.connect)]


async def platform_of(tx: Tx) -> Tx:
    """To read what is the platform's."""
    return Tx(tx.world, await load_scope(tx.world, tx.scope.book))


async def find_endpoint(tx: Tx, id: str) -> Record | None:
    """The scope's own, or its platform's that hears connected accounts."""
    found = await tx.find(WEBHOOK_ENDPOINT, id)
    if found is None and tx.scope.connected:
        found = await (await platform_of(tx)).find(WEBHOOK_ENDPOINT, id)
    return found


async def create(tx: Tx, params: CreateParams) -> Record:
    _check_url(tx, params.url)
    _check_events(params.enabled_events)
    if params.api_version not in (None, tx.world.api_version):
        raise invalid(f"Invalid API version: '{params.api_version}'. This server speaks {tx.world.api_version}.",
                      "api_version")  # fmt: skip
    if len(await subscribers(tx)) >= MOST_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints. Delete one first.")
    endpoint = Record(
        id=tx.new_id("we"),
        created=tx.now,
        livemode=tx.scope.livemode,
        api_version=params.api_version,
        description=params.description,
        enabled_events=params.enabled_events,
        metadata=merge_metadata({}, params.metadata),
        url=params.url,
        connect=params.connect,
        secrets=[Secret(f"whsec_{tx.world.ids.word(32)}")],
    )
    tx.save(endpoint)
    return msgspec.structs.replace(endpoint, show_secret=True)


async def update(tx: Tx, endpoint: Record, params: UpdateParams) -> Record:
    changed = changes(params, "metadata", "disabled")
    if "url" in changed:
        _check_url(tx, changed["url"])
    if "enabled_events" in changed:
        _check_events(changed["enabled_events"])
    if params.disabled is not UNSET:
        changed["status"] = "disabled" if params.disabled else "enabled"
    metadata = merge_metadata(endpoint.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(endpoint, metadata=metadata, **changed))


async def roll(tx: Tx, endpoint: Record, params: RollParams) -> Record:
    """A new secret; the old one keeps signing too for `expires_in` seconds."""
    kept = [Secret(secret.value, secret.until or tx.now + params.expires_in) for secret in endpoint.secrets]
    live = [secret for secret in kept if secret.until is None or secret.until > tx.now]
    rolled = msgspec.structs.replace(endpoint, secrets=[Secret(f"whsec_{tx.world.ids.word(32)}"), *live])
    tx.save(rolled)
    return msgspec.structs.replace(rolled, show_secret=True)


async def delete(tx: Tx, endpoint: Record, params: NoParams) -> Wire:
    """What it has not accepted yet is never sent."""
    tx.delete(endpoint)
    tx.write_row(DROP_DELIVERIES, (tx.scope.number, endpoint.id))
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


def _check_url(tx: Tx, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")
    if tx.scope.livemode and parts.scheme != "https":
        raise invalid("Invalid URL: URL must be HTTPS in live mode.", "url", "url_invalid")
    if not tx.world.settings.private_webhooks and is_private(parts.hostname):
        raise invalid("Invalid URL: URL must be publicly accessible.", "url", "url_invalid")


def _check_events(types: list[str]) -> None:
    if not types:
        raise invalid("You must provide at least one event to listen to.", "enabled_events")
    for n, type in enumerate(types):
        if type != "*" and type not in EVENT_TYPES and not type.endswith(".*"):
            raise invalid(f"Invalid enabled_events[{n}]: '{type}' is not an event type.", f"enabled_events[{n}]")


WEBHOOK_ENDPOINT: Resource[Record] = Resource(
    object="webhook_endpoint",
    prefix="we",
    record=Record,
    shape=WebhookEndpoint,
    present=render,
    remembered="all",
    shown={"secret": str | Unset},
    doc="A URL of yours that receives events, each signed with the endpoint's secret.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/webhook_endpoints", run=create, params=CreateParams,
             kind="create"),
        listing("/v1/webhook_endpoints"),
        retrieve("/v1/webhook_endpoints/{id}"),
        Verb(name="update", method="POST", path="/v1/webhook_endpoints/{id}", run=update, params=UpdateParams),
        Verb(name="roll", method="POST", path="/v1/webhook_endpoints/{id}/roll", run=roll, params=RollParams,
             summary="Make a new signing secret; the old one stays valid for `expires_in` seconds."),
        Verb(name="delete", method="DELETE", path="/v1/webhook_endpoints/{id}", run=delete, kind="delete"),
    ),
    errors=("url_invalid",),
)  # fmt: skip
RESOURCE = WEBHOOK_ENDPOINT
