"""Refund: money given back to a customer from a captured charge.

The amount leaves the merchant's available balance at once and waits in the rail's `refunds_payable` until the
network reports; the balance may go below zero. A refund may still fail after it succeeded, because a closed
card sends the money back weeks later: that is the `bounce` move. The fee of the charge is not given back.
A hold that is released also shows as a refund; no money moves for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from msgspec import UNSET

from nostro.balances import balance_transaction, reserve_hold
from nostro.balances.balance_transaction import Line
from nostro.balances.fx import Settle
from nostro.balances.reserve_release import SourceTransaction
from nostro.connect.scope import platform_of
from nostro.kernel.errors import invalid, missing
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import text
from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Stored,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.rails.rail import rail_of
from nostro.storage.tx import Tx

from . import application_fee, dispute, follow_up, transfer_reversal
from .rules import check_carried
from .split import given_before, proportional
from .transfer import TRANSFER

if TYPE_CHECKING:
    from .charge import Record as Charge

Status = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]
LATER = 5
FAILURE = "lost_or_stolen_card"


class Refund(Stored, frozen=True, kw_only=True):
    object: Literal["refund"] = "refund"
    amount: int
    balance_transaction: str | None = None
    charge: str | None = None
    currency: str
    customer: str | None = None
    customer_account: str | None = None
    destination_details: dict[str, Any] | None = None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    metadata: Metadata = {}
    payment_intent: str | None = None
    payment_method: str | None = None
    pending_reason: Literal["charge_pending", "insufficient_funds", "processing"] | None = None
    reason: Literal["duplicate", "expired_uncaptured_charge", "fraudulent", "requested_by_customer"] | None = None
    receipt_number: str | None = None
    source_transfer_reversal: str | None = None
    status: Status
    transfer_reversal: str | None = None


class Record(Refund, frozen=True, kw_only=True, omit_defaults=True):
    """`token` is the network's, which decides in test mode how the refund ends; `settle` is the charge's, and `before`
    what was refunded of it before, of which a converted amount takes account."""

    merchant: str
    rail: str
    token: str
    settle: Settle | None = None
    before: int = 0


# Money -----------------------------------------------------------------------


def take_from_merchant(r: Record) -> tuple[Posting, ...]:
    """The merchant gives the amount up; the network has yet to pay it."""
    return (
        debit(chart.available(r.merchant), r.amount, r.currency),
        credit(chart.refunds_payable(r.rail), r.amount, r.currency),
    )


def pay_to_network(r: Record) -> tuple[Posting, ...]:
    """The network pays the customer and owes us that much less."""
    return (
        debit(chart.refunds_payable(r.rail), r.amount, r.currency),
        credit(chart.receivable(r.rail), r.amount, r.currency),
    )


def take_and_pay(r: Record) -> tuple[Posting, ...]:
    """Both at once, when the network answers at once."""
    return (
        debit(chart.available(r.merchant), r.amount, r.currency),
        credit(chart.receivable(r.rail), r.amount, r.currency),
    )


def give_back(r: Record) -> tuple[Posting, ...]:
    """The network never paid: the merchant has the amount again."""
    return (
        debit(chart.refunds_payable(r.rail), r.amount, r.currency),
        credit(chart.available(r.merchant), r.amount, r.currency),
    )


def take_back_from_network(r: Record) -> tuple[Posting, ...]:
    """The network returns what it had paid."""
    return (
        debit(chart.receivable(r.rail), r.amount, r.currency),
        credit(chart.available(r.merchant), r.amount, r.currency),
    )


# Life ------------------------------------------------------------------------

M = Move[Record]
OPEN = ("pending", "requires_action")
# The second name is the older one for the same news; programs listen to either.
CHANGED = ("refund.updated", "charge.refund.updated")
FAILED = ("refund.failed", *CHANGED)
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move            from           to           posts                   emits
    M("succeed_now",   (),            "succeeded", take_and_pay,           ("refund.created",), "Paid at once."),
    M("give_back_transfer", (),       "succeeded", emits=("refund.created",),
      meaning="Of a payment that came by transfer: the reversal moves the money."),
    M("release",       (),            "succeeded", emits=("refund.created",), meaning="A hold given back; no money."),
    M("create",        (),            "pending",   take_from_merchant,     ("refund.created",), "Sent to the network."),
    M("await_details", (),            "requires_action", take_from_merchant, ("refund.created",),
      "The customer must say where to send the money."),
    M("succeed",       OPEN,          "succeeded", pay_to_network,         CHANGED, "The network paid."),
    M("fail",          OPEN,          "failed",    give_back,              FAILED, "The network refused."),
    M("bounce",        ("succeeded",), "failed",   take_back_from_network, FAILED, "Paid, then returned."),
    M("cancel",        OPEN[1:],      "canceled",  give_back,              CHANGED, "Given up in time."),
    rest=("succeeded", "failed", "canceled"),
)
# fmt: on


# What payments call ----------------------------------------------------------


def release(tx: Tx, charge: Charge, amount: int, reason: Any = None, **given: Any) -> Record:
    """Show a released hold as a refund; the ledger's part is the charge's own."""
    refund = _new(tx, charge, amount, reason, **given)
    return tx.move(refund, LIFE["release"], destination_details=_destination(charge))


def _new(tx: Tx, charge: Charge, amount: int, reason: Any, id: str = "", **given: Any) -> Record:
    return Record(
        id=id or tx.new_id("re"), created=tx.now, amount=amount, charge=charge.id, currency=charge.currency,
        payment_intent=charge.payment_intent, reason=reason, status="pending", merchant=charge.merchant,
        rail=charge.rail, token=charge.token, settle=charge.settle, **given,
    )  # fmt: skip


def _destination(charge: Charge) -> dict[str, Any]:
    if charge.rail != "card":
        return {"type": charge.rail, charge.rail: {}}
    kind = "refund" if charge.captured else "reversal"
    card: dict[str, Any] = {"type": kind}
    if kind == "refund":
        card |= {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
    return {"card": card, "type": "card"}


def give(tx: Tx, charge: Charge, amount: int, reason: Any = None, **given: Any) -> Record:
    """Refund `amount` of a captured charge: the statement line, the money, and the charge's own totals."""
    before = given_before(charge) if charge.settle else 0
    refund = _new(tx, charge, amount, reason, destination_details=_destination(charge), before=before, **given)
    line = _line(tx, refund, "refund", -amount, f"REFUND FOR CHARGE ({charge.description or charge.id})")
    fate = rail_of(tx, charge.rail).refund_fate(charge.token)
    if fate == "succeeds_later":
        refund = tx.move(refund, LIFE["create"], balance_transaction=line, pending_reason="processing")
        tx.schedule("refund.settle", refund.id, tx.now + LATER)
    else:
        refund = tx.move(refund, LIFE["succeed_now"], balance_transaction=line)
        if fate == "fails_later":
            tx.schedule("refund.bounce", refund.id, tx.now + LATER)
    total = charge.amount_refunded + amount
    tx.save(msgspec.structs.replace(charge, amount_refunded=total, refunded=total >= charge.amount), "charge.refunded")
    return refund


