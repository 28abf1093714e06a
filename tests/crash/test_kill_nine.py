"""kill -9 under load, fifty times: what was acknowledged is there, what was not is there whole or not at all.

A real server is killed at a random moment while many clients pay, capture and refund. Between death and restart
its books are verified as the crash left them. After the restart every request of that life is sent again with
its key: an acknowledged one gets its first answer, byte for byte, any other is done exactly once.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from nostro.app import RESOURCES
from nostro.kernel.form import encode
from nostro.kernel.resource import Registry
from nostro.ledger.audit import verify
from nostro.storage.sqlite import SqliteEngine
from receiver import Receiver

SHOPS, KILLS = 5, 10
CLIENTS = 12
LISTENED = ("payment_intent.succeeded", "refund.created")
PATIENCE = 30


class Shop:
    """One database, one server at a time, and what its customers were told."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.database = directory / "books.db"
        self.random = Random(seed)
        self.seed = seed
        self.requests: dict[str, tuple[str, dict[str, Any]]] = {}
        self.answers: dict[str, httpx.Response] = {}
        self.paid: list[str] = []
        self.held: list[str] = []
        self.keys = 0

    @asynccontextmanager
    async def server(self) -> AsyncIterator[subprocess.Popen[bytes]]:
        """`nostro dev` on the shop's database; killed at the end of the block, if it still lives."""
        command = [str(Path(sys.executable).with_name("nostro")), "dev", "--port", "0"]
        command += ["--database", f"sqlite:///{self.database}"]
        with (self.directory / "server.log").open("ab") as log:
            log.truncate(0)
            process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log)
        try:
            base = await self._listening(process)
            limits = httpx.Limits(max_connections=CLIENTS)
            headers = {"Authorization": "Bearer sk_test_shop"}
            async with httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=PATIENCE) as client:
                self.client = client
                yield process
        finally:
            process.kill()
            process.wait()

    async def _listening(self, process: subprocess.Popen[bytes]) -> str:
        log = self.directory / "server.log"
        for _ in range(PATIENCE * 100):
            words = log.read_text().split()
            base = next((word for word in words if word.startswith("http://127.0.0.1:")), None)
            if base is not None:
                return base.rstrip(".,")
            assert process.poll() is None, log.read_text()
            await asyncio.sleep(0.01)
        raise AssertionError(f"no server after {PATIENCE} s: {log.read_text()}")

    # Load ---------------------------------------------------------------------------

    async def trade_until_killed(self, process: subprocess.Popen[bytes]) -> list[str]:
        """Clients work until the server dies under them; the keys that they used."""
        first = self.keys
        clients = [asyncio.create_task(self._trade()) for _ in range(CLIENTS)]
        await asyncio.sleep(self.random.uniform(0.02, 0.35))
        process.kill()
        await asyncio.gather(*clients)
        return [self._key(n) for n in range(first, self.keys)]

    async def _trade(self) -> None:
        while True:
            path, form = self._choose()
            key = self._key(self.keys)
            self.keys += 1
            if path.count("/") == 2:
                form["metadata"] = {"key": key}
            self.requests[key] = path, form
            try:
                answer = await self.send(key)
            except httpx.HTTPError:
                return
            self.learn(key, answer)

    def _choose(self) -> tuple[str, dict[str, Any]]:
        what = self.random.random()
        if what < 0.2 and self.paid:
            return "/v1/refunds", {"payment_intent": self.random.choice(self.paid), "amount": 100}
        if what < 0.4 and self.held:
            return f"/v1/payment_intents/{self.held.pop()}/capture", {"amount_to_capture": 300}
        manual = "manual" if what > 0.8 else "automatic"
        return "/v1/payment_intents", {
            "amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
            "capture_method": manual,
        }  # fmt: skip

    def _key(self, n: int) -> str:
        return f"shop-{self.seed}-{n}"

    async def send(self, key: str) -> httpx.Response:
        path, form = self.requests[key]
        kind = {"Idempotency-Key": key, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(path, content=encode(form), headers=kind)

    def learn(self, key: str, answer: httpx.Response) -> None:
        """A refund may be too much by now (400); nothing else may fail."""
        path, _ = self.requests[key]
        assert answer.status_code == 200 or (path == "/v1/refunds" and answer.status_code == 400), answer.text
        if answer.status_code == 200:
            self.answers[key] = answer
            made = answer.json()
            if made.get("status") == "requires_capture":
                self.held.append(made["id"])
            elif made.get("status") == "succeeded" and made["object"] == "payment_intent":
                self.paid.append(made["id"])

    # Afterwards ----------------------------------------------------------------------

    async def books_verify(self) -> None:
        engine = SqliteEngine(self.database)
        try:
            assert await verify(engine, Registry(RESOURCES)) == []
        finally:
            await engine.close()

    async def everything_is_whole(self, keys: list[str]) -> None:
        """Send all of them again, several at once, as clients do that heard nothing."""
        told = {key: answer for key in keys if (answer := self.answers.get(key))}
        for n in range(0, len(keys), CLIENTS):
            part = keys[n : n + CLIENTS]
            for key, answer in zip(part, await asyncio.gather(*map(self.send, part)), strict=True):
                if key in told:
                    assert answer.content == told[key].content, f"{key} was answered differently"
                    assert answer.headers["idempotent-replayed"] == "true"
                else:
                    self.learn(key, answer)
        for key in keys[-3:]:
            if key in self.answers:
                assert (await self.send(key)).content == self.answers[key].content

    async def nothing_is_there_twice(self) -> None:
        for path in ("/v1/payment_intents", "/v1/refunds"):
            objects = await self.all(path)
            keys = Counter(made["metadata"].get("key") for made in objects)
            keys.pop(None, None)
            assert set(keys.values()) <= {1}
            told = [key for key in self.answers if self.requests[key][0] == path]
            assert set(told) == set(keys), "what was acknowledged, and what is there"
        paid = Counter(charge["payment_intent"] for charge in await self.all("/v1/charges") if charge["paid"])
        assert set(paid.values()) == {1}

    async def all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = (await self.client.get(path, params={"limit": 100, **filters, **after})).json()
            found += page["data"]
            if not page["has_more"]:
                return found

    async def every_webhook_arrived(self, receiver: Receiver) -> None:
        events = {event["id"] for type in LISTENED for event in await self.all("/v1/events", type=type)}
        for _ in range(PATIENCE * 10):
            heard = {received.event["id"] for received in receiver.requests}
            if heard >= events:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{len(events - heard)} of {len(events)} events were never delivered")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SHOPS))
async def test_killed_ten_times(tmp_path: Path, seed: int) -> None:
    shop, receiver = Shop(tmp_path, seed), Receiver()
    await receiver.start()
    keys: list[str] = []
    for kill in range(KILLS + 1):
        async with shop.server() as process:
            if kill == 0:
                form = {"url": f"{receiver.url}/hook", "enabled_events": list(LISTENED)}
                made = await shop.client.post("/v1/webhook_endpoints", content=encode(form))
                assert made.status_code == 200, made.text
            await shop.everything_is_whole(keys)
            if kill == KILLS:
                await shop.nothing_is_there_twice()
                await shop.every_webhook_arrived(receiver)
                break
            keys = await shop.trade_until_killed(process)
        await shop.books_verify()
    await receiver.stop()
    assert len(shop.answers) > KILLS
