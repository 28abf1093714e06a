"""`python -m bench.reconcile`: a bank's month reconciled, how long it takes and what it needs, and how right it is.

The ledger's entries are booked first. What is measured are the commands that a user would run, each a process of its
own: the month's statements are imported, a CSV a day, everything is matched, the last day is proved and closed. Then
what was found is held against what is true.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from nostro.app import make_world
from nostro.controls.api_key import make_scope
from nostro.events.job import run_due
from nostro.kernel.clock import DAY, SECOND, ManualClock, midnight
from nostro.kernel.pace import Pace
from nostro.kernel.settings import Settings
from nostro.ledger.app_account import OPEN
from nostro.ledger.app_entry import BOOKED
from nostro.ledger.audit import verify
from nostro.ledger.bulk import MOST_AT_ONCE
from nostro.ledger.chart import held
from nostro.ledger.directory import directory, meet
from nostro.ledger.transfers import Plain, batch_of, commit
from nostro.reconciliation.account import find
from nostro.reconciliation.match import COLUMNS, found_of
from nostro.reconciliation.rule import CreateParams, create
from nostro.storage.batch import Transfers, Words
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope, Unit, Write
from nostro.storage.world import World

from .bank_month import DAYS, FEE, HEADER, KINDS, LOST, Truth, day_of, write_month
from .postgresql import postgresql

BANK, OTHER = "app:bank", "app:other"
MERCHANT = "acct_bench"
CLOSED = DAYS - 1
PAGE = """# Reconciliation, measured

Written by `make reconcile ARGS="--lines {lines} --seed {seed} --report docs/performance/reconciliation.md"`: a bank's
month with labelled errors, which 3.6 % of the groups have. Each step is the command as a user runs it, in a process of
its own. `mangled` references are cut off at an end or misread in up to three places; with `reference lost` nothing is
left of it, and four tenths of the amounts are one of eight prices. What has lost its reference and has a price that
others have too cannot be told apart: it is a line and an entry that are missing.

