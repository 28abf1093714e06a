"""`nostro books`: the books by period. Reports read the database itself; closing goes through a running server."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nostro.kernel.money import text

from . import show
from .client import Client, Refusal
from .ledger import Currency, Key, Live, Merchant, read_books
from .options import AnyDatabase, ApiBase, ApiKey, Json
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.reporting.span import Span
    from nostro.reporting.statements import Part, Result, Sheet
    from nostro.reporting.turnover import Turnover
    from nostro.storage.world import World

PATIENCE = 1_800
app = typer.Typer(no_args_is_help=True, help="The books by period: statements, closing a month, exports.")
Period = Annotated[
    str | None,
    typer.Option("--period", "--month", "--quarter", "--year", metavar="PERIOD",
                 help="2026-10, 2026-Q4, 2026 or 2026-10-01/2026-10-15, in UTC. Default: this month."),
]  # fmt: skip
Since = Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day, instead: 2026-10-01.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="The last day: 2026-10-15.")]
By = Annotated[
    Literal["effective", "recorded"],
    typer.Option("--by", help="Which time counts: since when an entry counts, or when it was committed."),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, in minor units.")]
Month = Annotated[str, typer.Option("--month", metavar="MONTH", help="The month: 2026-10.")]


def span_of(world: World, period: str | None, since: str | None, until: str | None) -> Span:
    from nostro.kernel.clock import SECOND
    from nostro.reporting.span import HOW, month, named

    if period is not None and (since or until):
        raise Trouble("A period, or two days, not both.", HOW)
    if bool(since) != bool(until):
        raise Trouble("Give the first day and the last: --from and --until.", HOW)
    try:
        if since:
            return named(f"{since}/{until}")
        return month(world.clock.micros() // SECOND) if period is None else named(period)
    except ValueError as error:
        raise Trouble(str(error)) from None


async def one_book(world: World, book: int | None) -> int:
    """The book that was asked for, or the only one that has entries."""
    if book is not None:
        return book
    rows = await world.engine.rows("SELECT DISTINCT book FROM ledger_account ORDER BY book LIMIT 2")
    if len(rows) == 1:
        return int(rows[0][0])
    if not rows:
        raise Trouble("Nothing has been booked yet.", "Is it the right database? --database sqlite:///FILE")
    raise Trouble("There are several books here.", "Name one: --key sk_test_..., or --merchant acct_... (and --live).")


@app.command("trial-balance")
def trial_balance(
    period: Period = None, since: Since = None, until: Until = None, by: By = "effective", currency: Currency = None,
    line: Annotated[str | None, typer.Option(metavar="LINE", help="Only the accounts of this line.")] = None,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None,
    json: Json = False, csv: Csv = False,
) -> None:  # fmt: skip
    """Show each account's opening balance, debits, credits and closing balance (debit positive).

    Example: nostro books trial-balance --month 2026-10 --line "merchant:{merchant}:available"
    """
    from nostro.reporting.turnover import cuts, turnovers

    async def read(world: World, book: int | None) -> tuple[Span, list[Turnover]]:
        span = span_of(world, period, since, until)
        at = await cuts(world.engine, await one_book(world, book), span, by)
        found = [
            one async for one in turnovers(world.engine, at)
            if not one.idle and line in (None, one.line) and currency in (None, one.currency)
        ]  # fmt: skip
        return span, found

    span, found = read_books(database, merchant, key, live, read)
    columns = ("account", "currency", "type", "opening", "debits", "credits", "closing")
    rows = [(one.code, one.currency, one.kind, one.opening, one.debits, one.credits, one.closing) for one in found]
    if json or csv:
        _data(json, columns, rows)
        return
    for unit in sorted({one.currency for one in found}):
        own: list[tuple[Any, ...]] = [row for row in rows if row[1] == unit]
        own.append(("total", unit, "", *(sum(int(row[n]) for row in own) for n in range(3, 7))))
        cells = [(row[0], row[2], *(_number(int(amount), unit) for amount in row[3:])) for row in own]
        show.as_table(("account", "type", "opening>", "debits>", "credits>", "closing>"), cells, _title(unit, span))


@app.command("balance-sheet")
def balance_sheet(
    period: Period = None, since: Since = None, until: Until = None, by: By = "effective", currency: Currency = None,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None,
    json: Json = False, csv: Csv = False,
) -> None:  # fmt: skip
    """Show what is owned and owed at the end of a period, beside its beginning. Exit status 1 if it does not balance.

    Example: nostro books balance-sheet --month 2026-10
    """
    from nostro.reporting.statements import balance_sheets, figures

    async def read(world: World, book: int | None) -> tuple[Span, list[Sheet]]:
        span = span_of(world, period, since, until)
        made = await figures(world.engine, await one_book(world, book), span, by, currency)
        return span, balance_sheets(made)

    span, sheets = read_books(database, merchant, key, live, read)
    parts = [(one.currency, (one.assets, one.liabilities, one.equity, one.memorandum)) for one in sheets]
    _statement(json, csv, span, parts, {})
    if not all(sheet.balanced for sheet in sheets):
        typer.secho("The sheet does not balance: nostro ledger verify says why.", fg="red", err=True)
        raise typer.Exit(1)


@app.command("income-statement")
def income_statement(
    period: Period = None, since: Since = None, until: Until = None, by: By = "effective", currency: Currency = None,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None,
    json: Json = False, csv: Csv = False,
) -> None:  # fmt: skip
    """Show what was earned and spent in a period, beside the period before.

    Example: nostro books income-statement --quarter 2026-Q4
    """
    from nostro.reporting.statements import figures, income_statements

    async def read(world: World, book: int | None) -> tuple[Span, list[Result]]:
        span, own = span_of(world, period, since, until), await one_book(world, book)
        now = await figures(world.engine, own, span, by, currency)
        then = await figures(world.engine, own, span.before, by, currency)
        return span, [one for one in income_statements(now, then) if one.revenue.lines or one.expenses.lines]

    span, found = read_books(database, merchant, key, live, read)
    results = {one.currency: (one.total, one.previous) for one in found}
    _statement(json, csv, span, [(one.currency, (one.revenue, one.expenses)) for one in found], results)


@app.command()
def close(
    month: Month, api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Close a month: lock it, check the books, write its figures. Exit status 1 if a check fails.

    Nothing takes effect in a closed month any more, and it is not opened again: corrections go into the next one.

    Example: nostro books close --month 2026-10
    """
    client = Client(api_base, api_key)
    period = _asked(lambda: client.post("/v1/reports/periods", {"month": month}))
    for turn in range(PATIENCE):
        if period["status"] != "closing":
            break
        time.sleep(min(1.0, 0.05 * (turn + 1)))
        period = client.get(f"/v1/reports/periods/{period['id']}")
    _show_period(json, period)
    if period["status"] != "closed":
        raise typer.Exit(1)


