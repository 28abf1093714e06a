"""What comes after a payment: the jobs that a rail asks for, and what a refund means for them.

A network speaks of a payment only once it is captured: until then, a dispute or a warning waits in the charge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from nostro.balances import reserve_hold
from nostro.balances.settings import settings_of
from nostro.risk import early_fraud_warning, review
from nostro.storage.tx import Tx

from . import dispute

if TYPE_CHECKING:
    from .charge import Record as Charge

HOLD = "review.hold"


async def _charge(tx: Tx, id: str) -> Charge:
    return cast("Charge", await tx.get(tx.registry.by_object["charge"], id))


async def _captured(tx: Tx, id: str, job: str) -> Charge | None:
    """The charge if it is captured and not given back. One that is held has the job wait for its capture."""
    charge = await _charge(tx, id)
    if charge.state == "authorized":
        tx.save(msgspec.structs.replace(charge, at_capture=[*charge.at_capture, job]))
    return charge if charge.state == "captured" and not charge.refunded else None


async def dispute_job(tx: Tx, id: str) -> None:
    """Job `dispute.open`: the customer has gone to the bank."""
    charge = await _captured(tx, id, "dispute.open")
    if charge is not None and not charge.disputed:
        await dispute.open_all(tx, charge)


async def warning_job(tx: Tx, id: str) -> None:
    """Job `early_fraud_warning.open`: the card's issuer believes that this is fraud."""
    charge = await _captured(tx, id, "early_fraud_warning.open")
    if charge is None:
        return
    warning = early_fraud_warning.issue(tx, charge.id, charge.payment_intent)
    policy = (await settings_of(tx)).policy.risk_holds
    if policy.early_fraud_warning and charge.balance_transaction is not None:
        line = charge.balance_transaction
        await reserve_hold.hold_payment(tx, charge.id, line, "early_fraud_warning", warning.id, policy.days)


async def review_job(tx: Tx, id: str) -> None:
    """Job `review.open`: a rule let the payment pass, for a person to look at."""
    charge = await _charge(tx, id)
    if charge.state not in ("authorized", "captured") or charge.refunded:
        return
    address = charge.billing_details.address
    opened = review.open_(tx, charge.id, charge.payment_intent, address.postal_code if address else None)
    tx.save(msgspec.structs.replace(charge, review=opened.id))
    if charge.payment_intent is not None:
        intent = await tx.get(tx.registry.by_object["payment_intent"], charge.payment_intent)
        tx.save(msgspec.structs.replace(intent, review=opened.id))
    tx.schedule(HOLD, charge.id, tx.now)


async def hold_job(tx: Tx, id: str) -> None:
    """Job `review.hold`: a captured payment's money is held while it is looked at, if the platform wants that."""
    policy = (await settings_of(tx)).policy.risk_holds
    charge = await _captured(tx, id, HOLD) if policy.review else None
    opened = await tx.find(review.REVIEW, charge.review) if charge is not None and charge.review else None
    if charge is not None and charge.balance_transaction is not None and opened is not None and opened.open:
        await reserve_hold.hold_payment(tx, charge.id, charge.balance_transaction, "review", opened.id, policy.days)


async def refunded(tx: Tx, id: str, *, fraud: bool) -> None:
    """A charge was given back. If nothing of it is left, whatever was open about it is settled."""
    charge = await _charge(tx, id)
    if not charge.refunded:
        return
    await early_fraud_warning.settle(tx, charge.id)
    await review.close(tx, charge.review, "refunded_as_fraud" if fraud else "refunded")
    if charge.disputed:
        await dispute.refunded(tx, charge)
