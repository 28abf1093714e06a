"""Account: the merchant that the key belongs to. A view of the sandbox, with no table."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from nostro.balances.availability import BUSINESS_DAYS
from nostro.balances.schedule import Weekday
from nostro.balances.settings import settings_of
from nostro.kernel.errors import no_access
from nostro.kernel.resource import NoParams, Params, Resource, Shape, Stored, Unset, Verb, View, Wire, public
from nostro.storage.tx import Tx

from .address import Address

FIND_CREATED = "SELECT created FROM scope WHERE scope=?"
SHOWN = 10
CAPABILITIES = ("card_payments", "transfers")


class BusinessProfile(Shape, frozen=True, kw_only=True):
    annual_revenue: None = None
    estimated_worker_count: int | None = None
    mcc: str | None = None
    minority_owned_business_designation: list[str] | None = None
    name: str | None = None
    product_description: str | None = None
    support_address: Address | None = None
    support_email: str | None = None
    support_phone: str | None = None
    support_url: str | None = None
    url: str | None = None


class Controller(Shape, frozen=True, kw_only=True):
    type: Literal["account"] = "account"


class Requirements(Shape, frozen=True, kw_only=True):
    """Nothing is asked of the merchant who runs the server."""

    alternatives: list[Any] = []
    current_deadline: int | None = None
    currently_due: list[str] = []
    disabled_reason: str | None = None
    errors: list[Any] = []
    eventually_due: list[str] = []
    past_due: list[str] = []
    pending_verification: list[str] = []


class Branding(Shape, frozen=True, kw_only=True):
    icon: str | None = None
    logo: str | None = None
    primary_color: str | None = None
    secondary_color: str | None = None


class DeclineOn(Shape, frozen=True, kw_only=True):
    """Matches the simulated network's default rules."""

    avs_failure: bool = False
    cvc_failure: bool = True


class CardPayments(Shape, frozen=True, kw_only=True):
    decline_on: DeclineOn = DeclineOn()
    statement_descriptor_prefix: str | None = None
    statement_descriptor_prefix_kana: str | None = None
    statement_descriptor_prefix_kanji: str | None = None


class Dashboard(Shape, frozen=True, kw_only=True):
    display_name: str | None = None
    timezone: str = "Etc/UTC"


class Invoices(Shape, frozen=True, kw_only=True):
    default_account_tax_ids: list[str] | None = None
    hosted_payment_method_save: Literal["always", "never", "offer"] | None = None


class Payments(Shape, frozen=True, kw_only=True):
    statement_descriptor: str | None = None
    statement_descriptor_kana: str | None = None
    statement_descriptor_kanji: str | None = None


class Schedule(Shape, frozen=True, kw_only=True):
    """As the balance settings have it. An anchor is the first of the days."""

    delay_days: int = BUSINESS_DAYS
    interval: str = "manual"
    monthly_anchor: int | Unset = UNSET
    monthly_payout_days: list[int] | Unset = UNSET
    weekly_anchor: str | Unset = UNSET
    weekly_payout_days: list[Weekday] | Unset = UNSET


class Payouts(Shape, frozen=True, kw_only=True):
    debit_negative_balances: bool = False
    schedule: Schedule = Schedule()
    statement_descriptor: str | None = None


class Settings(Shape, frozen=True, kw_only=True):
    branding: Branding = Branding()
    card_payments: CardPayments = CardPayments()
    dashboard: Dashboard = Dashboard()
    invoices: Invoices = Invoices()
    payments: Payments = Payments()
    payouts: Payouts = Payouts()


class TosAcceptance(Shape, frozen=True, kw_only=True):
    date: int | None = None
    ip: str | None = None
    user_agent: str | None = None


class Account(Stored, frozen=True, kw_only=True):
    """`capabilities` and `external_accounts` are added when it is rendered."""

    object: Literal["account"] = "account"
    business_profile: BusinessProfile = BusinessProfile()
    business_type: Literal["company", "government_entity", "individual", "non_profit"] | None = None
    charges_enabled: bool = True
    controller: Controller = Controller()
    country: str = "US"
    default_currency: str = "usd"
    details_submitted: bool = True
    email: str | None = None
    future_requirements: Requirements = Requirements()
    metadata: dict[str, str] = {}
    payouts_enabled: bool = True
    requirements: Requirements = Requirements()
    settings: Settings = Settings()
    tos_acceptance: TosAcceptance = TosAcceptance()
    type: Literal["standard"] = "standard"


class Record(Account, frozen=True, kw_only=True, omit_defaults=True):
    """`banks` are the newest external accounts, one more than is shown."""

    banks: list[Stored] = []


def render(view: View, account: Record) -> Wire:
    url = f"/v1/accounts/{account.id}/external_accounts"
    banks = [view.render(bank) for bank in account.banks[:SHOWN]]
    return {
        **public(Account, account),
        "capabilities": dict.fromkeys(CAPABILITIES, "active"),
        "external_accounts": {"object": "list", "data": banks, "has_more": len(account.banks) > SHOWN, "url": url},
    }


async def retrieve(tx: Tx, params: NoParams) -> Record:
    """The caller's own."""
    created = (await tx.world.engine.rows(FIND_CREATED, (tx.scope.number,)))[0][0]
    banks = await tx.all(tx.registry.by_object["external_account"], {}, SHOWN + 1)
    return Record(id=tx.merchant, created=created, banks=banks, settings=Settings(payouts=await _payouts(tx)))


async def _payouts(tx: Tx) -> Payouts:
    """The account's view of the balance settings."""
    settings = (await settings_of(tx)).payments.payouts
    weekly, monthly = settings.schedule.weekly_payout_days, settings.schedule.monthly_payout_days
    schedule = Schedule(
        interval=settings.schedule.interval,
        monthly_anchor=monthly[0] if monthly else UNSET,
        monthly_payout_days=monthly,
        weekly_anchor=weekly[0] if weekly else UNSET,
        weekly_payout_days=weekly,
    )
    return Payouts(schedule=schedule, statement_descriptor=settings.statement_descriptor)


class RetrieveParams(Params, frozen=True, kw_only=True):
    account: str


async def retrieve_by_id(tx: Tx, params: RetrieveParams) -> Record:
    """The caller's own by its id; no other is the caller's to see."""
    if params.account != tx.merchant:
        raise no_access(params.account)
    return await retrieve(tx, NoParams())


ACCOUNT: Resource[Record] = Resource(
    object="account",
    prefix="acct",
    record=Record,
    shape=Account,
    present=render,
    shown={"capabilities": dict[str, str], "external_accounts": dict[str, Any]},
    stored=False,
    doc="The merchant that your key belongs to.",
    verbs=(
        Verb(name="retrieve_current", method="GET", path="/v1/account", run=retrieve),
        Verb(name="retrieve", method="GET", path="/v1/accounts/{account}", run=retrieve_by_id, params=RetrieveParams),
    ),
    errors=("account_invalid",),
)
RESOURCE = ACCOUNT
