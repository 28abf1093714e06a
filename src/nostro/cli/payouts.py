"""`nostro payouts`: files for the bank, the bank's answers, and payouts in bulk, through a running server."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from nostro.kernel.money import text

from . import show
from .bulk import KINDS, Advance, bar, csv_parts, json_parts, name_of
from .client import Client, Refusal
from .options import ApiBase, ApiKey, Json
from .trouble import Trouble

PART = 8_192
BULK, FILES, ANSWERS = "/v1/bulk_payouts", "/v1/bank_files", "/v1/bank_answers"
INSTRUCTIONS = "/v1/payment_instructions"
FileId = Annotated[str, typer.Argument(metavar="FILE", help="The bank file's id: bf_...")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the file.")]
Folder = Annotated[Path, typer.Option("--to", metavar="DIR", file_okay=False, help="The folder to write it into.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Pay out through your own bank: files for it, its answers, and payouts in bulk.",
)


@app.command()
def files(
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only these: built, approved, sent, ...")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """The newest files, and what has become of them.

    Example: nostro payouts files --status built
    """
    found = _get(Client(api_base, api_key), FILES, {"limit": 100, "status": status})["data"]
    if json:
        return show.as_json(found)
    rows = [
        (one["id"], one["number"], one["format"], one["status"], one["payments"],
         *(text(one[name], one["currency"]) for name in ("amount", "collected")), one["returned_payments"],
         one["sha256"][:16])
        for one in found
    ]  # fmt: skip
    names = ("file", "number>", "format", "status", "payments>", "paid>", "collected>", "returned>", "sha256")
    return show.as_table(names, rows)


@app.command()
def aside(api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False) -> None:
    """Payments that no file could carry, and why: they have failed, and their money is back.

    Example: nostro payouts aside
    """
    found = _get(Client(api_base, api_key), INSTRUCTIONS, {"set_aside": True, "limit": 1000})["data"]
    if json:
        return show.as_json(found)
    rows = [(one["source"], one["reference"] or "", one["amount"], one["returned"], one["reason"]) for one in found]
    return show.as_table(("payment", "reference", "minor units>", "failure code", "why"), rows)


@app.command()
def build(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The originating account's id: oa_...")],
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Build a file of what is due now. Each cut-off does so by itself.

    Example: nostro payouts build oa_...
    """
    made = _post(Client(api_base, api_key), FILES, {"originating_account": account})
    _tell(json, made, f"Built {made['id']}: {made['payments']} payments, {text(made['amount'], made['currency'])}, "
                      f"sha256 {made['sha256']}.")  # fmt: skip


@app.command()
def approve(
    file: FileId,
    sha256: Annotated[str, typer.Option(metavar="HASH", help="The SHA-256 of the bytes that you have looked at.")],
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Let a file go to the bank, naming the hash of what you have seen.

    Example: nostro payouts approve bf_... --sha256 "$(sha256sum oa_...-000001.ach | cut -d' ' -f1)"
    """
    made = _post(Client(api_base, api_key), f"{FILES}/{file}/approve", {"sha256": sha256})
    _tell(json, made, f"Approved {made['id']}.")


@app.command()
def fetch(
    file: FileId, to: Folder = Path(), api_base: ApiBase = None, api_key: ApiKey = None,
) -> None:  # fmt: skip
    """Write a file's bytes into a folder, checked against its hash. This sends nothing.

    Example: nostro payouts fetch bf_... --to outbox
    """
    client = Client(api_base, api_key)
    typer.echo(_write(client, _get(client, f"{FILES}/{file}"), to))


@app.command()
def send(
    file: FileId,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Also write it into this folder.")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Hand a file over to the bank: once. What is killed after that is made good by `fetch`, not by a second send.

    Example: nostro payouts send bf_... --to outbox
    """
    client = Client(api_base, api_key)
    made = _post(client, f"{FILES}/{file}/send")
    written = None if to is None else _write(client, made, to)
    _tell(json, made, f"Sent {made['id']}." if written is None else f"Sent {made['id']} as {written}.")


@app.command()
def resend(
    file: FileId, reason: Reason, to: Annotated[Path | None, typer.Option("--to", metavar="DIR")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Hand the same bytes over again, on purpose: the bank has lost them.

    Example: nostro payouts resend bf_... --reason "lost in the bank's upgrade"
    """
    client = Client(api_base, api_key)
    made = _post(client, f"{FILES}/{file}/resend", {"reason": reason})
    if to is not None:
        _write(client, made, to)
    _tell(json, made, f"Sent {made['id']} again, as {made['transmissions'][-1]['filename']}.")


@app.command()
def withdraw(
    file: FileId, reason: Reason, api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Never send a file: its payouts fail, and their money goes back.

    Example: nostro payouts withdraw bf_... --reason "wrong batch"
    """
    made = _post(Client(api_base, api_key), f"{FILES}/{file}/withdraw", {"reason": reason})
    _tell(json, made, f"Withdrew {made['id']}; its {made['payments']} payments fail.")


@app.command()
def ingest(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What the bank sent.")],
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Take a file of returns and corrections from the bank, whole or not at all; the same file twice is taken once.

    Exit status 1 if something in it fits no payment.

    Example: nostro payouts ingest returns.ach
    """
    try:
        made = Client(api_base, api_key).upload(ANSWERS, file)
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None
    _tell(json, made, f"{made['id']}: {made['returns']} returned, {made['changes']} corrected, "
                      f"{made['duplicates']} said before, {made['unmatched_count']} unmatched.")  # fmt: skip
    for one in [] if json else made["unmatched"]:
        typer.secho(f"{one['trace']} {one['code']}: {one['reason']}", fg="red", err=True)
    if made["unmatched_count"]:
        raise typer.Exit(1)


@app.command()
def bulk(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="FILE.csv or .ndjson")],
    reference: Annotated[str | None, typer.Option(help="What the file is known by; its content otherwise.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is wrong with which line; pay nothing.")] = False,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Pay out a file, a line each. Exit status 1 if a line was refused.

    The columns: reference, amount (minor units), currency, account_holder_name, account_holder_type, routing_number and
    account_number (or iban, or sort_code and account_number), account_type, statement_descriptor, merchant. After an
    interruption pay out the same file again: a line is paid once, by its reference. With --json one result a line is
    printed, else only what was refused and the totals.

    Example: nostro payouts bulk november.csv --dry-run
    """
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise Trouble(f"I do not know what {file.name} is.", "Name it .csv, .ndjson or .jsonl after what is in it.")
    client = Client(api_base, api_key)
    params = {"reference": reference or name_of(file), "dry_run": dry_run}
    counts: dict[str, int] = {}
    with file.open(encoding="utf-8", newline="") as lines, bar(file, quiet=json) as advance:
        for part in csv_parts(lines, PART) if kind == "text/csv" else json_parts(lines, PART):
            _add(client, kind, part, params, counts, json)
            _advance(advance, part.done, counts)
    if not json:
        typer.echo(", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "No lines.")
    if counts.get("refused"):
        raise typer.Exit(1)


def _add(client: Client, kind: str, part: Any, params: dict[str, Any], counts: dict[str, int], json: bool) -> None:
    try:
        results = client.post_lines(BULK, part.body, kind, params)
    except Refusal as refusal:
        raise Trouble(str(refusal), "Nothing of these lines was paid.") from None
    for number, result in zip(part.numbers, results, strict=True):
        counts[result["status"]] = counts.get(result["status"], 0) + 1
        if json:
            show.as_line({**result, "line": number})
        elif result["status"] == "refused":
            typer.secho(f"line {number}: {result['error']['message']}", fg="red", err=True)


def _advance(advance: Advance, done: int, counts: dict[str, int]) -> None:
    advance(done, counts.get("refused", 0))


def _write(client: Client, file: dict[str, Any], folder: Path) -> Path:
    """The bytes under the name of their last transmission; nobody sees half of them."""
    content = client.download(f"{FILES}/{file['id']}/contents")
    if hashlib.sha256(content).hexdigest() != file["sha256"]:
        raise Trouble(f"The bytes of {file['id']} are not those of its hash.", "Do not send them; look at the server.")
    sent = file["transmissions"]
    target: Path = folder / (sent[-1]["filename"] if sent else file["filename"])
    folder.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.half")
    with half.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    half.replace(target)
    return target


def _get(client: Client, path: str, params: dict[str, Any] | None = None) -> Any:
    try:
        return client.get(path, params)
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None


def _post(client: Client, path: str, params: dict[str, Any] | None = None) -> Any:
    try:
        return client.post(path, params)
    except Refusal as refusal:
        raise Trouble(str(refusal)) from None


def _tell(json: bool, made: Any, said: str) -> None:
    show.as_json(made) if json else typer.echo(said)
