"""`nostro events`: look at events, and send them again."""

from __future__ import annotations

from typing import Annotated

import typer

from nostro.kernel.clock import utc_text

from . import show
from .client import Client, Refusal
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

app = typer.Typer(no_args_is_help=True, help="List events, and send one again to your webhook endpoints.")


@app.command("list")
def list_(
    type: Annotated[str | None, typer.Option(help="Only events of this type: charge.refunded")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """List the newest events.

    Example: nostro events list --type payment_intent.succeeded
    """
    page = Client(api_base, api_key, quiet=True).get("/v1/events", {"type": type, "limit": limit})
    if json:
        show.as_json(page["data"])
        return
    rows = [(e["id"], utc_text(e["created"]), e["type"], e["data"]["object"].get("id", "")) for e in page["data"]]
    show.as_table(("event", "created (UTC)", "type", "object"), rows)


@app.command()
def resend(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id: evt_...")],
    webhook_endpoint: Annotated[
        str | None, typer.Option(metavar="ID", help="Only to this endpoint (we_...), whatever it listens to.")
    ] = None,
    api_base: ApiBase = None, api_key: ApiKey = None,
) -> None:  # fmt: skip
    """Send an event again, to every endpoint that listens to it or to one.

    Example: nostro events resend evt_0Tr4bC... --webhook-endpoint we_0Tr4aB...
    """
    try:
        sent = Client(api_base, api_key).post(f"/v1/events/{event}/resend", {"webhook_endpoint": webhook_endpoint})
    except Refusal as refusal:
        raise Trouble(str(refusal), "See what there is: nostro events list") from None
    typer.echo(f"Sending {sent['id']} ({sent['type']}) again.")
