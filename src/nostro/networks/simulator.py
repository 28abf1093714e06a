"""The card network as pure functions: a request is a value, the report is a value, nothing is remembered.

    authorize   a payment:      Approved, Declined or Challenge
    setup       saving a card:  the same three
    attach      saving a card with nobody there to authenticate: Approved or Declined

The same request always gives the same report: every code in it is derived from `reference`, which the caller
made and stored before it asked. So an answer that was lost is asked for again, and is the same answer.

The order is a real payment's: risk rules stop it before it leaves (`not_sent_to_network`), then 3-D Secure,
then the issuer (`declined_by_network`), then the rules about what the issuer checked, which take back an
approval (`reversed_after_approval`). `Outcome` is `charge.outcome` field by field.

A Challenge means: nothing was sent, authenticate and ask again with `authenticated` set. A Declined with
`charge_made` false leaves no charge behind: the attempt ended before there was anything to charge.
"""

import hashlib
import string
from functools import lru_cache
from typing import Final, Literal

import msgspec

from nostro.networks.test_cards import (
    GENERIC_DECLINE,
    Advice,
    Check,
    Decline,
    OutcomeType,
    RiskLevel,
    SimulatedCard,
    card_of,
)

Authenticated = Literal["succeeded", "failed", "attempted"]
RequestThreeDSecure = Literal["automatic", "any", "challenge"]
NetworkStatus = Literal["approved_by_network", "declined_by_network", "not_sent_to_network", "reversed_after_approval"]


class RiskRules(msgspec.Struct, frozen=True, kw_only=True):
    """The merchant's built-in rules that a test card can run into, as they are for a new account."""

    block_highest_risk: bool = True
    review_elevated_risk: bool = True
    block_cvc_failure: bool = True
    block_postal_code_failure: bool = False
    block_dynamic_risk_threshold: bool = False
    adaptive_three_d_secure: bool = False


DEFAULT_RULES: Final = RiskRules()


class CardRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a request to the network carries besides money.

    `profile` is the stored slug of the card (`test_cards.profile_of`). `reference` is unique to this attempt.
    The three `..._supplied` say which data is on file for the issuer to check. `authenticated` is how the
    3-D Secure challenge of this attempt ended, None before there was one.
    """

    profile: str
    reference: str
    cvc_supplied: bool = False
    line1_supplied: bool = False
    postal_code_supplied: bool = False
    authenticated: Authenticated | None = None
    request_three_d_secure: RequestThreeDSecure = "automatic"
    rules: RiskRules = DEFAULT_RULES


class Setup(CardRequest, frozen=True, kw_only=True):
    """Verify and save a card with its holder present."""


class Authorization(CardRequest, frozen=True, kw_only=True):
    """Hold `amount` (minor units of `currency`). `setup_done`: the card was set up with authentication.

    Callers that cannot present a challenge at all (the old charges endpoint) say `off_session` too.
    """

    amount: int
    currency: str
    off_session: bool = False
    setup_done: bool = False


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_method_details.card.checks`: None where there was nothing to check."""

    address_line1_check: Check | None = None
    address_postal_code_check: Check | None = None
    cvc_check: Check | None = None


