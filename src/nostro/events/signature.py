"""The `Stripe-Signature` header: `t=SECONDS,v1=HEX[,v1=HEX]`, one `v1` for each secret that is alive.

The signed text is `SECONDS.BODY`; the key of the HMAC-SHA256 is the whole secret, `whsec_` included.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from .webhook_endpoint import Secret

HEADER = "Stripe-Signature"


def header(body: bytes, secrets: Iterable[str], at: int) -> str:
    """`at` is the machine's time in seconds: receivers refuse what is older than a few minutes."""
    signed = b"%d.%b" % (at, body)
    marks = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join((f"t={at}", *(f"v1={mark}" for mark in marks)))


def alive(secrets: Iterable[Secret], now: int) -> list[str]:
    """The secrets that sign at `now` (seconds of the sandbox's time): a rolled one until its `until`."""
    return [secret.value for secret in secrets if secret.until is None or secret.until > now]
