"""API errors are values with Stripe's types and codes; the SDKs turn them into exceptions.

    ApiError
      invalid_request_error   400, 404, 409   a request that cannot be served as it is
      card_error              402             the payment method was refused; nothing is wrong with the request
      idempotency_error       400, 409        an Idempotency-Key used for something else
      authentication_error    401             no key, or a key that is not known     (type on the wire as Stripe's)
      api_error               500, 503        our fault; nothing was written

`codes.py` explains each code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """What a caller did wrong, or what the world answered. `objects` are shown in the error, rendered.

    `reason` is for a request that was turned away by a limit: the limit's family and name. `begun` is false if the
    request's form was wrong, so that nothing was looked at yet.
    """

    begun = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        objects: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        reason: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.objects = dict(objects or {})
        self.fields = dict(fields or {})
        self.reason = reason


def invalid(message: str, param: str | None = None, code: str | None = None, **objects: Any) -> ApiError:
    """400: the request cannot be served as it is."""
    return ApiError(message, param=param, code=code, objects=objects)


def no_such(noun: str, id: str, param: str = "id") -> ApiError:
    """The object is not there for this caller. 404 if the URL names it, 400 if a parameter does."""
    status = 404 if param in ("id", "intent") else 400
    return ApiError(f"No such {noun}: '{id[:100]}'", status=status, code="resource_missing", param=param)


def missing(param: str) -> ApiError:
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def unknown_param(param: str) -> ApiError:
    return invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")


def card_error(message: str, code: str, decline_code: str | None = None, param: str | None = None) -> ApiError:
    """402: refused by the network, the issuer or a risk rule."""
    return ApiError(message, status=402, type="card_error", code=code, decline_code=decline_code, param=param)


def no_access(account: str) -> ApiError:
    """403: the account is another's, or there is none."""
    return ApiError(
        f"The provided key does not have access to account '{account[:60]}' (or that account does not exist).",
        status=403, code="account_invalid",
    )  # fmt: skip


def unavailable() -> ApiError:
    """503: what we stand on does not answer. A retry with the same Idempotency-Key is safe."""
    return ApiError(
        "The database cannot be used right now. Nothing is lost: try again in a moment, with the same "
        "Idempotency-Key if you used one.", status=503, type="api_error",
    )  # fmt: skip


def rate_limited(message: str, limit: str) -> ApiError:
    """429: a key asks for more than it may. `limit` is Stripe's word for which: global-rate, global-concurrency."""
    text = f"{message} Wait a moment and try again; the SDKs do so by themselves."
    return ApiError(text, status=429, code="rate_limit", reason=("limited", limit))


def overloaded(message: str, kind: str) -> ApiError:
    """503: the server cannot take this now. Nothing was begun, so a retry is safe."""
    text = f"{message} Nothing was begun: try again in a moment; the SDKs do so by themselves."
    return ApiError(text, status=503, type="api_error", reason=("shed", kind))


class Conflict(Exception):
    """A record changed between read and commit; the verb runs again on fresh reads."""


class Refused(Exception):
    """An account limit refused an entry at commit. Nothing of the unit was written."""

    def __init__(self, account: str, currency: str, refusal: str, short_by: int) -> None:
        super().__init__(f"{account} ({currency}) would be short by {short_by} minor units: {refusal}")
        self.account = account
        self.currency = currency
        self.refusal = refusal
        self.short_by = short_by


REFUSALS = {
    "balance_insufficient": "You have insufficient available funds in your balance for this. "
    "In a test sandbox, charge the card 4000000000000077 to add to the available balance at once.",
    "ledger_floor_exceeded": "The account {account} would stand {short_by} {currency} (minor units) below its floor.",
    "ledger_ceiling_exceeded": "The account {account} would stand {short_by} {currency} (minor units) above its "
    "ceiling.",
    "ledger_period_closed": "The books are closed for the time at which this entry would take effect: give it a later "
    "effective_at. What corrects a closed period is booked after it, and names it as its period.",
}


def refused(refusal: Refused) -> ApiError:
    """The API's answer to an account limit."""
    text = REFUSALS[refusal.refusal]
    shown = text.format(account=refusal.account, short_by=refusal.short_by, currency=refusal.currency)
    return invalid(shown, code=refusal.refusal)
