"""Confirming an intent: ask the rail's network, and write what it answered.

    accepted   a charge, captured or held; the intent succeeds or waits for capture
    challenge  nothing is charged; the customer authenticates first, then the network is asked again
    declined   a failed charge where the network made one; the intent wants another method, the answer is 402

The built-in networks are pure functions that answer at once, so the question and its report are one unit.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.kernel.errors import ApiError, card_error
from nostro.rails.rail import Accepted, Attempt, Declined, Rail, rail_of
from nostro.storage.tx import Tx

from . import charge as charges
from . import choice, split
from . import mandate as mandates
from . import payment_method as methods
from .attempt import Terms, next_action, options_of, refuse, shown
from .charge import Record as Charge
from .intent import LIFE, Record
from .mandate import SingleUse
from .payment_method import Record as Method

Result = Literal["succeeded", "failed"]


async def confirm(tx: Tx, intent: Record, method: Method, terms: Terms) -> Record:
    """Attempt the payment with `method`."""
    await split.check(tx, intent.amount, intent.application_fee_amount, intent.transfer_data, intent.on_behalf_of)
    methods.check_usable(method, intent.customer)
    choice.check_accepted(
        method, intent.payment_method_types, "PaymentIntent", "payment_intent_incompatible_payment_method"
    )
    if terms.mandate is not None:
        await mandates.check(tx, terms.mandate, method.id, _this_once(intent))
    if method.id != intent.payment_method:
        intent = tx.move(intent, LIFE["choose_method"], payment_method=method.id)
    intent = msgspec.structs.replace(intent, attempt=tx.new_id("ch"), authenticated=False)
    return await _ask(tx, intent, method, terms, None)


async def authenticated(tx: Tx, intent: Record, result: Result) -> Record:
    """The customer has been through 3-D Secure: ask the network again, with the result."""
    if result == "succeeded" and intent.confirmation_method == "manual" and not intent.authenticated:
        return tx.move(intent, LIFE["authenticate"], authenticated=True, next_action=None)
    method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method or "", "payment_method")
    return await _ask(tx, intent, method, intent.terms or Terms(), result)


async def _ask(tx: Tx, intent: Record, method: Method, terms: Terms, result: Result | None) -> Record:
    rail = rail_of(tx, method.type)
    assert intent.attempt is not None, "an attempt has a name before the network hears of it"
    report = rail.authorize(
        Attempt(
            reference=intent.attempt,
            amount=intent.amount,
            currency=intent.currency,
            details=method.details,
            token=method.token,
            supplied=tuple(method.supplied) + terms.supplied,
            options=options_of(rail, intent.options),
            manual=is_manual(intent, rail),
            off_session=terms.off_session,
            set_up=method.set_up,
            authenticated=result,
            now=tx.now,
        )
    )
    if isinstance(report, Accepted):
        return await _accepted(tx, intent, method, rail, report, terms)
    if isinstance(report, Declined):
        return await _declined(tx, intent, method, report)
    return _challenge(tx, intent, method, terms)


def is_manual(intent: Record, rail: Rail) -> bool:
    """True if the amount is to be held; a rail's own option goes before the intent's."""
    own = (intent.options.get(rail.type) or {}).get("capture_method")
    return (own or intent.capture_method) == "manual"


async def _accepted(tx: Tx, intent: Record, method: Method, rail: Rail, report: Accepted, terms: Terms) -> Record:
    mandate = await _mandate(tx, intent, method, terms)
    if mandate is not None:
        report = msgspec.structs.replace(report, details={**report.details, "mandate": mandate})
    charge = await _new_charge(tx, intent, method, report)
    await _keep_method(tx, intent, method, report, terms)
    cleared: dict[str, Any] = {
        "latest_charge": charge.id, "last_payment_error": None, "next_action": None, "attempt": None, "terms": None,
        "authenticated": False,
    }  # fmt: skip
    for job in report.follow_ups:
        tx.schedule(job, charge.id, tx.now)
    if is_manual(intent, rail):
        charges.authorize(tx, charge)
        tx.schedule("payment_intent.expire", intent.id, tx.now + rail.authorization_seconds)
        return tx.move(intent, LIFE["authorize"], amount_capturable=intent.amount, **cleared)
    await charges.pay(tx, charge)
    return tx.move(intent, LIFE["succeed"], amount_received=intent.amount, **cleared)


async def _declined(tx: Tx, intent: Record, method: Method, report: Declined) -> Record:
    error = report.error
    latest = intent.latest_charge
    if report.charge_made:
        latest = charges.fail(tx, await _new_charge(tx, intent, method, report)).id
        error.fields["charge"] = latest
    return _refused(tx, intent, method, error, latest)


def _refused(tx: Tx, intent: Record, method: Method, error: ApiError, latest: str | None) -> Record:
    """The intent remembers the refusal and wants another method; the caller gets it as a 402."""
    failed = tx.move(
        intent, LIFE["fail"], last_payment_error=shown(tx, error, method), latest_charge=latest, payment_method=None,
        next_action=None, attempt=None, terms=None, authenticated=False,
    )  # fmt: skip
    refuse(tx, error, method, payment_intent=failed)
    return failed


def _challenge(tx: Tx, intent: Record, method: Method, terms: Terms) -> Record:
    if terms.error_on_requires_action:
        error = card_error(
            "Your card was declined. This transaction requires authentication.", "authentication_required",
            "authentication_required",
        )  # fmt: skip
        return _refused(tx, intent, method, error, intent.latest_charge)
    action = next_action(tx, intent.client_secret, intent.attempt or "", terms)
    return tx.move(intent, LIFE["challenge"], next_action=action, terms=terms)


def _usage(intent: Record, rail: str) -> str | None:
    """How the method will be used again; a rail's own option goes before the intent's."""
    own = (intent.options.get(rail) or {}).get("setup_future_usage")
    return None if own == "none" else own or intent.setup_future_usage


def _this_once(intent: Record) -> SingleUse:
    return SingleUse(amount=intent.amount, currency=intent.currency)


async def _mandate(tx: Tx, intent: Record, method: Method, terms: Terms) -> str | None:
    """The mandate under which the payment is made: one that was named, or one that is given with it."""
    if terms.mandate is not None:
        await mandates.use(tx, terms.mandate)
        return terms.mandate
    if terms.acceptance is None:
        return None
    once = _usage(intent, method.type) is None
    single = _this_once(intent) if once else None
    return mandates.accept(tx, method.id, method.type, terms.acceptance, single=single, used=once).id


async def _keep_method(tx: Tx, intent: Record, method: Method, report: Accepted, terms: Terms) -> None:
    """Attach the method where the intent says it will be used again; else it is spent."""
    usage = _usage(intent, method.type)
    kept = methods.set_up(method, report.checks, None if terms.off_session else usage)
    if kept.customer is None and usage and intent.customer:
        await methods.attach_to(tx, kept, intent.customer, verify=False)
        return
    if kept.customer is None and not kept.spent:
        kept = msgspec.structs.replace(kept, spent=True)
    if kept is not method:
        tx.save(kept)


async def _new_charge(tx: Tx, intent: Record, method: Method, report: Accepted | Declined) -> Charge:
    assert intent.attempt is not None, "the charge has the name that the network was asked with"
    return charges.new(
        tx,
        method.type,
        method.token,
        report,
        seller=await split.seller_of(tx, intent.on_behalf_of),
        id=intent.attempt,
        amount=intent.amount,
        application=intent.application,
        application_fee_amount=intent.application_fee_amount,
        billing_details=method.billing_details,
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        metadata=intent.metadata,
        on_behalf_of=intent.on_behalf_of,
        payment_intent=intent.id,
        payment_method=method.id,
        receipt_email=intent.receipt_email,
        shipping=intent.shipping,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
        transfer_data=intent.transfer_data,
        transfer_group=intent.transfer_group,
    )
