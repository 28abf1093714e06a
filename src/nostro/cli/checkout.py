"""What `nostro dev` keeps in `.nostro/` of a directory: its keys, stable for good, and where it last listened."""

from __future__ import annotations

import json
import secrets
import string
from pathlib import Path

from msgspec import Struct

FOLDER = Path(".nostro")
FILE = FOLDER / "dev.json"


class Checkout(Struct, frozen=True):
    secret_key: str
    publishable_key: str
    api_base: str | None = None


def remembered(folder: Path = FOLDER) -> Checkout | None:
    """What is kept here, or None if `nostro dev` never ran here."""
    try:
        kept = json.loads((folder / FILE.name).read_text())
        return Checkout(kept["secret_key"], kept["publishable_key"], kept.get("api_base"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(api_base: str, folder: Path = FOLDER) -> Checkout:
    """Keep where the server listens; the first time, also a pair of keys. Only the owner may read the file."""
    kept = remembered(folder) or _new_keys()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    file = folder / FILE.name
    file.touch(mode=0o600)
    names = {"secret_key": kept.secret_key, "publishable_key": kept.publishable_key, "api_base": api_base}
    file.write_text(json.dumps(names, indent=2) + "\n")
    return Checkout(**names)


def _new_keys() -> Checkout:
    word = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))
    return Checkout(f"sk_test_{word}", f"pk_test_{word}")
