"""Idempotency keys: one effect and one answer, whatever came between two tries: a crash, another worker, a refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nostro.api.server import Api
from nostro.kernel.errors import unavailable
from nostro.storage.unit import Unit
from postgresql import database
from race_scenes import seller
from rivals import Sandbox
from seller import BANK
from treasury_desk import on_behalf, opened

LINES = '{"debit":"app:user","credit":"app:bank","amount":5,"currency":"usd"}\n'


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = await opened(f"sqlite:///{tmp_path}/keys.db")
    yield Sandbox(made.world, "keys")
    await made.close()


@pytest.fixture
async def workers(postgresql: str) -> AsyncIterator[tuple[Sandbox, Sandbox]]:
    """Two workers on one database."""
    with database(postgresql) as url:
        first, second = await opened(url), await opened(url)
        yield Sandbox(first.world, "keys"), Sandbox(second.world, "keys")
        await second.world.engine.close()
        await first.close()


async def user(desk: Sandbox) -> None:
    await desk.post("ledger/accounts", code="app:bank", currency="usd", normal_balance="debit")
    await desk.post("ledger/accounts", code="app:user", currency="usd", normal_balance="credit")


async def has(desk: Sandbox) -> int:
    found = await desk.get("ledger/balances", account="app:user")
    return int(found["data"][0]["balance"]) if found["data"] else 0


def before_its_commit(desk: Sandbox, happens: Callable[[], Awaitable[Any]]) -> None:
    """Has something happen when the desk's next unit has read all and is about to be committed."""
    engine = desk.world.engine
    commit = engine.commit

    async def held(unit: Unit) -> None:
        engine.commit = commit  # type: ignore[method-assign]
        await happens()
        await commit(unit)

    engine.commit = held  # type: ignore[method-assign]


def lost_after(desk: Sandbox, units: int) -> None:
    """The desk's commit is made after so many others, and nobody hears of it."""
    engine, left = desk.world.engine, units
    commit = engine.commit

    async def lost(unit: Unit) -> None:
        nonlocal left
        await commit(unit)
        left -= 1
        if left < 0:
            engine.commit = commit  # type: ignore[method-assign]
            raise unavailable()

    engine.commit = lost  # type: ignore[method-assign]


async def test_a_refusal_is_given_again(desk: Sandbox) -> None:
    form = {"amount": 100, "currency": "usd"}
    await desk.post(f"accounts/{(await desk.get('account'))['id']}/external_accounts", external_account=BANK)
    first = await desk.client("POST", "/v1/payouts", form, key="k")
    assert first.status == 400 and first.json["error"]["code"] == "balance_insufficient"
    await desk.pay()
    again = await desk.client("POST", "/v1/payouts", form, key="k")
    assert again.body == first.body and again.replayed
    assert (await desk.client("POST", "/v1/payouts", form, key="k2")).status == 200


async def test_a_wrong_form_is_forgotten(desk: Sandbox) -> None:
    assert (await desk.client("POST", "/v1/customers", {"nmae": "Amy"}, key="k")).status == 400
    assert (await desk.client("POST", "/v1/customers", {"name": "Amy"}, key="k")).status == 200


async def test_a_decline_is_given_again(desk: Sandbox) -> None:
    form = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined", "confirm": True,
            "payment_method_types": ["card"]}  # fmt: skip
    first = await desk.client("POST", "/v1/payment_intents", form, key="k")
    again = await desk.client("POST", "/v1/payment_intents", form, key="k")
    assert first.status == again.status == 402 and first.body == again.body and again.replayed
    assert len((await desk.get("charges"))["data"]) == 1


async def test_the_answer_is_lost(desk: Sandbox) -> None:
    await desk.get("account")
    lost_after(desk, 0)
    assert (await desk.client("POST", "/v1/customers", {"name": "Amy"}, key="k")).status == 503
    again = await desk.client("POST", "/v1/customers", {"name": "Amy"}, key="k")
    assert again.status == 200 and again.replayed
    assert [one["id"] for one in (await desk.get("customers"))["data"]] == [again.json["id"]]


