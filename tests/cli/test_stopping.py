"""A server that is told to stop: load balancers hear of it first, and what it took up it finishes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from served import Served, Writers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"), drain_seconds=1, private_webhooks="on")
    yield running
    running.end()


def test_what_was_taken_up_is_finished(served: Served) -> None:
    writers = Writers(served, 8)
    assert served.get("/readyz").json()["status"] == "ready"
    served.process.send_signal(signal.SIGTERM)
    said, refused = [], 0.0
    with suppress(httpx.TransportError):
        while True:
            asked = time.monotonic()
            said.append(served.get("/readyz"))
            refused = refused or (asked if said[-1].status_code == 503 else 0.0)
            time.sleep(0.02)
    closed = time.monotonic()
    acknowledged = writers.ended()
    served.stop()
    assert said[-1].status_code == 503 and "told to stop" in said[-1].json()["stopping"]
    assert said[-1].headers["connection"] == "close"
    assert closed - refused > 0.7, "the port closed before anybody could turn away"
    served.start()
    with served.client(served.live) as client:
        assert all(client.get(f"/v1/customers/{id}").status_code == 200 for id in acknowledged)


def test_interrupted_by_hand_it_ends_at_once_and_as_well(served: Served) -> None:
    writers = Writers(served, 8)
    served.process.send_signal(signal.SIGINT)
    writers.ended()
    served.stop()
    served.start()


class SlowReceiver(BaseHTTPRequestHandler):
    taken = 0

    def do_POST(self) -> None:
        SlowReceiver.taken += 1
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(1.5)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_delivery_in_hand_is_finished(served: Served) -> None:
    """The receiver takes its time; the server waits for its answer, and does not send it again after the restart."""
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), SlowReceiver)
    threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
    try:
        with served.client(served.test) as client:
            form = {"url": f"http://127.0.0.1:{receiver.server_port}/", "enabled_events[]": "customer.created"}
            assert client.post("/v1/webhook_endpoints", data=form).status_code == 200
            client.post("/v1/customers", data={"name": "Amy"})
        while not SlowReceiver.taken:
            time.sleep(0.01)
        served.stop()
        served.start()
        event = served.get("/v1/events?limit=1", served.test).json()["data"][0]
        (sent,) = served.get(f"/v1/events/{event['id']}/deliveries", served.test).json()["data"]
        assert (sent["status"], [tried["http_status"] for tried in sent["attempts"]]) == ("delivered", [200])
        assert SlowReceiver.taken == 1
    finally:
        receiver.shutdown()
