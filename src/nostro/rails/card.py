"""Cards. In test mode the network is the built-in simulator, which answers by the published test numbers.

The number is exchanged for the network's token at once and kept nowhere: what is stored is the token, the last
four digits and a fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import utc_date
from nostro.kernel.errors import ApiError, card_error, invalid
from nostro.kernel.resource import Params, Unset
from nostro.networks import simulator, test_cards
from nostro.networks.test_cards import SimulatedCard
from nostro.storage.tx import Tx

from .rail import Accepted, Attempt, Challenge, Declined, Details, Made, Outcome, Rail, RefundFate, Report

AUTHORIZATION_SECONDS = 7 * 86_400
SETUP_SHOWS = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
LEGACY_BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
"""How `card` objects spell brands."""
Network = Literal[
    "amex", "cartes_bancaires", "diners", "discover", "eftpos_au", "girocard", "interac", "jcb", "link",
    "mastercard", "unionpay", "unknown", "visa",
]  # fmt: skip


class NetworksParams(Params, frozen=True, kw_only=True):
    preferred: Literal["cartes_bancaires", "mastercard", "visa"] | None = None


class Data(Params, frozen=True, kw_only=True):
    """`payment_method_data[card]`: a number with its expiry, or a token made from one."""

    number: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    cvc: str | None = None
    networks: NetworksParams | None = None
    token: str | None = None


class Update(Params, frozen=True, kw_only=True):
    exp_month: Annotated[int, Meta(ge=1, le=12)] | Unset = UNSET
    exp_year: int | Unset = UNSET
    networks: NetworksParams | Unset = UNSET


class InstallmentsPlan(Params, frozen=True, kw_only=True):
    type: Literal["bonus", "fixed_count", "revolving"]
    count: int | None = None
    interval: Literal["month"] | None = None


class Installments(Params, frozen=True, kw_only=True):
    enabled: bool = False
    plan: InstallmentsPlan | None = None


class MandateOptions(Params, frozen=True, kw_only=True):
    amount: int
    amount_type: Literal["fixed", "maximum"]
    interval: Literal["day", "month", "sporadic", "week", "year"]
    reference: str
    start_date: int
    currency: str | None = None
    description: str | None = None
    end_date: int | None = None
    interval_count: int | None = None
    supported_types: list[Literal["india"]] | None = None


class External3DS(Params, frozen=True, kw_only=True):
    """The result of a 3-D Secure authentication that ran elsewhere."""

    cryptogram: str
    transaction_id: str
    version: Literal["1.0.2", "2.1.0", "2.2.0", "2.3.0", "2.3.1"]
    ares_trans_status: Literal["A", "C", "I", "N", "R", "U", "Y"] | None = None
    electronic_commerce_indicator: Literal["01", "02", "05", "06", "07"] | None = None
    exemption_indicator: Literal["low_risk", "none"] | None = None
    network_options: dict[str, Any] | None = None
    requestor_challenge_indicator: str | None = None


IfAvailable = Literal["if_available", "never"]


class Options(Params, frozen=True, kw_only=True):
    """`payment_method_options[card]`."""

    capture_method: Literal["manual"] | None = None
    cvc_token: str | None = None
    installments: Installments | None = None
    mandate_options: MandateOptions | None = None
    moto: bool | None = None
    network: Network | None = None
    request_extended_authorization: IfAvailable | None = None
    request_incremental_authorization: IfAvailable | None = None
    request_multicapture: IfAvailable | None = None
    request_overcapture: IfAvailable | None = None
    request_three_d_secure: Literal["any", "automatic", "challenge"] = "automatic"
    require_cvc_recollection: bool | None = None
    setup_credential_usage: Literal["installment", "recurring", "unscheduled"] | None = None
    setup_future_usage: Literal["none", "off_session", "on_session"] | None = None
    statement_descriptor_suffix_kana: str | None = None
    statement_descriptor_suffix_kanji: str | None = None
    stored_credential_usage: Literal["installment", "recurring", "unscheduled"] | None = None
    three_d_secure: External3DS | None = None


DEFAULT_OPTIONS = Options()


# Making one ------------------------------------------------------------------


def make(data: Data, tx: Tx) -> Made:
    """From a number, or from a published test token. Raises what Stripe raises for each wrong part."""
    if data.token is not None:
        made = known(data.token, tx)
        if made is None:
            raise invalid(f"No such token: '{data.token}'", "payment_method_data[card][token]", "resource_missing")
        return made
    number, exp_month, exp_year = _checked(data, tx)
    card = test_cards.describe(number)
    if card.decline is not None and card.decline.when == "tokenize":
        raise card_error(card.decline.message, card.decline.code, param="number")
    preferred = data.networks.preferred if data.networks else None
    details = _details(card, number[-4:], exp_month, exp_year, test_cards.fingerprint(number), preferred)
    return Made(
        details=details,
        token=card.profile,
        fingerprint=details["fingerprint"],
        supplied=("cvc",) if data.cvc else (),
    )


def known(id: str, tx: Tx) -> Made | None:
    """The card behind a published `pm_card_...` or `tok_...` id; it expires next year and carries its CVC.

    One that is there to fail an address check carries an address too: nobody sends one with such an id.
    """
    card = test_cards.by_payment_method(id) or test_cards.by_token(id)
    if card is None or tx.scope.livemode:
        return None
    day = utc_date(tx.now)
    return _published(card.profile, day.month, day.year + 1)


@lru_cache(maxsize=1024)
def _published(profile: str, exp_month: int, exp_year: int) -> Made:
    """Made once for all its uses: a published number is no secret, and the hash is never changed in place."""
    card = test_cards.card_of(profile)
    fingerprint = test_cards.fingerprint(card.number)
    details = _details(card, card.last4, exp_month, exp_year, fingerprint, None)
    checked = {card.address_line1_check, card.address_postal_code_check} != {"pass"}
    supplied = ("cvc", "address") if checked else ("cvc",)
    return Made(details=details, token=card.profile, fingerprint=fingerprint, supplied=supplied)


def _checked(data: Data, tx: Tx) -> tuple[str, int, int]:
    if data.number is None or data.exp_month is None or data.exp_year is None:
        name = "number" if data.number is None else "exp_month" if data.exp_month is None else "exp_year"
        raise invalid(f"Missing required param: card[{name}].", f"card[{name}]", "parameter_missing")
    number = test_cards.digits(data.number)
    if not number.isdigit() or not 12 <= len(number) <= 19 or not test_cards.luhn(number):
        raise card_error("Your card number is incorrect.", "incorrect_number", param="number")
    if tx.scope.livemode:
        raise invalid("No card network is connected for live mode yet: use a test key.", "card[number]")
    if test_cards.by_number(number) is None and not tx.scope.dev:
        raise card_error(
            "Your card was declined. Your request was in test mode, but used a non test card.", "card_declined",
            "test_mode_live_card",
        )  # fmt: skip
    if not 1 <= data.exp_month <= 12:
        raise card_error("Your card's expiration month is invalid.", "invalid_expiry_month", param="exp_month")
    year, today = data.exp_year + (2000 if data.exp_year < 100 else 0), utc_date(tx.now)
    if (year, data.exp_month) < (today.year, today.month) or year > today.year + 50:
        raise card_error("Your card's expiration year is invalid.", "invalid_expiry_year", param="exp_year")
    length = 4 if test_cards.brand_of(number) == "amex" else 3
    if data.cvc is not None and not (data.cvc.isdigit() and len(data.cvc) in (3, length)):
        raise card_error("Your card's security code is invalid.", "invalid_cvc", param="cvc")
    return number, data.exp_month, year


def _details(
    card: SimulatedCard, last4: str, exp_month: int, exp_year: int, fingerprint: str, preferred: str | None
) -> Details:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": card.country,
        "display_brand": card.display_brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": last4,
        "networks": {"available": list(card.available_networks), "preferred": preferred or card.preferred_network},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.supports_three_d_secure},
        "wallet": None,
    }


def change(details: Details, update: Update) -> Details:
    given = {name: value for name in ("exp_month", "exp_year") if (value := getattr(update, name)) is not UNSET}
    if update.networks is not UNSET:
        given["networks"] = {**details["networks"], "preferred": update.networks.preferred}
    return {**details, **given}


# Asking the network ----------------------------------------------------------


def _has(part: str, attempt: Attempt) -> bool:
    return part in attempt.supplied or "address" in attempt.supplied


def authorize(attempt: Attempt) -> Report:
    options: Options = attempt.options or DEFAULT_OPTIONS
    request = simulator.Authorization(
        profile=attempt.token,
        reference=attempt.reference,
        amount=attempt.amount,
        currency=attempt.currency,
        cvc_supplied="cvc" in attempt.supplied,
        line1_supplied=_has("line1", attempt),
        postal_code_supplied=_has("postal_code", attempt),
        off_session=attempt.off_session or bool(options.moto),
        setup_done=attempt.set_up,
        authenticated="succeeded" if options.three_d_secure else attempt.authenticated,
        request_three_d_secure=options.request_three_d_secure,
    )
    report = simulator.authorize(request)
    if isinstance(report, simulator.Challenge) and report.flow == "frictionless":
        report = simulator.authorize(msgspec.structs.replace(request, authenticated="succeeded"))
    return _report(attempt, report, options, _charge_details)


def verify(attempt: Attempt) -> Report:
    """May this card be saved? With nobody present (`off_session`) there is no challenge."""
    options: Options = attempt.options or DEFAULT_OPTIONS
    request = simulator.Setup(
        profile=attempt.token,
        reference=attempt.reference,
        cvc_supplied="cvc" in attempt.supplied,
        line1_supplied=_has("line1", attempt),
        postal_code_supplied=_has("postal_code", attempt),
        authenticated=attempt.authenticated,
        request_three_d_secure=options.request_three_d_secure,
    )
    report = simulator.attach(request) if attempt.off_session else simulator.setup(request)
    if isinstance(report, simulator.Challenge) and report.flow == "frictionless":
        report = simulator.setup(msgspec.structs.replace(request, authenticated="succeeded"))
    return _report(attempt, report, options, _setup_details)


DetailsOf = Callable[[Attempt, simulator.Approved | simulator.Declined, Options], Details]


def _report(attempt: Attempt, report: simulator.Report, options: Options, details_of: DetailsOf) -> Report:
    if isinstance(report, simulator.Challenge):
        return Challenge(kind="three_d_secure")
    outcome = _outcome(report.outcome)
    details = details_of(attempt, report, options)
    if isinstance(report, simulator.Declined):
        return Declined(error=_decline_error(report), details=details, outcome=outcome, charge_made=report.charge_made)
    card = test_cards.card_of(attempt.token)
    return Accepted(
        details=details,
        outcome=outcome,
        authorization_code=report.authorization_code,
        available_at_once=card.available_at_once,
        capture_before=details.get("capture_before"),
        checks=details["checks"],
        follow_ups=_follow_ups(card, report),
    )


def _follow_ups(card: SimulatedCard, report: simulator.Approved) -> tuple[str, ...]:
    jobs = []
    if report.outcome.type == "manual_review":
        jobs.append("review.open")
    if card.early_fraud_warning:
        jobs.append("early_fraud_warning.open")
    authenticated = report.three_d_secure is not None and report.three_d_secure.result == "authenticated"
    if card.dispute and not (authenticated and card.authentication_prevents_dispute):
        jobs.append("dispute.open")
    return tuple(jobs)


def _outcome(outcome: simulator.Outcome) -> Outcome:
    return Outcome(
        advice_code=outcome.advice_code,
        network_advice_code=outcome.network_advice_code,
        network_decline_code=outcome.network_decline_code,
        network_status=outcome.network_status,
        reason=outcome.reason,
        risk_level=outcome.risk_level,
        risk_score=outcome.risk_score,
        rule=outcome.rule,
        seller_message=outcome.seller_message,
        type=outcome.type,
    )


def _decline_error(report: simulator.Declined) -> ApiError:
    error = card_error(report.message, report.code, report.decline_code, report.param)
    for name in ("advice_code", "network_advice_code", "network_decline_code"):
        if value := getattr(report, name):
            error.fields[name] = value
    return error


ABSENT: Details = {
    "amount_authorized": None, "authorization_code": None,
    "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
    "extended_authorization": {"status": "disabled"}, "incremental_authorization": {"status": "unavailable"},
    "installments": None, "mandate": None, "multicapture": {"status": "unavailable"},
    "network_token": {"used": False}, "network_transaction_id": None, "regulated_status": "unregulated",
    "three_d_secure": None, "wallet": None,
}  # fmt: skip


def _charge_details(attempt: Attempt, report: simulator.Approved | simulator.Declined, options: Options) -> Details:
    card, approved = attempt.details, isinstance(report, simulator.Approved)
    multicapture = options.request_multicapture == "if_available" and attempt.manual
    incremental = options.request_incremental_authorization == "if_available" and attempt.manual
    overcapture = options.request_overcapture == "if_available" and attempt.manual
    details = {
        "amount_authorized": attempt.amount if approved else None,
        "authorization_code": report.authorization_code if isinstance(report, simulator.Approved) else None,
        "brand": card["brand"],
        "checks": msgspec.structs.asdict(report.checks),
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "available" if incremental else "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "available" if multicapture else "unavailable"},
        "network": options.network or card["networks"]["preferred"] or card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": report.network_transaction_id if isinstance(report, simulator.Approved) else None,
        "overcapture": {
            "maximum_amount_capturable": attempt.amount * 12 // 10 if overcapture else attempt.amount,
            "status": "available" if overcapture else "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": msgspec.structs.asdict(report.three_d_secure) if report.three_d_secure else None,
        "wallet": None,
    }
    if attempt.manual and approved:
        details["capture_before"] = attempt.now + AUTHORIZATION_SECONDS
    return details


def _setup_details(attempt: Attempt, report: simulator.Approved | simulator.Declined, options: Options) -> Details:
    """What a setup attempt shows: the card, its checks, and how its holder authenticated."""
    shown = {name: attempt.details[name] for name in SETUP_SHOWS}
    three_d_secure = msgspec.structs.asdict(report.three_d_secure) if report.three_d_secure else None
    if three_d_secure is not None:
        del three_d_secure["exemption_indicator"]  # there is no payment to exempt
    network = options.network or attempt.details["networks"]["preferred"] or attempt.details["brand"]
    return {
        **shown, "checks": msgspec.structs.asdict(report.checks), "network": network,
        "three_d_secure": three_d_secure, "wallet": None,
    }  # fmt: skip


def refund_fate(token: str) -> RefundFate:
    return test_cards.card_of(token).refund


def _shown_mandate(options: MandateOptions | None) -> Details | None:
    """Only setups name the currency: a payment has its own."""
    if options is None:
        return None
    shown: Details = msgspec.to_builtins(options)
    return shown if options.currency else {name: value for name, value in shown.items() if name != "currency"}


def show_options(options: Options | None) -> Details:
    """`payment_method_options[card]` as it is shown."""
    options = options or DEFAULT_OPTIONS
    shown: Details = {
        "installments": None,
        "mandate_options": _shown_mandate(options.mandate_options),
        "network": options.network,
        "request_three_d_secure": options.request_three_d_secure,
    }
    for name in (
        "capture_method", "request_extended_authorization", "request_incremental_authorization",
        "request_multicapture", "request_overcapture", "require_cvc_recollection", "setup_future_usage",
        "setup_credential_usage", "stored_credential_usage",
    ):  # fmt: skip
        if (value := getattr(options, name)) is not None:
            shown[name] = value
    return shown


RAIL = Rail(
    type="card",
    title="Card",
    data=Data,
    update=Update,
    options=Options,
    make=make,
    known=known,
    change=change,
    authorize=authorize,
    verify=verify,
    refund_fate=refund_fate,
    show_options=show_options,
    charge_type="charge",
    refund_type="refund",
    authorization_seconds=AUTHORIZATION_SECONDS,
    absent=ABSENT,
    setup_options=frozenset(
        ("mandate_options", "moto", "network", "request_three_d_secure", "setup_credential_usage", "three_d_secure")
    ),
)
