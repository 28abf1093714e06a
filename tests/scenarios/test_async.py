"""The SDK's asynchronous methods, many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def test_a_hundred_payments_at_once(async_client: Any) -> None:
    async def pay(n: int) -> Any:
        form = {"amount": 1000 + n, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        return await async_client.v1.payment_intents.create_async(form)

    paid = await asyncio.gather(*[pay(n) for n in range(100)])
    assert {intent.status for intent in paid} == {"succeeded"}
    listed = [charge async for charge in (await async_client.v1.charges.list_async({"limit": 30})).auto_paging_iter()]
    assert sorted(charge.amount for charge in listed) == sorted(1000 + n for n in range(100))
    assert [charge.id for charge in listed] == sorted((charge.id for charge in listed), reverse=True)
    fees = sum((charge.amount * 29 + 500) // 1000 + 30 for charge in listed)
    balance = await async_client.v1.balance.retrieve_async()
    assert balance.pending[0].amount == sum(charge.amount for charge in listed) - fees


async def test_concurrent_refunds_never_give_back_more_than_was_taken(async_client: Any) -> None:
    form = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    intent = await async_client.v1.payment_intents.create_async(form)

    async def refund() -> bool:
        try:
            await async_client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 300})
        except Exception:
            return False
        return True

    results = await asyncio.gather(*[refund() for _ in range(10)])
    assert sum(results) == 3
    charge = await async_client.v1.charges.retrieve_async(intent.latest_charge)
    assert charge.amount_refunded == 900
