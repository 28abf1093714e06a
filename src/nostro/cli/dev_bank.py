"""`nostro dev --bank`: the printed key's sandbox gets accounts at the simulated bank, and what happens there is told.

Both go through the API, in a thread of their own, as another program would do it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import typer

from nostro.kernel.clock import utc_text
from nostro.kernel.money import text

from .client import Client, Refusal
from .listen import new_events
from .trouble import Trouble

ACCOUNTS = "/v1/originating_accounts"
NAME = "Nostro Sandbox"
POLL = 0.5
# How the bank knows the sandbox, by currency. All numbers are invented; their check digits are right.
OPENED: dict[str, dict[str, Any]] = {
    "usd": {"nacha": {"company_id": "1234567890", "company_name": NAME.upper(), "routing_number": "091000019"}},
    "eur": {"iso20022": {"iban": "DE75512108001245126199", "initiating_party": NAME,
                         "creditor_id": "DE98ZZZ09999999999"}},
    "gbp": {"bacs": {"sort_code": "202015", "account_number": "55555555", "name": NAME.upper(),
                     "service_user_number": "123456"}},
}  # fmt: skip


def attend(base: str, key: str, leaving: threading.Event) -> None:
    """Open accounts where the sandbox has none, active or not, and print what becomes of its files until `leaving`."""
    threading.Thread(target=_attend, args=(base, key, leaving), name="the bank's desk", daemon=True).start()


def _attend(base: str, key: str, leaving: threading.Event) -> None:
    try:
        client = Client(base, key, quiet=True)
        there = {one["currency"] for one in client.get(ACCOUNTS, {"limit": 100})["data"]}
        for currency in sorted(OPENED.keys() - there):
            client.post(ACCOUNTS, {"currency": currency, "approval": "none", **OPENED[currency]})
        newest = client.get("/v1/events", {"limit": 1})["data"]
        _watch(client, newest[0]["id"] if newest else None, leaving)
    except (Refusal, Trouble) as error:
        if not leaving.is_set():
            typer.secho(f"The simulated bank is not watched any more: {error}", err=True, fg="yellow")


def _watch(client: Client, last: str | None, leaving: threading.Event) -> None:
    while not leaving.is_set():
        for event in new_events(client, last):
            last = event["id"]
            if event["type"] in TOLD:
                said = TOLD[event["type"]](event["data"]["object"])
                typer.echo(f"{utc_text(event['created'])[:16]}  {said}")
        time.sleep(POLL)


# What is told ----------------------------------------------------------------

COUNTS = (("returns", "came back"), ("changes", "corrected"), ("accepted_files", "file accepted"),
          ("rejected_files", "file rejected"), ("duplicates", "said before"),
          ("unmatched_count", "fit no payment"))  # fmt: skip


def _built(file: dict[str, Any]) -> str:
    parts = [f"{text(file[name], file['currency'])} {what}" for name, what in (("amount", "out"), ("collected", "in"))
             if file[name]]  # fmt: skip
    return f"built   {file['filename']} ({file['format']}): {', '.join(parts)}"


def _answered(answer: dict[str, Any]) -> str:
    counts = [f"{answer[name]} {what}" for name, what in COUNTS if answer[name]]
    return f"← bank  {answer['filename'].partition('-')[2]}: {', '.join(counts) or 'nothing new'}"


def _booked(statement: dict[str, Any]) -> str:
    balance = text(statement["closing_balance"], statement["currency"])
    lines = "1 line" if statement["lines"] == 1 else f"{statement['lines']:,} lines"
    return f"← bank  statement of {statement['closed_on']}: {lines}, balance {balance}"


def _paid(made: dict[str, Any]) -> str:
    why = f": {made['failure_code']}. {made['failure_message']}" if made["failure_code"] else ""
    return f"{made['object']:<7} {made['id']}, {text(made['amount'], made['currency'])}, {made['status']}{why}"


def _set_aside(account: dict[str, Any]) -> str:
    return f"refused {account['set_aside']} so far of {account['id']} that no file can carry: nostro payouts aside"


TOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "bank_file.built": _built,
    "bank_file.sent": lambda file: f"→ bank  {file['filename']}",
    "bank_file.accepted": lambda file: f"← bank  {file['filename']}: accepted",
    "bank_file.rejected": lambda file: f"← bank  {file['filename']}: rejected, {file['rejection_reason']}",
    "bank_answer.created": _answered,
    "reconciliation.statement.imported": _booked,
    "originating_account.payments_set_aside": _set_aside,
    **dict.fromkeys(("payout.paid", "payout.failed", "topup.succeeded", "topup.failed", "topup.reversed"), _paid),
}
