"""How an intent is to be paid: which rails it accepts, with which options, and by which payment method."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import invalid, unknown_param
from nostro.kernel.params import convert
from nostro.kernel.resource import Unset
from nostro.rails.rail import Rail, rail_of
from nostro.storage.tx import Tx

from . import payment_method as methods
from .intent_params import AutomaticParams, Maps, MethodParams

TYPES = "payment_method_types"
ALLOWED = "allowed_payment_method_types"
EXCLUDED = "excluded_payment_method_types"


def accepted_types(
    tx: Tx, params: MethodParams, automatic: AutomaticParams | None = None, currency: str | None = None
) -> dict[str, Any]:
    """The intent's fields about types: exactly those named, or all that fit, less those that are excluded."""
    if params.payment_method_types is not UNSET:
        if automatic and automatic.enabled:
            raise invalid(
                f"You may only specify one of these parameters: automatic_payment_methods, {TYPES}.",
                code="parameters_exclusive",
            )  # fmt: skip
        for n, type in enumerate(params.payment_method_types):
            rail_of(tx, type, f"{TYPES}[{n}]")
        return {TYPES: params.payment_method_types, "automatic_payment_methods": None}
    allowed, excluded = params.allowed_payment_method_types or None, params.excluded_payment_method_types or None
    types = [
        type for type, rail in tx.world.rails.items()
        if (allowed is None or type in allowed) and type not in (excluded or ()) and _takes(rail, currency)
    ]  # fmt: skip
    if not types:
        raise invalid(
            f"None of the payment method types that are left is offered here: {', '.join(tx.world.rails)}.",
            ALLOWED if allowed else EXCLUDED, "payment_intent_invalid_parameter",
        )  # fmt: skip
    fields: dict[str, Any] = {TYPES: types, ALLOWED: allowed, EXCLUDED: excluded, "automatic_payment_methods": None}
    if automatic is None or automatic.enabled:
        redirects = automatic.allow_redirects if automatic else None
        fields["automatic_payment_methods"] = {"allow_redirects": redirects or "always", "enabled": True}
    return fields


def changed_types(tx: Tx, params: MethodParams, currency: str | None = None) -> dict[str, Any]:
    """The same for an update; nothing where the caller says nothing about types."""
    if all(getattr(params, name) is UNSET for name in (TYPES, ALLOWED, EXCLUDED)):
        return {}
    return accepted_types(tx, params, None, currency)


def _takes(rail: Rail, currency: str | None) -> bool:
    return currency is None or rail.currencies is None or currency in rail.currencies


def options(tx: Tx, kept: Maps, given: Maps | None | Unset, *, setup: bool = False) -> dict[str, Any]:
    """The intent's `options`, as they were given; payments/shown.py shows them as `payment_method_options`."""
    kept = dict(kept)
    for type, form in ({} if given is UNSET else given or {}).items():
        param = f"payment_method_options[{type}]"
        rail = rail_of(tx, type, param)
        for name in form or {}:
            if setup and name not in rail.setup_options:
                raise unknown_param(f"{param}[{name}]")
        parsed = msgspec.to_builtins(convert(form or {}, rail.options, param))
        kept[type] = {**kept.get(type, {}), **{name: value for name, value in parsed.items() if name in (form or {})}}
    return {"options": kept} if kept else {}


async def method(tx: Tx, params: MethodParams, customer: str | None) -> methods.Record | None:
    """The payment method that the caller named or described, checked; None if there was none."""
    named, data = params.payment_method or None, params.payment_method_data or None
    if named and data:
        raise invalid(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            code="parameters_exclusive",
        )  # fmt: skip
    if named:
        chosen = await methods.usable(tx, named)
    elif data:
        chosen = tx.save(await methods.from_data(tx, data))
    else:
        return None
    methods.check_usable(chosen, customer)
    return chosen


def check_accepted(chosen: methods.Record, types: list[str], noun: str, code: str) -> None:
    """Raises if an intent does not take this type of method."""
    if chosen.type not in types:
        raise invalid(
            f"The PaymentMethod provided ({chosen.type}) is not allowed for this {noun}, which accepts "
            f"{', '.join(types)}.", "payment_method", code,
        )  # fmt: skip
