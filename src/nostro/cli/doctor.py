"""`nostro doctor`: is everything well, and what to do where it is not. It changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from . import show
from .config import DEV, SERVE
from .options import Config, Json, ServerDatabase

if TYPE_CHECKING:
    from .finding import Finding

MARKS = {"ok": ("✓", "green"), "note": ("·", "bright_black"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def doctor(
    database: ServerDatabase = None,
    dev: Annotated[bool, typer.Option("--dev", help="As `nostro dev` runs here, not `nostro serve`.")] = False,
    backups: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Where backups are, to check the age of the newest.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check the installation, the settings, the database, the books and the work, and say what to do.

    Nothing is changed. The exit status is 1 if a check failed, 0 otherwise, also with warnings.

    Example: nostro doctor --database postgresql://nostro@db/nostro --backups /var/backups/nostro
    """
    from .checkup import examined

    found = examined(DEV if dev else SERVE, config, database, backups)
    if json:
        checks = [{"check": name, **msgspec.structs.asdict(one)} for name, one in found]
        show.as_json({"ok": all(one.level != "failed" for _, one in found), "checks": checks})
    else:
        _print(found)
    if any(one.level == "failed" for _, one in found):
        sys.exit(1)


def _print(found: Sequence[tuple[str, Finding]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    for column in ("", "check", "finding"):
        table.add_column(column, no_wrap=column != "finding", overflow="fold")
    last = ""
    for name, one in found:
        mark, color = MARKS[one.level]
        text = Text(one.what)
        if one.then and one.level != "ok":
            text.append(f"\n→ {one.then}", style="bold")
        table.add_row(Text(mark, style=color), "" if name == last else name.replace("_", " "), text)
        last = name
    console.print(table)
    counts = {level: sum(one.level == level for _, one in found) for level in ("failed", "warning")}
    console.print(
        "All is well." if not any(counts.values()) else f"{counts['failed']} failed, {counts['warning']} warnings."
    )
