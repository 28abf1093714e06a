"""`nostro bank`: a simulated bank on your machine, which takes payment files and answers them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nostro.kernel.clock import SECOND, SystemClock
from nostro.kernel.money import text

from . import show
from .options import ApiBase, ApiKey, Json

if TYPE_CHECKING:
    from .bank_folder import BankFolder

HELP = """A simulated bank: it takes payment files and answers as a bank does, in virtual time.

\b
A whole loop:
  nostro bank open --returns 2%         a bank, in .nostro/bank
  nostro bank take payouts.ach          it checks the file
  nostro bank advance 3d                it books, returns, corrects
  nostro bank statement --format csv    what it has booked
  nostro bank accounts                  what there is
  nostro bank fates                     what decides how payments end
  nostro bank carry --watch             all of it, with nostro dev

`nostro bank serve` does the same for a folder that is watched. Time stands still unless it is advanced.
"""
app = typer.Typer(no_args_is_help=True, help=HELP)
DEFAULT = Path(".nostro/bank")
POLL = 1.0  # seconds between two looks at a server
Folder = Annotated[
    Path, typer.Option("--bank", envvar="NOSTRO_BANK", metavar="DIR", file_okay=False, help="Where the bank lives.")
]
ForAccount = Annotated[str | None, typer.Option("--account", metavar="NUMBER", help="Default: the bank's first.")]


@contextmanager
def _opened(bank: Path) -> Iterator[BankFolder]:
    from .bank_folder import opened

    with opened(bank, SystemClock().micros() // SECOND) as folder:
        yield folder


# Setting it up ---------------------------------------------------------------


@app.command("open")
def open_(
    account: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER:CURRENCY:BALANCE",
            help="An account with its first money; repeat it for more. After another colon: the ACH company ids or "
            "service user numbers that may order from it.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answers.")] = 0,
    returns: Annotated[str, typer.Option(metavar="RATE", help="Payments that come back: 2%")] = "0",
    corrections: Annotated[
        str, typer.Option(metavar="RATE", help="Payments that are corrected (ACH, Bacs credits): 1%")
    ] = "0",
    late: Annotated[str, typer.Option(metavar="RATE", help="Answers that come one to three days late.")] = "0",
    duplicate: Annotated[str, typer.Option(metavar="RATE", help="Answers that come twice.")] = "0",
    partial: Annotated[str, typer.Option(metavar="RATE", help="Answers cut off, and whole a day later.")] = "0",
    reorder: Annotated[str, typer.Option(metavar="RATE", help="Answers that come after the next one.")] = "0",
    booking: Annotated[Literal["batch", "single"], typer.Option(help="A line an order, or one a payment.")] = "single",
    fee: Annotated[str, typer.Option(metavar="AMOUNT", help="What each account costs a month: 25.00")] = "0",
    interest: Annotated[str, typer.Option(metavar="RATE", help="A year, on what is there each night: 1.5%")] = "0",
    statements: Annotated[
        str, typer.Option(metavar="FORMATS", help="In which it sends each day's statement: camt.053,csv")
    ] = "",
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="The bank's first day: 2026-11-16")] = None,
    inbox: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where its answers go. Default: inbox in its folder.")
    ] = None,
    bank: Folder = DEFAULT,
) -> None:
    """Open a bank. Where none is open, the first command opens one: accounts in usd, eur and gbp, and no faults.

    Example: nostro bank open --account 000900900900:usd:50000.00 --returns 2% --corrections 1% --late 10% --seed 7
    """
    from nostro.networks.bank.post import Faults
    from nostro.networks.bank.state import Terms

    from . import bank_words as words
    from .bank_folder import make

    faults = Faults(
        late=words.rate(late), duplicate=words.rate(duplicate), partial=words.rate(partial), reorder=words.rate(reorder)
    )
    terms = Terms(
        seed=seed, returns=words.rate(returns), corrections=words.rate(corrections), faults=faults, booking=booking,
        fee=words.amount(fee, "usd"), interest=words.basis_points(interest), statements=words.formats(statements),
    )  # fmt: skip
    make(bank, terms, [words.account(each) for each in account or ()], words.start(start), inbox)
    typer.echo(f"A bank is open in {bank}. Give it a file: nostro bank take FILE")


@app.command()
def serve(
    outbox: Annotated[
        Path, typer.Option(file_okay=False, metavar="DIR", help="Nostro's outbox: the files that are for the bank.")
    ],
    inbox: Annotated[
        Path | None,
        typer.Option(file_okay=False, metavar="DIR", help="Nostro's inbox: where the bank's answers go. Remembered."),
    ] = None,
    day: Annotated[
        int | None,
        typer.Option(min=1, metavar="SECONDS", help="How long a day lasts. Without it time stands until advanced."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address of the HTTP endpoint.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 takes a free one.")] = 12113,
    bank: Folder = DEFAULT,
) -> None:
    """Be the bank at the other end of two folders: take what appears in the outbox, answer into the inbox.

    A file is taken away from the outbox; the bank keeps it under received/ of its own folder. A name that begins with
    a dot is not a file yet. Other `nostro bank` commands work meanwhile, and so does HTTP:

    \b
      POST /files?name=payouts.ach    the file as the body; answers with the receipt
      POST /advance?by=2d             answers with what happened
      GET  /accounts
      GET  /statement?account=NUMBER&number=3&format=csv

    Example: nostro bank serve --outbox outbox --inbox inbox
    """
    from .bank_serve import run

    run(bank, outbox, inbox, day, host, port)


@app.command()
def carry(
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until it is stopped.")] = False,
    bank: Folder = DEFAULT,
    api_base: ApiBase = None,
    api_key: ApiKey = None,
    json: Json = False,
) -> None:
    """Carry files between a running server and the bank: what was sent, there; what the bank answers, back.

    The bank's clock follows the sandbox's, so time passes for both with the sandbox. Files of originating accounts
    with the delivery `download` are fetched; for those with an outbox there is `nostro bank serve`.

    Example: nostro bank carry --watch
    """
    import time

    from . import bank_carry
    from .client import Client

    client = Client(api_base, api_key, quiet=True)
    bank_carry.check(client)
    while True:
        with _opened(bank) as folder:
            for each in bank_carry.carry(folder, client):
                show.as_line(each) if json else bank_carry.tell(each)
                folder.save()
        if not watch:
            return
        time.sleep(POLL)


# What happens ----------------------------------------------------------------


@app.command()
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A file for the bank.")],
    bank: Folder = DEFAULT,
    json: Json = False,
) -> None:
    """Give the bank a file. It stays where it is; the bank keeps a copy. Exit status 1 if the bank refuses it.

    Example: nostro bank take payouts.ach
    """
    from .bank_report import tell, tell_receipt

    with _opened(bank) as folder:
        folder.receive(file, keep=True)
        receipt = folder.receipts[-1]
        if json:
            show.as_json(receipt)
        else:
            tell_receipt(receipt)
            tell(folder)
    if receipt.status == "rejected":
        raise typer.Exit(1)


@app.command()
def advance(
    by: Annotated[str, typer.Argument(metavar="TIME", help="How long: 2d, 1w, 12h, or until a day: 2026-12-01")],
    bank: Folder = DEFAULT,
    json: Json = False,
) -> None:
    """Let time pass at the bank. What it answers meanwhile goes into its inbox.

    Example: nostro bank advance 2d
    """
    from . import bank_report as report
    from .bank_words import later

    with _opened(bank) as folder:
        report.advance(folder, later(folder.bank.now, by), quiet=json)
        if json:
            show.as_json(report.told(folder))
        else:
            typer.echo(f"It is {report.clock(folder)}.")
            report.tell(folder)


@app.command()
def deposit(
    amount: Annotated[str, typer.Argument(help="What comes, for example 129.90")],
    account: ForAccount = None,
    payer: Annotated[str, typer.Option(help="Who sends it.")] = "",
    reference: Annotated[str, typer.Option(help="What they call it: INV-7")] = "",
    description: Annotated[str, typer.Option(help="What the statement says of it.")] = "",
    kind: Annotated[Literal["transfer", "card_settlement", "charge"], typer.Option(help="What it is.")] = "transfer",
    out: Annotated[bool, typer.Option("--out", help="It goes: the account is charged.")] = False,
    on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="When; today otherwise.")] = None,
    bank: Folder = DEFAULT,
    json: Json = False,
) -> None:
    """Let money come to an account by itself: a customer's transfer, a settlement of the card network.

    Example: nostro bank deposit 129.90 --payer "Jenny Rosen" --reference INV-7
    """
    from . import bank_words as words
    from .bank_report import chosen

    with _opened(bank) as folder:
        found = chosen(folder, account)
        units = words.amount(amount, found.currency) * (-1 if out else 1)
        folder.deposit(found, units, kind, words.day(on) if on else None, payer, reference, description)
        if json:
            show.as_json(
                {"account": found.number, "amount": units, "currency": found.currency, "balance": found.balance}
            )
        else:
            typer.echo(f"{found.number} has {text(found.balance, found.currency)}.")


# What there is ---------------------------------------------------------------


@app.command()
def accounts(bank: Folder = DEFAULT, json: Json = False) -> None:
    """List the accounts: what they hold, and what accepted orders will take.

    Example: nostro bank accounts
    """
    from .bank_report import clock, listed

    with _opened(bank) as folder:
        rows = listed(folder)
        if json:
            show.as_json({"object": "list", "now": folder.bank.now, "data": rows})
            return
        show.as_table(
            ("account", "bank", "balance>", "committed>", "statements>"),
            [(row["number"], row["bank"], *(text(row[name], row["currency"]) for name in ("balance", "committed")),
              row["statements"]) for row in rows],
            title=clock(folder),
        )  # fmt: skip


@app.command()
def statement(
    account: ForAccount = None,
    format: Annotated[str, typer.Option("--format", help="camt.053, camt.052, mt940, bai2 or csv")] = "csv",
    number: Annotated[
        int | None, typer.Option(min=1, help="Which one; the last closed day's otherwise. They count from 1.")
    ] = None,
    today: Annotated[bool, typer.Option("--today", help="What stands there before the day is closed.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All closed days, from the first.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", dir_okay=False, help="Write it there.")] = None,
    bank: Folder = DEFAULT,
    json: Json = False,
) -> None:
    """Print an account's statement. With --json: as values, one statement a line.

    Example: nostro bank statement --format csv --out monday.csv
    """
    from .bank_report import chosen, written

    with _opened(bank) as folder:
        found = chosen(folder, account)
        last = found.statements
        one = number or (last + 1 if today or not last else last)
        numbers = range(1, last + 1) if everything else (one,)
        values = (folder.statement(found, each) for each in numbers)
        if json:
            for value in values:
                show.as_line(value)
            return
        content = written(format, values, folder.bank.now)
    if out is None:
        typer.echo(content.decode(), nl=False)
    else:
        out.write_bytes(content)


@app.command()
def fates(json: Json = False) -> None:
    """List what decides how a payment ends: words in its name or reference, and test account numbers.

    Example: nostro bank fates
    """
    from nostro.networks.ach_codes import CHANGES
    from nostro.networks.bank.reason import REASONS
    from nostro.networks.test_cards import TEST_BANK_ACCOUNTS

    numbers: dict[str, list[str]] = {}
    for number, reason in TEST_BANK_ACCOUNTS.items():
        numbers.setdefault(reason or "", []).append(number)
    if json:
        show.as_json({"reasons": REASONS, "corrections": CHANGES, "account_numbers": numbers})
        return
    show.as_table(
        ("reason", "name or reference", "ISO 20022", "Bacs", "account numbers", "means"),
        [(name, f"Return {row.ach}", f"Return {row.iso}", row.bacs, " ".join(numbers.get(name, ())), row.meaning)
         for name, row in REASONS.items() if row.days],
    )  # fmt: skip
    show.as_table(("correction", "name or reference", "what is corrected"),
                  [(code, f"Change {code}", what) for code, what in CHANGES.items()])  # fmt: skip
    typer.echo('Also: "Reject R03" is refused with the file, "Return R03 5d" comes back five banking days after it '
               'settled,\n"Settle" settles whatever chance says.')  # fmt: skip
