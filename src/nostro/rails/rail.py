"""What a payment method is made of: one value, data first, functions second.

A rail's file says what it takes to make one, what it accepts, and how its network answers; everything else
in the house treats all rails alike. `app.py` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from msgspec import UNSET, Struct

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.resource import Params
from nostro.storage.tx import Tx

Details = dict[str, Any]


class Made(Struct, frozen=True, kw_only=True):
    """A payment method as its rail made it: the public hash, and what the network knows it by.

    `token` replaces whatever secret number the caller sent; that number is kept nowhere.
    `supplied` names the data that came along for the network to check (cvc, line1, postal_code).
    """

    details: Details
    token: str
    fingerprint: str | None = None
    supplied: tuple[str, ...] = ()


class Attempt(Struct, frozen=True, kw_only=True):
    """One question to the network: may this be taken? Amount in minor units."""

    reference: str
    amount: int
    currency: str
    details: Details
    token: str
    supplied: tuple[str, ...] = ()
    options: Any = None
    manual: bool = False
    off_session: bool = False
    set_up: bool = False
    authenticated: Literal["succeeded", "failed"] | None = None
    now: int = 0


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`charge.outcome`: what the network and the risk rules said. Kept without what they did not say."""

    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    network_status: str | None = None
    reason: str | None = None
    risk_level: str | None = None
    risk_score: int | None = None
    rule: str | None = None
    seller_message: str | None = None
    type: str


class Accepted(Struct, frozen=True, kw_only=True):
    """Yes. `details` is the charge's `payment_method_details[rail]`; `follow_ups` are jobs that come of it."""

    details: Details
    outcome: Outcome
    authorization_code: str | None = None
    available_at_once: bool = False
    capture_before: int | None = None
    checks: Details | None = None
    follow_ups: tuple[str, ...] = ()


class Declined(Struct, frozen=True, kw_only=True):
    """No, and why. `charge_made`: a failed charge is shown for it."""

    error: ApiError
    details: Details
    outcome: Outcome
    charge_made: bool


class Challenge(Struct, frozen=True, kw_only=True):
    """The customer has to act first; `next_action` says how, `{url}` is where the hosted page stands."""

    kind: Literal["three_d_secure"]


Report = Accepted | Declined | Challenge
ParamsType = type[Params]
RefundFate = Literal["succeeds", "succeeds_later", "fails_later"]


class Rail(Struct, frozen=True, kw_only=True):
    """A way to pay.

    `data` and `options` are the parameters under `payment_method_data[type]` and `payment_method_options[type]`.
    `make` turns data into a payment method, `known` a published test id; `authorize` asks for a payment and
    `verify` asks whether the method may be saved. `charge_type` is the balance transaction's type.
    `setup_options` names the options that a setup takes too, `single_use_mandates` says that it may be for one payment.
    `absent` is what a charge's details show where nothing is known, and is not kept.
    """

    type: str
    title: str
    data: ParamsType
    update: ParamsType
    options: ParamsType
    make: Callable[[Any, Tx], Made]
    known: Callable[[str, Tx], Made | None]
    change: Callable[[Details, Any], Details]
    authorize: Callable[[Attempt], Report]
    verify: Callable[[Attempt], Report]
    refund_fate: Callable[[str], RefundFate]
    show_options: Callable[[Any], Details]
    charge_type: Literal["charge", "payment"] = "payment"
    refund_type: Literal["refund", "payment_refund"] = "payment_refund"
    authorization_seconds: int = 7 * 86_400
    currencies: frozenset[str] | None = None
    setup_options: frozenset[str] = frozenset()
    single_use_mandates: bool = False
    absent: Details = {}

    def kept(self, details: Details) -> Details:
        """A charge's details without what is absent."""
        return _without(self.absent, details)

    def shown(self, kept: Details) -> Details:
        """The details as they were."""
        return _filled(self.absent, kept)


def _without(absent: Details, details: Details) -> Details:
    out = {}
    for name, value in details.items():
        default = absent.get(name, UNSET)
        if value != default:
            inner = isinstance(default, dict) and isinstance(value, dict)
            out[name] = _without(default, value) if inner else value
    return out


def _filled(absent: Details, kept: Details) -> Details:
    out = {**absent, **kept}
    for name, inner in absent.items():
        if isinstance(inner, dict) and isinstance(out[name], dict):
            out[name] = {**inner, **out[name]}
    return out


def rail_of(tx: Tx, type: str, param: str = "payment_method_types") -> Rail:
    """The rail of a payment method type. Raises the API error about `param` for one that is not offered."""
    rail = tx.world.rails.get(type)
    if rail is None:
        raise invalid(
            f'The payment method type "{type[:40]}" is invalid. This server offers: {", ".join(tx.world.rails)}.',
            param, "payment_intent_invalid_parameter",
        )  # fmt: skip
    return cast(Rail, rail)
