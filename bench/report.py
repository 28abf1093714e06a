"""The report: a table for the terminal, a page for the docs, and the numbers as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from .run import Load, Row

PARTS = ("nostro", "uvicorn", "uvloop", "msgspec", "apsw")
COLUMNS = ("server", "what", "a second", "p50 ms", "p99 ms", "server CPU µs each")


class Report(Struct):
    """Medians of `runs` runs; `bytes_each` is the size of our database for each payment in it."""

    rows: list[Row]
    runs: int
    load: Load
    hardware: str
    versions: dict[str, str]
    payments: int
    bytes_each: int


def hardware() -> str:
    cpu = platform.processor() or platform.machine()
    memory = 0
    if (info := Path("/proc/cpuinfo")).exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} x {cpu}, {memory} GiB, {platform.system()} {platform.release().split('-')[0]}"


def versions(**others: str) -> dict[str, str]:
    found = {part: version(part) for part in PARTS}
    return {"Python": platform.python_version(), **found, "SQLite": apsw.sqlite_lib_version(), **others}


def medians(runs: list[list[Row]]) -> list[Row]:
    """For each line the middle run by its rate, whole: its latencies belong to its rate."""
    middle = []
    for rows in zip(*runs, strict=True):
        ordered = sorted(rows, key=lambda row: row.measured.rate)
        row = ordered[(len(ordered) - 1) // 2]
        row.cpu_micros = round(statistics.median(r.cpu_micros for r in rows), 1)
        row.measured.ids = []
        middle.append(row)
    return middle


def _cells(row: Row) -> tuple[str, ...]:
    m = row.measured
    return row.server, row.what, f"{m.rate:,.0f}", f"{m.p50:.1f}", f"{m.p99:.1f}", f"{row.cpu_micros:,.0f}"


def show(report: Report) -> None:
    table = Table(title=f"median of {report.runs}, {report.load.connections} connections", title_justify="left")
    for n, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if n < 2 else "right")
    for row in report.rows:
        table.add_row(*_cells(row))
    console = Console()
    console.print(table)
    console.print(f"The books of {report.payments:,} payments verify; {report.bytes_each:,} bytes a payment on disk.")


def write(report: Report, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    (directory / "README.md").write_text(_page(report))


def _page(report: Report) -> str:
    table = [f"| {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * (len(COLUMNS) - 2)]
    table += [f"| {' | '.join(_cells(row))} |" for row in report.rows]
    parts = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    return PAGE.format(
        table="\n".join(table), parts=parts, runs=report.runs, hardware=report.hardware,
        connections=report.load.connections, seconds=f"{report.load.seconds:g}", payments=report.payments,
        each=report.bytes_each,
    )  # fmt: skip


PAGE = """# Performance

Written by `make bench`; the numbers are also in [results.json](results.json), and
[profile.md](profile.md) says where the time goes.

{table}

- Median of {runs} runs of {seconds} seconds each, after a warm-up, {connections} keep-alive connections that each
  wait for their answer before they send the next request.
- Hardware: {hardware}. The load generator and the server share it.
- Versions: {parts}.
- A payment is one `POST /v1/payment_intents` that creates and confirms, with a new `Idempotency-Key`, as the
  official SDK sends it. Nostro writes it, its charge, events, ledger entry, statement line and idempotency record
  to one SQLite file and waits for the disk (`synchronous=FULL`) before it answers. The peer keeps its objects in
  memory, writes them all to one file after each change, and does not wait for the disk.
- Nostro's file grows by {each:,} bytes a payment. After the last run the books of all {payments:,} payments were
  verified with `nostro ledger verify`: every entry balances, every balance is the sum of its lines, the hash chain
  is whole.
"""
