"""The parameters of a payment intent's verbs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from nostro.kernel.address import ShippingParams
from nostro.kernel.money import LARGEST_AMOUNT
from nostro.kernel.resource import MetadataParam, Params, Unset

from .intent import CaptureMethod, Usage
from .intent_params import AutomaticParams, MandateDataParams, Maps, MethodParams
from .split import FeeAmount, TransferAmountParams, TransferChangeParams, TransferDataParams

Money = Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
OffSession = bool | Literal["one_off", "recurring"]


class LineItemParams(Params, frozen=True, kw_only=True):
    product_name: str
    quantity: int
    unit_cost: int
    discount_amount: int | None = None
    payment_method_options: Maps | None = None
    product_code: str | None = None
    tax: Maps | None = None
    unit_of_measure: str | None = None


class AmountDetailsParams(Params, frozen=True, kw_only=True):
    discount_amount: int | None = None
    enforce_arithmetic_validation: bool | None = None
    line_items: list[LineItemParams] | None = None
    shipping: Maps | None = None
    tax: Maps | None = None


class PaymentDetailsParams(Params, frozen=True, kw_only=True):
    customer_reference: str | None = None
    order_reference: str | None = None


class Common(MethodParams, frozen=True, kw_only=True):
    """What create, update and confirm share."""

    amount_details: AmountDetailsParams | None | Unset = UNSET
    capture_method: CaptureMethod | Unset = UNSET
    payment_details: PaymentDetailsParams | None | Unset = UNSET
    hooks: Maps | Unset = UNSET
    receipt_email: str | None | Unset = UNSET
    setup_future_usage: Usage | None | Unset = UNSET
    shipping: ShippingParams | None | Unset = UNSET


class Confirming(Common, frozen=True, kw_only=True):
    """What create (with `confirm`) and confirm share."""

    confirmation_token: str | None = None
    error_on_requires_action: bool = False
    mandate: str | None = None
    mandate_data: MandateDataParams | None = None
    off_session: OffSession = False
    radar_options: Maps | None = None
    return_url: str | None = None
    use_stripe_sdk: bool = False


class CreateParams(Confirming, frozen=True, kw_only=True):
    amount: Money
    currency: str
    application_fee_amount: FeeAmount | None = None
    automatic_payment_methods: AutomaticParams | None = None
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    customer: str | None = None
    customer_account: str | None = None
    description: str | None = None
    metadata: dict[str, str | None] | None = None
    on_behalf_of: str | None = None
    payment_method_configuration: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: TransferDataParams | None = None
    transfer_group: str | None = None


class UpdateParams(Common, frozen=True, kw_only=True):
    amount: Money | Unset = UNSET
    application_fee_amount: FeeAmount | None | Unset = UNSET
    currency: str | Unset = UNSET
    customer: str | Unset = UNSET
    customer_account: str | Unset = UNSET
    description: str | None | Unset = UNSET
    metadata: MetadataParam = UNSET
    payment_method_configuration: str | Unset = UNSET
    statement_descriptor: str | None | Unset = UNSET
    statement_descriptor_suffix: str | None | Unset = UNSET
    transfer_data: TransferChangeParams | Unset = UNSET
    transfer_group: str | Unset = UNSET


class ConfirmParams(Confirming, frozen=True, kw_only=True):
    amount_to_confirm: int | None = None


class CaptureParams(Params, frozen=True, kw_only=True):
    amount_details: AmountDetailsParams | None = None
    amount_to_capture: Money | None = None
    application_fee_amount: FeeAmount | None = None
    final_capture: bool = True
    hooks: Maps | None = None
    metadata: MetadataParam = UNSET
    payment_details: PaymentDetailsParams | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: TransferAmountParams | None = None


class CancelParams(Params, frozen=True, kw_only=True):
    cancellation_reason: Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"] | None = None


class IncrementParams(Params, frozen=True, kw_only=True):
    amount: Money
    amount_details: AmountDetailsParams | None = None
    application_fee_amount: FeeAmount | None = None
    description: str | None | Unset = UNSET
    hooks: Maps | None = None
    metadata: MetadataParam = UNSET
    payment_details: PaymentDetailsParams | None = None
    statement_descriptor: str | None | Unset = UNSET
    transfer_data: TransferAmountParams | None = None


class ApplyBalanceParams(Params, frozen=True, kw_only=True):
    amount: Money | None = None
    currency: str | None = None
