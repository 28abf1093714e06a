"""`nostro listen`: have the events of a sandbox sent to a URL for as long as the command runs."""

from __future__ import annotations

import signal
import time
from typing import Annotated, Any

import typer

from nostro.kernel.clock import utc_text

from .client import Client, Refusal
from .options import ApiBase, ApiKey
from .trouble import Trouble

POLL = 0.3
MARK = "nostro listen, until it is stopped"
GIVE_UP = 600  # polls after which a delivery that is still open is no longer looked at: it is retried for days


def listen(
    forward_to: Annotated[str, typer.Option(metavar="URL", help="Where to send them: localhost:4242/webhook")],
    events: Annotated[
        str, typer.Option(metavar="TYPES", help="Which, with commas between: charge.*,payout.paid")
    ] = "*",
    api_base: ApiBase = None,
    api_key: ApiKey = None,
) -> None:
    """Send events to your program, signed as in production, and show what it answers. Ctrl-C ends it.

    Example: nostro listen --forward-to localhost:4242/webhook --events payment_intent.succeeded,charge.*
    """
    url = forward_to if "://" in forward_to else f"http://{forward_to}"
    client = Client(api_base, api_key, quiet=True)
    types = [type.strip() for type in events.split(",") if type.strip()]
    last = client.get("/v1/events", {"limit": 1})["data"]
    try:
        _forget_killed(client, url)
        endpoint = client.post("/v1/webhook_endpoints", {"url": url, "enabled_events": types, "description": MARK})
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None
    typer.echo(f"Sending {', '.join(types)} to {url}\nsigning secret  {endpoint['secret']}\nCtrl-C to stop.\n")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _watch(client, endpoint["id"], last[0]["id"] if last else None)
    except KeyboardInterrupt:
        typer.echo("\nStopped.")
    finally:
        client.delete(f"/v1/webhook_endpoints/{endpoint['id']}")


def _forget_killed(client: Client, url: str) -> None:
    """A run that was killed could not take its endpoint away; with both, each event would come twice."""
    for endpoint in client.get("/v1/webhook_endpoints", {"limit": 100})["data"]:
        if endpoint["description"] == MARK and endpoint["url"] == url:
            client.delete(f"/v1/webhook_endpoints/{endpoint['id']}")


def _watch(client: Client, endpoint: str, last: str | None) -> None:
    """Print each new event with the fate of its delivery, as soon as there is one to tell."""
    open: dict[str, tuple[dict[str, Any], int, int]] = {}  # event, attempts told, polls
    while True:
        for event in new_events(client, last):
            last = event["id"]
            open[last] = (event, 0, 0)
        for id, (event, told, polls) in list(open.items()):
            mine = [d for d in client.get(f"/v1/events/{id}/deliveries")["data"] if d["webhook_endpoint"] == endpoint]
            tries = mine[0]["attempts"] if mine else []
            for attempt in tries[told:]:
                _print(event, attempt)
            over = not mine or mine[0]["status"] in ("delivered", "failed") or polls > GIVE_UP
            open[id] = (event, len(tries), polls + 1)
            if over:
                del open[id]
        time.sleep(POLL)


def new_events(client: Client, last: str | None) -> list[dict[str, Any]]:
    """The events after `last`, the oldest first."""
    params = {"limit": 100, "ending_before": last} if last else {"limit": 100}
    return list(reversed(client.get("/v1/events", params)["data"]))


def _print(event: dict[str, Any], attempt: dict[str, Any]) -> None:
    status = attempt["http_status"]
    good = status is not None and 200 <= status < 300
    answer = typer.style(str(status or "---"), fg="green" if good else "red")
    why = "" if good else f"  {attempt['detail']}".rstrip()
    again = f"  (try {attempt['number']})" if attempt["number"] > 1 else ""
    at = utc_text(attempt["created"])[11:]
    typer.echo(f"{at} {answer} {event['type']}  {event['id']}  {attempt['millis']} ms{again}{why}")
