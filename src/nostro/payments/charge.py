"""Charge: one attempt to take money, and what became of it.

The money of a captured charge waits in the merchant's pending account of the day on which it becomes
available; the network owes it until it settles. An authorized charge is a hold: it stands in memorandum
accounts until it is captured, released or expires after seven days. `status` is what the wire shows;
the life is told by the private `state`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.balances import balance_transaction, reserve_hold
from nostro.balances.availability import waiting_account
from nostro.balances.balance_transaction import Line
from nostro.balances.fx import Settle
from nostro.balances.settings import terms_of
from nostro.kernel.address import Shipping
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import (
    Filter,
    Metadata,
    Nested,
    Resource,
    Stored,
    Unset,
    Verb,
    changes,
    listing,
    merge_metadata,
    retrieve,
    searching,
)  # fmt: skip
from nostro.kernel.search import SearchField
from nostro.ledger import chart
from nostro.rails.rail import Accepted, Attempt, Challenge, Declined, Outcome, rail_of
from nostro.storage.tx import Tx

from . import charge_source, refund, settlement, shown, split
from . import partial_capture as part
from . import transfer as transfers
from .billing_details import EMPTY, BillingDetails
from .charge_params import CaptureParams, CreateParams, UpdateParams
from .processing_fee import processing_fee
from .rules import check_amount, check_carried, check_descriptor, check_email, descriptor

State = Literal["authorized", "captured", "failed", "released", "expired"]


class Charge(Stored, frozen=True, kw_only=True):
    object: Literal["charge"] = "charge"
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0
    application: str | None = None
    application_fee: str | None = None
    application_fee_amount: int | None = None
    balance_transaction: str | None = None
    billing_details: BillingDetails = EMPTY
    calculated_statement_descriptor: str | None = None
    captured: bool = False
    currency: str
    customer: str | None = None
    description: str | None = None
    disputed: bool = False
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    fraud_details: dict[str, str] = {}
    livemode: bool = False
    metadata: Metadata = {}
    on_behalf_of: str | None = None
    outcome: Outcome | None = None
    paid: bool = False
    payment_intent: str | None = None
    payment_method: str | None = None
    payment_method_details: dict[str, Any] | None = None
    radar_options: dict[str, str] = {}
    receipt_email: str | None = None
    receipt_number: str | None = None
    receipt_url: str | None = None
    refunded: bool = False
    review: str | None = None
    shipping: Shipping | None = None
    source: dict[str, Any] | None = None
    source_transfer: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: Literal["succeeded", "pending", "failed"]
    transfer: str | Unset = UNSET
    transfer_data: dict[str, Any] | None = None
    transfer_group: str | None = None


class Record(Charge, frozen=True, kw_only=True, omit_defaults=True):
    """`fee` was taken at capture; `grown` is the last increment of an authorization; `token` is the network's.

    `at_capture` are jobs that wait for the capture; `dispute` is the first dispute's id; `settle` says how its money
    was converted, if it was. Of a direct charge, `cut` goes to the platform, `collector`, which bears the fee if
    `collector_pays`. `transferred` was given to connected accounts out of this charge; `transfer_told` is what a
    destination charge's transfer says.
    """

    merchant: str
    rail: str
    token: str
    state: State = "failed"
    fee: int = 0
    available_on: int = 0
    grown: int = 0
    effective_at: int = 0
    dispute: str | None = None
    at_capture: list[str] = []
    settle: Settle | None = None
    collector: str = ""
    collector_pays: bool = False
    cut: int = 0
    transferred: int = 0
    transfer_told: dict[str, Any] = {}


# Money -----------------------------------------------------------------------


def hold(c: Record) -> tuple[Posting, ...]:
    """The network promises the amount; nothing has moved."""
    return (
        debit(chart.authorized(c.rail), c.amount, c.currency),
        credit(chart.uncaptured(c.merchant), c.amount, c.currency),
    )


def grow_hold(c: Record) -> tuple[Posting, ...]:
    """The promise grows by the increment."""
    if not c.grown:
        return ()
    return (
        debit(chart.authorized(c.rail), c.grown, c.currency),
        credit(chart.uncaptured(c.merchant), c.grown, c.currency),
    )


def end_hold(c: Record) -> tuple[Posting, ...]:
    """The promise ends, kept or not."""
    return (
        debit(chart.uncaptured(c.merchant), c.amount, c.currency),
        credit(chart.authorized(c.rail), c.amount, c.currency),
    )


def take_from_network(c: Record) -> tuple[Posting, ...]:
    """The network owes the captured amount; the merchant gets it less the fee, we the fee.

    Of a direct charge the platform gets its application fee, less the fee if that is the platform's to pay.
    """
    waiting = waiting_account(c.merchant, c.available_on, c.effective_at)
    borne = c.fee if c.collector_pays else 0
    net = c.amount_captured - c.cut - c.fee + borne
    platform = waiting_account(c.collector, c.available_on, c.effective_at)
    return (
        debit(chart.receivable(c.rail), c.amount_captured, c.currency),
        _owe(waiting, net, c.currency),
        credit(chart.FEES, c.fee, c.currency),
        *((_owe(platform, c.cut - borne, c.currency),) if c.collector else ()),
    )


def _owe(account: str, amount: int, currency: str) -> Posting:
    return credit(account, amount, currency) if amount >= 0 else debit(account, -amount, currency)


def capture_hold(c: Record) -> tuple[Posting, ...]:
    """The whole hold ends and the captured part is taken."""
    return (*end_hold(c), *take_from_network(c))


# Life ------------------------------------------------------------------------

M = Move[Record]
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move         from             to            posts              emits
    M("pay",        (),              "captured",   take_from_network, ("charge.succeeded",), "Paid at once."),
    M("receive",    (),              "captured",   emits=("charge.succeeded",),
      meaning="Came by transfer, whose entry moves the money."),
    M("authorize",  (),              "authorized", hold,              ("charge.succeeded",), "Held, to be captured."),
    M("fail",       (),              "failed",     emits=("charge.failed",), meaning="Refused by network or rule."),
    M("increment",  ("authorized",), "authorized", grow_hold,         ("charge.updated",), "The hold was raised."),
    M("capture",    ("authorized",), "captured",   capture_hold,      ("charge.captured",), "Taken, whole or in part."),
    M("release",    ("authorized",), "released",   end_hold,          ("charge.refunded",), "Canceled before capture."),
    M("expire",     ("authorized",), "expired",    end_hold,          ("charge.expired",), "Not captured in time."),
    rest=("captured", "failed", "released", "expired"), field="state",
)
# fmt: on


# What payments call ----------------------------------------------------------


def new(
    tx: Tx, rail: str, token: str, report: Accepted | Declined, *, seller: str | None = None, **given: Any
) -> Record:
    """The charge of an attempt and what the network said to it, not yet moved into any state.

    `seller` is the descriptor of the connected account that it is for.
    """
    descriptors = given.get("statement_descriptor") or seller, given.get("statement_descriptor_suffix")
    if isinstance(report, Declined):
        given |= {"failure_code": report.error.code, "failure_message": report.error.message}
    elif report.available_at_once:
        given["available_on"] = tx.now
    if (data := given.get("transfer_data")) is not None:
        group = given.get("transfer_group") or f"group_{given.get('payment_intent') or given['id']}"
        given |= {"transfer_group": group, "transfer_data": split.shown(data), "transfer_told": split.told(data)}
    return Record(
        created=tx.now,
        livemode=tx.scope.livemode,
        calculated_statement_descriptor=descriptor(*descriptors),
        outcome=report.outcome,
        payment_method_details={"type": rail, rail: rail_of(tx, rail).kept(report.details)},
        status="pending",
        merchant=tx.merchant,
        rail=rail,
        token=token,
        **given,
    )


async def pay(tx: Tx, charge: Record) -> Record:
    """Take the whole amount now."""
    charge = await _with_money(tx, charge, charge.amount)
    return await _shared(tx, tx.move(charge, LIFE["pay"], captured=True, paid=True, status="succeeded"))


def authorize(tx: Tx, charge: Record) -> Record:
    """Hold the amount, to be captured within the rail's time."""
    return tx.move(charge, LIFE["authorize"], paid=True, status="succeeded")


