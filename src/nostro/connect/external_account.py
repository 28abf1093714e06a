"""External account: the merchant's own bank account or debit card, where payouts go.

A sandbox has one for each currency from the first payout on, whose payouts arrive. Others are added by their numbers
or by a token; the published test numbers say how their payouts end. Any other number is taken where the platform's own
bank pays (connect/originating_account.py). The number itself is shown to nobody but that bank, in its file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import utc_date
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.ids import TIME_LENGTH
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
from nostro.storage.tx import Tx

from . import standing
from .bank import CardParts, ExternalAccount, ExternalCard, HolderType, Record, render
from .bank_numbers import example
from .countries import currencies
from .external_form import ADDRESS, BankParams, bank, made_of
from .given import check_theirs
from .originating_account import originating
from .scope import enter
from .values import FilesParams, documents

MOST = 100
# Where a sandbox's first account is, if files of its currency's banks need numbers of their own kind.
COUNTRY = {"eur": "DE", "gbp": "GB"}
Shown = ExternalAccount | ExternalCard


# Making one ------------------------------------------------------------------


async def add(
    tx: Tx, given: Any, default: bool | None = None, metadata: Metadata | None = None, settle: bool = True
) -> Record:
    """A new account from a token or its numbers. The first of its currency is where payouts go.

    Without `settle` the caller looks at how the account stands.
    """
    made, card = await made_of(tx, given)
    if tx.scope.livemode and await originating(tx, made.currency) is None:
        raise invalid(f"No bank is connected for {made.currency} in live mode: open an originating account.",
                      "external_account")  # fmt: skip
    if card is not None:
        default = card.default_for_currency if default is None else default
        metadata = metadata or merge_metadata({}, card.metadata)
    await _check_allowed(tx, made)
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


async def _check_allowed(tx: Tx, made: Record) -> None:
    """A connected account is paid out in its country's currencies, and to its own country's debit cards."""
    account = await standing.own(tx)
    if account is None:
        return
    if made.currency not in currencies(account.country) and made.country != account.country:
        raise invalid(f"An account in {account.country} cannot be paid out in {made.currency} to {made.country}.",
                      "external_account[currency]")  # fmt: skip
    if len(await tx.every(EXTERNAL_ACCOUNT, MOST)) >= MOST:
        raise invalid(f"An account can have up to {MOST} external accounts.")


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
    country = COUNTRY.get(currency, "US")
    number, routing = example(country)
    made = bank(
        tx, BankParams(object="bank_account", account_number=number, country=country, currency=currency,
                       routing_number=routing),
    )  # fmt: skip
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


class DocumentsParams(Params, frozen=True, kw_only=True):
    bank_account_ownership_verification: FilesParams | Unset = UNSET


class UpdateParams(OfAccount, frozen=True, kw_only=True):
    """The holder and the type are a bank account's; the address, expiry and name are a card's."""

    account_holder_name: str | None | Unset = UNSET
    account_holder_type: HolderType | None | Unset = UNSET
    account_type: Literal["checking", "futsu", "savings", "toza"] | None | Unset = UNSET
    address_city: str | None | Unset = UNSET
    address_country: str | None | Unset = UNSET
    address_line1: str | None | Unset = UNSET
    address_line2: str | None | Unset = UNSET
    address_state: str | None | Unset = UNSET
    address_zip: str | None | Unset = UNSET
    default_for_currency: bool | Unset = UNSET
    documents: DocumentsParams | Unset = UNSET
    exp_month: Annotated[int, Meta(ge=1, le=12)] | Unset = UNSET
    exp_year: int | Unset = UNSET
    metadata: MetadataParam = UNSET
    name: str | None | Unset = UNSET


OF_BANK = ("account_holder_name", "account_holder_type", "account_type", "documents")
OF_CARD = ("exp_month", "exp_year", *ADDRESS)


async def create(tx: Tx, params: CreateParams) -> Record:
    owner = await standing.own(tx)
    if owner is not None:
        check_theirs(owner, "external_account")
    metadata = merge_metadata({}, params.metadata)
    return await add(tx, params.external_account, params.default_for_currency, metadata)


async def list_(tx: Tx, params: ListParams) -> Wire:
    """A merchant has few: the page is cut in memory."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    found = await tx.all(EXTERNAL_ACCOUNT, {}, MOST)
    if params.object is not None:
        found = [account for account in found if account.type == params.object]
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
    for name in OF_BANK if account.card else OF_CARD:
        if getattr(params, name) is not UNSET:
            raise invalid(f"A {account.type.replace('_', ' ')} has no {name}.", name, "parameter_unknown")
    if params.default_for_currency is False and account.default_for_currency:
        raise invalid("Make another account the default of this currency instead.", "default_for_currency")
    if params.default_for_currency is True:
        _step_down(tx, [other for other in await of_currency(tx, account.currency) if other.id != account.id])
    changed = changes(params, "account", "metadata", "documents", *OF_CARD)
    card = account.card
    if card is not None:
        parts = {name: value for name in OF_CARD if (value := getattr(params, name)) is not UNSET}
        card = msgspec.structs.replace(card, **parts)
        _check_expiry(tx, card)
    metadata = merge_metadata(account.metadata, params.metadata)
    changed_account = msgspec.structs.replace(account, metadata=metadata, card=card, **changed)
    tx.save(changed_account, "account.external_account.updated")
    if params.documents is not UNSET:
        await _prove(tx, params.documents)
    await standing.look(tx)
    return changed_account


