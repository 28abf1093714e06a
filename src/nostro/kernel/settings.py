"""What an operator can choose, in one place. Every field is also an environment variable: NOSTRO_PORT, ..."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
PREFIX = "NOSTRO_"


class FeePlan(Struct, frozen=True):
    """What the platform charges for a card payment: `rate` of the amount plus `fixed` minor units."""

    rate: Decimal = Decimal("0.029")
    fixed: int = 30
    dispute: int = 1500


class Settings(Struct, frozen=True, kw_only=True):
    """`dev` creates a sandbox for every test key at first use; otherwise only issued keys are accepted."""

    host: str = "127.0.0.1"
    port: int = 12111
    database: str = "sqlite:///nostro.db"
    dev: bool = False
    public_url: str = "http://127.0.0.1:12111"
    private_webhooks: bool = False
    max_body: int = 1_000_000
    max_file: int = 16_000_000
    fees: FeePlan = FeePlan()
    durable: bool = True

    # Whether there are limits at all; unless set, everywhere but in `nostro dev`.
    limits: bool | None = None
    # Requests a second of one live key, over all workers; 0 is no limit.
    rate_live_read: Count = 100
    rate_live_write: Count = 100
    # Requests a second of one test key, over all workers; 0 is no limit.
    rate_test_read: Count = 25
    rate_test_write: Count = 25
    # Requests of one live key that may be under way at once in a worker; 0 is no limit.
    concurrent_live: Count = 100
    # Requests of one test key that may be under way at once in a worker; 0 is no limit.
    concurrent_test: Count = 25
    # Requests of everybody that may be under way at once in a worker.
    max_in_flight: Annotated[int, Meta(ge=1)] = 1_000
    # Milliseconds that the event loop may be late before the worker sheds load.
    overload_ms: Annotated[int, Meta(ge=1)] = 250

    # Seconds between the moment that a stopping server says it is not ready and the closing of its port.
    drain_seconds: Count = 3
    # Seconds that requests and webhooks under way have to end when the server stops.
    stop_seconds: Annotated[int, Meta(ge=1)] = 10

    # What a reader of /metrics must send as a bearer token. Without one, only `nostro dev` shows them.
    metrics_token: str = ""
    # What goes to stderr: warnings and errors, or a line for each request too, or all that as JSON.
    log: Literal["text", "requests", "json"] = "text"
    # Address of an OpenTelemetry collector that takes OTLP over HTTP; without one there are no traces.
    otel_endpoint: str = ""

    @property
    def limited(self) -> bool:
        return not self.dev if self.limits is None else self.limits


def from_environment(environ: Mapping[str, str], **chosen: Any) -> Settings:
    """What was chosen, and for the rest the environment. Raises `ValueError` that names a variable that is wrong."""
    values: dict[str, Any] = dict(chosen)
    for name in Settings.__struct_fields__:
        text = environ.get(PREFIX + name.upper())
        if name in chosen or not text:
            continue
        values[name] = _SWITCH.get(text.lower(), text) if name == "limits" else text
        try:
            msgspec.convert({name: values[name]}, Settings, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{PREFIX}{name.upper()}={text}: {str(error).partition(' - at')[0]}.") from None
    return msgspec.convert(values, Settings, strict=False)


_SWITCH = {"on": True, "off": False}
