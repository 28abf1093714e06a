"""Funding instructions: the bank account that a customer sends a transfer to.

Each customer has virtual account numbers of its own, derived from its id, so that asking twice gives the same. In
test mode they lead nowhere: `fund_cash_balance` stands for the transfer.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from nostro.kernel.errors import invalid, missing
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire
from nostro.storage.tx import Tx

from .of_customer import OfCustomer, owner

Type = Literal["eu_bank_transfer", "gb_bank_transfer", "jp_bank_transfer", "mx_bank_transfer", "us_bank_transfer"]
TYPE_OF_CURRENCY: dict[str, Type] = {
    "eur": "eu_bank_transfer",
    "gbp": "gb_bank_transfer",
    "jpy": "jp_bank_transfer",
    "mxn": "mx_bank_transfer",
    "usd": "us_bank_transfer",
}
COUNTRY = {"gb_bank_transfer": "GB", "jp_bank_transfer": "JP", "mx_bank_transfer": "MX", "us_bank_transfer": "US"}
EU_COUNTRIES = ("BE", "DE", "ES", "FR", "IE", "NL")
HOLDER, BANK = "Nostro Test Merchant", "Nostro Test Bank"


class BankTransfer(Shape, frozen=True, kw_only=True):
    country: str
    financial_addresses: list[dict[str, Any]]
    type: Type


class FundingInstructions(Shape, frozen=True, kw_only=True):
    object: Literal["funding_instructions"] = "funding_instructions"
    bank_transfer: BankTransfer
    currency: str
    funding_type: Literal["bank_transfer"] = "bank_transfer"
    livemode: bool = False


class Record(Stored, frozen=True, kw_only=True):
    """Never stored: the instructions follow from the customer's id."""


class EuBankTransferParams(Params, frozen=True, kw_only=True):
    country: str


class BankTransferParams(Params, frozen=True, kw_only=True):
    type: Type
    eu_bank_transfer: EuBankTransferParams | None = None
    requested_address_types: list[Literal["iban", "sort_code", "spei", "zengin"]] | None = None


class CreateParams(OfCustomer, frozen=True, kw_only=True):
    bank_transfer: BankTransferParams
    currency: str
    funding_type: Literal["bank_transfer"]


async def create(tx: Tx, params: CreateParams) -> FundingInstructions:
    customer = await owner(tx, params.customer)
    transfer, currency = params.bank_transfer, params.currency.lower()
    if TYPE_OF_CURRENCY.get(currency) != transfer.type:
        raise invalid(
            f"The currency {params.currency[:20]} cannot be used with bank_transfer[type]={transfer.type}.", "currency"
        )
    country = COUNTRY.get(transfer.type) or _eu_country(transfer)
    return FundingInstructions(
        bank_transfer=BankTransfer(
            country=country, financial_addresses=_addresses(customer.id, transfer.type, country), type=transfer.type
        ),
        currency=currency,
        livemode=tx.scope.livemode,
    )


def _eu_country(transfer: BankTransferParams) -> str:
    if transfer.eu_bank_transfer is None:
        raise missing("bank_transfer[eu_bank_transfer][country]")
    country = transfer.eu_bank_transfer.country.upper()
    if country not in EU_COUNTRIES:
        raise invalid(
            f"Invalid country {country[:20]}: must be one of {', '.join(EU_COUNTRIES)}.",
            "bank_transfer[eu_bank_transfer][country]",
        )
    return country


def _addresses(customer: str, type: Type, country: str) -> list[Wire]:
    """The accounts to send to, in the form of each country."""
    shared: Wire = {
        "account_holder_address": _address(country),
        "account_holder_name": HOLDER,
        "bank_address": _address(country),
    }
    match type:
        case "us_bank_transfer":
            us = {**shared, "account_type": "checking", "bank_name": BANK, "account_number": _digits(customer, 17)}
            return [
                _financial("aba", {**us, "routing_number": "110000000"}, "ach", "domestic_wire_us"),
                _financial("swift", {**us, "swift_code": "TESTUS33XXX"}, "swift"),
            ]
        case "gb_bank_transfer":
            account = {**shared, "account_number": _digits(customer, 8), "sort_code": "108800"}
            return [_financial("sort_code", account, "bacs", "fps")]
        case "jp_bank_transfer":
            account = {
                **shared, "account_number": _digits(customer, 7), "account_type": "futsu", "bank_code": "9999",
                "bank_name": BANK, "branch_code": "001", "branch_name": "MAIN",
            }  # fmt: skip
            return [_financial("zengin", account, "zengin")]
        case "mx_bank_transfer":
            account = {**shared, "bank_code": "999", "bank_name": BANK, "clabe": _clabe(customer)}
            return [_financial("spei", account, "spei")]
        case "eu_bank_transfer":
            account = {**shared, "bic": f"TEST{country}22XXX", "country": country, "iban": _iban(customer, country)}
            return [_financial("iban", account, "sepa")]


def _financial(type: str, account: Wire, *networks: str) -> Wire:
    return {type: account, "supported_networks": list(networks), "type": type}


def _address(country: str) -> Wire:
    return {"city": "Testville", "country": country, "line1": "1 Test Street", "line2": None, "postal_code": "00000",
            "state": None}  # fmt: skip


def _digits(customer: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(f"bank transfer:{customer}".encode()).digest())
    return str(number % 10**length).zfill(length)


# The account part's length of each country's IBAN (ISO 13616).
_BBAN_LENGTH = {"BE": 12, "DE": 18, "ES": 20, "FR": 23, "IE": 18, "NL": 14}


def _iban(customer: str, country: str) -> str:
    """Check digits by ISO 7064 (mod 97); Irish and Dutch account parts start with a bank's four letters."""
    length = _BBAN_LENGTH[country]
    bank = "TEST" if country in ("IE", "NL") else ""
    account = bank + _digits(customer, length - len(bank))
    number = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


def _clabe(customer: str) -> str:
    """Eighteen digits, the last a check digit over the others with the weights 3, 7, 1."""
    digits = "999180" + _digits(customer, 11)
    total = sum(int(digit) * weight % 10 for digit, weight in zip(digits, (3, 7, 1) * 6, strict=False))
    return digits + str(-total % 10)


FUNDING_INSTRUCTIONS: Resource[Record] = Resource(
    object="funding_instructions",
    prefix="funding_instructions",
    record=Record,
    shape=FundingInstructions,
    stored=False,
    doc="Where a customer sends a bank transfer to fund its cash balance.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/customers/{customer}/funding_instructions", run=create,
             params=CreateParams),
    ),
)  # fmt: skip
RESOURCE = FUNDING_INSTRUCTIONS
