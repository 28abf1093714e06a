"""docs/performance/README.md and its charts, from what `bench`, `bench.growth` and `bench.mix` have left there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .charts import bars, by_hand, growth_chart, mix_chart, rates_of
from .growth import Growth, facts
from .mix import MixReport
from .report import COLUMNS, Part, Results, cells

ENGINES = ("sqlite", "postgresql")
PAYMENTS = ("payments", "serve", "postgresql", "localstripe")


def write(results: Results, directory: Path) -> None:
    """What was never measured has no section."""
    directory.mkdir(parents=True, exist_ok=True)
    sections = [HEAD]
    payments = [results.parts[name] for name in PAYMENTS if name in results.parts]
    if payments:
        bars("Requests a second", rates_of(payments), directory / "throughput.svg")
        sections += ["## Payments, reads and lists\n", "![requests a second](throughput.svg)\n", *_table(payments)]
        sections.append(PAYMENTS_TEXT + _each(results.parts))
    if "ledger" in results.parts:
        bars("Ledger transfers a second, one each", rates_of([results.parts["ledger"]]), directory / "transfers.svg")
        sections += ["## Ledger transfers\n", "![transfers a second](transfers.svg)\n"]
        sections += [*_table([results.parts["ledger"]]), LEDGER_TEXT]
    sections += [line for engine in ENGINES for line in _growth(directory, engine)]
    sections += [line for engine in ENGINES for line in _mix(directory, engine)]
    if results.parts:
        sections += ["## The machine\n", *_machine(results)]
    (directory / "README.md").write_text("\n".join(sections).rstrip() + "\n")


def _table(parts: list[Part]) -> list[str]:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * (len(COLUMNS) - 2)]
    return [*lines, *(f"| {' | '.join(cells(row))} |" for part in parts for row in part.rows), ""]


def _each(parts: dict[str, Part]) -> str:
    said = [
        f"{part.bytes_each:,} bytes a payment on {engine}"
        for engine, name in (("SQLite", "payments"), ("PostgreSQL", "postgresql"))
        if (part := parts.get(name)) and part.bytes_each
    ]
    return f"\nNostro's database grows by {' and '.join(said)}.\n" if said else ""


def _growth(directory: Path, engine: str) -> list[str]:
    file = directory / "growth.json"
    kept = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    if engine not in kept:
        return []
    growth = msgspec.convert(kept[engine], Growth)
    growth_chart(growth, directory / f"growth-{engine}.svg")
    head = [f"{stage.objects:,}" for stage in growth.stages]
    lines = ["| median ms at so many objects | " + " | ".join(head) + " |", "|---|" + "---:|" * len(head)]
    for name, shown in _shown(growth):
        lines.append(f"| {shown} | " + " | ".join(_cell(growth, n, name) for n in range(len(head))) + " |")
    lines += [f"| {what} | " + " | ".join(row) + " |" for what, row in facts(growth)]
    growing = {name: both for name, both in growth.growing().items() if not by_hand(name)}
    slow = "\n".join(f"* {name}: {first:.1f} ms, then {last:.1f} ms" for name, (first, last) in growing.items())
    said = GROWTH_TEXT.format(lines=len(growth.stages[-1].took))
    said += f"\nThese take longer as the data grows:\n\n{slow}\n" if slow else "\nNothing else takes longer.\n"
    return [f"## As the data grows, {engine}\n", f"![latency by size](growth-{engine}.svg)\n", *lines, said]


def _shown(growth: Growth) -> list[tuple[str, str]]:
    """Some lines by name, and the slowest list and search at the last size."""
    took = growth.stages[-1].took
    names = ["create payment", "create customer", "get payment_intent", "list /v1/payment_intents",
             "list /v1/payment_intents, deep page", "list /v1/events type=pattern", "list /v1/events type=rare",
             "list /v1/balance_transactions currency=rare, created", "search customers email:rare",
             "search charges metadata order_id", "balance", "statement, hot account"]  # fmt: skip
    shown = [(name, name) for name in names if name in took]
    for what, every in (
        ("slowest list", [name for name in took if name.startswith("list ")]),
        ("slowest search by an index", [name for name in took if name.startswith("search ") and not by_hand(name)]),
        ("slowest search without an index", [name for name in took if by_hand(name)]),
    ):
        if every:
            slowest = max(every, key=lambda name: took[name][1])
            shown.append((slowest, f"{what}: {slowest.removeprefix('list ').removeprefix('search ')}"))
    return shown


def _cell(growth: Growth, n: int, name: str) -> str:
    took = growth.stages[n].took.get(name)
    return f"{took[1]:.2f}" if took else ""


def _mix(directory: Path, engine: str) -> list[str]:
    file = directory / f"mix-{engine}.json"
    if not file.exists():
        return []
    report = msgspec.json.decode(file.read_bytes(), type=MixReport)
    mix_chart(report, directory / f"mix-{engine}.svg")
    mixed, first, last = report.mixed, report.moments[0], report.moments[-1]
    middle = report.moments[len(report.moments) // 2]
    lines = ["| | requests | share | p50 ms | p99 ms | p99.9 ms | slowest ms |", "|---|" + "---:|" * 6]
    for name, kind in mixed.kinds.items():
        numbers = " | ".join(f"{one:.1f}" for one in (kind.p50, kind.p99, kind.p999, kind.slowest))
        lines.append(f"| {name} | {kind.requests:,} | {kind.share:.1%} | {numbers} |")
    said = MIX_TEXT.format(
        rate=mixed.rate, seconds=mixed.seconds, connections=report.connections, objects=report.objects,
        errors=mixed.errors, cpu=report.server_cpu, grown=(last.size - first.size) / 2**20,
        first=first.memory / 2**20, middle=middle.memory / 2**20, last=last.memory / 2**20,
    )  # fmt: skip
    return [f"## A day in small, {engine}\n", f"![latency over time](mix-{engine}.svg)\n", *lines, "", said]


def _machine(results: Results) -> list[str]:
    lines = []
    for name, part in results.parts.items():
        versions = ", ".join(f"{what} {number}" for what, number in part.versions.items())
        lines.append(
            f"- {name}: median of {part.runs} runs of {part.load.seconds:g} seconds after a warm-up, "
            f"{part.load.connections} connections; {part.hardware}; {versions}."
        )
    return lines


HEAD = """# Performance

