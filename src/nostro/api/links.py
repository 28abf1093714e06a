"""The page behind a file link's url: the file itself, without a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nostro.kernel.errors import ApiError
from nostro.kernel.http import Incoming, Reply
from nostro.payments.file_link import opened
from nostro.storage.world import World

from .reply import success


def links_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    """For `Api(world, {"links": links_page(world)})`."""

    async def page(incoming: Incoming) -> Reply:
        if incoming.method not in ("GET", "HEAD"):
            raise ApiError("Only GET is supported here.", status=405)
        return success(await opened(world, incoming.path.removeprefix("/links/")))

    return page
