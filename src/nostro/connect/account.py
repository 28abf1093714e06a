"""Account: a merchant. The platform that the key belongs to, and the accounts that it has opened.

A connected account is kept in a scope of its own (scope.py), so a call that names one goes into that scope first.
How it stands follows from what is known of it (standing.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.balances.availability import waiting_account
from nostro.balances.settings import ID as SETTINGS_ID
from nostro.balances.settings import Record as BalanceSettings
from nostro.balances.settings import settings_of
from nostro.kernel.errors import ApiError, invalid, no_access
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import (
    NoParams,
    Params,
    Resource,
    Unset,
    Verb,
    View,
    Wire,
    merge_metadata,
    public,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.body import whole
from nostro.storage.engine import Row
from nostro.storage.tx import Tx

from . import capability, country, external_account, party, payout_settings, standing
from .account_params import ControllerParams, CreateParams, SharedParams, UpdateParams
from .countries import currencies
from .given import THEIRS, check_files, check_terms, check_theirs, with_token
from .profile import (
    Account,
    Capability,
    Company,
    Controller,
    Groups,
    Losses,
    Record,
    Settings,
    StripeDashboard,
)  # fmt: skip
from .scope import enter, enter_new, leave
from .values import documents, merged

FIND_CREATED = "SELECT created FROM scope WHERE scope=?"
STANDS = "SELECT code, currency, balance FROM ledger_account WHERE book=? AND code>=? AND code<?"
PAGE = (
    "SELECT a.id, a.created, a.body, b.id, b.created, b.body FROM connected c "
    "JOIN account a ON a.scope=c.scope AND a.id=c.account "
    "LEFT JOIN balance_settings b ON b.scope=c.scope AND b.id=? "
    "WHERE c.platform=? AND c.account{0}? ORDER BY c.account {1} LIMIT ?"
)
OWN_CAPABILITIES = ("card_payments", "transfers")
TYPES = {
    "standard": ("account", "stripe", "stripe", "full"),
    "express": ("application_express", "application", "stripe", "express"),
    "custom": ("application_custom", "application", "application", "none"),
}


# Shown -----------------------------------------------------------------------


def render(view: View, account: Record) -> Wire:
    url = f"/v1/accounts/{account.id}/external_accounts"
    banks = [view.render(bank) for bank in account.banks[: standing.SHOWN]]
    has = {name: one.status for name, one in sorted(account.has.items()) if one.requested_at is not None}
    wire = {
        **public(Account, account),
        "capabilities": has,
        "external_accounts": {
            "object": "list", "data": banks, "has_more": len(account.banks) > standing.SHOWN, "url": url,
        },
    }  # fmt: skip
    if account.person is not None:
        wire["individual"] = view.render(account.person)
    return wire


# Reading ---------------------------------------------------------------------


async def _current(tx: Tx) -> Record:
    """The account whose scope this is; the platform's own is made as it is read."""
    account = await standing.own(tx)
    return payout_settings.with_payouts(account, await settings_of(tx)) if account else await _platform(tx)


async def _platform(tx: Tx) -> Record:
    created = (await tx.world.engine.rows(FIND_CREATED, (tx.scope.number,)))[0][0]
    banks = await tx.all(external_account.EXTERNAL_ACCOUNT, {}, standing.SHOWN + 1)
    return Record(
        id=tx.merchant,
        created=created,
        banks=banks,
        charges_enabled=True,
        details_submitted=True,
        payouts_enabled=True,
        has={name: Capability(requested_at=created, status="active") for name in OWN_CAPABILITIES},
        settings=Settings(payouts=payout_settings.shown(await settings_of(tx))),
    )


