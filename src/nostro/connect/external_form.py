"""From what a caller gives, numbers or a token, to an external account that is not stored yet."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from nostro.kernel.errors import ApiError, invalid, missing
from nostro.kernel.money import CURRENCIES
from nostro.kernel.params import convert
from nostro.kernel.resource import Params
from nostro.networks import test_cards
from nostro.networks.test_cards import INSTANT_INELIGIBLE_BANK_ACCOUNTS
from nostro.rails import card as rail
from nostro.rails.rail import Made
from nostro.storage.tx import Tx

from . import bank_numbers
from .bank import CardNetworks, CardParts, HolderType, PayoutMethod, Record
from .countries import COUNTRIES
from .given import spend
from .originating_account import originating

AT = "external_account"
US_NUMBER, US_ROUTING = bank_numbers.EXAMPLES["US"]
BANK_NAME = "NOSTRO TEST BANK"
# The published test tokens, all for accounts in the United States, by their number.
TEST_TOKENS = {
    "btok_us": US_NUMBER,
    "btok_us_verified": US_NUMBER,
    "btok_us_verified_noAccount": "000111111116",
    "btok_us_verified_accountClosed": "000111111113",
    "btok_us_verified_insufficientFunds": "000222222227",
    "btok_us_verified_debitNotAuthorized": "000333333335",
    "btok_us_verified_invalidCurrency": "000444444440",
}


class BankParams(Params, frozen=True, kw_only=True):
    """A bank account by its numbers."""

    object: Literal["bank_account"]
    account_number: str
    country: str
    account_holder_name: str | None = None
    account_holder_type: HolderType | None = None
    account_type: Literal["checking", "futsu", "savings", "toza"] | None = None
    currency: str | None = None
    routing_number: str | None = None


class CardParams(Params, frozen=True, kw_only=True):
    """A debit card by its number, or by a token of one."""

    object: Literal["card"]
    address_city: str | None = None
    address_country: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_state: str | None = None
    address_zip: str | None = None
    currency: str | None = None
    cvc: str | None = None
    default_for_currency: bool | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    metadata: dict[str, str | None] | None = None
    name: str | None = None
    number: str | None = None
    token: str | None = None


ADDRESS = ("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip", "name")


class GivenBank(Params, frozen=True, kw_only=True):
    """So that errors name the whole path of a parameter."""

    external_account: BankParams


class GivenCard(Params, frozen=True, kw_only=True):
    external_account: CardParams


async def made_of(tx: Tx, given: Any) -> tuple[Record, CardParams | None]:
    """The account that a token or numbers stand for, and what else was given with a card."""
    if isinstance(given, str):
        return await _from_token(tx, given), None
    if not isinstance(given, dict) or given.get("object") not in ("bank_account", "card"):
        raise missing(f"{AT}[object]")
    if given["object"] == "card":
        card = convert({AT: given}, GivenCard).external_account
        return await _card(tx, card), card
    numbers = convert({AT: given}, GivenBank).external_account
    return bank(
        tx, numbers, banked=await originating(tx, _currency(numbers.country, numbers.currency)) is not None
    ), None


# Bank accounts ---------------------------------------------------------------


def bank(tx: Tx, given: BankParams, *, banked: bool = False) -> Record:
    """A record of a bank account by its numbers; any that are well formed if a real bank pays to it, so `banked`."""
    country, number = given.country.upper(), bank_numbers.plain(given.account_number)
    routing = bank_numbers.plain(given.routing_number) or None
    fails_with = bank_numbers.check(country, number, routing, AT, any_number=banked)
    return _bank(
        tx, country=country, currency=given.currency, last4=number[-4:], fails_with=fails_with,
        instant=number not in INSTANT_INELIGIBLE_BANK_ACCOUNTS, routing_number=routing,
        account_holder_name=given.account_holder_name, account_holder_type=given.account_holder_type,
        account_type=given.account_type, fingerprint=fingerprint(country, routing, number), number=number,
    )  # fmt: skip


def fingerprint(country: str, routing: str | None, number: str) -> str:
    """The same for the same account, and nothing that the number could be told by."""
    return hashlib.sha256(f"{country}:{routing}:{number}".encode()).hexdigest()[:16]


def _currency(country: str, currency: str | None) -> str:
    known = COUNTRIES.get(country.upper())
    return (currency or (known.currency if known else "usd")).lower()


def _bank(tx: Tx, *, country: str, currency: str | None, instant: bool, **given: Any) -> Record:
    chosen = _currency(country, currency)
    if chosen not in CURRENCIES:
        raise invalid(f"Invalid currency: {chosen[:20]}", f"{AT}[currency]")
    methods: list[PayoutMethod] = ["instant", "standard"] if instant else ["standard"]
    return Record(
        id=tx.new_id("ba"), created=tx.now, account=tx.merchant, available_payout_methods=methods,
        bank_name=BANK_NAME, country=country, currency=chosen, **given,
    )  # fmt: skip


async def _from_token(tx: Tx, token: str) -> Record:
    """A published test token's account, or what a token was made from: a bank account or a debit card."""
    if not tx.scope.livemode:
        if (number := TEST_TOKENS.get(token)) is not None:
            return bank(tx, BankParams(object="bank_account", account_number=number, country="US",
                                       routing_number=US_ROUTING))  # fmt: skip
        if (made := rail.known(token, tx)) is not None:
            return _debit_card(tx, made, None)
    held = await spend(tx, token, AT, "bank_account", "card")
    if held.bank_account is None:
        made = Made(details=held.card.details, token=held.card.token, fingerprint=held.card.fingerprint)
        card = _debit_card(tx, made, None)
        assert card.card is not None
        parts = {name: getattr(held.card, name) for name in ADDRESS}
        return msgspec.structs.replace(card, card=msgspec.structs.replace(card.card, **parts))
    of = held.bank_account
    return _bank(
        tx, country=of.country, currency=of.currency, last4=of.last4, fails_with=held.payout_failure,
        instant=of.last4 not in {number[-4:] for number in INSTANT_INELIGIBLE_BANK_ACCOUNTS},
        routing_number=of.routing_number, account_holder_name=of.account_holder_name,
        account_holder_type=of.account_holder_type, account_type=of.account_type, fingerprint=of.fingerprint,
    )  # fmt: skip


