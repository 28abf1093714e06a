"""Payment intent, its verbs: create, update, confirm, capture, raise, cancel. Shape and life are in `intent`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.money import CURRENCIES, LARGEST_AMOUNT, SMALLEST_CHARGE, text
from nostro.kernel.resource import (
    Filter,
    MetadataParam,
    NoParams,
    Params,
    Resource,
    Unset,
    Verb,
    Wire,
    listing,
    merge_metadata,
    retrieve,
    searching,
)  # fmt: skip
from nostro.kernel.search import SearchField
from nostro.rails.rail import rail_of
from nostro.storage.tx import Tx

from . import charge as charges
from . import confirmation
from . import payment_method as methods
from .address import ShippingParams
from .charge import CHARGE
from .confirmation import Terms
from .customer import CUSTOMER
from .intent import CANCELABLE, LIFE, OPEN, CaptureMethod, PaymentIntent, Record, Usage

Money = Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
OffSession = bool | Literal["one_off", "recurring"]
Maps = dict[str, Any]


class AutomaticParams(Params, frozen=True, kw_only=True):
    enabled: bool
    allow_redirects: Literal["always", "never"] | None = None


class LineItemParams(Params, frozen=True, kw_only=True):
    product_name: str
    quantity: int
    unit_cost: int
    discount_amount: int | None = None
    payment_method_options: Maps | None = None
    product_code: str | None = None
    tax: Maps | None = None
    unit_of_measure: str | None = None


class AmountDetailsParams(Params, frozen=True, kw_only=True):
    discount_amount: int | None = None
    enforce_arithmetic_validation: bool | None = None
    line_items: list[LineItemParams] | None = None
    shipping: Maps | None = None
    tax: Maps | None = None


class PaymentDetailsParams(Params, frozen=True, kw_only=True):
    customer_reference: str | None = None
    order_reference: str | None = None


class OnlineParams(Params, frozen=True, kw_only=True):
    ip_address: str | None = None
    user_agent: str | None = None


class AcceptanceParams(Params, frozen=True, kw_only=True):
    type: Literal["offline", "online"]
    accepted_at: int | None = None
    offline: Maps | None = None
    online: OnlineParams | None = None


class MandateDataParams(Params, frozen=True, kw_only=True):
    customer_acceptance: AcceptanceParams


class Common(Params, frozen=True, kw_only=True):
    """What create, update and confirm share."""

    amount_details: AmountDetailsParams | None | Unset = UNSET
    capture_method: CaptureMethod | Unset = UNSET
    payment_details: PaymentDetailsParams | None | Unset = UNSET
    payment_method: str | None | Unset = UNSET
    payment_method_data: Maps | None | Unset = UNSET
    payment_method_options: Maps | None | Unset = UNSET
    payment_method_types: list[str] | Unset = UNSET
    allowed_payment_method_types: list[str] | Unset = UNSET
    excluded_payment_method_types: list[str] | None | Unset = UNSET
    hooks: Maps | Unset = UNSET
    receipt_email: str | None | Unset = UNSET
    setup_future_usage: Usage | None | Unset = UNSET
    shipping: ShippingParams | None | Unset = UNSET


class Confirming(Common, frozen=True, kw_only=True):
    """What create (with `confirm`) and confirm share."""

    confirmation_token: str | None = None
    error_on_requires_action: bool = False
    mandate: str | None = None
    mandate_data: MandateDataParams | None = None
    off_session: OffSession = False
    radar_options: Maps | None = None
    return_url: str | None = None
    use_stripe_sdk: bool = False


class Described(Params, frozen=True, kw_only=True):
    """What create and update share beyond `Common`."""


class CreateParams(Confirming, frozen=True, kw_only=True):
    amount: Money
    currency: str
    application_fee_amount: int | None = None
    automatic_payment_methods: AutomaticParams | None = None
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    customer: str | None = None
    customer_account: str | None = None
    description: str | None = None
    metadata: dict[str, str | None] | None = None
    on_behalf_of: str | None = None
    payment_method_configuration: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: Maps | None = None
    transfer_group: str | None = None


class UpdateParams(Common, frozen=True, kw_only=True):
    amount: Money | Unset = UNSET
    application_fee_amount: int | None | Unset = UNSET
    currency: str | Unset = UNSET
    customer: str | Unset = UNSET
    customer_account: str | Unset = UNSET
    description: str | None | Unset = UNSET
    metadata: MetadataParam = UNSET
    payment_method_configuration: str | Unset = UNSET
    statement_descriptor: str | None | Unset = UNSET
    statement_descriptor_suffix: str | None | Unset = UNSET
    transfer_data: Maps | Unset = UNSET
    transfer_group: str | Unset = UNSET


class ConfirmParams(Confirming, frozen=True, kw_only=True):
    amount_to_confirm: int | None = None


class CaptureParams(Params, frozen=True, kw_only=True):
    amount_details: AmountDetailsParams | None = None
    amount_to_capture: Money | None = None
    application_fee_amount: int | None = None
    final_capture: bool = True
    hooks: Maps | None = None
    metadata: MetadataParam = UNSET
    payment_details: PaymentDetailsParams | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_data: Maps | None = None


class CancelParams(Params, frozen=True, kw_only=True):
    cancellation_reason: Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"] | None = None


class IncrementParams(Params, frozen=True, kw_only=True):
    amount: Money
    amount_details: AmountDetailsParams | None = None
    application_fee_amount: int | None = None
    description: str | None | Unset = UNSET
    hooks: Maps | None = None
    metadata: MetadataParam = UNSET
    payment_details: PaymentDetailsParams | None = None
    statement_descriptor: str | None | Unset = UNSET
    transfer_data: Maps | None = None


class ApplyBalanceParams(Params, frozen=True, kw_only=True):
    amount: Money | None = None
    currency: str | None = None


class MicrodepositsParams(Params, frozen=True, kw_only=True):
    amounts: list[int] | None = None
    descriptor_code: str | None = None


class AuthenticateParams(Params, frozen=True, kw_only=True):
    outcome: Literal["succeed", "fail"] = "succeed"


# Checks ----------------------------------------------------------------------

_DESCRIPTOR = re.compile(r"[A-Za-z]")


def check_amount(amount: int, currency: str) -> None:
    """Raises for a currency that is not known or an amount below what a network carries."""
    if currency not in CURRENCIES:
        raise invalid(
            f"Invalid currency: {currency[:20]}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(CURRENCIES))}".replace("Stripe currently supports", "Supported are"), "currency",
        )  # fmt: skip
    least = SMALLEST_CHARGE.get(currency, 1)
    if amount < least:
        raise invalid(
            f"Amount must be at least {text(least, currency)}", "amount", "amount_too_small",
        )  # fmt: skip


def check_descriptor(value: str | None, name: str) -> None:
    """5 to 22 Latin characters with a letter, and none of `<>\\'"*`: the card networks' rule."""
    if value is None:
        return
    if len(value) > 22 or (name == "statement_descriptor" and len(value) < 5):
        raise invalid("The statement descriptor must be between 5 and 22 characters long.", name)
    if not value.isascii() or set(value) & set("<>\\'\"*"):
        raise invalid("The statement descriptor contains a character that is not allowed: < > \\ ' \" *", name,
                      "invalid_characters")  # fmt: skip
    if not _DESCRIPTOR.search(value):
        raise invalid("The statement descriptor must contain at least one alphabetic character.", name)


