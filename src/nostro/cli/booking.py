"""The commands of `nostro ledger` that write: through a running server, on accounts that the caller opened."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from nostro.kernel.clock import utc_text
from nostro.kernel.money import text

from . import show
from .client import Client, Refusal
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

LINE = re.compile(r"([^=]+)=(\d+)([A-Za-z]{3})?")
RATE = re.compile(r"([A-Za-z]{3})/([A-Za-z]{3})=(.+)")
Amount = Annotated[int, typer.Argument(metavar="AMOUNT", min=1, help="In minor units: 1000 is 10.00 usd.")]
Currency = Annotated[str | None, typer.Option(metavar="CODE", help="The currency, where the account leaves it open.")]
Reference = Annotated[str | None, typer.Option(metavar="TEXT", help="Your own name for it: never booked twice.")]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="What it is, for people.")]
Corrects = Annotated[str | None, typer.Option("--period", metavar="MONTH", help="The closed month that it corrects.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")]
Sides = Annotated[list[str], typer.Option(metavar="ACCOUNT=AMOUNT", help="app:bank=1000, or app:bank=1000eur.")]
HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id: lhold_...")]

hold = typer.Typer(no_args_is_help=True, help="Hold money back, then post it, in part or whole, or void it.")


def open_(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A path that begins with app: app:wallets:alice")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="Its currency: usd.")] = "usd",
    normal: Annotated[str, typer.Option(metavar="SIDE", help="Its normal balance: debit or credit.")] = "credit",
    never_negative: Annotated[bool, typer.Option("--never-negative", help="It may not be overdrawn.")] = False,
    floor: Annotated[int | None, typer.Option(help="The least that may stand on it, in minor units.")] = None,
    ceiling: Annotated[int | None, typer.Option(help="The most that may stand on it.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="The account that it adds up to.")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Open an account of your own.

    Example: nostro ledger open app:wallets:alice --currency usd --never-negative
    """
    form = {
        "code": code, "currency": currency, "normal_balance": normal, "never_negative": never_negative,
        "floor": floor, "ceiling": ceiling, "parent": parent,
    }  # fmt: skip
    made = _post(api_base, api_key, "/v1/ledger/accounts", form)
    _tell(json, made, f"Opened {made['code']} in {made['currency']} ({made['id']}).")


