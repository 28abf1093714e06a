"""The hosted pages by the first segment of their path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nostro.kernel.http import Incoming, Reply
from nostro.storage.world import World

from . import render
from .authenticate import authenticate_page
from .oauth import oauth_page
from .onboarding import connect_page
from .receipt import receipt_page
from .request import request_page

Page = Callable[[Incoming], Awaitable[Reply]]


def hosted_pages(world: World) -> dict[str, Page]:
    return {
        "hosted": only(authenticate_page(world), "GET", "POST"),
        "receipts": only(receipt_page(world), "GET"),
        "connect": only(connect_page(world), "GET", "POST"),
        "oauth": only(oauth_page(world), "GET", "POST"),
        "express": only(oauth_page(world), "GET", "POST"),
        "logs": only(request_page(world), "GET"),
    }


def only(page: Page, *methods: str) -> Page:
    """The page for these methods; HEAD is a GET whose body the server leaves out."""

    async def checked(incoming: Incoming) -> Reply:
        if incoming.method not in methods and incoming.method != "HEAD":
            reply = render.message("Not possible", f"This page takes {' and '.join(methods)}.", 405)
            reply.headers.append((b"allow", ", ".join(methods).encode()))
            return reply
        return await page(incoming)

    return checked
