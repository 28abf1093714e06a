"""A receiver of webhooks in the test's own process: it checks each signature and keeps what came, in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import stripe

    from .sandbox import Sandbox


class Receiver:
    """`events` are the events that came; `secret` signs them; set `status` to answer with something else than 200."""

    def __init__(self, sandbox: Sandbox, events: Sequence[str], path: str, connect: bool = False) -> None:
        self.status = 200
        self.events: list[stripe.Event] = []
        self.failures: list[Exception] = []
        self._sandbox = sandbox
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._listener())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{path}"
        params = {"url": self.url, **{f"enabled_events[{n}]": event for n, event in enumerate(events)}}
        if connect:
            params["connect"] = "true"
        endpoint = sandbox.request("POST", "/v1/webhook_endpoints", params)
        self.id: str = endpoint["id"]
        self.secret: str = endpoint["secret"]

    def of(self, type: str) -> list[stripe.Event]:
        """What came of one type. Waits first until every webhook has been sent."""
        return [event for event in self.settled() if event.type == type]

    def settled(self) -> list[stripe.Event]:
        """All that came, once every webhook has been sent. Raises what a bad signature raised."""
        self._sandbox.settle()
        if self.failures:
            raise self.failures[0]
        return self.events

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes, signature: str) -> None:
        import stripe

        try:
            self.events.append(stripe.Webhook.construct_event(body, signature, self.secret))
        except Exception as error:
            self.failures.append(error)

    def _listener(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Listener(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if receiver.status < 300:
                    receiver._take(body, self.headers.get("stripe-signature", ""))
                answer = json.dumps({"received": receiver.status < 300}).encode()
                self.send_response(receiver.status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Listener
