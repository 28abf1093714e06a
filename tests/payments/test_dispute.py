"""Disputes: opened by test cards, answered, won and lost by the published evidence or by time."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from nostro.payments.dispute_evidence import FILES
from nostro.testing.sandbox import Sandbox
from till import Till

FEE = 1500


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def opened(till: Till, card: str = "pm_card_createDispute", **more: Any) -> Any:
    charge = till.pay(card, **more)
    return till.client.v1.disputes.list({"charge": charge.id}).data[0]


def answer(till: Till, dispute: Any, text: str) -> Any:
    """Submit a published text, and wait for what the bank says."""
    update: Any = {"evidence": {"uncategorized_text": text}}
    submitted = till.client.v1.disputes.update(dispute.id, update)
    assert submitted.status.endswith("under_review")
    till.nostro.advance(10)
    return till.client.v1.disputes.retrieve(dispute.id)


def test_a_dispute_takes_the_amount_and_a_fee(till: Till) -> None:
    dispute = opened(till, amount=5000)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 5000)
    assert dispute.payment_method_details.card.case_type == "chargeback"
    assert dispute.network_reason_code == dispute.payment_method_details.card.network_reason_code == "10.4"
    assert dispute.is_charge_refundable is False
    assert dispute.id.startswith("du_")
    [line] = dispute.balance_transactions
    assert (line.amount, line.fee, line.net) == (-5000, FEE, -5000 - FEE)
    assert (line.type, line.reporting_category, line.source) == ("adjustment", "dispute", dispute.id)
    assert [detail.description for detail in line.fee_details] == ["Dispute fee"]
    assert till.available() == -5000 - FEE
    charge = till.client.v1.charges.retrieve(dispute.charge)
    assert charge.disputed is True
    assert till.events("charge.") == ["charge.succeeded", "charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_it_is_due_at_the_end_of_the_eighth_day(till: Till) -> None:
    dispute = opened(till)
    due = datetime.fromtimestamp(dispute.evidence_details.due_by, UTC)
    made = datetime.fromtimestamp(dispute.created, UTC)
    assert (due.hour, due.minute, due.second) == (23, 59, 59)
    assert (due.date() - made.date()).days == 8


def test_winning_evidence_gives_the_amount_back_but_not_the_fee(till: Till) -> None:
    dispute = answer(till, opened(till, amount=5000), "winning_evidence")
    assert dispute.status == "won"
    assert [line.reporting_category for line in dispute.balance_transactions] == ["dispute", "dispute_reversal"]
    assert [line.net for line in dispute.balance_transactions] == [-5000 - FEE, 5000]
    assert till.available() == -FEE
    assert till.events("charge.dispute.")[2:] == [
        "charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed",
    ]  # fmt: skip
    assert dispute.is_charge_refundable is True
    refund = till.client.v1.refunds.create({"charge": dispute.charge})
    assert refund.status == "succeeded"


def test_losing_evidence_loses(till: Till) -> None:
    dispute = answer(till, opened(till), "losing_evidence")
    assert dispute.status == "lost"
    assert len(dispute.balance_transactions) == 1
    assert till.events("charge.dispute.")[-1] == "charge.dispute.closed"
    assert till.events("charge.dispute.funds_reinstated") == []


def test_nobody_answers(till: Till) -> None:
    dispute = opened(till)
    till.nostro.advance(days=8)
    assert till.client.v1.disputes.retrieve(dispute.id).status == "needs_response"
    till.nostro.advance(days=1)
    assert till.client.v1.disputes.retrieve(dispute.id).status == "lost"


def test_the_bank_never_answers(till: Till) -> None:
    """Evidence that is no published text is read by nobody: the bank's time runs out."""
    dispute = answer(till, opened(till, amount=5000), "The customer signed for it.")
    assert dispute.status == "under_review"
    till.nostro.advance(days=61)
    assert till.client.v1.disputes.retrieve(dispute.id).status == "won"


def test_accepting_a_dispute_loses_it(till: Till) -> None:
    dispute = opened(till)
    closed = till.client.v1.disputes.close(dispute.id)
    assert closed.status == "lost"
    for call in (till.client.v1.disputes.close, till.client.v1.disputes.update):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            call(dispute.id)


def test_evidence_is_staged_and_then_submitted(till: Till) -> None:
    disputes = till.client.v1.disputes
    dispute = opened(till)
    staged = disputes.update(
        dispute.id, {"evidence": {"customer_name": "Ada", "receipt": ""}, "submit": False, "metadata": {"case": "7"}}
    )
    assert staged.status == "needs_response"
    assert staged.evidence.customer_name == "Ada"
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (True, 0)
    assert staged.evidence_details.submission_method == "not_submitted"
    assert staged.metadata["case"] == "7"
    submitted = disputes.update(dispute.id, {"submit": True})
    assert submitted.status == "under_review"
    assert (submitted.evidence_details.submission_count, submitted.evidence_details.past_due) == (1, False)
    assert submitted.evidence_details.submission_method == "manual"
    with pytest.raises(stripe.InvalidRequestError, match="has been submitted"):
        disputes.update(dispute.id, {"evidence": {"customer_name": "Eve"}})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be accepted"):
        disputes.close(dispute.id)
    assert disputes.update(dispute.id, {"metadata": {"case": "8"}}).status == "under_review"


