"""Tax id: a customer's number with a tax authority, or the merchant's own.

The format is checked for the types whose format is known here. In test mode a registry answers by the published
test values (nine zeros, ones or twos); other numbers stay pending.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from nostro.kernel.errors import invalid, missing
from nostro.kernel.resource import (
    Filter,
    NoParams,
    Params,
    Resource,
    Shape,
    Stored,
    Verb,
    Wire,
    listing,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from .of_customer import MOST_OWNED, OfCustomer, PageParams, check_owned, owner, page

JOB = "tax_id.verify"
SELF = "self"
Type = Literal[
    "ad_nrt", "ae_trn", "al_tin", "am_tin", "ao_tin", "ar_cuit", "au_abn", "au_acn", "au_arn", "au_wpn", "aw_tin",
    "az_tin", "ba_tin", "bb_tin", "bd_bin", "bf_ifu", "bg_uic", "bh_vat", "bj_ifu", "bo_tin", "br_cnpj", "br_cpf",
    "bs_tin", "bw_vat", "by_tin", "ca_bn", "ca_gst_hst", "ca_pst_bc", "ca_pst_mb", "ca_pst_sk", "ca_qst", "cd_nif",
    "ch_uid", "ch_vat", "ci_vat", "cl_tin", "cm_niu", "cn_tin", "co_nit", "cr_tin", "cv_nif", "cz_dic", "de_stn",
    "do_rcn", "ec_ruc", "eg_tin", "es_cif", "et_tin", "eu_oss_vat", "eu_vat", "fo_vat", "fr_siren", "fr_siret",
    "fr_spi", "gb_vat", "ge_vat", "gh_tin", "gi_tin", "gn_nif", "hk_br", "hr_oib", "hu_tin", "ic_nif", "id_npwp",
    "il_vat", "in_gst", "is_kt", "is_vat", "it_cf", "jp_cn", "jp_rn", "jp_trn", "ke_pin", "kg_tin", "kh_tin", "kr_brn",
    "kz_bin", "la_tin", "li_uid", "li_vat", "lk_vat", "ma_vat", "md_cf", "md_vat", "me_pib", "mk_vat", "mr_nif",
    "mu_vat", "mx_rfc", "my_frp", "my_itn", "my_sst", "mz_nuit", "ng_tin", "no_vat", "no_voec", "np_pan", "nz_bn",
    "nz_gst", "om_vat", "pe_ruc", "ph_tin", "pl_nip", "pt_nif", "py_ruc", "ro_tin", "rs_pib", "ru_inn", "ru_kpp",
    "sa_vat", "sg_gst", "sg_uen", "si_tin", "sm_coe", "sn_ninea", "sr_fin", "sv_nit", "th_vat", "tj_tin", "tr_tin",
    "tt_bir", "tt_vat", "tw_vat", "tz_vat", "ua_vat", "ug_tin", "unknown", "us_ein", "uy_ruc", "uz_tin", "uz_vat",
    "ve_rif", "vn_tin", "za_vat", "zm_tin", "zw_tin",
]  # fmt: skip
EU = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split()
FORMATS = {
    "au_abn": r"\d{11}",
    "br_cnpj": r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}",
    "br_cpf": r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}",
    "ca_bn": r"\d{9}",
    "ca_gst_hst": r"\d{9}RT\d{4}",
    "ch_vat": r"CHE-?\d{3}\.?\d{3}\.?\d{3}( ?(MWST|TVA|IVA))?",
    "eu_oss_vat": r"EU\d{9}",
    "eu_vat": rf"({'|'.join(EU)})[0-9A-Z+*]{{2,12}}",
    "gb_vat": r"(GB)?(\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "in_gst": r"\d{2}[A-Z]{5}\d{4}[A-Z][0-9A-Z]{3}",
    "jp_cn": r"\d{13}",
    "mx_rfc": r"[A-ZÑ&]{3,4}\d{6}[0-9A-Z]{3}",
    "no_vat": r"\d{9}(MVA)?",
    "nz_gst": r"\d{2,3}-?\d{3}-?\d{3}",
    "us_ein": r"\d{2}-?\d{7}",
}
# The types whose registries can be asked, and what the test numbers make them answer.
VERIFIABLE = ("au_abn", "eu_vat", "gb_vat")
TEST_ANSWERS: dict[str, Literal["verified", "unverified", "pending"]] = {
    "000000000": "verified", "111111111": "unverified", "222222222": "pending",
}  # fmt: skip


class Owner(Shape, frozen=True, kw_only=True):
    customer: str | None = None
    customer_account: str | None = None
    type: Literal["account", "application", "customer", "self"]


class Verification(Shape, frozen=True, kw_only=True):
    status: Literal["pending", "unavailable", "unverified", "verified"]
    verified_address: str | None = None
    verified_name: str | None = None


class TaxId(Stored, frozen=True, kw_only=True):
    object: Literal["tax_id"] = "tax_id"
    country: str | None = None
    customer: str | None = None
    customer_account: str | None = None
    livemode: bool = False
    owner: Owner
    type: Type
    value: str
    verification: Verification | None = None


class Record(TaxId, frozen=True, kw_only=True, omit_defaults=True):
    """`holder` is the customer's id, or "self"."""

    holder: str


