"""The API version that this server speaks: that of the pinned SDK release, held to it by a test."""

from __future__ import annotations

from nostro.kernel.errors import ApiError, invalid

CURRENT = "2026-10-28.endive"


def check(header: str | None) -> None:
    """No header means the current version; any other than the current is refused clearly."""
    if header is not None and header != CURRENT:
        raise _unknown(header)


def _unknown(header: str) -> ApiError:
    return invalid(
        f"Invalid Stripe API version: {header[:60]}. This server speaks {CURRENT}: "
        "set `stripe_version` to it, or leave the Stripe-Version header out.",
        "Stripe-Version",
    )
