"""Dispute: a customer's bank takes a payment back, and the merchant answers.

When it opens, the network takes the amount from us and we take it, with the dispute fee, from the merchant's
available balance, which may go below zero. Until it is decided the amount stands on both sides of the books: the
network has it (`network:disputed`), and it is withheld from the merchant (`merchant:disputed`). A dispute that is
won gives the amount back; the fee is kept. An inquiry is a question that comes before: no money moves, the charge
may still be refunded, and the bank may escalate it to a dispute.

Time decides what nobody answers. A dispute is lost at the end of the eighth day (UTC) if no evidence was submitted.
Evidence that is not one of the published test texts is never read: after sixty days the bank's silence wins the
dispute. An inquiry that was not escalated ends after 120 days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from msgspec import UNSET

from nostro.balances import balance_transaction, reserve_hold
from nostro.balances.balance_transaction import BalanceTransaction, FeeDetail, Line
from nostro.balances.fx import Settle
from nostro.balances.reserve_release import SourceTransaction
from nostro.kernel.clock import DAY, midnight, utc_date
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import allocate
from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    View,
    Wire,
    listing,
    merge_metadata,
    public,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.networks import test_cards
from nostro.networks.test_cards import DisputeProgram, SimulatedCard
from nostro.risk import early_fraud_warning, review
from nostro.storage.tx import Tx

from . import dispute_evidence as evidences
from .dispute_evidence import NONE, Evidence
from .split import given_before

if TYPE_CHECKING:
    from .charge import Record as Charge

ANSWER_DAYS, DECISION_DAYS, INQUIRY_DAYS = 8, 60, 120
LATER = 5
Status = Literal[
    "lost", "needs_response", "under_review", "warning_closed", "warning_needs_response", "warning_under_review", "won",
]  # fmt: skip
SubmissionMethod = Literal["manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"]
# The networks' own codes: fraud without the card present, goods that did not come, and a request for information.
REASON_CODES = {
    ("visa", "fraudulent"): "10.4",
    ("visa", "product_not_received"): "13.1",
    ("mastercard", "fraudulent"): "4837",
    ("mastercard", "product_not_received"): "4853",
}
INQUIRY_CODE = "10"


class EvidenceDetails(Shape, frozen=True, kw_only=True):
    due_by: int
    has_evidence: bool = False
    past_due: bool = False
    submission_count: int = 0
    submission_method: Literal["manual", "not_submitted", "smart_disputes"] = "not_submitted"


class ShownDetails(EvidenceDetails, frozen=True, kw_only=True):
    """With what the networks' programmes still ask for."""

    enhanced_eligibility: dict[str, Any]


class Card(Shape, frozen=True, kw_only=True):
    brand: str
    case_type: Literal["block", "chargeback", "compliance", "inquiry", "resolution"]
    network: str
    network_reason_code: str | None = None


class PaymentMethodDetails(Shape, frozen=True, kw_only=True):
    card: Card
    type: Literal["card"] = "card"


class Dispute(Stored, frozen=True, kw_only=True):
    object: Literal["dispute"] = "dispute"
    amount: int
    balance_transactions: list[BalanceTransaction] = []
    charge: str
    currency: str
    enhanced_eligibility_types: list[str] = []
    evidence: Evidence = NONE
    evidence_details: EvidenceDetails
    intended_submission_method: SubmissionMethod | None = None
    is_charge_refundable: bool = False
    livemode: bool = False
    metadata: Metadata = {}
    network_reason_code: str | None = None
    payment_intent: str | None = None
    payment_method_details: PaymentMethodDetails
    reason: str
    status: Status


class Record(Dispute, frozen=True, kw_only=True, omit_defaults=True):
    """`fee` was taken with the amount; `token` is the network's, `program` what it offers beyond evidence.
    `settle` is the charge's, of which `before` was given back or disputed before."""

    merchant: str
    rail: str
    token: str
    fee: int = 0
    program: DisputeProgram | None = None
    settle: Settle | None = None
    before: int = 0