def post(
    debit: Sides,
    credit: Sides,
    currency: Currency = None,
    exchange: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Where two currencies meet.")] = None,
    rate: Annotated[str | None, typer.Option(metavar="BASE/QUOTE=RATE", help="With --exchange: usd/eur=0.92.")] = None,
    effective_at: Annotated[int | None, typer.Option(metavar="SECONDS", help="Since when it counts.")] = None,
    period: Corrects = None,
    description: Description = None, reference: Reference = None, dry_run: DryRun = False,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Book an entry.

    Example: nostro ledger post --debit app:bank=1000 --credit app:wallets:alice=1000 --currency usd --dry-run
    """
    lines = [_line(side, line) for side, lines in (("debit", debit), ("credit", credit)) for line in lines]
    form = {
        "postings": lines, "currency": currency, "exchange": _exchange(exchange, rate), "description": description,
        "effective_at": effective_at, "period": period, "reference": reference, "dry_run": dry_run,
    }  # fmt: skip
    made = _post(api_base, api_key, "/v1/ledger/entries", form)
    _tell(json, made, f"Booked {made.get('id')}.")


def reverse(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's id: lent_...")],
    description: Description = None, reference: Reference = None, dry_run: DryRun = False,
    period: Corrects = None, api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Book the opposite of an entry, once.

    Example: nostro ledger reverse lent_0Tr4bC... --description "Typed wrongly"
    """
    form = {"description": description, "period": period, "reference": reference, "dry_run": dry_run}
    made = _post(api_base, api_key, f"/v1/ledger/entries/{entry}/reverse", form)
    _tell(json, made, f"Booked {made.get('id')}, which reverses {entry}.")


@hold.command("create")
def hold_create(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account that gives the money.")],
    amount: Amount,
    destination: Annotated[str | None, typer.Option("--to", metavar="ACCOUNT", help="Where a post takes it.")] = None,
    expires_at: Annotated[int | None, typer.Option(metavar="SECONDS", help="When it gives everything back.")] = None,
    currency: Currency = None, description: Description = None, reference: Reference = None, dry_run: DryRun = False,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Hold an amount back.

    Example: nostro ledger hold create app:wallets:alice 500 --to app:shop
    """
    form = {
        "account": account, "amount": amount, "currency": currency, "destination": destination,
        "expires_at": expires_at, "description": description, "reference": reference, "dry_run": dry_run,
    }  # fmt: skip
    made = _post(api_base, api_key, "/v1/ledger/holds", form)
    _tell(json, made, f"Held {made.get('id')}.")


@hold.command("post")
def hold_post(
    id: HoldId,
    amount: Annotated[int | None, typer.Option(min=1, help="Only so much; the rest is given back.")] = None,
    destination: Annotated[str | None, typer.Option("--to", metavar="ACCOUNT", help="Where it goes.")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Take what is held, or a part of it.

    Example: nostro ledger hold post lhold_0Tr4bC... --amount 300
    """
    form = {"amount": amount, "destination": destination}
    made = _post(api_base, api_key, f"/v1/ledger/holds/{id}/post", form)
    _tell(json, made, f"Posted {text(made['amount_posted'], made['currency'])} to {made['destination']}.")


@hold.command("void")
def hold_void(id: HoldId, api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False) -> None:
    """Give everything back.

    Example: nostro ledger hold void lhold_0Tr4bC...
    """
    made = _post(api_base, api_key, f"/v1/ledger/holds/{id}/void", {})
    _tell(json, made, f"Gave {text(made['amount'], made['currency'])} back to {made['account']}.")


@hold.command("list")
def hold_list(
    status: Annotated[str | None, typer.Option(help="Only held, posted, voided or expired ones.")] = None,
    account: Annotated[str | None, typer.Option(metavar="CODE", help="Only those on this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """List holds, the newest first.

    Example: nostro ledger hold list --status held
    """
    asked = {"status": status, "account": account, "limit": limit}
    found = Client(api_base, api_key, quiet=True).get("/v1/ledger/holds", asked)["data"]
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("hold", "created (UTC)", "status", "account", "amount>", "posted>", "to"),
        [
            (one["id"], utc_text(one["created"]), one["status"], one["account"], text(one["amount"], one["currency"]),
             text(one["amount_posted"], one["currency"]), one["destination"])
            for one in found
        ],
    )  # fmt: skip


def _post(api_base: str | None, api_key: str | None, path: str, form: dict[str, Any]) -> Any:
    try:
        return Client(api_base, api_key).post(path, form)
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None


def _tell(json: bool, made: Any, sentence: str) -> None:
    """What was made; of a dry run the balances before and after. Exit status 1 if it would be refused."""
    rehearsed = made["object"] == "ledger.dry_run"
    if json:
        show.as_json(made)
    elif not rehearsed:
        typer.echo(sentence)
    else:
        rows = [
            (one["account"], text(one["before"], one["currency"]), text(one["after"], one["currency"]))
            for one in made["balances"]
        ]
        show.as_table(("account", "before>", "after>"), rows)
        for refusal in made["refusals"]:
            typer.secho(refusal["message"], fg="red")
        existing = f" It is there already: {made['existing']}." if made["existing"] else ""
        typer.echo(f"Nothing was booked.{existing}")
    if rehearsed and not made["would_succeed"]:
        raise typer.Exit(1)


def _line(side: str, line: str) -> dict[str, Any]:
    found = LINE.fullmatch(line)
    if found is None:
        raise Trouble(f"{line!r} is no line of an entry.", "Write ACCOUNT=AMOUNT: app:bank=1000, or app:bank=1000eur.")
    return {"account": found[1], "amount": int(found[2]), "direction": side, "currency": found[3]}


def _exchange(account: str | None, rate: str | None) -> dict[str, str] | None:
    if account is None and rate is None:
        return None
    found = RATE.fullmatch(rate or "")
    if account is None or found is None:
        raise Trouble("An exchange needs its account and its rate.", "--exchange app:fx --rate usd/eur=0.92")
    return {"account": account, "base": found[1], "quote": found[2], "rate": found[3]}
