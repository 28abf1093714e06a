"""Payment intent, its verbs: create, update, confirm, capture, raise, cancel. Shape and life are in `intent`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.resource import (
    Filter,
    NoParams,
    Resource,
    Verb,
    Wire,
    listing,
    merge_metadata,
    retrieve,
    searching,
)  # fmt: skip
from nostro.kernel.search import SearchField
from nostro.storage.tx import Tx

from . import charge as charges
from . import choice, confirmation, shown, split
from . import confirmation_token as confirmation_tokens
from . import mandate as mandates
from . import payment_method as methods
from . import token as tokens
from .attempt import Terms
from .charge import CHARGE
from .customer import CUSTOMER
from .intent import CANCELABLE, LIFE, OPEN, LineItem, PaymentIntent, Record
from .intent_params import AuthenticateParams, MicrodepositsParams
from .payment_intent_params import (
    AmountDetailsParams,
    ApplyBalanceParams,
    CancelParams,
    CaptureParams,
    Confirming,
    ConfirmParams,
    CreateParams,
    IncrementParams,
    UpdateParams,
)  # fmt: skip
from .rules import check_amount, check_carried, check_descriptor, check_email, check_return_url


def _unexpected(intent: Record, what: str) -> ApiError:
    return invalid(
        f"This PaymentIntent could not be {what} because it has a status of {intent.status}.",
        code="payment_intent_unexpected_state", payment_intent=intent,
    )  # fmt: skip


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    check_amount(params.amount, currency)
    data = split.data_of(params.transfer_data)
    await split.check(tx, params.amount, params.application_fee_amount, data, params.on_behalf_of)
    if not params.confirm:
        _only_with_confirm(params)
    if params.customer is not None:
        await tx.get(CUSTOMER, params.customer, "customer")
    id = tx.new_id("pi")
    params = await confirmation_tokens.filled(tx, params, id)
    types = choice.accepted_types(tx, params, params.automatic_payment_methods, currency)
    intent = Record(
        id=id,
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=params.amount,
        application=await split.application(tx),
        application_fee_amount=params.application_fee_amount,
        capture_method="automatic_async" if params.capture_method is UNSET else params.capture_method,
        client_secret=f"{id}_secret_{tx.world.ids.word(25)}",
        confirmation_method=params.confirmation_method,
        currency=currency,
        customer=params.customer,
        description=params.description,
        metadata=merge_metadata({}, params.metadata),
        on_behalf_of=params.on_behalf_of,
        statement_descriptor=params.statement_descriptor,
        statement_descriptor_suffix=params.statement_descriptor_suffix,
        status="requires_payment_method",
        transfer_data=data,
        transfer_group=params.transfer_group,
        **types,
    )
    intent = msgspec.structs.replace(intent, **_changed(tx, intent, params))
    method = await choice.method(tx, params, intent.customer)
    if method is None:
        intent = tx.move(intent, LIFE["create"])
    else:
        intent = tx.move(intent, LIFE["create_with_method"], payment_method=method.id)
    return await _confirm(tx, intent, method, params) if params.confirm else intent


def _only_with_confirm(params: CreateParams) -> None:
    for name in ("error_on_requires_action", "off_session", "mandate", "mandate_data", "return_url",
                 "confirmation_token"):  # fmt: skip
        if getattr(params, name) not in (None, False):
            raise invalid(f"`{name}` may only be used when creating a PaymentIntent if `confirm` is set to true.", name)


def _changed(tx: Tx, intent: Record, params: Any) -> dict[str, Any]:
    """The fields that `Common` and the descriptions ask to change."""
    out: dict[str, Any] = {}
    for name in ("capture_method", "receipt_email", "setup_future_usage", "description", "transfer_group",
                 "statement_descriptor", "statement_descriptor_suffix"):  # fmt: skip
        value = getattr(params, name, UNSET)
        if value is not UNSET:
            out[name] = value
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        check_descriptor(out.get(name), name)
    check_email(out.get("receipt_email"))
    shipping = getattr(params, "shipping", UNSET)
    if shipping is not UNSET:
        out["shipping"] = shipping.shape() if shipping else None
    details = getattr(params, "amount_details", UNSET)
    if details is not UNSET and details is not None:
        out |= _amount_details(details)
    if getattr(params, "payment_details", UNSET) not in (UNSET, None):
        out["payment_details"] = msgspec.structs.asdict(params.payment_details)
    return out | choice.options(tx, intent.options, params.payment_method_options)


def _amount_details(details: AmountDetailsParams) -> dict[str, Any]:
    given = {
        name: value for name in ("discount_amount", "shipping", "tax") if (value := getattr(details, name)) is not None
    }
    out: dict[str, Any] = {"amount_details": msgspec.convert(given, dict[str, Any])}
    for part in ("shipping", "tax"):
        if part in given:
            out["amount_details"][part] = {k: int(v) if k.endswith("amount") else v for k, v in given[part].items()}
    if details.line_items is not None:
        out["line_items"] = [msgspec.to_builtins(item) for item in details.line_items]
    return out


async def _supplied(tx: Tx, params: Confirming) -> tuple[str, ...]:
    """A security code that was asked for again arrives as a token, which is used up."""
    for type, form in (params.payment_method_options or {}).items():
        if form and form.get("cvc_token"):
            await tokens.spend(tx, form["cvc_token"], f"payment_method_options[{type}][cvc_token]", "cvc_update")
            return ("cvc",)
    return ()


async def _confirm(tx: Tx, intent: Record, method: methods.Record | None, params: Confirming) -> Record:
    check_return_url(params.return_url)
    if method is None and intent.payment_method:
        method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method, "payment_method")
    if method is None:
        error = invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.", code="payment_intent_unexpected_state",
        )  # fmt: skip
        if not isinstance(params, CreateParams):  # one that was to be created is not there
            error.objects["payment_intent"] = intent
        raise error
    terms = Terms(
        off_session=bool(params.off_session),
        error_on_requires_action=params.error_on_requires_action,
        return_url=params.return_url,
        use_stripe_sdk=params.use_stripe_sdk,
        mandate=params.mandate,
        acceptance=mandates.acceptance(tx, params.mandate_data),
        supplied=await _supplied(tx, params),
    )
    return await confirmation.confirm(tx, intent, method, terms)


async def update(tx: Tx, intent: Record, params: UpdateParams) -> Record:
    if intent.status not in OPEN:
        allowed = {"description", "metadata", "receipt_email", "shipping", "transfer_group", "amount_details",
                   "payment_details", "hooks"}  # fmt: skip
        for name in params.__struct_fields__:
            if name not in allowed and getattr(params, name) is not UNSET:
                raise invalid(
                    f"This PaymentIntent's {name} could not be updated because it has a status of {intent.status}. "
                    f"You may only update the {name} of a PaymentIntent with one of the following statuses: "
                    f"{', '.join(OPEN)}.", name, "payment_intent_unexpected_state", payment_intent=intent,
                )  # fmt: skip
    currency = intent.currency if params.currency is UNSET else params.currency.lower()
    amount = intent.amount if params.amount is UNSET else params.amount
    check_amount(amount, currency)
    intent = msgspec.structs.replace(intent, **choice.changed_types(tx, params, currency))
    changed = _changed(tx, intent, params) | await _shared_anew(tx, intent, params, amount)
    if params.customer is not UNSET:
        await tx.get(CUSTOMER, params.customer, "customer")
        changed["customer"] = params.customer
    same = (amount, currency) == (intent.amount, intent.currency) and params.payment_method is UNSET
    intent = msgspec.structs.replace(
        intent, amount=amount, currency=currency, metadata=merge_metadata(intent.metadata, params.metadata),
        authenticated=intent.authenticated and same, **changed,
    )  # fmt: skip
    if params.payment_method is None:
        return tx.move(intent, LIFE["drop_method"], payment_method=None, next_action=None)
    method = await choice.method(tx, params, changed.get("customer", intent.customer))
    if method is not None:
        return tx.move(intent, LIFE["choose_method"], payment_method=method.id, next_action=None)
    return tx.save(intent)


async def _shared_anew(tx: Tx, intent: Record, params: Any, amount: int) -> dict[str, Any]:
    """What the parameters change of how the payment is shared, if it may."""
    if all(getattr(params, name) is UNSET for name in ("amount", "application_fee_amount", "transfer_data")):
        return {}
    fee = intent.application_fee_amount
    if params.application_fee_amount is not UNSET:
        fee = params.application_fee_amount
    data = split.data_of(params.transfer_data, intent.transfer_data)
    await split.check(tx, amount, fee, data, intent.on_behalf_of)
    return {"application_fee_amount": fee, "transfer_data": data}


async def confirm(tx: Tx, intent: Record, params: ConfirmParams) -> Record:
    if intent.status not in OPEN:
        raise invalid(
            f"You cannot confirm this PaymentIntent because it has already "
            f"{'been canceled' if intent.status == 'canceled' else 'succeeded after being previously confirmed'}."
            if intent.status != "requires_capture" else
            "You cannot confirm this PaymentIntent because it has a status of requires_capture: capture or cancel it.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    if tx.request.from_browser and intent.confirmation_method == "manual":
        raise invalid(
            f"{intent.id} cannot be confirmed with a publishable key, because its `confirmation_method` is manual. "
            "Confirm it with a secret key on your server.", "intent", "secret_key_required", payment_intent=intent,
        )  # fmt: skip
    if params.amount_to_confirm not in (None, intent.amount):
        raise invalid(f"`amount_to_confirm` does not equal the amount of the PaymentIntent, {intent.amount}.",
                      "amount_to_confirm", "amount_too_large")  # fmt: skip
    params = await confirmation_tokens.filled(tx, params, intent.id)
    method = await choice.method(tx, params, intent.customer)
    if intent.status == "requires_action" and method is None:
        return intent
    if intent.authenticated and method is None:
        return await confirmation.authenticated(tx, intent, "succeeded")
    intent = msgspec.structs.replace(intent, **choice.changed_types(tx, params, intent.currency))
    intent = msgspec.structs.replace(intent, **_changed(tx, intent, params))
    return await _confirm(tx, intent, method, params)


async def capture(tx: Tx, intent: Record, params: CaptureParams) -> Record:
    if intent.status != "requires_capture":
        raise invalid(
            f"This PaymentIntent could not be captured because it has a status of {intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    amount = intent.amount_capturable if params.amount_to_capture is None else params.amount_to_capture
    check_carried(amount, intent.currency, "amount_to_capture")
    if amount > intent.amount_capturable:
        raise invalid(
            f"The amount to capture ({amount}) is greater than the amount you can capture for this PaymentIntent "
            f"({intent.amount_capturable}).", "amount_to_capture", "amount_too_large",
        )  # fmt: skip
    if not params.final_capture:
        raise invalid("This card does not support capturing more than once: leave `final_capture` out.",
                      "final_capture")  # fmt: skip
    charge = await tx.get(CHARGE, intent.latest_charge or "")
    descriptors = {}
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        check_descriptor(getattr(params, name), name)
        if getattr(params, name) is not None:
            descriptors[name] = getattr(params, name)
    data = split.data_of(params.transfer_data, intent.transfer_data)
    shared = await split.shared_anew(tx, charge, amount, params.application_fee_amount, data)
    await charges.capture(tx, charge, amount, **descriptors, **shared)
    shared = shared and {**shared, "transfer_data": data}
    tx.unschedule("payment_intent.expire", intent.id)
    return tx.move(
        intent, LIFE["capture"], amount_capturable=0, amount_received=amount,
        metadata=merge_metadata(intent.metadata, params.metadata), **descriptors, **shared,
    )  # fmt: skip


async def cancel(tx: Tx, intent: Record, params: CancelParams) -> Record:
    if intent.status not in CANCELABLE:
        raise invalid(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    if intent.status == "requires_capture":
        charges.release(tx, await tx.get(CHARGE, intent.latest_charge or ""))
        tx.unschedule("payment_intent.expire", intent.id)
    return _canceled(tx, intent, params.cancellation_reason)


def _canceled(tx: Tx, intent: Record, reason: str | None) -> Record:
    return tx.move(
        intent, LIFE["cancel"], canceled_at=tx.now, cancellation_reason=reason, amount_capturable=0,
        next_action=None, attempt=None,
    )  # fmt: skip


async def expire_job(tx: Tx, id: str) -> None:
    """Job `payment_intent.expire`: the hold was not captured in time."""
    intent = await tx.get(PAYMENT_INTENT, id)
    if intent.status == "requires_capture":
        charges.expire(tx, await tx.get(CHARGE, intent.latest_charge or ""))
        _canceled(tx, intent, "automatic")


async def increment_authorization(tx: Tx, intent: Record, params: IncrementParams) -> Record:
    if intent.status != "requires_capture":
        raise _unexpected(intent, "incremented")
    charge = await tx.get(CHARGE, intent.latest_charge or "")
    details = (charge.payment_method_details or {}).get(charge.rail, {})
    if details.get("incremental_authorization", {}).get("status") != "available":
        raise invalid(
            "This PaymentIntent is not eligible for incremental authorization. Ask for it when confirming, with "
            "payment_method_options[card][request_incremental_authorization]=if_available.",
            code="payment_intent_invalid_parameter",
        )  # fmt: skip
    if params.amount <= intent.amount:
        raise invalid(f"`amount` must be greater than the amount already authorized, {intent.amount}.", "amount",
                      "amount_too_small")  # fmt: skip
    changed = {n: v for n in ("description", "statement_descriptor") if (v := getattr(params, n)) is not UNSET}
    check_carried(params.amount, intent.currency)
    data = split.data_of(params.transfer_data, intent.transfer_data)
    shared = await split.shared_anew(tx, charge, params.amount, params.application_fee_amount, data)
    charges.increment(tx, charge, params.amount, **shared)
    shared = shared and {**shared, "transfer_data": data}
    return tx.move(
        intent, LIFE["increment"], amount=params.amount, amount_capturable=params.amount,
        metadata=merge_metadata(intent.metadata, params.metadata), **changed, **shared,
    )  # fmt: skip


async def apply_customer_balance(tx: Tx, intent: Record, params: ApplyBalanceParams) -> Record:
    if "customer_balance" not in intent.payment_method_types:
        raise invalid(
            "This PaymentIntent does not accept `customer_balance` as a payment method type, so a customer's cash "
            "balance cannot be applied to it.", code="payment_intent_invalid_parameter", payment_intent=intent,
        )  # fmt: skip
    raise _unexpected(intent, "paid from a cash balance")


async def verify_microdeposits(tx: Tx, intent: Record, params: MicrodepositsParams) -> Record:
    raise invalid(
        "This PaymentIntent cannot be verified with microdeposits: its next action is "
        f"{(intent.next_action or {}).get('type', 'nothing')}.",
        code="payment_intent_unexpected_state", payment_intent=intent,
    )  # fmt: skip


async def line_items(tx: Tx, intent: Record, params: NoParams) -> Wire:
    """The lines that `amount_details` was given, as a list."""
    data = [
        {"id": f"uli_{intent.id[3:]}{n}", "object": "payment_intent_amount_details_line_item",
         "discount_amount": None, "payment_method_options": None, "product_code": None, "tax": None,
         "unit_of_measure": None, **{k: v for k, v in item.items() if v is not None}}
        for n, item in enumerate(intent.line_items)
    ]  # fmt: skip
    url = f"/v1/payment_intents/{intent.id}/amount_details_line_items"
    return {"object": "list", "data": data, "has_more": False, "url": url}


async def authenticate(tx: Tx, intent: Record, params: AuthenticateParams) -> Record:
    """Test helper: be the customer at the 3-D Secure challenge."""
    if intent.status != "requires_action":
        raise _unexpected(intent, "authenticated")
    done = await confirmation.authenticated(tx, intent, "succeeded" if params.outcome == "succeed" else "failed")
    tx.outcome = None  # the challenge was answered, whatever came of it
    return done


BY_CUSTOMER = Filter("customer")
_ID = "/v1/payment_intents/{id}"
PAYMENT_INTENT: Resource[Record] = Resource(
    object="payment_intent",
    prefix="pi",
    id_param="intent",
    record=Record,
    shape=PaymentIntent,
    life=LIFE,
    present=shown.payment_intent,
    doc="The wish to be paid an amount, through every attempt until it succeeds or is canceled.",
    filters=(BY_CUSTOMER,),
    browser=(
        "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
        "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
        "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_configuration_details",
        "payment_method_types", "processing", "receipt_email", "setup_future_usage", "shipping", "source", "status",
    ),
    expands=("customer", "latest_charge", "payment_method", "review", "last_payment_error.payment_method",
             "on_behalf_of", "application", "source", "transfer_data.destination"),
    elsewhere={"destination": "destination", "on_behalf_of": "on_behalf_of"},
    search={
        "amount": SearchField("amount", "number"),
        "created": SearchField("created", "number"),
        "currency": SearchField("currency", "token"),
        "customer": SearchField("customer", "token", exact=True),
        "status": SearchField("status", "token", index=True, common="succeeded"),
    },
    verbs=(
        Verb(name="create", method="POST", path="/v1/payment_intents", run=create, params=CreateParams, kind="create"),
        listing("/v1/payment_intents", BY_CUSTOMER, Filter("customer_account")),
        searching("/v1/payment_intents/search"),
        retrieve(_ID, access="client_secret"),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="confirm", method="POST", path=f"{_ID}/confirm", run=confirm, params=ConfirmParams,
             access="client_secret"),
        Verb(name="capture", method="POST", path=f"{_ID}/capture", run=capture, params=CaptureParams),
        Verb(name="cancel", method="POST", path=f"{_ID}/cancel", run=cancel, params=CancelParams),
        Verb(name="increment_authorization", method="POST", path=f"{_ID}/increment_authorization",
             run=increment_authorization, params=IncrementParams),
        Verb(name="apply_customer_balance", method="POST", path=f"{_ID}/apply_customer_balance",
             run=apply_customer_balance, params=ApplyBalanceParams),
        Verb(name="verify_microdeposits", method="POST", path=f"{_ID}/verify_microdeposits",
             run=verify_microdeposits, params=MicrodepositsParams, access="client_secret"),
        Verb(name="amount_details_line_items", method="GET", path=f"{_ID}/amount_details_line_items",
             run=line_items, answers=list[LineItem]),
        Verb(name="authenticate", method="POST", path="/v1/test_helpers/payment_intents/{id}/authenticate",
             run=authenticate, params=AuthenticateParams, dev_only=True,
             summary="Complete or fail the 3-D Secure challenge, as the customer would on the hosted page."),
    ),
    errors=("payment_intent_unexpected_state", "payment_intent_incompatible_payment_method", "amount_too_small",
            "amount_too_large", "card_declined", "authentication_required", "parameters_exclusive",
            "payment_intent_authentication_failure", "payment_intent_invalid_parameter", "email_invalid",
            "invalid_characters"),
)  # fmt: skip
RESOURCE = PAYMENT_INTENT
