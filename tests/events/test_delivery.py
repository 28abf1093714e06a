"""Webhooks: signed, filtered, retried for three days, sent again after a crash, and never into a private network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from unittest.mock import AsyncMock

import msgspec
import pytest
import stripe

from nostro.events import delivery
from nostro.events.courier import MOST_TO_ONE, Courier
from nostro.events.delivery import KEPT_DAYS, LEASE, RETRIES, Delivery, Due, ListParams, ResendParams
from nostro.events.event import EVENT, EventRecord, complete
from nostro.events.webhook_endpoint import WEBHOOK_ENDPOINT, Record, RollParams, UpdateParams, delete, roll, update
from nostro.events.worker import work
from nostro.kernel.clock import DAY, ManualClock, SystemClock
from nostro.kernel.errors import ApiError, unavailable
from nostro.kernel.resource import NoParams
from nostro.storage.tx import Tx
from receiver import Receiver, answer
from workbench import Bench, open_bench


@pytest.fixture
async def courier(bench: Bench) -> AsyncIterator[Courier]:
    made = Courier(bench.world)
    yield made
    await made.close()


async def send(courier: Courier) -> None:
    """Everything that is due, and what comes due by it."""
    while await courier.start_due():
        await courier.idle()


async def where(bench: Bench, event: EventRecord) -> list[Delivery]:
    listed = await delivery.deliveries(Tx(bench.world, bench.scope), ListParams(event=event.id))
    found: list[Delivery] = listed["data"]
    return found


async def pending(bench: Bench, event: EventRecord) -> int:
    tx = Tx(bench.world, bench.scope)
    return (await complete(tx, [await tx.get(EVENT, event.id)]))[0].pending


async def test_a_delivery_carries_the_event_and_the_sdk_accepts_its_signature(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    endpoint = await bench.listen(receiver.url + "/hooks?a=1")
    event = await bench.emit("customer.created")
    assert await pending(bench, event) == 1
    await send(courier)
    [request] = receiver.requests
    assert request.path == "/hooks?a=1"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"].startswith("Nostro/")
    told = request.verify(endpoint.secrets[0].value)
    assert (told.id, told.type, told.pending_webhooks) == (event.id, "customer.created", 1)
    with pytest.raises(stripe.SignatureVerificationError):
        request.verify("whsec_of_somebody_else")
    assert await pending(bench, event) == 0
    assert request.event["data"] == Tx(bench.world, bench.scope).view.render(event)["data"] | {
        "object": msgspec.json.decode(event.snapshot) | {"object": "diary"}
    }


async def test_the_signature_is_of_this_moment(tmp_path: Path, receiver: Receiver) -> None:
    """Also where the sandbox's time was moved: receivers compare it with their own clock."""
    bench = await open_bench(tmp_path / "b.db", SystemClock())
    endpoint = await bench.listen(receiver.url)
    await bench.emit()
    bench.world.scopes[bench.number] = msgspec.structs.replace(bench.scope, offset=90 * DAY)
    courier = Courier(bench.world)
    await send(courier)
    [request] = receiver.requests
    stripe.Webhook.construct_event(request.body, request.headers["stripe-signature"], endpoint.secrets[0].value)
    await courier.close()
    await bench.world.engine.close()


