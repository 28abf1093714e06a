"""Reserve plan: a part of each payment is held back, for what may still be claimed of the merchant.

    rolling_release   each part for so many days after its payment; the plan itself may expire
    fixed_release     all of it until one day, on which the plan expires
    manual_release    until somebody releases it

A plan moves no money: what it holds back of a payment is a hold (reserve_hold.py). Which plans are active stands in
the balance settings, so that a payment without any asks for none. Stripe's SDK has the shape; the verbs are ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.kernel.errors import invalid, missing
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import (
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from .settings import settings_of

EXPIRE = "balance.expire_plan"
MOST_PLANS = 5
Type = Literal["fixed_release", "manual_release", "rolling_release"]
Days = Annotated[int, Meta(ge=1, le=730)]


class FixedRelease(Shape, frozen=True, kw_only=True):
    release_after: int
    scheduled_release: int


class RollingRelease(Shape, frozen=True, kw_only=True):
    days_after_charge: int
    expires_on: int | None = None


class Plan(Stored, frozen=True, kw_only=True):
    """`percent` is of the payment's amount before fees. Without a currency it is for all."""

    object: Literal["reserve.plan"] = "reserve.plan"
    created_by: Literal["application"] = "application"
    currency: str | None = None
    destination: Literal["risk_reserved"] = "risk_reserved"
    disabled_at: int | None = None
    fixed_release: FixedRelease | None = None
    livemode: bool = False
    manual_release: dict[str, str] | None = None
    metadata: Metadata = {}
    percent: int
    rolling_release: RollingRelease | None = None
    status: Literal["active", "disabled", "expired"]
    type: Type


class Record(Plan, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move      from         to          emits
    M("create",  (),          "active",   emits=("reserve.plan.created",), meaning="Payments are reserved from now."),
    M("disable", ("active",), "disabled", emits=("reserve.plan.disabled",), meaning="Ended by the platform."),
    M("expire",  ("active",), "expired",  emits=("reserve.plan.expired",), meaning="Its day has come."),
    rest=("active", "disabled", "expired"),
)
# fmt: on


def scheduled(release_after: int) -> int:
    """Midnight UTC of the day after the moment at which a release is asked for."""
    return midnight(utc_date(release_after)) + DAY


def release_after(plan: Record, now: int) -> int | None:
    """When the part of a payment that is taken now is asked back; None if nobody can say."""
    if plan.rolling_release is not None:
        return now + plan.rolling_release.days_after_charge * DAY
    return plan.fixed_release.release_after if plan.fixed_release is not None else None


# Verbs -----------------------------------------------------------------------


class RollingParams(Params, frozen=True, kw_only=True):
    days_after_charge: Days
    expires_on: int | None = None


class FixedParams(Params, frozen=True, kw_only=True):
    release_after: int


class CreateParams(Params, frozen=True, kw_only=True):
    percent: Annotated[int, Meta(ge=1, le=100)]
    type: Type
    currency: str | None = None
    fixed_release: FixedParams | None = None
    metadata: dict[str, str | None] | None = None
    rolling_release: RollingParams | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower() if params.currency else None
    if currency is not None and currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "currency")
    settings = await settings_of(tx)
    if len(settings.reserve_plans) == MOST_PLANS:
        raise invalid(f"{MOST_PLANS} reserve plans are active already: disable one first.")
    given, ends = _release(params, tx.now)
    plan = Record(
        id=tx.new_id("resplan"), created=tx.now, currency=currency, livemode=tx.scope.livemode,
        metadata=merge_metadata({}, params.metadata), percent=params.percent, status="active", type=params.type,
        **given,
    )  # fmt: skip
    tx.save(msgspec.structs.replace(settings, reserve_plans=[*settings.reserve_plans, plan.id]))
    if ends is not None:
        tx.schedule(EXPIRE, plan.id, ends)
    return tx.move(plan, LIFE["create"])


def _release(params: CreateParams, now: int) -> tuple[dict[str, Any], int | None]:
    """The fields of the plan's own type, and when it expires."""
    for name in ("fixed_release", "rolling_release"):
        given = getattr(params, name)
        if params.type == name and given is None:
            raise missing(name)
        if params.type != name and given is not None:
            raise invalid(f"{name} can be given only if the type is {name}.", name)
    if params.fixed_release is not None:
        after = _future(params.fixed_release.release_after, now, "fixed_release[release_after]")
        return {"fixed_release": FixedRelease(release_after=after, scheduled_release=scheduled(after))}, after
    if params.rolling_release is not None:
        days, ends = params.rolling_release.days_after_charge, params.rolling_release.expires_on
        if ends is not None:
            _future(ends, now, "rolling_release[expires_on]")
        return {"rolling_release": RollingRelease(days_after_charge=days, expires_on=ends)}, ends
    return {"manual_release": {}}, None


def _future(moment: int, now: int, param: str) -> int:
    if moment <= now:
        raise invalid("The moment must lie in the future.", param)
    return moment


async def update(tx: Tx, plan: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(plan.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(plan, metadata=metadata), "reserve.plan.updated")


async def end(tx: Tx, plan: Record, move: Literal["disable", "expire"]) -> Record:
    """No payment is reserved by it any more; what it holds stays until its own day."""
    settings = await settings_of(tx)
    rest = [id for id in settings.reserve_plans if id != plan.id]
    tx.save(msgspec.structs.replace(settings, reserve_plans=rest))
    if move == "expire":
        return tx.move(plan, LIFE["expire"])
    tx.unschedule(EXPIRE, plan.id)
    return tx.move(plan, LIFE["disable"], disabled_at=tx.now)


async def expire_job(tx: Tx, id: str) -> None:
    """Job `balance.expire_plan`: its last day has come."""
    plan = await tx.get(RESERVE_PLAN, id)
    if plan.status == "active":
        await end(tx, plan, "expire")


async def disable(tx: Tx, plan: Record, params: DisableParams) -> Record:
    if plan.status != "active":
        raise invalid(f"This reserve plan is not active: its status is {plan.status}.")
    if params.release_holds:
        tx.schedule(RELEASE_ALL, plan.id, tx.now)
    return await end(tx, plan, "disable")


class DisableParams(Params, frozen=True, kw_only=True):
    """With `release_holds` the money comes back now, not on its own day."""

    release_holds: bool = False


RELEASE_ALL = "balance.release_plan"
_ID = "/v1/reserve/plans/{id}"
RESERVE_PLAN: Resource[Record] = Resource(
    object="reserve.plan",
    noun="reserve plan",
    prefix="resplan",
    record=Record,
    shape=Plan,
    life=LIFE,
    remembered="all",
    doc="A part of each payment that is held back, and when it is given back.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/reserve/plans", run=create, params=CreateParams, kind="create"),
        listing("/v1/reserve/plans"),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="disable", method="POST", path=f"{_ID}/disable", run=disable, params=DisableParams,
             summary="Hold nothing more by it; what it holds comes back on its day, or at once."),
    ),
)  # fmt: skip
RESOURCE = RESERVE_PLAN
