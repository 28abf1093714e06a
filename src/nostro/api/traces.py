"""OpenTelemetry traces, sent by OTLP over HTTP. Imported only where `NOSTRO_OTEL_ENDPOINT` names a collector.

A span a request, the child of the caller's if it sent a `traceparent` (W3C Trace Context); in it one for the verb
and one for the commit. Jobs and webhooks have traces of their own. Spans carry routes, ids and statuses; no bodies, no
queries, and of an error only its type.
"""

from __future__ import annotations

import os
from types import TracebackType
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as Recorded
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nostro import __version__
from nostro.kernel.trace import Span

from .server import Api, Message, Receive, Send

PATH = "/v1/traces"
TIMEOUT = 5  # seconds for a batch
PARENT = (b"traceparent", b"tracestate")


class OtelSpan(Span):
    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, str | int]) -> None:
        self._opened = tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
        self._span: Recorded

    def __enter__(self) -> OtelSpan:
        self._span = self._opened.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(StatusCode.ERROR)
        self._opened.__exit__(kind, error, at)

    def set(self, **attributes: str | int) -> None:
        self._span.set_attributes(attributes)


class Traces:
    """Where spans are made. `processor` takes those that have ended."""

    def __init__(self, processor: SpanProcessor) -> None:
        about = Resource.create({"service.name": "nostro", "service.version": __version__, "process.pid": os.getpid()})
        self._provider = TracerProvider(resource=about, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("nostro", __version__)
        self._parent = TraceContextTextMapPropagator()

    def span(self, name: str, **attributes: str | int) -> Span:
        return OtelSpan(self._tracer, name, attributes)

    async def answer(self, api: Api, scope: Message, receive: Receive, send: Send) -> None:
        """The request, in a span of its own."""
        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in PARENT}
        context = self._parent.extract(sent) if sent else None
        with self._tracer.start_as_current_span(scope["method"], context, SpanKind.SERVER) as span:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note(span, scope, message)
                await send(message)

            await api(scope, receive, sending)

    def close(self) -> None:
        """Send what is left. Waits for the collector, at most some seconds."""
        self._provider.shutdown()


def _note(span: Recorded, scope: Message, message: Message) -> None:
    route, status = scope.get("route", ""), message["status"]
    if route:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.response.status_code", status)
    for name, value in message["headers"]:
        if name == b"request-id":
            span.set_attribute("nostro.request_id", value.decode())
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def traces_to(endpoint: str) -> Traces:
    """`endpoint` is the collector's address, as in `OTEL_EXPORTER_OTLP_ENDPOINT`; the path is added if it has none."""
    url = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + PATH
    return Traces(BatchSpanProcessor(OTLPSpanExporter(url, timeout=TIMEOUT)))