def check_platform(params: Any) -> None:
    """Marketplace parameters need connected accounts, which this sandbox does not have."""
    for name in ("on_behalf_of", "transfer_data", "application_fee_amount"):
        if getattr(params, name, None) not in (None, UNSET):
            raise invalid(f"Can only use {name} with connected accounts, and there are none here.", name)


def _unexpected(intent: Record, what: str) -> ApiError:
    return invalid(
        f"This PaymentIntent could not be {what} because it has a status of {intent.status}.",
        code="payment_intent_unexpected_state", payment_intent=intent,
    )  # fmt: skip


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    check_amount(params.amount, currency)
    check_platform(params)
    if not params.confirm:
        _only_with_confirm(params)
    if params.customer is not None:
        await tx.get(CUSTOMER, params.customer, "customer")
    id = tx.new_id("pi")
    types, automatic = _types(tx, params)
    intent = Record(
        id=id,
        created=tx.now,
        livemode=tx.scope.livemode,
        amount=params.amount,
        automatic_payment_methods=automatic,
        capture_method="automatic_async" if params.capture_method is UNSET else params.capture_method,
        client_secret=f"{id}_secret_{tx.world.ids.secret(25)}",
        confirmation_method=params.confirmation_method,
        currency=currency,
        customer=params.customer,
        description=params.description,
        metadata=merge_metadata({}, params.metadata),
        payment_method_types=types,
        statement_descriptor=params.statement_descriptor,
        statement_descriptor_suffix=params.statement_descriptor_suffix,
        status="requires_payment_method",
        transfer_group=params.transfer_group,
    )
    intent = msgspec.structs.replace(intent, **_changed(tx, intent, params))
    method = await _method(tx, intent, params)
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


