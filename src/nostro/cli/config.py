"""The settings of a command, put together from where they are set; `nostro config` shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from nostro.kernel.configuration import (
    PREFIX,
    BadSettings,
    Configured,
    available,
    configure,
    masked,
)
from nostro.kernel.settings import Settings

from . import config_file, show
from .options import DEV_DATABASE, SERVE_DATABASE, Config, Json
from .trouble import Trouble

# What each command says where nobody else does.
DEV: dict[str, Any] = {"dev": True, "database": DEV_DATABASE, "private_webhooks": True, "log_days": 7}
SERVE: dict[str, Any] = {"dev": False, "database": SERVE_DATABASE}


def configured(presets: dict[str, Any], file: Path | None, **options: Any) -> Configured:
    """Raises `Trouble` that names every value that is wrong; what looks like a mistake is said and passed over."""
    try:
        found = collected(presets, file, **options)
    except BadSettings as bad:
        lines = "\n".join(str(wrong) if str(wrong).endswith("?") else f"{wrong}." for wrong in bad.wrong)
        raise Trouble(lines, "`nostro config` shows what there is to set, and docs/reference/settings.md.") from None
    for warning in found.warnings:
        typer.secho(warning, fg="yellow", err=True)
    return found


def collected(presets: dict[str, Any], file: Path | None, **options: Any) -> Configured:
    """The same, raising `BadSettings`."""
    name, values = config_file.read(file)
    settings = {setting.variable for setting in available()}
    strange = any(found.startswith(PREFIX) and found not in settings for found in os.environ)
    return configure(
        options=options, environ=os.environ, file=values, file_name=name, presets=presets,
        known=list(_variables()) if strange else (),
    )  # fmt: skip


def _variables() -> Iterator[str]:
    """What the options of all commands read from the environment."""
    from .main import app

    above: list[Any] = [typer.main.get_command(app)]
    while above:
        command = above.pop()
        above += getattr(command, "commands", {}).values()
        for param in command.params:
            yield from [param.envvar] if isinstance(param.envvar, str) else param.envvar or []


def config(
    dev: Annotated[bool, typer.Option("--dev", help="As `nostro dev` takes them, not `nostro serve`.")] = False,
    file: Config = None,
    json: Json = False,
) -> None:
    """Show every setting: its value, where it was set, and what it means. Passwords and secrets are masked.

    An option of a command wins over the environment, that over nostro.toml, that over the default.

    Example: NOSTRO_PORT=8080 nostro config
    """
    found = configured(DEV if dev else SERVE, file)
    command = "nostro dev" if dev else "nostro serve"
    rows = []
    for setting in available():
        value = value_of(found.settings, setting.name)
        source = found.sources.get(setting.name, "default")
        rows.append((setting.name, masked(setting, value), command if source == "preset" else source, setting.doc))
    if json:
        show.as_json([dict(zip(("name", "value", "source", "doc"), row, strict=True)) for row in rows])
        return
    show.as_table(("setting", "value", "from", "meaning"), [(n, _shown(v), s, d) for n, v, s, d in rows])


def value_of(settings: Settings, name: str) -> Any:
    value: Any = settings
    for step in name.split("."):
        value = getattr(value, step)
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)
