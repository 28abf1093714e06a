"""Onboarding in test mode, and an express account's dashboard: pages for the holder of a connected account.

A link opens once; who opened it goes on under a word of their own, for an hour. A link that was opened before, or is
too old, leads to the platform's `refresh_url`; a finished one to its `return_url`. Each page is one step: what it
sends goes to the code that requests go to, and what that refuses is said beside the input.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from nostro.connect import account_link, onboarding, standing
from nostro.connect.account_link import ACCOUNT_LINK, EXPRESS, SETUP
from nostro.connect.account_link import Record as Link
from nostro.connect.inputs import Input
from nostro.connect.onboarding import Step
from nostro.connect.profile import Record as Account
from nostro.events.work import perform
from nostro.kernel.errors import ApiError
from nostro.kernel.form import FormError, decode
from nostro.kernel.http import Incoming, Reply
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from . import render
from .express import express_page
from .lookup import scope_of

IP = "127.0.0.1"
"""Where the terms were accepted: the page is for a developer's own machine, in test mode."""


def connect_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    async def page(incoming: Incoming) -> Reply:
        if incoming.path.startswith(EXPRESS):
            return await express_page(world, incoming)
        id, _, word = incoming.path.removeprefix(SETUP).partition("/")
        scope = await scope_of(world, ACCOUNT_LINK, id)
        if scope is None or scope.livemode:
            return render.nothing()
        if not word:
            return await _opened(world, scope, id, incoming.method)
        tx = Tx(world, scope)
        link, account = await tx.get(ACCOUNT_LINK, id), await standing.own(tx)
        if account is None or not secrets.compare_digest(link.word or "", word):
            return render.nothing()
        if link.left or tx.now >= link.open_until:
            return render.redirect(link.refresh_url)
        visit = Visit(world, scope, link, incoming.path)
        if incoming.method == "POST":
            return await visit.answer(incoming.body)
        wanted = parse_qs(incoming.query.decode("latin-1")).get("step", [""])[0]
        return await visit.show(wanted)

    return page


async def _opened(world: World, scope: Scope, id: str, method: str) -> Reply:
    """The first visit. A program that only looks whether the page is there does not use the link up."""
    if method != "GET":
        return render.message("Open this link in a browser", "It opens once.")

    async def open(tx: Tx) -> tuple[Link, bool]:
        link = await tx.get(ACCOUNT_LINK, id)
        opened = account_link.opened(tx, link)
        return opened or link, opened is not None

    link, first = await perform(world, scope, open)
    return render.redirect(f"{SETUP}{id}/{link.word}" if first else link.refresh_url)


class Visit:
    """One holder's way through the steps, at `path`."""

    def __init__(self, world: World, scope: Scope, link: Link, path: str) -> None:
        self.world, self.scope, self.link, self.path = world, scope, link, path

    async def show(
        self,
        wanted: str = "",
        values: dict[str, str] | None = None,
        wrong: dict[str, str] | None = None,
        said: str = "",
    ) -> Reply:
        """The step that is wanted, or the first that is not done, with what was typed and what is wrong with it."""
        tx = Tx(self.world, self.scope)
        account = await standing.own(tx)
        assert account is not None, "looked at before"
        known = await onboarding.known_of(tx, account)
        steps = onboarding.steps(known, all=self.link.all, ahead=self.link.ahead)
        step = next((one for one in steps if one.key == wanted), None) or _next(steps)
        inputs = [_filled(one, values or {}, wrong or {}) for one in step.inputs]
        unplaced = " ".join(text for name, text in (wrong or {}).items() if name not in {one.name for one in inputs})
        return render.show(
            "onboarding.html", 400 if wrong else 200, account=account, steps=steps, step=step, inputs=inputs,
            here=steps.index(step) + 1, persons=known.persons, banks=account.banks, said=said or unplaced,
            name=render.name_of(account), ready=all(one.done for one in steps if one.key != "review"), path=self.path,
        )  # fmt: skip

    async def answer(self, body: bytes) -> Reply:
        """Do what a button says."""
        try:
            form = decode(body)
        except FormError as error:
            return render.message("Not understood", str(error), 400)
        wanted, button = str(form.pop("step", "")), str(form.pop("do", ""))
        if button == "fill":
            return await self._fill(wanted)
        if button in ("later", "everything"):
            return await self._leave(button == "everything")
        return await self._take(wanted, form)

    async def _fill(self, wanted: str) -> Reply:
        step = await self._step(wanted)
        return await self.show(wanted, onboarding.test_form(step) if step else None)

    async def _step(self, wanted: str) -> Step | None:
        tx = Tx(self.world, self.scope)
        account = await standing.own(tx)
        assert account is not None, "looked at before"
        steps = onboarding.steps(await onboarding.known_of(tx, account), all=self.link.all, ahead=self.link.ahead)
        return next((step for step in steps if step.key == wanted), None)

    async def _take(self, wanted: str, form: dict[str, Any]) -> Reply:
        step = await self._step(wanted)
        if step is None:
            return await self.show()
        values = dict(onboarding.flat(form))
        lacking = {} if "everybody" in form else onboarding.lacking(step, form)
        if lacking:
            return await self.show(wanted, values, lacking, "Something is missing. Nothing was saved.")

        async def submit(tx: Tx) -> Account:
            account = await standing.own(tx)
            assert account is not None, "looked at before"
            return await onboarding.submit(tx, account, step.key, form, IP)

        try:
            await perform(self.world, self.scope, submit)
        except ApiError as error:
            return await self.show(wanted, values, {error.param or "": error.message})
        if step.key == "review":
            return await self._leave(False)
        return render.redirect(self.path)

    async def _leave(self, everything: bool) -> Reply:
        """Back to the platform, with everything filled in if that is wanted. The link is of no use any more."""

        async def leave(tx: Tx) -> None:
            account = await standing.own(tx)
            if everything and account is not None:
                await onboarding.complete(tx, account, IP)
            tx.save(msgspec.structs.replace(await tx.get(ACCOUNT_LINK, self.link.id), left=True))

        await perform(self.world, self.scope, leave)
        return render.redirect(self.link.return_url)


def _next(steps: list[Step]) -> Step:
    return next((step for step in steps if not step.done), steps[-1])


def _filled(one: Input, values: dict[str, str], wrong: dict[str, str]) -> Input:
    return msgspec.structs.replace(one, value=values.get(one.name, one.value), wrong=wrong.get(one.name, ""))
