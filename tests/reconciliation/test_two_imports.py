"""Two imports into one account at the same time, in whatever order their steps fall: what is there is what was said."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from nostro.kernel.errors import ApiError
from nostro.networks.statement import Closing, Line, Opening, Piece
from nostro.reconciliation import importing
from nostro.reconciliation.importing import About, imported
from treasury_desk import Desk, opened

ROOT = "/v1/reconciliation"
DAY = date(2026, 1, 5)


def said(number: str, lines: int) -> list[Piece]:
    """A statement that opens with nothing, with so many lines of one dollar."""
    head = Opening(account="US-1", currency="usd", number=number, balance=0, date=DAY)
    body = [Line(amount=100, booked=DAY, valued=DAY, reference=f"{number}-{n}") for n in range(lines)]
    return [head, *body, Closing(balance=100 * lines, date=DAY, lines=lines)]


async def import_(desk: Desk, code: str, file: str, lines: int, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    about = About(ledger_account=code, format="camt.053", file=file)
    with contextlib.suppress(ApiError):  # the other one was there
        await imported(desk.world, await desk.scope(), said(file, lines), about)


async def check(desk: Desk) -> None:
    """Each account is the sum of its lines, and they are those of its statements."""
    for account in (await desk.get("reconciliation/accounts"))["data"]:
        lines = await desk.client.all(f"{ROOT}/lines", account=account["id"])
        statements = await desk.client.all(f"{ROOT}/statements", account=account["id"])
        assert account["balance"] == sum(line["amount"] for line in lines)
        assert len(lines) == sum(one["lines"] for one in statements), account["ledger_account"]


@pytest.mark.parametrize("dropped", [True, False], ids=["lives", "is killed before it drops its lines"])
def test_what_is_there_is_what_was_said(tmp_path: Path, dropped: bool) -> None:
    async def gone(self: Any) -> None:
        """It was killed."""

    async def main() -> None:
        desk = await opened(f"sqlite:///{tmp_path / 'books.db'}")
        await desk.get("account")
        for turns in range(24):
            code = f"app:bank:{turns}"
            await desk.post("ledger/accounts", code=code, currency="usd", normal_balance="debit")
            await asyncio.gather(
                import_(desk, code, f"long-{turns}", 4, 0), import_(desk, code, f"short-{turns}", 1, turns)
            )
        await check(desk)
        await desk.close()

    with mock.patch.object(importing, "PART", 1):
        if dropped:
            asyncio.run(main())
        else:
            with mock.patch.object(importing._Import, "drop", gone):
                asyncio.run(main())
