"""What a merchant can say against a dispute, and which of the networks' enhanced programmes it qualifies for."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Params, Unset, Wire, changes
from nostro.networks.test_cards import DisputeProgram
from nostro.storage.tx import Tx

MOST_CHARACTERS = 20_000
MOST_CHARACTERS_TOGETHER = 150_000
PRIOR_TRANSACTIONS = 2
FILES = (
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
    "receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
)  # fmt: skip
ENHANCED = ("mastercard_compliance", "visa_compelling_evidence_3", "visa_compliance")


# The parts that stand as they were sent, in the request and in the record alike.


class Place(Params, frozen=True, kw_only=True):
    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class PriorTransaction(Params, frozen=True, kw_only=True):
    """A payment of the same customer that nobody disputed."""

    charge: str
    customer_account_id: str | None = None
    customer_device_fingerprint: str | None = None
    customer_device_id: str | None = None
    customer_email_address: str | None = None
    customer_purchase_ip: str | None = None
    product_description: str | None = None
    shipping_address: Place | None = None


class DisputedTransaction(Params, frozen=True, kw_only=True):
    customer_account_id: str | None = None
    customer_device_fingerprint: str | None = None
    customer_device_id: str | None = None
    customer_email_address: str | None = None
    customer_purchase_ip: str | None = None
    merchandise_or_services: Literal["merchandise", "services"] | None = None
    product_description: str | None = None
    shipping_address: Place | None = None

    @property
    def identified(self) -> bool:
        """Two marks of the customer, one of them the device or its address: the network's rule."""
        device = self.customer_device_id or self.customer_device_fingerprint
        marks = (device, self.customer_purchase_ip, self.customer_account_id, self.customer_email_address,
                 self.shipping_address)  # fmt: skip
        return bool(device or self.customer_purchase_ip) and sum(mark is not None for mark in marks) >= 2


class Compliance(Params, frozen=True, kw_only=True):
    """The network charges for countering a compliance dispute; the merchant says that it knows."""

    fee_acknowledged: bool = False


class CompellingEvidence(Params, frozen=True, kw_only=True):
    """Visa's Compelling Evidence 3.0: two undisputed payments of the same customer."""

    disputed_transaction: DisputedTransaction | None = None
    prior_undisputed_transactions: list[PriorTransaction] = []


class Enhanced(Params, frozen=True, kw_only=True):
    mastercard_compliance: Compliance | Unset = UNSET
    visa_compelling_evidence_3: CompellingEvidence | Unset = UNSET
    visa_compliance: Compliance | Unset = UNSET


class AppealCard(Params, frozen=True, kw_only=True):
    reason_for_filing: str | None = None
    supporting_files: list[str] | None = None


class Appeal(Params, frozen=True, kw_only=True):
    card: AppealCard | None = None


Text = str | None | Unset


class Evidence(Params, frozen=True, kw_only=True):
    """As it is sent and as it is stored: what was not said is not there; `shown` adds it."""

    access_activity_log: Text = UNSET
    appeal: Appeal | None | Unset = UNSET
    billing_address: Text = UNSET
    cancellation_policy: Text = UNSET
    cancellation_policy_disclosure: Text = UNSET
    cancellation_rebuttal: Text = UNSET
    customer_communication: Text = UNSET
    customer_email_address: Text = UNSET
    customer_name: Text = UNSET
    customer_purchase_ip: Text = UNSET
    customer_signature: Text = UNSET
    duplicate_charge_documentation: Text = UNSET
    duplicate_charge_explanation: Text = UNSET
    duplicate_charge_id: Text = UNSET
    enhanced_evidence: Enhanced | None | Unset = UNSET
    product_description: Text = UNSET
    receipt: Text = UNSET
    refund_policy: Text = UNSET
    refund_policy_disclosure: Text = UNSET
    refund_refusal_explanation: Text = UNSET
    service_date: Text = UNSET
    service_documentation: Text = UNSET
    shipping_address: Text = UNSET
    shipping_carrier: Text = UNSET
    shipping_date: Text = UNSET
    shipping_documentation: Text = UNSET
    shipping_tracking_number: Text = UNSET
    uncategorized_file: Text = UNSET
    uncategorized_text: Text = UNSET

    @property
    def given(self) -> bool:
        return self != NONE


NONE = Evidence()


def shown(evidence: Evidence) -> Wire:
    """On the wire every field is there, but an appeal that was never made."""
    wire: Wire = {name: value or None for name, value in msgspec.structs.asdict(evidence).items()}
    wire["enhanced_evidence"] = evidence.enhanced_evidence or {}
    if evidence.appeal is UNSET:
        del wire["appeal"]
    return wire


