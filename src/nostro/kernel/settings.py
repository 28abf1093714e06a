"""What an operator can choose, in one place. Every field is also an environment variable: NOSTRO_PORT, ...

The comment above a field, or above the first of a few, is its documentation: `nostro config`, the reference and the
errors show it, so it says what the value means and its unit. `configuration.py` reads values from where they are set.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct


class FeePlan(Struct, frozen=True):
    """What the platform charges for a card payment."""

    # Part of the amount that a card payment costs its merchant.
    rate: Decimal = Decimal("0.029")
    # Minor units that each card payment costs beside it.
    fixed: Annotated[int, Meta(ge=0)] = 30
    # Minor units that a dispute costs, and that are not given back.
    dispute: Annotated[int, Meta(ge=0)] = 1500


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
    # The server was started by `nostro dev`.
    dev: bool = False
    # How others reach this server, for links in answers. Unless set, the address that it listens on.
    public_url: Annotated[str, Meta(pattern=r"^https?://[^/]+")] = "http://127.0.0.1:12111"
    # Processes to run; more than one only on PostgreSQL.
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    # Deliver webhooks to private addresses too.
    private_webhooks: bool = False
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
