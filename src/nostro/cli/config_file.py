"""`nostro.toml`: settings in a file, under the names that `nostro config` shows."""

from __future__ import annotations

import importlib.util
import os
import tomllib
from pathlib import Path
from typing import Any

from .trouble import Trouble

FILE = Path("nostro.toml")


def read(config: Path | None) -> tuple[str, dict[str, Any]]:
    """The file's name and what is in it; nothing if none was named and none is here. Raises `Trouble`."""
    file = config or FILE
    try:
        return str(file), tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if config is None:
            return str(file), {}
        raise Trouble(f"There is no file {file}.", "Name another with --config, or unset NOSTRO_CONFIG.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"{file} is no TOML: {error}.", 'A line is like: port = 8080, or: host = "0.0.0.0"') from None
    except OSError as error:
        raise Trouble(f"{file} cannot be read: {error.strerror}.", "May this user read it?") from None


def named_database() -> str | None:
    """The database that the file names, if it does."""
    return _named("database")


def named_redis() -> str:
    """The Redis that the environment or the file names, if there is what speaks to it; else nothing."""
    found = os.environ.get("NOSTRO_REDIS") or _named("redis") or ""
    return found if importlib.util.find_spec("redis") is not None else ""


def _named(setting: str) -> str | None:
    named = read(Path(os.environ["NOSTRO_CONFIG"]) if os.environ.get("NOSTRO_CONFIG") else None)[1].get(setting)
    return named if isinstance(named, str) else None