def fail(tx: Tx, charge: Record) -> Record:
    return tx.move(charge, LIFE["fail"], status="failed")


def increment(tx: Tx, charge: Record, amount: int, **changed: Any) -> Record:
    """Raise the hold to `amount`."""
    details = charge.payment_method_details or {}
    inner = {**details.get(charge.rail, {}), "amount_authorized": amount}
    return tx.move(
        charge, LIFE["increment"], grown=amount - charge.amount, amount=amount,
        payment_method_details={**details, charge.rail: inner}, **changed,
    )  # fmt: skip


async def capture(tx: Tx, charge: Record, amount: int, **changed: Any) -> Record:
    """Take `amount` of the hold and release the rest, which shows as a refund: nothing of it has moved."""
    if amount < charge.amount:
        changed["amount_refunded"] = charge.amount - amount
    for job in charge.at_capture:
        tx.schedule(job, charge.id, tx.now)
    charge = await _with_money(tx, msgspec.structs.replace(charge, **changed), amount)
    return await _shared(tx, tx.move(charge, LIFE["capture"], captured=True))


async def _shared(tx: Tx, charge: Record) -> Record:
    """A destination charge with its transfer made."""
    if charge.transfer_data is None:
        return charge
    await transfers.of_charge(tx, charge)
    return await tx.get(CHARGE, charge.id)