def _types(tx: Tx, params: CreateParams) -> tuple[list[str], Maps | None]:
    """The rails that may be used: those named, or all that take the currency."""
    if params.payment_method_types is not UNSET:
        if params.automatic_payment_methods and params.automatic_payment_methods.enabled:
            raise invalid(
                "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
                code="parameters_exclusive",
            )  # fmt: skip
        for n, type in enumerate(params.payment_method_types):
            rail_of(tx, type, f"payment_method_types[{n}]")
        return params.payment_method_types, None
    excluded = [] if params.excluded_payment_method_types in (UNSET, None) else params.excluded_payment_method_types
    types = [type for type in tx.world.rails if type not in (excluded or ())]
    redirects = params.automatic_payment_methods.allow_redirects if params.automatic_payment_methods else None
    if params.automatic_payment_methods and not params.automatic_payment_methods.enabled:
        return types, None
    return types, {"allow_redirects": redirects or "always", "enabled": True}


def _changed(tx: Tx, intent: Record, params: Any) -> dict[str, Any]:
    """The fields that `Common` and the descriptions ask to change."""
    out: dict[str, Any] = {}
    for name in ("capture_method", "receipt_email", "setup_future_usage", "description", "transfer_group",
                 "statement_descriptor", "statement_descriptor_suffix", "excluded_payment_method_types"):  # fmt: skip
        value = getattr(params, name, UNSET)
        if value is not UNSET:
            out[name] = value
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        check_descriptor(out.get(name), name)
    if (out.get("receipt_email") or "a@b").find("@") < 1:
        raise invalid(f"Invalid email address: {out['receipt_email']}", "receipt_email", "email_invalid")
    if params.shipping is not UNSET if hasattr(params, "shipping") else False:
        out["shipping"] = params.shipping.shape() if params.shipping else None
    details = getattr(params, "amount_details", UNSET)
    if details is not UNSET and details is not None:
        out |= _amount_details(details)
    if getattr(params, "payment_details", UNSET) not in (UNSET, None):
        out["payment_details"] = msgspec.structs.asdict(params.payment_details)
    options = dict(intent.options)
    given = getattr(params, "payment_method_options", UNSET)
    for type, form in ({} if given is UNSET else given or {}).items():
        rail = rail_of(tx, type, f"payment_method_options[{type}]")
        methods.rail_params(form or {}, rail.options, f"payment_method_options[{type}]")
        options[type] = {**options.get(type, {}), **(form or {})}
    types = intent.payment_method_types
    out["options"] = options
    out["payment_method_options"] = {
        type: rail.show_options(msgspec.convert(options.get(type, {}), rail.options, strict=False))
        for type in types
        if (rail := rail_of(tx, type))
    }
    return out


def _amount_details(details: AmountDetailsParams) -> dict[str, Any]:
    shown = {
        name: value for name in ("discount_amount", "shipping", "tax") if (value := getattr(details, name)) is not None
    }
    out: dict[str, Any] = {"amount_details": msgspec.convert(shown, dict[str, Any])}
    for part in ("shipping", "tax"):
        if part in shown:
            out["amount_details"][part] = {k: int(v) if k.endswith("amount") else v for k, v in shown[part].items()}
    if details.line_items is not None:
        out["line_items"] = [msgspec.to_builtins(item) for item in details.line_items]
    return out


