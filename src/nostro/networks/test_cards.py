"""The test cards: what each published number, `pm_card_` id and `tok_` id is, and what it does.

People who move to Nostro bring tests written with these numbers, so the table follows the one that Stripe
publishes (docs.stripe.com/testing and, for payouts, docs.stripe.com/connect/testing): numbers, ids, codes and
outcomes are facts of that contract; the messages are our own words.

A stored record keeps no card number. It keeps the row's `profile`, a stable slug, and finds the behaviour
again with `card_of`. A number that is in no table, but passes the Luhn check, behaves like a plain card of
its brand; its profile is `describe:<brand>`. A number that fails the check is the row `incorrect_number`.
So `describe` and `profile_of` answer for every string and never raise.

Despite its name this module holds no tests: the name is the one the users know these numbers by.
"""

import hashlib
import string
from collections.abc import Iterator
from typing import Final, Literal, TypedDict, Unpack, get_args

import msgspec

Brand = Literal["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "unknown"]
Funding = Literal["credit", "debit", "prepaid", "unknown"]
Check = Literal["pass", "fail", "unavailable"]
RiskLevel = Literal["normal", "elevated", "highest"]
OutcomeType = Literal["authorized", "manual_review", "issuer_declined", "blocked", "invalid"]
Advice = Literal["confirm_card_data", "do_not_try_again", "try_again_later"]

ThreeDSecureUse = Literal[
    "not_supported",  # cannot be invoked; the payment goes on without it
    "not_enrolled",  # may be asked for; the customer sees nothing
    "bypassed",  # may be asked for; answered `attempt_acknowledged`, as these cards test something else
    "optional",  # done when asked for
    "required",  # asked for on every payment by the default rules, not by the issuer
    "required_on_session",  # the issuer asks, but the card counts as set up for off-session payments
    "required_unless_set_up",  # the issuer asks; off-session payments pass once the card was set up
    "required_always",  # the issuer asks every time, set up or not
]
ThreeDSecureOutcome = Literal["challenge", "frictionless", "attempt_acknowledged", "processing_error", "none"]
ChallengeFlow = Literal["out_of_band", "one_time_passcode", "single_select", "multi_select"]

DisputeReason = Literal["fraudulent", "product_not_received", "noncompliant"]
DisputeProgram = Literal[
    "visa_compelling_evidence_3",
    "visa_compliance",
    "mastercard_compliance",
    "smart_disputes",
    "visa_rapid_dispute_resolution",
    "verifi_ce3_block",
    "ethoca_alert",
]
RadarSignal = Literal[
    "high_fraud_dispute_score", "high_early_fraud_warning_score", "dynamic_risk_threshold", "adaptive_3ds"
]
PinEntry = Literal["offline_pin", "offline_pin_retry", "online_pin", "online_pin_retry"]


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """Why the issuer says no, and from which step on.

    `when` is the first step that fails: "tokenize" (the number itself is refused), "attach" (attaching, setup
    and every charge fail) or "charge" (the card saves, every charge fails). With `only_with_cvc` the decline
    is skipped where no CVC was given: what was not sent cannot be wrong.
    """

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None
    advice_code: Advice | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    when: Literal["tokenize", "attach", "charge"] = "attach"
    only_with_cvc: bool = False


class SimulatedCard(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a card, and everything about it that a payment can notice. Defaults mean "normal".

    `number` is empty on the rows that `card_of("describe:...")` makes up, as no number was kept. The checks
    count only where the data was supplied. `outcome_type` is what `charge.outcome.type` reads under the
    default rules. `disputes` is how many disputes follow a charge. `payout_failure` is for a debit card that
    receives payouts.
    """

    profile: str
    number: str
    brand: Brand = "visa"
    funding: Funding = "credit"
    country: str = "US"
    networks: tuple[str, ...] = ()
    preferred_network: str | None = None
    payment_method: str | None = None
    other_payment_methods: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    decline: Decline | None = None
    three_d_secure: ThreeDSecureUse = "bypassed"
    three_d_secure_outcome: ThreeDSecureOutcome = "attempt_acknowledged"
    challenge_flow: ChallengeFlow | None = None
    cvc_check: Check = "pass"
    address_line1_check: Check = "pass"
    address_postal_code_check: Check = "pass"
    risk_level: RiskLevel = "normal"
    risk_score: int | None = None
    outcome_type: OutcomeType = "authorized"
    always_blocked: bool = False
    radar_signal: RadarSignal | None = None
    captcha: bool = False

    dispute: DisputeReason | None = None
    disputes: int = 0
    inquiry: bool = False
    dispute_program: DisputeProgram | None = None
    early_fraud_warning: bool = False
    refund: Literal["succeeds", "succeeds_later", "fails_later"] = "succeeds"
    available_at_once: bool = False

    payout_failure: str | None = None
    instant_payouts: bool = True
    pin_entry: PinEntry | None = None
    product_code: Literal["fsa", "hsa"] | None = None

    @property
    def last4(self) -> str:
        """The four digits that stay visible; empty where no number is known."""
        return self.number[-4:]

    @property
    def display_brand(self) -> str:
        """`payment_method.card.display_brand`, which spells some brands differently from `brand`."""
        return _DISPLAY_BRAND.get(self.preferred_network or self.brand, self.preferred_network or self.brand)

    @property
    def available_networks(self) -> tuple[str, ...]:
        """`payment_method.card.networks.available`: the brand alone, unless the card is co-branded."""
        return self.networks or (self.brand,)

    @property
    def supports_three_d_secure(self) -> bool:
        """`payment_method.card.three_d_secure_usage.supported`."""
        return self.three_d_secure != "not_supported"

    @property
    def authentication_prevents_dispute(self) -> bool:
        """After 3-D Secure the issuer bears the loss of a fraud dispute; the merchant, that of others."""
        return self.dispute == "fraudulent" and not self.inquiry


_DISPLAY_BRAND: Final = {
    "amex": "american_express",
    "diners": "diners_club",
    "unionpay": "union_pay",
    "eftpos_au": "eftpos_australia",
    "unknown": "other",
}

# --- the declines: one value each. Network codes are the ISO 8583 response codes as card networks use them;
# "01" and try_again_later for a generic decline are what Stripe's test mode answers.

GENERIC_DECLINE: Final = Decline(
    code="card_declined",
    decline_code="generic_decline",
    message="Your card was declined.",
    advice_code="try_again_later",
    network_decline_code="01",
)
INSUFFICIENT_FUNDS: Final = Decline(
    code="card_declined",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
    advice_code="try_again_later",
    network_decline_code="51",
)
LOST_CARD: Final = Decline(
    code="card_declined",
    decline_code="lost_card",
    message="Your card was declined.",  # says no more than a generic decline: the payer may be the thief
    advice_code="do_not_try_again",
    network_decline_code="41",
)
STOLEN_CARD: Final = Decline(
    code="card_declined",
    decline_code="stolen_card",
    message="Your card was declined.",
    advice_code="do_not_try_again",
    network_decline_code="43",
)
EXPIRED_CARD: Final = Decline(
    code="expired_card",
    message="Your card has expired.",
    param="exp_month",
    advice_code="confirm_card_data",
    network_decline_code="54",
)
INCORRECT_CVC: Final = Decline(
    code="incorrect_cvc",
    message="Your card's security code is incorrect.",
    param="cvc",
    advice_code="confirm_card_data",
    network_decline_code="N7",
    only_with_cvc=True,
)
PROCESSING_ERROR: Final = Decline(
    code="processing_error",
    message="An error occurred while processing your card. Try again in a little bit.",
    advice_code="try_again_later",
    network_decline_code="96",
)
INCORRECT_NUMBER: Final = Decline(
    code="incorrect_number",
    message="Your card number is incorrect.",
    param="number",
    advice_code="confirm_card_data",
    when="tokenize",
)
VELOCITY_EXCEEDED: Final = Decline(
    code="card_declined",
    decline_code="card_velocity_exceeded",
    message="Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    advice_code="try_again_later",
    network_decline_code="65",
)


def _on_charge(decline: Decline) -> Decline:
    return msgspec.structs.replace(decline, when="charge")


class _Fields(TypedDict, total=False):
    brand: Brand
    funding: Funding
    country: str
    networks: tuple[str, ...]
    decline: Decline | None
    three_d_secure: ThreeDSecureUse
    three_d_secure_outcome: ThreeDSecureOutcome
    challenge_flow: ChallengeFlow | None
    cvc_check: Check
    address_line1_check: Check
    address_postal_code_check: Check
    risk_level: RiskLevel
    risk_score: int | None
    outcome_type: OutcomeType
    always_blocked: bool
    radar_signal: RadarSignal | None
    captcha: bool
    dispute: DisputeReason | None
    disputes: int
    inquiry: bool
    dispute_program: DisputeProgram | None
    early_fraud_warning: bool
    refund: Literal["succeeds", "succeeds_later", "fails_later"]
    available_at_once: bool
    payout_failure: str | None
    instant_payouts: bool
    pin_entry: PinEntry | None
    product_code: Literal["fsa", "hsa"] | None


def _card(profile: str, number: str, names: str = "", tokens: str = "", **fields: Unpack[_Fields]) -> SimulatedCard:
    """`names` are published twice, as `pm_card_<name>` and `tok_<name>`; `tokens` only as `tok_<name>`."""
    methods = tuple(f"pm_card_{name}" for name in names.split())
    return SimulatedCard(
        profile=profile,
        number=number,
        payment_method=methods[0] if methods else None,
        other_payment_methods=methods[1:],
        tokens=tuple(f"tok_{name}" for name in [*names.split(), *tokens.split()]),
        **fields,
    )


def _declined(profile: str, number: str, decline: Decline, names: str = "", tokens: str = "") -> SimulatedCard:
    kind: OutcomeType = "invalid" if decline.when == "tokenize" else "issuer_declined"
    return _card(profile, number, names, tokens, decline=decline, outcome_type=kind)


def _disputed(
    profile: str, number: str, names: str, reason: DisputeReason = "fraudulent", **fields: Unpack[_Fields]
) -> SimulatedCard:
    values: _Fields = {"dispute": reason, "disputes": 1}
    values.update(fields)
    return _card(profile, number, names, **values)


# --- the rows

_BRANDS: Final = (
    _card("visa", "4242424242424242", "visa us", three_d_secure="not_enrolled"),
    _card("visa_2", "4012888888881881"),
    _card("visa_debit", "4000056655665556", "visa_debit", "visa_debit_us_transferSuccess", funding="debit"),
    _card("mastercard", "5555555555554444", "mastercard", brand="mastercard"),
    _card("mastercard_2_series", "2223003122003222", brand="mastercard"),
    _card(
        "mastercard_debit",
        "5200828282828210",
        "mastercard_debit",
        "mastercard_debit_us_transferSuccess",
        brand="mastercard",
        funding="debit",
    ),
    _card("mastercard_prepaid", "5105105105105100", "mastercard_prepaid", brand="mastercard", funding="prepaid"),
    _card(
        "amex",
        "378282246310005",
        "amex amex_threeDSecureNotSupported",
        brand="amex",
        three_d_secure="not_supported",
        three_d_secure_outcome="none",
    ),
    _card("amex_2", "371449635398431", brand="amex"),
    _card("discover", "6011111111111117", "discover", brand="discover"),
    _card("discover_2", "6011000990139424", brand="discover"),
    _card(
        "discover_debit",
        "6011981111111113",
        tokens="discover_debit_us_transferSuccess",
        brand="discover",
        funding="debit",
    ),
    _card("diners", "3056930009020004", "diners", brand="diners"),
    _card("diners_14_digits", "36227206271667", brand="diners"),
    _card("diners_3", "30569309025904", brand="diners"),
    _card("diners_4", "38520000023237", brand="diners"),
    _card("bccard_dinacard", "6555900000604105", brand="discover"),
    # JCB and UnionPay cards are issued abroad: a fee for foreign cards applies to them.
    _card("jcb", "3566002020360505", brand="jcb", country="JP"),
    _card("unionpay", "6200000000000005", "unionpay", brand="unionpay", country="CN"),
    _card("unionpay_debit", "6200000000000047", brand="unionpay", country="CN", funding="debit"),
    _card("unionpay_19_digits", "6205500000000000004", brand="unionpay", country="CN"),
    _card("carnet", "5062210000000009", brand="unknown", country="MX"),
    _card(
        "visa_cartes_bancaires",
        "4000002500001001",
        "visa_cartesBancaires visa_credit_fr_cartesBancaires",
        country="FR",
        networks=("cartes_bancaires", "visa"),
    ),
    _card(
        "mastercard_cartes_bancaires",
        "5555552500001001",
        "mastercard_cartesBancaires mastercard_credit_fr_cartesBancaires",
        brand="mastercard",
        country="FR",
        networks=("cartes_bancaires", "mastercard"),
    ),
    _card(
        "visa_debit_eftpos_au",
        "4000050360000001",
        "visa_debit_eftposAuCoBranded",
        country="AU",
        funding="debit",
        networks=("eftpos_au", "visa"),
    ),
    _card(
        "mastercard_debit_eftpos_au",
        "5555050360000080",
        "mastercard_debit_eftposAuCoBranded",
        brand="mastercard",
        country="AU",
        funding="debit",
        networks=("eftpos_au", "mastercard"),
    ),
    # One number is published for both health accounts; a row can carry one code.
    _card(
        "visa_fsa_hsa",
        "4000051230000072",
        "debit_visaFsaProductCode debit_visaHsaProductCode",
        funding="debit",
        product_code="fsa",
    ),
    _card(
        "mastercard_fsa",
        "5200828282828897",
        "mastercard_debit_mastercardFsaProductCode",
        brand="mastercard",
        funding="debit",
        product_code="fsa",
    ),
)

# A plain Visa credit card of each country: country, number. Its ids are `pm_card_<cc>` and `tok_<cc>`.
_VISA_BY_COUNTRY: Final = """
AR 4000000320000021  BR 4000000760000002  CA 4000001240000000  CL 4000001520000001  CO 4000001700000003
CR 4000001880000005  EC 4000002180000000  MX 4000004840008001  PA 4000005910000000  PY 4000006000000066
PE 4000006040000068  UY 4000008580000003  AE 4000007840000001  AT 4000000400000008  BE 4000000560000004
BG 4000001000000000  BY 4000001120000005  HR 4000001910000009  CY 4000001960000008  CZ 4000002030000002
DK 4000002080000001  EE 4000002330000009  FI 4000002460000001  FR 4000002500000003  DE 4000002760000016
GI 4000002920000005  GR 4000003000000030  HU 4000003480000005  IE 4000003720000005  IT 4000003800000008
LV 4000004280000005  LI 4000004380000004  LT 4000004400000000  LU 4000004420000006  MT 4000004700000007
NL 4000005280000002  NO 4000005780000007  PL 4000006160000005  PT 4000006200000007  RO 4000006420000001
RU 4000006430000009  SA 4000006820000007  SI 4000007050000006  SK 4000007030000001  ES 4000007240000007
SE 4000007520000008  CH 4000007560000009  GB 4000008260000000  AU 4000000360000006  CN 4000001560000002
HK 4000003440000004  IN 4000003560000008  JP 4000003920000003  MY 4000004580000002  NZ 4000005540000008
SG 4000007020000003  TW 4000001580000008
"""

_MORE_COUNTRIES: Final = (
    _card("mx_2", "4000004840000008", country="MX"),
    _card("ae_mastercard", "5200007840000022", "ae_mastercard", brand="mastercard", country="AE"),
    _card("gb_debit", "4000058260000005", "gb_debit", country="GB", funding="debit"),
    _card("gb_mastercard", "5555558265554449", "gb_mastercard", brand="mastercard", country="GB"),
    _card("jp_jcb", "3530111333300000", "jcb", brand="jcb", country="JP"),
    _card("th_credit", "4000007640000003", "th_credit", country="TH"),
    _card("th_debit", "4000057640000008", "th_debit", country="TH", funding="debit"),
)

_DECLINES: Final = (
    _declined("charge_declined", "4000000000000002", GENERIC_DECLINE, "visa_chargeDeclined chargeDeclined"),
    _declined(
        "charge_declined_insufficient_funds",
        "4000000000009995",
        INSUFFICIENT_FUNDS,
        "visa_chargeDeclinedInsufficientFunds chargeDeclinedInsufficientFunds",
    ),
    _declined(
        "charge_declined_lost_card",
        "4000000000009987",
        LOST_CARD,
        "visa_chargeDeclinedLostCard chargeDeclinedLostCard",
    ),
    _declined(
        "charge_declined_stolen_card",
        "4000000000009979",
        STOLEN_CARD,
        "visa_chargeDeclinedStolenCard chargeDeclinedStolenCard",
    ),
    _declined(
        "charge_declined_expired_card",
        "4000000000000069",
        EXPIRED_CARD,
        "chargeDeclinedExpiredCard visa_chargeDeclinedExpiredCard",
    ),
    _declined(
        "charge_declined_incorrect_cvc",
        "4000000000000127",
        INCORRECT_CVC,
        "chargeDeclinedIncorrectCvc visa_chargeDeclinedIncorrectCvc",
    ),
    _declined(
        "charge_declined_processing_error",
        "4000000000000119",
        PROCESSING_ERROR,
        "chargeDeclinedProcessingError visa_chargeDeclinedProcessingError",
    ),
    _declined("incorrect_number", "4242424242424241", INCORRECT_NUMBER),
    _declined(
        "charge_declined_velocity_exceeded",
        "4000000000006975",
        VELOCITY_EXCEEDED,
        "visa_chargeDeclinedVelocityLimitExceeded chargeDeclinedVelocityLimitExceeded",
    ),
    _declined(
        "charge_customer_fail",
        "4000000000000341",
        _on_charge(GENERIC_DECLINE),
        "chargeCustomerFail visa_chargeCustomerFail",
    ),
    # These three are published as tokens only; the numbers are ours.
    _declined(
        "charge_customer_fail_lost_card",
        "4000000000099871",
        _on_charge(LOST_CARD),
        "visa_chargeCustomerFailLostCard",
    ),
    _declined(
        "charge_customer_fail_stolen_card",
        "4000000000099798",
        _on_charge(STOLEN_CARD),
        "visa_chargeCustomerFailStolenCard",
    ),
    _card(
        "debit_charge_declined_insufficient_funds",
        "4000050000099959",
        "visa_debit_chargeDeclinedInsufficientFunds",
        funding="debit",
        decline=INSUFFICIENT_FUNDS,
        outcome_type="issuer_declined",
    ),
)

_FRAUD: Final = (
    _card(
        "radar_block",
        "4100000000000019",
        "radarBlock chargeDeclinedFraudulent visa_chargeDeclinedFraudulent",
        risk_level="highest",
        risk_score=95,
        outcome_type="blocked",
        always_blocked=True,
    ),
    _card(
        "risk_level_highest",
        "4000000000004954",
        "riskLevelHighest",
        risk_level="highest",
        risk_score=91,
        outcome_type="blocked",
    ),
    _card(
        "risk_level_elevated",
        "4000000000009235",
        "riskLevelElevated",
        risk_level="elevated",
        risk_score=70,
        outcome_type="manual_review",
    ),
    _card(
        "high_fraud_dispute_score",
        "4000008400000407",
        "highFraudDisputeScore",
        radar_signal="high_fraud_dispute_score",
    ),
    _card(
        "high_early_fraud_warning_score",
        "4000008400000159",
        "highEfwScore",
        radar_signal="high_early_fraud_warning_score",
    ),
    _card(
        "dynamic_risk_threshold",
        "4000008400001017",
        "radarDynamicRiskThreshold",
        radar_signal="dynamic_risk_threshold",
    ),
    _card(
        "adaptive_3ds",
        "4000008405600003",
        "adaptive3dsChallenge",
        radar_signal="adaptive_3ds",
        three_d_secure="optional",
        three_d_secure_outcome="challenge",
    ),
    _card("cvc_check_fail", "4000000000000101", "cvcCheckFail", cvc_check="fail"),
    _card("avs_zip_fail", "4000000000000036", "avsZipFail", address_postal_code_check="fail"),
    _card(
        "cvc_check_fail_elevated_risk",
        "4000058400307872",
        "cvcCheckFailElevatedRisk",
        funding="debit",
        cvc_check="fail",
        risk_level="elevated",
        risk_score=71,
        outcome_type="manual_review",
    ),
    _card(
        "avs_zip_fail_elevated_risk",
        "4000058400306072",
        "avsZipFailElevatedRisk",
        funding="debit",
        address_postal_code_check="fail",
        risk_level="elevated",
        risk_score=72,
        outcome_type="manual_review",
    ),
    _card("avs_line1_fail", "4000000000000028", "avsLine1Fail", address_line1_check="fail"),
    _card(
        "avs_fail",
        "4000000000000010",
        "avsFail",
        address_line1_check="fail",
        address_postal_code_check="fail",
    ),
    _card(
        "avs_unchecked",
        "4000000000000044",
        "avsUnchecked",
        address_line1_check="unavailable",
        address_postal_code_check="unavailable",
    ),
    _card("captcha", "4000000000001208", captcha=True),
    _card("captcha_2", "4000000000003725", captcha=True),
)

_DISPUTES: Final = (
    _disputed("dispute", "4000000000000259", "createDispute"),
    _disputed(
        "dispute_product_not_received",
        "4000000000002685",
        "createDisputeProductNotReceived",
        "product_not_received",
    ),
    _disputed("dispute_inquiry", "4000000000001976", "createDisputeInquiry", inquiry=True),
    _card("early_fraud_warning", "4000000000005423", "createIssuerFraudRecord", early_fraud_warning=True),
    _disputed("multiple_disputes", "4000000404000079", "createMultipleDisputes", disputes=2),
    _disputed(
        "dispute_visa_ce3",
        "4000000404000038",
        "createCe3EligibleDispute",
        dispute_program="visa_compelling_evidence_3",
    ),
    _disputed(
        "dispute_visa_compliance",
        "4000008400000779",
        "createComplianceDispute",
        "noncompliant",
        dispute_program="visa_compliance",
    ),
    _disputed(
        "dispute_mastercard_compliance",
        "5105008400000002",
        "createMastercardComplianceDispute",
        "noncompliant",
        brand="mastercard",
        dispute_program="mastercard_compliance",
    ),
    _disputed(
        "dispute_smart",
        "4000000001000043",
        "createAutoRepresentmentEligibleDispute",
        dispute_program="smart_disputes",
    ),
    # Prevented where the account has enrolled in prevention; else an ordinary dispute.
    _disputed(
        "dispute_visa_rdr",
        "4000000404004816",
        "createRapidDisputeResolutionDispute",
        dispute_program="visa_rapid_dispute_resolution",
    ),
    _disputed(
        "dispute_verifi_ce3_block",
        "4000000404005649",
        "createCe3BlockDispute",
        dispute_program="verifi_ce3_block",
    ),
    _disputed(
        "dispute_ethoca_alert",
        "5105000300000018",
        "createEthocaAlert",
        brand="mastercard",
        dispute_program="ethoca_alert",
    ),
)

_REFUNDS_AND_BALANCE: Final = (
    _card("pending_refund", "4000000000007726", "pendingRefund", refund="succeeds_later"),
    _card("refund_fail", "4000000000005126", "refundFail", refund="fails_later"),
    _card("bypass_pending", "4000000000000077", "bypassPending", available_at_once=True),
    _card(
        "bypass_pending_international",
        "4000003720000278",
        "bypassPendingInternational",
        country="IE",
        available_at_once=True,
    ),
    _card("domestic_pricing", "4000000000000093", "domesticPricing"),
)

_THREE_D_SECURE: Final = (
    _card(
        "authentication_required_on_setup",
        "4000002500003155",
        "authenticationRequiredOnSetup",
        country="FR",
        three_d_secure="required_unless_set_up",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "authentication_required",
        "4000002760003184",
        "authenticationRequired",
        country="DE",
        three_d_secure="required_always",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "authentication_required_set_up_for_off_session",
        "4000003800000446",
        "authenticationRequiredSetupForOffSession",
        country="IT",
        three_d_secure="required_on_session",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "authentication_required_insufficient_funds",
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        country="GB",
        three_d_secure="required_unless_set_up",
        three_d_secure_outcome="challenge",
        decline=_on_charge(INSUFFICIENT_FUNDS),
        outcome_type="issuer_declined",
    ),
    _card(
        "three_d_secure_2_required",
        "4000000000003220",
        "threeDSecure2Required",
        country="IE",
        three_d_secure="required",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "three_d_secure_required",
        "4000000000003063",
        "threeDSecureRequired",
        three_d_secure="required",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "three_d_secure_2_required_us",
        "4000008400000027",
        three_d_secure="required",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "three_d_secure_required_charge_declined",
        "4000008400001629",
        "threeDSecureRequiredChargeDeclined",
        three_d_secure="required",
        three_d_secure_outcome="challenge",
        decline=_on_charge(GENERIC_DECLINE),
        outcome_type="issuer_declined",
    ),
    _card(
        "three_d_secure_required_processing_error",
        "4000008400001280",
        "threeDSecureRequiredProcessingError",
        three_d_secure="required",
        three_d_secure_outcome="processing_error",
        outcome_type="issuer_declined",
    ),
    _card(
        "three_d_secure_optional",
        "4000000000003055",
        "threeDSecureOptional",
        three_d_secure="optional",
        three_d_secure_outcome="challenge",
    ),
    _card(
        "three_d_secure_optional_processing_error",
        "4000000000003097",
        "threeDSecureOptionalProcessingError",
        three_d_secure="optional",
        three_d_secure_outcome="processing_error",
    ),
    _card(
        "three_d_secure_frictionless",
        "4000000032200000",
        three_d_secure="required_always",
        three_d_secure_outcome="frictionless",
    ),
)

# Mobile challenge screens: number, flow. To a server they are cards that always ask.
_CHALLENGE_FLOWS: Final[tuple[tuple[str, ChallengeFlow], ...]] = (
    ("4000582600000094", "out_of_band"),
    ("4000582600000045", "one_time_passcode"),
    ("4000582600000102", "single_select"),
    ("4000582600000110", "multi_select"),
)

# In-person cards: profile, number, country, the id they are published under.
_PIN_CARDS: Final[tuple[tuple[PinEntry, str, str, str], ...]] = (
    ("offline_pin", "4001007020000002", "SG", "offline_pin_cvm"),
    ("offline_pin_retry", "4000008260000075", "GB", "offline_pin_sca_retry"),
    ("online_pin", "4001000360000005", "AU", "online_pin_cvm"),
    ("online_pin_retry", "4000002760000008", "DE", "online_pin_sca_retry"),
)

# Debit cards that receive payouts: country, its ISO 3166 number, then the last four digits of the Visa whose
# payout succeeds, the Visa whose payout fails and the Visa without instant payouts, then those of the
# Mastercard whose payout succeeds (or its whole number, where it follows no pattern).
_PAYOUT_CARDS: Final = """
CA 124 0005 0021 0039 5510121240000006
SG 702 0008 0016 0024 2227200000000009
AU 036 0019 0027 0035 0023
AE 784 0006 0014 0022 0002
GB 826 0203 0211 0229 0100
AT 040 0003 0011 0029 0009
BE 056 0009 0017 0025 0005
HR 191 0004 0012 0020 0000
CY 196 0003 0011 0029 0009
EE 233 0004 0012 0020 0000
FI 246 0006 0014 0022 0002
FR 250 0008 0016 0024 0004
DE 276 0037 0011 0029 0009
GR 300 0001 0019 0027 0007
IE 372 0000 0018 0026 0006
IT 380 0037 0011 0029 0009
LV 428 0000 0018 0026 0006
LT 440 0005 0013 0021 0001
LU 442 0001 0019 0027 0007
MT 470 0002 0010 0028 0008
NL 528 0007 0015 0023 0003
PT 620 0002 0010 0028 0008
SK 703 0006 0014 0022 0002
SI 705 0001 0019 0027 0007
ES 724 0036 0010 0028 0008
DK 208 0006 0014 0022 0002
MY 458 0031 0015 0023 0003
NZ 554 0003 0011 0029 0165
NO 578 0002 0010 0028 0008
SE 752 0003 0011 0029 0009
CZ 203 0007 0015 0023 0003
HU 348 0000 0018 0026 0006
PL 616 0000 0018 0026 0006
RO 642 0030 0014 0022 0002
"""

# Payout bank accounts: the account number (or IBAN) to the payout's failure code, None where it succeeds.
# The long numbers serve the US (routing 110000000), Canada and most countries; the eight-digit ones the UK.
TEST_BANK_ACCOUNTS: Final[dict[str, str | None]] = {
    "000123456789": None,
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
    "000888888883": None,  # fails when the payout is instant: see INSTANT_INELIGIBLE_BANK_ACCOUNTS
    "000123456": None,
    "111111116": "no_account",
    "111111113": "account_closed",
    "222222227": "insufficient_funds",
    "333333335": "debit_not_authorized",
    "444444440": "invalid_currency",
    "00012345": None,
    "11111116": "no_account",
    "11111113": "account_closed",
    "22222227": "insufficient_funds",
    "33333335": "debit_not_authorized",
    "44444440": "invalid_currency",
    "DE89370400440532013000": None,
    "DE62370400440532013001": "no_account",
    "DE89370400440532013002": "account_closed",
    "DE89370400440532013003": "insufficient_funds",
    "DE89370400440532013004": "debit_not_authorized",
    "DE89370400440532013005": "invalid_currency",
}
INSTANT_INELIGIBLE_BANK_ACCOUNTS: Final = frozenset({"000888888883"})

# What a test dispute's evidence text (`evidence[uncategorized_text]`) makes happen.
WINNING_EVIDENCE: Final = "winning_evidence"
LOSING_EVIDENCE: Final = "losing_evidence"
ESCALATE_INQUIRY_EVIDENCE: Final = "escalate_inquiry_evidence"


def _rows() -> Iterator[SimulatedCard]:
    yield from (*_BRANDS, *_MORE_COUNTRIES, *_DECLINES, *_FRAUD, *_DISPUTES)
    yield from (*_REFUNDS_AND_BALANCE, *_THREE_D_SECURE)
    words = _VISA_BY_COUNTRY.split()
    for country, number in zip(words[::2], words[1::2], strict=True):
        code = country.lower()
        credit = f"visa_credit_{code}" if country in ("AU", "AE") else ""
        yield _card(code, number, code, credit, country=country)
    for number, flow in _CHALLENGE_FLOWS:
        yield _card(
            f"challenge_{flow}",
            number,
            country="GB",
            three_d_secure="required_always",
            three_d_secure_outcome="challenge",
            challenge_flow=flow,
        )
    for pin, number, country, method in _PIN_CARDS:
        card = _card(pin, number, country=country, funding="debit", pin_entry=pin)
        yield msgspec.structs.replace(card, payment_method=method)
    yield _payout_visa("us", "US", "4000056655665572", fails=True)
    yield _payout_visa("us", "US", "4000056755665555", instant=False)
    for line in _PAYOUT_CARDS.split("\n"):
        if line:
            yield from _payout_rows(*line.split())


def _payout_visa(code: str, country: str, number: str, fails: bool = False, instant: bool = True) -> SimulatedCard:
    ending = "transferFail" if fails else "transferSuccess" if instant else "instantPayoutUnsupported"
    slug = "fail" if fails else "success" if instant else "not_instant"
    return _card(
        f"payout_{code}_{slug}",
        number,
        tokens=f"visa_debit_{code}_{ending}",
        country=country,
        funding="debit",
        payout_failure="could_not_process" if fails else None,
        instant_payouts=instant,
    )


def _payout_rows(
    country: str, iso: str, success: str, fail: str, not_instant: str, mastercard: str
) -> Iterator[SimulatedCard]:
    code, visa = country.lower(), f"400005{iso}000"
    yield _payout_visa(code, country, visa + success)
    yield _payout_visa(code, country, visa + fail, fails=True)
    yield _payout_visa(code, country, visa + not_instant, instant=False)
    yield _card(
        f"payout_{code}_mastercard",
        mastercard if len(mastercard) == 16 else f"555505{iso}000{mastercard}",
        tokens=f"mastercard_debit_{code}_transferSuccess",
        brand="mastercard",
        country=country,
        funding="debit",
    )


CARDS: Final[tuple[SimulatedCard, ...]] = tuple(_rows())


def _unique(pairs: Iterator[tuple[str, SimulatedCard]]) -> dict[str, SimulatedCard]:
    """An index in which a key that appears twice is a mistake in the table, not the later row's win."""
    index: dict[str, SimulatedCard] = {}
    for key, card in pairs:
        assert key not in index, f"{key} names two test cards: {index[key].profile} and {card.profile}"
        index[key] = card
    return index


_BY_NUMBER: Final = _unique((card.number, card) for card in CARDS)
_BY_PROFILE: Final = _unique((card.profile, card) for card in CARDS)
_BY_TOKEN: Final = _unique((token, card) for card in CARDS for token in card.tokens)
_BY_PAYMENT_METHOD: Final = _unique(
    (name, card) for card in CARDS for name in (card.payment_method, *card.other_payment_methods) if name is not None
)

_DESCRIBE: Final = "describe:"
_COUNTRY_OF_BRAND: Final[dict[Brand, str]] = {"jcb": "JP", "unionpay": "CN"}


# --- look-ups


def by_number(number: str) -> SimulatedCard | None:
    """The published card with this number; spaces and dashes do not matter."""
    return _BY_NUMBER.get(digits(number))


def by_payment_method(payment_method: str) -> SimulatedCard | None:
    """The card behind a published `pm_card_...` id."""
    return _BY_PAYMENT_METHOD.get(payment_method)


def by_token(token: str) -> SimulatedCard | None:
    """The card behind a published `tok_...` id."""
    return _BY_TOKEN.get(token)


def profile_of(number: str) -> str:
    """The slug to store in place of the number: a row's, `incorrect_number`, or `describe:<brand>`."""
    return describe(number).profile


def card_of(profile: str) -> SimulatedCard:
    """The behaviour behind a stored profile. An unknown one is a broken record: AssertionError."""
    card = _BY_PROFILE.get(profile)
    if card is None:
        card = _DESCRIBED.get(profile)
        assert card is not None, f"no test card has the profile {profile!r}"
    return card


def describe(number: str) -> SimulatedCard:
    """The card with this number, published or not; a number that fails the Luhn check is declined as one."""
    plain = digits(number)
    known = _BY_NUMBER.get(plain)
    if known is not None:
        return known
    if not luhn(plain):
        return msgspec.structs.replace(_BY_PROFILE["incorrect_number"], number=plain, brand=brand_of(plain), tokens=())
    return _plain(brand_of(plain), plain)


def _plain(brand: Brand, number: str) -> SimulatedCard:
    return SimulatedCard(
        profile=_DESCRIBE + brand,
        number=number,
        brand=brand,
        funding="unknown" if brand == "unknown" else "credit",
        country=_COUNTRY_OF_BRAND.get(brand, "US"),
    )


_DESCRIBED: Final = {_DESCRIBE + brand: _plain(brand, "") for brand in get_args(Brand)}


# --- numbers


def digits(number: str) -> str:
    """The number without the spaces and dashes that people type."""
    return number.replace(" ", "").replace("-", "")


def luhn(number: str) -> bool:
    """Whether a card number (12 to 19 digits) has a right check digit: ISO/IEC 7812-1, annex B."""
    plain = digits(number)
    if not (12 <= len(plain) <= 19 and plain.isascii() and plain.isdigit()):
        return False
    total = 0
    for place, character in enumerate(reversed(plain)):
        digit = int(character)
        if place % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


# Issuer ranges: brand, first, last; both ends have the same length. The first match counts.
_RANGES: Final[tuple[tuple[Brand, str, str], ...]] = (
    ("visa", "4", "4"),
    ("mastercard", "51", "55"),
    ("mastercard", "2221", "2720"),
    ("amex", "34", "34"),
    ("amex", "37", "37"),
    ("discover", "6011", "6011"),
    ("discover", "644", "659"),
    ("diners", "300", "305"),
    ("diners", "3095", "3095"),
    ("diners", "36", "36"),
    ("diners", "38", "39"),
    ("jcb", "3528", "3589"),
    ("unionpay", "62", "62"),
    ("unionpay", "81", "81"),
)


def brand_of(number: str) -> Brand:
    """The brand that owns the number's issuer range, or "unknown". The check digit plays no part."""
    plain = digits(number)
    for brand, first, last in _RANGES:
        if len(plain) >= len(first) and first <= plain[: len(first)] <= last:
            return brand
    return "unknown"


_ALPHABET: Final = string.ascii_letters + string.digits


def fingerprint(number: str, salt: str = "") -> str:
    """Sixteen letters and digits, the same for the same number; without the salt nobody can search for it."""
    value = int.from_bytes(hashlib.sha256(f"{salt}\0{digits(number)}".encode()).digest(), "big")
    out = []
    for _ in range(16):
        value, rest = divmod(value, len(_ALPHABET))
        out.append(_ALPHABET[rest])
    return "".join(out)
