"""`nostro books export`: the books for other programs: beancount, hledger, CSV and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nostro.kernel.clock import elapsed

from .books import Period, Since, Until, one_book, span_of
from .ledger import Key, Live, Merchant, read_books
from .options import AnyDatabase
from .progress import Counting
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.reporting.span import Span
    from nostro.storage.world import World

Format = Literal["beancount", "hledger", "csv", "parquet"]
ENDINGS = {"beancount": "beancount", "hledger": "journal"}


def export(
    format: Annotated[Format, typer.Argument(metavar="FORMAT", help="beancount, hledger, csv or parquet.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="PATH", help="The file; for csv and parquet the folder. Default: books-PERIOD."),
    ] = None,
    period: Period = None,
    since: Since = None,
    until: Until = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:  # fmt: skip
    """Write a period's entries, with opening balances and checks, for another program.

    beancount and hledger: one journal that the program accepts, whose totals are those of the trial balance.
    csv and parquet: entries, postings, balances and balance_transactions; by month, if there is more than one.

    Example: nostro books export beancount --month 2026-10 --to october.beancount
    """
    started = elapsed()

    async def read(world: World, book: int | None) -> tuple[Path, str]:
        span, own = span_of(world, period, since, until), await one_book(world, book)
        path = to or Path(f"books-{span.name.replace('/', '_')}{'.' + ENDINGS[format] if format in ENDINGS else ''}")
        if path.exists() and not force:
            raise Trouble(f"{path} is there already.", "Name another: --to PATH. Or write over it: --force")
        with Counting(quiet) as told:
            write = _write_tables if format in ("csv", "parquet") else _write_text
            return path, await write(world, own, span, format, path, told)

    path, what = read_books(database, merchant, key, live, read)
    seconds = (elapsed() - started) / 1_000_000
    typer.echo(f"Wrote {path}: {what}, in {seconds:.1f} s.")


async def _write_text(world: World, book: int, span: Span, format: Format, path: Path, told: object) -> str:
    from nostro.reporting.plain_text import text

    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            async for piece in text(world.engine, book, span, format, told):  # type: ignore[arg-type]
                file.write(piece)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return f"{path.stat().st_size:,} bytes"


async def _write_tables(world: World, book: int, span: Span, format: Format, path: Path, told: object) -> str:
    from nostro.reporting import files, tables
    from nostro.reporting.turnover import cuts

    for table in tables.TABLES:  # what an export of another period has left there
        for old in path.rglob(f"{table.name}.{format}"):
            old.unlink()
    try:
        made = files.Export(path, span, format)  # type: ignore[arg-type]
    except files.MissingExtra as missing:
        raise Trouble(str(missing), 'Install the extra: pip install "nostro[parquet]", or export csv.') from None
    try:
        await tables.read(world.engine, await cuts(world.engine, book, span), span, made.put, told)  # type: ignore[arg-type]
    finally:
        made.close()
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in made.counts.items())
