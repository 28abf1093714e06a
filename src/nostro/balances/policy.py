"""Policy: what the platform allows and does with a merchant's balance, beyond what Stripe's settings can say.

advances          how much of what is pending may be had early, for what fee
instant_payouts   how many a day, and of how much
risk_holds        whether a review or an early fraud warning holds its payment's money
settlement        whether money of a currency without a bank account is converted
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import NoParams, Params, Resource, Stored, Unset, Verb, View, Wire, changes, public
from nostro.storage.tx import Tx

from .settings import settings_of
from .terms import Advances, InstantPayouts, Percent, Policy, RiskHolds, Settlement

Days = Annotated[int, Meta(ge=1, le=365)]
Count = Annotated[int, Meta(ge=0)]


class BalancePolicy(Stored, frozen=True, kw_only=True):
    """Its id and moment are not shown."""

    object: Literal["balance.policy"] = "balance.policy"
    advances: Advances
    instant_payouts: InstantPayouts
    livemode: bool
    risk_holds: RiskHolds
    settlement: Settlement


class AdvancesParams(Params, frozen=True, kw_only=True):
    default_days: Days | Unset = UNSET
    fee_basis_points: Annotated[int, Meta(ge=0, le=5000)] | Unset = UNSET
    percent: Percent | Unset = UNSET


class InstantPayoutsParams(Params, frozen=True, kw_only=True):
    daily_amount_by_currency: dict[str, Count] | Unset = UNSET
    daily_count: Count | Unset = UNSET


class RiskHoldsParams(Params, frozen=True, kw_only=True):
    days: Days | Unset = UNSET
    early_fraud_warning: bool | Unset = UNSET
    review: bool | Unset = UNSET


class SettlementParams(Params, frozen=True, kw_only=True):
    convert: bool | Unset = UNSET
    currency: str | Unset = UNSET


class UpdateParams(Params, frozen=True, kw_only=True):
    advances: AdvancesParams | Unset = UNSET
    instant_payouts: InstantPayoutsParams | Unset = UNSET
    risk_holds: RiskHoldsParams | Unset = UNSET
    settlement: SettlementParams | Unset = UNSET


async def retrieve(tx: Tx, params: NoParams) -> BalancePolicy:
    return _shown(tx, (await settings_of(tx)).policy)


async def update(tx: Tx, params: UpdateParams) -> BalancePolicy:
    settings = await settings_of(tx)
    given: dict[str, Any] = {
        name: msgspec.structs.replace(getattr(settings.policy, name), **changes(value))
        for name, value in changes(params).items()
    }
    policy = msgspec.structs.replace(settings.policy, **given)
    if policy.settlement.currency is not None:
        _check_currency(policy.settlement.currency, "settlement[currency]")
    for currency in policy.instant_payouts.daily_amount_by_currency:
        _check_currency(currency, "instant_payouts[daily_amount_by_currency]")
    tx.save(msgspec.structs.replace(settings, policy=policy))
    return _shown(tx, policy)


def _check_currency(currency: str, param: str) -> None:
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}", param)


def _shown(tx: Tx, policy: Policy) -> BalancePolicy:
    settlement = msgspec.structs.replace(policy.settlement, convert=policy.settlement.converts(tx.scope.connected))
    return BalancePolicy(
        id="policy", created=tx.now, advances=policy.advances, instant_payouts=policy.instant_payouts,
        livemode=tx.scope.livemode, risk_holds=policy.risk_holds, settlement=settlement,
    )  # fmt: skip


def render(_: View, policy: BalancePolicy) -> Wire:
    wire = public(BalancePolicy, policy)
    del wire["id"], wire["created"]
    return wire


_PATH = "/v1/balance/policy"
POLICY: Resource[BalancePolicy] = Resource(
    object="balance.policy",
    prefix="policy",
    record=BalancePolicy,
    shape=BalancePolicy,
    present=render,
    shown={"id": UNSET, "created": UNSET},
    stored=False,
    doc="What the platform allows and does with a balance: early access, instant payouts, holds by risk, settlement. "
    "Beyond Stripe's API.",
    verbs=(
        Verb(name="retrieve", method="GET", path=_PATH, run=retrieve, kind="retrieve"),
        Verb(name="update", method="POST", path=_PATH, run=update, params=UpdateParams),
    ),
)
RESOURCE = POLICY
