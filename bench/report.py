"""What was measured: tables for the terminal, and the numbers as JSON, part by part."""

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

PARTS = ("nostro", "uvicorn", "uvloop", "msgspec", "apsw", "psycopg")
COLUMNS = ("server", "what", "a second", "p50 ms", "p99 ms", "server CPU µs each")
FILE = "results.json"


class Part(Struct):
    """Medians of `runs` runs. `bytes_each` is the size of our database for each of its `payments`."""

    rows: list[Row]
    runs: int
    load: Load
    hardware: str
    versions: dict[str, str]
    payments: int = 0
    bytes_each: int = 0


class Results(Struct):
    """The parts by name; one that is measured again takes the place of the old one."""

    parts: dict[str, Part] = {}

    @staticmethod
    def read(directory: Path) -> Results:
        file = directory / FILE
        try:
            return msgspec.json.decode(file.read_bytes(), type=Results)
        except (FileNotFoundError, msgspec.ValidationError):
            return Results()

    def write(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")


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


def cells(row: Row) -> tuple[str, ...]:
    m = row.measured
    cpu = f"{row.cpu_micros:,.0f}" if row.cpu_micros else ""
    return row.server, row.what, f"{m.rate:,.0f}", f"{m.p50:.1f}", f"{m.p99:.1f}", cpu


def show(name: str, part: Part) -> None:
    title = f"{name}: median of {part.runs}, {part.load.connections} connections"
    table = Table(title=title, title_justify="left")
    for n, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if n < 2 else "right")
    for row in part.rows:
        table.add_row(*cells(row))
    console = Console()
    console.print(table)
    if part.payments:
        console.print(f"The books of {part.payments:,} payments verify; {part.bytes_each:,} bytes a payment on disk.")