def test_every_field_of_evidence(till: Till) -> None:
    dispute = opened(till)
    content = io.BytesIO(b"%PDF-1.4 receipt")
    content.name = "receipt.pdf"
    file = till.client.v1.files.create({"purpose": "dispute_evidence", "file": content})
    fields = [name for name in dispute.evidence.to_dict() if name not in ("enhanced_evidence", "duplicate_charge_id")]
    assert len(fields) == 26
    evidence: Any = {name: file.id if name in FILES else f"about {name}" for name in fields}
    evidence["duplicate_charge_id"] = till.pay().id
    evidence["appeal"] = {"card": {"reason_for_filing": "error", "supporting_files": [file.id]}}
    updated = till.client.v1.disputes.update(
        dispute.id, {"evidence": evidence, "submit": False, "expand": ["evidence.receipt"]}
    )
    assert updated.evidence.receipt.id == file.id
    for name in fields:
        if name != "receipt":
            assert updated.evidence[name] == evidence[name]
    assert updated.evidence.appeal.card.reason_for_filing == "error"


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"evidence": {"receipt": "file_none"}}, "evidence[receipt]"),
        ({"evidence": {"duplicate_charge_id": "ch_none"}}, "evidence[duplicate_charge_id]"),
        ({"evidence": {"uncategorized_text": "x" * 20_001}}, "evidence[uncategorized_text]"),
        ({"evidence": {"nonsense": "x"}}, "evidence[nonsense]"),
        ({"submit": True}, "submit"),
        ({"intended_submission_method": "smart_disputes"}, "intended_submission_method"),
    ],
)
def test_wrong_evidence(till: Till, form: Any, param: str) -> None:
    dispute = opened(till)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.disputes.update(dispute.id, form)
    assert caught.value.param == param
    assert till.client.v1.disputes.retrieve(dispute.id).evidence_details.has_evidence is False


def test_evidence_has_a_longest_length_together(till: Till) -> None:
    texts = (
        "access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_name",
        "product_description", "refund_policy_disclosure", "refund_refusal_explanation", "uncategorized_text",
    )  # fmt: skip
    evidence: Any = dict.fromkeys(texts, "x" * 19_000)
    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        till.client.v1.disputes.update(opened(till).id, {"evidence": evidence})


def test_goods_that_did_not_come(till: Till) -> None:
    dispute = opened(till, "pm_card_createDisputeProductNotReceived")
    assert (dispute.reason, dispute.network_reason_code) == ("product_not_received", "13.1")


def test_several_disputes_share_the_amount(till: Till) -> None:
    charge = till.pay("pm_card_createMultipleDisputes", 4001)
    found = till.client.v1.disputes.list({"payment_intent": charge.payment_intent}).data
    assert sorted(dispute.amount for dispute in found) == [2000, 2001]
    assert till.available() == -4001 - 2 * FEE
    answer(till, found[0], "winning_evidence")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_disputed"


# Refunds ---------------------------------------------------------------------


def test_a_disputed_charge_cannot_be_refunded(till: Till) -> None:
    dispute = opened(till)
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back; cannot issue a refund") as caught:
        till.client.v1.refunds.create({"charge": dispute.charge})
    assert caught.value.code == "charge_disputed"


def test_what_was_refunded_before_is_not_disputed(till: Till) -> None:
    """The network hears of the payment at its capture; a part was released before."""
    intent: Any = till.client.v1.payment_intents.create(
        {"amount": 5000, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True,
         "capture_method": "manual"}
    )  # fmt: skip
    till.nostro.settle()
    assert till.client.v1.disputes.list().data == []
    till.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    till.nostro.settle()
    [dispute] = till.client.v1.disputes.list().data
    assert dispute.amount == 3000


# Inquiries -------------------------------------------------------------------


def test_an_inquiry_moves_no_money(till: Till) -> None:
    dispute = opened(till, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.payment_method_details.card.case_type == "inquiry"
    assert dispute.balance_transactions == []
    assert till.available() == 0
    assert till.events("charge.dispute.") == ["charge.dispute.created"]


def test_an_inquiry_is_escalated(till: Till) -> None:
    inquiry = opened(till, "pm_card_createDisputeInquiry", amount=5000)
    till.client.v1.refunds.create({"charge": inquiry.charge, "amount": 1000})
    dispute = answer(till, inquiry, "escalate_inquiry_evidence")
    assert (dispute.id, dispute.status) == (inquiry.id, "needs_response")
    assert dispute.amount == 4000
    assert dispute.payment_method_details.card.case_type == "chargeback"
    assert till.available() == -5000 - FEE
    assert till.events("charge.dispute.")[-1] == "charge.dispute.funds_withdrawn"
    assert answer(till, dispute, "winning_evidence").status == "won"


@pytest.mark.parametrize("text", ["winning_evidence", "losing_evidence"])
def test_an_answered_inquiry_is_closed(till: Till, text: str) -> None:
    dispute = answer(till, opened(till, "pm_card_createDisputeInquiry"), text)
    assert (dispute.status, dispute.balance_transactions) == ("warning_closed", [])
    assert till.events("charge.dispute.")[-1] == "charge.dispute.closed"


def test_an_inquiry_ends_by_time(till: Till) -> None:
    dispute = opened(till, "pm_card_createDisputeInquiry")
    till.nostro.advance(days=30)
    late = till.client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}})
    assert (late.status, late.evidence_details.past_due) == ("warning_under_review", True)
    till.nostro.advance(days=91)
    assert till.client.v1.disputes.retrieve(dispute.id).status == "warning_closed"