async def test_an_endpoint_hears_what_it_asked_for(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    await bench.listen(receiver.url + "/charges", "charge.succeeded", "charge.refunded")
    await bench.listen(receiver.url + "/family", "payment_intent.*")
    await bench.listen(receiver.url + "/all", "*")
    for type in ("charge.succeeded", "charge.failed", "payment_intent.succeeded"):
        await bench.emit(type)
    await send(courier)
    assert sorted((r.path, r.event["type"]) for r in receiver.requests) == [
        ("/all", "charge.failed"), ("/all", "charge.succeeded"), ("/all", "payment_intent.succeeded"),
        ("/charges", "charge.succeeded"), ("/family", "payment_intent.succeeded"),
    ]  # fmt: skip


async def test_retries_back_off_over_three_days_and_then_it_has_failed(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    receiver.answers = [answer(503, b"busy") for _ in range(len(RETRIES) + 1)]
    await bench.listen(receiver.url)
    event = await bench.emit()
    start = bench.now
    for wait in RETRIES:
        await send(courier)
        [state] = await where(bench, event)
        assert state.status == "pending" and state.next_attempt is not None
        assert wait * 0.8 <= state.next_attempt - bench.now <= wait
        bench.clock.advance(state.next_attempt - bench.now - 1)
        assert await courier.start_due() == 0
        bench.clock.advance(1)
    await send(courier)
    [state] = await where(bench, event)
    assert (state.status, state.next_attempt) == ("failed", None)
    assert [a.number for a in state.attempts] == list(range(1, len(RETRIES) + 2))
    assert all((a.http_status, a.detail) == (503, "busy") for a in state.attempts)
    assert 2.5 * DAY < state.attempts[-1].created - start <= 3 * DAY
    assert list(RETRIES[:8]) == sorted(RETRIES[:8])
    assert await pending(bench, event) == 1  # it was never accepted
    bench.clock.advance(10 * DAY)
    assert await courier.start_due() == 0


async def test_what_failed_together_does_not_come_back_together() -> None:
    failed = [Due(1, f"evt_{n}", "we_1", 5, 5) for n in range(1_000)]
    pauses = [delivery.pause(one) for one in failed]
    assert pauses == [delivery.pause(one) for one in failed]
    assert min(pauses) >= RETRIES[4] * 0.8 and max(pauses) <= RETRIES[4]
    most = max(sum(start <= one < start + 60 for one in pauses) for start in range(min(pauses), max(pauses), 60))
    assert most < 100  # of a thousand, in the same minute


async def test_deliveries_are_forgotten_after_30_days_but_what_is_to_be_sent(
    bench: Bench, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nostro.storage.purge.SLICE", 3)
    monkeypatch.setattr("nostro.storage.purge.PAUSE", 0)
    endpoint = await bench.listen(receiver.url)
    old = [await bench.emit() for _ in range(10)]
    await send(courier)
    bench.clock.advance(KEPT_DAYS * DAY + 1)
    young = await bench.emit()
    await send(courier)
    await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=old[4].id, webhook_endpoint=endpoint.id)))
    await delivery.purge(bench.world)
    kept = [(old[4].id,), (young.id,)]
    assert await bench.rows("SELECT event FROM delivery ORDER BY event") == kept
    assert await bench.rows("SELECT event FROM delivery_attempt ORDER BY event") == kept
    assert await where(bench, old[0]) == []
    await send(courier)
    assert [a.number for a in (await where(bench, old[4]))[0].attempts] == [1, 2]


async def test_a_redirect_is_not_followed(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    receiver.answers = [answer(302, b"", f"Location: {receiver.url}/elsewhere")]
    await bench.listen(receiver.url)
    event = await bench.emit()
    await send(courier)
    assert [r.path for r in receiver.requests] == ["/"]
    assert (await where(bench, event))[0].attempts[0].http_status == 302


async def test_what_an_endpoint_answered_is_shown_to_its_500th_character(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    receiver.answers = [answer(400, "é".encode() * 100_000)]
    await bench.listen(receiver.url)
    event = await bench.emit()
    await send(courier)
    assert (await where(bench, event))[0].attempts[0].detail == "é" * 500


async def test_no_answer_is_shown_with_its_reason(bench: Bench, courier: Courier) -> None:
    await bench.listen("http://127.0.0.1:1/")
    event = await bench.emit()
    await send(courier)
    [attempt] = (await where(bench, event))[0].attempts
    assert attempt.http_status is None
    assert attempt.detail.startswith("ConnectionRefusedError")


async def test_while_a_secret_is_rolled_both_sign(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    endpoint = await bench.listen(receiver.url)
    rolled = await bench.do(lambda tx: _roll(tx, endpoint.id))
    old, new = endpoint.secrets[0].value, rolled.secrets[0].value
    assert old != new
    await bench.emit()
    await send(courier)
    receiver.requests[0].verify(old)
    receiver.requests[0].verify(new)
    assert receiver.requests[0].headers["stripe-signature"].count("v1=") == 2
    bench.clock.advance(3601)
    await bench.emit()
    await send(courier)
    receiver.requests[1].verify(new)
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.requests[1].verify(old)


async def test_what_was_being_sent_at_a_crash_is_sent_again_after_the_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = ManualClock()
    before = await open_bench(tmp_path / "b.db", clock)
    await before.listen(receiver.url)
    event = await before.emit()
    [due] = await delivery.due(before.world, 10)
    assert await delivery.claim(before.world, due) is not None
    await before.world.engine.close()  # claimed, and then nothing more was heard of that process

    after = await open_bench(tmp_path / "b.db", clock)
    assert await delivery.due(after.world, 10) == []
    stop = asyncio.Event()
    worker = asyncio.create_task(work(after.world, stop))
    await until(lambda: len(receiver.requests) == 1)
    stop.set()
    await worker
    assert [(d.status, [a.number for a in d.attempts]) for d in await where(after, event)] == [("delivered", [2])]
    await after.world.engine.close()


async def test_where_many_workers_run_a_lost_one_is_noticed_when_its_lease_ends(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    await bench.listen(receiver.url)
    await bench.emit()
    [due] = await delivery.due(bench.world, 10)
    assert await delivery.claim(bench.world, due) is not None
    assert await delivery.claim(bench.world, due) is None
    await send(courier)
    assert receiver.requests == []
    bench.clock.advance(LEASE)
    await send(courier)
    assert len(receiver.requests) == 1


async def test_sent_again_by_hand_just_before_its_last_try(bench: Bench, receiver: Receiver, courier: Courier) -> None:
    """Who looked before the event was queued anew must not take this try for the last one."""
    await bench.listen(receiver.url)
    event = await bench.emit()
    receiver.answers = [answer(500)] * (len(RETRIES) + 2)
    for _ in RETRIES:
        await send(courier)
        bench.clock.advance(RETRIES[-2])
    [last] = await delivery.due(bench.world, 10)
    assert last.tries == len(RETRIES)
    await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=event.id)))
    assert await delivery.claim(bench.world, last) is None
    await send(courier)
    assert [one.status for one in await where(bench, event)] == ["pending"]


async def test_a_first_try_that_was_known_already_is_no_obstacle(
    bench: Bench, receiver: Receiver, courier: Courier
) -> None:
    """The delivery was dropped with the old ones, and queued anew before its tries were."""
    endpoint = await bench.listen(receiver.url)
    event = await bench.emit()
    await send(courier)
    await delivery.drop(bench.world, Due(bench.number, event.id, endpoint.id, 1, 1))
    await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=event.id)))
    await send(courier)
    assert len(receiver.requests) == 2
    assert [(one.status, len(one.attempts)) for one in await where(bench, event)] == [("delivered", 1)]