def release(tx: Tx, charge: Record) -> Record:
    """Give the whole hold back."""
    if charge.review is not None:
        tx.schedule("review.cancel", charge.review, tx.now)
    refund.release(tx, charge, charge.amount)
    return tx.move(charge, LIFE["release"], amount_refunded=charge.amount, refunded=True)


def expire(tx: Tx, charge: Record) -> Record:
    if charge.review is not None:
        tx.schedule("review.cancel", charge.review, tx.now)
    refund.release(tx, charge, charge.amount, reason="expired_uncaptured_charge")
    return tx.move(charge, LIFE["expire"], amount_refunded=charge.amount, refunded=True)


async def _with_money(tx: Tx, charge: Record, amount: int) -> Record:
    """The captured amount, its fee and day, the statement line that tells of them, and what reserves take of it."""
    settings = await terms_of(tx)
    fee = processing_fee(tx.world.settings.fees, amount, charge.currency)
    on = charge.available_on or settings.available_on(tx.now, charge.currency)
    settle = await settlement.settled_for(tx, charge.currency, charge.on_behalf_of, settings)
    shared = await split.of_charge(tx, charge, amount, fee, on, settle)
    terms = Line(
        type=rail_of(tx, charge.rail).charge_type, amount=amount, currency=charge.currency, source=charge.id,
        available_on=on, fees=shared.fees, description=charge.description, settle=settle,
    )  # fmt: skip
    line = balance_transaction.write(tx, terms) if amount == charge.amount else part.write(tx, charge, terms, fee)
    settlement.check_worth(line)
    await reserve_hold.reserve(tx, settings.reserve_plans, charge.id, line)
    return msgspec.structs.replace(
        charge, amount_captured=amount, fee=fee.amount, settle=settle, available_on=line.available_on,
        balance_transaction=line.id, effective_at=tx.now, **shared.changes,
    )  # fmt: skip


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    """Charge a card without an intent. Nobody can be asked to authenticate: a card that demands it is declined."""
    currency = params.currency.lower()
    check_amount(params.amount, currency)
    fee, data = split.asked(params)
    await split.check(tx, params.amount, fee, data, params.on_behalf_of)
    check_email(params.receipt_email)
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        check_descriptor(getattr(params, name), name)
    card = await charge_source.chosen(tx, params.source, params.customer)
    rail, id = rail_of(tx, "card"), tx.new_id("ch")
    report = rail.authorize(
        Attempt(
            reference=id, amount=params.amount, currency=currency, details=card.details, token=card.token,
            supplied=tuple(card.supplied), manual=not params.capture, off_session=True, now=tx.now,
        )
    )  # fmt: skip
    assert not isinstance(report, Challenge), "nobody is there to be challenged"
    radar = params.radar_options.session if params.radar_options else None
    charge = new(
        tx, rail.type, card.token, report,
        seller=await split.seller_of(tx, params.on_behalf_of),
        id=id,
        amount=params.amount,
        application_fee_amount=fee,
        billing_details=charge_source.billing_details(card),
        currency=currency,
        customer=params.customer,
        description=params.description,
        metadata=merge_metadata({}, params.metadata),
        on_behalf_of=params.on_behalf_of,
        payment_method=card.id,
        radar_options={"session": radar} if radar else {},
        receipt_email=params.receipt_email,
        shipping=params.shipping.shape() if params.shipping else None,
        source=msgspec.to_builtins(tx.view.render(card)),
        statement_descriptor=params.statement_descriptor,
        statement_descriptor_suffix=params.statement_descriptor_suffix,
        transfer_data=data,
        transfer_group=params.transfer_group,
    )  # fmt: skip
    if isinstance(report, Declined):
        return _declined(tx, charge, report)
    return await _taken(tx, charge, report, params)


