"""The simulated card network: each published card gives the outcome that its page documents."""

import msgspec
import pytest

from nostro.networks import simulator as net
from nostro.networks import test_cards as cards
from nostro.networks.simulator import Approved, Challenge, Declined, Report, RiskRules


def pay(
    number: str,
    *,
    cvc: bool = True,
    address: bool = True,
    off_session: bool = False,
    authenticated: net.Authenticated | None = None,
    setup_done: bool = False,
    request_three_d_secure: net.RequestThreeDSecure = "automatic",
    rules: RiskRules = net.DEFAULT_RULES,
    reference: str = "att_1",
) -> Report:
    return net.authorize(
        net.Authorization(
            profile=cards.profile_of(number),
            reference=reference,
            amount=1000,
            currency="usd",
            cvc_supplied=cvc,
            line1_supplied=address,
            postal_code_supplied=address,
            off_session=off_session,
            authenticated=authenticated,
            setup_done=setup_done,
            request_three_d_secure=request_three_d_secure,
            rules=rules,
        )
    )


def save(
    number: str,
    authenticated: net.Authenticated | None = None,
    cvc: bool = True,
    rules: RiskRules | None = None,
) -> Report:
    return net.setup(
        net.Setup(
            profile=cards.profile_of(number),
            reference="seti_1",
            cvc_supplied=cvc,
            authenticated=authenticated,
            rules=rules or net.DEFAULT_RULES,
        )
    )


def attach(number: str) -> Approved | Declined:
    return net.attach(net.Setup(profile=cards.profile_of(number), reference="pm_1", cvc_supplied=True))


def approved(report: Report) -> Approved:
    assert isinstance(report, Approved), report
    return report


def declined(report: Report) -> Declined:
    assert isinstance(report, Declined), report
    return report


# --- plain payments


def test_a_plain_payment_is_approved() -> None:
    report = approved(pay("4242424242424242"))
    outcome = report.outcome
    assert (outcome.network_status, outcome.type, outcome.risk_level, outcome.reason) == (
        "approved_by_network",
        "authorized",
        "normal",
        None,
    )
    assert 0 <= outcome.risk_score < 65
    assert report.checks == net.Checks(cvc_check="pass", address_line1_check="pass", address_postal_code_check="pass")
    assert report.three_d_secure is None
    assert len(report.authorization_code) == 6 and report.authorization_code.isdigit()
    assert len(report.network_transaction_id) == 15


def test_nothing_is_checked_where_nothing_was_supplied() -> None:
    assert approved(pay("4242424242424242", cvc=False, address=False)).checks == net.Checks()


def test_asking_again_with_the_same_reference_gives_the_same_answer() -> None:
    assert pay("4242424242424242") == pay("4242424242424242")
    other = approved(pay("4242424242424242", reference="att_2"))
    assert other.network_transaction_id != approved(pay("4242424242424242")).network_transaction_id


def test_mastercard_numbers_its_transactions_its_own_way() -> None:
    number = approved(pay("5555555555554444")).network_transaction_id
    assert number.startswith("MCC") and len(number) == 9


def test_a_number_nobody_published_works_too() -> None:
    assert approved(pay("4111111111111111")).outcome.type == "authorized"


@pytest.mark.parametrize("card", cards.CARDS, ids=lambda card: card.profile)
def test_every_card_ends_as_its_row_says(card: cards.SimulatedCard) -> None:
    report = net.authorize(
        net.Authorization(
            profile=card.profile,
            reference="att_1",
            amount=1,
            currency="usd",
            cvc_supplied=card.cvc_check == "pass",
            authenticated="succeeded",
        )
    )
    assert not isinstance(report, Challenge)
    assert report.outcome.type == card.outcome_type
    assert report.outcome.risk_level == card.risk_level
    assert isinstance(report, Approved) == (card.outcome_type in ("authorized", "manual_review"))


# --- declines


