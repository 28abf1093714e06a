"""The published cards: every number, id and token leads to the card that its users expect."""

import pytest

from nostro.networks import test_cards as cards

ROWS = """
4242424242424242 visa credit US          4000056655665556 visa debit US
5555555555554444 mastercard credit US    2223003122003222 mastercard credit US
5200828282828210 mastercard debit US     5105105105105100 mastercard prepaid US
378282246310005 amex credit US           371449635398431 amex credit US
6011111111111117 discover credit US      6011000990139424 discover credit US
6011981111111113 discover debit US       3056930009020004 diners credit US
36227206271667 diners credit US          6555900000604105 discover credit US
3566002020360505 jcb credit JP           6200000000000005 unionpay credit CN
6200000000000047 unionpay debit CN       6205500000000000004 unionpay credit CN
5200007840000022 mastercard credit AE    4000058260000005 visa debit GB
5555558265554449 mastercard credit GB    4000004840008001 visa credit MX
4000057640000008 visa debit TH           4000001580000008 visa credit TW
"""
BY_NUMBER = ROWS.split()


@pytest.mark.parametrize(
    ("number", "brand", "funding", "country"),
    list(zip(BY_NUMBER[::4], BY_NUMBER[1::4], BY_NUMBER[2::4], BY_NUMBER[3::4], strict=True)),
)
def test_a_published_number_is_the_card_it_says(number: str, brand: str, funding: str, country: str) -> None:
    card = cards.by_number(number)
    assert card is not None
    assert (card.brand, card.funding, card.country) == (brand, funding, country)


@pytest.mark.parametrize(
    ("name", "last4"),
    [
        ("visa", "4242"),
        ("us", "4242"),
        ("visa_debit", "5556"),
        ("mastercard", "4444"),
        ("mastercard_prepaid", "5100"),
        ("amex", "0005"),
        ("amex_threeDSecureNotSupported", "0005"),
        ("diners", "0004"),
        ("jcb", "0000"),
        ("unionpay", "0005"),
        ("br", "0002"),
        ("hu", "0005"),
        ("gb_debit", "0005"),
        ("visa_cartesBancaires", "1001"),
        ("chargeDeclined", "0002"),
        ("visa_chargeDeclined", "0002"),
        ("visa_chargeDeclinedInsufficientFunds", "9995"),
        ("visa_chargeDeclinedLostCard", "9987"),
        ("visa_chargeDeclinedStolenCard", "9979"),
        ("chargeDeclinedExpiredCard", "0069"),
        ("chargeDeclinedIncorrectCvc", "0127"),
        ("chargeDeclinedProcessingError", "0119"),
        ("visa_chargeDeclinedVelocityLimitExceeded", "6975"),
        ("chargeCustomerFail", "0341"),
        ("radarBlock", "0019"),
        ("riskLevelHighest", "4954"),
        ("riskLevelElevated", "9235"),
        ("cvcCheckFail", "0101"),
        ("avsZipFail", "0036"),
        ("avsLine1Fail", "0028"),
        ("avsFail", "0010"),
        ("avsUnchecked", "0044"),
        ("createDispute", "0259"),
        ("createDisputeProductNotReceived", "2685"),
        ("createDisputeInquiry", "1976"),
        ("createIssuerFraudRecord", "5423"),
        ("createMultipleDisputes", "0079"),
        ("pendingRefund", "7726"),
        ("refundFail", "5126"),
        ("bypassPending", "0077"),
        ("bypassPendingInternational", "0278"),
        ("authenticationRequiredOnSetup", "3155"),
        ("authenticationRequired", "3184"),
        ("authenticationRequiredSetupForOffSession", "0446"),
        ("authenticationRequiredChargeDeclinedInsufficientFunds", "3178"),
        ("threeDSecure2Required", "3220"),
        ("threeDSecureRequiredChargeDeclined", "1629"),
        ("threeDSecureRequiredProcessingError", "1280"),
        ("threeDSecureOptional", "3055"),
        ("threeDSecureOptionalProcessingError", "3097"),
    ],
)
def test_the_payment_method_and_the_token_of_a_name_are_one_card(name: str, last4: str) -> None:
    card = cards.by_payment_method(f"pm_card_{name}")
    assert card is not None
    assert card.last4 == last4
    assert cards.by_token(f"tok_{name}") is card


def test_the_token_of_a_payout_card_works() -> None:
    us = cards.by_token("tok_visa_debit_us_transferSuccess")
    assert us is cards.by_number("4000056655665556")
    failing = cards.by_token("tok_visa_debit_de_transferFail")
    assert failing is cards.by_number("4000052760000011")
    assert failing is not None and failing.payout_failure == "could_not_process"
    slow = cards.by_number("4000057020000024")
    assert slow is not None and not slow.instant_payouts


def test_an_unpublished_name_is_nothing() -> None:
    assert cards.by_payment_method("pm_card_nothing") is None
    assert cards.by_token("tok_nothing") is None
    assert cards.by_number("4111111111111111") is None


@pytest.mark.parametrize("card", cards.CARDS, ids=lambda card: card.profile)
def test_every_row_is_consistent(card: cards.SimulatedCard) -> None:
    assert cards.luhn(card.number) == (card.profile != "incorrect_number")
    assert cards.brand_of(card.number) == card.brand
    assert cards.by_number(card.number) is card
    assert cards.card_of(cards.profile_of(card.number)) is card
    assert (card.dispute is None) == (card.disputes == 0)
    assert (card.three_d_secure_outcome == "none") == (card.three_d_secure == "not_supported")


