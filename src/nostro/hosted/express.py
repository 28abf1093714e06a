"""The dashboard of an express account: what its holder has, what is on its way to the bank, and what is still asked."""

from __future__ import annotations

import secrets

from nostro.balances import outlook
from nostro.connect import account_link, standing
from nostro.connect.account_link import EXPRESS, LOGIN_LINK
from nostro.connect.account_link import LoginRecord as Link
from nostro.events.work import perform
from nostro.kernel.clock import utc_date
from nostro.kernel.http import Incoming, Reply
from nostro.kernel.resource import NoParams
from nostro.payouts.payout import PAYOUT
from nostro.storage.tx import Tx
from nostro.storage.world import World

from . import render
from .lookup import scope_of

PAYOUTS = 5


async def express_page(world: World, incoming: Incoming) -> Reply:
    """A link opens once; who opened it stays for an hour."""
    id, _, word = incoming.path.removeprefix(EXPRESS).partition("/")
    scope = await scope_of(world, LOGIN_LINK, id)
    if scope is None or scope.livemode:
        return render.nothing()

    async def open(tx: Tx) -> Link | None:
        return account_link.login_opened(tx, await tx.get(LOGIN_LINK, id))

    if not word:
        if incoming.method != "GET":
            return render.message("Open this link in a browser", "It opens once.")
        link = await perform(world, scope, open)
        if link is None:
            return render.message("This link was used", "Ask the platform for another one.", 410)
        return render.redirect(f"{EXPRESS}{id}/{link.word}")
    tx = Tx(world, scope)
    found, account = await tx.get(LOGIN_LINK, id), await standing.own(tx)
    if account is None or not secrets.compare_digest(found.word or "", word):
        return render.nothing()
    if tx.now >= found.open_until:
        return render.message("You were signed out", "Ask the platform for another link.", 410)
    money = await outlook.retrieve(tx, NoParams())
    payouts = await tx.all(PAYOUT, {}, PAYOUTS)
    return render.show(
        "express.html", account=account, name=render.name_of(account),
        available=[render.money(one.amount, one.currency) for one in money.available],
        days=[(utc_date(day.available_on).isoformat(), render.money(day.amount, day.currency)) for day in money.days],
        payouts=[
            (utc_date(one.arrival_date).isoformat(), render.money(one.amount, one.currency),
             one.status.replace("_", " ")) for one in payouts
        ],
        due=[field.replace("_", " ").replace(".", ": ") for field in account.requirements.currently_due],
    )  # fmt: skip
