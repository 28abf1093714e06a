"""Proof: the books are verified by our auditor, and by two programs that know nothing of ours."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from nostro.kernel.money import exponent
from nostro.ledger.audit import verify
from nostro.reporting import names
from nostro.reporting.plain_text import Format, text
from nostro.reporting.span import Span
from nostro.storage.world import World

from .market import Market

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


def beancount(file: Path) -> Totals:
    from beancount import loader
    from beancount.core.data import Transaction

    entries, errors, _ = loader.load_file(str(file))
    assert errors == [], errors[:3]
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings if isinstance(entry, Transaction) else ():
            found[posting.account, posting.units.currency] += posting.units.number  # type: ignore[assignment]
    return {key: Decimal(total) for key, total in found.items() if total}


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
