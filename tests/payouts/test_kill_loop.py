"""A payout in pounds and a debit in euro, through files to the simulated bank and back, in a server that dies at every
commit, once before it and once after: everything happens once.
"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.kernel.clock import ManualClock
from treasury_desk import DAY, Desk, opened

BACS = {"account_number": "55779911", "name": "MARKET LTD", "service_user_number": "123456", "sort_code": "200000"}
ISO = {"iban": "DE75512108001245126199", "initiating_party": "Market GmbH", "creditor_id": "DE98ZZZ09999999999"}
HOUR = 3600


class Killed(BaseException):
    """The machine is gone: nobody catches this."""


async def living(url: str, at: int | None = None) -> Desk:
    desk = await opened(url, simulated_bank=True)
    if at is not None:
        assert isinstance(desk.world.clock, ManualClock)
        desk.world.clock.now = at
    return desk


def mortal(desk: Desk, patch: pytest.MonkeyPatch, deaths: int) -> None:
    """It dies before its first commit, the next one after it, and those that follow a commit later: so each commit of
    an hour is died at, and also work of many commits gets done."""
    commit, count = desk.world.engine.commit, 0

    async def committing(unit: Any) -> None:
        nonlocal count
        count += 1
        lives = count <= deaths // 2
        if lives or (deaths % 2 and count == deaths // 2 + 1):
            await commit(unit)
        if not lives:
            raise Killed

    patch.setattr(desk.world.engine, "commit", committing)


async def hour(desk: Desk, url: str) -> tuple[Desk, int]:
    """An hour passes. Answers who lives at its end, and how many have died."""
    assert isinstance(desk.world.clock, ManualClock)
    desk.world.clock.advance(HOUR)
    deaths = 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            mortal(desk, patch, deaths)
            try:
                await desk.settle()
                return desk, deaths
            except Killed:
                deaths += 1
        now = desk.world.clock.micros()
        await desk.world.engine.close()
        desk = await living(url, now)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["a payout in pounds", "a debit in euro"])
async def test_everything_happens_once(database_url: str, way: str) -> None:
    desk = await living(database_url)
    currency = "gbp" if "pounds" in way else "eur"
    await desk.earn(500_000, currency)
    if currency == "gbp":
        await desk.post("originating_accounts", currency="gbp", bacs=BACS)
        bank = await desk.bank("11111113", country="GB", currency="gbp", routing_number="108800")
        other = await desk.bank("00012345", country="GB", currency="gbp", routing_number="108800")
        kind, form = "payouts", "destination"
    else:
        await desk.post("originating_accounts", currency="eur", iso20022=ISO)
        account = {"country": "DE", "currency": "eur", "routing_number": "", "account_holder_name": "Return AC04"}
        bank = await desk.bank("DE89370400440532013000", **account)
        other = await desk.bank("DE89370400440532013000", **{**account, "account_holder_name": "Ann"})
        kind, form = "topups", "source"
    returned = await desk.post(kind, amount=1000, currency=currency, **{form: bank["id"]})
    kept = await desk.post(kind, amount=2000, currency=currency, **{form: other["id"]})
    deaths = 0
    for _ in range(14 * DAY // HOUR):
        desk, more = await hour(desk, database_url)
        deaths += more
    assert deaths > 20, "each step has died"
    ended = [(await desk.get(f"{kind}/{one['id']}"))["status"] for one in (returned, kept)]
    assert ended == ["failed", "paid" if currency == "gbp" else "succeeded"]
    [account] = (await desk.get("test_helpers/bank"))["accounts"]
    assert account["balance"] == (-2000 if currency == "gbp" else 2000), "the bank has booked each once"
    [file] = await desk.files()
    assert (file["returned_payments"], len(file["transmissions"])) == (1, 1)
    [books] = (await desk.get("reconciliation/accounts"))["data"]
    lines = (await desk.get("reconciliation/lines", account=books["id"], limit=100))["data"]
    assert sorted(abs(one["amount"]) for one in lines) == [1000, 1000, 2000]
    events = (await desk.get("events", limit=100, type=f"{kind[:-1]}.failed"))["data"]
    assert len(events) == 1
    await desk.close()
