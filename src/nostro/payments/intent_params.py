"""Parameters that payment intents and setup intents share."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from nostro.kernel.resource import Params, Unset

Maps = dict[str, Any]


class AutomaticParams(Params, frozen=True, kw_only=True):
    enabled: bool
    allow_redirects: Literal["always", "never"] | None = None


class OnlineParams(Params, frozen=True, kw_only=True):
    """`infer_from_client` is what browsers send; then the two others are not known here."""

    infer_from_client: bool = False
    ip_address: str | None = None
    user_agent: str | None = None


class AcceptanceParams(Params, frozen=True, kw_only=True):
    type: Literal["offline", "online"]
    accepted_at: int | None = None
    offline: Maps | None = None
    online: OnlineParams | None = None


class MandateDataParams(Params, frozen=True, kw_only=True):
    customer_acceptance: AcceptanceParams


class MethodParams(Params, frozen=True, kw_only=True):
    """How to pay, as create, update and confirm take it. `payment_method_types` is the older name of `allowed_...`."""

    allowed_payment_method_types: list[str] | None | Unset = UNSET
    excluded_payment_method_types: list[str] | None | Unset = UNSET
    payment_method: str | None | Unset = UNSET
    payment_method_data: Maps | None | Unset = UNSET
    payment_method_options: Maps | None | Unset = UNSET
    payment_method_types: list[str] | Unset = UNSET


class MicrodepositsParams(Params, frozen=True, kw_only=True):
    amounts: list[int] | None = None
    descriptor_code: str | None = None


class AuthenticateParams(Params, frozen=True, kw_only=True):
    """How the customer answers the challenge."""

    outcome: Literal["succeed", "fail"] = "succeed"
