"""`nostro ledger`: read and prove the books. Reads the database itself, beside a server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nostro.kernel.money import text

from . import show
from .options import AnyDatabase, Json
from .progress import Counting
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.ledger.account import Account
    from nostro.storage.world import World

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Read the books and prove them: accounts, entries, balances, statements.")
Merchant = Annotated[str | None, typer.Option("--merchant", metavar="ACCT", help="Only this merchant's books.")]
Key = Annotated[str | None, typer.Option("--key", metavar="SK", help="Only the books of the sandbox of this dev key.")]
Currency = Annotated[str | None, typer.Option(metavar="CODE", help="Only this currency: usd.")]
Live = Annotated[bool, typer.Option("--live", help="With --merchant: the live books, not the test ones.")]
Code = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's code: bank:cash.")]
When = Annotated[str | None, typer.Option(metavar="TIME", help="UTC: 2026-11-21, 2026-11-21T07:00:00, or seconds.")]


@app.command()
def accounts(
    prefix: Annotated[str, typer.Argument(help="Only codes that start so: merchant:")] = "",
    merchant: Merchant = None, key: Key = None, live: Live = False, currency: Currency = None,
    database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """List accounts with their balances, positive on their normal side.

    Example: nostro ledger accounts network:
    """
    from nostro.ledger.account import accounts

    async def read(world: World, book: int | None) -> list[Account]:
        return await accounts(world.engine, book, prefix, currency)

    found = read_books(database, merchant, key, live, read)
    if json:
        show.as_json([{**_fields(account), "natural": account.natural} for account in found])
        return
    show.as_table(
        ("account", "kind", "balance>", "normal", "book>", "meaning"),
        [(a.code, a.kind, text(a.natural, a.currency), a.normal, a.book, a.meaning) for a in found],
    )


@app.command()
def entries(
    source: Annotated[str | None, typer.Option(metavar="ID", help="Only those about this object: ch_...")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those booked by this rule: refund.create")] = None,
    account: Annotated[str | None, typer.Option(metavar="CODE", help="Only those that touch this account.")] = None,
    before: Annotated[int | None, typer.Option(metavar="N", help="Only those with a lower number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """List entries with their postings, the newest first.

    Example: nostro ledger entries --account bank:cash --limit 5
    """
    from nostro.ledger.entry import Entry, entries

    async def read(world: World, book: int | None) -> list[Entry]:
        return await entries(world.engine, book, source=source, kind=kind, account=account, before=before, limit=limit)

    found = read_books(database, merchant, key, live, read)
    if json:
        show.as_json(found)
        return
    rows: list[tuple[Any, ...]] = []
    for entry in found:
        head: tuple[Any, ...] = (entry.number, show.moment(entry.recorded), entry.kind, entry.source)
        for line in entry.postings:
            side = (
                (text(line.amount, line.currency), "") if line.amount > 0 else ("", text(-line.amount, line.currency))
            )
            rows.append((*head, line.account, *side))
            head = ("", "", "", "")
    show.as_table(("entry>", "recorded (UTC)", "rule", "about", "account", "debit>", "credit>"), rows)


@app.command()
def balance(
    account: Code,
    currency: Currency = None,
    at: When = None,
    effective: Annotated[bool, typer.Option("--effective", help="With --at: by effective, not recorded time.")] = False,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Show what stands on an account, now or at a past moment.

    Example: nostro ledger balance bank:cash --at 2026-11-20
    """
    from nostro.ledger import balance as ledger

    moment = None if at is None else _seconds(at)

    async def read(world: World, book: int | None) -> list[tuple[Account, int]]:
        found = await _accounts(world, account, book, currency)
        totals: dict[str, tuple[Account, int]] = {}
        for one in found:
            if moment is None:
                amount = one.balance
            elif effective:
                amount = await ledger.balance_effective(world.engine, one.code, one.currency, moment, one.book)
            else:
                micros = moment * 1_000_000 + 999_999
                amount = await ledger.balance_recorded(world.engine, one.code, one.currency, micros, one.book)
            totals[one.currency] = (one, totals.get(one.currency, (one, 0))[1] + amount)
        return list(totals.values())

    found = read_books(database, merchant, key, live, read)
    if json:
        show.as_json([
            {"account": one.code, "currency": one.currency, "balance": amount, "normal": one.normal}
            for one, amount in found
        ])  # fmt: skip
        return
    for one, amount in found:
        typer.echo(f"{one.code}  {text(amount if one.normal == 'debit' else -amount, one.currency)}  ({one.normal})")


