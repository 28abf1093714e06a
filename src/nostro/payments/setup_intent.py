"""Setup intent, its verbs: create, update, confirm, cancel. Shape and life are in `setup`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.money import LARGEST_AMOUNT
from nostro.kernel.resource import (
    Filter,
    MetadataParam,
    Params,
    Resource,
    Unset,
    Verb,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import choice, shown, split
from . import confirmation_token as confirmation_tokens
from . import mandate as mandates
from . import payment_method as methods
from . import setup_confirmation as confirmation
from .attempt import Terms
from .customer import CUSTOMER
from .intent_params import AuthenticateParams, AutomaticParams, MandateDataParams, MethodParams, MicrodepositsParams
from .mandate import SingleUse
from .rules import check_amount, check_return_url
from .setup import LIFE, OPEN, CancellationReason, Record, SetupIntent, Usage

CODE = "setup_intent_unexpected_state"


class SingleUseParams(Params, frozen=True, kw_only=True):
    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
    currency: str


class Confirming(MethodParams, frozen=True, kw_only=True):
    """What create (with `confirm`) and confirm share."""

    confirmation_token: str | None = None
    mandate_data: MandateDataParams | None = None
    return_url: str | None = None
    use_stripe_sdk: bool = False


class CreateParams(Confirming, frozen=True, kw_only=True):
    attach_to_self: bool = False
    automatic_payment_methods: AutomaticParams | None = None
    confirm: bool = False
    customer: str | None = None
    customer_account: str | None = None
    description: str | None = None
    flow_directions: list[Literal["inbound", "outbound"]] | None = None
    metadata: dict[str, str | None] | None = None
    on_behalf_of: str | None = None
    payment_method_configuration: str | None = None
    single_use: SingleUseParams | None = None
    usage: Usage = "off_session"


class UpdateParams(MethodParams, frozen=True, kw_only=True):
    attach_to_self: bool | Unset = UNSET
    customer: str | Unset = UNSET
    customer_account: str | Unset = UNSET
    description: str | None | Unset = UNSET
    flow_directions: list[Literal["inbound", "outbound"]] | Unset = UNSET
    metadata: MetadataParam = UNSET
    payment_method_configuration: str | Unset = UNSET


class ConfirmParams(Confirming, frozen=True, kw_only=True):
    """Nothing more."""


class CancelParams(Params, frozen=True, kw_only=True):
    cancellation_reason: CancellationReason | None = None


def _unexpected(intent: Record, what: str) -> ApiError:
    return invalid(
        f"This SetupIntent could not be {what} because it has a status of {intent.status}.",
        code=CODE, setup_intent=intent,
    )  # fmt: skip


def _check_self(params: CreateParams | UpdateParams) -> None:
    """A merchant's own money moves over bank accounts, which are added elsewhere."""
    for name in ("attach_to_self", "flow_directions"):
        if getattr(params, name) not in (None, False, UNSET):
            raise invalid(f"`{name}` is for a merchant's own payment methods, which cannot be set up here.", name)


def _only_with_confirm(params: CreateParams) -> None:
    for name in ("mandate_data", "return_url", "confirmation_token"):
        if getattr(params, name) is not None:
            raise invalid(f"`{name}` may only be used when creating a SetupIntent if `confirm` is set to true.", name)


def _single_use(given: SingleUseParams | None) -> SingleUse | None:
    if given is None:
        return None
    currency = given.currency.lower()
    check_amount(given.amount, currency)
    return SingleUse(amount=given.amount, currency=currency)


def _options(tx: Tx, intent: Record, params: MethodParams) -> dict[str, Any]:
    return choice.options(tx, intent.options, params.payment_method_options, setup=True)


# Verbs -----------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    if params.on_behalf_of is not None:
        await split.check_on_behalf_of(tx, params.on_behalf_of)
    _check_self(params)
    if not params.confirm:
        _only_with_confirm(params)
    if params.customer is not None:
        await tx.get(CUSTOMER, params.customer, "customer")
    id = tx.new_id("seti")
    params = await confirmation_tokens.filled(tx, params, id)
    intent = Record(
        id=id,
        created=tx.now,
        livemode=tx.scope.livemode,
        client_secret=f"{id}_secret_{tx.world.ids.word(25)}",
        customer=params.customer,
        description=params.description,
        application=await split.application(tx),
        metadata=merge_metadata({}, params.metadata),
        on_behalf_of=params.on_behalf_of,
        single_use=_single_use(params.single_use),
        status="requires_payment_method",
        usage=params.usage,
        **choice.accepted_types(tx, params, params.automatic_payment_methods),
    )
    intent = msgspec.structs.replace(intent, **_options(tx, intent, params))
    method = await choice.method(tx, params, intent.customer)
    if method is None:
        intent = tx.move(intent, LIFE["create"])
    else:
        intent = tx.move(intent, LIFE["create_with_method"], payment_method=method.id)
    return await _confirm(tx, intent, method, params) if params.confirm else intent


async def update(tx: Tx, intent: Record, params: UpdateParams) -> Record:
    if intent.status not in OPEN:
        for name in params.__struct_fields__:
            if name not in ("description", "metadata") and getattr(params, name) is not UNSET:
                raise _unexpected(intent, "updated")
    _check_self(params)
    intent = msgspec.structs.replace(intent, **choice.changed_types(tx, params))
    changed = _options(tx, intent, params)
    if params.description is not UNSET:
        changed["description"] = params.description
    if params.customer is not UNSET:
        await tx.get(CUSTOMER, params.customer, "customer")
        changed["customer"] = params.customer
    intent = msgspec.structs.replace(intent, metadata=merge_metadata(intent.metadata, params.metadata), **changed)
    if params.payment_method is None:
        await _abandon(tx, intent)
        return tx.move(intent, LIFE["drop_method"], payment_method=None, next_action=None, terms=None)
    method = await choice.method(tx, params, intent.customer)
    if method is None:
        return tx.save(intent)
    await _abandon(tx, intent)
    return tx.move(intent, LIFE["choose_method"], payment_method=method.id, next_action=None, terms=None)


