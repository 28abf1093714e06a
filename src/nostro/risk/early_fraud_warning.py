"""Early fraud warning: a card issuer says that a payment is probably fraud. A dispute may follow. No money moves,
unless the platform's policy holds the payment's money meanwhile.

It is actionable, by giving the money back, until the payment is disputed or wholly refunded.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.balances import reserve_hold
from nostro.kernel.resource import Filter, Resource, Stored, listing, retrieve
from nostro.storage.tx import Tx

FraudType = Literal[
    "card_never_received", "fraudulent_card_application", "made_with_counterfeit_card", "made_with_lost_card",
    "made_with_stolen_card", "misc", "unauthorized_use_of_card",
]  # fmt: skip


class EarlyFraudWarning(Stored, frozen=True, kw_only=True):
    object: Literal["radar.early_fraud_warning"] = "radar.early_fraud_warning"
    actionable: bool = False
    charge: str
    fraud_type: FraudType
    livemode: bool = False
    payment_intent: str | None = None


class Record(EarlyFraudWarning, frozen=True, kw_only=True, omit_defaults=True):
    """All of it is public."""


def issue(tx: Tx, charge: str, payment_intent: str | None, fraud_type: FraudType = "misc") -> Record:
    """A new warning about a charge."""
    return tx.save(
        Record(
            id=tx.new_id("issfr"),
            created=tx.now,
            livemode=tx.scope.livemode,
            actionable=True,
            charge=charge,
            fraud_type=fraud_type,
            payment_intent=payment_intent,
        ),
        "radar.early_fraud_warning.created",
    )


async def settle(tx: Tx, charge: str) -> None:
    """The charge was disputed or given back: there is nothing left to do about its warnings."""
    for warning in await tx.all(EARLY_FRAUD_WARNING, {"charge": charge}):
        if warning.actionable:
            await reserve_hold.lift(tx, warning.id)
            tx.save(msgspec.structs.replace(warning, actionable=False), "radar.early_fraud_warning.updated")


BY_CHARGE, BY_INTENT = Filter("charge"), Filter("payment_intent")
EARLY_FRAUD_WARNING: Resource[Record] = Resource(
    object="radar.early_fraud_warning",
    noun="early fraud warning",
    prefix="issfr",
    id_param="early_fraud_warning",
    record=Record,
    shape=EarlyFraudWarning,
    doc="A card issuer's word that a payment is probably fraud.",
    filters=(BY_CHARGE, BY_INTENT),
    expands=("charge", "payment_intent"),
    verbs=(
        listing("/v1/radar/early_fraud_warnings", BY_CHARGE, BY_INTENT),
        retrieve("/v1/radar/early_fraud_warnings/{id}"),
    ),
)
RESOURCE = EARLY_FRAUD_WARNING