def _declined(tx: Tx, charge: Record, report: Declined) -> Record:
    if report.charge_made:
        charge = fail(tx, charge)
        report.error.fields["charge"] = charge.id
    tx.decline(report.error)
    return charge


async def _taken(tx: Tx, charge: Record, report: Accepted, params: CreateParams) -> Record:
    for job in report.follow_ups:
        tx.schedule(job, charge.id, tx.now)
    if params.capture:
        return await pay(tx, charge)
    tx.schedule("charge.expire", charge.id, tx.now + rail_of(tx, charge.rail).authorization_seconds)
    return authorize(tx, charge)


async def update(tx: Tx, charge: Record, params: UpdateParams) -> Record:
    changed = changes(params, "metadata", "shipping", "fraud_details")
    if params.shipping is not UNSET:
        changed["shipping"] = params.shipping.shape()
    if params.fraud_details is not UNSET:
        report = params.fraud_details.user_report
        changed["fraud_details"] = {"user_report": report} if report else {}
    if params.customer is not UNSET and charge.customer not in (None, params.customer):
        raise invalid("This charge already belongs to a customer, which cannot be changed.", "customer")
    metadata = merge_metadata(charge.metadata, params.metadata)
    return tx.save(msgspec.structs.replace(charge, metadata=metadata, **changed), "charge.updated")


async def capture_verb(tx: Tx, charge: Record, params: CaptureParams) -> Record:
    _check_capturable(charge)
    if charge.payment_intent is not None:
        raise invalid(
            f"This charge belongs to the PaymentIntent {charge.payment_intent}: capture that instead.",
            code="charge_invalid_parameter",
        )  # fmt: skip
    amount = charge.amount if params.amount is None else params.amount
    check_carried(amount, charge.currency)
    if not 0 < amount <= charge.amount:
        raise invalid(
            f"The amount to capture must be between 1 and {charge.amount}, the amount authorized.", "amount",
            "amount_too_large" if amount > charge.amount else "parameter_invalid_integer",
        )  # fmt: skip
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        check_descriptor(getattr(params, name), name)
    fee, data = split.asked(params, charge.transfer_data)
    changed: dict[str, Any] = {
        name: value
        for name in ("receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")
        if (value := getattr(params, name)) is not None
    }
    tx.unschedule("charge.expire", charge.id)
    return await capture(tx, charge, amount, **changed, **await split.shared_anew(tx, charge, amount, fee, data))


