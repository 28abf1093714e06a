"""A key that this process has not seen: another has answered it, or this one before it was started again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from asgi import Client
from nostro.api.server import Api
from treasury_desk import opened


def test_the_first_answer_is_given_again_whatever_a_second_run_would_meet(tmp_path: Path) -> None:
    """An account's unit has a claim of its own, so the key's row is what tells of the first one."""

    async def main() -> None:
        desk = await opened(f"sqlite:///{tmp_path / 'books.db'}")
        form = {"type": "custom", "country": "US", "capabilities": {"transfers": {"requested": True}}}
        first = await desk.client("POST", "/v1/accounts", form, key="k-1")
        restarted = Client(Api(desk.world), desk.client.secret)
        again = await restarted("POST", "/v1/accounts", form, key="k-1")
        assert (again.status, again.body, again.replayed) == (200, first.body, True)
        assert len((await desk.get("accounts"))["data"]) == 1
        await desk.close()

    asyncio.run(main())