# Money -----------------------------------------------------------------------


def withdraw(d: Record) -> tuple[Posting, ...]:
    """The network takes the amount from us, we take it from the merchant, and the platform earns the dispute fee."""
    fee = (credit(chart.DISPUTE_FEES, d.fee, d.currency),) if d.fee else ()
    return (
        debit(chart.available(d.merchant), d.amount + d.fee, d.currency),
        credit(chart.withheld(d.merchant), d.amount, d.currency),
        *fee,
        debit(chart.disputed(d.rail), d.amount, d.currency),
        credit(chart.receivable(d.rail), d.amount, d.currency),
    )


def reinstate(d: Record) -> tuple[Posting, ...]:
    """The network gives the amount back, and the merchant has it again; the fee is kept."""
    return (
        debit(chart.receivable(d.rail), d.amount, d.currency),
        credit(chart.disputed(d.rail), d.amount, d.currency),
        debit(chart.withheld(d.merchant), d.amount, d.currency),
        credit(chart.available(d.merchant), d.amount, d.currency),
    )


def give_up(d: Record) -> tuple[Posting, ...]:
    """The network keeps the amount, and nothing is withheld from the merchant any more: it is gone."""
    return (
        debit(chart.withheld(d.merchant), d.amount, d.currency),
        credit(chart.disputed(d.rail), d.amount, d.currency),
    )


# Life ------------------------------------------------------------------------

M = Move[Record]
ASKED, REVIEWED = ("warning_needs_response", "needs_response"), ("warning_under_review", "under_review")
WARNING = ("warning_needs_response", "warning_under_review")
OPEN = ("needs_response", "under_review")
CLOSED = ("won", "lost", "warning_closed")
CREATED, UPDATED, ENDED = "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"
WITHDRAWN, REINSTATED = "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move      from                        to                        posts      emits
    M("inquire", (),                         "warning_needs_response", emits=(CREATED,), meaning="The bank asks."),
    M("open",    (),                         "needs_response",         withdraw,  (CREATED, WITHDRAWN), "Taken back."),
    M("explain", ("warning_needs_response",), "warning_under_review",  emits=(UPDATED,), meaning="The bank reads."),
    M("escalate", WARNING,                   "needs_response",         withdraw,  (UPDATED, WITHDRAWN),
      "The inquiry becomes a dispute."),
    M("let_be",  WARNING,                    "warning_closed",         emits=(ENDED,), meaning="Nothing came of it."),
    M("submit",  ("needs_response",),        "under_review",           emits=(UPDATED,), meaning="The bank reads."),
    M("win",     ("under_review",),          "won",                    reinstate, (REINSTATED, ENDED), "Given back."),
    M("lose",    OPEN,                       "lost",                   give_up,   (ENDED,), "Not given back."),
    rest=CLOSED,
)
# fmt: on


def _move(tx: Tx, dispute: Record, name: str, **changed: Any) -> Record:
    """A charge may be refunded while it is only asked about, and after a dispute was won."""
    move = LIFE[name]
    return tx.move(dispute, move, is_charge_refundable=move.target not in (*OPEN, "lost"), **changed)


# Opening ---------------------------------------------------------------------


async def open_all(tx: Tx, charge: Charge) -> None:
    """What the network sends about a charge: one dispute or inquiry, or several that share its amount.

    Raises nothing for a charge that was given back meanwhile: there is nothing left to dispute.
    """
    card, left = test_cards.card_of(charge.token), charge.amount - charge.amount_refunded
    made: list[Record] = []
    for amount in allocate(left, [1] * card.disputes):
        if amount:
            before = given_before(charge) + sum(one.amount for one in made) if charge.settle else 0
            made.append(_new(tx, charge, card, amount, before))
    if not made:
        return
    tx.save(msgspec.structs.replace(charge, disputed=True, dispute=made[0].id))
    if not card.inquiry:
        await _withdrawn(tx, charge, made[0].id)


