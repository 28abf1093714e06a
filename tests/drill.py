"""`nostro serve` on a PostgreSQL pair, clients that pay whatever happens, and what may break beneath them.

The clients send each request with a key of its own and send it again as the official SDKs do (after a broken
connection, 409, 500 and 503), until there is an answer. What was answered must be there afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx
from msgspec import Struct

from nostro.app import RESOURCES
from nostro.kernel.form import encode
from nostro.kernel.resource import Registry
from nostro.ledger.audit import verify
from nostro.storage.postgres import PostgresEngine
from receiver import Receiver
from standby import Pair, wait_until

NOSTRO = str(Path(sys.executable).with_name("nostro"))
CLIENTS = 12
WORKERS = 2
FAULTS = ("worker", "backend", "crash", "failover")
SDK_RETRIES = 2
LISTENED = ("payment_intent.succeeded", "refund.created", "charge.dispute.created")
AGAIN = (409, 500, 503)


class Round(Struct):
    """Seconds: how long nobody was answered, and the longest that one client waited for its answer."""

    fault: str
    silence: float
    longest: float


class Drill:
    def __init__(self, both: Pair, folder: Path, receiver: Receiver, seed: int = 0) -> None:
        self.both = both
        self.receiver = receiver
        self.random = Random(seed)
        self.requests: dict[str, tuple[str, dict[str, Any]]] = {}
        self.answers: dict[str, bytes] = {}
        self.paid: list[str] = []
        self.most_retries = 0
        self.told = Counter[str]()
        self.answered_at: list[tuple[float, float]] = []
        self.environment = {**os.environ, "NOSTRO_DATABASE": both.url, "NOSTRO_WORKERS": str(WORKERS)}
        made = subprocess.run(
            [NOSTRO, "keys", "create", "--json"], env=self.environment, capture_output=True, check=True
        )
        self.key: str = json.loads(made.stdout)["secret_key"]
        self.log = folder / "serve.log"
        command = [NOSTRO, "serve", "--port", "0", "--private-webhooks"]
        with self.log.open("w") as log:
            self.server = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: "ready at " in self.log.read_text() or self.server.poll() is not None)
        assert self.server.poll() is None, self.log.read_text()
        base = self.log.read_text().partition("ready at ")[2].split()[0]
        limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
        headers = {"Authorization": f"Bearer {self.key}"}
        self.client = httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=80, trust_env=False)

    async def listen(self) -> None:
        form = {"url": f"{self.receiver.url}/hook", "enabled_events": list(LISTENED)}
        made = await self.client.post("/v1/webhook_endpoints", content=encode(form), headers=FORM)
        assert made.status_code == 200, made.text

    async def stop(self) -> None:
        await self.client.aclose()
        self.server.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(self.server.wait, 40) == 0, self.log.read_text()

    def kill(self) -> None:
        """Whatever went wrong: leave nothing behind."""
        for pid in [self.server.pid, *self.workers()]:
            if self.server.poll() is None:
                os.kill(pid, signal.SIGKILL)
        self.server.wait()

    def workers(self) -> list[int]:
        at = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        return [int(pid) for pid in at.read_text().split()] if at.exists() else []

    # Load and fault ------------------------------------------------------------------

    async def round(self, fault: str, seconds: float) -> Round:
        """Clients pay; in the middle something breaks, and they go on until each has its answer."""
        self.answered_at = []
        stop = asyncio.Event()
        clients = [asyncio.create_task(self._pay_until(stop)) for _ in range(CLIENTS)]
        await asyncio.sleep(self.random.uniform(0.3, 1.0) * seconds / 2)
        await asyncio.to_thread(getattr(self, f"break_{fault}"))
        broken = time.monotonic()
        while not any(start > broken for start, _ in self.answered_at) and time.monotonic() < broken + 60:
            await asyncio.sleep(0.01)
        await asyncio.sleep(seconds / 2)
        stop.set()
        await asyncio.gather(*clients)
        ends = sorted(end for _, end in self.answered_at)
        silence = max(b - a for a, b in pairwise(ends))
        return Round(fault, silence, max(end - start for start, end in self.answered_at))

    def break_worker(self) -> None:
        os.kill(self.random.choice(self.workers()), signal.SIGKILL)

    def break_backend(self) -> None:
        """PostgreSQL then throws out everybody and recovers."""
        os.kill(self.random.choice(self.both.primary.backends()), signal.SIGKILL)

    def break_crash(self) -> None:
        self.both.primary.kill()
        self.both.primary.start()

    def break_failover(self) -> None:
        self.both.fail_over()

    async def _pay_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            key = f"drill-{len(self.requests)}"
            self.requests[key] = self._choose(key)
            start = time.monotonic()
            answer = await self._insist(key)
            self.answered_at.append((start, time.monotonic()))
            self.answers[key] = answer.content
            made = answer.json()
            if made.get("object") == "payment_intent":
                self.paid.append(made["id"])

    def _choose(self, key: str) -> tuple[str, dict[str, Any]]:
        what = self.random.random()
        if what < 0.2 and self.paid:
            intent = self.paid.pop(self.random.randrange(len(self.paid)))
            return "/v1/refunds", {"payment_intent": intent, "amount": 100, "metadata": {"key": key}}
        card = "pm_card_createDispute" if what > 0.9 else "pm_card_visa"
        return "/v1/payment_intents", {
            "amount": 1000, "currency": "usd", "payment_method": card, "payment_method_types": ["card"],
            "confirm": True, "metadata": {"key": key},
        }  # fmt: skip

    async def _insist(self, key: str) -> httpx.Response:
        for attempt in range(60):
            self.most_retries = max(self.most_retries, attempt)
            try:
                answer = await self.send(key)
            except httpx.TransportError as error:
                self.told[type(error).__name__] += 1
            else:
                if answer.status_code not in AGAIN:
                    disputed = answer.status_code == 400 and "dispute" in answer.text
                    assert answer.status_code == 200 or disputed, answer.text
                    return answer
                self.told[str(answer.status_code)] += 1
                assert answer.status_code != 500, answer.text
                assert answer.status_code != 503 or answer.headers["retry-after"] == "1"
            await asyncio.sleep(min(5.0, 0.5 * 2**attempt) * self.random.uniform(0.5, 1))
        raise AssertionError(f"no answer to {key}")

    async def send(self, key: str) -> httpx.Response:
        path, form = self.requests[key]
        return await self.client.post(path, content=encode(form), headers={**FORM, "Idempotency-Key": key})

    # Afterwards ------------------------------------------------------------------------

    async def check(self, keys: list[str]) -> None:
        """Every acknowledged write is there, once, and says again what it said; the books are right."""
        for n in range(0, len(keys), CLIENTS):
            part = keys[n : n + CLIENTS]
            for key, answer in zip(part, await asyncio.gather(*map(self.send, part)), strict=True):
                assert answer.content == self.answers[key], f"{key} is answered differently"
                assert answer.headers.get("idempotent-replayed") == "true" or answer.status_code == 400
        engine = PostgresEngine(self.both.url)
        assert await verify(engine, Registry(RESOURCES)) == []
        await engine.close()

    async def check_all(self) -> None:
        """Nothing is there twice or half, each job was done once, each webhook arrived."""
        intents, refunds = await self.all("/v1/payment_intents"), await self.all("/v1/refunds")
        told = {key for key, body in self.answers.items() if b'"error"' not in body[:12]}
        assert Counter(made["metadata"]["key"] for made in (*intents, *refunds)) == Counter(told)
        assert {made["status"] for made in intents} == {"succeeded"}
        due = {key for key, (_, form) in self.requests.items() if "Dispute" in form.get("payment_method", "")}
        intent_of = {made["id"]: made["metadata"]["key"] for made in intents}
        disputed = Counter[str]()
        for _ in range(200):
            disputed = Counter(intent_of[one["payment_intent"]] for one in await self.all("/v1/disputes"))
            if disputed == Counter(due):
                break
            await asyncio.sleep(0.1)
        assert disputed == Counter(due), "a dispute is opened by a job, once for each of these cards"
        events = {event["id"] for type in LISTENED for event in await self.all("/v1/events", type=type)}
        for _ in range(600):
            if {received.event["id"] for received in self.receiver.requests} >= events:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("events were never delivered")

    async def all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = (await self.client.get(path, params={"limit": 100, **filters, **after})).json()
            found += page["data"]
            if not page["has_more"]:
                return found


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
