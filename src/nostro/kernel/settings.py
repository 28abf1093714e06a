"""What an operator can choose, in one place. Every field is also an environment variable: NOSTRO_PORT, ..."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


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
    log_days: int = 30
    log_rows: int = 10_000_000
