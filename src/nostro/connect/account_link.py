"""Account link and login link: pages that we show to the holder of a connected account.

An account link leads to onboarding. It opens once, within some minutes; after that it leads to the platform's
`refresh_url`, which makes another. Who opened it has an hour. A login link leads to an express account's dashboard,
and opens once too.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, missing
from nostro.kernel.resource import Params, Resource, Stored, Verb, View, Wire, public
from nostro.storage.tx import Tx

from . import standing
from .scope import enter

LASTS = 300
VISIT = 3600
SETUP, EXPRESS = "/connect/setup/", "/connect/express/"
Url = Annotated[str, Meta(max_length=5000)]


class AccountLink(Stored, frozen=True, kw_only=True):
    object: Literal["account_link"] = "account_link"
    expires_at: int
    url: str


class Record(AccountLink, frozen=True, kw_only=True, omit_defaults=True):
    """`all` asks also for what is due only later, `ahead` for what a law will ask. Who opened the link goes on under
    `word`, until `open_until`; `left` says that they are done.
    """

    return_url: str
    refresh_url: str
    all: bool = False
    ahead: bool = False
    word: str | None = None
    open_until: int = 0
    left: bool = False


class LoginLink(Stored, frozen=True, kw_only=True):
    object: Literal["login_link"] = "login_link"
    url: str


class LoginRecord(LoginLink, frozen=True, kw_only=True, omit_defaults=True):
    """Kept so that its page finds the account. Who opened it goes on under `word`."""

    word: str | None = None
    open_until: int = 0


class CollectionOptions(Params, frozen=True, kw_only=True):
    fields: Literal["currently_due", "eventually_due"] = "currently_due"
    future_requirements: Literal["include", "omit"] = "omit"


class CreateParams(Params, frozen=True, kw_only=True):
    account: str
    type: Literal["account_onboarding", "account_update"]
    collect: Literal["currently_due", "eventually_due"] | None = None
    collection_options: CollectionOptions | None = None
    refresh_url: Url | None = None
    return_url: Url | None = None


class OfAccount(Params, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str


async def create(tx: Tx, params: CreateParams) -> Record:
    for name in ("refresh_url", "return_url"):
        _check_url(name, getattr(params, name))
    await enter(tx, params.account)
    account = await standing.own(tx)
    if account is None:
        raise invalid("You cannot make an account link for your own account.", "account")
    if params.collect is not None and params.collection_options is not None:
        raise invalid("Give `collect` or `collection_options`, not both.", "collect", "parameters_exclusive")
    if account.rejected:
        raise invalid(f"The account {account.id} is rejected: nothing is asked of it.", "account")
    if params.type == "account_update" and account.collected_here:
        raise invalid("You cannot create `account_update` type Account Links for this account: only for accounts "
                      "whose requirements the platform collects.", "type")  # fmt: skip
    if not account.claimed:
        tx.save(msgspec.structs.replace(account, claimed=True))
    id = tx.new_id("accl")
    asked = params.collection_options.fields if params.collection_options else params.collect
    return tx.save(
        Record(
            id=id,
            created=tx.now,
            all=asked == "eventually_due",
            ahead=params.collection_options is not None and params.collection_options.future_requirements == "include",
            expires_at=tx.now + LASTS,
            url=f"{tx.world.settings.public_url}{SETUP}{id}",
            return_url=params.return_url or "",
            refresh_url=params.refresh_url or "",
        )
    )


def _check_url(name: str, url: str | None) -> None:
    if url is None:
        raise missing(name)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise invalid("Not a valid URL", name, "url_invalid")


async def create_login(tx: Tx, params: OfAccount) -> LoginRecord:
    account = await standing.own(tx)
    if account is None or account.controller.stripe_dashboard == UNSET or _dashboard(account) != "express":
        raise invalid(f"Cannot create a login link for the account {tx.merchant}: it is not an Express account.")
    if not account.details_submitted:
        raise invalid("Cannot create a login link for an account that has not completed onboarding.")
    id = tx.new_id("lgl")
    return tx.save(LoginRecord(id=id, created=tx.now, url=f"{tx.world.settings.public_url}{EXPRESS}{id}"))


def _dashboard(account: Any) -> str:
    return str(account.controller.stripe_dashboard.type)


def opened(tx: Tx, link: Record) -> Record | None:
    """The link as its first visitor leaves it; None if there was one, or it is too late."""
    if link.word is not None or tx.now >= link.expires_at:
        return None
    return tx.save(msgspec.structs.replace(link, word=tx.world.ids.word(24), open_until=tx.now + VISIT))


def login_opened(tx: Tx, link: LoginRecord) -> LoginRecord | None:
    if link.word is not None or tx.now >= link.created + LASTS:
        return None
    return tx.save(msgspec.structs.replace(link, word=tx.world.ids.word(24), open_until=tx.now + VISIT))


def render(_: View, link: Record) -> Wire:
    """Links have no id in the API: whoever has the URL has the link."""
    wire = public(AccountLink, link)
    del wire["id"]
    return wire


def render_login(_: View, link: LoginRecord) -> Wire:
    wire = public(LoginLink, link)
    del wire["id"]
    return wire


ACCOUNT_LINK: Resource[Record] = Resource(
    object="account_link",
    prefix="accl",
    record=Record,
    shape=AccountLink,
    present=render,
    shown={"id": UNSET},
    doc="A page on which the holder of a connected account gives what is asked of it.",
    verbs=(Verb(name="create", method="POST", path="/v1/account_links", run=create, params=CreateParams),),
    errors=("parameters_exclusive", "url_invalid"),
)
LOGIN_LINK: Resource[LoginRecord] = Resource(
    object="login_link",
    prefix="lgl",
    record=LoginRecord,
    shape=LoginLink,
    present=render_login,
    shown={"id": UNSET},
    doc="A page on which the holder of an express account sees how it stands.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/accounts/{account}/login_links", run=create_login,
             params=OfAccount, within=enter),
    ),
)  # fmt: skip
