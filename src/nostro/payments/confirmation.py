"""Confirming an intent: ask the rail's network, and write what it answered.

    accepted   a charge, captured or held; the intent succeeds or waits for capture
    challenge  nothing is charged; the customer authenticates first, then the network is asked again
    declined   a failed charge where the network made one; the intent wants another method, the answer is 402

The built-in networks are pure functions that answer at once, so the question and its report are one unit.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.kernel.errors import ApiError, card_error, invalid
from nostro.rails.rail import Accepted, Attempt, Declined, Rail, rail_of
from nostro.storage.tx import Tx

from . import charge as charges
from . import payment_method as methods
from .charge import Record as Charge
from .intent import LIFE, Record
from .payment_method import Record as Method

AUTHENTICATION_FAILED = "payment_intent_authentication_failure"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How this one confirmation is to be done."""

    off_session: bool = False
    error_on_requires_action: bool = False
    return_url: str | None = None
    supplied: tuple[str, ...] = ()


async def confirm(tx: Tx, intent: Record, method: Method, terms: Terms) -> Record:
    """Attempt the payment with `method`."""
    methods.check_usable(method, intent.customer)
    if method.type not in intent.payment_method_types:
        raise invalid(
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent, which accepts "
            f"{', '.join(intent.payment_method_types)}.", "payment_method",
            "payment_intent_incompatible_payment_method",
        )  # fmt: skip
    if method.id != intent.payment_method:
        intent = tx.move(intent, LIFE["choose_method"], payment_method=method.id)
    intent = msgspec.structs.replace(
        intent, off_session=terms.off_session, return_url=terms.return_url, attempt=tx.new_id("ch")
    )
    return await _ask(tx, intent, method, terms, None)


async def authenticated(tx: Tx, intent: Record, result: Literal["succeeded", "failed"]) -> Record:
    """The customer has been through 3-D Secure: ask the network again, with the result."""
    method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method or "", "payment_method")
    terms = Terms(off_session=intent.off_session, return_url=intent.return_url)
    return await _ask(tx, intent, method, terms, result)


async def _ask(
    tx: Tx, intent: Record, method: Method, terms: Terms, result: Literal["succeeded", "failed"] | None
) -> Record:
    rail = rail_of(tx, method.type)
    given = intent.options.get(rail.type)
    options = msgspec.convert(given, rail.options) if given is not None else None
    assert intent.attempt is not None, "an attempt has a name before the network hears of it"
    report = rail.authorize(
        Attempt(
            reference=intent.attempt,
            amount=intent.amount,
            currency=intent.currency,
            details=method.details,
            token=method.token,
            supplied=tuple(method.supplied) + terms.supplied,
            options=options,
            manual=is_manual(intent, rail),
            off_session=terms.off_session,
            set_up=method.set_up,
            authenticated=result,
            now=tx.now,
        )
    )
    if isinstance(report, Accepted):
        return await _accepted(tx, intent, method, rail, report, result)
    if isinstance(report, Declined):
        return _declined(tx, intent, method, rail, report)
    return _challenge(tx, intent, method, terms)


def is_manual(intent: Record, rail: Rail) -> bool:
    """True if the amount is to be held; a rail's own option goes before the intent's."""
    own = (intent.options.get(rail.type) or {}).get("capture_method")
    return (own or intent.capture_method) == "manual"


async def _accepted(
    tx: Tx, intent: Record, method: Method, rail: Rail, report: Accepted,
    result: Literal["succeeded", "failed"] | None,
) -> Record:  # fmt: skip
    charge = new_charge(tx, intent, method, report, tx.now if report.available_at_once else 0)
    await _keep_method(tx, intent, method, report, result)
    cleared = {"latest_charge": charge.id, "last_payment_error": None, "next_action": None, "attempt": None}
    for job in report.follow_ups:
        tx.schedule(job, charge.id, tx.now)
    if is_manual(intent, rail):
        charges.authorize(tx, charge)
        tx.schedule("payment_intent.expire", intent.id, tx.now + rail.authorization_seconds)
        return tx.move(intent, LIFE["authorize"], amount_capturable=intent.amount, **cleared)
    charges.pay(tx, charge)
    return tx.move(intent, LIFE["succeed"], amount_received=intent.amount, **cleared)