class OfAccount(Params, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str


class ListParams(Params, frozen=True, kw_only=True):
    created: Annotated[int, Meta(ge=0)] | dict[Literal["gt", "gte", "lt", "lte"], int] | None = None
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None


async def retrieve_current(tx: Tx, params: NoParams) -> Record:
    return await _current(tx)


async def retrieve(tx: Tx, params: OfAccount) -> Record:
    return await _current(tx)


async def list_(tx: Tx, params: ListParams) -> Wire:
    """The platform's accounts, newest first; its own is not among them."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    back = params.ending_before is not None
    cursor = params.ending_before or params.starting_after or "acct_~"
    low, high = _created(params)
    found: list[Record] = []
    more = True
    while more and len(found) <= params.limit:
        statement = PAGE.format(">" if back else "<", "" if back else "DESC")
        rows = await tx.world.engine.rows(statement, (SETTINGS_ID, tx.scope.number, cursor, 101))
        page = [_listed(row[:3], row[3:]) for row in rows]
        found += [account for account in page if low <= account.created <= high]
        more = len(rows) == 101
        cursor = page[-1].id if page else cursor
    shown = found[: params.limit]
    return {
        "object": "list", "data": shown[::-1] if back else shown, "has_more": len(found) > params.limit,
        "url": "/v1/accounts",
    }  # fmt: skip


def _listed(row: Row, settings: Row) -> Record:
    account = msgspec.json.decode(whole(*row), type=Record)
    if settings[0] is None:
        return account
    return payout_settings.with_payouts(account, msgspec.json.decode(whole(*settings), type=BalanceSettings))


def _created(params: ListParams) -> tuple[int, int]:
    """The first and the last second that the list asks for."""
    if params.created is None:
        return 0, 2**53
    if isinstance(params.created, int):
        return params.created, params.created
    given = params.created
    return max(given.get("gte", 0), given.get("gt", -1) + 1), min(given.get("lte", 2**53), given.get("lt", 2**53) - 1)


# Making and changing -----------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    if tx.scope.connected:
        raise invalid("A connected account cannot open accounts of its own: leave out the Stripe-Account header.")
    if tx.scope.livemode:
        raise invalid("Connected accounts are opened in test mode only: nobody is verified for live mode yet.")
    if params.type is not None and params.controller is not None:
        raise invalid("You may not provide the `type` parameter and `controller` parameters simultaneously. "
                      "They are mutually exclusive.", "type")  # fmt: skip
    controller = _controller(params)
    where = country.of((params.country or "US").upper())
    if where is None:
        raise invalid(f"Country '{params.country}' is unknown. Try using a 2-character alphanumeric country code "
                      "instead, such as 'US', 'EG', or 'GB'.", "country", "country_unsupported")  # fmt: skip
    await enter_new(tx)
    record = Record(
        id=tx.merchant,
        created=tx.now,
        controller=controller,
        country=where.id,
        default_currency=where.default_currency,
        type=params.type or ("none" if params.controller else "standard"),
    )
    await payout_settings.begin(tx, record)
    if params.capabilities is UNSET and controller.stripe_dashboard == StripeDashboard(type="full"):
        record = capability.wanted(tx, record, dict.fromkeys(OWN_CAPABILITIES, True))
    return await keep(tx, record, params)


def _controller(params: CreateParams) -> Controller:
    """Who is responsible for what: as the type says, or as the parameters do."""
    if params.controller is None:
        payer, losses, collection, dashboard = TYPES[params.type or "standard"]
    else:
        given: ControllerParams = params.controller
        payer, losses = given.fees.payer, given.losses.payments
        collection, dashboard = given.requirement_collection, given.stripe_dashboard.type
        if collection == "application" and (losses, dashboard) != ("application", "none"):
            raise invalid(
                "When `controller[requirement_collection]=application`, `controller[losses][payments]` must be "
                "`application` and `controller[stripe_dashboard][type]` must be `none`.", "controller",
            )  # fmt: skip
    values = {"fees": {"payer": payer}, "losses": {"payments": losses}, "requirement_collection": collection,
              "stripe_dashboard": {"type": dashboard}, "is_controller": True, "type": "application"}  # fmt: skip
    return msgspec.convert(values, Controller)


async def update(tx: Tx, params: UpdateParams) -> Record:
    account = await standing.own(tx)
    if account is None:
        raise invalid("You cannot change your own account through the API. Change the settings of the server instead.",
                      "account")  # fmt: skip
    check_theirs(account, *(name for name in THEIRS if getattr(params, name) is not UNSET))
    return await keep(tx, account, params)


async def keep(tx: Tx, account: Record, params: SharedParams) -> Record:
    """The account with what was given, judged anew and saved."""
    check_terms(account, params.tos_acceptance, tx.now)
    params = await with_token(tx, params)
    await check_files(tx, params)
    account = _changed(account, params)
    if params.capabilities is not UNSET:
        wanted = {name: one.requested for name, one in params.capabilities.items()}
        account = capability.wanted(tx, account, wanted)
    if params.settings is not UNSET and params.settings.payouts is not UNSET:
        await payout_settings.change(tx, account, params.settings.payouts)
    if params.individual is not UNSET:
        await _set_individual(tx, account, params)
    if params.external_account is not UNSET:
        await external_account.add(tx, params.external_account, default=True, settle=False)
    kept = await standing.look(tx, account, "account.updated")
    assert kept is not None
    return kept


def _changed(account: Record, params: SharedParams) -> Record:
    change: dict[str, Any] = {"metadata": merge_metadata(account.metadata, params.metadata)}
    for name in ("business_type", "email"):
        if (value := getattr(params, name)) is not UNSET:
            change[name] = value
    if params.default_currency is not UNSET:
        change["default_currency"] = _currency(account, params.default_currency)
    change["tos_acceptance"] = merged(account.tos_acceptance, params.tos_acceptance)
    change["business_profile"] = merged(account.business_profile, params.business_profile)
    change["documents"] = documents(account.documents, params.documents)
    change["settings"] = merged(account.settings, params.settings, "payouts")
    if params.groups is not UNSET:
        change["groups"] = merged(account.groups or Groups(), params.groups)
    if params.company is not UNSET:
        change["company"] = merged(account.company or Company(), params.company, "registration_number")
        if params.company.tax_id is not UNSET:
            change["tax_id_wrong"] = params.company.tax_id in party.WRONG_NUMBERS
    return msgspec.structs.replace(account, **change)


def _currency(account: Record, currency: str) -> str:
    """One in which a bank account of the account's country can be."""
    currency = currency.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", "default_currency")
    if currency not in currencies(account.country):
        raise invalid(f"Accounts in {account.country} cannot have the default currency {currency}: use "
                      f"{' or '.join(currencies(account.country))}.", "default_currency")  # fmt: skip
    return currency


async def _set_individual(tx: Tx, account: Record, params: SharedParams) -> None:
    """Who an individual account is, as its one person."""
    assert params.individual is not UNSET
    if account.business_type not in (None, "individual"):
        raise invalid("The `individual` is for accounts whose `business_type` is `individual`: "
                      "use persons for others.", "individual")  # fmt: skip
    persons = await tx.every(tx.registry.by_object["person"], standing.MOST)
    blank = party.Record(id=tx.new_id("person"), created=tx.now, account=account.id,
                         relationship=party.Relationship(representative=True))  # fmt: skip
    person = standing.checked(tx, party.changed(persons[0] if persons else blank, params.individual, "individual"))
    tx.save(person, "person.updated" if persons else "person.created")


REJECTED = {
    "credit": "rejected.platform_other",
    "fraud": "rejected.fraud",
    "fraud_no_intent_to_fulfill": "rejected.platform_fraud",
    "fraud_other": "rejected.platform_fraud",
    "fraud_payment_method_casher": "rejected.platform_fraud",
    "fraud_payment_method_tester": "rejected.platform_fraud",
    "other": "rejected.other",
    "terms_of_service": "rejected.terms_of_service",
}


class RejectParams(OfAccount, frozen=True, kw_only=True):
    payouts_action: Literal["none", "pause"] = "pause"
    reason: Literal[
        "credit", "fraud", "fraud_no_intent_to_fulfill", "fraud_other", "fraud_payment_method_casher",
        "fraud_payment_method_tester", "other", "terms_of_service",
    ]  # fmt: skip


async def reject(tx: Tx, params: RejectParams) -> Record:
    """The account cannot charge from now on, nor be paid out unless that is wished.

    Only for accounts for whose losses the platform is liable.
    """
    account = await standing.own(tx)
    if account is not None and account.controller.losses == Losses(payments="stripe"):
        raise invalid("Only accounts for whose losses the platform is liable can be rejected: this one's are ours.",
                      "account")  # fmt: skip
    return await _judge(tx, REJECTED[params.reason], still_paid=params.payouts_action == "none")


async def unreject(tx: Tx, params: OfAccount) -> Record:
    account = await standing.own(tx)
    if account is not None and account.rejected is None:
        raise invalid(f"The account {account.id} is not rejected.", "account")
    return await _judge(tx, None)


async def _judge(tx: Tx, rejected: str | None, still_paid: bool = False) -> Record:
    account = await standing.own(tx)
    if account is None:
        raise no_access(tx.merchant)
    changed = msgspec.structs.replace(account, rejected=rejected, still_paid=still_paid)
    kept = await standing.look(tx, changed, "account.updated")
    assert kept is not None
    return kept


async def delete(tx: Tx, params: OfAccount) -> Wire:
    """Only an account that nothing is owed to or by. Its entries stay in the books."""
    account = await standing.own(tx)
    if account is None:
        raise invalid("You cannot delete your own account.", "account")
    prefix = f"merchant:{account.id}:"
    stands = await tx.world.engine.rows(STANDS, (tx.scope.book, prefix, prefix + "~"))
    if any(balance for _, _, balance in stands):
        raise ApiError(
            "This account has a balance, or money on its way. Only accounts that nothing is owed to can be deleted.",
            code="account_has_balance",
        )  # fmt: skip
    # What comes at this very moment stops it, also where nothing was booked yet.
    currency = account.default_currency or "usd"
    paid_now = waiting_account(account.id, (await settings_of(tx)).available_on(tx.now, currency), tx.now)
    stands += [(code, currency, 0) for code in (chart.available(account.id), paid_now)]
    tx.unit.pinned |= {(code, currency): 0 for code, currency, _ in stands}
    tx.delete(account)
    tx.unschedule(standing.JOB, account.id)
    leave(tx)
    return {"id": account.id, "object": "account", "deleted": True}


_ID = "/v1/accounts/{account}"
ACCOUNT: Resource[Record] = Resource(
    object="account",
    prefix="acct",
    record=Record,
    shape=Account,
    present=render,
    remembered="all",
    shown={
        "capabilities": dict[str, str],
        "external_accounts": dict[str, Any],
        "individual": party.Person | Unset,
    },
    doc="A merchant: the platform that your key belongs to, or an account that it has opened.",
    verbs=(
        Verb(name="retrieve_current", method="GET", path="/v1/account", run=retrieve_current),
        Verb(name="create", method="POST", path="/v1/accounts", run=create, params=CreateParams, kind="create"),
        Verb(name="list", method="GET", path="/v1/accounts", run=list_, params=ListParams, kind="list"),
        Verb(name="retrieve", method="GET", path=_ID, run=retrieve, params=OfAccount, within=enter),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams, within=enter),
        Verb(name="delete", method="DELETE", path=_ID, run=delete, params=OfAccount, kind="delete", within=enter),
        Verb(name="reject", method="POST", path=f"{_ID}/reject", run=reject, params=RejectParams, within=enter),
        Verb(name="unreject", method="POST", path=f"{_ID}/unreject", run=unreject, params=OfAccount, within=enter),
    ),
    errors=(
        "account_has_balance",
        "account_invalid",
        "country_unsupported",
        "oauth_not_supported",
        "token_already_used",
    ),
)
RESOURCE = ACCOUNT
