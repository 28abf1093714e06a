"""`nostro ledger import`: entries from a file, through a running server, with a bar that shows how far it is."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import IO, Annotated, Any, Protocol

import typer
from msgspec import Struct

from . import show
from .client import Client, Refusal
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

PART = 16_384  # lines a request. A part is known by where it begins, so this must not change
MOST_ATOMIC = 100_000
PATH = "/v1/ledger/entries/bulk"
CORRECTED = (
    "Put the refused lines, corrected, into a file of their own: a changed file is another one, and what was booked\n"
    "of this one would be booked again, except for lines that have a reference."
)
MOST_TOLD = 50  # refused lines that are shown one by one
KINDS = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}


class Part(Struct):
    """Some lines of the file as one body, the number that each has in the file, and how far they reach (bytes)."""

    body: str
    numbers: list[int]
    done: int


class Advance(Protocol):
    def __call__(self, done: int, refused: int) -> None: ...

    def tell(self, text: str) -> None:
        """A line that stays, above the bar."""
        ...


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="FILE.csv or .ndjson")],
    atomic: Annotated[bool, typer.Option("--atomic", help="All lines or none, in one request.")] = False,
    reference: Annotated[str | None, typer.Option(help="What the file is known by; its content otherwise.")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Book the entries of a file, a line each. Exit status 1 if a line was refused.

    After an interruption import the same file again: what was booked is found and not booked twice. To book a file a
    second time on purpose, give it another --reference. With --json one result a line is printed, else only what was
    refused (the first of it) and the totals. Plain transfers (one debit, one credit, no metadata) go fastest, with a
    reference of their own or without.

    Example: nostro ledger import entries.csv
    """
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise Trouble(f"I do not know what {file.name} is.", "Name it .csv, .ndjson or .jsonl after what is in it.")
    client = Client(api_base, api_key)
    counts: dict[str, int] = {}
    size = MOST_ATOMIC if atomic else PART
    name = reference or name_of(file)
    with file.open(encoding="utf-8", newline="") as lines, bar(file, quiet=json) as advance:
        parts = csv_parts(lines, size) if kind == "text/csv" else json_parts(lines, size)
        for part in _only_one(parts, size) if atomic else parts:
            params = {"atomic": atomic, "reference": f"{name}:{part.numbers[0]}"}
            for number, result in zip(part.numbers, _send(client, kind, part, params), strict=True):
                status = result["status"]
                counts[status] = counts.get(status, 0) + 1
                if json:
                    show.as_line({**result, "line": number})
                elif status == "refused" and counts[status] <= MOST_TOLD:
                    advance.tell(f"line {number}: {_why(result['error'])}")
            advance(part.done, counts.get("refused", 0))
    if not json:
        _sum_up(counts)
    if counts.get("refused"):
        raise typer.Exit(1)


def _why(error: dict[str, Any]) -> str:
    """With the name that the column has: a posting's parameter is `postings[0][amount]`."""
    param = str(error.get("param", "")).removesuffix("]").rpartition("[")[2]
    return f"{param}: {error['message']}" if error["message"].startswith("Invalid") and param else error["message"]


def _sum_up(counts: dict[str, int]) -> None:
    refused = counts.get("refused", 0)
    if refused > MOST_TOLD:
        typer.secho(f"... and {refused - MOST_TOLD:,} more; --json tells of each line.", fg="red", err=True)
    typer.echo(", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "No lines.")
    if refused and len(counts) > 1:
        typer.echo(CORRECTED, err=True)


def _only_one(parts: Iterator[Part], size: int) -> list[Part]:
    """All of the file: looked at before the first line is sent."""
    first = next(parts, None)
    if next(parts, None) is not None:
        raise Trouble(f"--atomic takes up to {size} lines; the file has more.", "Nothing was booked.")
    return [] if first is None else [first]


def name_of(file: Path) -> str:
    """A name that another file does not have."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]


def _send(client: Client, kind: str, part: Part, params: dict[str, Any]) -> list[Any]:
    try:
        return client.post_lines(PATH, part.body, kind, params)
    except Refusal as refusal:
        raise Trouble(str(refusal), "Nothing of these lines was booked.") from None


def json_parts(lines: IO[str], size: int) -> Iterator[Part]:
    part, read = Part("", [], 0), 0
    kept: list[str] = []
    for number, line in enumerate(lines, 1):
        read += len(line.encode())
        if line.strip():
            kept.append(line.rstrip("\r\n"))
            part.numbers.append(number)
        if len(kept) == size:
            yield Part("\n".join(kept), part.numbers, read)
            part, kept = Part("", [], 0), []
    if kept:
        yield Part("\n".join(kept), part.numbers, read)


def csv_parts(lines: IO[str], size: int) -> Iterator[Part]:
    """A record may go over several lines, so the file is read as CSV and written as CSV, each part with the header."""
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += len(line.encode())
            yield line

    rows = csv.reader(counted())
    head = next(rows, None)
    if head is None:
        return
    kept: list[list[str]] = []
    numbers: list[int] = []
    for row in rows:
        if row:
            kept.append(row)
            numbers.append(rows.line_num)
        if len(kept) == size:
            yield Part(_csv([head, *kept]), numbers, read)
            kept, numbers = [], []
    if kept:
        yield Part(_csv([head, *kept]), numbers, read)


def _csv(rows: list[list[str]]) -> str:
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


class Silent:
    """Where nobody looks at a bar."""

    def __call__(self, done: int, refused: int) -> None:
        pass

    def tell(self, text: str) -> None:
        typer.secho(text, fg="red", err=True)


class Shown:
    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: int, refused: int) -> None:
        self._bar.update(self._task, completed=done, refused=refused)

    def tell(self, text: str) -> None:
        self._bar.console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bar(file: Path, quiet: bool) -> Iterator[Advance]:
    """A bar on the terminal, if it is one."""
    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[refused]:,} refused"), console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar:
        yield Shown(bar, bar.add_task(file.name, total=file.stat().st_size, refused=0))
