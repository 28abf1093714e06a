"""Traces: which spans there are and how they hang together, what a collector gets, and that off is off."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from asgi import Client
from nostro.api.serve import Application
from nostro.api.traces import Traces
from nostro.app import application
from nostro.kernel.settings import Settings
from receiver import Receiver

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}}


async def started(folder: Path, **settings: Any) -> Application:
    app = application(
        Settings(database=f"sqlite:///{folder / 'a.db'}", dev=True, durable=False, private_webhooks=True, **settings)
    )
    await app.start()
    return app


class Caller(Client):
    """A client that is itself part of a trace."""

    async def __call__(self, *words: Any, **more: Any) -> Any:
        inner = self.app

        async def with_parent(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await inner({**scope, "headers": [*scope["headers"], (b"traceparent", CALLER.encode())]}, receive, send)

        return await Client(with_parent, self.secret)(*words, **more)


def names(spans: tuple[ReadableSpan, ...], parent: ReadableSpan) -> list[str]:
    return [one.name for one in spans if one.parent and parent.context and one.parent.span_id == parent.context.span_id]


async def test_spans_of_a_request_and_its_webhook(tmp_path: Path) -> None:
    app, kept, receiver = await started(tmp_path), InMemorySpanExporter(), Receiver()
    app.trace(Traces(SimpleSpanProcessor(kept)))
    client = Caller(app)
    await receiver.start()
    await client("POST", "/v1/webhook_endpoints", {"url": receiver.url, "enabled_events": ["customer.created"]})
    kept.clear()
    made = await client("POST", "/v1/customers", {"name": "Amy"})
    for _ in range(200):
        if "webhook" in [one.name for one in kept.get_finished_spans()]:
            break
        await asyncio.sleep(0.02)
    spans = kept.get_finished_spans()
    request = next(one for one in spans if one.name == "POST /v1/customers")
    assert request.parent is not None and request.context is not None
    assert f"{request.context.trace_id:032x}-{request.parent.span_id:016x}" == CALLER[3:-3], (
        "the caller's trace goes on"
    )
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST", "http.route": "/v1/customers", "http.response.status_code": 200,
        "nostro.request_id": made.headers[b"request-id"].decode(),
    }  # fmt: skip
    assert names(spans, request) == ["verb", "commit"]
    sent = next(one for one in spans if one.name == "webhook")
    assert sent.parent is None and sent.attributes is not None
    assert (sent.attributes["status"], sent.attributes["type"]) == (200, "customer.created")
    assert sent.attributes["request"] == made.headers[b"request-id"].decode(), "what leads back to the request"
    await receiver.stop()
    await app.close()


async def test_what_fails_shows_its_type_and_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, kept = await started(tmp_path), InMemorySpanExporter()
    app.trace(Traces(SimpleSpanProcessor(kept)))
    client = Client(app)
    await client("GET", "/v1/customers/4242424242424242", {"client_secret": "pi_1_secret_2"})
    await client("POST", "/v1/payment_methods", CARD)

    async def broken(*_: Any) -> None:
        raise RuntimeError("4242424242424242")

    monkeypatch.setattr(app.world.engine, "commit", broken)
    assert (await client("POST", "/v1/customers", {})).status == 500
    spans = kept.get_finished_spans()
    told = "".join(one.to_json() for one in spans)
    assert "4242" not in told and "secret" not in told
    failed = {one.name: (one.attributes or {}).get("error.type") for one in spans if not one.status.is_ok}
    assert failed == {"verb": "ApiError", "commit": "RuntimeError", "POST /v1/customers": None}
    await app.close()


class Collector(BaseHTTPRequestHandler):
    seen: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            name = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            self.seen += [f"{self.path} {name} {span.name}" for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


async def test_a_collector_gets_them_before_the_server_ends(tmp_path: Path) -> None:
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True).start()
    app = await started(tmp_path, otel_endpoint=f"http://127.0.0.1:{collector.server_port}")
    await Client(app)("GET", "/v1/customers")
    await app.close()
    collector.shutdown()
    assert "/v1/traces nostro GET /v1/customers" in Collector.seen


OFF = """
import asyncio, sys
from nostro.app import application
from nostro.kernel.settings import Settings
async def main():
    app = application(Settings(database="sqlite:///" + sys.argv[1], dev=True, durable=False))
    await app.start()
    await app.close()
asyncio.run(main())
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.mark.slow
def test_off_imports_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFF, str(tmp_path / "a.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr
