"""What `nostro trigger` does for each event: requests in order. Data only.

In a path or a value, `{payment_intent.id}` is a field of what an earlier step answered under that name.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Step(Struct, frozen=True):
    """One request. Its answer is kept as `name`; with `declined` a refusal by the card network is expected."""

    name: str
    path: str
    params: dict[str, Any] = {}
    method: Literal["POST", "GET", "DELETE"] = "POST"
    declined: bool = False


def pay(card: str = "pm_card_visa", declined: bool = False, **more: Any) -> Step:
    """Create and confirm a payment of 20.00 with one of the test cards."""
    params = {
        "amount": 2000, "currency": "usd", "payment_method": card, "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, **more,
    }  # fmt: skip
    return Step("payment_intent", "/v1/payment_intents", params, declined=declined)


def set_up(card: str = "pm_card_visa", declined: bool = False) -> Step:
    params = {
        "payment_method": card, "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }  # fmt: skip
    return Step("setup_intent", "/v1/setup_intents", params, declined=declined)


def of_intent(verb: str, **params: Any) -> Step:
    return Step("payment_intent", f"/v1/payment_intents/{{payment_intent.id}}/{verb}", params)


def advance(days: int) -> Step:
    """Move the sandbox's time ahead; what comes due on the way happens."""
    return Step("sandbox", "/v1/test_helpers/sandbox/advance", {"seconds": days * 86_400})


CUSTOMER = Step("customer", "/v1/customers", {"name": "Jenny Rosen", "email": "jenny@example.com"})
INTENT = Step("payment_intent", "/v1/payment_intents", {"amount": 2000, "currency": "usd"})
SETUP = Step("setup_intent", "/v1/setup_intents", {"payment_method_types": ["card"]})
ATTACH = Step("payment_method", "/v1/payment_methods/pm_card_visa/attach", {"customer": "{customer.id}"})
REFUND = Step("refund", "/v1/refunds", {"payment_intent": "{payment_intent.id}"})
CHARGE = "{payment_intent.latest_charge}"
RICH = pay("pm_card_bypassPending", amount=50_000)  # its money is available at once
PAYOUT = Step("payout", "/v1/payouts", {"amount": 1000, "currency": "usd"})
DISPUTED = pay("pm_card_createDispute")
SETTLE = Step("sandbox", "/v1/test_helpers/sandbox/settle")
DECIDED = Step("sandbox", "/v1/test_helpers/sandbox/advance", {"seconds": 60})
REVIEWED = pay("pm_card_riskLevelElevated")
REVIEWS = Step("reviews", "/v1/reviews", {"limit": 1}, method="GET")
WARNED = pay("pm_card_createIssuerFraudRecord")
ACCOUNT = Step("account", "/v1/account", method="GET")
BAD_BANK = Step(  # an account number that refuses every payout
    "bank_account", "/v1/accounts/{account.id}/external_accounts",
    {"external_account": {"object": "bank_account", "country": "US", "currency": "usd",
                          "routing_number": "110000000", "account_number": "000111111116"}},
)  # fmt: skip
BANK = Step("bank_account", BAD_BANK.path, {"external_account": "btok_us_verified"})
DISPUTES = Step("disputes", "/v1/disputes", {"payment_intent": "{payment_intent.id}"}, method="GET")

SELLER = Step(  # all that is asked of an account, by the published test values
    "account", "/v1/accounts",
    {"type": "custom", "country": "US", "business_type": "individual",
     "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
     "business_profile": {"mcc": "5734", "url": "https://seller.example"},
     "individual": {"first_name": "Jenny", "last_name": "Rosen", "email": "jenny@example.com",
                    "phone": "+15125550100", "dob": {"day": 1, "month": 1, "year": 1901}, "ssn_last_4": "0000",
                    "address": {"line1": "address_full_match", "city": "Austin", "state": "TX",
                                "postal_code": "78701"}},
     "external_account": "btok_us_verified", "tos_acceptance": {"date": 1_700_000_000, "ip": "203.0.113.7"}},
)  # fmt: skip
SOLD = (
    SELLER,
    pay("pm_card_bypassPending", transfer_data={"destination": "{account.id}"}, application_fee_amount=200),
    Step("charge", f"/v1/charges/{CHARGE}", method="GET"),
)
FEE, SENT = "/v1/application_fees/{charge.application_fee}", "/v1/transfers/{charge.transfer}"
FEE_BACK = Step("fee_refund", f"{FEE}/refunds")


def answer(evidence: str) -> Step:
    """Contest the dispute with one of the texts that decide it."""
    params = {"evidence": {"uncategorized_text": evidence}, "submit": True}
    return Step("dispute", "/v1/disputes/{disputes.data.0.id}", params)


