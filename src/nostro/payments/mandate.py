"""Mandate: a customer's permission to take money from a payment method, and how it was given.

    multi_use    for payments to come; ends when its payment method is detached
    single_use   for one payment of one amount; ends when that payment is made

It moves no money: charges that are made under it name it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Filter, Resource, Shape, Stored, Unset, View, Wire, public, retrieve
from nostro.storage.tx import Tx

from .intent_params import MandateDataParams

MOST_ENDED_AT_ONCE = 1000


class Online(Shape, frozen=True, kw_only=True):
    ip_address: str | None = None
    user_agent: str | None = None


class CustomerAcceptance(Shape, frozen=True, kw_only=True):
    """`online` or `offline` is shown, as `type` says."""

    accepted_at: int | None = None
    offline: dict[str, Any] | None = None
    online: Online | None = None
    type: Literal["offline", "online"]


class ShownAcceptance(Shape, frozen=True, kw_only=True):
    """As the API shows it: only the part that `type` names."""

    accepted_at: int | None
    offline: dict[str, Any] | Unset = UNSET
    online: Online | Unset = UNSET
    type: Literal["offline", "online"]


class SingleUse(Shape, frozen=True, kw_only=True):
    amount: int
    currency: str


class Mandate(Stored, frozen=True, kw_only=True):
    object: Literal["mandate"] = "mandate"
    customer_acceptance: CustomerAcceptance
    livemode: bool = False
    multi_use: dict[str, Any] | None = None
    payment_method: str
    payment_method_details: dict[str, Any]
    single_use: SingleUse | None = None
    status: Literal["active", "inactive"]
    type: Literal["multi_use", "single_use"]


class Record(Mandate, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing private."""


def render(_: View, mandate: Record) -> Wire:
    """Only the parts that `type` names are there, and mandates have no `created` in the API."""
    wire = {name: value for name, value in public(Mandate, mandate).items() if value is not None}
    del wire["created"]
    how = {name: value for name, value in public(CustomerAcceptance, mandate.customer_acceptance).items()
           if value is not None or name == "accepted_at"}  # fmt: skip
    return {**wire, "customer_acceptance": how}


M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move          from         to
    M("accept",      (),          "active",   meaning="The customer agreed."),
    M("accept_once", (),          "inactive", meaning="The customer agreed to the payment that it came with."),
    M("use_up",      ("active",), "inactive", emits=("mandate.updated",), meaning="Its one payment was made."),
    M("end",         ("active",), "inactive", emits=("mandate.updated",), meaning="Its method was detached."),
    rest=("active", "inactive"),
)
# fmt: on


# What intents call -----------------------------------------------------------


def acceptance(tx: Tx, data: MandateDataParams | None) -> CustomerAcceptance | None:
    """How the customer agreed, from `mandate_data`."""
    if data is None:
        return None
    given = data.customer_acceptance
    online = Online()
    if given.online is not None:
        online = Online(ip_address=given.online.ip_address, user_agent=given.online.user_agent)
    return CustomerAcceptance(
        accepted_at=given.accepted_at or tx.now,
        type=given.type,
        offline={} if given.type == "offline" else None,
        online=online if given.type == "online" else None,
    )


def accept(
    tx: Tx, method: str, rail: str, how: CustomerAcceptance, *, single: SingleUse | None = None, used: bool = False
) -> Record:
    """A new mandate on a payment method. `single`: for one payment; `used`: which is made in this same unit."""
    mandate = Record(
        id=tx.new_id("mandate"),
        created=tx.now,
        livemode=tx.scope.livemode,
        customer_acceptance=how,
        multi_use=None if single else {},
        payment_method=method,
        payment_method_details={"type": rail, rail: {}},
        single_use=single,
        status="active",
        type="single_use" if single else "multi_use",
    )
    return tx.move(mandate, LIFE["accept_once" if used else "accept"])


async def check(tx: Tx, id: str, method: str, single: SingleUse) -> None:
    """Raises unless the mandate allows a payment like `single` from this payment method."""
    mandate = await tx.get(MANDATE, id, "mandate")
    if mandate.status != "active":
        raise _unfit(f"The mandate {id} is inactive: it was used or its payment method was detached.")
    if mandate.payment_method != method:
        raise _unfit(f"The mandate {id} is not for the payment method {method}.")
    if mandate.single_use not in (None, single):
        raise _unfit(f"The mandate {id} is for one payment of another amount or currency.")


async def use(tx: Tx, id: str) -> None:
    """A payment was made under the mandate."""
    mandate = await tx.get(MANDATE, id, "mandate")
    if mandate.type == "single_use":
        tx.move(mandate, LIFE["use_up"])


async def end_of(tx: Tx, method: str) -> None:
    """The payment method was detached: nothing may be taken from it any more."""
    for mandate in await tx.all(MANDATE, {"payment_method": method}, limit=MOST_ENDED_AT_ONCE):
        if mandate.status == "active":
            tx.move(mandate, LIFE["end"])


def _unfit(message: str) -> ApiError:
    return invalid(message, "mandate", "payment_intent_mandate_invalid")


MANDATE: Resource[Record] = Resource(
    object="mandate",
    prefix="mandate",
    record=Record,
    shape=Mandate,
    present=render,
    shown={
        "created": UNSET,
        "customer_acceptance": ShownAcceptance,
        "multi_use": dict[str, Any] | Unset,
        "single_use": SingleUse | Unset,
    },
    life=LIFE,
    doc="A customer's permission to take money from a payment method, and how it was given.",
    filters=(Filter("payment_method"),),
    expands=("payment_method",),
    verbs=(retrieve("/v1/mandates/{id}"),),
    errors=("payment_intent_mandate_invalid",),
)
RESOURCE = MANDATE
