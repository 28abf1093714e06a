"""A small month: what is reconciled, closed and proved in it is what a large one shows (`make month`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from postgresql import database

from .month import Result, live
from .plan import Plan
from .report import page

SMALL = Plan(sellers=8, payments=400, breaks=4, refunded=200_000, disputed=20_000, returned=50_000)


@pytest.mark.slow
async def test_a_small_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed in slices as a large one is, so that what belongs together is not always in one of them."""
    monkeypatch.setattr("nostro.reporting.period.SLICE", 300)
    prove(await live(SMALL, tmp_path, lambda what, done, of: None))


@pytest.mark.slow
async def test_a_small_month_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    with database(postgresql) as url:
        prove(await live(SMALL, tmp_path, lambda what, done, of: None, url))


def prove(result: Result) -> None:
    assert result.problems == []
    assert sorted(one["reason"] for one in result.breaks) == [
        "amount_differs", "duplicate", "missing_in_bank", "missing_in_ledger"
    ]  # fmt: skip
    counts = result.counts
    assert min(counts[one] for one in ("direct", "separate", "destination", "refunds", "files", "returned")) > 0
    assert result.closed["period"]["status"] == "closed"
    listed = {one["name"]: one["count"] for one in result.closed["period"]["checks"]}
    assert (listed["breaks"], listed["books_verified"]) == (4, 0)
    assert result.totals["beancount"] > 20
    assert "Every check holds." in page(result)