def _declined(tx: Tx, intent: Record, method: Method, rail: Rail, report: Declined) -> Record:
    error = report.error
    latest = intent.latest_charge
    if report.charge_made:
        charge = new_charge(tx, intent, method, report)
        charge = msgspec.structs.replace(
            charge, failure_code=error.code, failure_message=error.message, payment_method=method.id
        )
        latest = charges.fail(tx, charge).id
        error.fields["charge"] = latest
    return refuse(tx, intent, method, error, latest)


def refuse(tx: Tx, intent: Record, method: Method, error: ApiError, latest: str | None) -> Record:
    """The intent remembers the refusal and wants another method; the caller gets it as a 402."""
    shown = {
        "type": error.type,
        "message": error.message,
        **{n: v for n in ("code", "decline_code", "param") if (v := getattr(error, n))},
        **error.fields,
        "doc_url": f"{tx.world.settings.public_url}/docs/error-codes#{error.code}",
        "payment_method": msgspec.to_builtins(tx.view.render(method)),
    }
    if not method.customer:
        tx.save(msgspec.structs.replace(method, spent=False))
    failed = tx.move(
        intent, LIFE["fail"], last_payment_error=shown, latest_charge=latest, payment_method=None,
        next_action=None, attempt=None,
    )  # fmt: skip
    error.objects |= {"payment_intent": failed, "payment_method": method}
    error.fields["payment_method_type"] = method.type
    tx.decline(error)
    return failed


def _challenge(tx: Tx, intent: Record, method: Method, terms: Terms) -> Record:
    if terms.error_on_requires_action:
        error = card_error(
            "Your card was declined. This transaction requires authentication.", "authentication_required",
            "authentication_required",
        )  # fmt: skip
        return refuse(tx, intent, method, error, intent.latest_charge)
    url = f"{tx.world.settings.public_url}/hosted/authenticate/{intent.client_secret}"
    action: dict[str, Any]
    if terms.return_url:
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": terms.return_url, "url": url}}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "three_d_secure_2_source": intent.attempt}
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    tx.save(method)
    return tx.move(intent, LIFE["challenge"], next_action=action)


async def _keep_method(
    tx: Tx, intent: Record, method: Method, report: Accepted, result: Literal["succeeded", "failed"] | None
) -> None:
    """Attach the method where the intent says it will be used again; else it is spent."""
    own = (intent.options.get(method.type) or {}).get("setup_future_usage")
    usage = None if own == "none" else own or intent.setup_future_usage
    method = methods.with_checks(method, report.checks)
    if usage == "off_session" and not intent.off_session and result == "succeeded":
        method = msgspec.structs.replace(method, set_up=True)
    if method.customer is None and usage and intent.customer:
        await methods.attach_to(tx, method, intent.customer, verify=False)
    elif method.customer is None and not method.spent:
        tx.save(msgspec.structs.replace(method, spent=True))


def new_charge(tx: Tx, intent: Record, method: Method, report: Accepted | Declined, available_on: int = 0) -> Charge:
    """The charge of an attempt, not yet moved into any state."""
    prefix = intent.statement_descriptor or "NOSTRO"
    suffix = intent.statement_descriptor_suffix
    charge_id = intent.attempt or tx.new_id("ch")
    return Charge(
        id=charge_id,
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=intent.amount,
        billing_details=method.billing_details,
        calculated_statement_descriptor=(f"{prefix}* {suffix}" if suffix else prefix)[:22].upper(),
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        metadata=intent.metadata,
        outcome=report.outcome,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details={"type": method.type, method.type: report.details},
        receipt_email=intent.receipt_email,
        receipt_url=f"{tx.world.settings.public_url}/receipts/{charge_id}",
        shipping=intent.shipping,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=suffix,
        status="pending",
        transfer_group=intent.transfer_group,
        merchant=tx.merchant,
        rail=method.type,
        token=method.token,
        available_on=available_on,
    )