"""
LOOK = 0.05  # seconds between two looks at a command's memory
MAPPING = b"""currency = "usd"
account = "US-1"
[columns]
date = "date"
amount = "amount"
end_to_end = "reference"
description = ["text"]
"""
# By which rule a kind is found, or as which break.
FOUND_BY = {
    "split": ("reference_of_many_lines",), "merged": ("reference_of_many_entries",), "fee_netted": ("fee kept back",),
    "mangled": ("similar_reference", "amount", "sum"), LOST: ("similar_reference", "amount", "sum"),
}  # fmt: skip
BROKEN_AS = {
    **{kind: (kind,) for kind in KINDS if kind not in FOUND_BY}, "amount_typo": ("amount_differs",),
    "missing_in_ledger": ("missing_in_ledger", "unknown"),
}  # fmt: skip


class Step(Struct):
    """A command: seconds, those of the processor (others may be using the machine), and its peaks of memory in MB: its
    own, and with pages of the database file that were mapped, which the system takes back when it needs them."""

    what: str
    seconds: float
    processor: float
    memory: float
    mapped: float


class Score(Struct):
    """Of a kind: how many there are, how many were found as they are, and how many of those that were said to be of it
    were not."""

    kind: str
    there: int
    found: int
    wrong: int

    @property
    def recall(self) -> float:
        return self.found / self.there if self.there else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


class Report(Struct):
    engine: str
    lines: int
    steps: list[Step]
    scores: list[Score]
    bytes: float


# The ledger's side ------------------------------------------------------------------------


async def book(database: str, folder: Path) -> None:
    """All entries, in the order of their days, as a program would import them; and the rule for fees."""
    clock = ManualClock(midnight(day_of(0)) * SECOND)
    world = await make_world(Settings(database=database, durable=False), clock=clock)
    scope = await make_scope(world, MERCHANT, livemode=False, dev=True)
    unit = Unit(scope=scope, micros=clock.micros())
    for code, normal in ((BANK, "debit"), (OTHER, "credit")):
        kind = "asset" if normal == "debit" else "liability"
        id = world.ids.new("lacct", clock.micros(), scope.number)
        body = {"id": id, "created": 1, "code": code, "currency": "usd", "normal_balance": normal, "type": kind}
        unit.writes.append(Write("ledger_account_opened", id, 0, 1, msgspec.json.encode(body)))
        unit.rows += [(OPEN, (scope.book, name, "usd", kind, normal)) for name in (code, held(code))]
    unit.writes = [msgspec.structs.replace(one, table=_account_table(world)) for one in unit.writes]
    await world.engine.commit(unit)
    await _fee_rule(world, scope)
    for day in range(DAYS):
        await _book_day(world, scope, clock, folder / f"ledger-{day_of(day)}.csv")
        clock.advance(DAY)
    await world.engine.close()


def _account_table(world: World) -> str:
    return next(one.table for one in world.registry.resources if one.prefix == "lacct" and one.stored)


async def _fee_rule(world: World, scope: Scope) -> None:
    tx = Tx(world, scope)
    await create(tx, CreateParams(
        name=FOUND_BY["fee_netted"][0], fields=["reference"], direction="in", tolerance=FEE[1], book_as="bank_fee",
        priority=85, window=10,
    ))  # fmt: skip
    await world.engine.commit(tx.seal())


async def _book_day(world: World, scope: Scope, clock: ManualClock, file: Path) -> None:
    known = await directory(world, scope)
    await meet(world, scope, known, [BANK, OTHER], Pace())
    bank, other = (known.of("usd")[code] for code in (BANK, OTHER))
    for part in _parts(file):
        amounts = np.array([int(amount) for amount, _ in part], np.int64)
        words = Words([BOOKED], [reference for _, reference in part])
        tx, none = Tx(world, scope), np.zeros(len(part), np.int64)
        into = amounts > 0
        lines = Transfers(
            np.where(into, bank, other), np.where(into, other, bank), np.abs(amounts), none + clock.micros() // SECOND,
            none, np.arange(len(part)),
        )  # fmt: skip
        found = Plain(known, lines, words, none == 0, None)
        batch = batch_of(tx, found, slice(None))
        await commit(tx, found)
        assert batch.outcome is not None and not batch.outcome.refused
    await run_due(world)


def _parts(file: Path) -> Iterator[list[list[str]]]:
    with file.open() as rows:
        part: list[list[str]] = []
        for row in rows:
            part.append(row.rstrip("\n").split(","))
            if len(part) == MOST_AT_ONCE:
                yield part
                part = []
        if part:
            yield part


# The commands -----------------------------------------------------------------------------


def command(what: str, database: str, *words: str) -> tuple[Step, Any]:
    """Run `nostro reconcile ...` and look at what it needed."""
    code = "from nostro.cli.main import main; main()"
    given = [*words, "--merchant", MERCHANT, "--database", database, "--json"]
    started = time.perf_counter()
    read, write = os.pipe()
    child = os.posix_spawn(
        sys.executable, [sys.executable, "-c", code, "reconcile", *given], os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )  # fmt: skip
    os.close(write)
    peak = [0.0]
    watch = threading.Thread(target=_watch, args=(child, peak), daemon=True)
    watch.start()
    with os.fdopen(read, "rb") as out:
        said = out.read()
    _, status, used = os.wait4(child, 0)
    watch.join()
    if status:
        sys.exit(f"nostro reconcile {' '.join(given)} failed")
    processor = used.ru_utime + used.ru_stime
    most = used.ru_maxrss / 1024
    step = Step(what, time.perf_counter() - started, processor, peak[0] or most, most)
    print(
        f"{step.what}: {step.seconds:.0f} s ({processor:.0f} s of the processor), {step.memory:.0f} MB "
        f"({most:.0f} MB with the file's pages)", file=sys.stderr,
    )  # fmt: skip
    return step, msgspec.json.decode(said)


def _watch(child: int, peak: list[float]) -> None:
    """The most memory of its own that a child had, in MB, looked at every so often; where the system tells."""
    while True:
        try:
            said = Path(f"/proc/{child}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        own = [line.split()[1] for line in said.splitlines() if line.startswith("RssAnon:")]
        if not own:
            return
        peak[0] = max(peak[0], int(own[0]) / 1024)
        time.sleep(LOOK)


def reconcile(database: str, folder: Path) -> tuple[int, list[Step]]:
    mapping = folder / "mapping.toml"
    mapping.write_bytes(MAPPING)
    files = [folder / f"bank-{day_of(day)}.csv" for day in range(DAYS)]
    told = [str(file) for file in files if file.stat().st_size > len(HEADER)]
    imported, made = command("import", database, "import", *told, "--mapping", str(mapping), "--account", BANK)
    lines = sum(one["lines"] for one in made)
    matched, _ = command("match", database, "match", "--account", BANK)
    day = str(day_of(CLOSED))
    closed, said = command("prove and close", database, "close", day, "--by", "bench", "--account", BANK)
    assert said["status"] == "closed" and said["balanced"], said
    verified, verdicts = command("verify the closed day", database, "verify", "--account", BANK)
    assert [one["ok"] for one in verdicts] == [True], verdicts
    return lines, [imported, matched, closed, verified]


# What is true -----------------------------------------------------------------------------


class Found(Struct):
    """What was said: the pairs of plain matches as columns, other matches and breaks with their rule or reason."""

    lines: np.ndarray
    entries: np.ndarray
    groups: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
    bytes: float


async def found(database: str) -> Found:
    """Of the one account. Also verifies the books."""
    world = await make_world(Settings(database=database))
    scope = await make_scope(world, MERCHANT, livemode=False, dev=True)
    account = await find(Tx(world, scope), BANK, "usd")
    assert account is not None
    lines, entries, groups, at = [], [], [], 0
    names = {
        rule.id: rule.name for rule in await Tx(world, scope).every(world.registry.by_object["reconciliation.rule"], 9)
    }
    statement = f"SELECT {COLUMNS} FROM bank_match WHERE account=? AND matched>? ORDER BY matched LIMIT 50000"
    while rows := await world.engine.rows(statement, (account.number, at)):
        plain = np.array([row[1:3] for row in rows if row[3] == "reference" and not row[8]], np.int64).reshape(-1, 2)
        lines.append(plain[:, 0])
        entries.append(plain[:, 1])
        for row in rows:
            if row[3] != "reference" or row[8]:
                one = found_of(row)
                groups.append((names.get(one.rule, one.rule), tuple(one.members.entries), tuple(one.members.lines)))
        at = rows[-1][0]
    breaks = world.registry.by_object["reconciliation.break"]
    for b in await Tx(world, scope).all(breaks, {"status": "open"}, 10**7):
        groups.append((b.reason, tuple(b.entry_numbers), tuple(b.line_numbers)))
    size = await world.engine.size()
    problems = await verify(world.engine, world.registry)
    await world.engine.close()
    if problems:
        sys.exit("The books do not verify after the load:\n" + "\n".join(map(str, problems)))
    return Found(np.concatenate(lines), np.concatenate(entries), groups, size)


def scores(truth: Truth, said: Found, starts: Sequence[int]) -> list[Score]:
    """`starts` is how many entries were booked before each day. A statement's place is its day, counted from 1."""
    days = {place: n for n, place in enumerate(sorted({int(line) >> 32 for line in said.lines[:1]} | _places(said)))}
    place = {n: at for at, n in days.items()}

    def entry(at: int) -> int:
        return starts[at >> 32] + (at & (1 << 32) - 1)

    def line(at: int) -> int:
        return place[at >> 32] << 32 | (at & (1 << 32) - 1)

    right = {int(a): int(b) for a, b in zip(said.lines, said.entries, strict=True)}
    exact = sum(right.get(line(a)) == entry(b) for a, b in zip(truth.lines, truth.entries, strict=True))
    made = [Score("exact", len(truth.lines), exact, len(right) - exact)]
    every: dict[str, set[tuple[Any, ...]]] = {}
    for kind, entries, lines in truth.groups:
        every.setdefault(kind, set()).add((tuple(map(entry, entries)), tuple(map(line, lines))))
    expected = {**FOUND_BY, **BROKEN_AS}
    said_as: dict[str, list[tuple[Any, ...]]] = {}
    for name, entries, lines in said.groups:
        said_as.setdefault(name, []).append((entries, lines))
    for kind in (*KINDS, LOST):
        there = every.get(kind, set())
        told = [one for name in expected[kind] for one in said_as.get(name, ())]
        if kind == "duplicate":  # either of the two may be the one too many, and the other is a match
            twice = {one: lines for _, lines in there for one in lines}
            hits = [lines[0] for _, lines in told if len(lines) == 1 and lines[0] in twice]
            made.append(Score(kind, len(there), len(hits), len(told) - len(hits)))
            made[0].wrong -= len(hits)
            continue
        groups = _sorted(there)
        alike = [other for other in (*KINDS, LOST) if expected[other] == expected[kind]]
        of_others = _sorted({one for other in alike for one in every.get(other, ())})
        hits_ = [one for one in told if _in_order(one) in groups]
        wrong = [one for one in told if _in_order(one) not in of_others]
        made.append(Score(kind, len(there), len(hits_), len(wrong)))
    return made


