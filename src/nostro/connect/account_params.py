"""What an account is created with and can be changed to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from nostro.balances.schedule import Weekday
from nostro.kernel.resource import MetadataParam, NoParams, Params, Unset

from .person_params import PersonParams
from .profile import BusinessType
from .values import (
    AcceptanceParams,
    AddressParams,
    DobParams,
    DocumentParams,
    FilesParams,
    JapaneseAddressParams,
    Text,
)  # fmt: skip

Exemption = Literal["qualified_entity_exceeds_ownership_threshold", "qualifies_as_financial_institution"]
Structure = Literal[
    "free_zone_establishment", "free_zone_llc", "government_instrumentality", "governmental_unit",
    "incorporated_non_profit", "incorporated_partnership", "limited_liability_partnership", "llc", "multi_member_llc",
    "private_company", "private_corporation", "private_partnership", "public_company", "public_corporation",
    "public_partnership", "registered_charity", "single_member_llc", "sole_establishment", "sole_proprietorship",
    "tax_exempt_government_instrumentality", "unincorporated_association", "unincorporated_non_profit",
    "unincorporated_partnership",
]  # fmt: skip


class AnnualRevenueParams(Params, frozen=True, kw_only=True):
    amount: int
    currency: str
    fiscal_year_end: str


class MonthlyRevenueParams(Params, frozen=True, kw_only=True):
    amount: int
    currency: str


class BusinessProfileParams(Params, frozen=True, kw_only=True):
    annual_revenue: AnnualRevenueParams | Unset = UNSET
    estimated_worker_count: Annotated[int, Meta(ge=0)] | Unset = UNSET
    mcc: Annotated[str, Meta(pattern=r"^\d{4}$")] | None | Unset = UNSET
    minority_owned_business_designation: list[str] | Unset = UNSET
    monthly_estimated_revenue: MonthlyRevenueParams | Unset = UNSET
    name: Text = UNSET
    product_description: Annotated[str, Meta(max_length=40_000)] | None | Unset = UNSET
    specified_commercial_transactions_act_url: Text = UNSET
    support_address: AddressParams | Unset = UNSET
    support_email: Text = UNSET
    support_phone: Text = UNSET
    support_url: Text = UNSET
    url: Text = UNSET


class CompanyVerificationParams(Params, frozen=True, kw_only=True):
    document: DocumentParams | Unset = UNSET


class CompanyParams(Params, frozen=True, kw_only=True):
    address: AddressParams | Unset = UNSET
    address_kana: JapaneseAddressParams | Unset = UNSET
    address_kanji: JapaneseAddressParams | Unset = UNSET
    administrative_address: AddressParams | Unset = UNSET
    directors_provided: bool | Unset = UNSET
    directorship_declaration: AcceptanceParams | Unset = UNSET
    executives_provided: bool | Unset = UNSET
    export_license_id: Text = UNSET
    export_purpose_code: Text = UNSET
    name: Text = UNSET
    name_kana: Text = UNSET
    name_kanji: Text = UNSET
    owners_provided: bool | Unset = UNSET
    ownership_declaration: AcceptanceParams | Unset = UNSET
    ownership_exemption_reason: Exemption | None | Unset = UNSET
    phone: Text = UNSET
    physical_address: AddressParams | Unset = UNSET
    principal_place_of_business: AddressParams | Unset = UNSET
    registration_date: DobParams | None | Unset = UNSET
    registration_number: Text = UNSET
    representative_declaration: AcceptanceParams | Unset = UNSET
    structure: Structure | None | Unset = UNSET
    tax_id: Text = UNSET
    tax_id_registrar: Text = UNSET
    vat_id: Text = UNSET
    verification: CompanyVerificationParams | Unset = UNSET


class SignerParams(Params, frozen=True, kw_only=True):
    person: str | Unset = UNSET


class SignedFilesParams(FilesParams, frozen=True, kw_only=True):
    signer: SignerParams | Unset = UNSET


class DocumentsParams(Params, frozen=True, kw_only=True):
    bank_account_ownership_verification: FilesParams | Unset = UNSET
    company_license: FilesParams | Unset = UNSET
    company_memorandum_of_association: FilesParams | Unset = UNSET
    company_ministerial_decree: FilesParams | Unset = UNSET
    company_registration_verification: FilesParams | Unset = UNSET
    company_tax_id_verification: FilesParams | Unset = UNSET
    proof_of_address: FilesParams | Unset = UNSET
    proof_of_business_presence: FilesParams | Unset = UNSET
    proof_of_registration: SignedFilesParams | Unset = UNSET
    proof_of_ultimate_beneficial_ownership: SignedFilesParams | Unset = UNSET


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


class BacsDebitParams(Params, frozen=True, kw_only=True):
    display_name: Text = UNSET


class AgreedParams(Params, frozen=True, kw_only=True):
    tos_acceptance: AcceptanceParams | Unset = UNSET


class SepaDebitParams(Params, frozen=True, kw_only=True):
    creditor_id: str | Unset = UNSET


class PaypayInDevelopmentParams(Params, frozen=True, kw_only=True):
    password: Text = UNSET
    username: Text = UNSET


class PaypayRestrictedParams(Params, frozen=True, kw_only=True):
    payment_flow_file: Text = UNSET


class PaypaySiteParams(Params, frozen=True, kw_only=True):
    accessible: NoParams | Unset = UNSET
    in_development: PaypayInDevelopmentParams | Unset = UNSET
    restricted: PaypayRestrictedParams | Unset = UNSET
    type: Literal["accessible", "in_development", "restricted"] | Unset = UNSET


class PaypayParams(Params, frozen=True, kw_only=True):
    additional_files: list[str] | None | Unset = UNSET
    goods_type: Literal["digital_content", "other"] | Unset = UNSET
    site: PaypaySiteParams | Unset = UNSET


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
    monthly_payout_days: Annotated[list[Annotated[int, Meta(ge=1, le=31)]], Meta(min_length=1)] | Unset = UNSET
    weekly_anchor: Literal[
        "friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"
    ] | Unset = UNSET  # fmt: skip
    weekly_payout_days: Annotated[list[Weekday], Meta(min_length=1)] | Unset = UNSET


class PayoutsParams(Params, frozen=True, kw_only=True):
    debit_negative_balances: bool | Unset = UNSET
    schedule: ScheduleParams | Unset = UNSET
    statement_descriptor: Text = UNSET


class SettingsParams(Params, frozen=True, kw_only=True):
    bacs_debit_payments: BacsDebitParams | Unset = UNSET
    branding: BrandingParams | Unset = UNSET
    card_issuing: AgreedParams | Unset = UNSET
    card_payments: CardPaymentsParams | Unset = UNSET
    invoices: InvoicesParams | Unset = UNSET
    payments: PaymentsParams | Unset = UNSET
    payouts: PayoutsParams | Unset = UNSET
    paypay_payments: PaypayParams | Unset = UNSET
    sepa_debit_payments: SepaDebitParams | Unset = UNSET
    treasury: AgreedParams | Unset = UNSET


class GroupsParams(Params, frozen=True, kw_only=True):
    payments_pricing: Text = UNSET


class TosParams(AcceptanceParams, frozen=True, kw_only=True):
    service_agreement: Literal["full", "recipient"] | Unset = UNSET


class SharedParams(Params, frozen=True, kw_only=True):
    account_token: str | Unset = UNSET
    business_profile: BusinessProfileParams | Unset = UNSET
    business_type: BusinessType | None | Unset = UNSET
    capabilities: dict[str, RequestParams] | Unset = UNSET
    company: CompanyParams | Unset = UNSET
    default_currency: str | Unset = UNSET
    documents: DocumentsParams | Unset = UNSET
    email: Annotated[str, Meta(max_length=800)] | None | Unset = UNSET
    external_account: str | dict[str, Any] | Unset = UNSET
    groups: GroupsParams | Unset = UNSET
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
