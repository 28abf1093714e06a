"""What the onboarding pages call each thing that is asked, how it is typed, and its published test value. Data.

An input's name is the parameter's of the API, so that what a page sends is read as a request is.
"""

from __future__ import annotations

from msgspec import Struct

from . import bank_numbers

GOOD_FILE, BAD_FILE = "file_identity_document_success", "file_identity_document_failure"
FILES = ((GOOD_FILE, "Test document that is readable"), (BAD_FILE, "Test document that is not readable"))
YEAR = "1902"
"""The published year of birth whose check passes at once; the day is the 1st of January."""


class Input(Struct, frozen=True, kw_only=True):
    """`width` is in sixths of the line. `wrong` is why the value cannot be taken; `kept` that there is one already."""

    name: str
    label: str
    type: str = "text"
    test: str = ""
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    complete: str = ""
    width: int = 6
    optional: bool = False
    kept: bool = False
    wrong: str = ""


class Text(Struct, frozen=True, kw_only=True):
    """One line of the table: `says` is the label, or the label by country with "" for the others."""

    says: str | dict[str, str]
    test: str | dict[str, str]
    type: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    complete: str = ""
    width: int = 6
    hint: str = ""


BUSINESS_TYPES = (("individual", "Myself, or a sole proprietorship"), ("company", "A company"),
                  ("non_profit", "A non-profit organization"))  # fmt: skip
CATEGORIES = (("5734", "Software"), ("5812", "Restaurants"), ("5999", "Other retail"), ("5947", "Gifts and crafts"),
              ("7299", "Personal services"), ("7392", "Consulting"), ("8299", "Education"))  # fmt: skip
STRUCTURES = (("llc", "LLC"), ("free_zone_llc", "Free zone LLC"), ("sole_establishment", "Sole establishment"),
              ("free_zone_establishment", "Free zone establishment"))  # fmt: skip
CITY = {"": "Berlin", "AU": "Sydney", "BR": "São Paulo", "CA": "Toronto", "GB": "London", "JP": "Tokyo",
        "US": "San Francisco"}  # fmt: skip
CODE = {"": "10115", "AU": "2000", "BR": "01310-100", "CA": "M5V 2T6", "GB": "E1 8QS", "JP": "1500001", "US": "94103"}
STATE = {"": "State", "AU": "NSW", "BR": "SP", "CA": "ON", "JP": "東京都", "US": "CA"}
NUMBER = {"": "National id number", "BR": "CPF", "HK": "HKID number", "IN": "PAN", "MX": "RFC", "MY": "MyKad number",
          "SG": "NRIC or FIN", "TH": "Thai id number", "US": "Social Security number"}  # fmt: skip
TAX = {"": "Registration number", "AU": "ABN or ACN", "BR": "CNPJ", "CA": "Business number", "IN": "PAN",
       "MX": "RFC", "US": "Employer identification number (EIN)"}  # fmt: skip