async def confirm(tx: Tx, intent: Record, params: ConfirmParams) -> Record:
    if intent.status not in OPEN:
        raise invalid(
            f"You cannot confirm this SetupIntent because it has already "
            f"{'been canceled' if intent.status == 'canceled' else 'succeeded'}.", code=CODE, setup_intent=intent,
        )  # fmt: skip
    params = await confirmation_tokens.filled(tx, params, intent.id)
    method = await choice.method(tx, params, intent.customer)
    if intent.status == "requires_action" and method is None:
        return intent
    intent = msgspec.structs.replace(intent, **choice.changed_types(tx, params))
    intent = msgspec.structs.replace(intent, **_options(tx, intent, params))
    return await _confirm(tx, intent, method, params)


async def _confirm(tx: Tx, intent: Record, method: methods.Record | None, params: Confirming) -> Record:
    check_return_url(params.return_url)
    if method is None and intent.payment_method:
        method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method, "payment_method")
    if method is None:
        error = invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with "
            "a payment method and confirm it again, or confirm it with a payment method or ConfirmationToken.",
            code=CODE,
        )
        if not isinstance(params, CreateParams):  # one that was to be created is not there
            error.objects["setup_intent"] = intent
        raise error
    terms = Terms(
        return_url=params.return_url,
        use_stripe_sdk=params.use_stripe_sdk,
        acceptance=mandates.acceptance(tx, params.mandate_data),
    )
    return await confirmation.confirm(tx, intent, method, terms)


async def cancel(tx: Tx, intent: Record, params: CancelParams) -> Record:
    if intent.status not in OPEN:
        raise invalid(
            f"You cannot cancel this SetupIntent because it has a status of {intent.status}. Only a SetupIntent with "
            f"one of the following statuses may be canceled: {', '.join(OPEN)}.", code=CODE, setup_intent=intent,
        )  # fmt: skip
    await _abandon(tx, intent)
    return tx.move(
        intent, LIFE["cancel"], cancellation_reason=params.cancellation_reason, next_action=None, terms=None
    )  # fmt: skip


async def _abandon(tx: Tx, intent: Record) -> None:
    if intent.latest_attempt is not None:
        await confirmation.abandon(tx, intent.latest_attempt)


async def verify_microdeposits(tx: Tx, intent: Record, params: MicrodepositsParams) -> Record:
    raise invalid(
        "This SetupIntent cannot be verified with microdeposits: its next action is "
        f"{(intent.next_action or {}).get('type', 'nothing')}.", code=CODE, setup_intent=intent,
    )  # fmt: skip


async def authenticate(tx: Tx, intent: Record, params: AuthenticateParams) -> Record:
    """Test helper: be the customer at the 3-D Secure challenge."""
    if intent.status != "requires_action":
        raise _unexpected(intent, "authenticated")
    done = await confirmation.authenticated(tx, intent, "succeeded" if params.outcome == "succeed" else "failed")
    tx.outcome = None  # the challenge was answered, whatever came of it
    return done


BY_CUSTOMER, BY_METHOD = Filter("customer"), Filter("payment_method")
_ID = "/v1/setup_intents/{id}"
SETUP_INTENT: Resource[Record] = Resource(
    object="setup_intent",
    prefix="seti",
    id_param="intent",
    record=Record,
    shape=SetupIntent,
    life=LIFE,
    present=shown.setup_intent,
    doc="The wish to save a payment method, authenticated if need be, for payments to come.",
    filters=(BY_CUSTOMER, BY_METHOD),
    browser=(
        "id", "object", "automatic_payment_methods", "cancellation_reason", "client_secret", "created", "description",
        "last_setup_error", "livemode", "next_action", "payment_method", "payment_method_configuration_details",
        "payment_method_types", "status", "usage",
    ),
    expands=("customer", "latest_attempt", "mandate", "payment_method", "single_use_mandate",
             "last_setup_error.payment_method", "on_behalf_of", "application"),
    elsewhere={"on_behalf_of": "on_behalf_of"},
    verbs=(
        Verb(name="create", method="POST", path="/v1/setup_intents", run=create, params=CreateParams, kind="create"),
        listing("/v1/setup_intents", BY_CUSTOMER, Filter("customer_account"), BY_METHOD,
                Filter("attach_to_self", kind="bool", wide=True)),
        retrieve(_ID, access="client_secret"),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="confirm", method="POST", path=f"{_ID}/confirm", run=confirm, params=ConfirmParams,
             access="client_secret"),
        Verb(name="cancel", method="POST", path=f"{_ID}/cancel", run=cancel, params=CancelParams),
        Verb(name="verify_microdeposits", method="POST", path=f"{_ID}/verify_microdeposits",
             run=verify_microdeposits, params=MicrodepositsParams, access="client_secret"),
        Verb(name="authenticate", method="POST", path="/v1/test_helpers/setup_intents/{id}/authenticate",
             run=authenticate, params=AuthenticateParams, dev_only=True,
             summary="Complete or fail the 3-D Secure challenge, as the customer would on the hosted page."),
    ),
    errors=("setup_intent_unexpected_state", "setup_intent_authentication_failure", "setup_intent_invalid_parameter",
            "card_declined", "parameters_exclusive", "url_invalid"),
)  # fmt: skip
RESOURCE = SETUP_INTENT
