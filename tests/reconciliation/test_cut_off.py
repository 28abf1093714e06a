"""An import that is cut off after its last commit: the statement is there, and so are its lines."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nostro.networks.csv_statement import Columns, Mapping
from nostro.reconciliation.statement_verbs import CreateParams, Upload, create
from treasury_desk import opened

LINES = b"date,amount,reference\n2026-11-20,5.00,A\n2026-11-20,-2.00,B\n"
MAPPING = Mapping(currency="usd", account="US-1", columns=Columns(date="date", amount="amount", end_to_end="reference"))


async def test_what_was_imported_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await opened(f"sqlite:///{tmp_path / 'desk.db'}")
    await desk.earn()
    commit = desk.world.engine.commit

    async def cut_off(unit: Any) -> None:
        await commit(unit)
        if any(write.table == "reconciliation_statement" for write in unit.writes):
            raise asyncio.CancelledError

    upload = Upload(name="day.csv", content_type="text/csv", content=LINES)
    params = CreateParams(file=upload, format="csv", mapping=MAPPING)
    with monkeypatch.context() as patch:
        patch.setattr(desk.world.engine, "commit", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await create(desk.world, await desk.scope(), params)
    [account] = (await desk.get("reconciliation/accounts"))["data"]
    lines = (await desk.get("reconciliation/lines", account=account["id"], limit=10))["data"]
    assert sorted(line["amount"] for line in lines) == [-200, 500]
    assert account["balance"] == 300
    await desk.close()
