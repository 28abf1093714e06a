"""Top-ups that a file of the platform's own bank collects."""

from __future__ import annotations

from typing import Any

import pytest
from origination_desk import DAY, Desk, returned

from nostro.networks import nacha


async def top_up(desk: Desk, amount: int = 5000, **more: Any) -> Any:
    bank = await desk.bank(account_holder_type="company", account_holder_name="Market Inc")
    return await desk.post("topups", amount=amount, currency="usd", source=bank["id"], **more)


async def status(desk: Desk, topup: Any) -> str:
    return str((await desk.get(f"topups/{topup['id']}"))["status"])


async def test_it_is_collected_by_a_debit_and_counts_when_it_can_no_longer_bounce(desk: Desk) -> None:
    await desk.open()
    before = await desk.available()
    topup = await top_up(desk, statement_descriptor="FLOAT")
    file = await desk.sent()
    assert (file["amount"], file["collected"]) == (0, 5000)
    [batch] = nacha.read(await desk.contents(file)).batches
    [entry] = batch.entries
    assert (batch.class_code, batch.description, entry.code, entry.amount) == (225, "FLOAT", 27, 5000)
    error = await desk.refused(f"topups/{topup['id']}/cancel")
    assert "cannot be canceled" in error["message"]
    expected = (await desk.get(f"topups/{topup['id']}"))["expected_availability_date"]
    assert expected >= file["effective_date"] + 2 * DAY
    await desk.pass_(expected - await desk.moment() - 60)
    assert (await status(desk, topup), await desk.available()) == ("pending", before)
    await desk.pass_(120)
    assert (await status(desk, topup), await desk.available()) == ("succeeded", before + 5000)


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
async def test_the_debit_comes_back(desk: Desk, late: bool) -> None:
    await desk.open()
    before = await desk.available()
    topup = await top_up(desk)
    file = await desk.sent()
    if late:
        await desk.pass_(14 * DAY)
        assert await desk.available() == before + 5000
    await desk.answer(returned(await desk.contents(file), "R10" if late else "R01"))
    done = await desk.get(f"topups/{topup['id']}")
    assert (done["status"], done["failure_code"]) == (
        ("reversed", "debit_not_authorized") if late else ("failed", "insufficient_funds")
    )  # fmt: skip
    await desk.pass_(14 * DAY)
    assert await desk.available() == before


async def test_what_nobody_collects_is_refused(desk: Desk) -> None:
    bank = await desk.bank("000123456789", routing_number="110000000")
    error = await desk.refused("topups", amount=500, currency="usd", source=bank["id"])
    assert error["param"] == "source"
    await desk.open()
    assert (await desk.refused("topups", amount=500, currency="usd", source="ba_other"))["code"] == "resource_missing"
    topup = await desk.post("topups", amount=500, currency="usd", source=bank["id"])
    assert (await desk.post(f"topups/{topup['id']}/cancel"))["status"] == "canceled"
    simulated = await desk.post("topups", amount=500, currency="usd", source="btok_us_verified")
    await desk.pass_(14 * DAY)
    assert (await desk.files(), await status(desk, simulated)) == ([], "succeeded")
