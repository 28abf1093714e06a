"""`nostro reconcile`: a bank's statements in, matched, looked at, and days closed. Works on the database itself, beside
a server or without one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from nostro.kernel.errors import ApiError
from nostro.kernel.money import text

from . import show
from .options import AnyDatabase, Json
from .progress import Counting
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.reconciliation.account import Record as Account
    from nostro.reconciliation.break_ import Record as Break
    from nostro.reconciliation.statement import Record as Statement
    from nostro.storage.tx import Tx
    from nostro.storage.unit import Scope
    from nostro.storage.world import World

T = TypeVar("T")
HELP = """Prove that the bank agrees: import its statements, match their lines, clear up breaks, close days.

\b
  nostro reconcile import november.csv --mapping bank.toml
  nostro reconcile match
  nostro reconcile breaks
  nostro reconcile resolve brk_... --book-as bank_fee --by ada --reason "Monthly fee"
  nostro reconcile prove 2026-11-20
  nostro reconcile close 2026-11-20 --by ada
"""
app = typer.Typer(no_args_is_help=True, help=HELP)
Merchant = Annotated[str | None, typer.Option("--merchant", metavar="ACCT", help="Whose bank account it is.")]
Key = Annotated[str | None, typer.Option("--key", metavar="SK", help="Or the dev key whose sandbox it is.")]
Live = Annotated[bool, typer.Option("--live", help="With --merchant: live, not test.")]
Of = Annotated[
    str, typer.Option("--account", metavar="CODE", help="The ledger account that stands for the one at the bank.")
]
Day = Annotated[str, typer.Argument(metavar="DAY", help="2026-11-20")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]
CASH = "bank:cash"


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="As the bank sent them.")
    ],
    format: Annotated[
        str | None, typer.Option(help="csv, camt.053, mt940 or bai2; by the file's name if it is left out.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, help="TOML or JSON: how a CSV is to be read.")
    ] = None,
    account: Of = CASH,
    another_bank_account: Annotated[
        bool, typer.Option("--another-bank-account", help="Take statements of a further account at a bank.")
    ] = False,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Import the statements of files, one after another: all of a file, or nothing of it. The same file again changes
    nothing.

    A mapping says which column of a CSV is what (see the documentation on reconciliation):

    \b
      currency = "eur"
      date_format = "DD.MM.YYYY"
      decimal = ","
      [columns]
      date = "Buchungstag"
      amount = "Betrag"
      description = ["Verwendungszweck"]

    Example: nostro reconcile import november.csv --mapping bank.toml
    """
    from nostro.reconciliation.importing import About, Imported, imported
    from nostro.reconciliation.reading import pieces

    columns, kinds = _mapping(mapping), {file: _kind(file, format) for file in files}

    async def work(world: World, scope: Scope) -> list[Imported]:
        made: list[Imported] = []
        with Counting(quiet=json) as tell:
            for file, kind in kinds.items():
                with file.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                    content.seek(0)
                    about = About(
                        ledger_account=account, format=kind, file=digest, file_name=file.name, lines=_lines(file),
                        another=another_bank_account,
                    )  # fmt: skip
                    made += await imported(world, scope, pieces(content, kind, columns), about, _named_bar(file, tell))
        return made

    made = _with(database, merchant, key, live, work)
    if json:
        show.as_json([{**_public(one.statement), "existing": one.existing} for one in made])
        return
    for one in made:
        _tell(one.statement, "  (was there already)" if one.existing else "")


def _tell(said: Statement, more: str) -> None:
    typer.echo(
        f"{said.id}  {said.opened_on} to {said.closed_on}  {said.lines:,} lines  "
        f"{text(said.opening_balance, said.currency)} to {text(said.closing_balance, said.currency)}{more}"
    )