async def _withdrawn(tx: Tx, charge: Charge, id: str) -> None:
    """What is held of the payment is needed now, and the bank has decided what a warning or a review was about."""
    await reserve_hold.reverse(tx, charge.id, 0, charge.amount, SourceTransaction(dispute=id, type="dispute"))
    await early_fraud_warning.settle(tx, charge.id)
    await review.close(tx, charge.review, "disputed")


def _new(tx: Tx, charge: Charge, card: SimulatedCard, amount: int, before: int) -> Record:
    dispute = Record(
        id=tx.new_id("du"),
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=amount,
        charge=charge.id,
        currency=charge.currency,
        enhanced_eligibility_types=evidences.eligible(card.dispute_program),
        evidence_details=EvidenceDetails(due_by=_due_by(tx.now)),
        intended_submission_method="prefer_smart_disputes" if card.dispute_program == "smart_disputes" else None,
        payment_intent=charge.payment_intent,
        reason=card.dispute or "general",
        status="needs_response",
        merchant=charge.merchant,
        rail=charge.rail,
        token=charge.token,
        program=card.dispute_program,
        settle=charge.settle,
        before=before,
        **_told(charge.token, inquiry=card.inquiry),
    )
    if not card.inquiry:
        return _taken(tx, dispute, "open", dispute.amount)
    tx.schedule("dispute.end", dispute.id, tx.now + INQUIRY_DAYS * DAY)
    return _move(tx, dispute, "inquire")


def _told(token: str, *, inquiry: bool) -> dict[str, Any]:
    """What the network says of the case: its type and its own code for the reason."""
    card = test_cards.card_of(token)
    code = INQUIRY_CODE if inquiry else REASON_CODES.get((card.brand, card.dispute or ""))
    case = "inquiry" if inquiry else "compliance" if card.dispute == "noncompliant" else "chargeback"
    details = Card(brand=card.brand, case_type=cast(Any, case), network=card.brand, network_reason_code=code)
    return {"network_reason_code": code, "payment_method_details": PaymentMethodDetails(card=details)}


def _due_by(now: int) -> int:
    """The last second of the eighth day, UTC."""
    return midnight(utc_date(now)) + (ANSWER_DAYS + 1) * DAY - 1


def _taken(tx: Tx, dispute: Record, move: str, amount: int, **changed: Any) -> Record:
    """The money goes, with the statement line that says so. The fee is the same number of minor units everywhere."""
    fee, currency = tx.world.settings.fees.dispute, dispute.currency
    details = (FeeDetail(amount=fee, currency=currency, description="Dispute fee"),) if fee else ()
    why = f"Chargeback withdrawal for {dispute.charge}"
    lines = [*dispute.balance_transactions, _line(tx, dispute, -amount, "dispute", why, details)]
    tx.schedule("dispute.end", dispute.id, _due_by(tx.now) + 1)
    return _move(tx, dispute, move, amount=amount, fee=fee, balance_transactions=lines, **changed)


def _line(
    tx: Tx, dispute: Record, amount: int, category: str, why: str, fees: tuple[FeeDetail, ...] = ()
) -> BalanceTransaction:
    line = balance_transaction.write(
        tx, Line(type="adjustment", amount=amount, currency=dispute.currency, source=dispute.id,
                 available_on=tx.now, fees=fees, description=why, reporting_category=category, settle=dispute.settle,
                 before=dispute.before),
    )  # fmt: skip
    return BalanceTransaction(**public(BalanceTransaction, line))


# Deciding --------------------------------------------------------------------


