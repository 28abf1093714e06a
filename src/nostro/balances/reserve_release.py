"""Reserve release: money that a hold gives back, wholly or in part, and why. It is written once and never changes."""

from __future__ import annotations

from typing import Literal

from nostro.kernel.resource import Filter, Metadata, Resource, Shape, Stored, listing, retrieve

Reason = Literal["hold_expired", "hold_released_early", "hold_reversed", "plan_disabled"]


class SourceTransaction(Shape, frozen=True, kw_only=True):
    """The refund or dispute for which the money is needed."""

    dispute: str | None = None
    refund: str | None = None
    type: Literal["dispute", "refund"]


class Release(Stored, frozen=True, kw_only=True):
    object: Literal["reserve.release"] = "reserve.release"
    amount: int
    created_by: Literal["application"] = "application"
    currency: str
    destination: Literal["payments"] = "payments"
    livemode: bool = False
    metadata: Metadata = {}
    reason: Reason
    released_at: int
    reserve_hold: str | None = None
    reserve_plan: str | None = None
    source_transaction: SourceTransaction | None = None


class Record(Release, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


BY_HOLD, BY_PLAN = Filter("reserve_hold"), Filter("reserve_plan")
RESERVE_RELEASE: Resource[Record] = Resource(
    object="reserve.release",
    noun="reserve release",
    prefix="resrel",
    record=Record,
    shape=Release,
    doc="Money that a reserve hold has given back, and why.",
    filters=(BY_HOLD, BY_PLAN),
    expands=("reserve_hold", "reserve_plan"),
    verbs=(listing("/v1/reserve/releases", BY_HOLD, BY_PLAN), retrieve("/v1/reserve/releases/{id}")),
)
RESOURCE = RESERVE_RELEASE