def _check_expiry(tx: Tx, card: CardParts) -> None:
    today = utc_date(tx.now)
    if (card.exp_year, card.exp_month) < (today.year, today.month):
        raise invalid("Your card's expiration year is invalid.", "exp_year", "invalid_expiry_year")


async def _prove(tx: Tx, given: DocumentsParams) -> None:
    """Who owns a bank account is proven for the connected account as a whole."""
    owner = await standing.own(tx)
    if owner is not None:
        tx.save(msgspec.structs.replace(owner, documents=documents(owner.documents, given)))


async def delete(tx: Tx, account: Record, params: OfAccount) -> Wire:
    """The default of a currency goes last."""
    if account.default_for_currency and len(await of_currency(tx, account.currency)) > 1:
        raise invalid("This account is the default of its currency: make another one the default first.")
    tx.delete(account, "account.external_account.deleted")
    await standing.look(tx)
    return {"id": account.id, "object": account.type, "deleted": True}


_ALL = "/v1/accounts/{account}/external_accounts"
_ID = _ALL + "/{id}"
EXTERNAL_ACCOUNT: Resource[Record] = Resource(
    object="bank_account",
    own_name="external_account",
    noun="external account",
    prefix="ba",
    also=("card",),
    record=Record,
    shape=ExternalAccount,
    present=render,
    shown={"created": UNSET},
    doc="Your own bank account or debit card, where payouts go.",
    filters=(Filter("currency"),),
    expands=("account",),
    verbs=(
        Verb(name="create", within=enter, method="POST", path=_ALL, run=create, params=CreateParams, kind="create",
             answers=Shown),
        Verb(name="list", within=enter, method="GET", path=_ALL, run=list_, params=ListParams, kind="list",
             answers=list[Shown]),
        Verb(name="retrieve", within=enter, method="GET", path=_ID, run=retrieve, params=OfAccount, kind="retrieve",
             answers=Shown),
        Verb(name="update", within=enter, method="POST", path=_ID, run=update, params=UpdateParams, answers=Shown),
        Verb(name="delete", within=enter, method="DELETE", path=_ID, run=delete, params=OfAccount, kind="delete"),
    ),
    errors=("account_invalid", "account_number_invalid", "country_unsupported", "invalid_card_type",
            "routing_number_invalid", "token_already_used"),
)  # fmt: skip
RESOURCE = EXTERNAL_ACCOUNT