class TaxIdParams(Params, frozen=True, kw_only=True):
    """One of a new customer's `tax_id_data`."""

    type: Type
    value: str


class CreateParams(OfCustomer, frozen=True, kw_only=True):
    type: Type
    value: str


class OwnerParams(Params, frozen=True, kw_only=True):
    type: Literal["account", "application", "customer", "self"]
    account: str | None = None
    customer: str | None = None
    customer_account: str | None = None


class ListParams(PageParams, frozen=True, kw_only=True):
    owner: OwnerParams = OwnerParams(type="self")


class CreateOwnedParams(Params, frozen=True, kw_only=True):
    type: Type
    value: str
    owner: OwnerParams = OwnerParams(type="self")


# Making ----------------------------------------------------------------------


def make(tx: Tx, customer: str | None, type: Type, value: str, param: str = "value") -> Record:
    """A new tax id, stored, with its verification under way. Raises `tax_id_invalid` about `param`."""
    value = value.strip().upper()
    test = _test_answer(value)
    if not value or len(value) > 64 or (type in FORMATS and not test and not re.fullmatch(FORMATS[type], value)):
        raise invalid(f"Invalid value for {type}.", param, "tax_id_invalid")
    made = Record(
        id=tx.new_id("txi"),
        created=tx.now,
        livemode=tx.scope.livemode,
        country=_country(type, value),
        customer=customer,
        owner=Owner(customer=customer, type="customer") if customer else Owner(type="self"),
        type=type,
        value=value,
        verification=Verification(status="pending" if type in VERIFIABLE else "unavailable"),
        holder=customer or SELF,
    )
    if type in VERIFIABLE and test:
        tx.schedule(JOB, made.id, tx.now)
    return tx.save(made, *_events(made, "created"))


def _events(tax_id: Record, what: str) -> tuple[str, ...]:
    return (f"customer.tax_id.{what}",) if tax_id.customer else ()


def _test_answer(value: str) -> str | None:
    return TEST_ANSWERS.get(re.sub(r"\D", "", value)[:9])


def _country(type: str, value: str) -> str | None:
    """The country of the type; a European number says its own."""
    if type in ("eu_oss_vat", "unknown"):
        return None
    if type != "eu_vat":
        return type[:2].upper()
    country = {"EL": "GR", "XI": "GB"}.get(value[:2], value[:2])
    return country if country.isalpha() else None


