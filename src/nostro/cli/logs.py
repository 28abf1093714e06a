"""`nostro logs tail`: every request as the server answers it."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from nostro.kernel.clock import utc_text

from . import show
from .client import Client
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

app = typer.Typer(no_args_is_help=True, help="Watch the requests that a running server answers.")
POLL = 0.5
SHOWN_FIRST = 10


@app.callback()
def logs() -> None:
    """Keeps `tail` a command of its own, beside those to come."""


@app.command()
def tail(
    status: Annotated[
        list[str] | None, typer.Option(help="Only these: 402, or 4xx for all of a kind. Give it again for more.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Only this method: POST")] = None,
    path: Annotated[str | None, typer.Option(help="Only paths that start so: /v1/refunds")] = None,
    follow: Annotated[bool, typer.Option(help="Keep watching; or show the latest and end.")] = True,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Show your requests as the server answers them, until Ctrl-C. They are kept in its memory only.

    Example: nostro logs tail --status 4xx --path /v1/payment_intents
    """
    for one in status or []:
        if len(one) != 3 or one[0] not in "12345" or not (one.isdigit() or one[1:] == "xx"):
            raise Trouble(f"{one!r} is no HTTP status.", "Write it like 402, or 4xx for all of a kind.")
    client = Client(api_base, api_key, quiet=True)
    after = None
    while True:
        first = after is None
        page = client.get("/v1/request_logs", {"after": after, "limit": 100})["data"]
        wanted = [line for line in page if _wanted(line, status or [], method, path)]
        for line in wanted[-SHOWN_FIRST:] if first and follow else wanted:
            show.as_line(line) if json else _print(line)
        after = page[-1]["number"] if page else after or 0
        if not follow:
            return
        if len(page) < 100 or first:
            time.sleep(POLL)


def _wanted(line: dict[str, Any], statuses: list[str], method: str | None, path: str | None) -> bool:
    status = str(line["status"])
    return (
        (not statuses or status in statuses or f"{status[0]}xx" in statuses)
        and (method is None or line["method"] == method.upper())
        and (path is None or line["path"].startswith(path))
    )


def _print(line: dict[str, Any]) -> None:
    color = {"2": "green", "4": "yellow", "5": "red"}.get(str(line["status"])[0])
    status = typer.style(str(line["status"]), fg=color)
    took = f"{line['micros'] / 1000:.1f} ms"
    reason = f"  {line['error_code']}" if line["error_code"] else ""
    at = utc_text(line["created"])[11:]
    typer.echo(f"{at} {status} {line['method']:<6} {line['path']}  {took}  {line['id']}{reason}")