def _line(tx: Tx, refund: Record, type: Literal["refund", "refund_failure"], amount: int, why: str) -> str:
    kind = rail_of(tx, refund.rail).refund_type if type == "refund" else type
    return balance_transaction.write(
        tx, Line(type=kind, amount=amount, currency=refund.currency, source=refund.id, available_on=tx.now,
                 description=why, settle=refund.settle, before=refund.before),
    ).id  # fmt: skip


async def _undo(tx: Tx, refund: Record, move: str, **changed: Any) -> Record:
    """A refund that did not reach the customer: the money and the charge's totals go back."""
    line = _line(tx, refund, "refund_failure", refund.amount, f"REFUND FAILURE ({refund.id})")
    moved = tx.move(refund, LIFE[move], failure_balance_transaction=line, pending_reason=None, **changed)
    if refund.charge:
        charge = cast("Charge", await tx.get(tx.registry.by_object["charge"], refund.charge))
        left = charge.amount_refunded - refund.amount
        tx.save(
            msgspec.structs.replace(charge, amount_refunded=left, refunded=left >= charge.amount),
            "charge.updated",
        )
    return moved


async def settle_job(tx: Tx, id: str) -> None:
    """Job `refund.settle`: the network reports that it paid."""
    refund = await tx.get(REFUND, id)
    if refund.status == "pending":
        tx.move(refund, LIFE["succeed"], pending_reason=None)


