"""Events: told in an order that makes sense, and heard at least once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgi import Client

from .lives import Lives

if TYPE_CHECKING:
    from .simulation import Simulation

FAILED = "failed"


async def check_events(client: Client) -> None:
    """Of each object: the moments never go back, and the statuses follow its life."""
    lives, moments = Lives(), dict[str, int]()
    for event in reversed(await client.all("/v1/events")):
        object: dict[str, Any] = event["data"]["object"]
        id = object.get("id") or event["type"]
        assert event["created"] >= moments.get(id, 0), f"{event['id']} about {id} was made before the one before it"
        moments[id] = event["created"]
        lives.see(object)


async def missing_events(simulation: Simulation) -> list[str]:
    """What no receiver heard. A delivery that used up its retries is sent again by hand first, as its owner would."""
    missing = []
    for shop in simulation.shops.values():
        for account, ear in shop.ears():
            client = shop.client(simulation.life.app.api, account)
            for event in await client.all("/v1/events"):
                if simulation.receiver.heard[ear, event["id"]]:
                    continue
                sent = (await client("GET", f"/v1/events/{event['id']}/deliveries")).json["data"]
                gave_up = [one for one in sent if one["status"] == FAILED and len(one["attempts"]) > 12]
                if not gave_up:
                    missing.append(f"{ear} {event['id']} {event['type']} {sent}")
    return missing
