"""`nostro dev` in a process of its own, to be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PATIENCE = 30


@contextmanager
def serving(
    folder: Path, key: str, *options: str, **settings: object
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The process, and a client with this key. Settings are given as NOSTRO_ variables, in small letters. What it says
    is in `server.log`."""
    command = [str(Path(sys.executable).with_name("nostro")), "dev", "--port", "0", *options]
    given = {f"NOSTRO_{name.upper()}": str(value) for name, value in settings.items()}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--database", f"sqlite:///{folder / 'books.db'}"], cwd=folder, stdout=out, stderr=out,
            env={**os.environ, **given},
        )  # fmt: skip
    try:
        until, base = time.monotonic() + PATIENCE, None
        while base is None and time.monotonic() < until and process.poll() is None:
            base = next((word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")), None)
            time.sleep(0.01)
        assert base is not None, log.read_text()
        with httpx.Client(base_url=base.rstrip(".,"), auth=(key, ""), timeout=PATIENCE, trust_env=False) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()
