"""Setup intent, its shape and its life: the wish to save a payment method for payments to come.

It moves no money. Each confirmation is a setup attempt; when one succeeds the method is its customer's, and
may, if the usage is `off_session`, be charged while the customer is away.
"""

from __future__ import annotations

from typing import Any, Literal

from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Metadata, Stored

from .attempt import Terms
from .mandate import SingleUse

Status = Literal[
    "canceled", "processing", "requires_action", "requires_confirmation", "requires_payment_method", "succeeded",
]  # fmt: skip
Usage = Literal["off_session", "on_session"]
CancellationReason = Literal["abandoned", "duplicate", "requested_by_customer"]


class SetupIntent(Stored, frozen=True, kw_only=True):
    object: Literal["setup_intent"] = "setup_intent"
    allowed_payment_method_types: list[str] | None = None
    application: str | None = None
    automatic_payment_methods: dict[str, Any] | None = None
    cancellation_reason: CancellationReason | None = None
    client_secret: str
    customer: str | None = None
    customer_account: str | None = None
    description: str | None = None
    excluded_payment_method_types: list[str] | None = None
    flow_directions: list[str] | None = None
    last_setup_error: dict[str, Any] | None = None
    latest_attempt: str | None = None
    livemode: bool = False
    mandate: str | None = None
    metadata: Metadata = {}
    next_action: dict[str, Any] | None = None
    on_behalf_of: str | None = None
    payment_method: str | None = None
    payment_method_configuration_details: dict[str, Any] | None = None
    payment_method_options: dict[str, Any] = {}
    payment_method_types: list[str]
    single_use_mandate: str | None = None
    status: Status
    usage: Usage


class Record(SetupIntent, frozen=True, kw_only=True, omit_defaults=True):
    """`terms` are those of the attempt that the customer authenticates; `options` are the rails' as given.

    `single_use`: the mandate that comes of it is for one payment of this amount.
    """

    options: dict[str, Any] = {}
    single_use: SingleUse | None = None
    terms: Terms | None = None


OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move                 from  to                         emits
    M("create",             (),   "requires_payment_method", emits=("setup_intent.created",)),
    M("create_with_method", (),   "requires_confirmation",   emits=("setup_intent.created",)),
    M("choose_method",      OPEN, "requires_confirmation",   meaning="A payment method was given."),
    M("drop_method",        OPEN, "requires_payment_method", meaning="The method was taken away."),
    M("challenge",          OPEN, "requires_action",         emits=("setup_intent.requires_action",),
      meaning="The customer has to authenticate."),
    M("succeed",            OPEN, "succeeded",               emits=("setup_intent.succeeded",),
      meaning="The method is saved."),
    M("fail",               OPEN, "requires_payment_method", emits=("setup_intent.setup_failed",),
      meaning="Refused; another method may be tried."),
    M("cancel",             OPEN, "canceled",                emits=("setup_intent.canceled",)),
    rest=("succeeded", "canceled", "requires_payment_method", "requires_confirmation"),
)
# fmt: on