# Debit cards -----------------------------------------------------------------


async def _card(tx: Tx, given: CardParams) -> Record:
    if given.token is not None:
        card = await _from_token(tx, given.token)
        if card.card is None:
            raise invalid(f"The token {given.token} is not one of a card.", f"{AT}[token]")
        if given.currency is None or given.currency.lower() == card.currency:
            return card
        raise _other_currency(card, given.currency)
    data = rail.Data(number=given.number, exp_month=given.exp_month, exp_year=given.exp_year, cvc=given.cvc)
    card = _debit_card(tx, rail.make(data, tx), given.currency)
    assert card.card is not None
    parts = {name: getattr(given, name) for name in ADDRESS}
    return msgspec.structs.replace(card, card=msgspec.structs.replace(card.card, **parts))


def _debit_card(tx: Tx, made: Made, currency: str | None) -> Record:
    """Only a debit card takes payouts, and only in its country's currency."""
    details, simulated = made.details, test_cards.card_of(made.token)
    if details["funding"] != "debit":
        raise invalid("This card doesn't appear to be a debit card: only those can receive payouts.", AT,
                      "invalid_card_type")  # fmt: skip
    country = details["country"]
    if country not in COUNTRIES:
        raise invalid(f"Payouts to cards of {country} are not offered.", AT, "invalid_card_type")
    card = Record(
        id=tx.new_id("card"),
        created=tx.now,
        account=tx.merchant,
        available_payout_methods=["instant", "standard"] if simulated.instant_payouts else ["standard"],
        country=country,
        currency=COUNTRIES[country].currency,
        fingerprint=made.fingerprint,
        last4=details["last4"],
        fails_with=simulated.payout_failure,
        card=CardParts(
            brand=rail.LEGACY_BRANDS.get(details["brand"], "Unknown"),
            cvc_check="pass" if "cvc" in made.supplied else None,
            exp_month=details["exp_month"],
            exp_year=details["exp_year"],
            funding="debit",
            networks=CardNetworks(preferred=details["networks"]["preferred"]),
            regulated_status=details["regulated_status"],
        ),
    )
    if currency is not None and currency.lower() != card.currency:
        raise _other_currency(card, currency)
    return card


def _other_currency(card: Record, currency: str) -> ApiError:
    return invalid(f"A card of {card.country} takes payouts in {card.currency}, not in {currency[:20]}.",
                   f"{AT}[currency]")  # fmt: skip
