"""External account: the merchant's own bank account, where payouts go.

A sandbox has one for each currency from the first payout on, whose payouts arrive. Others are added by their
numbers; the published test numbers say how their payouts end. Any other number is taken where the platform's own bank
pays (connect/originating_account.py). The number itself is shown to nobody but that bank, in its file.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, missing, no_such
from nostro.kernel.ids import TIME_LENGTH
from nostro.kernel.money import CURRENCIES
from nostro.kernel.params import convert
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Unset,
    Verb,
    Wire,
    changes,
    merge_metadata,
)  # fmt: skip
from nostro.networks.test_cards import INSTANT_INELIGIBLE_BANK_ACCOUNTS, TEST_BANK_ACCOUNTS
from nostro.storage.tx import Tx

from . import standing
from .bank import ExternalAccount, HolderType, PayoutMethod, Record, render
from .country import CURRENCY
from .originating_account import originating
from .scope import enter

US_NUMBER, US_ROUTING = "000123456789", "110000000"
BANK_NAME = "NOSTRO TEST BANK"
MOST = 100
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


# Making one ------------------------------------------------------------------


class BankParams(Params, frozen=True, kw_only=True):
    """A bank account by its numbers."""

    object: Literal["bank_account"]
    account_number: str
    country: Annotated[str, Meta(min_length=2, max_length=2)]
    account_holder_name: str | None = None
    account_holder_type: HolderType | None = None
    currency: str | None = None
    routing_number: str | None = None


class Given(Params, frozen=True, kw_only=True):
    """So that errors name the whole path of a parameter."""

    external_account: BankParams


def _make(tx: Tx, bank: BankParams, banked: bool = False) -> Record:
    """A record of a bank account, not stored yet; `banked` if a real bank pays to it."""
    number = bank.account_number.replace(" ", "").replace("-", "").upper()
    country = bank.country.upper()
    currency = (bank.currency or CURRENCY.get(country, "usd")).lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "external_account[currency]")
    if not number.isalnum() or not 4 <= len(number) <= 34:
        raise invalid("The account number is not valid: send letters and digits only.",
                      "external_account[account_number]", "account_number_invalid")  # fmt: skip
    if country == "US":
        _check_routing(bank.routing_number)
    if number[:2].isalpha():
        _check_iban(number, country)
    if number not in TEST_BANK_ACCOUNTS and not banked:
        raise invalid(
            "You must use a test bank account number in test mode. Try 000123456789, or DE89370400440532013000.",
            "external_account[account_number]", "account_number_invalid",
        )  # fmt: skip
    instant: list[PayoutMethod] = [] if number in INSTANT_INELIGIBLE_BANK_ACCOUNTS else ["instant"]
    return Record(
        id=tx.new_id("ba"),
        created=tx.now,
        account=tx.merchant,
        account_holder_name=bank.account_holder_name,
        account_holder_type=bank.account_holder_type,
        available_payout_methods=[*instant, "standard"],
        bank_name=BANK_NAME,
        country=country,
        currency=currency,
        fingerprint=fingerprint(country, bank.routing_number, number),
        last4=number[-4:],
        routing_number=bank.routing_number,
        fails_with=TEST_BANK_ACCOUNTS.get(number),
        number=number,
    )


def fingerprint(country: str, routing: str | None, number: str) -> str:
    """The same for the same account, and nothing that the number could be told by."""
    return hashlib.sha256(f"{country}:{routing}:{number}".encode()).hexdigest()[:16]


async def _banked(tx: Tx, bank: BankParams) -> bool:
    """Whether a bank of the platform's own pays to it: then the number may be any that is well formed."""
    currency = (bank.currency or CURRENCY.get(bank.country.upper(), "usd")).lower()
    return await originating(tx, currency) is not None


def _check_iban(number: str, country: str) -> None:
    """ISO 13616: the country's length and pattern, and its check digits; the national ones where they are known.

    The published test numbers are taken as they are.
    """
    from schwifty import IBAN  # loads the banks of the world: only when one is named
    from schwifty.exceptions import SchwiftyException

    param = "external_account[account_number]"
    if number[:2] != country:
        raise invalid(f"The account number is an IBAN of {number[:2]}, and the country is {country}.", param,
                      "account_number_invalid")  # fmt: skip
    if number in TEST_BANK_ACCOUNTS:
        return
    try:
        IBAN(number, validate_bban=True)
    except SchwiftyException as error:
        raise invalid(f"The account number is not a valid IBAN: {error}.", param, "account_number_invalid") from None