@app.command("trial-balance")
def trial_balance(
    zero: Annotated[bool, typer.Option("--zero", help="Accounts that stand at zero too.")] = False,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Show every account in the debit or the credit column, for each currency. Exit status 1 if the totals differ.

    Example: nostro ledger trial-balance --json
    """
    from nostro.ledger.trial_balance import TrialBalance, trial_balance

    async def read(world: World, book: int | None) -> list[TrialBalance]:
        return await trial_balance(world.engine, book, zero)

    sheets = read_books(database, merchant, key, live, read)
    if json:
        show.as_json([
            {**_fields(sheet), "debits": sheet.debits, "credits": sheet.credits, "balanced": sheet.balanced}
            for sheet in sheets
        ])  # fmt: skip
    elif not sheets:
        typer.echo("Nothing has been booked yet.")
    else:
        for sheet in sheets:
            _print_sheet(sheet)
    if not all(sheet.balanced for sheet in sheets):
        raise typer.Exit(1)


def _print_sheet(sheet: Any) -> None:
    unit = sheet.currency

    def number(amount: int) -> str:
        return text(amount, unit).removesuffix(f" {unit}") if amount else ""

    rows = [(row.code, row.kind, number(row.debit), number(row.credit)) for row in sheet.rows]
    rows.append(("total", "", number(sheet.debits), number(sheet.credits)))
    show.as_table(("account", "kind", "debit>", "credit>"), rows, title=unit.upper())


@app.command()
def statement(
    account: Code,
    currency: Currency = None,
    since: When = None,
    until: When = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many lines.")] = 1000,
    merchant: Merchant = None, key: Key = None, live: Live = False, database: AnyDatabase = None, json: Json = False,
) -> None:  # fmt: skip
    """Show an account's opening balance, its lines with the balance after each, and its closing balance.

    Example: nostro ledger statement bank:cash --since 2026-11-01 --until 2026-12-01
    """
    from nostro.ledger.statement import Statement, statement

    first = None if since is None else _seconds(since) * 1_000_000
    last = None if until is None else _seconds(until) * 1_000_000 + 999_999

    async def read(world: World, book: int | None) -> list[Statement]:
        found = await _accounts(world, account, book, currency)
        return [await statement(world.engine, one, first, last, limit) for one in found]

    found = read_books(database, merchant, key, live, read)
    if json:
        show.as_json(found)
        return
    for one in found:
        sign, unit = (1 if one.account.normal == "debit" else -1), one.account.currency
        rows: list[tuple[Any, ...]] = [("", "", "opening", "", "", text(sign * one.opening, unit))]
        rows += [
            (line.entry, show.moment(line.recorded), line.kind, line.source, text(sign * line.amount, unit),
             text(sign * line.balance, unit))
            for line in one.lines
        ]  # fmt: skip
        rows.append(
            ("", "", "there is more: --limit" if one.more else "closing", "", "", text(sign * one.closing, unit))
        )
        title = f"{one.account.code} {unit} (book {one.account.book})"
        show.as_table(("entry>", "recorded (UTC)", "rule", "about", "amount>", "balance>"), rows, title)


@app.command()
def verify(database: AnyDatabase = None, json: Json = False) -> None:
    """Recompute everything and name what is wrong. Exit status 1 if anything is.

    Every entry balances, every balance is the sum of its lines, every object's money agrees with its entries, and
    the hash chain is whole. Keep the last hash elsewhere: it proves later that nothing was cut off.

    Example: nostro ledger verify --database sqlite:///books.db
    """
    from nostro.ledger.audit import Head, head, verify
    from nostro.ledger.problem import Problem

    async def read(world: World, book: int | None) -> tuple[Head, list[Problem]]:
        with Counting(quiet=json) as tell:
            end = await head(world.engine)
            return end, await verify(world.engine, world.registry, tell)

    end, problems = read_books(database, None, None, False, read)
    if json:
        show.as_json({"ok": not problems, "problems": problems, "entries": end.entries, "links": end.links,
                      "hash": end.hash})  # fmt: skip
    elif problems:
        for problem in problems:
            typer.secho(str(problem), fg="red")
        found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        typer.echo(f"{found} in {end.entries} entries. Look at the first one first: others may come from it.")
    else:
        typer.echo(f"The books are right. Entries: {end.entries}, links: {end.links}, last hash: {end.hash or 'none'}")
    if problems:
        raise typer.Exit(1)


def read_books(
    database: str | None, merchant: str | None, key: str | None, live: bool,
    read: Callable[[World, int | None], Awaitable[T]],
) -> T:  # fmt: skip
    from .database import existing, opened

    async def run() -> T:
        async with opened(existing(database)) as world:
            return await read(world, await _book(world, merchant, key, live))

    return asyncio.run(run())


async def _book(world: World, merchant: str | None, key: str | None, live: bool) -> int | None:
    """The number of the books that were asked for; None is all of them."""
    if key is not None:
        from nostro.controls.api_key import digest, sandbox_merchant

        rows = await world.engine.rows(
            "SELECT s.book FROM api_key k JOIN scope s ON s.scope=k.scope WHERE k.hash=?", (digest(key),)
        )
        if rows:
            return int(rows[0][0])
        merchant, live = sandbox_merchant(key.split("_", 2)[-1]), False
    if merchant is None:
        return None
    rows = await world.engine.rows("SELECT book FROM scope WHERE merchant=? AND livemode=?", (merchant, int(live)))
    if not rows:
        raise Trouble(
            f"There are no {'live' if live else 'test'} books of {key or merchant} here.",
            "A sandbox gets its books with its first request.",
        )
    return int(rows[0][0])


async def _accounts(world: World, code: str, book: int | None, currency: str | None) -> list[Account]:
    from nostro.ledger.account import find

    found = await find(world.engine, code, book, currency)
    if not found:
        raise Trouble(f"Nothing was ever booked on {code!r}.", "See what there is: nostro ledger accounts")
    return found


def _seconds(when: str) -> int:
    try:
        if when.isdigit():
            return int(when)
        at = datetime.fromisoformat(when)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except ValueError:
        raise Trouble(f"{when!r} is no moment.", "Write it like 2026-11-21 or 2026-11-21T07:00:00 (UTC).") from None


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
