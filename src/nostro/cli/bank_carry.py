"""`nostro bank carry`: carries files between a Nostro server and the simulated bank, in the server's time.

The bank's clock follows the sandbox's. A file is given to the bank at the moment at which it was sent, and an answer
to the server once; both know by content what they have, so that a carrier who was killed may carry again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer
from msgspec import Struct

from nostro.networks.bank.answer import ANSWERS, STATEMENTS, Receipt

from .bank_folder import BankFolder
from .bank_report import advance
from .client import Client, Refusal
from .trouble import Trouble

PAGE = 100
# What an answer says of payments and files.
COUNTS = ("accepted_files", "rejected_files", "returns", "changes", "duplicates", "unmatched_count")
ANSWERED, IMPORTED = "/v1/bank_answers", "/v1/reconciliation/statements"


class Carried(Struct, frozen=True):
    """One thing that was carried: to the bank or from it, what it was, and what became of it."""

    to: str
    what: str
    outcome: str


def check(client: Client) -> None:
    """A server with a bank of its own needs no other, which would answer each file a second time."""
    try:
        client.get("/v1/test_helpers/bank")
    except Refusal:
        return
    raise Trouble("This server carries its files to a bank of its own: it was started with --bank.",
                  "Start it without, or look at that bank: GET /v1/test_helpers/bank")  # fmt: skip


def carry(folder: BankFolder, client: Client) -> Iterator[Carried]:
    """All there is to carry now. What the server refuses is told and not carried again."""
    now = int(client.get("/v1/test_helpers/sandbox")["now"])
    yield from _answers(folder, client)  # of commands that ran meanwhile
    for sent, file in sorted(_files(folder, client), key=lambda each: each[0]):
        advance(folder, max(folder.bank.now, sent), quiet=True)
        content = client.download(f"/v1/bank_files/{file['id']}/contents")
        folder.keep(content, file["filename"])
        yield Carried("bank", file["filename"], folder.receipts[-1].status)
        yield from _answers(folder, client)
    advance(folder, max(folder.bank.now, now), quiet=True)
    yield from _answers(folder, client)


def _files(folder: BankFolder, client: Client) -> Iterator[tuple[int, Any]]:
    """Files that were sent and are for us to fetch, and when. Those in an outbox are another carrier's."""
    deliveries: dict[str, str] = {}
    for file in _out(client):
        account = file["originating_account"]
        if account not in deliveries:
            deliveries[account] = client.get(f"/v1/originating_accounts/{account}")["delivery"]
        if deliveries[account] == "download" and file["sha256"] not in folder.bank.known:
            yield file["transmissions"][-1]["at"], file


def _answers(folder: BankFolder, client: Client) -> Iterator[Carried]:
    """What lies in the inbox, in the order of its numbers."""
    for file in sorted(folder.inbox.glob("[0-9]*-*")):
        number, _, kind = file.name.partition("-")
        if int(number) <= folder.kept.carried:
            continue
        outcome = _receipt(client, file.read_bytes()) if kind == "receipt.json" else ""
        if kind in ANSWERS:
            outcome = _answer(client, ANSWERED, {}, file)
        elif kind in STATEMENTS:
            outcome = _answer(client, IMPORTED, {"format": STATEMENTS[kind]}, file)
        folder.kept.carried = int(number)
        yield Carried("server", file.name, outcome or "not for it")


def _receipt(client: Client, content: bytes) -> str:
    """The file that it is about is accepted or rejected. One that came twice says nothing new of it."""
    try:
        receipt = msgspec.json.decode(content, type=Receipt)
    except msgspec.DecodeError:
        return "cannot be read"
    if receipt.format.startswith("pain") and receipt.message_id:
        return "told by its status"
    if receipt.reason == "duplicate":
        return "came twice"
    rejected = receipt.status == "rejected"
    verb, params = ("reject", {"reason": f"{receipt.code}: {receipt.message}"}) if rejected else ("accept", None)
    for file in _out(client):
        if file["sha256"] == receipt.hash and (rejected or file["status"] == "sent"):
            return _told(client, f"/v1/bank_files/{file['id']}/{verb}", params) or f"{file['filename']} {verb}ed"
    return "told before"


def _told(client: Client, path: str, params: dict[str, Any] | None) -> str:
    """ "" if the server took it."""
    try:
        client.post(path, params)
    except Refusal as refusal:
        return f"refused: {refusal}"
    return ""


def _out(client: Client) -> Iterator[Any]:
    """Files that were handed over. They settle by themselves on their day, whether the bank has said a word or not."""
    for status in ("sent", "accepted", "settled"):
        yield from _all(client, "/v1/bank_files", {"status": status})


def _answer(client: Client, path: str, params: dict[str, str], file: Path) -> str:
    try:
        taken = client.upload(path, file, params)
    except Refusal as refusal:
        return f"refused: {refusal}"
    if path == IMPORTED:
        return f"{sum(each['lines'] for each in taken['data'])} lines"
    counts = [f"{taken[name]} {name.replace('_', ' ')}" for name in COUNTS if taken.get(name)]
    return ", ".join(counts) or "nothing new"


def _all(client: Client, path: str, params: dict[str, Any]) -> Iterator[Any]:
    after: dict[str, Any] = {}
    while True:
        page = client.get(path, {**params, **after, "limit": PAGE})
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def tell(carried: Carried) -> None:
    arrow = "→ bank  " if carried.to == "bank" else "← bank  "
    typer.echo(f"{arrow}{carried.what}: {carried.outcome}")