async def bounce_job(tx: Tx, id: str) -> None:
    """Job `refund.bounce`: the network returns what it had paid."""
    refund = await tx.get(REFUND, id)
    if refund.status == "succeeded":
        await _undo(tx, refund, "bounce", failure_reason=FAILURE)


# Verbs -----------------------------------------------------------------------


class CreateParams(Params, frozen=True, kw_only=True):
    amount: int | None = None
    charge: str | None = None
    currency: str | None = None
    customer: str | None = None
    instructions_email: str | None = None
    metadata: dict[str, str | None] | None = None
    origin: Literal["customer_balance"] | None = None
    payment_intent: str | None = None
    reason: Reason | None = None
    refund_application_fee: bool | None = None
    reverse_transfer: bool | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    metadata: MetadataParam = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    charge = await _charge_of(tx, params)
    left = charge.amount - charge.amount_refunded
    if charge.refunded or left == 0:
        raise invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if charge.disputed:
        await dispute.check_refundable(tx, charge)
    amount = left if params.amount is None else params.amount
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    check_carried(amount, charge.currency)
    if amount > left:
        raise invalid(
            f"Refund amount ({text(amount, charge.currency)}) is greater than unrefunded amount on charge "
            f"({text(left, charge.currency)})", "amount", "amount_too_large",
        )  # fmt: skip
    metadata = merge_metadata({}, params.metadata)
    if charge.source_transfer is not None:
        return await _of_transfer(tx, charge, amount, params, metadata)
    id = tx.new_id("re")
    reversed = await _reverse(tx, charge, amount, id) if params.reverse_transfer else None
    if params.refund_application_fee:
        await _refund_fee(tx, charge, amount)
    charge = await tx.get(tx.registry.by_object["charge"], charge.id)  # its transfer was taken back
    refund = give(tx, charge, amount, params.reason, id=id, metadata=metadata, transfer_reversal=reversed)
    await reserve_hold.reverse(tx, charge.id, left - amount, charge.amount, SourceTransaction(refund=id, type="refund"))
    await follow_up.refunded(tx, charge.id, fraud=params.reason == "fraudulent")
    return refund


async def _reverse(tx: Tx, charge: Charge, amount: int, id: str) -> str | None:
    """Take the refund's share of the charge's transfer back."""
    if not charge.transfer:
        raise invalid("Cannot set reverse_transfer: this charge has no transfer. Reverse transfers that were made "
                      "by hand with their own reversals.", "reverse_transfer")  # fmt: skip
    made = await tx.get(TRANSFER, charge.transfer)
    share = proportional(made.amount, given_before(charge), amount, charge.amount_captured)
    share = min(share, made.amount - made.amount_reversed)
    return (await transfer_reversal.make(tx, made, share, source_refund=id)).id if share else None


async def _refund_fee(tx: Tx, charge: Charge, amount: int) -> None:
    """Give the account the refund's share of the application fee back."""
    platform = await platform_of(tx)
    id = charge.application_fee
    if id is None:
        raise invalid("Cannot set refund_application_fee: this charge has no application fee.",
                      "refund_application_fee")  # fmt: skip
    fee = await platform.get(application_fee.APPLICATION_FEE, id)
    share = proportional(fee.amount, given_before(charge), amount, charge.amount_captured)
    share = min(share, fee.amount - fee.amount_refunded)
    if share:
        await application_fee.give_back(platform, fee, share)


async def _of_transfer(tx: Tx, charge: Charge, amount: int, params: CreateParams, metadata: Metadata) -> Record:
    """The account gives back what a transfer brought: the platform has it again."""
    platform, id = await platform_of(tx), tx.new_id("pyr")
    if params.reverse_transfer:
        raise invalid("Cannot set reverse_transfer: refunding this payment is what reverses its transfer.",
                      "reverse_transfer")  # fmt: skip
    made = await platform.get(TRANSFER, charge.source_transfer or "")
    if params.refund_application_fee:
        await transfer_reversal.refund_fee(platform, made, made.amount_reversed, amount)
    await transfer_reversal.make(platform, made, amount, source_refund=id, covered=made.available_on <= tx.now)
    refund = await tx.get(REFUND, id)
    return tx.save(msgspec.structs.replace(refund, metadata=metadata, reason=params.reason))