def _in_order(group: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(group[0])), tuple(sorted(group[1]))


def _sorted(groups: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    return set(map(_in_order, groups))


def _places(said: Found) -> set[int]:
    return set(np.unique(said.lines >> 32).tolist())


# All of it --------------------------------------------------------------------------------


def run(database: str, engine: str, count: int, seed: int, folder: Path) -> Report:
    truth = write_month(count, seed, folder)
    print(f"{count:,} groups are written", file=sys.stderr)
    asyncio.run(book(database, folder))
    print("the ledger is booked", file=sys.stderr)
    booked = [_count(folder / f"ledger-{day_of(day)}.csv") for day in range(DAYS)]
    starts = [sum(booked[:day]) for day in range(DAYS)]
    lines, steps = reconcile(database, folder)
    said = asyncio.run(found(database))
    return Report(engine, lines, steps, scores(truth, said, starts), said.bytes)


def _count(file: Path) -> int:
    with file.open("rb") as rows:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: rows.read(1 << 20), b""))


def told(report: Report) -> str:
    minutes, busy = sum(step.seconds for step in report.steps) / 60, sum(step.processor for step in report.steps) / 60
    lines = [
        f"{report.lines:,} lines on {report.engine}: {minutes:.1f} minutes ({busy:.1f} of the processor), "
        f"{report.bytes / 1e9:.2f} GB on disk",
        "",
        "| | seconds | of the processor | lines a second | peak memory | with the file's pages |",
        "|---|---|---|---|---|---|",
    ]
    for step in report.steps:
        rate = f"{report.lines / step.seconds:,.0f}"
        seconds = f"{step.seconds:.1f} | {step.processor:.1f}"
        lines.append(f"| {step.what} | {seconds} | {rate} | {step.memory:.0f} MB | {step.mapped:.0f} MB |")
    lines += ["", "| | there | found | precision | recall |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.kind.replace('_', ' ')} | {one.there:,} | {one.found:,} | {one.precision:.4f} | {one.recall:.4f} |"
        for one in report.scores
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000, help="about so many")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="also write it here: docs/performance/reconciliation.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nostro-reconcile-") as home:
        folder = Path(home)
        if given.engine == "sqlite":
            report = run(f"sqlite:///{folder}/books.db", "SQLite", given.lines, given.seed, folder)
        else:
            with postgresql(folder) as url:
                report = run(url, "PostgreSQL", given.lines, given.seed, folder)
    print(told(report))
    if given.report is not None:
        given.report.write_text(f"{PAGE.format(lines=given.lines, seed=given.seed)}{told(report)}\n")


if __name__ == "__main__":
    main()