def _check_capturable(charge: Record) -> None:
    """Raises what Stripe raises for a charge that is not waiting to be captured."""
    if charge.state == "captured":
        raise invalid(f"Charge {charge.id} has already been captured.", code="charge_already_captured")
    if charge.state == "expired":
        raise invalid(
            f"Charge {charge.id} has expired: an authorization that is not captured in time is released.",
            code="charge_expired_for_capture",
        )  # fmt: skip
    if charge.state == "released":
        raise invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if charge.state == "failed":
        raise invalid(f"Charge {charge.id} failed and cannot be captured.", code="charge_not_capturable")


async def expire_job(tx: Tx, id: str) -> None:
    """Job `charge.expire`: a directly made charge was not captured within the rail's time."""
    charge = await tx.get(CHARGE, id)
    if charge.state == "authorized":
        expire(tx, charge)


def example() -> Record:
    return Record(
        id="ch_1", created=0, amount=2000, amount_captured=2000, currency="usd", status="succeeded",
        merchant="acct_1", rail="card", token="visa", fee=88, available_on=172_800, grown=500,
    )  # fmt: skip


BY_INTENT, BY_CUSTOMER, BY_GROUP = Filter("payment_intent"), Filter("customer"), Filter("transfer_group")
CHARGE: Resource[Record] = Resource(
    object="charge",
    prefix="ch",
    also=("py",),
    record=Record,
    shape=Charge,
    life=LIFE,
    example=example,
    present=shown.charge,
    doc="One attempt to take money from a payment method, and what became of it.",
    filters=(BY_INTENT, BY_CUSTOMER, BY_GROUP),
    expands=("balance_transaction", "customer", "failure_balance_transaction", "payment_intent", "payment_method",
             "review", "application", "application_fee", "on_behalf_of", "transfer", "source_transfer",
             "payment_method_details.card.mandate", "transfer_data.destination"),
    elsewhere={"application_fee": "", "destination": "destination", "on_behalf_of": "on_behalf_of",
               "source_transfer": ""},
    nested={"refunds": Nested("refund", "charge", "/v1/charges/{id}/refunds")},
    search={
        "amount": SearchField("amount", "number"),
        "billing_details.address.postal_code": SearchField("billing_details.address.postal_code", "token"),
        "created": SearchField("created", "number"),
        "currency": SearchField("currency", "token"),
        "customer": SearchField("customer", "token", exact=True),
        "disputed": SearchField("disputed", "bool", index=True),
        "refunded": SearchField("refunded", "bool", index=True),
        "status": SearchField("status", "token", index=True, common="succeeded"),
        "payment_method_details.card.brand": SearchField("payment_method_details.card.brand", "token"),
        "payment_method_details.card.exp_month": SearchField("payment_method_details.card.exp_month", "number"),
        "payment_method_details.card.exp_year": SearchField("payment_method_details.card.exp_year", "number"),
        "payment_method_details.card.fingerprint": SearchField(
            "payment_method_details.card.fingerprint", "token", index=True),
        "payment_method_details.card.last4": SearchField("payment_method_details.card.last4", "token", index=True),
    },
    verbs=(
        Verb(name="create", method="POST", path="/v1/charges", run=create, params=CreateParams, kind="create"),
        listing("/v1/charges", BY_CUSTOMER, BY_INTENT, BY_GROUP),
        searching("/v1/charges/search"),
        retrieve("/v1/charges/{id}"),
        Verb(name="update", method="POST", path="/v1/charges/{id}", run=update, params=UpdateParams),
        Verb(name="capture", method="POST", path="/v1/charges/{id}/capture", run=capture_verb, params=CaptureParams),
    ),
    errors=("charge_already_captured", "charge_expired_for_capture", "charge_already_refunded",
            "charge_not_capturable", "amount_too_large", "amount_too_small", "card_declined", "authentication_required",
            "missing", "token_already_used", "invalid_source_usage", "charges_not_enabled", "exchange_rate_stale",
            "exchange_rate_unknown"),
)  # fmt: skip
RESOURCE = CHARGE
