"""Early fraud warnings: actionable until the payment was given back or disputed."""

from __future__ import annotations

import pytest
import stripe

from nostro.payments import follow_up
from nostro.storage.tx import Tx
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from till import Till

WARNED = "pm_card_createIssuerFraudRecord"


@pytest.fixture
def till(nostro: Sandbox, client: stripe.StripeClient) -> Till:
    return Till(nostro, client)


def test_an_issuer_warns(till: Till) -> None:
    charge = till.pay(WARNED)
    warnings = till.client.v1.radar.early_fraud_warnings
    [warning] = warnings.list({"charge": charge.id}).data
    assert (warning.actionable, warning.fraud_type) == (True, "misc")
    assert (warning.charge, warning.payment_intent) == (charge.id, charge.payment_intent)
    assert warnings.retrieve(warning.id, {"expand": ["charge"]}).id == warning.id
    assert warnings.list({"payment_intent": charge.payment_intent}).data[0].id == warning.id
    assert till.events("radar.") == ["radar.early_fraud_warning.created"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        warnings.retrieve("issfr_none")
    assert caught.value.http_status == 404


def test_it_waits_for_the_capture(till: Till) -> None:
    charge = till.pay(WARNED, capture_method="manual")
    assert till.events("radar.") == []
    till.client.v1.payment_intents.capture(charge.payment_intent)
    till.nostro.settle()
    assert till.events("radar.") == ["radar.early_fraud_warning.created"]


def test_a_full_refund_settles_it(till: Till) -> None:
    charge = till.pay(WARNED, amount=5000)
    warnings = till.client.v1.radar.early_fraud_warnings
    till.client.v1.refunds.create({"charge": charge.id, "amount": 1000})
    assert warnings.list().data[0].actionable is True
    till.client.v1.refunds.create({"charge": charge.id})
    assert warnings.list().data[0].actionable is False
    assert till.events("radar.")[-1] == "radar.early_fraud_warning.updated"


def test_a_dispute_settles_warning_and_review(till: Till, server: Server) -> None:
    """No test card does all three, so the jobs that a rail would ask for are put on by hand."""
    from nostro.controls.api_key import sandbox
    from nostro.events.work import perform

    charge = till.pay("pm_card_createDisputeInquiry")

    async def warn(tx: Tx) -> None:
        await follow_up.warning_job(tx, charge.id)
        await follow_up.review_job(tx, charge.id)

    async def run() -> None:
        await perform(server.world, await sandbox(server.world, till.nostro.key.split("_", 2)[2]), warn)

    server.run(run())
    [inquiry] = till.client.v1.disputes.list().data
    evidence = {"uncategorized_text": "escalate_inquiry_evidence"}
    till.client.v1.disputes.update(inquiry.id, {"evidence": evidence})  # type: ignore[typeddict-item]
    assert till.client.v1.radar.early_fraud_warnings.list().data[0].actionable is True
    till.nostro.advance(10)
    assert till.client.v1.radar.early_fraud_warnings.list().data[0].actionable is False
    review = till.client.v1.charges.retrieve(charge.id, {"expand": ["review"]}).review
    assert review is not None and not isinstance(review, str)
    assert review.closed_reason == "disputed"
