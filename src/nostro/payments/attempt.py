"""What an attempt to pay and an attempt to set up share: its terms, the customer's challenge, the refusal."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.errors import ApiError
from nostro.kernel.resource import Stored
from nostro.rails.rail import Rail
from nostro.storage.tx import Tx

from .mandate import CustomerAcceptance
from .payment_method import Record as Method

# A customer who did not authenticate is remembered as a wrong use of the method, not as the card's refusal.
AUTHENTICATION_FAILED = ("payment_intent_authentication_failure", "setup_intent_authentication_failure")


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one confirmation is to be done. The intent keeps them while its customer authenticates.

    `supplied` names data that came with this confirmation for the network to check (a new CVC).
    """

    off_session: bool = False
    error_on_requires_action: bool = False
    return_url: str | None = None
    use_stripe_sdk: bool = False
    mandate: str | None = None
    acceptance: CustomerAcceptance | None = None
    supplied: tuple[str, ...] = ()


def options_of(rail: Rail, options: dict[str, Any]) -> Any:
    """The rail's own options, of those that an intent keeps."""
    given = options.get(rail.type)
    return msgspec.convert(given, rail.options) if given is not None else None


def hosted_url(tx: Tx, client_secret: str) -> str:
    """Where the customer authenticates."""
    return f"{tx.world.settings.public_url}/hosted/authenticate/{client_secret}"


def next_action(tx: Tx, client_secret: str, reference: str, terms: Terms) -> dict[str, Any]:
    """What the customer's page is to do: go to the hosted page, by itself or through the browser's SDK."""
    url = hosted_url(tx, client_secret)
    if terms.return_url and not terms.use_stripe_sdk:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": terms.return_url, "url": url}}
    sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "three_d_secure_2_source": reference}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def shown(tx: Tx, error: ApiError, method: Method) -> dict[str, Any]:
    """A refusal as the intent remembers it."""
    return {
        "type": "invalid_request_error" if error.code in AUTHENTICATION_FAILED else error.type,
        "message": error.message,
        **{name: value for name in ("code", "decline_code", "param") if (value := getattr(error, name))},
        **error.fields,
        "doc_url": f"{tx.world.settings.public_url}/docs/error-codes#{error.code}",
        "payment_method": msgspec.to_builtins(tx.view.render(method)),
    }


def refuse(tx: Tx, error: ApiError, method: Method, **intent: Stored) -> None:
    """Answer the refusal as a 402 that shows the intent and the method, and keep what was written."""
    error.objects |= {**intent, "payment_method": method}
    error.fields["payment_method_type"] = method.type
    tx.decline(error)