DECLINES = [
    ("4000000000000002", "card_declined", "generic_decline", "try_again_later"),
    ("4000000000009995", "card_declined", "insufficient_funds", "try_again_later"),
    ("4000000000009987", "card_declined", "lost_card", "do_not_try_again"),
    ("4000000000009979", "card_declined", "stolen_card", "do_not_try_again"),
    ("4000000000000069", "expired_card", None, "confirm_card_data"),
    ("4000000000000127", "incorrect_cvc", None, "confirm_card_data"),
    ("4000000000000119", "processing_error", None, "try_again_later"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded", "try_again_later"),
]


@pytest.mark.parametrize(("number", "code", "decline_code", "advice"), DECLINES)
def test_the_issuer_declines(number: str, code: str, decline_code: str | None, advice: str) -> None:
    report = declined(pay(number))
    assert (report.code, report.decline_code, report.advice_code) == (code, decline_code, advice)
    assert report.charge_made
    assert report.outcome.type == "issuer_declined"
    assert report.outcome.network_status == "declined_by_network"
    assert report.outcome.reason == (decline_code or code)
    assert report.outcome.network_decline_code == report.network_decline_code is not None
    assert report.message and report.outcome.seller_message


@pytest.mark.parametrize(("number", "code", "decline_code", "advice"), DECLINES)
def test_such_a_card_can_be_neither_attached_nor_set_up(
    number: str, code: str, decline_code: str | None, advice: str
) -> None:
    for report in (declined(attach(number)), declined(save(number))):
        assert (report.code, report.decline_code) == (code, decline_code)
        assert not report.charge_made


def test_an_incorrect_cvc_needs_a_cvc() -> None:
    assert declined(pay("4000000000000127")).checks.cvc_check == "fail"
    assert approved(pay("4000000000000127", cvc=False)).checks.cvc_check is None


def test_a_card_that_declines_after_attaching() -> None:
    assert isinstance(attach("4000000000000341"), Approved)
    assert isinstance(save("4000000000000341"), Approved)
    report = declined(pay("4000000000000341", off_session=True))
    assert (report.code, report.decline_code) == ("card_declined", "generic_decline")


@pytest.mark.parametrize(
    ("token", "decline_code"),
    [
        ("tok_visa_chargeCustomerFailLostCard", "lost_card"),
        ("tok_visa_chargeCustomerFailStolenCard", "stolen_card"),
    ],
)
def test_tokens_that_decline_after_attaching(token: str, decline_code: str) -> None:
    card = cards.by_token(token)
    assert card is not None
    assert isinstance(attach(card.number), Approved)
    assert declined(pay(card.number)).decline_code == decline_code


def test_an_incorrect_number_never_reaches_the_network() -> None:
    report = declined(pay("4242424242424241"))
    assert (report.code, report.param, report.charge_made) == ("incorrect_number", "number", False)
    assert (report.outcome.network_status, report.outcome.type) == ("not_sent_to_network", "invalid")


# --- risk


def test_a_blocked_payment_is_a_failed_charge_that_the_bank_never_saw() -> None:
    for number in ("4100000000000019", "4000000000004954"):
        report = declined(pay(number))
        assert (report.code, report.decline_code, report.charge_made) == ("card_declined", "fraudulent", True)
        outcome = report.outcome
        assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
        assert (outcome.reason, outcome.risk_level) == ("highest_risk_level", "highest")
        assert outcome.risk_score >= 75
        assert report.network_decline_code is None
        assert report.checks == net.Checks()


def test_only_one_of_the_two_can_be_let_through() -> None:
    open_door = RiskRules(block_highest_risk=False)
    assert approved(pay("4000000000004954", rules=open_door)).outcome.risk_level == "highest"
    assert declined(pay("4100000000000019", rules=open_door)).outcome.type == "blocked"


def test_elevated_risk_is_approved_and_reviewed() -> None:
    outcome = approved(pay("4000000000009235")).outcome
    assert (outcome.type, outcome.reason) == ("manual_review", "elevated_risk_level")
    assert (outcome.network_status, outcome.risk_level) == ("approved_by_network", "elevated")
    assert 65 <= outcome.risk_score < 75
    relaxed = approved(pay("4000000000009235", rules=RiskRules(review_elevated_risk=False))).outcome
    assert (relaxed.type, relaxed.reason, relaxed.risk_level) == ("authorized", None, "elevated")


def test_a_failed_cvc_check_takes_the_approval_back() -> None:
    report = declined(pay("4000000000000101"))
    assert (report.code, report.checks.cvc_check) == ("incorrect_cvc", "fail")
    outcome = report.outcome
    assert (outcome.type, outcome.reason) == ("blocked", "rule")
    assert outcome.network_status == "reversed_after_approval"
    assert isinstance(pay("4000000000000101", cvc=False), Approved)
    lenient = pay("4000000000000101", rules=RiskRules(block_cvc_failure=False))
    assert approved(lenient).checks.cvc_check == "fail"


@pytest.mark.parametrize(
    ("number", "line1", "postal_code"),
    [
        ("4000000000000036", "pass", "fail"),
        ("4000000000000028", "fail", "pass"),
        ("4000000000000010", "fail", "fail"),
        ("4000000000000044", "unavailable", "unavailable"),
    ],
)
def test_address_checks(number: str, line1: str, postal_code: str) -> None:
    checks = approved(pay(number)).checks
    assert (checks.address_line1_check, checks.address_postal_code_check) == (line1, postal_code)
    assert approved(pay(number, address=False)).checks.address_line1_check is None
    strict = pay(number, rules=RiskRules(block_postal_code_failure=True))
    assert isinstance(strict, Declined) == (postal_code == "fail")
    if isinstance(strict, Declined):
        assert strict.code == "incorrect_zip"


def test_rules_that_are_off_until_they_are_turned_on() -> None:
    assert isinstance(pay("4000008400001017"), Approved)
    blocked = declined(pay("4000008400001017", rules=RiskRules(block_dynamic_risk_threshold=True)))
    assert (blocked.outcome.type, blocked.outcome.reason) == ("blocked", "rule")
    assert isinstance(pay("4000008405600003"), Approved)
    assert isinstance(pay("4000008405600003", rules=RiskRules(adaptive_three_d_secure=True)), Challenge)


# --- 3-D Secure

ALWAYS_ASK_ON_SESSION = [
    "4000002500003155",
    "4000002760003184",
    "4000003800000446",
    "4000008260003178",
    "4000000000003220",
    "4000008400000027",
    "4000008400001629",
    "4000582600000094",
]


@pytest.mark.parametrize("number", ALWAYS_ASK_ON_SESSION)
def test_a_card_that_must_authenticate(number: str) -> None:
    for report in (pay(number), pay(number, setup_done=True), save(number)):
        assert isinstance(report, Challenge) and report.flow == "challenge"
    failed = declined(pay(number, authenticated="failed"))
    assert failed.code == "payment_intent_authentication_failure"
    assert not failed.charge_made
    assert failed.three_d_secure is not None and failed.three_d_secure.result == "failed"
    assert declined(save(number, "failed")).code == "setup_intent_authentication_failure"
    assert isinstance(save(number, "succeeded"), Approved)


def test_the_authenticated_payment_says_so() -> None:
    report = approved(pay("4000000000003220", authenticated="succeeded"))
    done = report.three_d_secure
    assert done is not None
    assert (done.result, done.authentication_flow, done.electronic_commerce_indicator, done.version) == (
        "authenticated",
        "challenge",
        "05",
        "2.2.0",
    )
    attempted = approved(pay("4000000000003220", authenticated="attempted")).three_d_secure
    assert attempted is not None and attempted.result == "attempt_acknowledged"


@pytest.mark.parametrize(
    ("number", "before_setup", "after_setup"),
    [
        ("4000002500003155", "authentication_required", None),
        ("4000002760003184", "authentication_required", "authentication_required"),
        ("4000003800000446", None, None),
        ("4000008260003178", "authentication_required", "insufficient_funds"),
        ("4000000000003220", "authentication_required", "authentication_required"),
        ("4000000000003055", None, None),
        ("4242424242424242", None, None),
    ],
)
def test_off_session(number: str, before_setup: str | None, after_setup: str | None) -> None:
    for setup_done, expected in ((False, before_setup), (True, after_setup)):
        report = pay(number, off_session=True, setup_done=setup_done, cvc=False)
        if expected is None:
            assert isinstance(report, Approved)
            continue
        refused = declined(report)
        assert refused.decline_code == expected
        if expected == "authentication_required":
            assert refused.code == "authentication_required"


def test_off_session_only_the_issuers_refusal_is_a_charge() -> None:
    by_issuer = declined(pay("4000002760003184", off_session=True))
    assert by_issuer.charge_made
    assert by_issuer.outcome.network_status == "declined_by_network"
    by_rule = declined(pay("4000000000003220", off_session=True))
    assert not by_rule.charge_made
    assert by_rule.outcome.network_status == "not_sent_to_network"


@pytest.mark.parametrize(
    ("number", "decline_code"),
    [("4000008260003178", "insufficient_funds"), ("4000008400001629", "generic_decline")],
)
def test_declined_although_authenticated(number: str, decline_code: str) -> None:
    report = declined(pay(number, authenticated="succeeded"))
    assert (report.code, report.decline_code, report.charge_made) == ("card_declined", decline_code, True)
    assert report.three_d_secure is not None and report.three_d_secure.result == "authenticated"


def test_when_the_lookup_fails_a_card_that_must_is_declined() -> None:
    for report in (declined(pay("4000008400001280")), declined(save("4000008400001280"))):
        assert report.code == "card_declined"
        assert report.three_d_secure is not None
        assert report.three_d_secure.result == "processing_error"


def test_a_card_that_may_authenticate_does_when_asked() -> None:
    assert approved(pay("4000000000003055")).three_d_secure is None
    asked = pay("4000000000003055", request_three_d_secure="any")
    assert asked == Challenge(flow="challenge")
    broken = approved(pay("4000000000003097", request_three_d_secure="challenge"))
    assert broken.three_d_secure is not None
    assert broken.three_d_secure.result == "processing_error"


@pytest.mark.parametrize(
    ("number", "result", "reason"),
    [
        ("4242424242424242", "attempt_acknowledged", "card_not_enrolled"),
        ("4000056655665556", "attempt_acknowledged", None),
        ("378282246310005", "not_supported", None),
    ],
)
def test_asking_for_three_d_secure_where_nothing_comes_of_it(number: str, result: str, reason: str | None) -> None:
    done = approved(pay(number, request_three_d_secure="any")).three_d_secure
    assert done is not None
    assert (done.result, done.result_reason) == (result, reason)


def test_the_frictionless_card() -> None:
    assert pay("4000000032200000") == Challenge(flow="frictionless")
    done = approved(pay("4000000032200000", authenticated="succeeded")).three_d_secure
    assert done is not None
    assert (done.result, done.authentication_flow) == ("authenticated", "frictionless")


def test_mobile_challenges_name_their_screen() -> None:
    report = pay("4000582600000045")
    assert isinstance(report, Challenge) and report.screen == "one_time_passcode"


def test_a_blocked_card_is_never_asked_to_authenticate() -> None:
    assert isinstance(pay("4100000000000019", request_three_d_secure="any"), Declined)


def test_risk_rules_do_not_stop_a_setup_but_a_failed_cvc_does() -> None:
    assert isinstance(save("4100000000000019"), Approved)
    assert declined(save("4000000000000101")).code == "incorrect_cvc"
    assert isinstance(save("4000000000000101", rules=RiskRules(block_cvc_failure=False)), Approved)


# --- the report as a value


@pytest.mark.parametrize("number", ["4242424242424242", "4000000000000002", "4000000000003220"])
def test_a_report_survives_storage(number: str) -> None:
    report = pay(number)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_an_amount_of_nothing_is_a_mistake_of_ours() -> None:
    request = net.Authorization(profile="visa", reference="att_1", amount=0, currency="usd")
    with pytest.raises(AssertionError):
        net.authorize(request)
