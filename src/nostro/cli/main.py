"""The `nostro` command: its commands, put together, and how trouble is told. What a command needs it imports itself."""

from __future__ import annotations

import sys
from typing import Any

import typer

from . import (
    backup,
    bank,
    booking,
    books,
    books_export,
    bulk,
    events,
    keys,
    ledger,
    logs,
    payouts,
    rates,
    reconcile,
    server,
)
from .config import config
from .config_file import named_database
from .doctor import doctor
from .listen import listen
from .openapi import openapi
from .trigger import trigger
from .trouble import Trouble

HELP = """Financial infrastructure you run yourself: payments, balances and a ledger behind the Stripe API.

\b
Start here:
  nostro dev                                  a server for development
  nostro trigger payment_intent.succeeded     make something happen in it
  nostro listen --forward-to localhost:4242   receive its webhooks
  nostro ledger trial-balance                 see what was booked
  nostro books balance-sheet                  see what is owned and owed
  nostro ledger verify                        prove that the books are right
  nostro backup nostro.backup                 keep all of it in one file

Settings are also environment variables (NOSTRO_PORT, ...) and lines of nostro.toml: see `nostro config`.
"""
RUN = "Run a server"
LOOK = "Work with a running server"
BOOKS = "Books and keys"
OWN = ("dev", "serve", "reset", "config", "doctor")
KEEP = "Look after the database"
WRITE = "Write, on accounts of your own, through a running server"

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.command(rich_help_panel=RUN)(server.dev)
app.command(rich_help_panel=RUN)(server.serve)
app.command(rich_help_panel=RUN)(server.migrate)
app.command(rich_help_panel=RUN)(server.reset)
app.command(rich_help_panel=RUN)(config)
app.command(rich_help_panel=RUN)(doctor)
app.command(rich_help_panel=LOOK)(trigger)
app.command(rich_help_panel=LOOK)(listen)
app.command(rich_help_panel=LOOK)(openapi)
app.add_typer(logs.app, name="logs", rich_help_panel=LOOK)
app.add_typer(events.app, name="events", rich_help_panel=LOOK)
app.add_typer(bank.app, name="bank", rich_help_panel=LOOK)
ledger.app.command("open", rich_help_panel=WRITE)(booking.open_)
ledger.app.command("post", rich_help_panel=WRITE)(booking.post)
ledger.app.command("reverse", rich_help_panel=WRITE)(booking.reverse)
ledger.app.command("import", rich_help_panel=WRITE)(bulk.import_)
ledger.app.add_typer(booking.hold, name="hold", rich_help_panel=WRITE)
app.add_typer(ledger.app, name="ledger", rich_help_panel=BOOKS)
app.add_typer(payouts.app, name="payouts", rich_help_panel=LOOK)
app.add_typer(rates.app, name="rates", rich_help_panel=LOOK)
app.add_typer(reconcile.app, name="reconcile", rich_help_panel=BOOKS)
books.app.command("export")(books_export.export)
app.add_typer(books.app, name="books", rich_help_panel=BOOKS)
app.add_typer(keys.app, name="keys", rich_help_panel=BOOKS)
app.command(rich_help_panel=KEEP)(backup.backup)
app.command(rich_help_panel=KEEP)(backup.restore)
app.command(rich_help_panel=KEEP)(backup.copy)


def _version(asked: bool) -> None:
    if asked:
        from nostro import __version__

        typer.echo(f"nostro {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_version, help="Show the version."),
) -> None:
    if database := named_database():
        context.default_map = _defaults(context.command, database)


def _defaults(command: Any, database: str) -> dict[str, Any]:
    """The file's database for every command that takes one; those of `OWN` read the file themselves."""
    made: dict[str, Any] = {}
    for name, inner in getattr(command, "commands", {}).items():
        if name not in OWN:
            made[name] = _defaults(inner, database)
            made[name] |= {"database": database} if any(param.name == "database" for param in inner.params) else {}
    return made


def main() -> None:
    try:
        app()
    except Trouble as trouble:
        typer.secho(trouble.what, fg="red", err=True)
        if trouble.then:
            typer.echo(trouble.then, err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # what we print is no longer read: `nostro ledger entries | head`
        sys.stderr.close()
        sys.exit(0)
