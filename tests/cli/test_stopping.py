"""A server that is told to stop: load balancers hear of it first, and what it took up it finishes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from served import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path, drain_seconds=1, limits="off")
    yield running
    running.end()


class Writer:
    """Writes on one kept connection, a new one when the server ends it, until nobody takes connections any more."""

    def __init__(self, served: Served) -> None:
        self.acknowledged: list[str] = []
        self.broken: list[Exception] = []
        self._served = served
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._served.client(self._served.live) as client:
            while True:
                try:
                    answer = client.post("/v1/customers", data={"name": "Amy"})
                    assert answer.status_code == 200, answer.text
                    self.acknowledged.append(answer.json()["id"])
                except httpx.ConnectError:
                    return
                except Exception as error:
                    self.broken.append(error)
                    return

    def join(self) -> None:
        self._thread.join(30)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_what_was_taken_up_is_finished(served: Served, by: signal.Signals) -> None:
    writers = [Writer(served) for _ in range(8)]
    time.sleep(0.5)
    assert served.get("/readyz").json()["status"] == "ready"
    served.process.send_signal(by)
    said = []
    while by == signal.SIGTERM:
        try:
            said.append(served.get("/readyz"))
        except httpx.TransportError:
            break
        time.sleep(0.02)
    for writer in writers:
        writer.join()
    served.stop()
    assert [writer.broken for writer in writers] == [[]] * 8
    acknowledged = {id for writer in writers for id in writer.acknowledged}
    assert len(acknowledged) > 20
    if by == signal.SIGTERM:
        assert said[-1].status_code == 503 and "told to stop" in said[-1].json()["stopping"]
        assert said[-1].headers["connection"] == "close"
        assert sum(one.status_code == 503 for one in said) > 10, "the port closed before anybody could turn away"
    served.start()
    with served.client(served.live) as client:
        assert all(client.get(f"/v1/customers/{id}").status_code == 200 for id in acknowledged)


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


def test_a_delivery_in_hand_is_finished(tmp_path: Path) -> None:
    """The receiver takes its time; the server waits for its answer, and does not send it again after the restart."""
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), SlowReceiver)
    threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
    served = Served(tmp_path, drain_seconds=0, private_webhooks="on")
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
        served.end()
        receiver.shutdown()
