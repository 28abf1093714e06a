"""What an operator can choose, in one place. Every field is also an environment variable: NOSTRO_PORT, ...

The comment above a field, or above the first of a few, is its documentation: `nostro config`, the reference and the
errors show it, so it says what the value means and its unit. `configuration.py` reads values from where they are set.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
REDIS = r"^(rediss?://([^@/\s]*@)?(\[[^]]+\]|[^/:@\s]+)(:\d{1,5})?(/\d*)?(\?.*)?|unix://.+)?$"


class FeePlan(Struct, frozen=True):
    """What the platform charges for a card payment."""

    # Part of the amount that a card payment costs its merchant.
    rate: Decimal = Decimal("0.029")
    # Minor units that each card payment costs beside it.
    fixed: Annotated[int, Meta(ge=0)] = 30
    # Minor units that a dispute costs, and that are not given back.
    dispute: Annotated[int, Meta(ge=0)] = 1500
    # Part of the amount that a currency conversion costs.
    fx: Decimal = Decimal("0.01")


class Settings(Struct, frozen=True, kw_only=True):
    """`dev` creates a sandbox for every test key at first use; otherwise only issued keys are accepted.

    It and `durable` belong to the commands and the tests: no operator sets them.
    """

    # Address to listen on; 0.0.0.0 is every address of this machine.
    host: str = "127.0.0.1"
    # Port to listen on; 0 takes a free one.
    port: Annotated[int, Meta(ge=0, le=65_535)] = 12111
    # Where the data is: sqlite:///FILE or postgresql://HOST/NAME.
    database: Annotated[str, Meta(pattern=r"^(sqlite:///.|postgres(ql)?://.)")] = "sqlite:///nostro.db"
    # Redis through which workers on PostgreSQL share limits and accepted keys: redis://HOST/0. Where none is named, and
    # while it does not answer, the database does it.
    redis: Annotated[str, Meta(pattern=REDIS)] = ""
    # The server was started by `nostro dev`.
    dev: bool = False
    # How others reach this server, for links in answers. Unless set, the address that it listens on.
    public_url: Annotated[str, Meta(pattern=r"^https?://[^/]+")] = "http://127.0.0.1:12111"
    # Processes to run; more than one only on PostgreSQL.
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    # Deliver webhooks to private addresses too.
    private_webhooks: bool = False
    # Minor units above which an adjustment of a balance waits until another key approves it; unless set, none waits.
    approve_adjustments_above: Count | None = None
    # Days after which an exchange rate that was fed is too old to convert at; 0 is never.
    exchange_rate_days: Count = 7
    # Bytes that a request's body may have.
    max_body: Annotated[int, Meta(ge=1_000)] = 1_000_000
    # Bytes that an upload or a body of lines may have.
    max_file: Annotated[int, Meta(ge=1_000)] = 16_000_000
    # What the platform charges for a card payment.
    fees: FeePlan = FeePlan()
    # Each answer waits until the disk has what it says.
    durable: bool = True
    # Days that request logs are kept.
    log_days: Annotated[int, Meta(ge=1)] = 30
    # Lines of request logs that are kept, to the hour.
    log_rows: Annotated[int, Meta(ge=1)] = 10_000_000

    # Whether there are limits at all; unless set, everywhere but in `nostro dev`.
    limits: bool | None = None
    # Requests a second of one live key, over all workers; 0 is no limit.
    rate_live_read: Count = 100
    rate_live_write: Count = 100
    # Requests a second of one test key, over all workers; 0 is no limit.
    rate_test_read: Count = 25
    rate_test_write: Count = 25
    # Requests of one live key that may be under way at once, over all workers; 0 is no limit.
    concurrent_live: Count = 100
    # Requests of one test key that may be under way at once, over all workers; 0 is no limit.
    concurrent_test: Count = 25
    # Requests of everybody that may be under way at once in a worker.
    max_in_flight: Annotated[int, Meta(ge=1)] = 1_000
    # Milliseconds that the event loop may be late before the worker sheds load.
    overload_ms: Annotated[int, Meta(ge=1)] = 250

    # Directory in which bank files are laid down for whoever carries them to the bank; none if it is empty.
    outbox: str = ""

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
