"""What must be true of a platform's bank files, statements and closed books after every step."""

from __future__ import annotations

from collections import Counter
from typing import Any

from asgi import Client
from nostro.storage.world import World

from .platform import Platform
from .treasury import CASH, OUT

Objects = list[dict[str, Any]]
INSTRUCTIONS = "SELECT source, reference, file, amount, debit, trace, code FROM payment_instruction WHERE book=?"
LATE = "SELECT entry, kind, effective FROM ledger_entry WHERE book=? AND entry>? AND effective<?"
GONE = ("withdrawn", "rejected")


async def check_bank(world: World, client: Client, platform: Platform, lists: dict[str, Objects]) -> None:
    [(book,)] = await world.engine.rows("SELECT scope FROM scope WHERE merchant=?", (platform.id,))
    files = {file["id"]: file for file in lists["/v1/bank_files"]}
    check_numbers(lists["/v1/bank_files"])
    check_files(files, await world.engine.rows(INSTRUCTIONS, (book,)), platform)
    await check_closed(world, client, book, lists["/v1/reports/periods"])
    await check_lines(client, lists)
    for day in [one for one in lists["/v1/reconciliation/days"] if one["status"] == "closed"][:2]:
        said = (await client("GET", f"/v1/reconciliation/days/{day['id']}/verify")).json
        assert said["ok"], f"{day['date']} was closed, and is no longer proven: {said['problems']}"


def check_numbers(files: Objects) -> None:
    """Each originating account counts its files from one, without a gap."""
    numbers: dict[str, list[int]] = {}
    for file in files:
        numbers.setdefault(file["originating_account"], []).append(file["number"])
    for account, found in numbers.items():
        assert sorted(found) == list(range(1, len(found) + 1)), f"{account} has files with the numbers {sorted(found)}"


def check_files(files: dict[str, dict[str, Any]], rows: Any, platform: Platform) -> None:
    """A file is the sum of its payments, whatever was paid was in one that was sent, and what was laid down was meant
    to be."""
    paid, drawn, count = Counter[str](), Counter[str](), Counter[str]()
    payouts = platform.payments.seen.get("payout", {})
    for source, _, file, amount, debit, trace, code in rows:
        status = payouts.get(source)
        if file is None:
            assert status not in ("in_transit", "paid"), f"{source} is {status}, and no file has it"
            continue
        (drawn if debit else paid)[file] += int(amount)
        count[file] += 1
        assert trace, f"{source} is in {file} and has no trace"
        sent = files[file]["status"] in OUT
        assert sent or status not in ("in_transit", "paid"), f"{source} is {status}, and {file} was never sent"
        assert files[file]["status"] not in GONE or code, f"{file} is gone, and {source} was not told"
    for id, file in files.items():
        said = file["amount"], file["collected"], file["payments"]
        assert said == (paid[id], drawn[id], count[id]), f"{id} is not the sum of its payments"
        out = {one["filename"] for one in file["transmissions"]} & platform.treasury.laid
        assert not out or file["status"] not in ("built", "approved", "withdrawn"), f"{id} was laid down unasked"
    known = {one["filename"] for file in files.values() for one in file["transmissions"]}
    assert platform.treasury.laid <= known, "a file was laid down that nobody sent"


async def check_closed(world: World, client: Client, book: int, periods: Objects) -> None:
    """Nothing is booked into a closed month, and its figures come out again."""
    closed = [one for one in periods if one["status"] == "closed"]
    for period in closed:
        late = await world.engine.rows(LATE, (book, period["figures"]["entry"], period["ends_at"]))
        assert not late, f"{period['month']} was closed, and then {late[0]} was booked into it"
    for period in closed[:1]:
        proof = (await client("GET", f"/v1/reports/periods/{period['id']}/proof")).json
        assert proof["holds"], f"{period['month']} was closed with other figures"


async def check_lines(client: Client, lists: dict[str, Objects]) -> None:
    """Each line of a statement is in one match, in one open break, or not looked at yet, and nowhere else."""
    for account in (await client("GET", "/v1/reconciliation/accounts")).json["data"]:
        lines = await client.all("/v1/reconciliation/lines", account=account["id"])
        matches = await client.all("/v1/reconciliation/matches", account=account["id"])
        live = Counter(line for one in matches if one["status"] == "matched" for line in one["lines"])
        breaks = [one for one in lists["/v1/reconciliation/breaks"] if one["account"] == account["id"]]
        broken = Counter(line for one in breaks if one["status"] == "open" for line in one["lines"])
        resolved = {line for one in breaks if one["status"] == "resolved" for line in one["lines"]}
        for line in lines:
            where = live[line["id"]], broken[line["id"]], line["status"]
            fits = {"matched": (1, 0), "break": (0, 1), "unmatched": (0, 0)}[line["status"]]
            if line["status"] == "break" and line["id"] in resolved:
                fits = (0, 0)
            assert where[:2] == fits, (
                f"{line['id']} is in {where[0]} matches and {where[1]} breaks, and says {where[2]}"
            )
        total = sum(line["amount"] for line in lines)
        assert account["balance"] == total, f"{account['id']} says {account['balance']}, and its lines {total}"
        assert account["ledger_account"] == CASH
