"""Instant day: what instant payouts have taken of a merchant's day, so that two at once cannot pass its limits.

Each instant payout writes it, so of two that read the same only one commits, and the other looks again.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.kernel.errors import invalid
from nostro.kernel.ids import TIME_LENGTH
from nostro.kernel.money import text
from nostro.kernel.resource import Resource, Stored
from nostro.storage.tx import Tx

from .day import day_of
from .settings import settings_of

PREFIX = "instday"


class InstantDay(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """`amounts` by currency, in minor units, those of payouts that came back later included."""

    object: Literal["instant_day"] = "instant_day"
    amounts: dict[str, int] = {}
    count: int = 0


async def use(tx: Tx, amount: int, currency: str) -> None:
    """Take an instant payout off the day's limits. Raises if it passes one."""
    settings = await settings_of(tx)
    limits = settings.policy.instant_payouts
    id = f"{PREFIX}_{'0' * TIME_LENGTH}{day_of(tx.now, settings.start_of_day):%Y%m%d}"
    day = await tx.find(INSTANT_DAY, id) or InstantDay(id=id, created=tx.now)
    taken = day.amounts.get(currency, 0) + amount
    most = limits.daily_amount_by_currency.get(currency)
    if day.count >= limits.daily_count:
        raise invalid(f"You can make {limits.daily_count} instant payouts a day. Use the method standard.", "method",
                      "instant_payouts_limit_exceeded")  # fmt: skip
    if most is not None and taken > most:
        left = text(max(most - taken + amount, 0), currency)
        raise invalid(f"Of today's limit for instant payouts {left} is left. Use the method standard.", "amount",
                      "instant_payouts_limit_exceeded")  # fmt: skip
    tx.save(msgspec.structs.replace(day, amounts={**day.amounts, currency: taken}, count=day.count + 1))


INSTANT_DAY: Resource[InstantDay] = Resource(
    object="instant_day", prefix=PREFIX, record=InstantDay, shape=InstantDay, verbs=()
)
RESOURCE = INSTANT_DAY
