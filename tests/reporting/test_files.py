"""Tables as CSV and Parquet: what is read back adds up to the trial balance, exactly."""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history import History, Step, histories, kept
from nostro.kernel.money import exponent
from nostro.reporting import files, tables
from nostro.reporting.span import named
from nostro.reporting.turnover import cuts

Total = tuple[int, Decimal]


def read_csv(folder: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for file in sorted(folder.rglob(f"{table}.csv")):
        with file.open(newline="") as lines:
            found += list(csv.DictReader(lines))
    return [
        {name: Decimal(cell) if name in MONEY else int(cell) if name.endswith("_minor") else cell
         for name, cell in row.items()}
        for row in found
    ]  # fmt: skip


def read_parquet(folder: Path, table: str) -> list[dict[str, Any]]:
    return [
        row for file in sorted(folder.rglob(f"{table}.parquet")) for row in parquet.ParquetFile(file).read().to_pylist()
    ]


MONEY = {"amount", "opening", "debits", "credits", "closing"}
READERS = {"csv": read_csv, "parquet": read_parquet}


async def export(history: History, folder: Path, period: str, format: Any) -> dict[str, int]:
    world, span = history.books.world, named(period)
    book = (await world.engine.rows("SELECT coalesce(max(book),1) FROM ledger_entry"))[0][0]
    made = files.Export(folder, span, format)
    await tables.read(world.engine, await cuts(world.engine, book, span), span, made.put)
    made.close()
    return made.counts


def lived(steps: list[Step], period: str, format: str, patches: dict[str, int] | None = None) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr("nostro.ledger.bulk.LEAST", 1)
            patch.setattr("nostro.reporting.files.GROUP", 2)
            history = await kept(f"sqlite:///{Path(folder) / 'books.db'}")
            await history.live(steps)
            counts = await export(history, Path(folder) / "out", period, format)
            await compare(history, Path(folder) / "out", period, format, counts)
            await history.books.world.engine.close()

    asyncio.run(run())


async def compare(history: History, folder: Path, period: str, format: str, counts: dict[str, int]) -> None:
    read, span = READERS[format], named(period)
    entries, postings = read(folder, "entries"), read(folder, "postings")
    booked = [one for one in history.booked if span.starts <= one.effective < span.ends]
    assert len(entries) == counts.get("entries", 0) == len(booked)
    assert len(postings) == 2 * len(booked)
    numbers = {row["number"] for row in entries}
    assert len(numbers) == len(entries) and {row["entry"] for row in postings} == numbers
    moved: Counter[tuple[str, str]] = Counter()
    for row in postings:
        assert row["amount"] == Decimal(row["amount_minor"]).scaleb(-exponent(row["currency"]))
        moved[row["account"], row["currency"]] += row["amount_minor"]
    stated = (await history.get("trial_balance", period=period, limit=1000))["accounts"]
    balances = {(row["account"], row["currency"]): row for row in read(folder, "balances")}
    assert len(balances) == len(stated) == counts["balances"]
    for row in stated:
        ours = balances[row["account"], row["currency"]]
        for name, theirs in (("opening", "opening_balance"), ("debits", "debits"), ("credits", "credits"),
                             ("closing", "closing_balance")):  # fmt: skip
            assert ours[f"{name}_minor"] == row[theirs]
            assert ours[name] == Decimal(row[theirs]).scaleb(-exponent(row["currency"]))
        assert moved[row["account"], row["currency"]] == row["debits"] - row["credits"]


@settings(max_examples=8)
@given(histories, st.sampled_from(["2026-07", "2026", "2026-07-20/2026-08-05"]), st.sampled_from(["csv", "parquet"]))
def test_what_is_written_adds_up_to_the_trial_balance(steps: Any, period: str, format: str) -> None:
    lived(steps, period, format)


def test_a_long_span_is_parted_by_month(tmp_path: Path) -> None:
    async def run() -> None:
        history = await kept(f"sqlite:///{tmp_path / 'books.db'}")
        await history.live([Step("single", 40, "usd", [("app:bank", "app:fees", 5, 0)])] * 3)
        for format in ("csv", "parquet"):
            await export(history, tmp_path / format, "2026", format)
            found = sorted(str(file.relative_to(tmp_path / format)) for file in (tmp_path / format).rglob("entries.*"))
            assert found == [f"entries/month=2026-{n:02}/entries.{format}" for n in (8, 9, 10)]
            assert len(list((tmp_path / format).glob(f"balances.{format}"))) == 1
        whole = parquet.read_table(tmp_path / "parquet" / "postings")
        assert whole.num_rows == 6 and "month" in whole.column_names
        await history.books.world.engine.close()

    asyncio.run(run())


def test_large_amounts_stay_exact() -> None:
    import pyarrow

    for amounts in ((4 * 10**18, -4 * 10**18, 7), (1, -1, 10**15)):
        made = files._decimals(pyarrow, amounts, ("jpy", "usd", "kwd"))
        assert made.to_pylist() == [
            Decimal(minor).scaleb(-places) for minor, places in zip(amounts, (0, 2, 3), strict=True)
        ]


def test_without_pyarrow_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(files.MissingExtra):
        files.Export(tmp_path, named("2026-07"), "parquet")
    files.Export(tmp_path, named("2026-07"), "csv")
