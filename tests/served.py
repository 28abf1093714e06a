"""`nostro serve` as an operator runs it: a process with its own settings, issued keys, and a log to read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

NOSTRO = str(Path(sys.executable).with_name("nostro"))
PATIENCE = 30


class Served:
    """Settings are given as NOSTRO_ variables, in small letters: `Served(folder, limits="on")`."""

    def __init__(self, folder: Path, *words: str, **settings: object) -> None:
        given = {f"NOSTRO_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {
            **os.environ, "NOSTRO_DATABASE": f"sqlite:///{folder / 'books.db'}", "PYTHONUNBUFFERED": "1", **given
        }  # fmt: skip
        self.log = folder / "serve.log"
        self._words = words
        self.start()

    @cached_property
    def live(self) -> str:
        return self._key("--live")

    @cached_property
    def test(self) -> str:
        return self._key()

    def _key(self, *flag: str) -> str:
        made = self.run("keys", "create", "--json", *flag)
        key: str = json.loads(made.stdout)["secret_key"]
        return key

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NOSTRO, *words], env=self.environment, text=True, capture_output=True, timeout=60, check=True
        )

    def start(self) -> None:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [NOSTRO, "serve", "--port", "0", *self._words], env=self.environment, stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while "ready at " not in (said := self.log.read_text()):
            assert time.monotonic() < until and self.process.poll() is None, said
            time.sleep(0.05)
        self.base = said.partition("ready at ")[2].split()[0]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> str:
        """What it has said, when it has ended well."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        return self.log.read_text()

    def client(self, key: str | None = None) -> httpx.Client:
        auth = (key, "") if key else None
        return httpx.Client(base_url=self.base, auth=auth, trust_env=False, timeout=60)

    def get(self, path: str, key: str | None = None, **headers: str) -> httpx.Response:
        """On a connection of its own, so that any worker may answer."""
        with self.client(key) as client:
            return client.get(path, headers=headers)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def payment(amount: int = 2_000) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa",
            "payment_method_types[0]": "card"}  # fmt: skip


class Writers:
    """Each writes on one kept connection, a new one when the server ends it, until nobody takes connections."""

    def __init__(self, served: Served, count: int) -> None:
        self._served = served
        self._key = served.live
        self._acknowledged: list[str] = []
        self._broken: list[Exception] = []
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        until = time.monotonic() + PATIENCE
        while len(self._acknowledged) < 5 * count and not self._broken:
            assert time.monotonic() < until, "nobody takes what is written"
            time.sleep(0.01)

    def _write(self) -> None:
        with self._served.client(self._key) as client:
            while True:
                try:
                    answer = client.post("/v1/customers", data={"name": "Amy"})
                    assert answer.status_code == 200, answer.text
                    self._acknowledged.append(answer.json()["id"])
                except httpx.ConnectError:
                    return
                except Exception as error:
                    self._broken.append(error)
                    return

    def ended(self) -> list[str]:
        """What was acknowledged. Fails if a request that a connection was made for went without an answer."""
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not self._broken, self._broken
        return self._acknowledged