class ThreeDSecure(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_method_details.card.three_d_secure`."""

    result: Literal["authenticated", "attempt_acknowledged", "failed", "not_supported", "processing_error"]
    result_reason: str | None = None
    authentication_flow: Literal["challenge", "frictionless"] | None = None
    electronic_commerce_indicator: str | None = None
    exemption_indicator: str | None = None
    transaction_id: str | None = None
    version: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`charge.outcome`."""

    network_status: NetworkStatus
    type: OutcomeType
    seller_message: str
    risk_level: RiskLevel
    risk_score: int
    reason: str | None = None
    rule: str | None = None
    advice_code: Advice | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None


class Approved(msgspec.Struct, frozen=True, kw_only=True, tag="approved"):
    """The issuer said yes. `authorization_code` and `network_transaction_id` go on the charge."""

    authorization_code: str
    network_transaction_id: str
    outcome: Outcome
    checks: Checks
    three_d_secure: ThreeDSecure | None = None


class Declined(msgspec.Struct, frozen=True, kw_only=True, tag="declined"):
    """Somebody said no. The first seven fields are the API error's; `charge_made`: a failed charge exists."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None
    advice_code: Advice | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    charge_made: bool
    outcome: Outcome
    checks: Checks
    three_d_secure: ThreeDSecure | None = None


class Challenge(msgspec.Struct, frozen=True, kw_only=True, tag="challenge"):
    """3-D Secure comes first. "frictionless": it succeeds with nothing for the customer to do.

    `screen` is the mobile screen that the card is for, None for whichever.
    """

    flow: Literal["challenge", "frictionless"]
    screen: str | None = None


Report = Approved | Declined | Challenge

RULE_BLOCK_HIGHEST: Final = "block_if_high_risk"
RULE_REVIEW_ELEVATED: Final = "manual_review_if_elevated_risk"
RULE_BLOCK_CVC: Final = "block_if_cvc_check_fails"
RULE_BLOCK_POSTAL_CODE: Final = "block_if_postal_code_check_fails"
RULE_BLOCK_DYNAMIC: Final = "block_if_dynamic_risk_threshold"

AUTHENTICATION_REQUIRED: Final = Decline(
    code="authentication_required",
    decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
    network_decline_code="1A",
)
AUTHENTICATION_REQUIRED_BY_RULE: Final = msgspec.structs.replace(AUTHENTICATION_REQUIRED, network_decline_code=None)
FRAUDULENT: Final = Decline(code="card_declined", decline_code="fraudulent", message="Your card was declined.")
CVC_CHECK_FAILED: Final = Decline(code="incorrect_cvc", message="Your card's security code is incorrect.", param="cvc")
POSTAL_CODE_CHECK_FAILED: Final = Decline(
    code="incorrect_zip", message="The zip code you supplied failed validation.", param="address_zip"
)
_COULD_NOT_AUTHENTICATE: Final = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
PAYMENT_AUTHENTICATION_FAILED: Final = Decline(
    code="payment_intent_authentication_failure", message=_COULD_NOT_AUTHENTICATE
)
SETUP_AUTHENTICATION_FAILED: Final = Decline(
    code="setup_intent_authentication_failure", message=_COULD_NOT_AUTHENTICATE
)


def authorize(request: Authorization) -> Report:
    """Ask the network for a payment."""
    assert request.amount > 0, "an authorization is for a positive amount"
    card = card_of(request.profile)
    blocked = _blocked_by_risk(card, request)
    if blocked is not None:
        return blocked
    if request.off_session:
        if _needs_customer_off_session(card, request.setup_done):
            if card.three_d_secure == "required":
                # A rule asks for it, not the issuer: the attempt ends here, with no charge.
                return _declined(card, request, AUTHENTICATION_REQUIRED_BY_RULE, charge=False)
            return _declined(card, request, AUTHENTICATION_REQUIRED, charge=True)
        return _issuer(card, request, None, charge=True)
    step = _three_d_secure(card, request, PAYMENT_AUTHENTICATION_FAILED, charge=True)
    if isinstance(step, Declined | Challenge):
        return step
    return _issuer(card, request, step, charge=True)


def setup(request: Setup) -> Report:
    """Verify a card with its holder present, so that it can be charged later without."""
    card = card_of(request.profile)
    step = _three_d_secure(card, request, SETUP_AUTHENTICATION_FAILED, charge=False)
    if isinstance(step, Declined | Challenge):
        return step
    return _verify(card, request, step)


def attach(request: Setup) -> Approved | Declined:
    """Verify a card that is attached to a customer; nobody is asked to authenticate."""
    return _verify(card_of(request.profile), request, None)


# --- 1. before the network


def _blocked_by_risk(card: SimulatedCard, request: CardRequest) -> Declined | None:
    rules = request.rules
    rule: str | None = None
    if card.risk_level == "highest" and rules.block_highest_risk:
        rule = RULE_BLOCK_HIGHEST
    elif card.radar_signal == "dynamic_risk_threshold" and rules.block_dynamic_risk_threshold:
        rule = RULE_BLOCK_DYNAMIC
    elif not card.always_blocked:
        return None
    outcome = Outcome(
        network_status="not_sent_to_network",
        type="blocked",
        reason="rule" if rule == RULE_BLOCK_DYNAMIC else "highest_risk_level",
        rule=rule,
        seller_message="This payment was blocked as too risky, before it reached the bank.",
        risk_level=card.risk_level,
        risk_score=_risk_score(card, request.reference),
    )
    return _error(FRAUDULENT, outcome, Checks(), None, charge=True)


# --- 2. authentication


def _needs_customer_off_session(card: SimulatedCard, setup_done: bool) -> bool:
    use = card.three_d_secure
    return use in ("required", "required_always") or (use == "required_unless_set_up" and not setup_done)


def _three_d_secure(
    card: SimulatedCard, request: CardRequest, failure: Decline, *, charge: bool
) -> ThreeDSecure | Declined | Challenge | None:
    """How authentication stands: done (with its result), not called for (None), still to do, or over."""
    use, how = card.three_d_secure, card.three_d_secure_outcome
    must = use in ("required", "required_on_session", "required_unless_set_up", "required_always")
    asked = request.request_three_d_secure != "automatic" or (
        card.radar_signal == "adaptive_3ds" and request.rules.adaptive_three_d_secure
    )
    if request.authenticated is None and not (must or asked):
        return None
    if use == "not_supported":
        return ThreeDSecure(result="not_supported")
    if how == "processing_error":
        failed_lookup = ThreeDSecure(result="processing_error")
        if must:
            return _declined(card, request, GENERIC_DECLINE, charge=charge, authentication=failed_lookup)
        return failed_lookup
    if use in ("bypassed", "not_enrolled"):
        reason = "card_not_enrolled" if use == "not_enrolled" else None
        return _result(card, request, "attempt_acknowledged", reason)
    if request.authenticated is None:
        flow: Literal["challenge", "frictionless"] = "frictionless" if how == "frictionless" else "challenge"
        return Challenge(flow=flow, screen=card.challenge_flow)
    if request.authenticated == "failed":
        result = _result(card, request, "failed", "rejected")
        return _declined(card, request, failure, charge=False, authentication=result)
    if request.authenticated == "attempted":
        return _result(card, request, "attempt_acknowledged", None)
    return _result(card, request, "authenticated", None)


# The Electronic Commerce Indicator by result: Mastercard counts from 0, every other network from 5.
_ECI: Final = {"authenticated": ("05", "02"), "attempt_acknowledged": ("06", "01")}


def _result(
    card: SimulatedCard,
    request: CardRequest,
    result: Literal["authenticated", "attempt_acknowledged", "failed"],
    reason: str | None,
) -> ThreeDSecure:
    flow: Literal["challenge", "frictionless"] | None = None
    if result != "attempt_acknowledged":
        flow = "frictionless" if card.three_d_secure_outcome == "frictionless" else "challenge"
    indicators = _ECI.get(result)
    number = _part(request.reference, "3ds").hex()
    return ThreeDSecure(
        result=result,
        result_reason=reason,
        authentication_flow=flow,
        electronic_commerce_indicator=indicators[card.brand == "mastercard"] if indicators else None,
        transaction_id="-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:32])),
        version="2.2.0",
    )


# --- 3. the issuer


def _verify(card: SimulatedCard, request: Setup, authentication: ThreeDSecure | None) -> Approved | Declined:
    if card.decline is not None and card.decline.when == "charge":
        # Such a card exists to be saved first and to fail later.
        card = msgspec.structs.replace(card, decline=None)
    return _issuer(card, request, authentication, charge=False)


def _issuer(
    card: SimulatedCard, request: CardRequest, authentication: ThreeDSecure | None, *, charge: bool
) -> Approved | Declined:
    decline = card.decline
    if decline is not None and (request.cvc_supplied or not decline.only_with_cvc):
        made = charge and decline.when != "tokenize"
        return _declined(card, request, decline, charge=made, authentication=authentication)
    checks = _checks(card, request)
    refused = _blocked_by_checks(card, request, checks, authentication, charge=charge)
    if refused is not None:
        return refused
    return Approved(
        authorization_code=_number(request.reference, "authorization", 6),
        network_transaction_id=_network_transaction_id(card, request.reference),
        outcome=_approval(card, request),
        checks=checks,
        three_d_secure=authentication,
    )


def _approval(card: SimulatedCard, request: CardRequest) -> Outcome:
    review = card.risk_level == "elevated" and request.rules.review_elevated_risk
    return Outcome(
        network_status="approved_by_network",
        type="manual_review" if review else "authorized",
        reason="elevated_risk_level" if review else None,
        rule=RULE_REVIEW_ELEVATED if review else None,
        seller_message=(
            "The payment went through; its risk is elevated, so it waits for your review."
            if review
            else "Payment complete."
        ),
        risk_level=card.risk_level,
        risk_score=_risk_score(card, request.reference),
    )


def _declined(
    card: SimulatedCard,
    request: CardRequest,
    decline: Decline,
    *,
    charge: bool,
    authentication: ThreeDSecure | None = None,
) -> Declined:
    """A no from the issuer; or, with no network code, one that the network never saw."""
    reason = decline.decline_code or decline.code
    sent = decline.network_decline_code is not None
    if reason == "generic_decline":
        seller_message = "The bank gave no further details with this decline."
    elif sent:
        seller_message = f"The bank answered with the decline code `{reason}`."
    else:
        seller_message = f"The payment ended before it reached the bank, with `{reason}`."
    outcome = Outcome(
        network_status="declined_by_network" if sent else "not_sent_to_network",
        type="issuer_declined" if sent else "invalid",
        reason=reason,
        seller_message=seller_message,
        risk_level=card.risk_level,
        risk_score=_risk_score(card, request.reference),
        advice_code=decline.advice_code,
        network_decline_code=decline.network_decline_code,
        network_advice_code=decline.network_advice_code,
    )
    checks = _checks(card, request) if sent else Checks()
    if decline.code == "incorrect_cvc":
        checks = msgspec.structs.replace(checks, cvc_check="fail")
    return _error(decline, outcome, checks, authentication, charge=charge)


# --- 4. after the approval


def _checks(card: SimulatedCard, request: CardRequest) -> Checks:
    return Checks(
        cvc_check=card.cvc_check if request.cvc_supplied else None,
        address_line1_check=card.address_line1_check if request.line1_supplied else None,
        address_postal_code_check=card.address_postal_code_check if request.postal_code_supplied else None,
    )


def _blocked_by_checks(
    card: SimulatedCard,
    request: CardRequest,
    checks: Checks,
    authentication: ThreeDSecure | None,
    *,
    charge: bool,
) -> Declined | None:
    if checks.cvc_check == "fail" and request.rules.block_cvc_failure:
        decline, rule, what = CVC_CHECK_FAILED, RULE_BLOCK_CVC, "security code"
    elif checks.address_postal_code_check == "fail" and request.rules.block_postal_code_failure:
        decline, rule, what = POSTAL_CODE_CHECK_FAILED, RULE_BLOCK_POSTAL_CODE, "postal code"
    else:
        return None
    outcome = Outcome(
        network_status="reversed_after_approval",
        type="blocked",
        reason="rule",
        rule=rule,
        seller_message=f"One of your rules blocked this payment, because the {what} check failed.",
        risk_level=card.risk_level,
        risk_score=_risk_score(card, request.reference),
    )
    return _error(decline, outcome, checks, authentication, charge=charge)


def _error(
    decline: Decline, outcome: Outcome, checks: Checks, authentication: ThreeDSecure | None, *, charge: bool
) -> Declined:
    return Declined(
        code=decline.code,
        message=decline.message,
        decline_code=decline.decline_code,
        param=decline.param,
        advice_code=decline.advice_code,
        network_decline_code=decline.network_decline_code,
        network_advice_code=decline.network_advice_code,
        charge_made=charge,
        outcome=outcome,
        checks=checks,
        three_d_secure=authentication,
    )


# --- codes, all derived from the reference


_PARTS = {"authorization": slice(0, 16), "transaction": slice(16, 32), "risk": slice(32, 48), "3ds": slice(48, 64)}


@lru_cache(maxsize=256)
def _digest(reference: str) -> bytes:
    return hashlib.sha512(reference.encode()).digest()


def _part(reference: str, purpose: str) -> bytes:
    return _digest(reference)[_PARTS[purpose]]


def _number(reference: str, purpose: str, length: int) -> str:
    return f"{int.from_bytes(_part(reference, purpose), 'big') % 10**length:0{length}}"


def _network_transaction_id(card: SimulatedCard, reference: str) -> str:
    """Visa numbers its transactions with 15 digits; Mastercard with a prefix and 6 letters or digits."""
    if card.brand != "mastercard":
        return _number(reference, "transaction", 15)
    letters = string.ascii_uppercase + string.digits
    return "MCC" + "".join(letters[byte % len(letters)] for byte in _part(reference, "transaction")[:6])


def _risk_score(card: SimulatedCard, reference: str) -> int:
    """The row's own score, or for an ordinary card one below 65, where "elevated" begins."""
    if card.risk_score is not None:
        return card.risk_score
    return int(_number(reference, "risk", 6)) % 65
