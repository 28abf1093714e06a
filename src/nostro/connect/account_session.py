"""Account session: lets a connected account's holder use parts of the dashboard inside the platform's own page.

Nothing of it is kept: the client secret is random, and no embedded component of ours asks for it yet.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, View, Wire, public
from nostro.storage.tx import Tx

from . import standing
from .scope import enter

LASTS = 3600
_LOGIN = ("disable_stripe_user_authentication", "external_account_collection")
_CARDS = ("card_management", "card_spend_dispute_management", "cardholder_management", "spend_control_management")
_DISPUTES = ("destination_on_behalf_of_charge_management", "dispute_management", "refund_management",
             "smart_disputes_management")  # fmt: skip
_PAYMENTS = ("capture_payments", *_DISPUTES)
_PAYOUTS = (*_LOGIN, "edit_payout_schedule", "instant_payouts", "standard_payouts")
# The features of each component. One is on by default if it is named in ON, else off.
FEATURES: dict[str, tuple[str, ...]] = {
    "account_management": _LOGIN, "account_onboarding": _LOGIN, "balance_report": (), "balances": _PAYOUTS,
    "disputes_list": _PAYMENTS, "documents": (),
    "financial_account": (*_LOGIN, "send_money", "transfer_balance"),
    "financial_account_transactions": ("card_spend_dispute_management",),
    "instant_payouts_promotion": (*_LOGIN, "instant_payouts"), "issuing_card": _CARDS,
    "issuing_cards_list": (*_CARDS, "disable_stripe_user_authentication"), "notification_banner": _LOGIN,
    "payment_details": _PAYMENTS, "payment_disputes": _DISPUTES,
    "payment_method_settings": ("disable_stripe_user_authentication",), "payments": _PAYMENTS, "payout_details": (),
    "payout_reconciliation_report": (), "payouts": _PAYOUTS, "payouts_list": (), "reporting_chart": (),
    "tax_registrations": (), "tax_settings": (), "terminal_hardware_orders": (), "terminal_hardware_shop": (),
}  # fmt: skip
ON = {"capture_payments", "dispute_management", "external_account_collection", "refund_management"}


class Component(Shape, frozen=True, kw_only=True):
    enabled: bool = False
    features: dict[str, bool]


class AccountSession(Stored, frozen=True, kw_only=True):
    object: Literal["account_session"] = "account_session"
    account: str
    client_secret: str
    components: dict[str, Component]
    expires_at: int
    livemode: bool


class ComponentParams(Params, frozen=True, kw_only=True):
    enabled: bool
    features: dict[str, bool] = {}


class CreateParams(Params, frozen=True, kw_only=True):
    account: str
    components: dict[str, ComponentParams]


async def create(tx: Tx, params: CreateParams) -> AccountSession:
    for name, given in params.components.items():
        if name not in FEATURES:
            raise invalid(f"Unknown component: {name[:60]}", f"components[{name[:60]}]")
        for feature in given.features:
            if feature not in FEATURES[name]:
                param = f"components[{name}][features][{feature[:60]}]"
                raise invalid(f"The component {name} has no such feature: {feature[:60]}", param)
    await enter(tx, params.account)
    if await standing.own(tx) is None:
        raise invalid("You cannot make an account session for your own account.", "account")
    return AccountSession(
        id="",
        created=tx.now,
        account=tx.merchant,
        client_secret=f"accs_secret__{tx.world.ids.word(48)}",
        components={name: _component(name, params.components.get(name)) for name in FEATURES},
        expires_at=tx.now + LASTS,
        livemode=tx.scope.livemode,
    )


def _component(name: str, given: ComponentParams | None) -> Component:
    features = {feature: feature in ON for feature in FEATURES[name]}
    if given is None:
        return Component(features=features)
    return Component(enabled=given.enabled, features={**features, **given.features})


def render(_: View, session: AccountSession) -> Wire:
    wire = public(AccountSession, session)
    del wire["id"], wire["created"]
    return wire


ACCOUNT_SESSION: Resource[AccountSession] = Resource(
    object="account_session",
    prefix="accs",
    record=AccountSession,
    shape=AccountSession,
    present=render,
    shown={"id": UNSET, "created": UNSET},
    stored=False,
    doc="Lets the holder of a connected account use parts of the dashboard inside your own page.",
    verbs=(Verb(name="create", method="POST", path="/v1/account_sessions", run=create, params=CreateParams),),
)
RESOURCE = ACCOUNT_SESSION