Written by `make bench`, `make growth` and `make mix`; the numbers are in [results.json](results.json), and
[profile.md](profile.md) says where the time goes; `make reconcile` writes [reconciliation.md](reconciliation.md). The
load generator, the server and its database share the machine.
"""
PAYMENTS_TEXT = """
A payment is one `POST /v1/payment_intents` that creates and confirms, with a new `Idempotency-Key`, as the official
SDK sends it. Each connection waits for its answer before it sends the next request. Nostro writes the payment, its
charge, events, ledger entry, statement line and idempotency record, and answers when the disk has them: SQLite with
`synchronous=FULL`, PostgreSQL with `fsync` on, beside it on the same cores. localstripe keeps its objects in memory,
writes them all to one file after each change, and does not wait for the disk. After each run the books are verified
with what `nostro ledger verify` does: every entry balances, every balance is the sum of its lines, the hash chain is
whole. "nostro" is `nostro dev`, which also keeps what each POST sent; "nostro serve" is the server as it runs in
production, with an issued key whose limits are off.
"""
LEDGER_TEXT = """
One `POST /v1/ledger/entries` a transfer, durable, checked and hash-chained, between any two of a thousand accounts
(spread) or from one account to the others (hot). The peer is a ledger of PL/pgSQL functions inside PostgreSQL after
pgledger's design, written for this benchmark ([transfers.sql](../../bench/transfers.sql)): no HTTP, no decoding, no
events; `pgbench` calls one function a transfer, and the best of 4, 16 and 64 connections counts.
"""
GROWTH_TEXT = """
{lines} lines were asked at each size, up to thirty times one after another: every list by every filter (common values,
rare ones and none; the first page, a deep one, and with `created`), every searched field, single objects, balances and
statements. All are in [growth.json](growth.json). The data is copied from some fifty stories that were played through
the API, through the ledger's own arithmetic; the books of the smaller sizes are verified.

Searches that no index leads (a part of a word, an amount, a currency that nobody used) look at the records one by
one, for a second at most, and answer with a page that goes on
([decision 0022](../decisions/0022-lists-and-searches-by-index.md)).
"""
MIX_TEXT = """
{rate:,.0f} requests a second for {seconds:,.0f} seconds on {connections} connections, into a database that had
{objects:,} objects at the start: 70 % reads by id (and some balances and searches), 20 % writes, 10 % lists.
Requests are due at fixed moments whether or not those before were answered, and latency counts from then.
{errors} errors; the server used {cpu:.2f} processors; its memory was {first:.0f} MB at the start, {middle:.0f} in the
middle and {last:.0f} at the end; the files grew by {grown:,.0f} MB. The books were verified at the end.
"""