async def test_two_couriers_send_each_delivery_once(bench: Bench, receiver: Receiver) -> None:
    await bench.listen(receiver.url)
    ids = {(await bench.emit()).id for _ in range(60)}
    couriers = [Courier(bench.world) for _ in range(3)]
    await asyncio.gather(*(send(courier) for courier in couriers))
    assert len(receiver.requests) == 60
    assert {r.event["id"] for r in receiver.requests} == ids
    for courier in couriers:
        await courier.close()


async def test_claims_that_fail_do_not_keep_their_endpoint_busy(
    bench: Bench, receiver: Receiver, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.listen(receiver.url)
    for _ in range(MOST_TO_ONE):
        await bench.emit()
    with monkeypatch.context() as broken:
        broken.setattr(bench.world.engine, "commit", AsyncMock(side_effect=unavailable()))
        with pytest.raises(ApiError):
            await courier.start_due()
    await send(courier)
    assert len(receiver.requests) == MOST_TO_ONE


async def test_a_graceful_stop_gives_back_what_did_not_end_in_time(bench: Bench, receiver: Receiver) -> None:
    receiver.delay = 30
    await bench.listen(receiver.url)
    await bench.emit()
    courier = Courier(bench.world)
    await courier.start_due()
    await courier.close(grace=0.05)
    assert await bench.rows("SELECT state, due, tries FROM delivery") == [("pending", bench.now, 0)]


async def test_many_at_once_but_not_too_many_to_one(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    receiver.delay = 0.02
    await bench.listen(receiver.url)
    for _ in range(40):
        await bench.emit()
    await send(courier)
    assert len(receiver.requests) == 40
    assert receiver.most_at_once == MOST_TO_ONE


async def test_an_endpoint_that_does_not_answer_leaves_room_for_the_others(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    silent = Receiver()
    silent.delay = 30
    await silent.start()
    await bench.listen(silent.url)
    await bench.listen(receiver.url)
    for _ in range(70):
        await bench.emit()
    for _ in range(200):
        await courier.start_due()
        await asyncio.sleep(0.005)
        if len(receiver.requests) == 70:
            break
    assert len(receiver.requests) == 70
    await courier.close(grace=0)
    await silent.stop()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://2130706433:{port}/"],
)  # fmt: skip
async def test_a_private_address_is_refused_before_anything_is_sent(
    tmp_path: Path, receiver: Receiver, url: str
) -> None:
    """The endpoint was made when it was allowed, or its name leads elsewhere by now."""
    clock = ManualClock()
    before = await open_bench(tmp_path / "b.db", clock)
    await before.listen(url.format(port=receiver.url.rpartition(":")[2]))
    event = await before.emit()
    await before.world.engine.close()
    bench = await open_bench(tmp_path / "b.db", clock, private_webhooks=False)
    courier = Courier(bench.world)
    await send(courier)
    [attempt] = (await where(bench, event))[0].attempts
    assert attempt.detail.startswith("NotPublic"), attempt.detail
    assert receiver.requests == []
    with pytest.raises(ApiError, match="publicly accessible"):
        await bench.listen("http://127.0.0.1/")
    await courier.close()
    await bench.world.engine.close()


async def test_an_event_is_sent_again_on_request(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    endpoint = await bench.listen(receiver.url + "/a", "customer.created")
    event = await bench.emit("customer.created")
    await send(courier)
    other = await bench.listen(receiver.url + "/b", "charge.failed")
    again = await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=event.id)))
    assert again.id == event.id
    await send(courier)
    await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=event.id, webhook_endpoint=other.id)))
    await send(courier)
    assert [r.path for r in receiver.requests] == ["/a", "/a", "/b"]
    found = {d.webhook_endpoint: [a.number for a in d.attempts] for d in await where(bench, event)}
    assert found == {endpoint.id: [1, 2], other.id: [1]}
    with pytest.raises(ApiError):
        await bench.do(lambda tx: delivery.resend(tx, ResendParams(event="evt_none")))