def test_the_table_has_every_country_and_every_payout_card() -> None:
    countries = {card.country for card in cards.CARDS}
    assert len(countries) >= 59
    assert len(cards.CARDS) > 290


def test_spaces_and_dashes_do_not_matter() -> None:
    assert cards.by_number("4242 4242 4242 4242") is cards.by_number("4242-4242-4242-4242")
    assert cards.fingerprint("4242 4242 4242 4242") == cards.fingerprint("4242424242424242")


def test_an_unknown_number_is_a_plain_card_of_its_brand() -> None:
    card = cards.describe("4111 1111 1111 1111")
    assert (card.profile, card.brand, card.last4) == ("describe:visa", "visa", "1111")
    assert card.decline is None and card.outcome_type == "authorized"
    kept = cards.card_of(cards.profile_of("4111111111111111"))
    assert (kept.brand, kept.number) == ("visa", "")
    assert cards.profile_of("6759649826438453") == "describe:unknown"


def test_a_number_with_a_wrong_check_digit_is_incorrect() -> None:
    for number in ("4242424242424241", "4111111111111112", "", "card", "42"):
        card = cards.describe(number)
        assert card.profile == cards.profile_of(number) == "incorrect_number"
        assert card.decline is not None
        assert (card.decline.code, card.decline.when) == ("incorrect_number", "tokenize")


def test_a_profile_that_was_never_given_out_is_a_broken_record() -> None:
    for profile in ("nothing", "describe:nothing", ""):
        with pytest.raises(AssertionError, match="no test card"):
            cards.card_of(profile)


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("4242424242424242", True),
        ("4242424242424241", False),
        ("79927398713", False),  # right digit, too short for a card
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", False),  # digits, but not the ones on a card
        ("0" * 20, False),
    ],
)
def test_luhn(number: str, good: bool) -> None:
    assert cards.luhn(number) is good


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4", "visa"),
        ("2221", "mastercard"),
        ("2720", "mastercard"),
        ("2721", "unknown"),
        ("34", "amex"),
        ("6011", "discover"),
        ("643", "unknown"),
        ("3095", "diners"),
        ("3589", "jcb"),
        ("62", "unionpay"),
        ("", "unknown"),
    ],
)
def test_the_brand_follows_the_issuer_range(number: str, brand: str) -> None:
    assert cards.brand_of(number) == brand


def test_a_fingerprint_is_stable_and_depends_on_the_salt() -> None:
    first = cards.fingerprint("4242424242424242", "one")
    assert first == cards.fingerprint("4242424242424242", "one")
    assert len(first) == 16 and first.isascii() and first.isalnum()
    others = {cards.fingerprint(card.number, "one") for card in cards.CARDS}
    assert len(others) == len(cards.CARDS)
    assert first != cards.fingerprint("4242424242424242", "two")


def test_display_brands_are_spelled_as_the_api_spells_them() -> None:
    spelled = {card.brand: card.display_brand for card in cards.CARDS if card.preferred_network is None}
    assert spelled == {
        "visa": "visa",
        "mastercard": "mastercard",
        "amex": "american_express",
        "discover": "discover",
        "diners": "diners_club",
        "jcb": "jcb",
        "unionpay": "union_pay",
        "unknown": "other",
    }


def test_a_co_branded_card_lists_both_networks() -> None:
    card = cards.card_of("visa_cartes_bancaires")
    assert (card.brand, card.available_networks) == ("visa", ("cartes_bancaires", "visa"))
    assert cards.card_of("visa").available_networks == ("visa",)


def test_what_happens_after_the_charge() -> None:
    after = {
        "4000000000000259": ("fraudulent", 1, False),
        "4000000000002685": ("product_not_received", 1, False),
        "4000000000001976": ("fraudulent", 1, True),
        "4000000404000079": ("fraudulent", 2, False),
        "4000008400000779": ("noncompliant", 1, False),
        "4242424242424242": (None, 0, False),
    }
    for number, expected in after.items():
        card = cards.describe(number)
        assert (card.dispute, card.disputes, card.inquiry) == expected
    assert cards.describe("4000000000005423").early_fraud_warning
    assert cards.describe("4000000000007726").refund == "succeeds_later"
    assert cards.describe("4000000000005126").refund == "fails_later"
    assert cards.describe("4000000000000077").available_at_once
    assert not cards.describe("4242424242424242").available_at_once


def test_three_d_secure_protects_from_fraud_disputes_only() -> None:
    assert cards.describe("4000000000000259").authentication_prevents_dispute
    assert not cards.describe("4000000000002685").authentication_prevents_dispute


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        ("000123456789", None),
        ("000111111116", "no_account"),
        ("000111111113", "account_closed"),
        ("000222222227", "insufficient_funds"),
        ("000333333335", "debit_not_authorized"),
        ("000444444440", "invalid_currency"),
        ("DE62370400440532013001", "no_account"),
    ],
)
def test_payouts_to_the_test_bank_accounts(number: str, failure: str | None) -> None:
    assert cards.TEST_BANK_ACCOUNTS[number] == failure


def test_the_evidence_texts() -> None:
    assert cards.WINNING_EVIDENCE == "winning_evidence"
    assert cards.LOSING_EVIDENCE == "losing_evidence"
    assert cards.ESCALATE_INQUIRY_EVIDENCE == "escalate_inquiry_evidence"
