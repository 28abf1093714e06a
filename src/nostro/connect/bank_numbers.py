"""The numbers of bank accounts, by country: their forms as data, their check digits, and what test mode makes of them.

Most countries of the table write an IBAN (ISO 13616); the others a number of the account, and one that routes to the
bank and branch. Test mode takes published test numbers only: they say how a payout to them ends.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from nostro.kernel.errors import ApiError, invalid, missing
from nostro.networks.test_cards import TEST_BANK_ACCOUNTS

from .countries import EUROPE

FORBIDDEN = "You must use a test bank account number in test mode. Try {0}."


class Form(Struct, frozen=True):
    """`account` and `routing` are patterns without spaces and dashes; `says` what a person has to type."""

    account: str
    says: str
    routing: str = ""
    routing_says: str = ""
    iban: bool = False


IBAN_ONLY: Final = Form("", "an IBAN", iban=True)
# fmt: off
FORMS: Final[dict[str, Form]] = {
    "AU": Form(r"\d{5,9}", "5 to 9 digits", r"\d{6}", "the BSB: 6 digits"),
    "BR": Form(r"[0-9X]{4,12}", "up to 12 digits", r"\d{7,8}", "bank code (3 digits) and branch (4 or 5)"),
    "CA": Form(r"\d{5,12}", "5 to 12 digits", r"\d{8}", "transit number (5 digits) and institution (3)"),
    "GB": Form(r"\d{6,10}", "8 digits", r"\d{6}", "the sort code: 6 digits", iban=True),
    "GI": IBAN_ONLY,
    "HK": Form(r"\d{6,12}", "6 to 12 digits", r"\d{6}", "clearing code (3 digits) and branch (3)"),
    "IN": Form(r"\d{9,18}", "9 to 18 digits", r"[A-Z]{4}0[A-Z0-9]{6}", "the IFSC: 4 letters, a zero, 6 characters"),
    "JP": Form(r"\d{6,8}", "6 to 8 digits", r"\d{7}", "bank code (4 digits) and branch (3)"),
    "MX": Form(r"\d{18}", "the CLABE: 18 digits"),
    "MY": Form(r"\d{5,17}", "5 to 17 digits", r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", "the BIC: 8 or 11 characters"),
    "NO": Form(r"\d{11}", "11 digits", iban=True),
    "NZ": Form(r"\d{15,16}", "bank, branch, account and suffix: 15 or 16 digits"),
    "SG": Form(r"\d{6,12}", "6 to 12 digits", r"\d{7}", "bank code (4 digits) and branch (3)"),
    "TH": Form(r"\d{6,15}", "6 to 15 digits", r"\d{3,7}", "the bank code: 3 to 7 digits"),
    "US": Form(r"\d{4,17}", "4 to 17 digits", r"\d{9}", "the ABA number: 9 digits, the last a check digit"),
    "AE": IBAN_ONLY,
    **dict.fromkeys(EUROPE - {"GB", "GI", "NO"}, IBAN_ONLY),
}
# What a number of ones, twos, threes or fours that ends so stands for, however long the country's numbers are.
FATES: Final = (
    (re.compile(r"0*1+6"), "no_account"),
    (re.compile(r"0*1+3"), "account_closed"),
    (re.compile(r"0*2+7"), "insufficient_funds"),
    (re.compile(r"0*3+5"), "debit_not_authorized"),
    (re.compile(r"0*4+0"), "invalid_currency"),
    (re.compile(r"0*1234(5(6(7(89?7?)?)?)?)?"), None),
    (re.compile(r"110+10"), None),
    (re.compile(r"0*8+3"), None),
)
GERMAN: Final = {number[2:]: fate for number, fate in TEST_BANK_ACCOUNTS.items() if number.startswith("DE")}
EXAMPLE_IBAN: Final = "89370400440532013000"
EXAMPLES: Final = {
    "AU": ("000123456", "110000"), "BR": ("0001234", "1100000"), "CA": ("000123456789", "11000000"),
    "GB": ("00012345", "108800"), "HK": ("000123456", "110000"), "IN": ("000123456789", "HDFC0004051"),
    "JP": ("0001234", "1100000"), "MX": ("000000001234567897", None), "MY": ("000123456000", "TESTMYKL"),
    "NZ": ("1100000000000010", None), "SG": ("000123456", "1100000"), "TH": ("000123456789", "110"),
    "US": ("000123456789", "110000000"),
}  # fmt: skip
# fmt: on


def example(country: str) -> tuple[str, str | None]:
    """The published numbers, of an account and its routing, to which payouts arrive."""
    return EXAMPLES.get(country, (f"{country}{EXAMPLE_IBAN}", None))


def plain(number: str | None) -> str:
    """Without the spaces and dashes that people type."""
    return (number or "").replace(" ", "").replace("-", "").upper()


def fate(country: str, number: str) -> str | None:
    """How payouts to a test number end: a failure code, or None for well. KeyError for what is no test number."""
    if number in TEST_BANK_ACCOUNTS:
        return TEST_BANK_ACCOUNTS[number]
    if number[:2] == country:
        return GERMAN[number[2:]]
    if number == EXAMPLES.get(country, ("", None))[0]:
        return None
    for pattern, code in FATES:
        if pattern.fullmatch(number):
            return code
    raise KeyError(number)


def check(country: str, number: str, routing: str | None, at: str, *, any_number: bool = False) -> str | None:
    """Check the plain numbers of an account; `at` is the parameter that holds them, for errors. With `any_number` it
    need not be a test number.

    Returns how payouts to it end. Raises `account_number_invalid` or `routing_number_invalid` with what is right.
    """
    param = f"{at}[account_number]"
    form = FORMS.get(country)
    if form is None:
        raise invalid(f"Payouts to bank accounts in {country[:2]} are not offered.", f"{at}[country]",
                      "country_unsupported")  # fmt: skip
    if not number.isalnum() or not number.isascii() or not 4 <= len(number) <= 34:
        raise _wrong(param, "The account number is not valid: send letters and digits only.")
    is_iban = form.iban and number[:2].isalpha()
    if number[:2].isalpha() and number[2:4].isdigit() and number[:2] != country:
        raise _wrong(param, f"The account number is an IBAN of {number[:2]}, and the country is {country}.")
    try:
        ends, known = fate(country, number), True
    except KeyError:
        ends, known = None, False
    if not known and is_iban:
        _check_iban(number, param)
    published = form.account and (number in TEST_BANK_ACCOUNTS or number == example(country)[0])
    if not (is_iban or published) and not (form.account and re.fullmatch(form.account, number)):
        raise _wrong(param, f"The account number of a bank in {country} is {form.says}.")
    if not known and country == "MX" and _clabe(number[:17]) != number[17]:
        raise _wrong(param, "The CLABE's last digit does not check the others.")
    if form.routing and not is_iban:
        _check_routing(country, form, routing, at)
    if not known and not any_number:
        raise _wrong(param, FORBIDDEN.format(example(country)[0]))
    return ends


def _wrong(param: str, text: str) -> ApiError:
    return invalid(text, param, "account_number_invalid")


def _check_iban(number: str, param: str) -> None:
    """ISO 13616: the country's length and pattern, and its check digits; the national ones where they are known."""
    from schwifty import IBAN  # loads the banks of the world: only when one is named
    from schwifty.exceptions import SchwiftyException

    try:
        IBAN(number, validate_bban=True)
    except SchwiftyException as error:
        raise _wrong(param, f"The account number is not a valid IBAN: {error}.") from None


def _check_routing(country: str, form: Form, routing: str | None, at: str) -> None:
    param = f"{at}[routing_number]"
    if not routing:
        raise missing(param)
    number = plain(routing)
    good = re.fullmatch(form.routing, number) is not None
    if good and country == "US":
        good = aba(number)
    if good and country == "MY":
        good = _is_bic(number)
    if not good:
        raise invalid(f"Invalid routing number: in {country} it is {form.routing_says}.", param,
                      "routing_number_invalid")  # fmt: skip


def _is_bic(number: str) -> bool:
    """ISO 9362."""
    from schwifty import BIC
    from schwifty.exceptions import SchwiftyException

    try:
        BIC(number)
    except SchwiftyException:
        return False
    return True


def aba(number: str) -> bool:
    """The check digit of the American Bankers Association: weights 3, 7, 1."""
    weights = (3, 7, 1) * 3
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True)) % 10 == 0


def _clabe(digits: str) -> str:
    """The check digit of Mexico's clearing code: weights 3, 7, 1, each product taken modulo ten."""
    weights = (3, 7, 1) * 6
    total = sum(int(digit) * weight % 10 for digit, weight in zip(digits, weights, strict=False))
    return str(-total % 10)
