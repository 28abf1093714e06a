"""The checks of `nostro doctor`, in their order, and what they stand on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nostro.kernel.clock import SystemClock
from nostro.kernel.configuration import BadSettings, Wrong
from nostro.storage.look import Look, look

from . import check_database, check_machine, check_work
from .config import collected
from .finding import Check, Finding, Ground
from .target import unopened

MACHINE: tuple[Check, ...] = (
    check_machine.python, check_machine.libraries, check_machine.settings, check_machine.port, check_machine.disk,
    check_machine.permissions, check_machine.redis, check_machine.clock, check_machine.time_zones,
    check_machine.backups, check_database.reachable,
)  # fmt: skip
DATABASE: tuple[Check, ...] = (
    check_database.writable, check_database.durable, check_database.connections, check_database.migrations,
)  # fmt: skip
# These read our tables, so they need the newest.
TABLES: tuple[Check, ...] = (
    check_database.clocks, check_database.chain, check_work.jobs, check_work.deliveries,
    check_work.failing_endpoints, check_work.reachable_endpoints, check_work.keys, check_work.request_logs,
)  # fmt: skip


def examined(
    presets: dict[str, Any], config: Path | None, database: str | None, backups: Path | None
) -> list[tuple[str, Finding]]:
    """What each check found, with the check's name."""
    ground = _ground(presets, config, database, backups)
    try:
        return [(check.__name__, one) for check in _possible(ground) for one in _found(check, ground)]
    finally:
        if ground.look is not None:
            ground.look.close()


def _ground(presets: dict[str, Any], config: Path | None, database: str | None, backups: Path | None) -> Ground:
    """With settings that are wrong, the rest is still checked: as if those were not given."""
    wrong: list[Wrong] = []
    try:
        taken = collected(presets, config, database=database)
    except BadSettings as bad:
        wrong, taken = bad.wrong, bad.rest
    settings, warnings = taken.settings, taken.warnings
    found, unreached = _looked(settings.database)
    now = SystemClock().micros() // 1_000_000
    return Ground(
        settings=settings, wrong=wrong, warnings=warnings, look=found, unreached=unreached, now=now, backups=backups
    )


def _looked(database: str) -> tuple[Look | None, Finding | None]:
    found: Look | None = None
    try:
        found = look(database)
        found.version()
    except FileNotFoundError as error:
        return None, Finding("warning", f"There is no database at {error} yet.", "A server makes it when it starts.")
    except Exception as error:
        if found is not None:
            with contextlib.suppress(Exception):
                found.close()
        trouble = unopened(database, error)
        return None, Finding("failed", trouble.what, trouble.then)
    return found, None


def _possible(ground: Ground) -> Sequence[Check]:
    if ground.look is None:
        return MACHINE
    behind = any(one.level != "ok" for one in check_database.migrations(ground))
    return (*MACHINE, *DATABASE, *(() if behind else TABLES))


def _found(check: Check, ground: Ground) -> list[Finding]:
    """A check that cannot be made is a finding too."""
    try:
        return check(ground)
    except Exception as error:
        text = f"This could not be checked: {type(error).__name__}: {error}".rstrip()
        return [Finding("warning", " ".join(text.split()), "Is it a database of Nostro, and may this user read it?")]