@app.command()
def match(
    account: Of = CASH,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Match what is open. What does not fit becomes a break, with a reason.

    Example: nostro reconcile match
    """
    from nostro.reconciliation.run import Summary, matched

    async def work(world: World, scope: Scope) -> Summary:
        found = await _account(world, scope, account)
        with Counting(quiet=json) as tell:
            return await matched(world, scope, found.id, tell)

    found = _with(database, merchant, key, live, work)
    if json:
        show.as_json(found)
        return
    typer.echo(f"{found.lines:,} lines, {sum(found.matches.values()):,} matches, {found.open_breaks:,} breaks open")
    for rule, count in sorted(found.matches.items()):
        typer.echo(f"  matched by {rule}: {count:,}")
    for reason, count in sorted(found.breaks.items()):
        typer.echo(f"  new breaks, {reason.replace('_', ' ')}: {count:,}")
    if found.ended:
        typer.echo(f"  breaks that ended: {found.ended:,}")


@app.command()
def breaks(
    status: Annotated[str, typer.Option(help="open, matched, replaced or resolved.")] = "open",
    reason: Annotated[str | None, typer.Option(help="Only those of this reason: duplicate.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """List breaks with their age, the newest first.

    Example: nostro reconcile breaks --reason duplicate
    """
    from nostro.kernel.resource import View
    from nostro.reconciliation.break_ import BREAK, present
    from nostro.storage.tx import Tx

    where = {"status": status, **({"reason": reason} if reason else {}), **({"owner": owner} if owner else {})}

    async def work(world: World, scope: Scope) -> list[Any]:
        tx = Tx(world, scope)
        return [present(View(world.registry, tx.now), b) for b in await tx.all(BREAK, where, limit)]

    found = _with(database, merchant, key, live, work)
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("break", "day", "age>", "reason", "amount>", "owner", "lines", "entries"),
        [
            (b["id"], b["opened_on"], f"{b['age_days']} d", b["reason"], text(b["amount"], b["currency"]), b["owner"],
             " ".join(b["lines"]), " ".join(b["entries"]))
            for b in found
        ],
    )  # fmt: skip
    typer.echo(f"{len(found)} {status}")


@app.command()
def resolve(
    id: Annotated[str, typer.Argument(metavar="BREAK", help="brk_...")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why.")],
    book_as: Annotated[str, typer.Option(help="bank_fee, interest or write_off.")],
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Book the difference of a break, and say why.

    Example: nostro reconcile resolve brk_... --book-as bank_fee --by ada --reason "Monthly fee"
    """
    from nostro.kernel.params import convert
    from nostro.reconciliation.break_ import BREAK, ResolveParams
    from nostro.reconciliation.break_ import resolve as end

    async def verb(tx: Tx) -> Break:
        params = convert({"by": by, "reason": reason, "book_as": book_as}, ResolveParams)
        return await end(tx, await tx.get(BREAK, id), params)

    done = _with(database, merchant, key, live, _unit(verb))
    if json:
        show.as_json(_public(done))
    else:
        typer.echo(f"Resolved {done.id}: {text(done.amount, done.currency)} booked as {book_as}.")


@app.command()
def prove(
    day: Day, account: Of = CASH,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Show whether the bank and the ledger agree at the end of a day. Exit status 1 if they do not.

    Example: nostro reconcile prove 2026-11-20
    """
    from nostro.reconciliation import day as days

    async def verb(tx: Tx) -> days.Record:
        return await days.create(tx, _day_params((await _named(tx, account)).id, day))

    drawn = _with(database, merchant, key, live, _unit(verb))
    _show_day(drawn, json)
    if not drawn.balanced or drawn.unmatched_lines:
        raise typer.Exit(1)


@app.command()
def close(
    day: Day, by: By, account: Of = CASH,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Close a day, and all before it: nothing changes them any more.

    Example: nostro reconcile close 2026-11-20 --by ada
    """
    from nostro.reconciliation import day as days

    async def draw_up(tx: Tx) -> days.Record:
        return await days.create(tx, _day_params((await _named(tx, account)).id, day))

    drawn = _with(database, merchant, key, live, _unit(draw_up))

    async def end(tx: Tx) -> days.Record:
        return await days.close(tx, await tx.get(days.DAY_RESOURCE, drawn.id), days.CloseParams(by=by))

    _show_day(_with(database, merchant, key, live, _unit(end)), json)


@app.command()
def verify(
    account: Of = CASH,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Work out every closed day again, from the lines and the journal. Exit status 1 if one is not as it was closed.

    Example: nostro reconcile verify
    """
    from nostro.kernel.resource import NoParams
    from nostro.reconciliation import day as days
    from nostro.storage.tx import Tx

    async def work(world: World, scope: Scope) -> list[days.Verdict]:
        found = await _account(world, scope, account)
        where = {"account": found.id, "status": "closed"}
        closed = await Tx(world, scope).all(days.DAY_RESOURCE, where, 10_000, newest_first=False)
        return [await days.verify(Tx(world, scope), one, NoParams()) for one in closed]

    verdicts = _with(database, merchant, key, live, work)
    if json:
        show.as_json(verdicts)
    else:
        for one in verdicts:
            for problem in one.problems:
                typer.secho(f"{one.day}: {problem}", fg="red")
        typer.echo(f"{len(verdicts)} closed days, {sum(one.ok for one in verdicts)} as they were closed.")
    if not all(one.ok for one in verdicts):
        raise typer.Exit(1)


@app.command()
def accounts(
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """List the accounts that are reconciled, and how far.

    Example: nostro reconcile accounts
    """
    from nostro.reconciliation.account import ACCOUNT, MOST_ACCOUNTS
    from nostro.storage.tx import Tx

    async def work(world: World, scope: Scope) -> list[Account]:
        return await Tx(world, scope).every(ACCOUNT, MOST_ACCOUNTS)

    found = _with(database, merchant, key, live, work)
    if json:
        show.as_json([_public(one) for one in found])
        return
    show.as_table(
        ("account", "stands for", "statements>", "balance>", "known until", "closed until"),
        [(a.ledger_account, one.bank_account, one.statements, text(one.balance, a.currency), one.covered_until,
          a.closed_until) for a in found for one in a.banks],
    )  # fmt: skip


def _show_day(day: Any, json: bool) -> None:
    if json:
        show.as_json(_public(day))
        return
    unit = day.currency
    rows = [
        ("opening balance", text(day.opening_balance, unit), f"after {day.since}" if day.since else ""),
        ("lines", text(day.lines_amount, unit), f"{day.lines:,} in {len(day.statements)} statements"),
        ("closing balance", text(day.closing_balance, unit), "what the bank says"),
        ("ledger", text(day.ledger_balance, unit), f"{day.ledger_account}, by {day.last_entry:,} entries"),
        ("differences", text(day.differences_amount, unit), f"{day.differences_count:,}, named one by one"),
    ]
    show.as_table(("", "amount>", ""), rows, f"{day.date}: {day.status}")
    for one in day.differences[:20]:
        about = one.match or one.break_ or one.entry
        typer.echo(f"  {text(one.amount, unit):>20}  {one.kind.replace('_', ' ')}  {about}")
    if day.unmatched_lines:
        typer.secho(f"{day.unmatched_lines:,} lines belong to nothing yet: nostro reconcile match", fg="red")
    elif not day.balanced:
        apart = day.closing_balance - day.ledger_balance - day.differences_amount
        typer.secho(f"{text(apart, unit)} are not explained: nostro ledger verify", fg="red")
    else:
        typer.echo(f"The bank and the ledger agree. {f'Hash {day.hash}' if day.hash else 'Not closed yet.'}")


# The database and whose books in it -----------------------------------------------------------


def _unit(verb: Callable[[Tx], Awaitable[T]]) -> Callable[[World, Scope], Awaitable[T]]:
    from nostro.events.work import perform

    async def work(world: World, scope: Scope) -> T:
        return await perform(world, scope, verb)

    return work


def _with(
    database: str | None, merchant: str | None, key: str | None, live: bool,
    work: Callable[[World, Scope], Awaitable[T]],
) -> T:  # fmt: skip
    from .database import existing, opened
    from .ledger import _book

    async def run() -> T:
        async with opened(existing(database)) as world:
            from nostro.storage.scope import load_scope

            number = await _book(world, merchant, key, live) or await _only(world, database)
            return await work(world, await load_scope(world, number))

    try:
        return asyncio.run(run())
    except ApiError as error:
        raise Trouble(error.message) from None


async def _only(world: World, database: str | None) -> int:
    """The sandbox of the key that `nostro dev` keeps here, or else the one merchant of the database."""
    from .checkout import remembered
    from .ledger import _book

    if database is None and (kept := remembered()) is not None:
        return await _book(world, None, kept.secret_key, False) or 0
    rows = await world.engine.rows("SELECT DISTINCT book FROM ledger_account ORDER BY book LIMIT 2")
    rows = rows or await world.engine.rows("SELECT DISTINCT book FROM scope ORDER BY book LIMIT 2")
    if len(rows) != 1:
        raise Trouble("There are several books here, or none.", "Say whose: --merchant ACCT or --key SK")
    return int(rows[0][0])


async def _named(tx: Tx, code: str) -> Account:
    from nostro.reconciliation.account import named

    return await named(tx, code)


async def _account(world: World, scope: Scope, code: str) -> Account:
    from nostro.storage.tx import Tx

    return await _named(Tx(world, scope), code)


def _day_params(account: str, day: str) -> Any:
    from nostro.kernel.params import convert
    from nostro.reconciliation.day import CreateParams

    return convert({"account": account, "date": day}, CreateParams)


def _public(record: Any) -> Any:
    from nostro.app import RESOURCES
    from nostro.kernel.resource import public

    shape = next(resource.shape for resource in RESOURCES if resource.record is type(record))
    return public(shape, record)


def _kind(file: Path, format: str | None) -> str:
    from nostro.reconciliation.reading import SUFFIXES

    kind = format or SUFFIXES.get(file.suffix.lower())
    if kind is None:
        known = ", ".join(dict.fromkeys(SUFFIXES.values()))
        raise Trouble(f"I do not know what {file.name} is.", f"Say it with --format: {known}.")
    return kind


def _named_bar(file: Path, tell: Callable[[str, int, int], None]) -> Callable[[str, int, int], None]:
    return lambda what, done, total: tell(f"{what} {file.name}", done, total)


def _lines(file: Path) -> int:
    """About how many, for the bar."""
    with file.open("rb") as content:
        part = content.read(1 << 20)
    return part.count(b"\n") * file.stat().st_size // max(1, len(part))


def _mapping(file: Path | None) -> Any:
    from nostro.networks.csv_statement import Mapping

    if file is None:
        return None
    try:
        read = msgspec.json.decode if file.suffix == ".json" else msgspec.toml.decode
        return read(file.read_bytes(), type=Mapping)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"{file.name} is no mapping: {error}.", "See `nostro reconcile import --help`.") from None