@app.command()
def prove(
    month: Month, api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Make a closed month's figures again and compare them. Exit status 1 if they differ.

    Example: nostro books prove --month 2026-10
    """
    client = Client(api_base, api_key)
    found = client.get("/v1/reports/periods", {"month": month})["data"]
    if not found:
        raise Trouble(f"{month} was never closed.", f"Close it: nostro books close --month {month}")
    proof = _asked(lambda: client.get(f"/v1/reports/periods/{found[0]['id']}/proof"))
    if json:
        show.as_json(proof)
    elif proof["holds"]:
        typer.echo(f"{month} is as it was closed. SHA-256 of its trial balance: {proof['hash']}")
    else:
        typer.secho(f"{month} is not as it was closed: {proof['hash']}, not {proof['expected_hash']}.", fg="red")
        typer.echo("nostro ledger verify says what was changed.")
    if not proof["holds"]:
        raise typer.Exit(1)


@app.command()
def periods(api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False) -> None:
    """List the months that were closed, or are being closed, the newest first.

    Example: nostro books periods
    """
    found = Client(api_base, api_key).get("/v1/reports/periods", {"limit": 100})["data"]
    if json:
        show.as_json(found)
        return
    rows = [(one["month"], one["status"], one["id"], one["figures"] and one["figures"]["hash"]) for one in found]
    show.as_table(("month", "status", "id", "hash"), rows)


# Showing ------------------------------------------------------------------------------


def _show_period(json: bool, period: dict[str, Any]) -> None:
    if json:
        show.as_json(period)
        return
    rows = [(one["name"], one["outcome"], finding) for one in period["checks"] for finding in one["findings"] or [""]]
    show.as_table(("check", "outcome", "found"), rows)
    if period["status"] == "closed":
        figures = period["figures"]
        typer.echo(f"{period['month']} is closed: {figures['accounts']} accounts, up to entry {figures['entry']}.")
        typer.echo(f"SHA-256 of its trial balance: {figures['hash']}")
    elif period["status"] == "open":
        typer.secho(f"{period['month']} is still open: put right what failed, and close it again.", fg="red")
    else:
        typer.echo(f"{period['month']} is still being closed: look again with nostro books periods")


def _statement(
    json: bool, as_csv: bool, span: Span, sheets: Sequence[tuple[str, Sequence[Part]]],
    results: dict[str, tuple[int, int]],
) -> None:  # fmt: skip
    columns = ("currency", "section", "line", "amount", "previous")
    if json or as_csv:
        rows = [
            (unit, part.section, line.line, line.amount, line.previous)
            for unit, parts in sheets for part in parts for line in part.lines
        ]  # fmt: skip
        _data(json, columns, rows)
        return
    if not sheets:
        typer.echo(f"Nothing stands in the books in {span.name}.")
    for unit, parts in sheets:
        cells: list[tuple[str, ...]] = []
        for part in parts:
            if part.lines:
                cells.append((part.section.capitalize(), "", "", ""))
                cells += [(f"  {line.line}", _number(line.amount, unit), _number(line.previous, unit), line.meaning)
                          for line in part.lines]  # fmt: skip
                cells.append(("  total", _number(part.total, unit), _number(part.previous, unit), ""))
        if unit in results:
            cells.append(("Result", *(_number(amount, unit) for amount in results[unit]), ""))
        show.as_table(("", f"{span.name}>", "before>", "meaning"), cells, _title(unit, span))


def _data(json: bool, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if json:
        show.as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(columns)
    out.writerows(rows)


def _title(unit: str, span: Span) -> str:
    first, last = span.days
    return f"{unit.upper()}, {first} to {last}"


def _number(amount: int, unit: str) -> str:
    """With commas between thousands, for people."""
    whole, dot, part = text(abs(amount), unit).removesuffix(f" {unit}").partition(".")
    return f"{'-' if amount < 0 else ''}{int(whole):,}{dot}{part}"


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None
