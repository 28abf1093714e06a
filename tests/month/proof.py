"""Proof: the books are verified by our auditor, and by two programs that know nothing of ours."""

from __future__ import annotations

import asyncio
import csv
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from nostro.kernel.clock import DAY
from nostro.kernel.money import exponent
from nostro.ledger.audit import verify
from nostro.reporting import names
from nostro.reporting.plain_text import Format, text
from nostro.reporting.span import Span, between
from nostro.storage.world import World

from .market import Market

BEFORE = "Opening balance of "
Totals = dict[tuple[str, str], Decimal]
NAMES: dict[Format, names.Namer] = {"beancount": names.beancount, "hledger": names.hledger}


async def audited(world: World) -> list[str]:
    return [str(problem) for problem in await verify(world.engine, world.registry)]


async def journal(world: World, book: int, span: Span, format: Format, home: Path) -> Path:
    file = home / f"books.{format}"
    with file.open("w", encoding="utf-8") as out:
        async for piece in text(world.engine, book, span, format):
            out.write(piece)
    return file


async def ours(market: Market, span: Span, format: Format) -> Totals:
    """The trial balance's closing balances under that program's names."""
    rows: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        answer = await market.send("GET", "/v1/reports/trial_balance", {"period": span.name, "limit": 1000, **more})
        rows += answer["accounts"]
        if not answer["has_more"]:
            break
        more = {"starting_after": f"{rows[-1]['account']}/{rows[-1]['currency']}"}
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        unit = row["currency"]
        amount = Decimal(row["closing_balance"]).scaleb(-exponent(unit))
        found[NAMES[format](row["account"], row["type"]), unit.upper()] += amount  # type: ignore[assignment]
    return {key: Decimal(total) for key, total in found.items() if total}


class Slice(NamedTuple):
    """What beancount has read of some days: what stood there before, and what was booked, by account and unit."""

    opening: Totals
    booked: Totals


async def beancount(world: World, book: int, span: Span, home: Path, days: int) -> tuple[Totals, list[str]]:
    """What stands on each account at the end, and where the days do not follow one another. A few days at a time, each
    read by a process of its own: beancount keeps some kilobytes of every posting."""
    total: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for part in _slices(span, days * DAY):
        file = await journal(world, book, part, "beancount", home)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            read = await asyncio.get_running_loop().run_in_executor(other, _read, file)
        if total and _owned(read.opening) != _owned(total):
            wrong.append(f"beancount does not begin {part.name} with what it had before")
        for key, amount in (read.booked if total else _sum(read.opening, read.booked)).items():
            total[key] += amount  # type: ignore[assignment]
    return _left(total), wrong


def _slices(span: Span, seconds: int) -> Iterator[Span]:
    for starts in range(span.starts, span.ends, seconds):
        yield between(starts, min(starts + seconds, span.ends))


def _owned(totals: Mapping[tuple[str, str], Any]) -> Totals:
    """Of assets and liabilities; what was earned is equity on the next day."""
    return _left({key: amount for key, amount in totals.items() if key[0].startswith(("Assets", "Liabilities"))})


def _sum(one: Totals, other: Totals) -> Totals:
    return {key: one.get(key, Decimal(0)) + other.get(key, Decimal(0)) for key in one.keys() | other.keys()}


def _left(totals: Mapping[tuple[str, str], Any]) -> Totals:
    return {key: Decimal(amount) for key, amount in totals.items() if amount}


def _read(file: Path) -> Slice:
    from beancount import loader
    from beancount.core.data import Transaction

    entries, errors, _ = loader.load_file(str(file))
    assert errors == [], errors[:3]
    found: tuple[Counter[tuple[str, str]], ...] = (Counter(), Counter())
    for entry in entries:
        if isinstance(entry, Transaction):
            into = found[0 if entry.narration.startswith(BEFORE) else 1]
            for posting in entry.postings:
                into[posting.account, posting.units.currency] += posting.units.number  # type: ignore[assignment]
    return Slice(_left(found[0]), _left(found[1]))


def hledger(file: Path) -> Totals | None:
    """None where the program is not installed."""
    program = shutil.which("hledger")
    if program is None:
        return None
    checked = subprocess.run([program, "-f", str(file), "check", "--strict"], capture_output=True, text=True,
                             check=False, timeout=1800)  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr[:1000]
    told = subprocess.run([program, "-f", str(file), "balance", "--flat", "--layout=bare", "-N", "-O", "csv"],
                          capture_output=True, text=True, check=True, timeout=1800)  # fmt: skip
    _, *rows = csv.reader(told.stdout.splitlines())
    return {(account, unit): Decimal(amount) for account, unit, amount in rows if Decimal(amount)}
