"""`nostro trigger EVENT`: make an event happen, by doing through the API what causes it."""

from __future__ import annotations

import re
import time
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from . import show
from .client import Client, Refusal
from .fixtures import FIXTURES, Step
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

_FIELD = re.compile(r"\{([\w.]+)\}")
PATIENCE = 20  # looks, a quarter of a second apart


def trigger(
    event: Annotated[str | None, typer.Argument(metavar="EVENT", help="The event's type: charge.refunded")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the events that can be triggered.")] = False,
    api_base: ApiBase = None,
    api_key: ApiKey = None,
    json: Json = False,
) -> None:
    """Make an event happen: the objects that cause it are created through the API of the running server.

    Some need time to pass; then your sandbox's time is moved ahead, and it says so.

    Example: nostro trigger charge.dispute.created
    """
    if list_all or event is None:
        show.as_json(sorted(FIXTURES)) if json else typer.echo("\n".join(sorted(FIXTURES)))
        return
    client = Client(api_base, api_key)
    looking = Client(api_base, api_key, quiet=True)
    newest = looking.get("/v1/events", {"limit": 1})["data"]
    made = _perform(client, _steps(event), quiet=json)
    found = _event(looking, event, newest[0]["id"] if newest else None)
    if json:
        show.as_json({"event": found, "objects": {name: wire for name, wire in made.items() if "id" in wire}})
    else:
        typer.echo(typer.style(event, fg="green") + f"  {found['id']}  about {found['data']['object'].get('id', '-')}")


def _steps(event: str) -> tuple[Step, ...]:
    if event not in FIXTURES:
        near = get_close_matches(event, FIXTURES, 3, 0.5)
        then = f"Did you mean {' or '.join(near)}?" if near else "See what there is: nostro trigger --list"
        raise Trouble(f"I do not know how to cause {event!r}.", then)
    return FIXTURES[event]


def _perform(client: Client, steps: tuple[Step, ...], quiet: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for step in steps:
        path, params = _filled(step.path, made), _filled(step.params, made)
        try:
            made[step.name] = _send(client, step.method, path, params)
        except Refusal as refusal:
            if not (step.declined and refusal.status == 402):
                raise Trouble(f"{step.method} {path} was refused: {refusal}") from None
            made[step.name] = refusal.error.get(step.name, {})
        if not quiet:
            typer.echo(f"  {step.method} {path}  {_told(made[step.name])}".rstrip())
    return made


def _send(client: Client, method: str, path: str, params: Any) -> Any:
    if method == "DELETE":
        return client.delete(path)
    return client.get(path, params) if method == "GET" else client.post(path, params)


def _filled(value: Any, made: dict[str, Any]) -> Any:
    """The value with every `{name.field}` replaced from what was made."""
    if isinstance(value, str):
        return _FIELD.sub(lambda found: str(_field(made, found[1])), value)
    if isinstance(value, dict):
        return {name: _filled(one, made) for name, one in value.items()}
    return value


def _field(made: Any, path: str) -> Any:
    for step in path.split("."):
        try:
            made = made[int(step)] if isinstance(made, list) else made[step]
        except (LookupError, TypeError):
            raise Trouble(f"The server's answer has no {path}: nothing was there to go on with.") from None
    return made


def _told(wire: dict[str, Any]) -> str:
    if wire.get("object") == "sandbox":
        days, seconds = divmod(wire.get("offset", 0), 86_400)
        return f"time is {f'{days} days' if days else f'{seconds} seconds'} ahead now" if days or seconds else ""
    state = wire.get("status")
    return f"{wire.get('id', '')} {f'({state})' if isinstance(state, str) else ''}".strip()


def _event(client: Client, type: str, after: str | None) -> dict[str, Any]:
    """The newest event of this type that was not there before; jobs and networks may take a moment."""
    params = {"type": type, "limit": 1, **({"ending_before": after} if after else {})}
    for _ in range(PATIENCE):
        found = client.get("/v1/events", params)["data"]
        if found:
            newest: dict[str, Any] = found[0]
            return newest
        time.sleep(0.25)
    raise Trouble(f"All was done, but no {type} came.", "See what happened instead: nostro events list")
