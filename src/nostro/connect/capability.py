"""Capability: something that an account may do, once what is asked for it is given. A view of the account."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Unset, Verb, View, Wire, public
from nostro.storage.tx import Tx

from . import standing
from .profile import Capability, CapabilityShown, Record, shown
from .requirements import takes_payments
from .scope import enter

NAMES = frozenset(
    """
    acss_debit_payments affirm_payments afterpay_clearpay_payments alma_payments amazon_pay_payments
    app_distribution au_becs_debit_payments bacs_debit_payments bancontact_payments bank_transfer_payments
    billie_payments bizum_payments blik_payments blik_recurring_payments boleto_payments card_issuing card_payments
    cartes_bancaires_payments cashapp_payments crypto_payments eps_payments fpx_payments gb_bank_transfer_payments
    giropay_payments grabpay_payments ideal_payments india_international_payments jcb_payments
    jp_bank_transfer_payments kakao_pay_payments klarna_payments konbini_payments kr_card_payments legacy_payments
    link_payments mb_way_payments mobilepay_payments multibanco_payments mx_bank_transfer_payments
    naver_pay_payments nz_bank_account_becs_debit_payments oxxo_payments p24_payments pay_by_bank_payments
    payco_payments paynow_payments paypay_payments payto_payments pix_payments promptpay_payments
    revolut_pay_payments samsung_pay_payments satispay_payments scalapay_payments sepa_bank_transfer_payments
    sepa_debit_payments sequra_payments sofort_payments sunbit_payments swish_payments tax_reporting_us_1099_k
    tax_reporting_us_1099_misc transfers treasury twint_payments upi_payments us_bank_account_ach_payments
    us_bank_transfer_payments wero_payments zip_payments
    """.split()
)


def wanted(tx: Tx, account: Record, names: dict[str, bool]) -> Record:
    """The account with these capabilities requested, or no longer."""
    has = dict(account.has)
    for name, want in names.items():
        if name not in NAMES:
            raise invalid(f"Unknown capability: {name[:60]}", f"capabilities[{name[:60]}]")
        if want and takes_payments(name) and account.tos_acceptance.service_agreement == "recipient":
            raise invalid("An account under the recipient agreement takes no payments: it can have `transfers` only.",
                          f"capabilities[{name}]")  # fmt: skip
        known = has.get(name, Capability())
        if want and known.requested_at is None:
            has[name] = Capability(requested_at=tx.now, status="inactive")
        elif not want and name in has:
            has[name] = Capability()
    return msgspec.structs.replace(account, has=has)


class OfAccount(Params, frozen=True, kw_only=True):
    """`account` is the path's, and so is `capability`."""

    account: str


class Named(OfAccount, frozen=True, kw_only=True):
    capability: str


class UpdateParams(Named, frozen=True, kw_only=True):
    requested: bool | Unset = UNSET


async def _connected(tx: Tx) -> Record:
    account = await standing.own(tx)
    if account is None:
        raise invalid("Capabilities are those of connected accounts: this is your own.", "account")
    return account


async def list_(tx: Tx, params: OfAccount) -> Wire:
    account = await _connected(tx)
    data = [shown(account.id, name, one) for name, one in sorted(account.has.items())]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/accounts/{account.id}/capabilities"}


async def retrieve(tx: Tx, params: Named) -> CapabilityShown:
    account = await _connected(tx)
    if params.capability not in NAMES:
        error = no_such("capability", params.capability, "capability")
        error.status = 404
        raise error
    return shown(account.id, params.capability, account.has.get(params.capability, Capability()))


async def update(tx: Tx, params: UpdateParams) -> CapabilityShown:
    account = await _connected(tx)
    if params.requested is UNSET:
        return await retrieve(tx, Named(account=params.account, capability=params.capability))
    kept = await standing.look(tx, wanted(tx, account, {params.capability: params.requested}))
    assert kept is not None
    return shown(kept.id, params.capability, kept.has.get(params.capability, Capability()))


def render(_: View, capability: CapabilityShown) -> Wire:
    """Capabilities have no `created` in the API."""
    wire = public(CapabilityShown, capability)
    del wire["created"]
    return wire


_ALL = "/v1/accounts/{account}/capabilities"
_ONE = _ALL + "/{capability}"
CAPABILITY: Resource[CapabilityShown] = Resource(
    object="capability",
    prefix="capability",
    record=CapabilityShown,
    shape=CapabilityShown,
    present=render,
    shown={"created": UNSET},
    stored=False,
    expands=("account",),
    doc="Something that a connected account may do, and what is asked before it may.",
    verbs=(
        Verb(name="list", method="GET", path=_ALL, run=list_, params=OfAccount, within=enter,
             answers=list[CapabilityShown]),
        Verb(name="retrieve", method="GET", path=_ONE, run=retrieve, params=Named, within=enter),
        Verb(name="update", method="POST", path=_ONE, run=update, params=UpdateParams, within=enter),
    ),
)  # fmt: skip
RESOURCE = CAPABILITY
