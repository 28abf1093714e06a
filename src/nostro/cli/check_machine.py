"""Checks of the machine and the installation: nothing here asks the database."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import socket
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .finding import Finding, Ground, failed, note, ok, warning
from .target import in_postgresql

OLDEST_PYTHON = (3, 11)
TOO_LITTLE, LITTLE = 200_000_000, 2_000_000_000
BORN = 1_767_225_600  # 2026: before it no clock of a machine that runs this is right
A_DAY = 26 * 3_600


def python(ground: Ground) -> list[Finding]:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return failed(found, "Nostro needs Python 3.11 or later.")
    return ok(found)


def libraries(ground: Ground) -> list[Finding]:
    try:
        needed = requires("nostro") or []
    except PackageNotFoundError:
        return note("Nostro runs from its source: its libraries' versions are not checked.")
    found, missing = [], []
    for line in needed:
        name, _, condition = line.partition(";")
        if "extra" in condition:
            continue
        name = re.split(r"[\[<>=!~ (]", name.strip())[0]
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if "Windows" not in condition or platform.system() != "Windows":
                missing.append(name)
    if missing:
        return failed(f"Missing: {', '.join(missing)}.", "Install Nostro again, with its dependencies.")
    return ok(", ".join(found))


def settings(ground: Ground) -> list[Finding]:
    found = [Finding("failed", str(wrong), "Correct it, or unset it.") for wrong in ground.wrong]
    found += [Finding("warning", text, "Correct its name, or unset it.") for text in ground.warnings]
    return found or ok("All settings are good; `nostro config` shows them.")


def port(ground: Ground) -> list[Finding]:
    host, number = ground.settings.host, ground.settings.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as at:
        at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            at.bind((host, number))
        except OSError as error:
            if _is_nostro(host, number):
                return ok(f"A Nostro server answers on port {number}.")
            then = f"Stop the program that has it, or take another: --port {number + 1}"
            return failed(f"{host}:{number} cannot be listened on: {error.strerror}.", then)
    return ok(f"Port {number} is free." if number else "Any free port will be taken.")


def _is_nostro(host: str, number: int) -> bool:
    import httpx

    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    try:
        answer = httpx.get(f"http://{address}:{number}/healthz", timeout=2, trust_env=False)
        return "status" in answer.json()
    except (httpx.HTTPError, ValueError, TypeError):
        return False


def disk(ground: Ground) -> list[Finding]:
    if in_postgresql(ground.settings.database):
        return note("The disk of the PostgreSQL server is not seen from here.")
    folder = _existing(_file(ground).absolute().parent)
    usage = shutil.disk_usage(folder)
    text = f"{usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB are free at {folder}."
    then = "Make room, keep request logs for fewer days (log_days), or move the database to another disk."
    if usage.free < TOO_LITTLE:
        return failed(text, then)
    return warning(text, then) if usage.free < LITTLE else ok(text)


def permissions(ground: Ground) -> list[Finding]:
    if in_postgresql(ground.settings.database):
        return note("Who may read the data is PostgreSQL's to say.")
    file = _file(ground)
    folder = _existing(file.absolute().parent)
    if not os.access(folder, os.W_OK | os.X_OK):
        return failed(
            f"This user may not write in {folder}.", f"chown it to the user who runs Nostro: chown USER {folder}"
        )
    if not file.exists():
        return ok(f"This user may write in {folder}.")
    if not os.access(file, os.R_OK | os.W_OK):
        return failed(f"This user may not read and write {file}.", f"chown USER {file}")
    if os.name == "posix" and file.stat().st_mode & 0o077 and not ground.settings.dev:
        return warning(f"Other users of this machine may read {file}.", f"chmod 600 {file}")
    return ok(f"{file} can be read and written.")


def redis(ground: Ground) -> list[Finding]:
    """Nothing depends on it, so nothing about it is a failure but that a server would not start."""
    url = ground.settings.redis
    if not url:
        return note("No Redis is named: the database shares limits and keys.")
    if not in_postgresql(ground.settings.database):
        return warning("A Redis is named, but an SQLite file has one worker: it is not used.", "Unset NOSTRO_REDIS.")
    if find_spec("redis") is None:
        return failed("A Redis is named, but what speaks to it is not installed.", "pip install 'nostro[redis]'")
    try:
        number, writable = asyncio.run(_look_at_redis(url))
    except Exception as error:
        text = f"Redis does not answer: {' '.join(str(error).split()) or type(error).__name__}".rstrip(".")
        return warning(f"{text}.", "Start it, or correct NOSTRO_REDIS. Meanwhile the database does its work.")
    if not writable:
        return warning(f"Redis {number} is a replica, which only reads.", "Name the primary in NOSTRO_REDIS.")
    return ok(f"Redis {number} answers.")


async def _look_at_redis(url: str) -> tuple[str, bool]:
    from nostro.storage.redis import Redis

    there = Redis(url)
    try:
        return await there.look()
    finally:
        await there.close()


def clock(ground: Ground) -> list[Finding]:
    if ground.now < BORN:
        return failed("The clock of this machine is years behind.", "Set it, and keep it right with NTP.")
    return ok("The clock of this machine shows a year that can be.")


def time_zones(ground: Ground) -> list[Finding]:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return warning(
            "There is no time zone data.", "Install it: pip install tzdata, or your system's package tzdata."
        )
    return ok("Time zone data is there.")


def backups(ground: Ground) -> list[Finding]:
    if ground.backups is None:
        return note("Where backups are is not known. Name it to check their age: --backups DIRECTORY")
    files = [ground.backups] if ground.backups.is_file() else [f for f in ground.backups.glob("*") if f.is_file()]
    newest = max((int(file.stat().st_mtime) for file in files), default=None)
    if newest is None:
        return failed(f"There is no backup at {ground.backups}.", "Make one each day, and try once to restore it.")
    hours = (ground.now - newest) // 3_600
    text = f"The newest backup is {hours} hours old."
    return ok(text) if ground.now - newest <= A_DAY else warning(text, "Look why the daily backup did not run.")


def _file(ground: Ground) -> Path:
    return Path(ground.settings.database.removeprefix("sqlite:///"))


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())