async def _charge_of(tx: Tx, params: CreateParams) -> Charge:
    charges, intents = tx.registry.by_object["charge"], tx.registry.by_object["payment_intent"]
    if params.origin is not None:
        raise invalid("Refunding from a customer's cash balance needs `customer` and cash that was sent.", "origin")
    if params.charge is None and params.payment_intent is None:
        raise missing("payment_intent")
    if params.charge is not None and params.payment_intent is not None:
        raise invalid("You may only specify one of these parameters: charge, payment_intent.")
    id = params.charge
    if id is None:
        intent = await tx.get(intents, params.payment_intent or "", "payment_intent")
        if intent.latest_charge is None or intent.status != "succeeded":
            raise invalid(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund: "
                f"its status is {intent.status}.", "payment_intent", "payment_intent_unexpected_state",
            )  # fmt: skip
        id = intent.latest_charge
    charge = cast("Charge", await tx.get(charges, id, "charge"))
    if charge.state == "authorized":
        raise invalid(
            "This charge is not captured yet: cancel its PaymentIntent to release it." if charge.payment_intent
            else "This charge is not captured yet: capture it first, or let it expire.",
            "charge", "charge_not_refundable",
        )  # fmt: skip
    if charge.state == "failed":
        raise invalid(f"Charge {charge.id} failed: there is nothing to refund.", "charge", "charge_not_refundable")
    return charge


async def update(tx: Tx, refund: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(refund.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(refund, metadata=metadata), *CHANGED)


async def cancel(tx: Tx, refund: Record, params: NoParams) -> Record:
    if refund.status != "requires_action":
        raise invalid(
            f"This refund has a status of {refund.status}; only one that requires action can be canceled.",
            code="refund_not_cancelable",
        )  # fmt: skip
    return await _undo(tx, refund, "cancel")


async def expire(tx: Tx, refund: Record, params: NoParams) -> Record:
    """Test helper: the customer did not say in time where to send the money."""
    if refund.status != "requires_action":
        raise invalid(f"Only a refund that requires action can expire; this one is {refund.status}.")
    return await _undo(tx, refund, "fail", failure_reason="expired_or_canceled_card")


def example() -> Record:
    return Record(
        id="re_1", created=0, amount=500, currency="usd", charge="ch_1", status="pending", merchant="acct_1",
        rail="card", token="visa",
    )  # fmt: skip


BY_CHARGE, BY_INTENT = Filter("charge"), Filter("payment_intent")
REFUND: Resource[Record] = Resource(
    object="refund",
    prefix="re",
    also=("pyr",),
    record=Record,
    shape=Refund,
    life=LIFE,
    example=example,
    doc="Money given back to a customer from a captured charge.",
    filters=(BY_CHARGE, BY_INTENT),
    expands=("balance_transaction", "charge", "failure_balance_transaction", "payment_intent", "payment_method",
             "customer", "source_transfer_reversal", "transfer_reversal"),
    elsewhere={"source_transfer_reversal": ""},
    verbs=(
        Verb(name="create", method="POST", path="/v1/refunds", run=create, params=CreateParams, kind="create"),
        listing("/v1/refunds", BY_CHARGE, BY_INTENT),
        retrieve("/v1/refunds/{id}"),
        Verb(name="update", method="POST", path="/v1/refunds/{id}", run=update, params=UpdateParams),
        Verb(name="cancel", method="POST", path="/v1/refunds/{id}/cancel", run=cancel),
        Verb(name="expire", method="POST", path="/v1/test_helpers/refunds/{id}/expire", run=expire, dev_only=True),
        listing("/v1/charges/{charge}/refunds", BY_CHARGE, name="list_of_charge"),
    ),
    errors=("charge_already_refunded", "charge_disputed", "amount_too_large", "charge_not_refundable",
            "refund_not_cancelable", "payment_intent_unexpected_state"),
)  # fmt: skip
RESOURCE = REFUND