def _check_routing(number: str | None) -> None:
    """The check digit of the American Bankers Association: weights 3, 7, 1."""
    if number is None:
        raise missing("external_account[routing_number]")
    weights = (3, 7, 1) * 3
    if len(number) != 9 or not number.isdigit() or sum(int(d) * w for d, w in zip(number, weights, strict=True)) % 10:
        raise invalid("Invalid routing number: it has nine digits, of which the last checks the others.",
                      "external_account[routing_number]", "routing_number_invalid")  # fmt: skip


def _from_token(tx: Tx, token: str) -> Record:
    number = None if tx.scope.livemode else TEST_TOKENS.get(token)
    if number is None:
        raise no_such("token", token, "external_account")
    return _make(tx, BankParams(object="bank_account", account_number=number, country="US", routing_number=US_ROUTING))


async def add(
    tx: Tx, given: Any, default: bool | None = None, metadata: Metadata | None = None, settle: bool = True
) -> Record:
    """A new account from a token or its numbers. The first of its currency is where payouts go.

    Without `settle` the caller looks at how the account stands.
    """
    if isinstance(given, str):
        made = _from_token(tx, given)
    else:
        if isinstance(given, dict) and given.get("object") == "card":
            raise invalid("Payouts to debit cards are not offered: add a bank account.", "external_account[object]",
                          "invalid_card_type")  # fmt: skip
        bank = convert({"external_account": given}, Given).external_account
        made = _make(tx, bank, await _banked(tx, bank))
    if tx.scope.livemode and await originating(tx, made.currency) is None:
        raise invalid(f"No bank is connected for {made.currency} in live mode: open an originating account.",
                      "external_account")  # fmt: skip
    others = await of_currency(tx, made.currency)
    chosen = not others if default is None else default or not others
    if chosen:
        _step_down(tx, others)
    added = tx.save(
        msgspec.structs.replace(made, default_for_currency=chosen, metadata=metadata or {}),
        "account.external_account.created",
    )
    if settle:
        await standing.look(tx)
    return added


def _step_down(tx: Tx, others: list[Record]) -> None:
    for other in others:
        if other.default_for_currency:
            tx.save(msgspec.structs.replace(other, default_for_currency=False), "account.external_account.updated")


async def of_currency(tx: Tx, currency: str) -> list[Record]:
    """The merchant's accounts in a currency, newest first."""
    return await tx.all(EXTERNAL_ACCOUNT, {"currency": currency}, MOST)


async def destination(tx: Tx, id: str | None, currency: str) -> Record:
    """Where a payout goes: the account that is named, or the currency's default, made for a sandbox's first payout."""
    if id is not None:
        account = await tx.find(EXTERNAL_ACCOUNT, id)
        if account is None:
            raise no_such("external account", id, "destination")
        if account.currency != currency:
            raise invalid(f"The external account {id} is in {account.currency}, and this payout is in {currency}.",
                          "destination")  # fmt: skip
        return account
    account = await default_account(tx, currency)
    if account is None:
        raise invalid(f"Sorry, you don't have any external accounts in that currency ({currency}).", "destination")
    return account


async def default_account(tx: Tx, currency: str) -> Record | None:
    """Where payouts of a currency go; None if the merchant has no account in it."""
    accounts = await of_currency(tx, currency)
    if not accounts and tx.scope.dev and not tx.scope.connected:
        return tx.save(_sandbox_account(tx, currency), "account.external_account.created")
    return next((account for account in accounts if account.default_for_currency), None)


def _sandbox_account(tx: Tx, currency: str) -> Record:
    """Its id is told by the currency, so that of two first payouts at once only one makes it."""
    bank = BankParams(
        object="bank_account",
        account_number=US_NUMBER,
        country="US",
        currency=currency,
        routing_number=US_ROUTING,
    )
    made = _make(tx, bank)
    id = f"ba_{'0' * TIME_LENGTH}sandboxaccount{currency}"
    return msgspec.structs.replace(made, id=id, default_for_currency=True)


