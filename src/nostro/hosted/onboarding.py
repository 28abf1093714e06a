"""Onboarding in test mode, and an express account's dashboard: pages for the holder of a connected account.

A link that was used, or is too old, leads to the platform's `refresh_url`; a finished one to its `return_url`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from nostro.connect import onboarding, standing
from nostro.connect.account_link import ACCOUNT_LINK, EXPRESS, LOGIN_LINK, SETUP
from nostro.connect.account_link import Record as Link
from nostro.connect.profile import Record as Account
from nostro.events.work import perform
from nostro.kernel.http import Incoming, Reply
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import render
from .lookup import scope_of

IP = "127.0.0.1"
"""Where the terms were accepted: the page is for a developer's own machine, in test mode."""


def connect_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    async def page(incoming: Incoming) -> Reply:
        if incoming.path.startswith(EXPRESS):
            return await _dashboard(world, incoming.path.removeprefix(EXPRESS))
        id = incoming.path.removeprefix(SETUP)
        scope = await scope_of(world, ACCOUNT_LINK, id)
        if scope is None or scope.livemode:
            return _nothing()
        if incoming.method == "POST":
            return await _answered(world, scope, id, incoming.body)
        tx = Tx(world, scope)
        link, account = await tx.get(ACCOUNT_LINK, id), await standing.own(tx)
        if account is None:
            return _nothing()
        if _over(tx, link):
            return render.redirect(link.refresh_url)
        return render.show("onboarding.html", **_values(account))

    return page


def _nothing() -> Reply:
    return render.message("Page not found", "This link is incomplete, or belongs to another server.", 404)


def _over(tx: Tx, link: Link) -> bool:
    return link.used or tx.now >= link.expires_at


def _values(account: Account) -> dict[str, Any]:
    name = account.business_profile.name or (account.company.name if account.company else None)
    due = [field.replace("_", " ").replace(".", ": ") for field in account.requirements.eventually_due]
    return {
        "name": name or account.email or "your account", "account": account.id, "country": account.country, "due": due,
        "charges": account.charges_enabled, "payouts": account.payouts_enabled,
    }  # fmt: skip


async def _answered(world: World, scope: Scope, id: str, body: bytes) -> Reply:
    """Do what the button says, once: a second click finds the link used."""
    outcome = parse_qs(body.decode("latin-1")).get("outcome", [""])[0]
    if outcome not in ("complete", "later"):
        return render.message("Not understood", "Go back and choose one of the two buttons.", 400)

    async def answer(tx: Tx) -> str | None:
        link, account = await tx.get(ACCOUNT_LINK, id), await standing.own(tx)
        if account is None:
            return None
        if _over(tx, link):
            return link.refresh_url
        if outcome == "complete":
            await onboarding.complete(tx, account, IP)
        tx.save(msgspec.structs.replace(link, used=True))
        return link.return_url

    url = await perform(world, scope, answer)
    return render.redirect(url) if url else _nothing()


async def _dashboard(world: World, id: str) -> Reply:
    scope = await scope_of(world, LOGIN_LINK, id)
    account = await standing.own(Tx(world, scope)) if scope else None
    if account is None:
        return _nothing()
    return render.show("express.html", **_values(account))