async def _method(tx: Tx, intent: Record, params: Any) -> methods.Record | None:
    """The payment method that the caller named or described, checked; None if there was none."""
    given = [name for name in ("payment_method", "payment_method_data", "confirmation_token")
             if getattr(params, name, None) not in (None, UNSET)]  # fmt: skip
    if len(given) > 1:
        raise invalid(f"You may only specify one of these parameters: {', '.join(given)}.",
                      code="parameters_exclusive")  # fmt: skip
    if not given:
        return None
    if given[0] == "payment_method":
        method = await methods.usable(tx, params.payment_method)
    elif given[0] == "payment_method_data":
        method = tx.save(methods.from_data(tx, params.payment_method_data))
    else:
        from .confirmation_token import spend

        method = await spend(tx, params.confirmation_token, intent.id)
    methods.check_usable(method, intent.customer)
    return method


async def _confirm(tx: Tx, intent: Record, method: methods.Record | None, params: Confirming) -> Record:
    if method is None and intent.payment_method:
        method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method, "payment_method")
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.", code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    terms = Terms(
        off_session=bool(params.off_session),
        error_on_requires_action=params.error_on_requires_action,
        return_url=params.return_url,
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
    check_platform(params)
    changed = _changed(tx, intent, params)
    currency = intent.currency if params.currency is UNSET else params.currency.lower()
    amount = intent.amount if params.amount is UNSET else params.amount
    check_amount(amount, currency)
    if params.customer is not UNSET:
        await tx.get(CUSTOMER, params.customer, "customer")
        changed["customer"] = params.customer
    intent = msgspec.structs.replace(
        intent, amount=amount, currency=currency, metadata=merge_metadata(intent.metadata, params.metadata), **changed
    )
    if params.payment_method is None:
        return tx.move(intent, LIFE["drop_method"], payment_method=None, next_action=None)
    method = await _method(tx, intent, params)
    if method is not None:
        return tx.move(intent, LIFE["choose_method"], payment_method=method.id, next_action=None)
    return tx.save(intent)


async def confirm(tx: Tx, intent: Record, params: ConfirmParams) -> Record:
    if intent.status not in OPEN:
        raise invalid(
            f"You cannot confirm this PaymentIntent because it has already "
            f"{'been canceled' if intent.status == 'canceled' else 'succeeded after being previously confirmed'}."
            if intent.status != "requires_capture" else
            "You cannot confirm this PaymentIntent because it has a status of requires_capture: capture or cancel it.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    if params.amount_to_confirm not in (None, intent.amount):
        raise invalid(f"`amount_to_confirm` does not equal the amount of the PaymentIntent, {intent.amount}.",
                      "amount_to_confirm", "amount_too_large")  # fmt: skip
    method = await _method(tx, intent, params)
    if intent.status == "requires_action" and method is None:
        return intent
    intent = msgspec.structs.replace(intent, **_changed(tx, intent, params))
    return await _confirm(tx, intent, method, params)


async def capture(tx: Tx, intent: Record, params: CaptureParams) -> Record:
    check_platform(params)
    if intent.status != "requires_capture":
        raise invalid(
            f"This PaymentIntent could not be captured because it has a status of {intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    amount = intent.amount_capturable if params.amount_to_capture is None else params.amount_to_capture
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
    charges.capture(tx, charge, amount, **descriptors)
    tx.unschedule("payment_intent.expire", intent.id)
    return tx.move(
        intent, LIFE["capture"], amount_capturable=0, amount_received=amount,
        metadata=merge_metadata(intent.metadata, params.metadata), **descriptors,
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
    check_platform(params)
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
    charges.increment(tx, charge, params.amount)
    return tx.move(
        intent, LIFE["increment"], amount=params.amount, amount_capturable=params.amount,
        metadata=merge_metadata(intent.metadata, params.metadata), **changed,
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
    doc="The wish to be paid an amount, through every attempt until it succeeds or is canceled.",
    filters=(BY_CUSTOMER,),
    expands=("customer", "latest_charge", "payment_method", "review", "last_payment_error.payment_method",
             "on_behalf_of", "application", "source"),
    search={
        "amount": SearchField("amount", "number"),
        "created": SearchField("created", "number"),
        "currency": SearchField("currency", "token"),
        "customer": SearchField("customer", "token"),
        "status": SearchField("status", "token"),
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
             run=line_items),
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