async def merged(tx: Tx, old: Evidence, given: Evidence) -> Evidence:
    """The evidence with what was sent laid over it. Raises for files or charges that are not there."""
    fields: dict[str, Any] = {name: UNSET if value is None else value for name, value in changes(given).items()}
    for name in FILES:
        if fields.get(name):
            file: Any = await tx.get(tx.registry.by_object["file"], fields[name], f"evidence[{name}]")
            if file.purpose not in ("dispute_evidence", "customer_signature"):
                raise invalid(
                    f"The file {file.id} was uploaded for {file.purpose}: upload it again with the purpose "
                    "dispute_evidence.", f"evidence[{name}]",
                )  # fmt: skip
    if fields.get("duplicate_charge_id"):
        charges = tx.registry.by_object["charge"]
        await tx.get(charges, fields["duplicate_charge_id"], "evidence[duplicate_charge_id]")
    if given.enhanced_evidence:
        fields["enhanced_evidence"] = _enhanced(old.enhanced_evidence or Enhanced(), given.enhanced_evidence)
    evidence = msgspec.structs.replace(old, **fields)
    _check_length(evidence)
    return evidence


def _enhanced(old: Enhanced, given: Enhanced) -> Enhanced:
    proof = given.visa_compelling_evidence_3
    if proof is not UNSET and len(proof.prior_undisputed_transactions) > PRIOR_TRANSACTIONS:
        raise invalid(
            f"There can be {PRIOR_TRANSACTIONS} prior undisputed transactions.",
            "evidence[enhanced_evidence][visa_compelling_evidence_3][prior_undisputed_transactions]",
        )
    return msgspec.structs.replace(old, **changes(given))


def _check_length(evidence: Evidence) -> None:
    texts = {name: value for name, value in msgspec.structs.asdict(evidence).items() if isinstance(value, str)}
    for name, value in texts.items():
        if len(value) > MOST_CHARACTERS:
            raise invalid(f"Evidence can have up to {MOST_CHARACTERS} characters a field, but {name} has {len(value)}.",
                          f"evidence[{name}]")  # fmt: skip
    together = sum(map(len, texts.values()))
    if together > MOST_CHARACTERS_TOGETHER:
        raise invalid(
            f"Evidence can have up to {MOST_CHARACTERS_TOGETHER} characters together, and this has {together}.",
            "evidence",
        )


# Enhanced programmes ---------------------------------------------------------


def eligible(program: DisputeProgram | None) -> list[str]:
    """The enhanced programmes that a dispute may be countered under."""
    return [program] if program in ENHANCED else []


def eligibility(program: DisputeProgram | None, evidence: Evidence) -> Wire:
    """`evidence_details.enhanced_eligibility`: what the programme still asks for."""
    enhanced = evidence.enhanced_evidence or Enhanced()
    if program == "visa_compelling_evidence_3":
        missing = _missing(enhanced.visa_compelling_evidence_3 or CompellingEvidence())
        return {program: {"required_actions": missing, "status": "requires_action" if missing else "qualified"}}
    if program == "visa_compliance" or program == "mastercard_compliance":
        acknowledged = getattr(enhanced, program) is not UNSET and getattr(enhanced, program).fee_acknowledged
        return {program: {"status": "fee_acknowledged" if acknowledged else "requires_fee_acknowledgement"}}
    return {}


def _missing(proof: CompellingEvidence) -> list[str]:
    disputed = proof.disputed_transaction or DisputedTransaction()
    prior = proof.prior_undisputed_transactions
    described = all(transaction.product_description for transaction in prior)
    wanted = (
        ("missing_customer_identifiers", disputed.identified),
        ("missing_disputed_transaction_description", disputed.product_description),
        ("missing_merchandise_or_services", disputed.merchandise_or_services),
        ("missing_prior_undisputed_transaction_description", prior and described),
        ("missing_prior_undisputed_transactions", len(prior) == PRIOR_TRANSACTIONS),
    )
    return [name for name, there in wanted if not there]


def check_acknowledged(program: DisputeProgram | None, evidence: Evidence) -> None:
    """Raises for a compliance dispute whose network fee the merchant has not acknowledged."""
    for status in eligibility(program, evidence).values():
        if status["status"] == "requires_fee_acknowledgement":
            raise invalid(
                "Countering a compliance dispute costs a network fee: acknowledge it before you submit evidence.",
                f"evidence[enhanced_evidence][{program}][fee_acknowledged]",
            )
