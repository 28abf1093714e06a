"""Setup attempt: one confirmation of a setup intent, and what the network answered. It moves no money."""

from __future__ import annotations

from typing import Any, Literal

from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Filter, Resource, Stored, listing

Status = Literal["abandoned", "failed", "requires_action", "requires_confirmation", "succeeded"]


class SetupAttempt(Stored, frozen=True, kw_only=True):
    object: Literal["setup_attempt"] = "setup_attempt"
    application: str | None = None
    customer: str | None = None
    customer_account: str | None = None
    flow_directions: list[str] | None = None
    livemode: bool = False
    on_behalf_of: str | None = None
    payment_method: str
    payment_method_details: dict[str, Any]
    setup_error: dict[str, Any] | None = None
    setup_intent: str
    status: Status
    usage: Literal["off_session", "on_session"]


class Record(SetupAttempt, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing private."""


M = Move[Record]
WAITING = ("requires_confirmation", "requires_action")
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move         from         to
    M("start",      (),          "requires_confirmation", meaning="The network is asked."),
    M("challenge",  WAITING[:1], "requires_action",       meaning="The customer has to authenticate."),
    M("succeed",    WAITING,     "succeeded",             meaning="Accepted."),
    M("fail",       WAITING,     "failed",                meaning="Refused, or not authenticated."),
    M("abandon",    WAITING,     "abandoned",             meaning="Canceled, or tried again in another way."),
    rest=("succeeded", "failed", "abandoned"),
)
# fmt: on

BY_INTENT = Filter("setup_intent", required=True)
SETUP_ATTEMPT: Resource[Record] = Resource(
    object="setup_attempt",
    prefix="setatt",
    record=Record,
    shape=SetupAttempt,
    life=LIFE,
    doc="One attempt to set up a payment method, and what the network answered.",
    filters=(BY_INTENT,),
    expands=("customer", "payment_method", "setup_intent", "setup_error.payment_method", "on_behalf_of", "application"),
    verbs=(listing("/v1/setup_attempts", BY_INTENT),),
)
RESOURCE = SETUP_ATTEMPT
