"""Reports of random histories, against a list of what was booked."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history import CODES, CURRENCIES, DAY, START, History, Step, histories, kept
from nostro.reporting.span import between, named


def lived(steps: list[Step], check: Any) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr("nostro.ledger.bulk.LEAST", 1)
            patch.setattr("nostro.reporting.turnover.PAGE", 3)
            history = await kept(f"sqlite:///{Path(folder) / 'books.db'}")
            await history.live(steps)
            await check(history)
            await history.books.world.engine.close()

    asyncio.run(run())


async def rows(history: History, **form: Any) -> dict[tuple[str, str], Any]:
    found = await history.get("trial_balance", limit=1000, **form)
    return {(row["account"], row["currency"]): row for row in found["accounts"]}


@pytest.mark.slow
@settings(max_examples=25)
@given(histories, st.integers(0, 120), st.integers(1, 120), st.sampled_from(["effective", "recorded"]))
def test_a_trial_balance_is_the_sum_of_what_was_booked(steps: Any, first: int, days: int, basis: str) -> None:
    async def check(history: History) -> None:
        since = START - 60 * DAY + first * DAY
        until = since + days * DAY
        found = await rows(history, starts_at=since, ends_at=until, basis=basis)
        for code in CODES:
            for currency in CURRENCIES:
                before = history.moved(code, currency, 0, since, basis)
                debits, credits = history.moved(code, currency, since, until, basis)
                opening = before[0] - before[1]
                row = found.get((code, currency))
                if row is None:
                    assert (opening, debits, credits) == (0, 0, 0)
                    continue
                assert (row["opening_balance"], row["debits"], row["credits"]) == (opening, debits, credits)
                assert row["closing_balance"] == opening + debits - credits
                await check_card(history, row, since, until, basis)

    lived(steps, check)


async def check_card(history: History, row: Any, since: int, until: int, basis: str) -> None:
    """The account's lines, page after page, lead from its opening to its closing balance."""
    form = {
        "account": row["account"],
        "currency": row["currency"],
        "starts_at": since,
        "ends_at": until,
        "basis": basis,
    }
    stands, after, seen = row["opening_balance"], 0, 0
    while True:
        page = await history.get("account_lines", **form, limit=2, after=after)
        assert page["opening_balance"] == stands
        for line in page["lines"]:
            stands += line["amount"]
            seen += abs(line["amount"])
            assert line["balance"] == stands
            if basis == "effective":
                assert since <= line["effective_at"] < until
        if not page["has_more"]:
            break
        after = page["lines"][-1]["number"]
    assert (stands, seen) == (row["closing_balance"], row["debits"] + row["credits"])


@pytest.mark.slow
@settings(max_examples=12)
@given(histories)
def test_balance_sheets_balance_and_months_add_up_to_the_year(steps: Any) -> None:
    async def check(history: History) -> None:
        year = await history.get("income_statement", period="2026")
        totals = {one["currency"]: one["result"] for one in year["statements"]}
        months: dict[str, int] = {}
        for number in range(1, 13):
            period = f"2026-{number:02}"
            for one in (await history.get("income_statement", period=period))["statements"]:
                months[one["currency"]] = months.get(one["currency"], 0) + one["result"]
            sheets = (await history.get("balance_sheet", period=period))["sheets"]
            assert all(sheet["balanced"] for sheet in sheets)
            for sheet in sheets:
                part = {one["section"]: one for one in sheet["sections"]}
                assert part["assets"]["total"] == part["liabilities"]["total"] + part["equity"]["total"]
        assert {unit: total for unit, total in months.items() if total} == {u: t for u, t in totals.items() if t}

    lived(steps, check)


@pytest.mark.parametrize(("text", "first", "last", "before"), [
    ("2026-10", "2026-10-01", "2026-10-31", "2026-09"),
    ("2026-01", "2026-01-01", "2026-01-31", "2025-12"),
    ("2026-Q4", "2026-10-01", "2026-12-31", "2026-Q3"),
    ("2026-Q1", "2026-01-01", "2026-03-31", "2025-Q4"),
    ("2024", "2024-01-01", "2024-12-31", "2023"),
    ("2024-02-27/2024-02-29", "2024-02-27", "2024-02-29", "2024-02-24/2024-02-26"),
    ("2026-10-05", "2026-10-05", "2026-10-05", "2026-10-04/2026-10-04"),
])  # fmt: skip
def test_a_period_has_a_name(text: str, first: str, last: str, before: str) -> None:
    span = named(text)
    assert tuple(map(str, span.days)) == (first, last)
    assert span.before.name == before and span.before.ends == span.starts
    assert between(span.starts, span.ends).days == span.days


@pytest.mark.parametrize("text", ["", "2026-13", "2026-Q5", "October", "2026-10-31/2026-10-01", "2026-02-30", "0000"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        named(text)
