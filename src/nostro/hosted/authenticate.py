"""The page of the test bank: a customer authenticates a payment or a setup there, or fails to.

Its URL holds the intent's client secret, which is all that it takes. In live mode the page is the bank's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from nostro.events.work import perform
from nostro.kernel.errors import ApiError
from nostro.kernel.http import Incoming, Reply
from nostro.payments import payment_intent, setup_intent
from nostro.payments import payment_method as methods
from nostro.payments.intent import Record as Payment
from nostro.payments.intent_params import AuthenticateParams
from nostro.payments.rules import descriptor
from nostro.payments.setup import Record as Setup
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import render
from .lookup import scope_of

PATH = "/hosted/authenticate/"
Intent = Payment | Setup
SUCCEEDED = ("succeeded", "requires_capture", "processing", "authenticated")
OUTCOMES = {
    "succeeded": ("Payment authenticated", "The payment went through. You can close this page."),
    "requires_capture": ("Payment authenticated", "The amount is held on the card. You can close this page."),
    "processing": ("Payment authenticated", "The payment is under way. You can close this page."),
    "canceled": ("Canceled", "The merchant canceled this. There is nothing left to do."),
    "requires_payment_method": ("Not completed", "It did not go through. Go back to the shop to try again."),
    "authenticated": ("Payment authenticated", "The shop completes the payment. You can close this page."),
    "requires_confirmation": ("Nothing to do", "The shop has not asked for authentication yet."),
}  # fmt: skip
SET_UP = ("Card saved", "The card can be used from now on. You can close this page.")


def authenticate_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    """Answers GET with the challenge, and POST with what comes of it."""

    async def page(incoming: Incoming) -> Reply:
        secret = incoming.path.removeprefix(PATH)
        scope = await _scope(world, secret)
        if not incoming.path.startswith(PATH) or scope is None:
            return _nothing()
        if incoming.method == "POST":
            return await _answered(world, scope, secret, incoming.body)
        return await _asked(world, scope, secret)

    return page


async def _scope(world: World, secret: str) -> Scope | None:
    """The test-mode sandbox of the intent that a client secret begins with."""
    id = secret.partition("_secret_")[0]
    resource: Any = _resource(id)
    scope = await scope_of(world, resource, id)
    return None if scope is None or scope.livemode else scope


def _resource(id: str) -> Any:
    return setup_intent.RESOURCE if id.startswith("seti_") else payment_intent.RESOURCE


def _nothing() -> Reply:
    return render.message("Page not found", "This link is incomplete, or belongs to another server.", 404)


async def _intent(tx: Tx, secret: str) -> Intent | None:
    """The intent, if the whole secret is right."""
    id = secret.partition("_secret_")[0]
    intent: Intent | None = await tx.find(_resource(id), id)
    return intent if intent is not None and secrets.compare_digest(intent.client_secret, secret) else None


async def _asked(world: World, scope: Scope, secret: str) -> Reply:
    tx = Tx(world, scope)
    intent = await _intent(tx, secret)
    if intent is None:
        return _nothing()
    if intent.status != "requires_action":
        return _result(intent)
    method = await tx.get(methods.PAYMENT_METHOD, intent.payment_method or "")
    return render.show(
        "authenticate.html",
        amount=render.money(intent.amount, intent.currency) if isinstance(intent, Payment) else None,
        merchant=_merchant(intent),
        account=scope.merchant,
        card=render.instrument(method.details, method.type),
        description=intent.description,
        reference=intent.id,
    )  # fmt: skip


def _merchant(intent: Intent) -> str:
    """The merchant as the cardholder will read it on the statement."""
    if isinstance(intent, Payment):
        return descriptor(intent.statement_descriptor, intent.statement_descriptor_suffix)
    return descriptor(None, None)


async def _answered(world: World, scope: Scope, secret: str, body: bytes) -> Reply:
    """Do what the button says, once: a second click finds it done."""
    outcome = parse_qs(body.decode("latin-1")).get("outcome", [""])[0]
    if outcome not in ("succeed", "fail"):
        return render.message("Not understood", "Go back and choose one of the two buttons.", 400)
    back: list[str | None] = []

    async def answer(tx: Tx) -> Intent | None:
        intent = await _intent(tx, secret)
        if intent is None or intent.status != "requires_action":
            return intent
        back[:] = [intent.terms.return_url if intent.terms else None]
        params = AuthenticateParams(outcome="succeed" if outcome == "succeed" else "fail")
        if isinstance(intent, Setup):
            return await setup_intent.authenticate(tx, intent, params)
        return await payment_intent.authenticate(tx, intent, params)

    try:
        intent = await perform(world, scope, answer)
    except ApiError as error:
        return render.message("Not completed", error.message, error.status)
    if intent is None:
        return _nothing()
    return render.redirect(_return_url(back[0], intent)) if back and back[0] else _result(intent)


def _return_url(url: str, intent: Intent) -> str:
    """The merchant's URL, with what its page needs to look the intent up."""
    noun = "setup_intent" if isinstance(intent, Setup) else "payment_intent"
    status = "succeeded" if _state(intent) in SUCCEEDED else "failed"
    added = urlencode({noun: intent.id, f"{noun}_client_secret": intent.client_secret, "redirect_status": status})
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _state(intent: Intent) -> str:
    """The status, or that the customer has done what this page asks while the merchant's server has not."""
    return "authenticated" if isinstance(intent, Payment) and intent.authenticated else intent.status


def _result(intent: Intent) -> Reply:
    state = _state(intent)
    title, text = SET_UP if state == "succeeded" and isinstance(intent, Setup) else OUTCOMES[state]
    mark = "done" if state in SUCCEEDED else "failed" if state == "requires_payment_method" else ""
    return render.show("message.html", title=title, text=text, mark=mark)
