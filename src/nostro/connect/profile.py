"""Account as it is kept: who a merchant is, what it may do, and what is still asked of it.

The platform's own account is one too; nothing is asked of who runs the server, so it is not kept but made when it
is read.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET

from nostro.balances.schedule import Weekday
from nostro.kernel.address import Address
from nostro.kernel.resource import Metadata, Shape, Stored, Unset

from . import party
from .bank import Record as Bank
from .values import Acceptance, Dob, Document, JapaneseAddress, Requirements

BusinessType = Literal["company", "government_entity", "individual", "non_profit"]
Type = Literal["custom", "express", "none", "standard"]
Status = Literal["active", "inactive", "pending", "unrequested"]


class AnnualRevenue(Shape, frozen=True, kw_only=True):
    amount: int | None = None
    currency: str | None = None
    fiscal_year_end: str | None = None


class MonthlyRevenue(Shape, frozen=True, kw_only=True):
    amount: int = 0
    currency: str = "usd"


class BusinessProfile(Shape, frozen=True, kw_only=True):
    annual_revenue: AnnualRevenue | None = None
    estimated_worker_count: int | None = None
    mcc: str | None = None
    minority_owned_business_designation: list[str] | None = None
    monthly_estimated_revenue: MonthlyRevenue | Unset = UNSET
    name: str | None = None
    product_description: str | None = None
    specified_commercial_transactions_act_url: str | None | Unset = UNSET
    support_address: Address = Address()
    support_email: str | None = None
    support_phone: str | None = None
    support_url: str | None = None
    url: str | None = None


class Fees(Shape, frozen=True, kw_only=True):
    payer: Literal["account", "application", "application_custom", "application_express"]


class Losses(Shape, frozen=True, kw_only=True):
    payments: Literal["application", "stripe"]


class StripeDashboard(Shape, frozen=True, kw_only=True):
    type: Literal["express", "full", "none"]


class Controller(Shape, frozen=True, kw_only=True):
    """Who is responsible for what between the platform and us; of one's own account there is nothing to say."""

    fees: Fees | Unset = UNSET
    is_controller: bool | Unset = UNSET
    losses: Losses | Unset = UNSET
    requirement_collection: Literal["application", "stripe"] | Unset = UNSET
    stripe_dashboard: StripeDashboard | Unset = UNSET
    type: Literal["account", "application"] = "account"


class CompanyVerification(Shape, frozen=True, kw_only=True):
    document: Document = Document()


class Company(Shape, frozen=True, kw_only=True):
    """What only some countries ask is absent until it is given."""

    address: Address = Address()
    address_kana: JapaneseAddress | Unset = UNSET
    address_kanji: JapaneseAddress | Unset = UNSET
    administrative_address: Address | Unset = UNSET
    directors_provided: bool = False
    directorship_declaration: Acceptance | Unset = UNSET
    executives_provided: bool = False
    export_license_id: str | None = None
    export_purpose_code: str | None = None
    name: str | None = None
    name_kana: str | None | Unset = UNSET
    name_kanji: str | None | Unset = UNSET
    owners_provided: bool = False
    ownership_declaration: Acceptance | Unset = UNSET
    ownership_exemption_reason: str | None | Unset = UNSET
    phone: str | None = None
    physical_address: Address | Unset = UNSET
    principal_place_of_business: Address | Unset = UNSET
    registration_date: Dob | Unset = UNSET
    representative_declaration: Acceptance | Unset = UNSET
    structure: str | None = None
    tax_id_provided: bool = False
    tax_id_registrar: str | None = None
    vat_id_provided: bool = False
    verification: CompanyVerification = CompanyVerification()


class Branding(Shape, frozen=True, kw_only=True):
    icon: str | None = None
    logo: str | None = None
    primary_color: str | None = None
    secondary_color: str | None = None


class BacsDebit(Shape, frozen=True, kw_only=True):
    display_name: str | None = None
    service_user_number: str | None = None


class Agreed(Shape, frozen=True, kw_only=True):
    """The terms of one product, which are accepted apart from the others."""

    tos_acceptance: Acceptance = Acceptance()


class SepaDebit(Shape, frozen=True, kw_only=True):
    creditor_id: str | Unset = UNSET


class PaypayInDevelopment(Shape, frozen=True, kw_only=True):
    password_provided: bool = False
    username: str | None = None


class PaypayAccessible(Shape, frozen=True, kw_only=True):
    pass


class PaypayRestricted(Shape, frozen=True, kw_only=True):
    payment_flow_file: str | None = None


class PaypaySite(Shape, frozen=True, kw_only=True):
    accessible: PaypayAccessible | Unset = UNSET
    in_development: PaypayInDevelopment | Unset = UNSET
    restricted: PaypayRestricted | Unset = UNSET
    type: str | None = None


