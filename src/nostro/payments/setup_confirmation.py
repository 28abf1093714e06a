"""Confirming a setup intent: ask the rail's network whether the method may be saved, and write what it answered.

    accepted   the method is attached to the customer; the intent succeeds
    challenge  the customer authenticates first, then the network is asked again
    declined   the intent wants another method; the answer is 402

Each time is one setup attempt.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from nostro.kernel.errors import invalid, missing
from nostro.rails.rail import Accepted, Attempt, Challenge, Declined, Rail, rail_of
from nostro.storage.tx import Tx

from . import choice
from . import mandate as mandates
from . import payment_method as methods
from . import setup_attempt as attempts
from .attempt import Terms, next_action, options_of, refuse, shown
from .payment_method import Record as Method
from .setup import LIFE, Record
from .setup_attempt import SETUP_ATTEMPT

Result = Literal["succeeded", "failed"]
Ending = Literal["challenge", "succeed", "fail"]


async def confirm(tx: Tx, intent: Record, method: Method, terms: Terms) -> Record:
    """Attempt to save `method`."""
    methods.check_usable(method, intent.customer)
    choice.check_accepted(method, intent.payment_method_types, "SetupIntent", "setup_intent_invalid_parameter")
    rail = rail_of(tx, method.type)
    if intent.single_use is not None:
        _check_single_use(rail, terms)
    if intent.latest_attempt is not None:
        await abandon(tx, intent.latest_attempt)
    if method.id != intent.payment_method:
        intent = tx.move(intent, LIFE["choose_method"], payment_method=method.id)
    return await _ask(tx, intent, _started(tx, intent, method), method, terms, None)


def _started(tx: Tx, intent: Record, method: Method) -> attempts.Record:
    attempt = attempts.Record(
        id=tx.new_id("setatt"),
        created=tx.now,
        customer=intent.customer,
        livemode=tx.scope.livemode,
        payment_method=method.id,
        payment_method_details={"type": method.type, method.type: {}},
        setup_intent=intent.id,
        status="requires_confirmation",
        usage=intent.usage,
    )
    return tx.move(attempt, attempts.LIFE["start"])


async def authenticated(tx: Tx, intent: Record, result: Result) -> Record:
    """The customer has been through 3-D Secure: ask the network again, with the result."""
    method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method or "", "payment_method")
    attempt = await tx.get(SETUP_ATTEMPT, intent.latest_attempt or "", "latest_attempt")
    return await _ask(tx, intent, attempt, method, intent.terms or Terms(), result)


async def abandon(tx: Tx, id: str) -> None:
    """Nobody waits for this attempt any more, if anybody did."""
    attempt = await tx.get(SETUP_ATTEMPT, id, "latest_attempt")
    if attempt.status == "requires_action":
        tx.move(attempt, attempts.LIFE["abandon"])


def _check_single_use(rail: Rail, terms: Terms) -> None:
    if not rail.single_use_mandates:
        raise invalid(f"A mandate for a single payment cannot be given on a payment method of type {rail.type}.",
                      "single_use", "setup_intent_invalid_parameter")  # fmt: skip
    if terms.acceptance is None:
        raise missing("mandate_data")


async def _ask(
    tx: Tx, intent: Record, attempt: attempts.Record, method: Method, terms: Terms, result: Result | None
) -> Record:
    rail = rail_of(tx, method.type)
    report = rail.verify(
        Attempt(
            reference=attempt.id,
            amount=0,
            currency="",
            details=method.details,
            token=method.token,
            supplied=tuple(method.supplied),
            options=options_of(rail, intent.options),
            authenticated=result,
            now=tx.now,
        )
    )
    if isinstance(report, Challenge):
        tx.move(attempt, attempts.LIFE["challenge"])
        action = next_action(tx, intent.client_secret, attempt.id, terms)
        return tx.move(intent, LIFE["challenge"], next_action=action, terms=terms, latest_attempt=attempt.id)
    details = {"type": method.type, method.type: report.details}
    attempt = msgspec.structs.replace(attempt, payment_method_details=details)
    if isinstance(report, Declined):
        return _refused(tx, intent, attempt, method, report)
    return await _saved(tx, intent, attempt, method, report, terms)


async def _saved(
    tx: Tx, intent: Record, attempt: attempts.Record, method: Method, report: Accepted, terms: Terms
) -> Record:
    """The method is the customer's; without a customer it can be attached to one later."""
    tx.move(attempt, attempts.LIFE["succeed"])
    kept = methods.set_up(method, report.checks, intent.usage)
    if intent.customer and kept.customer is None:
        await methods.attach_to(tx, kept, intent.customer, verify=False)
    elif kept is not method:
        tx.save(kept)
    return tx.move(
        intent, LIFE["succeed"], latest_attempt=attempt.id, last_setup_error=None, next_action=None, terms=None,
        **_mandate(tx, intent, method, terms),
    )  # fmt: skip


def _mandate(tx: Tx, intent: Record, method: Method, terms: Terms) -> dict[str, Any]:
    """The mandate that the customer gave, as the intent's field that shows it."""
    if terms.acceptance is None:
        return {}
    mandate = mandates.accept(tx, method.id, method.type, terms.acceptance, single=intent.single_use)
    return {"single_use_mandate" if intent.single_use else "mandate": mandate.id}


def _refused(tx: Tx, intent: Record, attempt: attempts.Record, method: Method, report: Declined) -> Record:
    """The intent remembers the refusal and wants another method; the caller gets it as a 402."""
    error = shown(tx, report.error, method)
    tx.move(attempt, attempts.LIFE["fail"], setup_error=error)
    failed = tx.move(
        intent, LIFE["fail"], latest_attempt=attempt.id, last_setup_error=error, payment_method=None,
        next_action=None, terms=None,
    )  # fmt: skip
    refuse(tx, report.error, method, setup_intent=failed)
    return failed
