"""`nostro logs`: the requests that the server has answered, as they come, or one of them in full."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from nostro.kernel.clock import SystemClock, utc_text

from . import show as out
from .client import Client
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

app = typer.Typer(no_args_is_help=True, help="See the requests that the server has answered.")
PATH = "/v1/request_logs"
POLL = 0.5
SHOWN_FIRST = 10
LATE = 10
"""Lines are written some moments after their answers, by several workers: seconds to look back each time."""
MOST_PAGES = 20
"""Without --since, the look back for lines that fit ends after so many pages: each of at most 5,000 lines."""
SPANS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Line = dict[str, Any]


@app.command()
def tail(
    status: Annotated[
        list[str] | None, typer.Option(help="Only these: 402, or 4xx for all of a kind. Give it again for more.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Only this method: POST")] = None,
    path: Annotated[str | None, typer.Option(help="Only paths that start so: /v1/refunds")] = None,
    code: Annotated[str | None, typer.Option(help="Only this error code: card_declined")] = None,
    object: Annotated[
        str | None, typer.Option("--object", metavar="ID", help="Only writes and failures about this object.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Begin so long ago: 30s, 10m, 2h, 7d. Default: the last ten.")
    ] = None,
    follow: Annotated[bool, typer.Option(help="Keep watching; or show what there is and end.")] = True,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Show your requests as the server answers them, of all its workers, until Ctrl-C.

    Example: nostro logs tail --status 4xx --path /v1/payment_intents --since 1h
    """
    statuses = status or []
    for one in statuses:
        if len(one) != 3 or one[0] not in "12345" or not (one.isdigit() or one[1:] == "xx"):
            raise Trouble(f"{one!r} is no HTTP status.", "Write it like 402, or 4xx for all of a kind.")
    client = Client(api_base, api_key, quiet=True)
    filters = {"method": method and method.upper(), "path": path, "error_code": code, "object": object,
               "status": statuses[0] if len(statuses) == 1 else None}  # fmt: skip
    start = None if since is None else SystemClock().micros() // 1_000_000 - _span(since)
    most = None if start is not None else SHOWN_FIRST if follow else 100
    seen: dict[str, int] = {}
    begin = start
    while True:
        page = [line for line in _newest(client, filters, start, most) if line["id"] not in seen]
        for line in reversed(page):
            if not statuses or _among(line["status"], statuses):
                out.as_line(line) if json else typer.echo(_short(line))
            seen[line["id"]] = line["created"]
        if not follow:
            return
        newest = max(seen.values(), default=start or SystemClock().micros() // 1_000_000 - LATE)
        begin = newest if begin is None else begin  # what was there before is not new
        start, most = max(begin, newest - LATE), None
        seen = {id: at for id, at in seen.items() if at >= start}
        time.sleep(POLL)


@app.command()
def show(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The id of a request: req_...")],
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Show one request: who asked, what was sent, and what came of it.

    Example: nostro logs show req_8CHx8P9DUjLSgv1tQe
    """
    line = Client(api_base, api_key, quiet=True).get(f"{PATH}/{request}")
    if json:
        out.as_json(line)
        return
    typer.echo(_short(line))
    rows = [
        ("time", f"{utc_text(line['created'])} UTC"), ("route", line["route"]), ("about", line["about"]),
        ("error", " ".join(str(line[n]) for n in ("error_type", "error_code", "error_param") if line[n])),
        ("idempotency key", line["idempotency_key"]), ("key", line["key"]), ("API version", line["api_version"]),
        ("from", " ".join(str(line[name]) for name in ("ip_address", "user_agent") if line[name])),
    ]  # fmt: skip
    for name, value in rows:
        if value:
            typer.echo(f"  {name:<16} {value}")
    for name in ("params", "response"):
        if line[name] is not None:
            typer.secho(f"\n{name}", bold=True)
            out.as_json(line[name])


def _newest(client: Client, filters: Line, start: int | None, most: int | None) -> Iterator[Line]:
    """Newest first: `most` lines, or all since `start`. A page may hold few where the server had to look far."""
    after, found, pages = None, 0, 0
    created = {} if start is None else {"gte": start}
    while True:
        pages += 1
        page = client.get(
            PATH, {**filters, "created": created, "limit": min(most or 100, 100), "starting_after": after}
        )
        for line in page["data"]:
            found += 1
            yield line
        if not page["has_more"] or (most is not None and (found >= most or pages == MOST_PAGES)):
            return
        after = page.get("looked_until") or page["data"][-1]["id"]


def _among(status: int, wanted: list[str]) -> bool:
    return str(status) in wanted or f"{status // 100}xx" in wanted


def _span(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise Trouble(f"I do not know the span {text!r}.", "Write it like 30s, 10m, 2h or 7d.")
    return int(found[1]) * SPANS[found[2]]


def _short(line: Line) -> str:
    color = {2: "green", 4: "yellow", 5: "red"}.get(line["status"] // 100)
    status = typer.style(str(line["status"]), fg=color)
    took = f"{line['micros'] / 1000:.1f} ms"
    reason = "  " + typer.style(line["error_code"], fg=color) if line["error_code"] else ""
    at = utc_text(line["created"])[11:]
    return f"{at} {status} {line['method']:<6} {line['path']}  {took}  {line['id']}{reason}"