class Paypay(Shape, frozen=True, kw_only=True):
    additional_files: list[str] | Unset = UNSET
    goods_type: str | None = None
    site: PaypaySite | Unset = UNSET


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
    statement_descriptor_prefix_kana: str | None = None
    statement_descriptor_prefix_kanji: str | None = None


class Schedule(Shape, frozen=True, kw_only=True):
    """An anchor is the first of the days."""

    delay_days: int | Literal["minimum"] = 2
    interval: Literal["daily", "manual", "monthly", "weekly"] = "manual"
    monthly_anchor: int | Unset = UNSET
    monthly_payout_days: list[int] | Unset = UNSET
    weekly_anchor: str | Unset = UNSET
    weekly_payout_days: list[Weekday] | Unset = UNSET


class Payouts(Shape, frozen=True, kw_only=True):
    debit_negative_balances: bool = False
    schedule: Schedule = Schedule()
    statement_descriptor: str | None = None


class Settings(Shape, frozen=True, kw_only=True):
    bacs_debit_payments: BacsDebit = BacsDebit()
    branding: Branding = Branding()
    card_issuing: Agreed = Agreed()
    card_payments: CardPayments = CardPayments()
    dashboard: Dashboard = Dashboard()
    invoices: Invoices = Invoices()
    payments: Payments = Payments()
    payouts: Payouts = Payouts()
    paypay_payments: Paypay | Unset = UNSET
    sepa_debit_payments: SepaDebit = SepaDebit()
    treasury: Agreed | Unset = UNSET


class Groups(Shape, frozen=True, kw_only=True):
    payments_pricing: str | None = None


class Tos(Shape, frozen=True, kw_only=True):
    date: int | None = None
    ip: str | None = None
    service_agreement: str | Unset = UNSET
    user_agent: str | None = None


class Account(Stored, frozen=True, kw_only=True):
    """`capabilities`, `external_accounts` and `individual` are added when it is rendered."""

    object: Literal["account"] = "account"
    business_profile: BusinessProfile = BusinessProfile()
    business_type: BusinessType | None = None
    charges_enabled: bool = False
    company: Company | Unset = UNSET
    controller: Controller = Controller()
    country: str = "US"
    default_currency: str = "usd"
    details_submitted: bool = False
    email: str | None = None
    future_requirements: Requirements = Requirements()
    groups: Groups | Unset = UNSET
    metadata: Metadata = {}
    payouts_enabled: bool = False
    requirements: Requirements = Requirements()
    settings: Settings = Settings()
    tos_acceptance: Tos = Tos()
    type: Type = "standard"


class Capability(Shape, frozen=True, kw_only=True):
    """Where a capability of the account stands. `requested_at` is seconds, null while it is not wanted."""

    requested_at: int | None = None
    status: Status = "unrequested"
    requirements: Requirements = Requirements()
    future_requirements: Requirements = Requirements()


class Debt(Shape, frozen=True, kw_only=True):
    """What the account owes since a moment (seconds): `reserved` minor units of its platform's balance cover it."""

    since: int
    reserved: int = 0


class Record(Account, frozen=True, kw_only=True, omit_defaults=True):
    """`banks` are the newest external accounts, one more than is shown, and `person` who an individual account is:
    both as they stand in tables of their own. An account that is `rejected`, for this reason, can be `still_paid` out.
    `active_since` is when what is asked at first was given (seconds). `tax_id_wrong` says that the company's tax id
    did not pass the check, `claimed` that its holder was shown a page of ours. `documents` are the files that prove
    something, by what they prove. `debts` are by currency.
    """

    banks: list[Bank] = []
    person: party.Record | None = None
    has: dict[str, Capability] = {}
    rejected: str | None = None
    still_paid: bool = False
    active_since: int | None = None
    tax_id_wrong: bool = False
    debts: dict[str, Debt] = {}
    claimed: bool = False
    documents: dict[str, list[str]] = {}

    @property
    def collected_here(self) -> bool:
        """True if we ask the account for what is due; else its platform does, and answers for it."""
        return self.controller.requirement_collection != "application"


class CapabilityShown(Stored, frozen=True, kw_only=True):
    """A capability by itself; its id is its name."""

    object: Literal["capability"] = "capability"
    account: str
    future_requirements: Requirements = Requirements()
    requested: bool = False
    requested_at: int | None = None
    requirements: Requirements = Requirements()
    status: Status = "unrequested"


def shown(account: str, name: str, one: Capability) -> CapabilityShown:
    return CapabilityShown(
        id=name,
        created=0,
        account=account,
        future_requirements=one.future_requirements,
        requested=one.requested_at is not None,
        requested_at=one.requested_at,
        requirements=one.requirements,
        status=one.status,
    )
