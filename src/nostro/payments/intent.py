"""Payment intent, its shape and its life: the wish to be paid an amount, from first word to last.

An intent moves no money itself: its charges do. It tells where the payment stands, remembers the last refusal,
and rests when it has succeeded, was canceled, or waits for its owner.
"""

from __future__ import annotations

from typing import Any, Literal

from nostro.kernel.address import Shipping
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Metadata, Shape, Stored

from .attempt import Terms

Status = Literal[
    "canceled", "processing", "requires_action", "requires_capture", "requires_confirmation",
    "requires_payment_method", "succeeded",
]  # fmt: skip
CaptureMethod = Literal["automatic", "automatic_async", "manual"]
Usage = Literal["off_session", "on_session"]


class LineItem(Shape, frozen=True, kw_only=True):
    """One line of `amount_details`, in minor units."""

    id: str
    object: Literal["payment_intent_amount_details_line_item"] = "payment_intent_amount_details_line_item"
    discount_amount: int | None = None
    payment_method_options: dict[str, Any] | None = None
    product_code: str | None = None
    product_name: str
    quantity: int
    tax: dict[str, Any] | None = None
    unit_cost: int
    unit_of_measure: str | None = None


class PaymentIntent(Stored, frozen=True, kw_only=True):
    object: Literal["payment_intent"] = "payment_intent"
    allowed_payment_method_types: list[str] | None = None
    amount: int
    amount_capturable: int = 0
    amount_details: dict[str, Any] = {}
    amount_received: int = 0
    application: str | None = None
    application_fee_amount: int | None = None
    automatic_payment_methods: dict[str, Any] | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    capture_method: CaptureMethod
    client_secret: str
    confirmation_method: Literal["automatic", "manual"]
    currency: str
    customer: str | None = None
    customer_account: str | None = None
    description: str | None = None
    excluded_payment_method_types: list[str] | None = None
    last_payment_error: dict[str, Any] | None = None
    latest_charge: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    next_action: dict[str, Any] | None = None
    on_behalf_of: str | None = None
    payment_details: dict[str, Any] | None = None
    payment_method: str | None = None
    payment_method_configuration_details: dict[str, Any] | None = None
    payment_method_options: dict[str, Any] = {}
    payment_method_types: list[str]
    processing: dict[str, Any] | None = None
    receipt_email: str | None = None
    review: str | None = None
    setup_future_usage: Usage | None = None
    shipping: Shipping | None = None
    source: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: Status
    transfer_data: dict[str, Any] | None = None
    transfer_group: str | None = None


class Record(PaymentIntent, frozen=True, kw_only=True, omit_defaults=True):
    """`attempt` is the charge that the customer is authenticating, on these `terms`.

    `authenticated`: the customer did, and a second confirmation is awaited, as `confirmation_method` is manual.
    `options` are the rails' as they were given.
    """

    attempt: str | None = None
    authenticated: bool = False
    options: dict[str, Any] = {}
    terms: Terms | None = None
    line_items: list[dict[str, Any]] = []


NEW = "requires_payment_method"
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*OPEN, "requires_capture")
M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move                from                  to                         emits
    M("create",            (),                   "requires_payment_method", emits=("payment_intent.created",)),
    M("create_with_method", (),                  "requires_confirmation",   emits=("payment_intent.created",)),
    M("choose_method",     OPEN,                 "requires_confirmation",   meaning="A payment method was given."),
    M("drop_method",       OPEN,                 "requires_payment_method", meaning="The method was taken away."),
    M("challenge",         OPEN,                 "requires_action",         emits=("payment_intent.requires_action",),
      meaning="The customer has to authenticate."),
    M("authenticate",      ("requires_action",), "requires_confirmation",
      meaning="The customer did; with manual confirmation, the merchant's server confirms once more."),
    M("authorize",         OPEN,                 "requires_capture",
      emits=("payment_intent.amount_capturable_updated",), meaning="The amount is held."),
    M("increment",         ("requires_capture",), "requires_capture",
      emits=("payment_intent.amount_capturable_updated",), meaning="The hold was raised."),
    M("succeed",           OPEN,                 "succeeded",               emits=("payment_intent.succeeded",)),
    M("fail",              OPEN,                 "requires_payment_method", emits=("payment_intent.payment_failed",),
      meaning="Refused; another method may be tried."),
    M("capture",           ("requires_capture",), "succeeded",              emits=("payment_intent.succeeded",)),
    M("cancel",            CANCELABLE,           "canceled",                emits=("payment_intent.canceled",)),
    rest=("succeeded", "canceled", "requires_payment_method", "requires_confirmation"),
)
# fmt: on