# Verbs -----------------------------------------------------------------------


class OfAccount(Params, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str


class CreateParams(OfAccount, frozen=True, kw_only=True):
    external_account: str | dict[str, Any]
    default_for_currency: bool | None = None
    metadata: dict[str, str | None] | None = None


class ListParams(OfAccount, frozen=True, kw_only=True):
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    object: Literal["bank_account", "card"] | None = None
    starting_after: str | None = None


class UpdateParams(OfAccount, frozen=True, kw_only=True):
    """The address, expiry and name of the SDK's belong to cards, which are not offered."""

    account_holder_name: str | None | Unset = UNSET
    account_holder_type: HolderType | None | Unset = UNSET
    account_type: Literal["checking", "futsu", "savings", "toza"] | None | Unset = UNSET
    default_for_currency: bool | Unset = UNSET
    documents: dict[str, Any] | Unset = UNSET
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    metadata = merge_metadata({}, params.metadata)
    return await add(tx, params.external_account, params.default_for_currency, metadata)


async def list_(tx: Tx, params: ListParams) -> Wire:
    """A merchant has few: the page is cut in memory."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    found = [] if params.object == "card" else await tx.all(EXTERNAL_ACCOUNT, {}, MOST)
    for name in ("starting_after", "ending_before"):
        cursor = getattr(params, name)
        if cursor and all(account.id != cursor for account in found):
            raise no_such("external account", cursor, name)
    if params.starting_after:
        found = [account for account in found if account.id < params.starting_after]
    if params.ending_before:
        found = [account for account in found if account.id > params.ending_before][::-1]
    page, more = found[: params.limit], len(found) > params.limit
    if params.ending_before:
        page.reverse()
    return {"object": "list", "data": page, "has_more": more, "url": f"/v1/accounts/{tx.merchant}/external_accounts"}


async def retrieve(tx: Tx, account: Record, params: OfAccount) -> Record:
    return account


async def update(tx: Tx, account: Record, params: UpdateParams) -> Record:
    if params.default_for_currency is False and account.default_for_currency:
        raise invalid("Make another account the default of this currency instead.", "default_for_currency")
    if params.default_for_currency is True:
        _step_down(tx, [other for other in await of_currency(tx, account.currency) if other.id != account.id])
    changed = changes(params, "account", "metadata", "documents")
    metadata = merge_metadata(account.metadata, params.metadata)
    changed_account = msgspec.structs.replace(account, metadata=metadata, **changed)
    tx.save(changed_account, "account.external_account.updated")
    await standing.look(tx)
    return changed_account


async def delete(tx: Tx, account: Record, params: OfAccount) -> Wire:
    """The default of a currency goes last."""
    if account.default_for_currency and len(await of_currency(tx, account.currency)) > 1:
        raise invalid("This account is the default of its currency: make another one the default first.")
    tx.delete(account, "account.external_account.deleted")
    await standing.look(tx)
    return {"id": account.id, "object": "bank_account", "deleted": True}


_ALL = "/v1/accounts/{account}/external_accounts"
_ID = _ALL + "/{id}"
EXTERNAL_ACCOUNT: Resource[Record] = Resource(
    object="bank_account",
    own_name="external_account",
    noun="external account",
    prefix="ba",
    record=Record,
    shape=ExternalAccount,
    present=render,
    shown={"created": UNSET},
    doc="Your own bank account, where payouts go.",
    filters=(Filter("currency"),),
    expands=("account",),
    verbs=(
        Verb(name="create", within=enter, method="POST", path=_ALL, run=create, params=CreateParams, kind="create"),
        Verb(name="list", within=enter, method="GET", path=_ALL, run=list_, params=ListParams, kind="list"),
        Verb(name="retrieve", within=enter, method="GET", path=_ID, run=retrieve, params=OfAccount, kind="retrieve"),
        Verb(name="update", within=enter, method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="delete", within=enter, method="DELETE", path=_ID, run=delete, params=OfAccount, kind="delete"),
    ),
    errors=("account_invalid", "account_number_invalid", "invalid_card_type", "routing_number_invalid"),
)  # fmt: skip
RESOURCE = EXTERNAL_ACCOUNT