async def verify_job(tx: Tx, ref: str) -> None:
    """Job `tax_id.verify`: the registry's answer has come."""
    tax_id = await tx.find(TAX_ID, ref)
    answer = _test_answer(tax_id.value) if tax_id else None
    if tax_id is None or answer in (None, "pending"):
        return
    known = answer == "verified"
    verification = Verification(
        status="verified" if known else "unverified",
        verified_address="1 Test Street, Testville" if known else None,
        verified_name="Test Company" if known else None,
    )
    tx.save(msgspec.structs.replace(tax_id, verification=verification), *_events(tax_id, "updated"))


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    customer = await owner(tx, params.customer)
    return make(tx, customer.id, params.type, params.value)


async def create_owned(tx: Tx, params: CreateOwnedParams) -> Record:
    """A tax id of the merchant's own, or of the customer that `owner` names."""
    return make(tx, await _holder(tx, params.owner), params.type, params.value)


async def list_owned(tx: Tx, params: ListParams) -> Wire:
    """Those of one owner: the merchant, if no other is named."""
    holder = await _holder(tx, params.owner) or SELF
    return page(await tx.all(TAX_ID, {"holder": holder}, limit=MOST_OWNED), params, "/v1/tax_ids")


async def _holder(tx: Tx, owner: OwnerParams) -> str | None:
    """The customer's id; None is the merchant itself."""
    if owner.type == "self":
        return None
    if owner.type != "customer":
        raise invalid("There are no connected accounts here: use `self` or `customer`.", "owner[type]")
    if owner.customer is None:
        raise missing("owner[customer]")
    customer = await tx.get(tx.registry.by_object["customer"], owner.customer, "owner[customer]")
    return str(customer.id)


async def retrieve_of_customer(tx: Tx, tax_id: Record, params: OfCustomer) -> Record:
    await owner(tx, params.customer)
    return check_owned(tax_id, params.customer, "tax id")


async def delete(tx: Tx, tax_id: Record, params: NoParams) -> Wire:
    tx.unschedule(JOB, tax_id.id)
    tx.delete(tax_id, *_events(tax_id, "deleted"))
    return {"id": tax_id.id, "object": "tax_id", "deleted": True}


async def delete_of_customer(tx: Tx, tax_id: Record, params: OfCustomer) -> Wire:
    await retrieve_of_customer(tx, tax_id, params)
    return await delete(tx, tax_id, NoParams())


OF_CUSTOMER = "/v1/customers/{customer}/tax_ids"
TAX_ID: Resource[Record] = Resource(
    object="tax_id",
    prefix="txi",
    noun="tax id",
    record=Record,
    shape=TaxId,
    doc="A number with a tax authority, a customer's or your own.",
    filters=(Filter("customer"), Filter("holder")),
    expands=("customer", "owner.customer", "owner.account", "owner.application"),
    verbs=(
        Verb(name="create_of_customer", method="POST", path=OF_CUSTOMER, run=create, params=CreateParams,
             kind="create"),
        listing(OF_CUSTOMER, Filter("customer"), name="list_of_customer"),
        Verb(name="retrieve_of_customer", method="GET", path=OF_CUSTOMER + "/{id}", run=retrieve_of_customer,
             params=OfCustomer, kind="retrieve"),
        Verb(name="delete_of_customer", method="DELETE", path=OF_CUSTOMER + "/{id}", run=delete_of_customer,
             params=OfCustomer, kind="delete"),
        Verb(name="create", method="POST", path="/v1/tax_ids", run=create_owned, params=CreateOwnedParams,
             kind="create"),
        Verb(name="list", method="GET", path="/v1/tax_ids", run=list_owned, params=ListParams, kind="list"),
        retrieve("/v1/tax_ids/{id}"),
        Verb(name="delete", method="DELETE", path="/v1/tax_ids/{id}", run=delete, kind="delete"),
    ),
    errors=("tax_id_invalid",),
)  # fmt: skip
RESOURCE = TAX_ID
