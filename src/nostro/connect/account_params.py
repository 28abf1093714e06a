"""What an account is created with and can be changed to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from nostro.kernel.resource import MetadataParam, Params, Unset

from .party import PersonParams
from .profile import BusinessType
from .values import AcceptanceParams, AddressParams, DocumentParams, Text


class AnnualRevenueParams(Params, frozen=True, kw_only=True):
    amount: int
    currency: str
    fiscal_year_end: str


class BusinessProfileParams(Params, frozen=True, kw_only=True):
    annual_revenue: AnnualRevenueParams | Unset = UNSET
    estimated_worker_count: Annotated[int, Meta(ge=0)] | Unset = UNSET
    mcc: Annotated[str, Meta(pattern=r"^\d{4}$")] | None | Unset = UNSET
    minority_owned_business_designation: list[str] | Unset = UNSET
    name: Text = UNSET
    product_description: Annotated[str, Meta(max_length=40_000)] | None | Unset = UNSET
    support_address: AddressParams | Unset = UNSET
    support_email: Text = UNSET
    support_phone: Text = UNSET
    support_url: Text = UNSET
    url: Text = UNSET


class CompanyVerificationParams(Params, frozen=True, kw_only=True):
    document: DocumentParams | Unset = UNSET


class CompanyParams(Params, frozen=True, kw_only=True):
    address: AddressParams | Unset = UNSET
    directors_provided: bool | Unset = UNSET
    executives_provided: bool | Unset = UNSET
    export_license_id: Text = UNSET
    export_purpose_code: Text = UNSET
    name: Text = UNSET
    owners_provided: bool | Unset = UNSET
    phone: Text = UNSET
    structure: Text = UNSET
    tax_id: Text = UNSET
    tax_id_registrar: Text = UNSET
    vat_id: Text = UNSET
    verification: CompanyVerificationParams | Unset = UNSET


class RequestParams(Params, frozen=True, kw_only=True):
    requested: bool


class FeesParams(Params, frozen=True, kw_only=True):
    payer: Literal["account", "application"] = "account"


class LossesParams(Params, frozen=True, kw_only=True):
    payments: Literal["application", "stripe"] = "stripe"


class StripeDashboardParams(Params, frozen=True, kw_only=True):
    type: Literal["express", "full", "none"] = "full"


class ControllerParams(Params, frozen=True, kw_only=True):
    fees: FeesParams = FeesParams()
    losses: LossesParams = LossesParams()
    requirement_collection: Literal["application", "stripe"] = "stripe"
    stripe_dashboard: StripeDashboardParams = StripeDashboardParams()


class BrandingParams(Params, frozen=True, kw_only=True):
    icon: Text = UNSET
    logo: Text = UNSET
    primary_color: Text = UNSET
    secondary_color: Text = UNSET


class DeclineOnParams(Params, frozen=True, kw_only=True):
    avs_failure: bool | Unset = UNSET
    cvc_failure: bool | Unset = UNSET


class CardPaymentsParams(Params, frozen=True, kw_only=True):
    decline_on: DeclineOnParams | Unset = UNSET
    statement_descriptor_prefix: Text = UNSET
    statement_descriptor_prefix_kana: Text = UNSET
    statement_descriptor_prefix_kanji: Text = UNSET


class InvoicesParams(Params, frozen=True, kw_only=True):
    default_account_tax_ids: list[str] | None | Unset = UNSET
    hosted_payment_method_save: Literal["always", "never", "offer"] | Unset = UNSET


class PaymentsParams(Params, frozen=True, kw_only=True):
    statement_descriptor: Annotated[str, Meta(max_length=22)] | None | Unset = UNSET
    statement_descriptor_kana: Text = UNSET
    statement_descriptor_kanji: Text = UNSET


class ScheduleParams(Params, frozen=True, kw_only=True):
    delay_days: Literal["minimum"] | int | Unset = UNSET
    interval: Literal["daily", "manual", "monthly", "weekly"] | Unset = UNSET
    monthly_anchor: Annotated[int, Meta(ge=1, le=31)] | Unset = UNSET
    weekly_anchor: Literal[
        "friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"
    ] | Unset = UNSET  # fmt: skip


class PayoutsParams(Params, frozen=True, kw_only=True):
    debit_negative_balances: bool | Unset = UNSET
    schedule: ScheduleParams | Unset = UNSET
    statement_descriptor: Text = UNSET


class SettingsParams(Params, frozen=True, kw_only=True):
    branding: BrandingParams | Unset = UNSET
    card_payments: CardPaymentsParams | Unset = UNSET
    invoices: InvoicesParams | Unset = UNSET
    payments: PaymentsParams | Unset = UNSET
    payouts: PayoutsParams | Unset = UNSET


class TosParams(AcceptanceParams, frozen=True, kw_only=True):
    service_agreement: Literal["full", "recipient"] | Unset = UNSET


class SharedParams(Params, frozen=True, kw_only=True):
    business_profile: BusinessProfileParams | Unset = UNSET
    business_type: BusinessType | None | Unset = UNSET
    capabilities: dict[str, RequestParams] | Unset = UNSET
    company: CompanyParams | Unset = UNSET
    default_currency: str | Unset = UNSET
    email: Annotated[str, Meta(max_length=800)] | None | Unset = UNSET
    external_account: str | dict[str, Any] | Unset = UNSET
    individual: PersonParams | Unset = UNSET
    metadata: MetadataParam = UNSET
    settings: SettingsParams | Unset = UNSET
    tos_acceptance: TosParams | Unset = UNSET


class CreateParams(SharedParams, frozen=True, kw_only=True):
    controller: ControllerParams | None = None
    country: str | None = None
    type: Literal["custom", "express", "standard"] | None = None


class UpdateParams(SharedParams, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str
