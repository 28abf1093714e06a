"""Token: data that a browser sent ahead, standing in for it once. Publishable keys may make one, so that a card's
number never passes through the merchant's server.

The number goes no further: what is kept is what the rail makes of it. Identity numbers and security codes are not
kept at all; the token says that they were given. A token pays, or becomes a source, once.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.connect import bank_numbers
from nostro.connect.account_params import CompanyParams
from nostro.connect.countries import COUNTRIES
from nostro.connect.party import WRONG_NUMBERS
from nostro.connect.person_params import PersonParams
from nostro.connect.scope import platform_of
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Stored, Unset, Verb, View, Wire, public, retrieve
from nostro.networks import test_cards
from nostro.rails import card as rail
from nostro.storage.tx import Tx

from . import bank_account, card

Kind = Literal["account", "bank_account", "card", "cvc_update", "person", "pii"]
PREFIX: dict[Kind, str] = {
    "account": "ct", "bank_account": "btok", "card": "tok", "cvc_update": "cvctok", "person": "cpt", "pii": "pii",
}  # fmt: skip
# Given to us to be checked or passed on; what is kept is the published test number that passes or fails as it does.
SECRET = {"id_number": "000000000", "id_number_secondary": "000000000", "registration_number": "000000000",
          "ssn_last_4": "0000", "tax_id": "000000000", "vat_id": "000000000"}  # fmt: skip
ADDRESS = ("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip")
CHECKED = (("address_line1", "line1"), ("address_zip", "postal_code"))
TEST_BANK = "STRIPE TEST BANK"
_CVC = re.compile(r"[0-9]{3,4}", re.ASCII)


class Token(Stored, frozen=True, kw_only=True):
    """`card` or `bank_account` is added when it is rendered."""

    object: Literal["token"] = "token"
    client_ip: str | None = None
    livemode: bool = False
    type: Kind
    used: bool = False


class Record(Token, frozen=True, kw_only=True, omit_defaults=True):
    """What the token stands for; `payout_failure` is how a payout to a test bank account fails."""

    card: card.Record | None = None
    bank_account: bank_account.Record | None = None
    data: dict[str, Any] | None = None
    payout_failure: str | None = None


class BankAccountParams(Params, frozen=True, kw_only=True):
    account_number: str
    country: str
    account_holder_name: str | None = None
    account_holder_type: Literal["company", "individual"] | None = None
    account_type: Literal["checking", "futsu", "savings", "toza"] | None = None
    currency: str | None = None
    payment_method: str | None = None
    routing_number: str | None = None


class CardParams(Params, frozen=True, kw_only=True):
    number: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    address_city: str | None = None
    address_country: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_state: str | None = None
    address_zip: str | None = None
    currency: str | None = None
    cvc: str | None = None
    name: str | None = None
    networks: rail.NetworksParams | None = None


class CvcParams(Params, frozen=True, kw_only=True):
    cvc: str


class PiiParams(Params, frozen=True, kw_only=True):
    id_number: str | None = None


class SignedCompanyParams(CompanyParams, frozen=True, kw_only=True):
    ownership_declaration_shown_and_signed: bool | Unset = UNSET


class AccountParams(Params, frozen=True, kw_only=True):
    business_type: Literal["company", "government_entity", "individual", "non_profit"] | Unset = UNSET
    company: SignedCompanyParams | Unset = UNSET
    individual: PersonParams | Unset = UNSET
    tos_shown_and_accepted: bool | Unset = UNSET


class CreateParams(Params, frozen=True, kw_only=True):
    account: AccountParams | None = None
    bank_account: BankAccountParams | None = None
    card: CardParams | str | None = None
    customer: str | None = None
    cvc_update: CvcParams | None = None
    person: PersonParams | None = None
    pii: PiiParams | None = None


def render(view: View, token: Record) -> Wire:
    wire = public(Token, token)
    if token.card is not None:
        wire["card"] = card.render(view, token.card)
    if token.bank_account is not None:
        wire["bank_account"] = bank_account.render(view, token.bank_account)
    return wire


# What payments and customers call --------------------------------------------


async def source(tx: Tx, id: str, param: str = "source") -> card.Record | bank_account.Record:
    """The card or bank account behind a token, or a published test token: new, not stored, and the token used."""
    found: card.Record | bank_account.Record | None = bank_account.from_token(tx, id)
    if found is None and (made := rail.known(id, tx)) is not None:
        found = card.from_made(tx, made)
    if found is not None:
        return found
    token = await spend(tx, id, param)
    found = token.card or token.bank_account
    if found is None:
        raise invalid(f"The token {id} is of the type {token.type}: it is not a source of payments.", param)
    return found


async def card_of(tx: Tx, id: str, param: str) -> card.Record:
    """The card behind a token. Raises for a token of another kind."""
    found = await source(tx, id, param)
    if not isinstance(found, card.Record):
        raise invalid(f"The token {id} stands for a bank account, not for a card.", param)
    return found


async def spend(tx: Tx, id: str, param: str, *kinds: Kind) -> Record:
    """The token, marked as used. Raises token_already_used the second time."""
    token = await tx.find(TOKEN, id)
    if token is None or (kinds and token.type not in kinds):
        raise no_such("token", id, param)
    if token.used:
        raise invalid(f"You cannot use a token more than once: {id}.", param, "token_already_used")
    return tx.save(msgspec.structs.replace(token, used=True))


# Making one ------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    given: list[Kind] = [kind for kind in PREFIX if getattr(params, kind) is not None]
    if params.customer is not None or isinstance(params.card, str):
        return await _share(tx, params)
    if len(given) != 1:
        raise invalid(f"A token stands for one thing. Specify exactly one of these parameters: {', '.join(PREFIX)}.",
                      code="parameters_exclusive" if given else "parameter_missing")  # fmt: skip
    token = Record(
        id=tx.new_id(PREFIX[given[0]]), created=tx.now, livemode=tx.scope.livemode, type=given[0],
        data=_kept(params, tx.now),
    )  # fmt: skip
    if params.card is not None:
        token = msgspec.structs.replace(token, card=_card(tx, params.card))
    if params.bank_account is not None:
        account = _account(tx, params.bank_account)
        fate = bank_numbers.fate(account.country, bank_numbers.plain(params.bank_account.account_number))
        token = msgspec.structs.replace(token, bank_account=account, payout_failure=fate)
    if params.cvc_update is not None and not _CVC.fullmatch(params.cvc_update.cvc):
        raise invalid("Your card's security code is invalid.", "cvc_update[cvc]", "invalid_cvc")
    return tx.save(token)


async def _share(tx: Tx, params: CreateParams) -> Record:
    """A token of a card that a customer of the platform saved, for the connected account that asks."""
    if not tx.scope.connected:
        raise invalid("A saved card is shared with a connected account: name it in the Stripe-Account header.",
                      "customer")  # fmt: skip
    if params.customer is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    platform = await platform_of(tx)
    owner: Any = await platform.find(tx.registry.by_object["customer"], params.customer)
    if owner is None:
        raise no_such("customer", params.customer, "customer")
    id = params.card if isinstance(params.card, str) else owner.default_source
    found: Any = await platform.find(card.CARD, id or "")
    if found is None or found.customer != owner.id:
        raise no_such("source", id or "", "card")
    copy = msgspec.structs.replace(found, id=tx.new_id("card"), created=tx.now, customer=None, metadata={})
    return tx.save(Record(id=tx.new_id("tok"), created=tx.now, livemode=tx.scope.livemode, type="card", card=copy))


def _card(tx: Tx, given: CardParams) -> card.Record:
    made = rail.make(
        rail.Data(
            number=given.number, exp_month=given.exp_month, exp_year=given.exp_year, cvc=given.cvc,
            networks=given.networks,
        ), tx,
    )  # fmt: skip
    supplied = [*made.supplied, *(name for field, name in CHECKED if getattr(given, field))]
    address = {name: getattr(given, name) for name in ADDRESS}
    checks = {f"{field}_check": "unchecked" for field, _ in CHECKED if getattr(given, field)}
    return msgspec.structs.replace(
        card.from_made(tx, made), name=given.name, supplied=supplied, **address, **checks
    )  # fmt: skip


def _account(tx: Tx, given: BankAccountParams) -> bank_account.Record:
    """The account by its last digits and a fingerprint; the number itself is dropped here."""
    country, number = given.country.upper(), bank_numbers.plain(given.account_number)
    routing = bank_numbers.plain(given.routing_number) or None
    bank_numbers.check(country, number, routing, "bank_account")
    return bank_account.Record(
        id=tx.new_id("ba"),
        created=tx.now,
        account_holder_name=given.account_holder_name,
        account_holder_type=given.account_holder_type,
        account_type=given.account_type,
        bank_name=TEST_BANK,
        country=country,
        currency=(given.currency or COUNTRIES[country].currency).lower(),
        fingerprint=test_cards.fingerprint(f"{country} {routing} {number}"),
        last4=number[-4:],
        routing_number=routing,
        status="new",
    )


def _kept(params: CreateParams, now: int) -> dict[str, Any] | None:
    """An account's or a person's data, with a test number in place of each secret one."""
    form = params.account or params.person
    if not form:
        return None
    data = _masked(msgspec.to_builtins(form))
    company = data.get("company", {})
    if company.pop("ownership_declaration_shown_and_signed", False):
        company["ownership_declaration"] = {"date": now, "ip": "0.0.0.0"}
    return data  # type: ignore[no-any-return]


def _masked(form: Any) -> Any:
    if not isinstance(form, dict):
        return form
    return {
        name: SECRET[name] if name in SECRET and value and value not in WRONG_NUMBERS else _masked(value)
        for name, value in form.items()
    }


TOKEN: Resource[Record] = Resource(
    object="token",
    prefix="tok",
    record=Record,
    shape=Token,
    present=render,
    shown={"bank_account": bank_account.BankAccount | Unset, "card": card.Card | Unset},
    doc="Card, bank or identity data that was sent ahead by a browser, to be used once.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/tokens", run=create, params=CreateParams, kind="create",
             access="publishable"),
        retrieve("/v1/tokens/{id}"),
    ),
    errors=("token_already_used", "incorrect_number", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year",
            "account_number_invalid", "routing_number_invalid"),
)  # fmt: skip
RESOURCE = TOKEN