# fmt: off
TEXTS: dict[str, Text] = {
    "business_type":   Text(says="Who gets the money?", test="individual", type="select", options=BUSINESS_TYPES),
    "business_profile.mcc": Text(says="What do you sell?", test="5734", type="select", options=CATEGORIES),
    "business_profile.url": Text(says="Your website", test="https://accessible.stripe.com", type="url",
                                 hint="No website? Describe what you sell instead.", complete="url"),
    "business_profile.product_description": Text(says="What you sell, in a sentence", test="Prints of maps"),
    "first_name":      Text(says="First name", test="Jenny", complete="given-name", width=3),
    "last_name":       Text(says="Last name", test="Rosen", complete="family-name", width=3),
    "first_name_kana": Text(says="First name (kana)", test="トーキョー", width=3),
    "first_name_kanji": Text(says="First name (kanji)", test="東京", width=3),
    "last_name_kana":  Text(says="Last name (kana)", test="ローゼン", width=3),
    "last_name_kanji": Text(says="Last name (kanji)", test="炉善", width=3),
    "dob.day":         Text(says="Day of birth", test="1", type="number", complete="bday-day", width=2),
    "dob.month":       Text(says="Month", test="1", type="number", complete="bday-month", width=2),
    "dob.year":        Text(says="Year", test=YEAR, type="number", complete="bday-year", width=2),
    "email":           Text(says="Email", test="jenny.rosen@example.com", type="email", complete="email", width=3),
    "phone":           Text(says="Phone", test="0000000000", type="tel", complete="tel", width=3),
    "line1":           Text(says="Street and number", test="address_full_match", complete="address-line1"),
    "city":            Text(says="City", test=CITY, complete="address-level2", width=3),
    "postal_code":     Text(says={"": "Postal code", "US": "ZIP code", "GB": "Postcode"}, test=CODE,
                            complete="postal-code", width=3),
    "state":           Text(says={"": "State or province", "AE": "Emirate", "JP": "Prefecture", "US": "State"},
                            test=STATE, complete="address-level1", width=3),
    "town":            Text(says="Town and block", test="神宮前", width=3),
    "ssn_last_4":      Text(says="Last 4 digits of your Social Security number", test="0000", type="password"),
    "id_number":       Text(says=NUMBER, test="000000000", type="password"),
    "nationality":     Text(says="Nationality (2 letters)", test={"": "DE", "US": "US"}, width=3),
    "political_exposure": Text(says="Do you hold a high public office?", test="none", type="select",
                               options=(("none", "No"), ("existing", "Yes"))),
    "relationship.title": Text(says="Job title", test="Owner", complete="organization-title"),
    "company.name":    Text(says="Legal name", test="Test Company", complete="organization"),
    "company.name_kana": Text(says="Legal name (kana)", test="テスト", width=3),
    "company.name_kanji": Text(says="Legal name (kanji)", test="試験", width=3),
    "company.phone":   Text(says="Phone", test="0000000000", type="tel", complete="tel"),
    "company.tax_id":  Text(says=TAX, test="000000000"),
    "company.structure": Text(says="Legal form", test="llc", type="select", options=STRUCTURES),
    "verification.document": Text(says="Identity document", test=GOOD_FILE, type="select", options=FILES),
    "verification.additional_document": Text(says="Proof of address", test=GOOD_FILE, type="select", options=FILES),
    "company.verification.document": Text(says="Company document", test=GOOD_FILE, type="select", options=FILES),
    "documents.company_license.files": Text(says="Trade license", test=GOOD_FILE, type="select", options=FILES),
    "documents.bank_account_ownership_verification.files": Text(
        says="Proof of the bank account", test=GOOD_FILE, type="select", options=FILES),
}
# fmt: on


def text_of(field: str) -> Text:
    """The line for a requirement: by its whole name, by all but who it is asked of, or by its last part."""
    rest = field.partition(".")[2]
    for name in (field, rest, field.rpartition(".")[2]):
        if name in TEXTS:
            return TEXTS[name]
    return Text(says=rest.replace("_", " ").capitalize() or field, test="Test")


def _by_country(value: str | dict[str, str], country: str) -> str:
    return value if isinstance(value, str) else value.get(country, value.get("", ""))


def input_of(field: str, name: str, country: str, value: str = "", *, kept: bool = False) -> Input:
    """The input for a requirement, under the parameter's name."""
    text = text_of(field)
    return Input(
        name=name, label=_by_country(text.says, country), type=text.type, test=_by_country(text.test, country),
        value=value, options=text.options, hint=text.hint, complete=text.complete, width=text.width, kept=kept,
    )  # fmt: skip


def bank_inputs(country: str) -> tuple[Input, ...]:
    """The numbers of a bank account, as people know them in their country."""
    form = bank_numbers.FORMS[country]
    number, routing = bank_numbers.example(country)
    says = "IBAN" if not form.account else "CLABE" if country == "MX" else "Account number"
    account = Input(name="external_account[account_number]", label=says, test=number,
                    hint=f"{form.says[0].upper()}{form.says[1:]}.", complete="off")  # fmt: skip
    holder = Input(name="external_account[account_holder_name]", label="Name on the account", test="Jenny Rosen",
                   optional=True)  # fmt: skip
    if not routing:
        return holder, account
    label = form.routing_says.partition(":")[0] if ":" in form.routing_says else "routing number"
    label = label.removeprefix("the ")
    return holder, Input(
        name="external_account[routing_number]", label=label[0].upper() + label[1:], test=routing,
        hint=f"{form.routing_says[0].upper()}{form.routing_says[1:]}.",
    ), account  # fmt: skip