async def decide_job(tx: Tx, id: str) -> None:
    """Job `dispute.decide`: the bank has read the evidence, or let its time pass."""
    dispute = await tx.get(DISPUTE, id)
    text = dispute.evidence.uncategorized_text
    if dispute.status == "under_review":
        if text == test_cards.LOSING_EVIDENCE:
            _move(tx, dispute, "lose")
        else:
            _won(tx, dispute)
    elif dispute.status == "warning_under_review":
        if text == test_cards.ESCALATE_INQUIRY_EVIDENCE:
            await _escalate(tx, dispute)
        else:
            _move(tx, dispute, "let_be")


async def end_job(tx: Tx, id: str) -> None:
    """Job `dispute.end`: time is up. What was not answered is lost; an inquiry that was not escalated is over."""
    dispute = await tx.get(DISPUTE, id)
    if dispute.status in WARNING:
        _move(tx, dispute, "let_be")
    elif dispute.status == "needs_response":
        if dispute.intended_submission_method in ("smart_disputes", "prefer_smart_disputes"):
            _submit(tx, dispute, "smart_disputes")
        else:
            _move(tx, dispute, "lose")


def _won(tx: Tx, dispute: Record) -> Record:
    line = _line(tx, dispute, dispute.amount, "dispute_reversal", f"Chargeback reversal for {dispute.charge}")
    return _move(tx, dispute, "win", balance_transactions=[*dispute.balance_transactions, line])


async def _escalate(tx: Tx, dispute: Record) -> None:
    """What was refunded meanwhile is not taken again; the merchant may answer anew."""
    charge = cast("Charge", await tx.get(tx.registry.by_object["charge"], dispute.charge))
    left = min(dispute.amount, charge.amount - charge.amount_refunded)
    if left <= 0:
        _move(tx, dispute, "let_be")
        return
    tx.save(charge)  # a refund at this very moment meets a conflict, and then the dispute
    details = msgspec.structs.replace(dispute.evidence_details, due_by=_due_by(tx.now))
    dispute = msgspec.structs.replace(dispute, before=given_before(charge) if charge.settle else 0)
    _taken(tx, dispute, "escalate", left, evidence_details=details, **_told(dispute.token, inquiry=False))
    await _withdrawn(tx, charge, dispute.id)


# What refunds ask and tell ---------------------------------------------------


