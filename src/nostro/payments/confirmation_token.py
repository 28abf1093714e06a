"""Confirmation token: all that a customer's page has gathered to confirm with, sent ahead and used once.

It holds a payment method, saved only when the token is spent, with shipping, the use that the customer agreed
to and where to return to. What the confirming request itself says goes before what the token says. It may be
spent within twelve hours.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET

from nostro.kernel.address import Shipping, ShippingParams
from nostro.kernel.errors import invalid, missing
from nostro.kernel.params import convert
from nostro.kernel.resource import Metadata, Params, Resource, Shape, Stored, Verb, View, Wire, public, retrieve
from nostro.rails.rail import rail_of
from nostro.storage.tx import Tx

from . import payment_method as methods
from .intent_params import Maps, MethodParams
from .rules import check_return_url

LIFETIME = 12 * 3600
Usage = Literal["off_session", "on_session"]
# Of a payment method, what the preview does not show.
UNSEEN = frozenset(("id", "object", "created", "livemode", "metadata", "radar_options"))


class ConfirmationToken(Stored, frozen=True, kw_only=True):
    """`payment_method_preview` is added when it is rendered."""

    object: Literal["confirmation_token"] = "confirmation_token"
    expires_at: int | None
    livemode: bool = False
    mandate_data: dict[str, Any] | None = None
    metadata: Metadata | None = None
    payment_intent: str | None = None
    payment_method_options: dict[str, Any] | None = None
    return_url: str | None = None
    setup_future_usage: Usage | None = None
    setup_intent: str | None = None
    shipping: Shipping | None = None
    use_stripe_sdk: bool = True


class Record(ConfirmationToken, frozen=True, kw_only=True, omit_defaults=True):
    """`method` is saved when the token is spent, unless it is `known`: an attached one."""

    method: methods.Record
    known: bool = False


class PlanParams(Params, frozen=True, kw_only=True):
    type: Literal["bonus", "fixed_count", "revolving"]
    count: int | None = None
    interval: Literal["month"] | None = None


class InstallmentsParams(Params, frozen=True, kw_only=True):
    plan: PlanParams


class CardOptionsParams(Params, frozen=True, kw_only=True):
    installments: InstallmentsParams | None = None


class OptionsParams(Params, frozen=True, kw_only=True):
    card: CardOptionsParams | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    payment_method: str | None = None
    payment_method_data: Maps | None = None
    payment_method_options: OptionsParams | None = None
    return_url: str | None = None
    setup_future_usage: Usage | None = None
    shipping: ShippingParams | None = None


class Carried(Shape, frozen=True, kw_only=True):
    """`shipping` as the API shows it on a token: without the parcel's carrier and number."""

    address: Any
    name: str | None
    phone: str | None


def render(view: View, token: Record) -> Wire:
    method = methods.render(view, token.method)
    preview = {name: value for name, value in method.items() if name not in UNSEEN}
    wire = {**public(ConfirmationToken, token), "payment_method_preview": preview}
    if token.shipping is not None:
        wire["shipping"] = public(Carried, token.shipping)
    return wire


# What intents call -----------------------------------------------------------


P = TypeVar("P", bound=MethodParams)


async def filled(tx: Tx, params: P, intent: str) -> P:
    """The parameters with what their confirmation token holds; the token is spent on `intent`."""
    id: str | None = getattr(params, "confirmation_token", None)
    if id is None:
        return params
    token = await _spent(tx, id, intent)
    held: dict[str, Any] = {
        "payment_method_options": token.payment_method_options,
        "return_url": token.return_url,
        "setup_future_usage": token.setup_future_usage,
        "use_stripe_sdk": token.use_stripe_sdk,
    }
    if token.shipping is not None:
        held["shipping"] = msgspec.convert(msgspec.to_builtins(token.shipping), ShippingParams)
    if params.payment_method is UNSET and params.payment_method_data is UNSET:
        method = token.method if token.known else tx.save(msgspec.structs.replace(token.method, created=tx.now))
        held["payment_method"] = method.id
    taken = {
        name: value
        for name, value in held.items()
        if value is not None and getattr(params, name, "absent") in (UNSET, None, False)
    }
    return msgspec.structs.replace(params, confirmation_token=None, **taken)


async def _spent(tx: Tx, id: str, intent: str) -> Record:
    token = await tx.get(CONFIRMATION_TOKEN, id, "confirmation_token")
    if token.payment_intent or token.setup_intent:
        raise invalid(f"The confirmation token {id} was used already: it confirms one intent.", "confirmation_token",
                      "token_already_used")  # fmt: skip
    if token.expires_at is not None and token.expires_at <= tx.now:
        raise invalid(f"The confirmation token {id} has expired: it can be used for twelve hours.",
                      "confirmation_token", "resource_missing")  # fmt: skip
    on = {"setup_intent": intent} if intent.startswith("seti_") else {"payment_intent": intent}
    return tx.save(msgspec.structs.replace(token, **on))


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    """Test helper: be the customer's page."""
    check_return_url(params.return_url)
    method, known = await _method(tx, params)
    options = {}
    if params.payment_method_options is not None and params.payment_method_options.card is not None:
        form = msgspec.to_builtins(params.payment_method_options.card)
        convert(form, rail_of(tx, "card").options, "payment_method_options[card]")
        options["card"] = form
    return tx.save(
        Record(
            id=tx.new_id("ctoken"),
            created=tx.now,
            expires_at=tx.now + LIFETIME,
            livemode=tx.scope.livemode,
            payment_method_options=options or None,
            return_url=params.return_url,
            setup_future_usage=params.setup_future_usage,
            shipping=params.shipping.shape() if params.shipping else None,
            method=method,
            known=known,
        )
    )


async def _method(tx: Tx, params: CreateParams) -> tuple[methods.Record, bool]:
    if params.payment_method and params.payment_method_data:
        raise invalid(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            code="parameters_exclusive",
        )  # fmt: skip
    if params.payment_method:
        return await methods.usable(tx, params.payment_method), True
    if params.payment_method_data:
        return await methods.from_data(tx, params.payment_method_data), False
    raise missing("payment_method_data")


CONFIRMATION_TOKEN: Resource[Record] = Resource(
    object="confirmation_token",
    noun="ConfirmationToken",
    prefix="ctoken",
    record=Record,
    shape=ConfirmationToken,
    present=render,
    shown={"payment_method_preview": dict[str, Any], "shipping": Carried | None},
    doc="A customer's payment method and choices, gathered by a page, to confirm one intent with.",
    expands=("payment_intent", "setup_intent", "payment_method_preview.customer"),
    verbs=(
        Verb(name="create", method="POST", path="/v1/test_helpers/confirmation_tokens", run=create,
             params=CreateParams, kind="create", dev_only=True, access="publishable"),
        retrieve("/v1/confirmation_tokens/{id}"),
    ),
    errors=("token_already_used", "parameters_exclusive"),
)  # fmt: skip
RESOURCE = CONFIRMATION_TOKEN