async def test_other_parameters_are_an_error(desk: Sandbox) -> None:
    assert (await desk.client("POST", "/v1/customers", {"name": "Amy"}, key="k")).status == 200
    for path, form in (("/v1/customers", {"name": "Bob"}), ("/v1/products_of_none", {}), ("/v1/coupons", {})):
        assert (await desk.client("POST", path, form, key="k")).status in (400, 404)
    await user(desk)
    assert (await desk.client("POST", "/v1/ledger/entries/bulk", key="b", lines=LINES)).status == 200
    other = await desk.client("POST", "/v1/ledger/entries/bulk", {"atomic": True}, key="b", lines=LINES)
    assert other.json["error"]["type"] == "idempotency_error"


@pytest.mark.parametrize("count", [3, 200])
async def test_a_stream_whose_answer_is_lost_is_booked_once(desk: Sandbox, count: int) -> None:
    await user(desk)
    lost_after(desk, 1)  # the lines are booked, then the answer is kept
    first = await desk.client("POST", "/v1/ledger/entries/bulk", key="k", lines=LINES * count)
    again = await desk.client("POST", "/v1/ledger/entries/bulk", key="k", lines=LINES * count)
    assert again.status == 200, first.body
    assert await has(desk) == -5 * count
    other = await desk.client("POST", "/v1/ledger/entries/bulk", key="k2", lines=LINES * count)
    assert other.status == 200 and await has(desk) == -10 * count


async def test_accounts_have_keys_of_their_own(desk: Sandbox) -> None:
    account = await seller(desk)
    mine = await desk.client("POST", "/v1/customers", {"name": "Amy"}, key="k")
    theirs = await on_behalf(desk.client, account)("POST", "/v1/customers", {"name": "Amy"}, key="k")
    assert mine.json["id"] != theirs.json["id"] and not theirs.replayed


async def test_two_workers_with_one_key(workers: tuple[Sandbox, Sandbox]) -> None:
    """Both have read, one commits first: the other gives its answer. With other parameters it is an error."""
    one, other = workers
    charge = (await one.pay())["latest_charge"]
    told: list[Any] = []

    async def first() -> None:
        told.append(await one.client("POST", "/v1/refunds", {"charge": charge, "amount": 600}, key="k"))

    before_its_commit(other, first)
    second = await other.client("POST", "/v1/refunds", {"charge": charge, "amount": 600}, key="k")
    assert second.body == told[0].body and second.status == 200 and second.replayed
    before_its_commit(other, first)
    third = await other.client("POST", "/v1/refunds", {"charge": charge, "amount": 601}, key="k")
    assert third.json["error"]["type"] == "idempotency_error"
    assert (await one.get(f"charges/{charge}"))["amount_refunded"] == 600


async def test_a_worker_that_comes_too_late_to_do_anything(workers: tuple[Sandbox, Sandbox]) -> None:
    """The key is not there when it looks, and all is refunded when it reads."""
    one, other = workers
    charge = (await one.pay())["latest_charge"]
    api, told = other.client.app, []
    assert isinstance(api, Api)
    begin = api._idempotency.begin

    async def late(*given: Any) -> Any:
        found = await begin(*given)
        told.append(await one.client("POST", "/v1/refunds", {"charge": charge}, key="k"))
        return found

    api._idempotency.begin = late  # type: ignore[method-assign]
    second = await other.client("POST", "/v1/refunds", {"charge": charge}, key="k")
    assert told[0].status == 200 and second.body == told[0].body


@pytest.mark.parametrize("count", [3, 200])
async def test_two_workers_with_one_stream(workers: tuple[Sandbox, Sandbox], count: int) -> None:
    one, other = workers
    await user(one)
    told: list[Any] = []

    async def first() -> None:
        told.append(await one.client("POST", "/v1/ledger/entries/bulk", key="k", lines=LINES * count))

    before_its_commit(other, first)
    second = await other.client("POST", "/v1/ledger/entries/bulk", key="k", lines=LINES * count)
    assert (told[0].status, second.status) == (200, 200)
    assert await has(one) == -5 * count


async def test_after_a_restart_a_key_is_known(tmp_path: Path) -> None:
    """Also where the request's own unit makes something that can be made again."""
    database, told = f"sqlite:///{tmp_path}/again.db", []
    for _ in range(2):
        desk = await opened(database)
        client = Sandbox(desk.world, "keys").client
        told.append(await client("POST", "/v1/accounts", {"type": "custom", "country": "US"}, key="k"))
        await desk.close()
    assert [one.status for one in told] == [200, 200] and told[0].body == told[1].body and told[1].replayed