async def check_refundable(tx: Tx, charge: Charge) -> None:
    """Raises for a charge whose money the bank has taken back."""
    for dispute in await tx.all(DISPUTE, {"charge": charge.id}):
        if not dispute.is_charge_refundable:
            raise invalid(f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")


async def refunded(tx: Tx, charge: Charge) -> None:
    """The whole charge was given back: inquiries about it are over."""
    for dispute in await tx.all(DISPUTE, {"charge": charge.id}):
        if dispute.status in WARNING:
            _move(tx, dispute, "let_be")


# Verbs -----------------------------------------------------------------------


class UpdateParams(Params, frozen=True, kw_only=True):
    evidence: Evidence | Unset = UNSET
    intended_submission_method: SubmissionMethod | Unset = UNSET
    metadata: MetadataParam = UNSET
    submit: bool | Unset = UNSET


async def update(tx: Tx, dispute: Record, params: UpdateParams) -> Record:
    """Evidence is submitted as it is sent, unless `submit` is false: then it is kept to be submitted later."""
    _check_open(dispute)
    submit = params.submit if params.submit is not UNSET else params.evidence is not UNSET
    if dispute.status in REVIEWED and (submit or params.evidence is not UNSET):
        raise invalid("The evidence of this dispute has been submitted, and the bank is reading it: "
                      "it cannot be changed any more.", "evidence")  # fmt: skip
    method = dispute.intended_submission_method
    if params.intended_submission_method is not UNSET:
        method = params.intended_submission_method
        if "smart" in method and dispute.program != "smart_disputes":
            raise invalid("Smart Disputes is not available for this dispute.", "intended_submission_method",
                          "smart_disputes_not_available")  # fmt: skip
    evidence = dispute.evidence
    if params.evidence is not UNSET:
        evidence = await evidences.merged(tx, evidence, params.evidence)
    dispute = msgspec.structs.replace(
        dispute,
        evidence=evidence,
        evidence_details=msgspec.structs.replace(dispute.evidence_details, has_evidence=evidence.given),
        intended_submission_method=method,
        metadata=merge_metadata(dispute.metadata, params.metadata),
    )
    return _submit(tx, dispute, "manual") if submit else tx.save(dispute, UPDATED)


def _submit(tx: Tx, dispute: Record, method: Literal["manual", "smart_disputes"]) -> Record:
    if method == "manual":
        if not dispute.evidence.given:
            raise invalid("There is no evidence to submit.", "submit")
        evidences.check_acknowledged(dispute.program, dispute.evidence)
    inquiry = dispute.status == "warning_needs_response"
    text = dispute.evidence.uncategorized_text
    known = (test_cards.WINNING_EVIDENCE, test_cards.LOSING_EVIDENCE, test_cards.ESCALATE_INQUIRY_EVIDENCE)
    if text in known[: 3 if inquiry else 2]:
        tx.schedule("dispute.decide", dispute.id, tx.now + LATER)
    elif not inquiry:
        tx.schedule("dispute.decide", dispute.id, tx.now + DECISION_DAYS * DAY)
    old = dispute.evidence_details
    details = msgspec.structs.replace(
        old, submission_count=old.submission_count + 1, submission_method=method, past_due=tx.now > old.due_by
    )
    return _move(tx, dispute, "explain" if inquiry else "submit", evidence_details=details)


async def close(tx: Tx, dispute: Record, params: NoParams) -> Record:
    """Accept it. There is no way back."""
    _check_open(dispute)
    if dispute.status in REVIEWED:
        raise invalid(f"This dispute cannot be accepted any more: its status is {dispute.status}.")
    return _move(tx, dispute, "lose" if dispute.status == "needs_response" else "let_be")


def _check_open(dispute: Record) -> None:
    if dispute.status in CLOSED:
        raise invalid("This dispute is already closed.")


def render(_: View, dispute: Record) -> Wire:
    """With the empty fields of the evidence, and what the networks' programmes still ask for."""
    details = public(EvidenceDetails, dispute.evidence_details)
    details["enhanced_eligibility"] = evidences.eligibility(dispute.program, dispute.evidence)
    evidence = evidences.shown(dispute.evidence)
    return {**public(Dispute, dispute), "evidence": evidence, "evidence_details": details}


def example() -> Record:
    card = Card(brand="visa", case_type="chargeback", network="visa", network_reason_code="10.4")
    return Record(
        id="du_1",
        created=0,
        amount=2000,
        charge="ch_1",
        currency="usd",
        evidence_details=EvidenceDetails(due_by=0),
        payment_method_details=PaymentMethodDetails(card=card),
        reason="fraudulent",
        status="needs_response",
        merchant="acct_1",
        rail="card",
        token="dispute",
        fee=1500,
    )


BY_CHARGE, BY_INTENT = Filter("charge"), Filter("payment_intent")
_ID = "/v1/disputes/{id}"
DISPUTE: Resource[Record] = Resource(
    object="dispute",
    prefix="du",
    id_param="dispute",
    record=Record,
    shape=Dispute,
    life=LIFE,
    present=render,
    shown={"evidence_details": ShownDetails},
    example=example,
    doc="A payment that the customer's bank takes back, or asks about.",
    filters=(BY_CHARGE, BY_INTENT),
    expands=("charge", "payment_intent", *(f"evidence.{name}" for name in evidences.FILES)),
    verbs=(
        listing("/v1/disputes", BY_CHARGE, BY_INTENT),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="close", method="POST", path=f"{_ID}/close", run=close,
             summary="Accept the dispute: it is lost, or the inquiry is over."),
    ),
    errors=("smart_disputes_not_available",),
)  # fmt: skip
RESOURCE = DISPUTE