async def test_sent_again_while_under_way_it_arrives_twice(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    receiver.delay = 0.05
    await bench.listen(receiver.url)
    event = await bench.emit()
    await courier.start_due()
    await bench.do(lambda tx: delivery.resend(tx, ResendParams(event=event.id)))
    await courier.idle()
    await send(courier)
    assert len(receiver.requests) == 2
    assert [(d.status, len(d.attempts)) for d in await where(bench, event)] == [("delivered", 2)]


async def test_what_a_deleted_endpoint_had_to_hear_is_dropped(
    bench: Bench, courier: Courier, receiver: Receiver
) -> None:
    gone = await bench.listen(receiver.url + "/gone")
    await bench.listen(receiver.url + "/stays")
    event = await bench.emit()
    assert await pending(bench, event) == 2
    await bench.do(lambda tx: _delete(tx, gone.id))
    assert await pending(bench, event) == 1
    await send(courier)
    assert [r.path for r in receiver.requests] == ["/stays"]


async def test_a_disabled_endpoint_hears_nothing(bench: Bench, courier: Courier, receiver: Receiver) -> None:
    endpoint = await bench.listen(receiver.url)
    event = await bench.emit()
    await bench.do(lambda tx: _disable(tx, endpoint.id))
    await bench.emit()
    await send(courier)
    assert receiver.requests == []
    [state] = await where(bench, event)
    assert (state.status, state.attempts[0].detail) == ("failed", "The endpoint is disabled.")


async def test_the_worker_does_jobs_and_deliveries_until_it_is_stopped(bench: Bench, receiver: Receiver) -> None:
    stop = asyncio.Event()
    worker = asyncio.create_task(work(bench.world, stop))
    await bench.listen(receiver.url)
    for n in range(30):
        await bench.emit()
        await bench.schedule("note", f"n{n}", bench.now)
    await until(lambda: len(receiver.requests) == 30)
    await asyncio.sleep(0.05)
    assert len(await bench.rows("SELECT id FROM diary WHERE body LIKE '%\"n%'")) == 30
    assert await bench.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]
    stop.set()
    await asyncio.wait_for(worker, 5)


async def test_the_worker_survives_errors(bench: Bench, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.events.worker.AFTER_ERROR", 0.01)
    broken = 3

    async def sometimes(*_: object) -> list[object]:
        nonlocal broken
        broken -= 1
        if broken > 0:
            raise OSError("disk on fire")
        return []

    monkeypatch.setattr("nostro.events.job.next_wave", sometimes)
    stop = asyncio.Event()
    worker = asyncio.create_task(work(bench.world, stop))
    await bench.listen(receiver.url)
    await bench.emit()
    await until(lambda: len(receiver.requests) == 1)
    stop.set()
    await worker


async def until(condition: Callable[[], bool]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)
    assert condition()


async def _roll(tx: Tx, id: str) -> Record:
    return await roll(tx, await tx.get(WEBHOOK_ENDPOINT, id), RollParams(expires_in=3600))


async def _delete(tx: Tx, id: str) -> object:
    return await delete(tx, await tx.get(WEBHOOK_ENDPOINT, id), NoParams())


async def _disable(tx: Tx, id: str) -> object:
    return await update(tx, await tx.get(WEBHOOK_ENDPOINT, id), UpdateParams(disabled=True))
