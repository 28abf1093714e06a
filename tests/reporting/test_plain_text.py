"""Journals that beancount and hledger read: accepted without a complaint, and their totals are ours."""

from __future__ import annotations

import asyncio
import csv
import shutil
import subprocess
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from history import KINDS, History, Step, histories, kept
from nostro.kernel.clock import utc_text
from nostro.kernel.money import exponent
from nostro.reporting import names
from nostro.reporting.plain_text import Format, text
from nostro.reporting.span import Span, named

Totals = dict[tuple[str, str], Decimal]
HLEDGER = shutil.which("hledger")
SPANS = st.sampled_from(["2026-07", "2026-08", "2026", "2026-Q3", "2026-07-10/2026-08-20"])


def beancount_totals(file: Path) -> Totals:
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings if isinstance(entry, Transaction) else ():
            found[posting.account, posting.units.currency] += posting.units.number  # type: ignore[assignment]
    return {key: Decimal(total) for key, total in found.items() if total}


def hledger_totals(file: Path) -> Totals:
    if HLEDGER is None:
        pytest.skip("the program hledger is not installed")
    checked = subprocess.run([HLEDGER, "-f", str(file), "check", "--strict"],
                             capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
    told = subprocess.run([HLEDGER, "-f", str(file), "balance", "--flat", "--layout=bare", "-N", "-O", "csv"],
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert told.returncode == 0, told.stderr
    _, *rows = csv.reader(told.stdout.splitlines())
    return {(account, unit): Decimal(amount) for account, unit, amount in rows if Decimal(amount)}


READERS: dict[Format, Any] = {"beancount": beancount_totals, "hledger": hledger_totals}
NAMES: dict[Format, names.Namer] = {"beancount": names.beancount, "hledger": names.hledger}


async def written(history: History, span: Span, format: Format, folder: Path) -> Path:
    file = folder / f"books.{format}"
    world = history.books.world
    book = (await world.engine.rows("SELECT max(book) FROM ledger_entry"))[0][0] or 1
    file.write_text("".join([piece async for piece in text(world.engine, book, span, format)]))
    return file


async def expected(history: History, span: Span, format: Format) -> Totals:
    """From the trial balance: balances at the end; of revenue and expenses what was moved in the span."""
    found: Totals = {}
    before: Counter[str] = Counter()
    rows = (await history.get("trial_balance", period=span.name, limit=1000))["accounts"]
    for row in rows:
        amount, unit = row["closing_balance"], row["currency"]
        if row["type"] in ("revenue", "expense"):
            amount -= row["opening_balance"]
            before[unit] += row["opening_balance"]
        found[NAMES[format](row["account"], row["type"]), unit.upper()] = major(amount, unit)
    earned = "Equity:Earnings-Before" if format == "beancount" else "equity:earnings-before"
    found |= {(earned, unit.upper()): major(amount, unit) for unit, amount in before.items()}
    return {key: total for key, total in found.items() if total}


def major(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-exponent(currency))


def lived(steps: list[Step], span: str, format: Format) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr("nostro.ledger.bulk.LEAST", 1)
            patch.setattr("nostro.reporting.journal.AT_ONCE", 2)
            history = await kept(f"sqlite:///{Path(folder) / 'books.db'}")
            await history.live(steps)
            file = await written(history, named(span), format, Path(folder))
            assert READERS[format](file) == await expected(history, named(span), format)
            await history.books.world.engine.close()

    asyncio.run(run())


@settings(max_examples=10)
@given(histories, SPANS)
def test_beancount_agrees(steps: Any, span: str) -> None:
    lived(steps, span, "beancount")


@settings(max_examples=6)
@given(histories, SPANS)
def test_hledger_agrees(steps: Any, span: str) -> None:
    if HLEDGER is None:
        pytest.skip("the program hledger is not installed")
    lived(steps, span, "hledger")


@pytest.mark.parametrize("format", ["beancount", "hledger"])
def test_a_wrong_journal_is_noticed(format: Format, tmp_path: Path) -> None:
    """The assertions at the end are not for show: a line that is lost fails them."""

    async def run() -> None:
        history = await kept(f"sqlite:///{tmp_path / 'books.db'}")
        await history.live([Step("single", 0, "usd", [("app:bank", "app:fees", 1234, 0)] * 2)])
        file = await written(history, named("2026-07"), format, tmp_path)
        READERS[format](file)
        told = file.read_text()
        assert told.count("12.34 USD") == 4
        file.write_text(told.replace("12.34 USD", "12.35 USD", 2))
        with pytest.raises(AssertionError):
            READERS[format](file)
        await history.books.world.engine.close()

    asyncio.run(run())


CODES = st.from_regex(r"app(:[A-Za-z0-9_.@+-]{1,12}){1,3}", fullmatch=True)


@settings(max_examples=15)
@given(st.lists(CODES, max_size=30, unique=True))
def test_no_two_accounts_share_a_name(codes: list[str]) -> None:
    assert len({names.beancount(code, "asset") for code in codes}) == len(codes)


def test_any_code_is_a_name_that_both_programs_take(tmp_path: Path) -> None:
    codes = ["app:_", "app:.x", "app:-", "app:@a+b", "app:A:a", "app:a_b", "app:a-b", "app:a.b", "app:0", "app:9z_"]

    async def run() -> None:
        history = await kept(f"sqlite:///{tmp_path / 'books.db'}")
        for code in codes:
            await history.books.open(code)
            await history.books.move("app:bank", code, 5)
        for format in READERS:
            found = READERS[format](await written(history, named("2026-07"), format, tmp_path))
            assert len(found) == len(codes) + 1
        await history.books.world.engine.close()

    asyncio.run(run())


def test_every_kind_has_its_root() -> None:
    kinds = {kind for kind, _ in KINDS.values()}
    assert kinds == names.HLEDGER.keys() == names.BEANCOUNT.keys()


@given(st.integers(-(10**19), 10**19), st.sampled_from(["usd", "jpy", "kwd"]))
def test_amounts_are_exact(minor: int, currency: str) -> None:
    written, unit = names.amount(minor, currency).split()
    assert Decimal(written) == major(minor, currency) and unit == currency.upper()
    assert len(written.partition(".")[2]) == exponent(currency)


@given(st.integers(0, 2**32))
def test_moments_are_as_everywhere(seconds: int) -> None:
    assert names.moment(seconds) == utc_text(seconds)
