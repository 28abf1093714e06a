"""What a check of `nostro doctor` stands on, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from nostro.kernel.configuration import Wrong
from nostro.kernel.settings import Settings
from nostro.storage.look import Look

Level = Literal["ok", "note", "warning", "failed"]


class Finding(Struct, frozen=True):
    """One line of the table: what is so, and what to do about it if it is not good."""

    level: Level
    what: str
    then: str = ""


class Ground(Struct, frozen=True, kw_only=True):
    """`look` is None where there is no database, or none that answers; then `unreached` says why. `now` is seconds."""

    settings: Settings
    wrong: list[Wrong]
    warnings: list[str]
    look: Look | None
    unreached: Finding | None
    now: int
    backups: Path | None = None


Check = Callable[[Ground], list[Finding]]


def ok(what: str) -> list[Finding]:
    return [Finding("ok", what)]


def note(what: str) -> list[Finding]:
    return [Finding("note", what)]


def warning(what: str, then: str) -> list[Finding]:
    return [Finding("warning", what, then)]


def failed(what: str, then: str) -> list[Finding]:
    return [Finding("failed", what, then)]
