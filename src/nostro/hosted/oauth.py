"""OAuth for platforms: the page on which an account's holder agrees, and the two calls of the SDK's `OAuth`.

`/oauth/authorize` and `/express/oauth/authorize` are pages; `/oauth/token` and `/oauth/deauthorize` take a secret key
and answer in OAuth's own form of errors (RFC 6749, 5.2). Test mode only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from nostro.connect import oauth
from nostro.connect.oauth import GRANT, SCOPE
from nostro.controls.api_key import Caller, Keys, issue
from nostro.events.work import perform
from nostro.kernel.errors import ApiError
from nostro.kernel.form import FormError, decode
from nostro.kernel.http import Incoming, Reply
from nostro.storage.scope import account_scope
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import render
from .lookup import scope_of

IP = "127.0.0.1"
JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
AUTHORIZE = ("/oauth/authorize", "/express/oauth/authorize")
Form = dict[str, Any]


class Refused(Exception):
    """What OAuth answers instead: its code, and why."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.error, self.why, self.status = error, why, status


def oauth_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    keys = Keys(world)

    async def page(incoming: Incoming) -> Reply:
        try:
            form = {**decode(incoming.query), **decode(incoming.body)}
        except FormError as error:
            return _answer(400, error="invalid_request", error_description=str(error))
        if incoming.path in AUTHORIZE:
            return await _ask(world, incoming, form)
        if incoming.method != "POST":
            return render.nothing()
        try:
            caller = await _caller(keys, incoming, form)
            if incoming.path == "/oauth/token":
                return await _token(world, caller, form)
            if incoming.path == "/oauth/deauthorize":
                return await _deauthorize(world, caller, form)
        except Refused as refused:
            return _answer(refused.status, error=refused.error, error_description=refused.why)
        return render.nothing()

    return page


def _answer(status: int, **values: Any) -> Reply:
    return Reply(status, msgspec.json.encode(values), list(JSON))


async def _caller(keys: Keys, incoming: Incoming, form: Form) -> Caller:
    """The platform whose secret key it is, in the header or as `client_secret`."""
    scheme, _, given = (incoming.header(b"authorization") or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    keys.forget()  # few ask here, and a key that was revoked must not open a door
    try:
        caller = await keys.accept(str(form.get("client_secret") or given.strip()))
    except ApiError as error:
        raise Refused("invalid_client", error.message, 401) from None
    if caller.kind != "secret" or caller.scope.connected:
        raise Refused("invalid_client", "Use the secret key of a platform.", 401)
    if caller.scope.livemode:
        raise Refused("invalid_request", "Accounts are connected in test mode only.")
    return caller


# The page --------------------------------------------------------------------


async def _ask(world: World, incoming: Incoming, form: Form) -> Reply:
    platform = await oauth.platform_of(world, str(form.get("client_id") or ""))
    back = str(form.get("redirect_uri") or "")
    if platform is None:
        return render.message("No such platform", "Its client_id is its account id with ca_ in place of acct_.", 400)
    if urlsplit(back).scheme not in ("http", "https") or not back.isascii() or not back.isprintable() or " " in back:
        return render.message("Nowhere to go back to", "The link needs a redirect_uri, a whole URL.", 400)
    if form.get("response_type", "code") != "code" or form.get("scope") != SCOPE:
        why = f"Only response_type=code and scope={SCOPE} are offered."
        return render.redirect(_back(back, form, error="invalid_scope", error_description=why))
    express = incoming.path == AUTHORIZE[1]
    if incoming.method != "POST":
        return render.show("oauth.html", platform=platform.merchant, express=express, form=_kept(form),
                           path=incoming.path)  # fmt: skip
    if form.get("answer") != "connect":
        why = "The user denied your request."
        return render.redirect(_back(back, form, error="access_denied", error_description=why))
    user = form.get("stripe_user")
    user = user if isinstance(user, dict) else {}

    async def agree(tx: Tx) -> str:
        grant = await oauth.authorize(tx, express=express, country=user.get("country"), email=user.get("email"), ip=IP)
        return grant.id

    try:
        code = await perform(world, platform, agree)
    except ApiError as error:
        return render.message("Not connected", error.message, error.status)
    return render.redirect(_back(back, form, scope=SCOPE, code=code))


def _kept(form: Form) -> list[tuple[str, str]]:
    """What the page's form sends again."""
    kept = [(name, str(value)) for name, value in form.items() if isinstance(value, str) and name != "answer"]
    user = form.get("stripe_user")
    return kept + [(f"stripe_user[{n}]", str(v)) for n, v in (user.items() if isinstance(user, dict) else ())]


def _back(url: str, form: Form, **values: str) -> str:
    if form.get("state"):
        values["state"] = str(form["state"])
    parts = urlsplit(url)
    added = urlencode(values)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


# The calls -------------------------------------------------------------------


async def _token(world: World, caller: Caller, form: Form) -> Reply:
    kind = form.get("grant_type")
    if kind not in ("authorization_code", "refresh_token"):
        raise Refused("unsupported_grant_type", "The grant_type is authorization_code or refresh_token.")
    given = str(form.get("code" if kind == "authorization_code" else "refresh_token") or "")
    code = given if kind == "authorization_code" else oauth.code_of(given)
    scope = await scope_of(world, GRANT, code)
    if scope is None or await account_scope(world, caller.scope, scope.merchant) is None:
        raise Refused("invalid_grant", f"There is no such code for this platform: {given[:60]}")

    async def use(tx: Tx) -> str | None:
        return await (oauth.exchange(tx, given) if kind == "authorization_code" else oauth.refresh(tx, given))

    renewed = await perform(world, scope, use)
    if renewed is None:
        raise Refused("invalid_grant", "This was used before, is too old, or was taken back.")
    return _answer(
        200, access_token=await issue(world, scope, "secret", "OAuth"), livemode=False, refresh_token=renewed,
        scope=SCOPE, stripe_publishable_key=await issue(world, scope, "publishable", "OAuth"),
        stripe_user_id=scope.merchant, token_type="bearer",
    )  # fmt: skip


async def _deauthorize(world: World, caller: Caller, form: Form) -> Reply:
    account = str(form.get("stripe_user_id") or "")
    if str(form.get("client_id") or "") != oauth.client_id(caller.scope.merchant):
        raise Refused("invalid_client", "The client_id is not the one of this key.", 401)
    scope = await account_scope(world, caller.scope, account)
    if scope is None or scope.number == caller.scope.number:
        raise Refused("invalid_client", f"This application is not connected to the account {account[:60]}, or that "
                      "account does not exist.", 401)  # fmt: skip
    if await perform(world, scope, _end) is None:
        raise Refused("invalid_request", "Only accounts with a full dashboard of their own can be disconnected: "
                      "delete or reject this one.")  # fmt: skip
    return _answer(200, stripe_user_id=account)


async def _end(tx: Tx) -> Scope | None:
    return tx.scope if await oauth.deauthorize(tx) else None