def test_a_full_refund_ends_an_inquiry(till: Till) -> None:
    dispute = opened(till, "pm_card_createDisputeInquiry", amount=5000)
    till.client.v1.refunds.create({"charge": dispute.charge, "amount": 2000})
    assert till.client.v1.disputes.retrieve(dispute.id).status == "warning_needs_response"
    till.client.v1.refunds.create({"charge": dispute.charge})
    assert till.client.v1.disputes.retrieve(dispute.id).status == "warning_closed"


# The networks' programmes ----------------------------------------------------


def test_compelling_evidence(till: Till) -> None:
    dispute = opened(till, "pm_card_createCe3EligibleDispute")
    assert dispute.enhanced_eligibility_types == ["visa_compelling_evidence_3"]
    wanted = dispute.evidence_details.enhanced_eligibility.visa_compelling_evidence_3
    assert wanted.status == "requires_action"
    assert "missing_prior_undisputed_transactions" in wanted.required_actions
    prior = [till.pay().id for _ in range(2)]
    proof: Any = {
        "disputed_transaction": {
            "customer_purchase_ip": "203.0.113.7", "customer_email_address": "ada@example.com",
            "merchandise_or_services": "services", "product_description": "A year of engines",
        },
        "prior_undisputed_transactions": [{"charge": id, "product_description": "A month"} for id in prior],
    }  # fmt: skip
    evidence: Any = {"enhanced_evidence": {"visa_compelling_evidence_3": proof}}
    updated = till.client.v1.disputes.update(dispute.id, {"evidence": evidence, "submit": False})
    status: Any = updated.evidence_details.enhanced_eligibility.visa_compelling_evidence_3
    assert (status.status, status.required_actions) == ("qualified", [])
    shown: Any = updated.evidence.enhanced_evidence.visa_compelling_evidence_3
    assert [one.charge for one in shown.prior_undisputed_transactions] == prior


@pytest.mark.parametrize(
    ("card", "programme"),
    [("pm_card_createComplianceDispute", "visa_compliance"),
     ("pm_card_createMastercardComplianceDispute", "mastercard_compliance")],
)  # fmt: skip
def test_a_compliance_dispute_wants_its_fee_acknowledged(till: Till, card: str, programme: str) -> None:
    dispute = opened(till, card)
    assert (dispute.reason, dispute.payment_method_details.card.case_type) == ("noncompliant", "compliance")
    with pytest.raises(stripe.InvalidRequestError, match="acknowledge"):
        till.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    evidence: Any = {"enhanced_evidence": {programme: {"fee_acknowledged": True}}}
    updated: Any = till.client.v1.disputes.update(dispute.id, {"evidence": evidence, "submit": False})
    assert updated.evidence_details.enhanced_eligibility[programme].status == "fee_acknowledged"
    assert answer(till, dispute, "winning_evidence").status == "won"


def test_a_smart_dispute_answers_by_itself(till: Till) -> None:
    dispute = opened(till, "pm_card_createAutoRepresentmentEligibleDispute")
    assert dispute.intended_submission_method == "prefer_smart_disputes"
    till.nostro.advance(days=9)
    submitted = till.client.v1.disputes.retrieve(dispute.id)
    assert (submitted.status, submitted.evidence_details.submission_method) == ("under_review", "smart_disputes")


# Currencies ------------------------------------------------------------------


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 5000), ("kwd", 5000), ("eur", 5000)])
def test_the_fee_is_the_same_number_of_minor_units_everywhere(till: Till, currency: str, amount: int) -> None:
    dispute = opened(till, amount=amount, currency=currency)
    assert dispute.balance_transactions[0].net == -amount - FEE
    assert till.available(currency) == -amount - FEE
    answer(till, dispute, "winning_evidence")
    assert till.available(currency) == -FEE


def test_lists_and_unknown_ids(till: Till) -> None:
    dispute = opened(till)
    found = till.client.v1.disputes.list({"payment_intent": dispute.payment_intent, "expand": ["data.charge"]}).data
    assert [one.charge.id for one in found] == [dispute.charge]
    assert till.client.v1.disputes.list({"charge": "ch_other"}).data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        till.client.v1.disputes.retrieve("du_none")
    assert (caught.value.http_status, caught.value.param, caught.value.code) == (404, "dispute", "resource_missing")
