"""OAuth: the holder of an account lets a platform act for it, and takes that back (RFC 6749, as Stripe offers it).

In test mode the account is opened on the page on which its holder agrees. What the platform gets is a code, good for
some minutes and once, for which it gets keys of the account. A platform's `client_id` is its account id with `ca_` in
place of `acct_`.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.resource import Resource, Stored, View, Wire, public
from nostro.storage.scope import FIND_SCOPE, load_scope
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import account as accounts
from . import onboarding, standing
from .account_params import CreateParams, RequestParams
from .profile import Record as Account
from .profile import StripeDashboard
from .scope import leave

LASTS = 300
SCOPE = "read_write"
REVOKE = "UPDATE api_key SET revoked=? WHERE scope=? AND revoked IS NULL"
BOTH = {"card_payments": RequestParams(requested=True), "transfers": RequestParams(requested=True)}


class Application(Stored, frozen=True, kw_only=True):
    """The platform, as the events of its accounts name it."""

    object: Literal["application"] = "application"
    name: str | None = None


class Grant(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """That an account lets its platform act for it. Its id is the code; `refresh` is the refresh token's SHA-256."""

    object: Literal["oauth_grant"] = "oauth_grant"
    account: str
    expires_at: int
    used: bool = False
    refresh: str | None = None
    ended: bool = False


def client_id(merchant: str) -> str:
    return merchant.replace("acct_", "ca_", 1)


async def platform_of(world: World, client: str) -> Scope | None:
    """The test-mode scope of the platform with this client id; None if there is none."""
    if not client.startswith("ca_") or not (client.isascii() and client.isprintable()):
        return None
    rows = await world.engine.rows(FIND_SCOPE + "merchant=? AND livemode=?", (client.replace("ca_", "acct_", 1), 0))
    scope = await load_scope(world, rows[0][0]) if rows else None
    return None if scope is None or scope.connected else scope


async def authorize(tx: Tx, *, express: bool, country: str | None, email: str | None, ip: str) -> Grant:
    """The holder agrees: an account is opened, with everything that is asked of it, and the platform may act for it."""
    params = CreateParams(
        type="express" if express else "standard", country=country or "US", email=email or UNSET,
        capabilities=BOTH if express else UNSET,
    )  # fmt: skip
    platform = tx.merchant
    account = await onboarding.complete(tx, await accounts.create(tx, params), ip)
    tx.emit("account.application.authorized", _application(tx, platform))
    grant = Grant(id=tx.new_id("ac"), created=tx.now, account=account.id, expires_at=tx.now + LASTS)
    return tx.save(grant)


def _application(tx: Tx, platform: str) -> Application:
    return Application(id=client_id(platform), created=tx.now)


async def exchange(tx: Tx, code: str) -> str | None:
    """Use the code up: the refresh token, or None if the code is not good any more."""
    grant = await tx.find(GRANT, code)
    if grant is None or grant.used or tx.now >= grant.expires_at:
        return None
    return _renewed(tx, msgspec.structs.replace(grant, used=True))


async def refresh(tx: Tx, token: str) -> str | None:
    """A new refresh token for the one before, which is of no use any more; None if it is not good."""
    grant = await tx.find(GRANT, code_of(token))
    if grant is None or grant.ended or not secrets.compare_digest(grant.refresh or "", _digest(token)):
        return None
    return _renewed(tx, grant)


def _renewed(tx: Tx, grant: Grant) -> str:
    token = f"rt_{grant.id.removeprefix('ac_')}_{tx.world.ids.word(32)}"
    tx.save(msgspec.structs.replace(grant, refresh=_digest(token)))
    return token


def code_of(token: str) -> str:
    """The code that a refresh token comes from."""
    return f"ac_{token.removeprefix('rt_').rpartition('_')[0]}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def deauthorize(tx: Tx) -> Account | None:
    """The platform does not act for this account any more, and the keys that it got are revoked.

    None for an account that is the platform's own work: only who has a dashboard of their own can go on alone.
    """
    account = await standing.own(tx)
    if account is None or account.controller.stripe_dashboard != StripeDashboard(type="full"):
        return None
    for grant in await tx.every(GRANT, standing.MOST):
        tx.save(msgspec.structs.replace(grant, ended=True))
    platform = (await tx.world.engine.rows(FIND_SCOPE + "scope=?", (tx.scope.book,)))[0][1]
    tx.emit("account.application.deauthorized", _application(tx, platform))
    tx.write_row(REVOKE, (tx.now, tx.scope.number))
    leave(tx)
    return account


def render(_: View, application: Application) -> Wire:
    wire = public(Application, application)
    del wire["created"]
    return wire


APPLICATION: Resource[Application] = Resource(
    object="application",
    prefix="ca",
    record=Application,
    shape=Application,
    present=render,
    shown={"created": UNSET},
    stored=False,
    doc="A platform, as the events `account.application.authorized` and `account.application.deauthorized` name it.",
    verbs=(),
)
GRANT: Resource[Grant] = Resource(
    object="oauth_grant",
    prefix="ac",
    record=Grant,
    shape=Grant,
    doc="That the holder of an account lets a platform act for it. Its id is the code that the platform is sent.",
    verbs=(),
)
