"""What a person, or the one individual of an account, is made of and can be changed to."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from nostro.kernel.resource import MetadataParam, Params, Unset

from .values import AcceptanceParams, AddressParams, DobParams, DocumentParams, FilesParams, JapaneseAddressParams, Text


class RelationshipParams(Params, frozen=True, kw_only=True):
    authorizer: bool | Unset = UNSET
    director: bool | Unset = UNSET
    executive: bool | Unset = UNSET
    legal_guardian: bool | Unset = UNSET
    owner: bool | Unset = UNSET
    percent_ownership: Annotated[float, Meta(ge=0, le=100)] | None | Unset = UNSET
    representative: bool | Unset = UNSET
    title: Text = UNSET


class VerificationParams(Params, frozen=True, kw_only=True):
    additional_document: DocumentParams | Unset = UNSET
    document: DocumentParams | Unset = UNSET


class AcceptancesParams(Params, frozen=True, kw_only=True):
    account: AcceptanceParams | Unset = UNSET


class DocumentsParams(Params, frozen=True, kw_only=True):
    company_authorization: FilesParams | Unset = UNSET
    passport: FilesParams | Unset = UNSET
    visa: FilesParams | Unset = UNSET


class EthnicityParams(Params, frozen=True, kw_only=True):
    ethnicity: list[str] | None | Unset = UNSET
    ethnicity_other: Text = UNSET


class RaceParams(Params, frozen=True, kw_only=True):
    race: list[str] | None | Unset = UNSET
    race_other: Text = UNSET


class CfpbParams(Params, frozen=True, kw_only=True):
    """What lenders in the United States ask of small businesses (Regulation B, subpart B)."""

    ethnicity_details: EthnicityParams | Unset = UNSET
    race_details: RaceParams | Unset = UNSET
    self_identified_gender: Text = UNSET


class PersonParams(Params, frozen=True, kw_only=True):
    additional_tos_acceptances: AcceptancesParams | Unset = UNSET
    address: AddressParams | Unset = UNSET
    address_kana: JapaneseAddressParams | Unset = UNSET
    address_kanji: JapaneseAddressParams | Unset = UNSET
    dob: DobParams | None | Unset = UNSET
    documents: DocumentsParams | Unset = UNSET
    email: Text = UNSET
    first_name: Text = UNSET
    first_name_kana: Text = UNSET
    first_name_kanji: Text = UNSET
    full_name_aliases: list[str] | None | Unset = UNSET
    gender: Literal["female", "male"] | None | Unset = UNSET
    id_number: str | None | Unset = UNSET
    id_number_secondary: str | None | Unset = UNSET
    last_name: Text = UNSET
    last_name_kana: Text = UNSET
    last_name_kanji: Text = UNSET
    maiden_name: Text = UNSET
    metadata: MetadataParam = UNSET
    nationality: Text = UNSET
    phone: Text = UNSET
    political_exposure: Literal["existing", "none"] | None | Unset = UNSET
    registered_address: AddressParams | Unset = UNSET
    relationship: RelationshipParams | Unset = UNSET
    ssn_last_4: str | None | Unset = UNSET
    us_cfpb_data: CfpbParams | Unset = UNSET
    verification: VerificationParams | Unset = UNSET
