"""A request leaves nothing behind that only the collector of garbage could find: looking for it stops everything."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from bench.inside import Inside

from nostro.api.server import Api
from nostro.app import make_world
from nostro.kernel.settings import Settings

TIMES = 30
PAYMENT: dict[str, Any] = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
                           "payment_method_types": ["card"]}  # fmt: skip
CASES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "payment": ("POST", "/v1/payment_intents", PAYMENT, 200),
    "declined payment": (
        "POST", "/v1/payment_intents", {**PAYMENT, "payment_method": "pm_card_chargeDeclined"}, 402
    ),
    "list": ("GET", "/v1/charges", {}, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_no_cycles(tmp_path: Any, name: str) -> None:
    method, path, form, status = CASES[name]
    settings = Settings(database=f"sqlite:///{tmp_path}/books.db", dev=True, durable=False)
    world = await make_world(settings)
    try:
        inside = Inside(Api(world), "sk_test_garbage")
        for _ in range(3):
            assert (await inside(method, path, form))[0] == status
        gc.collect()
        gc.disable()
        try:
            for _ in range(TIMES):
                await inside(method, path, form)
            assert gc.collect() < 10 * TIMES, "objects that name each other in a circle"
        finally:
            gc.enable()
    finally:
        await world.engine.close()