FIXTURES: dict[str, tuple[Step, ...]] = {
    "account.external_account.created": (ACCOUNT, BANK),
    "application_fee.created": SOLD,
    "application_fee.refund.updated": (
        *SOLD, FEE_BACK, Step("fee_refund", f"{FEE}/refunds/{{fee_refund.id}}", {"metadata": {"order": "6735"}}),
    ),
    "application_fee.refunded": (*SOLD, FEE_BACK),
    "balance.available": (pay(), advance(5)),
    "charge.captured": (pay(capture_method="manual"), of_intent("capture")),
    "charge.dispute.closed": (DISPUTED, SETTLE, DISPUTES, answer("losing_evidence"), DECIDED),
    "charge.dispute.created": (DISPUTED, SETTLE),
    "charge.dispute.funds_reinstated": (DISPUTED, SETTLE, DISPUTES, answer("winning_evidence"), DECIDED),
    "charge.dispute.funds_withdrawn": (DISPUTED, SETTLE),
    "charge.dispute.updated": (DISPUTED, SETTLE, DISPUTES, answer("winning_evidence"), SETTLE),
    "charge.expired": (pay(capture_method="manual"), advance(8)),
    "charge.failed": (pay("pm_card_visa_chargeDeclined", declined=True),),
    "charge.refund.updated": (
        pay(), REFUND, Step("refund", "/v1/refunds/{refund.id}", {"metadata": {"order": "6735"}}),
    ),
    "charge.refunded": (pay(), REFUND),
    "charge.succeeded": (pay(),),
    "charge.updated": (
        pay(), Step("charge", f"/v1/charges/{CHARGE}", {"metadata": {"order": "6735"}}),
    ),
    "cash_balance.funds_available": (
        CUSTOMER,
        Step("transaction", "/v1/test_helpers/customers/{customer.id}/fund_cash_balance",
             {"amount": 5000, "currency": "usd"}),
    ),
    "customer.created": (CUSTOMER,),
    "customer.source.created": (
        CUSTOMER, Step("source", "/v1/customers/{customer.id}/sources", {"source": "tok_visa"}),
    ),
    "customer.deleted": (CUSTOMER, Step("customer", "/v1/customers/{customer.id}", method="DELETE")),
    "customer.updated": (CUSTOMER, Step("customer", "/v1/customers/{customer.id}", {"name": "Jenny Doe"})),
    "payment_intent.amount_capturable_updated": (pay(capture_method="manual"),),
    "payment_intent.canceled": (INTENT, of_intent("cancel")),
    "payment_intent.created": (INTENT,),
    "payment_intent.payment_failed": (pay("pm_card_visa_chargeDeclined", declined=True),),
    "payment_intent.requires_action": (pay("pm_card_authenticationRequired"),),
    "payment_intent.succeeded": (pay(),),
    "payment_method.attached": (CUSTOMER, ATTACH),
    "payment_method.detached": (
        CUSTOMER, ATTACH, Step("payment_method", "/v1/payment_methods/{payment_method.id}/detach"),
    ),
    "payment_method.updated": (
        CUSTOMER, ATTACH,
        Step("payment_method", "/v1/payment_methods/{payment_method.id}", {"metadata": {"order": "6735"}}),
    ),
    "payout.canceled": (RICH, PAYOUT, Step("payout", "/v1/payouts/{payout.id}/cancel")),
    "payout.created": (RICH, PAYOUT),
    "payout.failed": (
        RICH, ACCOUNT, BANK, BAD_BANK,  # the good one first, so that it stays where payouts go by default
        Step("payout", "/v1/payouts", {"amount": 1000, "currency": "usd", "destination": "{bank_account.id}"}),
        advance(7),
    ),
    "payout.paid": (RICH, PAYOUT, advance(7)),
    "payout.updated": (
        RICH, PAYOUT, Step("payout", "/v1/payouts/{payout.id}", {"metadata": {"order": "6735"}}),
    ),
    "radar.early_fraud_warning.created": (WARNED, SETTLE),
    "radar.early_fraud_warning.updated": (WARNED, SETTLE, REFUND),
    "refund.created": (pay(), REFUND),
    "refund.failed": (pay("pm_card_refundFail"), REFUND, advance(1)),
    "refund.updated": (pay(), REFUND, Step("refund", "/v1/refunds/{refund.id}", {"metadata": {"order": "6735"}})),
    "review.closed": (
        REVIEWED, SETTLE, REVIEWS, Step("review", "/v1/reviews/{reviews.data.0.id}/approve"),
    ),
    "review.opened": (REVIEWED, SETTLE),
    "setup_intent.canceled": (SETUP, Step("setup_intent", "/v1/setup_intents/{setup_intent.id}/cancel")),
    "setup_intent.created": (SETUP,),
    "setup_intent.requires_action": (set_up("pm_card_authenticationRequired"),),
    "setup_intent.setup_failed": (set_up("pm_card_visa_chargeDeclined", declined=True),),
    "setup_intent.succeeded": (set_up(),),
    "transfer.created": SOLD,
    "transfer.reversed": (*SOLD, Step("transfer_reversal", f"{SENT}/reversals", {"amount": 500})),
    "transfer.updated": (*SOLD, Step("transfer", SENT, {"metadata": {"order": "6735"}})),
}  # fmt: skip
