"""What the API shows of events and their deliveries."""

from asgi import Client
from nostro.api.server import Api
from nostro.events.sandbox import settle
from receiver import Receiver
from workbench import Bench


async def test_pending_webhooks_is_true_whenever_it_is_read(bench: Bench, receiver: Receiver) -> None:
    client = Client(Api(bench.world), "sk_test_bench")
    await bench.listen(receiver.url)
    await bench.listen("http://127.0.0.1:1/")
    quiet = await bench.listen(receiver.url, "charge.failed")
    event = await bench.emit("customer.created")

    async def read() -> list[int]:
        one = (await client("GET", f"/v1/events/{event.id}")).json
        listed = (await client("GET", "/v1/events")).json["data"]
        return [one["pending_webhooks"], *(e["pending_webhooks"] for e in listed if e["id"] == event.id)]

    assert await read() == [2, 2]
    await settle(bench.world, bench.scope)
    assert await read() == [1, 1]
    again = await client("POST", f"/v1/events/{event.id}/resend", {"webhook_endpoint": quiet.id})
    assert (again.json["object"], again.json["pending_webhooks"]) == ("event", 1)
    await settle(bench.world, bench.scope)
    assert len(receiver.requests) == 2


async def test_every_try_is_shown(bench: Bench, receiver: Receiver) -> None:
    client = Client(Api(bench.world), "sk_test_bench")
    endpoint = await bench.listen(receiver.url)
    event = await bench.emit()
    path = f"/v1/events/{event.id}/deliveries"
    [waiting] = (await client("GET", path)).json["data"]
    assert (waiting["status"], waiting["next_attempt"], waiting["attempts"]) == ("pending", bench.now, [])
    await settle(bench.world, bench.scope)
    [sent] = (await client("GET", path)).json["data"]
    assert (sent["object"], sent["webhook_endpoint"], sent["status"]) == ("webhook_delivery", endpoint.id, "delivered")
    [attempt] = sent["attempts"]
    assert (attempt["number"], attempt["http_status"], attempt["detail"]) == (1, 200, "thanks")
    assert attempt["millis"] >= 0


async def test_deliveries_of_what_is_not_there(bench: Bench) -> None:
    client = Client(Api(bench.world), "sk_test_bench")
    event = await bench.emit()
    stranger = Client(client.app, "sk_test_stranger")
    for answer in (
        await client("GET", "/v1/events/evt_none/deliveries"),
        await client("POST", "/v1/events/evt_none/resend"),
        await stranger("GET", f"/v1/events/{event.id}/deliveries"),
        await stranger("POST", f"/v1/events/{event.id}/resend"),
    ):
        assert (answer.status, answer.json["error"]["code"]) == (404, "resource_missing")
    wrong = await client("POST", f"/v1/events/{event.id}/resend", {"webhook_endpoint": "we_none"})
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "webhook_endpoint")


async def test_a_list_of_what_was_not_delivered(bench: Bench, receiver: Receiver) -> None:
    client = Client(Api(bench.world), "sk_test_bench")
    await bench.listen(receiver.url, "customer.created")
    await bench.listen("http://127.0.0.1:1/", "charge.failed")
    reached, unreached = await bench.emit("customer.created"), await bench.emit("charge.failed")
    await settle(bench.world, bench.scope)

    async def listed(answer: str) -> list[str]:
        found = await client("GET", "/v1/events", {"delivery_success": answer})
        return [event["id"] for event in found.json["data"]]

    assert reached.id in await listed("true")
    assert await listed("false") == [unreached.id]
