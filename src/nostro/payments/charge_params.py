"""The parameters of a charge's verbs. `application_fee` and `destination` are older names of what follows them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from nostro.kernel.address import ShippingParams
from nostro.kernel.money import LARGEST_AMOUNT
from nostro.kernel.resource import Amount, MetadataParam, Params, Unset

from .split import FeeAmount, TransferAmountParams, TransferDataParams


class DestinationParams(Params, frozen=True, kw_only=True):
    account: str
    amount: Amount | None = None


class FraudDetailsParams(Params, frozen=True, kw_only=True):
    user_report: Literal["fraudulent", "safe"] | None = None


class RadarOptionsParams(Params, frozen=True, kw_only=True):
    session: str | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
    currency: str
    application_fee: FeeAmount | None = None
    application_fee_amount: FeeAmount | None = None
    capture: bool = True
    customer: str | None = None
    description: str | None = None
    destination: DestinationParams | str | None = None
    metadata: dict[str, str | None] | None = None
    on_behalf_of: str | None = None
    radar_options: RadarOptionsParams | None = None
    receipt_email: str | None = None
    shipping: ShippingParams | None = None
    source: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: TransferDataParams | None = None
    transfer_group: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    customer: str | Unset = UNSET
    description: str | None | Unset = UNSET
    fraud_details: FraudDetailsParams | Unset = UNSET
    metadata: MetadataParam = UNSET
    receipt_email: str | None | Unset = UNSET
    shipping: ShippingParams | Unset = UNSET
    transfer_group: str | Unset = UNSET


class CaptureParams(Params, frozen=True, kw_only=True):
    amount: int | None = None
    application_fee: FeeAmount | None = None
    application_fee_amount: FeeAmount | None = None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: TransferAmountParams | None = None
    transfer_group: str | None = None
