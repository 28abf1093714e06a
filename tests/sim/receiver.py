"""The webhook receivers of all shops, with faults of their own; it stands in for the courier's connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

import msgspec
import stripe

from nostro.events import courier
from nostro.events.connection import Headers, Lost

from .faults import Faults

HOST = "http://127.0.0.1:9"
PATIENCE = 20  # the courier's


class Receiver:
    """`heard` counts each event by (shop, id). `trouble` is the chance that a delivery meets a fault."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self.random = random
        self.faults = faults
        self.trouble = 0.0
        self.pace = 1.0  # how long a second of waiting takes
        self.secrets: dict[str, str] = {}
        self.heard: Counter[tuple[str, str]] = Counter()
        self.told: list[str] = []

    @contextmanager
    def listens(self) -> Iterator[None]:
        with mock.patch.object(courier, "Connections", return_value=self):
            yield

    async def post(self, url: str, headers: Headers, body: bytes, most: int) -> tuple[int, bytes]:
        await asyncio.sleep(self.pace * self.random.uniform(0, 0.05))  # so that deliveries overtake each other
        if self.random.random() >= self.trouble:
            self._receive(url, headers, body)
            return 200, b"thanks"
        match self.random.choice(("down", "slow", "error", "answer lost", "twice")):
            case "down":
                self.faults.note("receiver down")
                raise ConnectionRefusedError("nobody listens there")
            case "slow":
                self.faults.note("receiver slow")
                await asyncio.sleep(self.pace * self.random.choice((1, PATIENCE - 1, 2 * PATIENCE)))
            case "error":
                self.faults.note("receiver error")
                return 500, b"sorry"
            case "answer lost":
                self.faults.note("receiver's answer lost")
                self._receive(url, headers, body)
                raise Lost("The connection was closed before an answer came.")
            case _:
                self.faults.note("receiver got it twice")
                self._receive(url, headers, body)
        self._receive(url, headers, body)
        return 200, b"thanks"

    async def close(self) -> None:
        """Connections are not kept."""

    def _receive(self, url: str, headers: Headers, body: bytes) -> None:
        shop = url.rpartition("/")[2]
        event: dict[str, Any] = msgspec.json.decode(body)
        stripe.WebhookSignature.verify_header(
            body.decode(), dict(headers)["Stripe-Signature"], self.secrets[shop], tolerance=None
        )
        self.heard[shop, event["id"]] += 1
        self.told.append(f"{shop} hears {event['type']} {event['id']}")
